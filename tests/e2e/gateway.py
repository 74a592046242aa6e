"""A real gateway, started and driven by the end-to-end tests.

    from gateway import Gateway

    with Gateway(settings={"limits.rate": 0}) as gw:
        ada = gw.add_user(role="TUTOR", first_name="Ada")
        token = gw.token(ada)
        ... talk to gw.url / gw.ws_url ...
        rows = gw.psql("select count(*) from message")

Nothing here knows a dialect. Only the standard library is used.
"""

import contextlib
import csv
import ctypes
import io
import itertools
import json
import os
import pathlib
import queue
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Sanitized builds on a busy machine are slow to make a database cluster; nothing waits this long
# when all is well.
START_TIMEOUT = float(os.environ.get("TESTS_START_TIMEOUT", "120"))
STOP_TIMEOUT = float(os.environ.get("TESTS_STOP_TIMEOUT", "60"))
CLI_TIMEOUT = 60.0

SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                   "WARNING: ThreadSanitizer", "Assertion `", "definitely lost:")

_counter = itertools.count(1)
_run = secrets.token_hex(3)


def binary():
    """The program under test: $DRAGOMAN, or the one in build-test."""
    return os.environ.get("DRAGOMAN") or str(ROOT / "build-test/core/server/dragoman")


def unique(name="user"):
    """A name nobody in this test run has, beginning with `name`."""
    return f"{name}-{_run}-{next(_counter)}"


class GatewayError(RuntimeError):
    """The gateway did not do what the harness (not a test) needs of it."""


class CliError(GatewayError):
    """A command exited with a status other than 0."""

    def __init__(self, args, status, stdout, stderr):
        super().__init__(f"{' '.join(args)}: exit {status}\n{stdout}{stderr}")
        self.status, self.stdout, self.stderr = status, stdout, stderr


def adopt_orphans():
    """From now on whoever loses its parent below this process becomes its child, so that the
    successor of a gateway can be waited for."""
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


