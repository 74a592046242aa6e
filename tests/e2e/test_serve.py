"""The life of the process: ready line, signals, log, and what a stop leaves behind."""

import json
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from gateway import Gateway, GatewayError, binary, unique
from opcode_client import Opcode, rest
from wire import Connection, call


def test_ready_line_is_all_of_stdout(make_gateway):
    gw = make_gateway(start=False)
    process = subprocess.Popen([binary(), "serve", "--listen", "127.0.0.1:0", "--state",
                                str(gw.state)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:") and line.endswith("\n")
        port = int(line.strip().rsplit(":", 1)[1])
        assert port > 0
        assert call(f"http://127.0.0.1:{port}", path="/nothing").status == 404
    finally:
        process.send_signal(signal.SIGTERM)
        more, _ = process.communicate(timeout=60)
    assert more == ""
    assert process.returncode == 0


def test_listens_on_ipv6(make_gateway):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    gw = make_gateway(listen="[::1]:0")
    assert gw.url.startswith("http://[::1]:")
    assert call(gw.url, path="/nothing").status == 404


def test_port_that_is_taken(gateway):
    other = Gateway(listen=f"127.0.0.1:{gateway.port}")
    try:
        with pytest.raises(GatewayError) as caught:
            other.start()
        assert "exit status 1" in str(caught.value)
        assert str(gateway.port) in str(caught.value)
        assert other.postgres_pid() is None
    finally:
        other.close()


def test_gateways_on_one_state_share_its_database(make_gateway):
    """Started at the same moment on an empty directory: one database, one key, and the last one
    to leave stops it."""
    first = make_gateway(start=False)
    others = [Gateway(state=first.state) for _ in range(2)]
    starts = [threading.Thread(target=one.start) for one in (first, *others)]
    try:
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        user = first.add_user()
        token = first.token(user)
        for one in (first, *others):
            with Opcode(one, token):
                pass
        first.stop()
        others[0].kill9()
        assert others[1].postgres_pid() is not None
        with Opcode(others[1], token):
            pass
        others[1].stop()
        assert first.postgres_pid() is None
    finally:
        for one in others:
            one.close()


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999",
                                     "[::1]", ":80:90"])
def test_listen_address_that_is_none(address):
    gw = Gateway(listen=address)
    try:
        with pytest.raises(GatewayError, match="exit status 78"):
            gw.start()
    finally:
        gw.close()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stop_closes_everything(make_gateway, sign):
    gw = make_gateway()
    user = gw.add_user()
    with Opcode(gw) as greeted, Opcode(gw, gw.token(user)) as identified, \
            Connection(gw.host, gw.port) as idle, Connection(gw.host, gw.port) as silent:
        idle.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.response().status == 404
        assert gw.postgres_pid() is not None
        gw.process.send_signal(sign)
        assert greeted.expect_close() == (1001, [])
        assert identified.expect_close() == (1001, [])
        assert idle.ends() and not idle.buffer
        assert silent.ends() and not silent.buffer
    assert gw.process.wait(60) == 0
    assert gw.postgres_pid() is None
    with pytest.raises(OSError):
        socket.create_connection((gw.host, gw.port), 5)
    gw.check_log()
    assert not list(pathlib.Path("/proc").glob(f"{gw.pid}/exe"))


def test_stop_is_bounded_though_a_peer_never_answers(make_gateway):
    gw = make_gateway(settings={"limits.drain_ms": 500})
    with Opcode(gw) as mute:
        gw.process.send_signal(signal.SIGTERM)
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(60) == 0
        assert mute.recv_frame().opcode == 8
    gw.check_log()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_impatient_operator_does_not_break_the_end(make_gateway, workers):
    """Signals come until the very end, when nobody drains any more: it is the same end."""
    gw = make_gateway(settings={"workers": workers, "limits.drain_ms": 500})
    ada = gw.add_user()
    with Opcode(gw, gw.token(ada)):
        gw.process.send_signal(signal.SIGTERM)
        gw.wait_log("draining")
        while gw.process.poll() is None:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
                gw.process.send_signal(number)
            time.sleep(0.0005)
    assert gw.process.returncode == 0
    assert gw.postgres_pid() is None
    gw.check_log()


def test_stop_finishes_what_is_in_flight(make_gateway):
    gw = make_gateway(settings={"limits.drain_ms": 20000})
    ada, sam = gw.add_user(), gw.add_user()
    with Opcode(gw, gw.token(ada)) as sender:
        sender.say(sam, "before")
        with gw.psql_session("begin", "lock table messages in access exclusive mode") as run:
            sender.put_message(sam, "in flight")
            waiting = ("select 1 from pg_stat_activity where wait_event_type = 'Lock' "
                       "and pid <> pg_backend_pid()")
            while not gw.psql(waiting):
                time.sleep(0.05)
            gw.process.send_signal(signal.SIGTERM)
            gw.wait_log("draining")
            run("commit")
        confirmed = sender.event("MESSAGE_SENT")["message_id"]
        assert sender.expect_close()[0] == 1001
    assert gw.process.wait(60) == 0
    gw.process = None
    gw.start()
    assert gw.psql("select uuid from messages where text = 'in flight'") == [(confirmed,)]


