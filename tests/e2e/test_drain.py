"""Going down: who is told, and when. What is in flight then: test_serve.py."""

import signal
import socket

import pytest

from dialects import PEERS, make_user
from gateway import CliError
from opcode_client import Opcode
from wire import Closed, call


def admin_url(gw):
    return "http://" + gw.wait_log("admin=").split("admin=")[1].split()[0].strip('"')


def end_code(peer):
    try:
        while True:
            peer.recv_json()
    except Closed as closed:
        return closed.code


def refuses(gw):
    try:
        socket.create_connection((gw.host, gw.port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_every_dialect_is_closed_with_1001(make_gateway):
    gw = make_gateway()
    peers = [PEERS[name](gw, make_user(gw)) for name in PEERS]
    gw.process.send_signal(signal.SIGTERM)
    assert {peer.dialect: end_code(peer) for peer in peers} == dict.fromkeys(PEERS, 1001)
    for peer in peers:
        peer.abort()
    assert gw.process.wait(60) == 0


def test_sockets_are_closed_at_a_pace_and_served_until_then(make_gateway):
    """Two a second: long after the first is gone, and after the time that what is in flight has,
    the last is still served; nobody new is let in, and readiness is taken back."""
    gw = make_gateway(settings={"drain.pace": 2, "limits.drain_ms": 100},
                      args=["--admin", "127.0.0.1:0"])
    admin = admin_url(gw)
    user = gw.add_user()
    token = gw.token(user)
    other = gw.add_user()
    clients = [Opcode(gw, token) for _ in range(24)]
    gw.process.send_signal(signal.SIGTERM)
    assert clients[0].outcome()[1] == 1001
    assert call(admin, path="/readyz").status == 503
    assert call(admin, path="/healthz").status == 200
    assert refuses(gw)
    assert clients[-1].say(other, "still here")
    for client in clients:
        client.abort()
    assert gw.process.wait(60) == 0


def test_the_verb_waits_until_the_gateway_is_gone(make_gateway):
    gw = make_gateway(settings={"drain.pace": 0})
    with Opcode(gw, gw.token(gw.add_user())) as client:
        assert "draining" in gw.cli("drain")
        assert client.outcome()[1] == 1001
    assert gw.process.wait(10) == 0
    assert not list((gw.state / "control").iterdir())
    with pytest.raises(CliError) as failed:
        gw.cli("drain")
    assert failed.value.status == 69


def test_the_verb_clears_away_what_a_killed_gateway_left(make_gateway):
    gw = make_gateway()
    gw.kill9()
    assert list((gw.state / "control").iterdir())
    with pytest.raises(CliError) as failed:
        gw.cli("drain")
    assert failed.value.status == 69
    assert not list((gw.state / "control").iterdir())


def test_the_verb_makes_nothing(make_gateway):
    """Root may have called it before the gateway's own user was ever there."""
    gw = make_gateway(start=False)
    with pytest.raises(CliError) as failed:
        gw.cli("drain")
    assert failed.value.status == 69
    assert not list(gw.state.iterdir())


def test_the_control_socket_is_its_owners(make_gateway):
    gw = make_gateway()
    folder = gw.state / "control"
    assert folder.stat().st_mode & 0o777 == 0o700
    path, = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    for request, status in [("GET /drain", b"405"), ("POST /drai", b"404")]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(f"{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         "Content-Length: 0\r\n\r\n".encode())
            assert sock.recv(4096).startswith(b"HTTP/1.1 " + status)
