"""Long-polling sessions when their requests reach any of several processes."""

import json
import os
import signal
import subprocess

import pytest

import certificates
from dialects import until
from gateway import Gateway
from pubsub_client import PATH, Polling, engine
from socketio_npm import SOCKETIO, installed
from wire import Connection, Refused, WebSocket

WORKERS = 3
ROUNDS = 20


@pytest.fixture(scope="module", params=["plain", "tls"])
def gateway(request, tmp_path_factory):
    """Shared by the tests that leave its workers alone. With TLS the connection has to stay where
    its handshake was, and its bytes are carried."""
    settings = {"workers": WORKERS, "limits.rate": 0}
    if request.param == "tls":
        folder = tmp_path_factory.mktemp("tls")
        chain, key = certificates.make(folder, "chat.example")
        settings.update({"tls.certificate": chain, "tls.key": key})
    with Gateway(settings=settings) as running:
        yield running


def owner(session):
    return session.handshake["sid"][:8]


def sessions_of_all(gateway):
    """A session of each worker."""
    found = {}
    while len(found) < WORKERS:
        session = Polling(gateway)
        found.setdefault(owner(session), session)
    return list(found.values())


def request(session, method, body=b""):
    head = (f"{method} {PATH}?{session.query} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def join(session, gateway, user):
    assert session.post("40/chat," + json.dumps({"token": gateway.token(user)})).body == b"ok"
    session.wait('40/chat,{"sid"')


def ask(number):
    """A question whose answer shows that it arrived."""
    return f'42/chat,{number}["fetch-unread-chats-count",{{"user":"nobody"}}]'


def test_each_request_reaches_the_owner(gateway):
    """Every request comes by a connection of its own."""
    session = Polling(gateway)
    join(session, gateway, gateway.add_user())
    for i in range(ROUNDS):
        assert session.post(ask(i)).body == b"ok"
        session.wait(f"43/chat,{i}[")


def test_one_connection_carries_requests_of_many(gateway):
    """As a proxy's does: it goes from owner to owner, bodies and all."""
    sessions = sessions_of_all(gateway)
    for session in sessions:
        join(session, gateway, gateway.add_user())
    with Connection.to(gateway.url) as conn:
        for i in range(ROUNDS):
            session = sessions[i % len(sessions)]
            padding = " " * (100_000 if i % 5 == 4 else 0)
            conn.send(request(session, "POST", (ask(i) + padding).encode()))
            assert conn.response().body == b"ok"
            polled = ""
            while f"43/chat,{i}[" not in polled:
                conn.send(request(session, "GET"))
                polled += conn.response().body.decode()
            conn.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert conn.response().status == 404


def test_pipelined_requests_keep_their_order(gateway):
    sessions = sessions_of_all(gateway)
    user = gateway.add_user()
    for session in sessions:
        join(session, gateway, user)
    with Connection.to(gateway.url) as conn:
        conn.send(b"".join(request(sessions[i % 3], "POST", ask(i).encode()) for i in range(9)))
        for _ in range(9):
            assert conn.response().body == b"ok"
    for i, session in enumerate(sessions):
        polled = ""
        while not all(f"43/chat,{j}[" in polled for j in (i, i + 3, i + 6)):
            polled += "".join(session.packets())


def test_a_body_in_pieces_arrives(gateway):
    sessions = sessions_of_all(gateway)
    for session in sessions:
        join(session, gateway, gateway.add_user())
        with Connection.to(gateway.url) as conn:
            data = request(session, "POST", ask(7).encode())
            for begin, end in ((0, 10), (10, 70), (70, -5)):
                conn.send(data[begin:end])
                assert conn.is_quiet(0.05)
            conn.send(data[-5:])
            assert conn.response().body == b"ok"
        session.wait("43/chat,7[")


def test_upgrade_reaches_the_owner(gateway):
    for session in sessions_of_all(gateway):
        join(session, gateway, gateway.add_user())
        ws = WebSocket(gateway.ws_url + PATH + "?" + session.query.replace("polling", "websocket"))
        ws.send_text("2probe")
        assert ws.recv() == "3probe"
        ws.send_text("5")
        ws.send_text(ask(1))
        assert ws.recv().startswith("43/chat,1[")
        ws.close()


@pytest.mark.parametrize("sid", ["", "x", "AAAAAAAA", "A" * 30, "AAAAAAAA" + "B" * 22,
                                 "..%2F..%2F..%2F..%2Fetc", "..%2Fcontrol" + "A" * 20, "A" * 63,
                                 "%ff" * 20])
def test_a_session_that_nobody_owns_is_unknown(gateway, sid):
    answer = engine(gateway, "GET", f"EIO=4&transport=polling&sid={sid}")
    assert answer.status == 400
    assert json.loads(answer.body) == {"code": 1, "message": "Session ID unknown"}
    with pytest.raises(Refused):
        WebSocket(gateway.ws_url + PATH + f"?EIO=4&transport=websocket&sid={sid}")


def test_sessions_of_a_killed_worker_are_unknown(make_gateway):
    gateway = make_gateway(settings={"workers": WORKERS})
    sessions = sessions_of_all(gateway)
    names = {path.name for path in (gateway.state / "nodes").iterdir()}
    assert names == {owner(session) for session in sessions}
    os.kill(gateway.workers()[0], signal.SIGKILL)
    until(lambda: len(gateway.workers()) == WORKERS, "it is started again")
    until(lambda: len(names & {path.name for path in (gateway.state / "nodes").iterdir()}) == 2,
          "what it left is cleared away")
    answers = [session.post("2") for session in sessions]
    unknown = [answer for answer in answers
               if answer.body == b'{"code":1,"message":"Session ID unknown"}']
    assert len(unknown) == 1
    gateway.stop()
    assert not list((gateway.state / "nodes").iterdir())


def test_sessions_outlive_the_upgrade_until_they_are_told(make_gateway):
    """The new process passes on what the old one still owns."""
    gateway = make_gateway(settings={"drain.pace": 1, "limits.drain_ms": 20000})
    sessions = [Polling(gateway) for _ in range(20)]
    for session in sessions:
        join(session, gateway, gateway.add_user())
    process = gateway.process
    gateway.cli("upgrade")
    last = sessions[-1]
    for i in range(3):
        assert last.post(ask(i)).body == b"ok"
        last.wait(f"43/chat,{i}[")
    gateway.process = process
    for session in sessions:
        session.post("1")
    assert process.wait(60) == 0
    gateway.cli("drain")


def carried(make_gateway, tmp_path, drain_ms=10000):
    """A session of the first gateway, which the second can only carry requests to."""
    chain, key = certificates.make(tmp_path, "chat.example")
    how = {"settings": {"tls.certificate": chain, "tls.key": key, "limits.drain_ms": drain_ms}}
    owner = make_gateway(**how)
    other = make_gateway(state=owner.state, **how)
    session = Polling(owner)
    join(session, owner, owner.add_user())
    return owner, other, session


def test_who_hangs_holds_up_nobodys_end(make_gateway, tmp_path):
    owner, other, session = carried(make_gateway, tmp_path, drain_ms=500)
    with Connection.to(other.url) as conn:
        conn.send(request(session, "POST", ask(1).encode()))
        assert conn.response().body == b"ok"
        owner.process.send_signal(signal.SIGSTOP)
        try:
            conn.send(request(session, "POST", ask(2).encode()))
            assert other.stop() == 0
        finally:
            owner.process.send_signal(signal.SIGCONT)


def test_a_drain_waits_for_answers_that_it_carries(make_gateway, tmp_path):
    """The process in front has no session of its own, but somebody's poll that another answers."""
    _owner, other, session = carried(make_gateway, tmp_path)
    with Connection.to(other.url) as conn:
        conn.send(request(session, "GET"))
        assert conn.is_quiet(0.3)
        other.process.send_signal(signal.SIGTERM)
        other.wait_log("msg=draining")
        assert conn.is_quiet(0.3)
        assert session.post(ask(1)).body == b"ok"
        assert b"43/chat,1[" in conn.response().body
    assert other.stop() == 0
    assert "drain takes too long" not in other.log


def test_sids_name_the_machine(make_gateway):
    gateway = make_gateway(settings={"node": "east1", "workers": 2})
    sessions = [Polling(gateway) for _ in range(8)]
    assert all(session.handshake["sid"].startswith("east1.") for session in sessions)
    for session in sessions:
        join(session, gateway, gateway.add_user())
    other = sessions[0].query.replace("east1.", "west2.")
    assert engine(gateway, "GET", other).status == 400


@pytest.mark.parametrize("transports", ["polling", "default"])
def test_the_real_client_gets_every_event(make_gateway, transports):
    installed()
    gateway = make_gateway(settings={"workers": WORKERS, "limits.rate": 0,
                                     "limits.burst": 1000000})
    ada, bob = gateway.add_user(), gateway.add_user()
    clients = subprocess.Popen(
        ["node", SOCKETIO / "spread.js", gateway.url, "/pubsub/ws", transports, "30",
         gateway.token(ada), gateway.token(bob), bob["username"]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert clients.stdout.readline() == "connected\n"
        assert clients.stdout.readline() == "round 1, lost 0\n"
        os.kill(gateway.workers()[1], signal.SIGKILL)
        output, _ = clients.communicate("go\n", timeout=120)
        assert clients.returncode == 0, output
        lost = int(output.partition("lost ")[2].partition(",")[0])
        assert 0 < lost < 31 and "round 2" in output, output
        assert output.rstrip().endswith("by polling" if transports == "polling"
                                        else "by websocket")
    finally:
        clients.kill()
        clients.wait()


def test_a_peer_that_vanishes_is_noticed_through_the_relay(gateway):
    """A poll under way ends with its connection, and the session with it."""
    for session in sessions_of_all(gateway):
        with Connection.to(gateway.url) as conn:
            conn.send(request(session, "GET"))
            assert conn.is_quiet(0.2)
        until(lambda: session.post("2").status == 400, "the session is over")


def test_large_answers_come_whole_and_slow_readers_wait(gateway):
    user, name = gateway.add_user(), gateway.add_user()["username"]
    big = "x" * 60_000
    for session in sessions_of_all(gateway):
        join(session, gateway, user)
        for i in range(30):
            body = json.dumps(["send-message", {"user": name, "message": f"{i} {big}"}])
            assert session.post(f"42/chat,{i}" + body).body == b"ok"
        polled = ""
        with Connection.to(gateway.url) as conn:
            while "43/chat,29[" not in polled:
                conn.send(request(session, "GET"))
                polled += conn.response().body.decode()
        assert all(f"43/chat,{i}[" in polled for i in range(30))
