"""A PostgreSQL cluster of a test's own, reachable over TCP, with default durability."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time


def bin_dir():
    """Where initdb lies: the newest of Debian's versions, or what is on the path."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                   key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else pathlib.Path(shutil.which("initdb")).parent


def server_user():
    """PostgreSQL refuses root: the user it runs as instead, or None when nothing is to change."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is no user to run PostgreSQL as")


class Postgres:
    """with Postgres(settings={"max_connections": 200}) as pg: ... pg.url(database="x") ...

    Role and database are called dragoman; anybody on 127.0.0.1 may come in."""

    def __init__(self, settings=None, port=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dragoman-pg-"))
        self.folder.chmod(0o755)
        self.port = port or free_port()
        self.settings = dict(settings or {})
        self.process = None

    def __enter__(self):
        user = server_user()
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if user:
            os.chown(data, user.pw_uid, user.pw_gid)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(data), "-U", "dragoman", "-A", "trust", "-E", "UTF8",
                  "--no-sync", "--locale=C.UTF-8")
        settings = {**self.settings, "listen_addresses": "127.0.0.1", "port": self.port,
                    "unix_socket_directories": self.folder}
        with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for name, value in settings.items():
                conf.write(f"{name} = '{value}'\n")
        self.start()
        self.psql("create database dragoman", database="postgres")
        return self

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [str(bin_dir() / "postgres"), "-D", str(self.folder / "data")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._identity())
        deadline = time.monotonic() + 60
        while subprocess.run([str(bin_dir() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p",
                              str(self.port), "-U", "dragoman"], check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-4000:])
            time.sleep(0.05)

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, port=None, database="dragoman"):
        return f"postgresql://dragoman@127.0.0.1:{port or self.port}/{database}"

    def psql_args(self, database="dragoman"):
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "dragoman", "-d", database]

    def psql(self, sql, database="dragoman"):
        """Rows as lists of str."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                               *self.psql_args(database), "-c", sql],
                              check=True, stdout=subprocess.PIPE, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def _identity(self):
        user = server_user()
        if not user:
            return {"cwd": self.folder}
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": self.folder}

    def _run(self, program, *args):
        subprocess.run([str(bin_dir() / program), *args], check=True, stdout=subprocess.DEVNULL,
                       **self._identity())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
