"""A new process takes over from the old one, and nobody is refused, cut off or forgotten."""

import os
import shutil
import signal
import threading

import pytest

import certificates
from gateway import Adopted, CliError, adopt_orphans, binary, unique
from opcode_client import Opcode, rest
from test_activation import Manager
from wire import Closed, Refused, call

VISITORS = 6
RESIDENTS = 6


class Load:
    """Clients on threads of their own until finish(): visitors connect, send one message, and
    leave; residents stay and send one after another; readers make HTTP calls. Being told to come
    back (1001) is the only loss that is allowed."""

    def __init__(self, gw):
        self.gw = gw
        self.to = gw.add_user()
        self.sent, self.confirmed, self.failures = set(), set(), []
        self.ids = set()  # of the confirmed ones
        self.returns = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        jobs = [self._visit] * VISITORS + [self._reside] * RESIDENTS + [self._read] * 2
        # Each its own user: what one sends is shown to all sockets of the user.
        self._threads = [threading.Thread(target=self._run, args=(job, gw.token(gw.add_user())),
                                          daemon=True) for job in jobs]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()
        if kind is None:
            assert not self.failures, self.failures[:3]

    def progress(self, more=60):
        aim = len(self.confirmed) + more
        while len(self.confirmed) < aim:
            assert not self.failures, self.failures[:3]
            assert self.gw.process.poll() is None
            self._stop.wait(0.01)

    def check(self):
        stored = [text for text, in self.gw.psql("select text from messages")]
        assert len(stored) == len(set(stored))
        # Whatever was stored was confirmed: nobody was cut off between the two.
        assert set(stored) == self.confirmed
        assert self.confirmed <= self.sent

    def _run(self, job, token):
        try:
            while not self._stop.is_set():
                job(token)
        except (OSError, EOFError, AssertionError, Closed, Refused) as error:
            self.failures.append((job.__name__, repr(error)))

    def _say(self, client):
        text = unique("text")
        self.sent.add(text)
        client.put_message(self.to, text)
        # A socket that is new hears of what its user has sent by the one before, when that was
        # another process's.
        uuid = client.event("MESSAGE_SENT")["message_id"]
        while uuid in self.ids:
            uuid = client.event("MESSAGE_SENT")["message_id"]
        self.ids.add(uuid)
        self.confirmed.add(text)

    def _visit(self, token):
        try:
            with Opcode(self.gw, token) as client:
                self._say(client)
                client.close()
        except Closed as closed:
            self._returns(closed)

    def _reside(self, token):
        try:
            with Opcode(self.gw, token) as client:
                while not self._stop.is_set():
                    self._say(client)
        except Closed as closed:
            self._returns(closed)

    def _read(self, token):
        status, _ = rest(self.gw, "GET", "/thread", token)
        assert status == 200

    def _returns(self, closed):
        assert closed.code == 1001, closed
        with self._lock:
            self.returns += 1


@pytest.mark.parametrize("how", ["verb", "signal"])
def test_nobody_is_refused_or_cut_off_under_load(make_gateway, how):
    gw = make_gateway(settings={"limits.rate": 0, "limits.burst": 1000000, "drain.pace": 20})
    before, port = gw.pid, gw.port
    with Load(gw) as load:
        load.progress()
        for _ in range(2):
            gw.upgrade(how)
            load.progress()
        assert load.returns >= 2 * RESIDENTS
    assert gw.pid != before
    load.check()
    gw.stop()
    assert gw.port == port and gw.postgres_pid() is None


def test_the_log_tells_once_that_the_old_one_is_gone(make_gateway):
    """The new one says so; the old one does not say it of the new one, which stays."""
    gw = make_gateway()
    gw.upgrade()
    gw.wait_log("another node is gone")
    assert gw.log.count("another node is gone") == 1


