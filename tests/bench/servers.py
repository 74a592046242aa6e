"""The servers that are measured, each with a PostgreSQL of its own and of one configuration."""

import os
import pathlib
import signal
import subprocess
import sys

from gateway import Gateway
from postgres import Postgres

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")

BUILT_IN = [{"name": name, "mount": f"/{name}"} for name in ("opcode", "saletick")]

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


def _children(pid):
    """(pid, its CPU seconds, those of its own ended children) of each living child."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent, own, ended = _stat(folder.name)
        except (OSError, IndexError):
            continue
        if parent == pid:
            yield int(folder.name), own, ended


def cpu_of_family(pid):
    """CPU seconds of a process and its children, living and ended."""
    _, own, ended = _stat(pid)
    return own + ended + sum(own + ended for _, own, ended in _children(pid))


def signal_family(pid, number):
    """To a process first, which starts no more children if that stops it, then to those it has."""
    os.kill(pid, number)
    for child, _, _ in _children(pid):
        os.kill(child, number)


class Turns:
    """Holds all servers but those whose turn it is, so that whatever the others would do meanwhile,
    vacuum or collect garbage, is done and counted in their own turn."""

    def __init__(self, servers):
        self.every = {pid for server in servers for pid in server.processes()}
        self.held = set()

    def take(self, server):
        self._hold(self.every - set(server.processes()))

    def all_at_once(self):
        self._hold(set())

    def _hold(self, pids):
        for pid in pids - self.held:
            signal_family(pid, signal.SIGSTOP)
        for pid in self.held - pids:
            signal_family(pid, signal.SIGCONT)
        self.held = pids


def rss_of(pid):
    """Bytes of a process in memory."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("no VmRSS")


