"""ejabberd from the Debian package, its users and its archive in PostgreSQL."""

import glob
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

from postgres import free_port
from servers import Peer, cpu_of_family

SCHEMA = "/usr/share/ejabberd/sql/pg.sql"
# The archive alone, and stream management, by whose acknowledgement a message counts as stored.
CONFIG = """
loglevel: error
hosts: [localhost]
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_http, backlog: 1024,
      request_handlers: {{/ws: ejabberd_http_ws}}}}
auth_method: sql
auth_password_format: plain
sql_type: pgsql
sql_server: "127.0.0.1"
sql_port: {pg_port}
sql_database: dragoman
sql_username: dragoman
sql_password: ""
sql_pool_size: 10
default_db: sql
modules:
  mod_mam: {{default: always, db_type: sql}}
  mod_stream_mgmt: {{max_ack_queue: infinity, ack_timeout: infinity, resend_on_timeout: false}}
"""


def is_there():
    return shutil.which("erl") is not None and pathlib.Path(SCHEMA).exists()


class EjabberdServer(Peer):
    name, dialect = "ejabberd", "xmpp"

    def __init__(self, users, settings):
        super().__init__(settings)
        self.users = users
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dragoman-ejabberd-"))

    def __enter__(self):
        self.postgres.__enter__()
        subprocess.run(["psql", "-X", "-q", *self.postgres.psql_args(), "-f", SCHEMA], check=True,
                       stdout=subprocess.DEVNULL)
        with open(self.users, encoding="ascii") as users:
            rows = "".join("\t".join(line.split()) + "\n" for line in users)
        subprocess.run(["psql", "-X", "-q", *self.postgres.psql_args(), "-c",
                        "copy users (username, password) from stdin"], input=rows, text=True,
                       check=True)
        self.port = free_port()
        config = self.folder / "ejabberd.yml"
        config.write_text(CONFIG.format(port=self.port, pg_port=self.postgres.port))
        libraries = os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*/ebin")[0])
        env = {**os.environ, "ERL_LIBS": os.path.dirname(libraries), "HOME": str(self.folder),
               "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log")}
        self.process = subprocess.Popen(
            ["erl", "-noinput", "+K", "true", "+P", "250000", "-mnesia", "dir",
             f'"{self.folder}/mnesia"', "-ejabberd", "config", f'"{config}"', "-s", "ejabberd"],
            env=env, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self._wait()
        return self

    def _wait(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2)
            except urllib.error.HTTPError:
                return
            except OSError:
                pass
            else:
                return
            if time.monotonic() > deadline or self.process.poll() is not None:
                log = self.folder / "ejabberd.log"
                text = log.read_text()[-2000:] if log.exists() else ""
                self.__exit__()
                raise RuntimeError(f"ejabberd does not start: {text}")
            time.sleep(0.2)

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.postgres.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu(self):
        return {"server": cpu_of_family(self.process.pid),
                "postgres": cpu_of_family(self.postgres.process.pid)}

    def stored(self):
        # A copy for each of the two.
        return int(self.psql("select count(*) / 2 from archive")[0][0])