def test_admin_listener_and_readiness_are_handed_over(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"])
    url = gw.admin_url
    gw.upgrade()
    assert call(url, path="/readyz").status == 200
    assert gw.log.count(f"admin={url.removeprefix('http://')}") == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_plain_and_tls_places_are_handed_over(make_gateway, tmp_path_factory, workers):
    chain, key = certificates.make(tmp_path_factory.mktemp("tls"), "chat.example")
    gw = make_gateway(settings={"tls.certificate": chain, "tls.key": key, "workers": workers,
                                "listen_tls": "127.0.0.1:0"})
    tls = gw.wait_log("listen_tls=").split("listen_tls=")[1].split()[0]
    for _ in range(2):
        assert call(gw.url, path="/nothing").status == 404
        assert call(f"https://{tls}", path="/nothing").status == 404
        gw.upgrade()


def test_the_new_file_is_the_one_that_runs(make_gateway, tmp_path, monkeypatch):
    """Replaced as a package manager does it: another file under the same name."""
    program = tmp_path / "dragoman"
    shutil.copy(binary(), program)
    monkeypatch.setenv("DRAGOMAN", str(program))
    gw = make_gateway()
    old = os.stat(f"/proc/{gw.pid}/exe").st_ino
    shutil.copy(binary(), tmp_path / "new")
    (tmp_path / "new").rename(program)
    gw.upgrade()
    assert os.stat(f"/proc/{gw.pid}/exe").st_ino == program.stat().st_ino != old


def test_a_file_that_does_not_run_changes_nothing(make_gateway, tmp_path, monkeypatch):
    program = tmp_path / "dragoman"
    shutil.copy(binary(), program)
    monkeypatch.setenv("DRAGOMAN", str(program))
    gw = make_gateway()
    monkeypatch.undo()
    program.unlink()
    with pytest.raises(CliError) as failed:
        gw.cli("upgrade")
    assert failed.value.status == 1
    assert "not upgraded: the new process ended with exit status 127" in failed.value.stderr
    with Opcode(gw, gw.token(gw.add_user())) as client:
        client.say(gw.add_user(), "still here")
    gw.wait_log("not upgraded, this process goes on")


def test_a_configuration_that_is_refused_changes_nothing(make_gateway):
    gw = make_gateway(config="limits:\n  rate: 0\n")
    gw._config_path.write_text("limits:\n  rat: 0\n")
    with Opcode(gw) as client:
        gw.process.send_signal(signal.SIGUSR2)
        line = gw.wait_log("not upgraded, this process goes on")
        assert "exit status 78" in line and ":2:8: unknown key limits.rat" in line
        assert client.is_quiet(0.2)
    # And a good one is taken afterwards.
    gw._config_path.write_text("limits:\n  rate: 5\n")
    gw.upgrade()


def test_settings_that_need_a_restart_change_by_an_upgrade(make_gateway):
    gw = make_gateway(config={"log": {"format": "logfmt"}})
    gw._config_path.write_text('{"log": {"format": "json"}}')
    gw.upgrade()
    gw.wait_log('"msg":"ready"')


def test_the_manager_is_told_who_the_main_process_is(make_gateway, tmp_path):
    manager = Manager(tmp_path / "notify")
    gw = make_gateway(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "3000000"},
                      wrapper=["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh"])
    manager.wait("READY=1")
    gw.upgrade()
    manager.wait(f"MAINPID={gw.pid}")
    # The old one sends none any more, so this is the new one's.
    manager.drain()
    manager.wait("WATCHDOG=1")
    assert "STOPPING=1" not in manager.seen
    gw.stop()
    manager.wait("STOPPING=1")
    manager.socket.close()


def test_a_stop_in_the_middle_stops_both(make_gateway):
    adopt_orphans()
    gw = make_gateway()
    with gw.psql_session("begin", "lock table versions in access exclusive mode"):
        gw.process.send_signal(signal.SIGUSR2)
        pid = int(gw.wait_log("starting a successor").split("pid=")[1].split()[0])
        with pytest.raises(CliError) as failed:
            gw.cli("upgrade")
        assert "not while it upgrades already" in failed.value.stderr
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(60) == 0
    Adopted(pid).wait(60)