class Adopted:
    """As much of subprocess.Popen as is needed, for a process that somebody else has started."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None

    def poll(self):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                return None if _alive(self.pid) else 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        deadline = time.monotonic() + (timeout or 3600)
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return self.poll()

    def send_signal(self, signum):
        os.kill(self.pid, signum)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Gateway:
    """One gateway process with its state directory.

    state     directory to use (kept); None makes one below /tmp, removed by close()
    settings  {"limits.rate": 0, ...}, given as --set key=value
    config    text of a configuration file, or a dict (written as JSON, which YAML includes)
    env       additional environment
    args      further arguments of `serve`
    wrapper   command put before the program, e.g. ["valgrind", "--leak-check=full"]

    Attributes: state, url ("http://HOST:PORT"), ws_url ("ws://HOST:PORT"), tls_url (with the
    setting listen_tls), host, port, pid,
    process (subprocess.Popen or None). After stop() or kill9() a later start() takes the same
    port again unless `listen` says otherwise, so that clients may reconnect.
    """

    def __init__(self, state=None, settings=None, config=None, env=None, args=(), wrapper=(),
                 listen="127.0.0.1:0"):
        self._owns_state = state is None
        self.state = pathlib.Path(state or tempfile.mkdtemp(prefix="dragoman-e2e-"))
        self.state.mkdir(parents=True, exist_ok=True)
        # A gateway started by root runs PostgreSQL as another user, who must get this far.
        self.state.chmod(0o755)
        self.settings = dict(settings or {})
        self.env = dict(env or {})
        self.args = list(args)
        self.wrapper = list(wrapper)
        self.listen = listen
        self.process = None
        self.url = self.ws_url = self.tls_url = self.host = self.port = None
        self._logs = pathlib.Path(tempfile.mkdtemp(prefix="dragoman-log-"))
        self._log_index = 0
        self._config_path = None
        if config is not None:
            self._config_path = self._logs / "dragoman.yaml"
            text = config if isinstance(config, str) else json.dumps(config, indent=2)
            self._config_path.write_text(text)

    # ---- life ------------------------------------------------------------------------------

    def start(self):
        """Starts the process and returns self once it accepts connections."""
        assert self.process is None, "the gateway is running already"
        self._log_index += 1
        command = [*self.wrapper, binary(), "serve", "--listen", self.listen,
                   *self._place(), *self._set_args(), *self.args]
        with open(self._log_path(), "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=self._environment(), start_new_session=True)
        lines = queue.Queue()
        threading.Thread(target=self._read_stdout, args=(self.process, lines),
                         daemon=True).start()
        self._await_ready(lines)
        return self

    def stop(self, check=True):
        """SIGTERM; returns the exit status. With check, any status but 0 and any sanitizer's
        report in the log raise GatewayError."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._kill_process()
            raise GatewayError("did not stop after SIGTERM\n" + self._log_tail()) from None
        self.process = None
        if check:
            if status != 0:
                raise GatewayError(f"exit status {status}\n{self._log_tail()}")
            self.check_log()
        return status

    def kill9(self):
        """SIGKILL to the gateway alone; its PostgreSQL is left as it is."""
        assert self.process is not None
        self._kill_process()
        self.process = None

    def restart(self):
        """stop() when it runs, then start()."""
        self.stop()
        return self.start()

    def upgrade(self, how="verb"):
        """Has a new process take over (how: "verb" or "signal"), waits until the old one is gone,
        and goes on with the new one. The port stays."""
        adopt_orphans()
        old = self.process
        if how == "verb":
            answer = self.cli("upgrade")
        else:
            before = self.log.count(" successor=")
            old.send_signal(signal.SIGUSR2)
            _await(lambda: self.log.count(" successor=") > before, "a successor", START_TIMEOUT)
            answer = "process " + self.log.rpartition(" successor=")[2].split()[0] + " has"
        self.process = Adopted(int(answer.partition("process ")[2].split()[0]))
        if old.wait(STOP_TIMEOUT) != 0:
            raise GatewayError(f"the old process: {old.returncode}\n{self._log_tail()}")

    def workers(self):
        """The process ids of a supervisor's workers, by number."""
        found = {}
        for pid in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                found.update({int(word.partition("=")[2]): int(pid) for word in words
                              if word.startswith("--worker=")})
        return found

    def postgres_pid(self):
        """The pid of the private cluster's postmaster, or None when there is none."""
        try:
            pid = int((self.state / "pg" / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError, IndexError):
            return None

    def kill9_postgres(self):
        """SIGKILL to the postmaster of the private cluster."""
        pid = self.postgres_pid()
        assert pid is not None, "no private PostgreSQL runs"
        os.kill(pid, signal.SIGKILL)
        _await(lambda: not _alive(pid), "PostgreSQL died")
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)  # it is an orphan that adopt_orphans has made ours

    def close(self, check=True):
        """Stops everything and removes what the harness made."""
        try:
            self.stop(check=check)
        finally:
            if self.process is not None:
                self.kill9()
            self._stop_orphan_postgres()
            if self._owns_state:
                shutil.rmtree(self.state, ignore_errors=True)
            if not os.environ.get("TESTS_KEEP_LOGS"):
                shutil.rmtree(self._logs, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.close(check=kind is None)

    @property
    def pid(self):
        return self.process.pid if self.process else None

    # ---- command line ----------------------------------------------------------------------

    def cli(self, *args, input=None, check=True, place=True):
        """Runs `dragoman ARGS` on this gateway's state and configuration; returns stdout without
        the last newline. place=False leaves --state/--config out. Raises CliError."""
        command = [binary(), *map(str, args), *(self._place() if place else [])]
        done = subprocess.run(command, input=input, capture_output=True, text=True,
                              timeout=CLI_TIMEOUT, env=self._environment(), check=False)
        if check and done.returncode != 0:
            raise CliError(command, done.returncode, done.stdout, done.stderr)
        return done.stdout.rstrip("\n")

    def add_user(self, **fields):
        """`dragoman user add`; first_name="Ada" becomes --first-name Ada. Without username a
        unique one is made. Returns the printed object with the given fields added (so password
        and pin are there too)."""
        fields.setdefault("username", unique())
        args = []
        for key, value in fields.items():
            if value is not None:
                args += ["--" + key.replace("_", "-"), str(value)]
        shown = json.loads(self.cli("user", "add", *args))
        return {**fields, **shown}

    def token(self, user, ttl=None):
        """`dragoman token issue` for a user dict (of add_user) or a username."""
        name = user["username"] if isinstance(user, dict) else user
        return self.cli("token", "issue", name, *(["--ttl", ttl] if ttl is not None else []))

    def psql(self, sql, check=True):
        """Runs SQL in the private cluster; rows as tuples of str, None for NULL."""
        done = subprocess.run(
            ["psql", "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-P", "null=\\N",
             *self.psql_args(), "-c", sql],
            capture_output=True, text=True, timeout=CLI_TIMEOUT, check=False)
        if check and done.returncode != 0:
            raise GatewayError("psql: " + done.stderr)
        return [tuple(None if cell == "\\N" else cell for cell in row)
                for row in csv.reader(io.StringIO(done.stdout))]

    def psql_args(self):
        """Arguments that lead psql (or another client) to the private cluster."""
        return ["-h", str(self.state / "run"), "-U", "dragoman", "-d", "dragoman"]

    @contextlib.contextmanager
    def psql_session(self, *statements):
        """A psql that has run `statements` (each awaited) and stays open inside the with block,
        for locks held by another client:

            with gw.psql_session("begin", "lock table message in access exclusive mode") as s:
                ...
                s("commit")
        """
        proc = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", *self.psql_args()], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)

        def run(sql):
            mark = secrets.token_hex(8)
            proc.stdin.write(f"{sql};\n\\echo {mark}\n")
            proc.stdin.flush()
            lines = []
            for line in proc.stdout:
                if line.strip() == mark:
                    return lines
                lines.append(line.rstrip("\n"))
            raise GatewayError("psql ended: " + "\n".join(lines))

        try:
            for sql in statements:
                run(sql)
            yield run
        finally:
            with contextlib.suppress(OSError):
                proc.stdin.close()
            try:
                proc.wait(10)
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.wait()
            proc.stdout.close()

    # ---- log -------------------------------------------------------------------------------

    @property
    def log(self):
        """Everything the current or last process wrote to stderr."""
        path = self._log_path()
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_log(self, text, timeout=30.0):
        """Returns the first log line that holds `text`; raises GatewayError after timeout."""
        deadline = time.monotonic() + timeout
        while True:
            for line in self.log.splitlines():
                if text in line:
                    return line
            if time.monotonic() > deadline:
                raise GatewayError(f"no {text!r} in the log\n{self._log_tail()}")
            time.sleep(0.02)

    @property
    def admin_url(self):
        """Where the admin listener is, "http://HOST:PORT"; one must be configured."""
        line = self.wait_log(" admin=")
        return "http://" + line.split(" admin=")[1].split()[0].strip('"')

    def check_log(self):
        """Raises GatewayError when a sanitizer or an assertion has spoken."""
        log = self.log
        for mark in SANITIZER_MARKS:
            if mark in log:
                where = log.index(mark)
                raise GatewayError("report in the log:\n" + log[max(0, where - 400):where + 6000])

    # ---- inside ----------------------------------------------------------------------------

    def _environment(self):
        """Without what would configure the gateway from outside of the test."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("DRAGOMAN_")}
        return {**kept, **self.env}

    def _place(self):
        place = ["--state", str(self.state)]
        return place + (["--config", str(self._config_path)] if self._config_path else [])

    def _set_args(self):
        args = []
        for key, value in self.settings.items():
            if isinstance(value, bool):
                value = "true" if value else "false"
            args += ["--set", f"{key}={value}"]
        return args

    def _log_path(self):
        return self._logs / f"stderr.{self._log_index}.log"

    def _log_tail(self, size=6000):
        return self.log[-size:]

    @staticmethod
    def _read_stdout(process, lines):
        for line in process.stdout:
            lines.put(line.decode(errors="replace").rstrip("\n"))
        lines.put(None)

    def _await_ready(self, lines):
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
                patience = 10
            except queue.Empty:
                line, patience = None, 0
            if line is None:
                # Its output ends a moment before the process does.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience)
                status = self.process.poll()
                self._kill_process()
                self.process = None
                raise GatewayError(f"no ready line (exit status {status})\n{self._log_tail()}")
            if line.startswith("ready http"):
                break
        self.url = line.split()[1].rstrip("/")
        if "listen_tls" in self.settings:
            self.tls_url = lines.get(timeout=10).split()[1]
        scheme, _, rest = self.url.partition("://")
        self.ws_url = ("wss://" if scheme == "https" else "ws://") + rest
        self.host, _, port = rest.rpartition(":")
        self.port = int(port)
        if self.listen.endswith(":0"):
            self.listen = f"{self.host}:{self.port}"

    def _kill_process(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _stop_orphan_postgres(self):
        """A killed gateway leaves its cluster running: end it before its directory goes."""
        pid = self.postgres_pid()
        if pid is None:
            return
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGQUIT)
        with contextlib.suppress(GatewayError):
            _await(lambda: not _alive(pid), "PostgreSQL stopped")


def _alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def _await(condition, what, timeout=30.0):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise GatewayError("waited in vain: " + what)
        time.sleep(0.02)
