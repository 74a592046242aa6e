"""What ten thousand idle sockets cost: a release build of the gateway, because sanitizers keep
memory of their own."""

import json
import pathlib
import resource
import socket
import subprocess

import pytest

import gateway as harness
from gateway import ROOT, Gateway
from opcode_client import PROPERTIES
from wire import PATIENCE, TEXT, Connection, WebSocket, encode_frame, upgrade_head

SOCKETS = 10000
BATCH = 250
LIMIT = 2048  # bytes each

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture
def descriptors():
    """Lets this process open a socket for each, and the gateway, which inherits it, too."""
    wanted = SOCKETS + 500
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = before
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, OSError):
            pytest.skip(f"{wanted} descriptors are needed, {hard} are to be had: raise ulimit -Hn")
    elif soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    # The hard limit stays as it is: only root could lower and raise it at will.
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@pytest.fixture
def release_gateway(monkeypatch):
    build = ROOT / "build-release"
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(build), str(ROOT), "--buildtype=release",
                        "-Dtests=disabled"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(build), "core/server/dragoman"], check=True,
                   stdout=subprocess.DEVNULL)
    monkeypatch.setenv("DRAGOMAN", str(build / "core/server/dragoman"))
    assert harness.binary() == str(build / "core/server/dragoman")
    with Gateway(settings={"limits.rate": 0, "opcode.ping_interval_ms": 0}) as gw:
        yield gw


def rss(pid):
    """Bytes of the process in memory."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def open_batch(gw, tokens, count):
    """Sockets that are logged in; their answers are read away and nothing is kept but sockets."""
    made = []
    for i in range(count):
        conn = Connection(gw.host, gw.port)
        identify = json.dumps({"o": 2, "d": {"token": tokens[i % len(tokens)],
                                             "properties": PROPERTIES}})
        conn.send(upgrade_head("/opcode/ws", "x", KEY) + encode_frame(TEXT, identify.encode()))
        made.append(conn)
    for conn in made:
        assert conn.response(timeout=PATIENCE).status == 101
        conn.__class__ = WebSocket
        assert conn.recv_json()["o"] == 10
        assert conn.recv_json()["e"] == "READY"
    return made


def test_memory_of_idle_sockets(descriptors, release_gateway):
    gw = release_gateway
    users = [gw.add_user() for _ in range(20)]
    tokens = [gw.token(user) for user in users]
    conns = open_batch(gw, tokens, BATCH)
    for conn in conns:
        conn.abort()
    # What is made once, at first use, is not a socket's.
    conns = open_batch(gw, tokens, BATCH)
    before, counted = rss(gw.pid), 0
    try:
        while counted < SOCKETS:
            conns += open_batch(gw, tokens, BATCH)
            counted += BATCH
        each = (rss(gw.pid) - before) / counted
        print(f"{each:.0f} bytes per idle socket")
        assert each <= LIMIT, f"{each:.0f} bytes per idle socket"
        # They are alive: a message reaches all sockets of its user.
        sender, to = conns[0], users[1]
        sender.send_json({"o": 0, "e": "SEND_MESSAGE",
                          "d": {"to": to["uuid"], "message": "to many"}})
        for conn in (c for i, c in enumerate(conns) if i % BATCH % len(users) == 1):
            assert conn.recv_json()["d"]["message"] == "to many"
    finally:
        for conn in conns:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            conn.abort()
