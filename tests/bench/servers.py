"""The servers that are measured, each with a PostgreSQL of its own and of one configuration."""

import os
import pathlib
import subprocess

from gateway import Gateway
from postgres import Postgres

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")

# Where a cluster's files and sockets lie is its own affair; all else is copied.
OWN_PLACE = ("data_directory", "config_file", "hba_file", "ident_file", "external_pid_file",
             "unix_socket_directories", "unix_socket_permissions", "unix_socket_group",
             "listen_addresses", "port", "log_filename", "log_directory", "logging_collector")


def _stat(pid):
    """(parent, CPU seconds of the process, CPU seconds of its children that have ended)"""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(text[1]), (int(text[11]) + int(text[12])) / TICKS, \
        (int(text[13]) + int(text[14])) / TICKS


def cpu_of(pid):
    """CPU seconds of one process."""
    return _stat(pid)[1]


def cpu_of_family(pid):
    """CPU seconds of a process and its children, living and ended."""
    _, own, ended = _stat(pid)
    total = own + ended
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent, own, ended = _stat(folder.name)
        except (OSError, IndexError):
            continue
        if parent == pid:
            total += own + ended
    return total


class GatewayServer:
    name, dialect = "gateway", "opcode"

    def __init__(self, secret, settings):
        config = {"auth": {"issuers": [{
            "name": "bench", "algorithm": "HS256", "secret": secret, "claim": "sub",
            "names": "uuid", "provision": True}]}}
        self.gateway = Gateway(config=config, settings={"limits.rate": 0, **settings})

    def __enter__(self):
        self.gateway.start()
        self.port = self.gateway.port
        return self

    def __exit__(self, *_):
        self.gateway.close()

    def psql(self, sql):
        return self.gateway.psql(sql)

    def checkpoint(self):
        # The gateway's own role may not.
        place = ["-h", str(self.gateway.state / "run"), "-U", "postgres", "-d", "postgres"]
        subprocess.run(["psql", "-X", "-q", *place, "-c", "checkpoint"], check=True)

    def stored(self):
        return int(self.psql("select count(*) from messages")[0][0])

    def cpu(self):
        return {"server": cpu_of(self.gateway.pid),
                "postgres": cpu_of_family(self.gateway.postgres_pid())}

    def database_settings(self):
        """What its cluster's files and command line set."""
        rows = self.psql("select name, current_setting(name) from pg_settings "
                         "where source in ('configuration file', 'command line')")
        return {name: value for name, value in rows if name not in OWN_PLACE}


class NodeServer:
    name, dialect = "node", "node"

    def __init__(self, secret, settings):
        self.secret = secret
        self.postgres = Postgres(settings=settings)
        self.process = None

    def __enter__(self):
        self.postgres.__enter__()
        # Over the Unix socket, as the gateway.
        env = {**os.environ, "SECRET": self.secret, "PGHOST": str(self.postgres.folder),
               "PGPORT": str(self.postgres.port), "PGUSER": "dragoman", "PGDATABASE": "dragoman",
               "NODE_ENV": "production"}
        self.process = subprocess.Popen(["node", str(HERE / "peers/node-ws-pg/server.js")],
                                        env=env, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            self.__exit__()
            raise RuntimeError("the Node server does not start")
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.postgres.__exit__()

    def psql(self, sql):
        return self.postgres.psql(sql)

    def checkpoint(self):
        self.psql("checkpoint")

    def stored(self):
        return int(self.psql("select count(*) from messages")[0][0])

    def cpu(self):
        return {"server": cpu_of(self.process.pid),
                "postgres": cpu_of_family(self.postgres.process.pid)}