def test_state_outlives_a_restart(make_gateway):
    gw = make_gateway()
    ada, sam = gw.add_user(), gw.add_user()
    token = gw.token(ada)
    with Opcode(gw, token) as sender:
        sender.say(sam, "kept")
    gw.restart()
    with Opcode(gw, token) as client:
        assert client.ready["recent_threads"][0]["messages"][0]["message"] == "kept"


def test_database_runs_unprivileged(gateway):
    uid = pathlib.Path(f"/proc/{gateway.postgres_pid()}").stat().st_uid
    assert uid != 0
    assert gateway.psql("show fsync") == [("on",)]
    assert gateway.psql("show synchronous_commit") == [("on",)]
    assert gateway.psql("show full_page_writes") == [("on",)]
    assert gateway.psql("select current_setting('listen_addresses') = ''") == [("t",)]


def test_private_database_is_not_open_to_everybody(gateway):
    mode = (gateway.state / "run").stat().st_mode
    assert mode & 0o007 == 0
    assert (gateway.state / "pg").stat().st_mode & 0o007 == 0


def test_signing_key_that_others_may_read_is_refused():
    gw = Gateway()
    try:
        gw.start()
        gw.stop()
        (gw.state / "token.key").chmod(0o644)
        with pytest.raises(GatewayError, match="exit status 78"):
            gw.start()
    finally:
        gw.close()


# ---- log -------------------------------------------------------------------------------------

def make_noise(gw):
    """Uses every kind of secret in right and wrong ways; returns them."""
    password, pin = f"pw-{unique()}-Geheim", "73915528"
    user = gw.add_user(password=password, pin=pin)
    other = gw.add_user()
    token, revoked = gw.token(user), gw.token(user)
    text = f"text-{unique()}-private words"
    forged = token[:-6] + "AAAAAA"
    with Opcode(gw, token) as client, Opcode(gw, gw.token(other)) as receiver:
        client.say(other, text)
        receiver.event("MESSAGE")
        client.send_text('{"o":0,"e":"SEND_MESSAGE","d":{"message":"' + text + '"}}')
        client.send_text('{"broken": "' + text + '"')
        client.outcome()
    for wrong in (forged, "nonsense-token-5577"):
        with Opcode(gw) as client:
            client.put(2, {"token": wrong, "properties": {"os": "x", "device": "y"}})
            client.outcome()
        rest(gw, "GET", "/thread", wrong)
    call(gw.url, path=f"/opcode/ws?token={token}")
    call(gw.url, path=f"/saletick/ws/chat/room/?token={token}")
    rest(gw, "GET", "/thread", token)
    rest(gw, "POST", "/thread", token, {"to": other["uuid"], "message": text})
    for tried in (password, password + "x"):
        rest(gw, "POST", "/oauth/token", body={
            "grant_type": "password", "username": user["username"], "password": tried})
    status, answer = rest(gw, "POST", "/oauth/token", body={
        "grant_type": "password", "username": user["username"], "password": password})
    assert status == 200
    gw.cli("token", "revoke", revoked)
    signatures = [secret.rsplit(".", 1)[1] for secret in
                  (token, revoked, answer["access_token"], answer["refresh_token"])]
    return [password, pin, text, "nonsense-token-5577", *signatures]


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_no_secret_is_logged(make_gateway, form):
    gw = make_gateway(settings={"log.level": "debug", "log.format": form})
    secrets = make_noise(gw)
    gw.kill9_postgres()
    gw.wait_log("database connection lost", timeout=60)
    log = gw.log + (gw.state / "pg.log").read_text(errors="replace")
    key = (gw.state / "token.key").read_bytes()
    for secret in [*secrets, key.hex()]:
        assert secret not in log
    lines = gw.log.splitlines()
    assert lines
    if form == "json":
        for line in lines:
            assert isinstance(json.loads(line), dict), line


# ---- admin -----------------------------------------------------------------------------------

def test_admin_listener(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"])
    url = gw.admin_url
    assert call(url, path="/healthz").status == 200
    assert call(url, path="/readyz").status == 200
    assert call(url, path="/nothing").status == 401
    assert call(url, "POST", "/metrics").status == 405
    metrics = call(url, path="/metrics")
    assert metrics.status == 200
    assert b"dragoman_store_up 1" in metrics.body
    # None of it is served to clients.
    for path in ("/healthz", "/readyz", "/metrics"):
        assert call(gw.url, path=path).status == 404


def test_readiness_follows_the_database(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"])
    url = gw.admin_url
    gw.kill9_postgres()
    deadline = time.monotonic() + 60
    # Away, seen or not, it comes back by itself. That it was ready may be older than the kill.
    while (gw.psql("select 1", check=False) != [("1",)]
           or call(url, path="/readyz").status != 200):
        assert time.monotonic() < deadline, "not ready again"
        assert call(url, path="/healthz").status == 200
        time.sleep(0.05)