class GatewayServer:
    """`adapters` are shared objects to be loaded beside the built-in ones."""

    name = "gateway"

    def __init__(self, secret, settings, adapters=()):
        config = {"auth": {"issuers": [{
            "name": "bench", "algorithm": "HS256", "secret": secret, "claim": "sub",
            "names": "uuid", "provision": True}]}}
        if adapters:
            config["adapters"] = [*BUILT_IN, *({"path": str(path)} for path in adapters)]
        self.gateway = Gateway(config=config, settings={"limits.rate": 0, **settings})

    def __enter__(self):
        self.gateway.start()
        self.port = self.gateway.port
        return self

    def __exit__(self, *_):
        self.gateway.close()

    def psql(self, sql):
        return self.gateway.psql(sql)

    def _as_superuser(self, *args, database="postgres"):
        place = ["-h", str(self.gateway.state / "run"), "-U", "postgres", "-d", database]
        subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *place, *args], check=True)

    def checkpoint(self):
        # The gateway's own role may not.
        self._as_superuser("-c", "checkpoint")

    def folder(self):
        return str(self.gateway.state)

    def stored(self):
        return int(self.psql("select count(*) from messages")[0][0])

    def processes(self):
        return [self.gateway.pid, self.gateway.postgres_pid()]

    def cpu(self):
        return {"server": cpu_of(self.gateway.pid),
                "postgres": cpu_of_family(self.gateway.postgres_pid())}

    def rss(self):
        return rss_of(self.gateway.pid)

    def database_settings(self):
        """What its cluster's files and command line set."""
        rows = self.psql("select name, current_setting(name) from pg_settings "
                         "where source in ('configuration file', 'command line')")
        return {name: value for name, value in rows if name not in OWN_PLACE}

    def add_database(self, name):
        """Another database of this cluster with the gateway's schema; returns its conninfo."""
        self._as_superuser("-c", f"create database {name}")
        conninfo = f"host={self.gateway.state}/run user=postgres dbname={name}"
        subprocess.run([os.environ["DRAGOMAN"], "migrate", "--state", self.gateway.state,
                        "--set", f"database.url={conninfo}"],
                       check=True, stdout=subprocess.DEVNULL)
        return conninfo

    def make_chat(self, members):
        """A chat of the first users, who have been here; returns its UUID."""
        return self.psql(f"""
            with chat as (
                insert into threads (id, opener_id, updated_at, created_at, uuid, kind, title)
                select nextval('thread_id_seq'), min(id), now(), now(), gen_random_uuid(), 1,
                       'bench' from users returning id, uuid),
            joined as (
                insert into members (thread_id, user_id)
                select chat.id, u.id from chat,
                    (select id from users order by uuid limit {members}) u)
            select uuid from chat""")[0][0]

    def fill(self, messages, long_thread):
        """Puts so many messages into the table: `long_thread` of them between the first two users,
        100 between the next two, the rest among other users. Returns the UUIDs of both."""
        others = max(1, (messages - long_thread) // 1000)
        self._as_superuser("-c", f"""
            create temp table filled as
            select nextval('thread_id_seq') as id, 2 * n as lo, 2 * n + 1 as hi,
                   case n when 0 then {long_thread} when 1 then 100 else 1000 end as size
            from generate_series(0, {others + 1}) n;
            insert into threads (id, lo_id, hi_id, opener_id, last_seq, rev, delivered_lo,
                                 delivered_hi, read_lo, read_hi, count_lo, count_hi, updated_at,
                                 created_at, uuid, kind)
            select f.id, u.lo, u.hi, u.lo, size, size, size, size, size, size, size, size, now(),
                   now(), gen_random_uuid(), 0
            from filled f, lateral (select
                coalesce((select id from users where username = 'bench' || f.lo),
                         4000000000000 + f.lo) as lo,
                coalesce((select id from users where username = 'bench' || f.hi),
                         4000000000000 + f.hi) as hi) p,
                lateral (select least(p.lo, p.hi) as lo, greatest(p.lo, p.hi) as hi) u;
            insert into members (thread_id, user_id)
            select t.id, m from threads t join filled f on f.id = t.id,
                lateral unnest(array[t.lo_id, t.hi_id]) m;
            insert into messages (thread_id, seq, id, author_id, created_at, uuid, text)
            select f.id, s, nextval('message_id_seq'), case s % 2 when 0 then t.lo_id else t.hi_id end,
                   now(), gen_random_uuid(), repeat('x', 100)
            from filled f join threads t on t.id = f.id, lateral generate_series(1, f.size) s;
            analyze""", database="dragoman")
        self._as_superuser("-c", "vacuum messages", database="dragoman")
        self.checkpoint()
        rows = self.psql("select t.uuid from threads t join users u on u.id in (t.lo_id, t.hi_id) "
                         "where u.username in ('bench0', 'bench2') order by u.username")
        return [row[0] for row in rows]


class Peer:
    """Another's server, a process beside a PostgreSQL of its own."""

    def __init__(self, settings):
        self.postgres = Postgres(settings=settings)
        self.process = None

    def psql(self, sql):
        return self.postgres.psql(sql)

    def checkpoint(self):
        self.psql("checkpoint")

    def processes(self):
        return [self.process.pid, self.postgres.process.pid]


class NodePeer(Peer):
    """A Node server of peers/FOLDER."""

    def __init__(self, name, dialect, folder, secret, settings):
        super().__init__(settings)
        self.name, self.dialect = name, dialect
        self.folder = HERE / "peers" / folder
        self.secret = secret

    def install(self):
        done = self.folder / "node_modules/.package-lock.json"
        lock = self.folder / "package-lock.json"
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run(["npm", "ci", "--no-progress", "--loglevel=error"], cwd=self.folder,
                           check=True, stdout=sys.stderr)
            done.touch()

    def __enter__(self):
        self.install()
        self.postgres.__enter__()
        # Over the Unix socket, as the gateway.
        env = {**os.environ, "SECRET": self.secret, "PGHOST": str(self.postgres.folder),
               "PGPORT": str(self.postgres.port), "PGUSER": "dragoman", "PGDATABASE": "dragoman",
               "NODE_ENV": "production"}
        self.process = subprocess.Popen(["node", str(self.folder / "server.js")], env=env,
                                        stdout=subprocess.PIPE, text=True)
        self.port = read_port(self.process, self)
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.postgres.__exit__()

    def stored(self):
        return int(self.psql("select count(*) from messages")[0][0])

    def cpu(self):
        return {"server": cpu_of(self.process.pid),
                "postgres": cpu_of_family(self.postgres.process.pid)}


class PlainServer:
    """The program `plain` as `service`: no store behind it."""

    def __init__(self, build, service, dialect):
        self.name, self.dialect = f"plain {service}", dialect
        self.command = [str(build / "tests/bench/plain/plain"), service]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.port = read_port(self.process, self)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def checkpoint(self):
        pass

    def processes(self):
        return [self.process.pid]

    def cpu(self):
        return {"server": cpu_of(self.process.pid), "postgres": 0}


def read_port(process, server):
    line = process.stdout.readline()
    if not line.startswith("ready "):
        process.kill()
        raise RuntimeError(f"{server.name} does not start")
    return int(line.rsplit(":", 1)[1])
