"""What ten thousand idle sockets cost: a release build of the gateway, because sanitizers keep
memory of their own."""

import json
import pathlib
import resource
import socket
import subprocess
import urllib.parse

import pytest

import certificates
import gateway as harness
from dialects import until
from gateway import ROOT, Gateway
from opcode_client import PROPERTIES
from pubsub_client import PATH as PUBSUB
from test_metrics import scrape, values
from wire import (PATIENCE, TEXT, Connection, WebSocket, encode_frame, trusting,
                  upgrade_head)

SOCKETS = 10000
BATCH = 250

ENGINEIO = 'dragoman_engineio_sessions{adapter="pubsub"}'
SOCKETIO = 'dragoman_sessions{adapter="pubsub",transport="socketio"}'

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
def release(monkeypatch):
    """Gateways are of a release build."""
    build = ROOT / "build-release"
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(build), str(ROOT), "--buildtype=release",
                        "-Dtests=disabled"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(build), "core/server/dragoman"], check=True,
                   stdout=subprocess.DEVNULL)
    monkeypatch.setenv("DRAGOMAN", str(build / "core/server/dragoman"))
    assert harness.binary() == str(build / "core/server/dragoman")


@pytest.fixture
def release_gateway(release, tmp_path):
    tmp_path.parent.parent.chmod(0o755)
    chain, key = certificates.make(tmp_path, "chat.example")
    with Gateway(settings={"limits.rate": 0, "opcode.ping_interval_ms": 0,
                           "pubsub.ping_interval_ms": 3600000, "listen_tls": "127.0.0.1:0",
                           "tls.certificate": chain, "tls.key": key}) as gw:
        yield gw


def rss(pid):
    """Bytes of the process in memory."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class Plain:
    """The first dialect's WebSockets."""

    limit = 2048  # bytes each
    sockets = SOCKETS
    context = None

    @staticmethod
    def ask(token):
        identify = {"o": 2, "d": {"token": token, "properties": PROPERTIES}}
        return upgrade_head("/opcode/ws", "x", KEY) + encode_frame(
            TEXT, json.dumps(identify).encode())

    @staticmethod
    def is_in(conn):
        return conn.recv_json()["o"] == 10 and conn.recv_json()["e"] == "READY"

    @staticmethod
    def say(conn, to):
        conn.send_json({"o": 0, "e": "SEND_MESSAGE",
                        "d": {"to": to["uuid"], "message": "to many"}})

    @staticmethod
    def has_come(conn):
        return conn.recv_json()["d"]["message"] == "to many"


class Tls(Plain):
    """The same over the gateway's own TLS, most of which is OpenSSL's."""

    limit = 18000
    sockets = 3000
    context = trusting()


class EngineIO:
    """Engine.IO sessions on WebSockets, one namespace joined in each."""

    limit = 3072
    sockets = SOCKETS
    context = None

    @staticmethod
    def ask(token):
        connect = "40/chat," + json.dumps({"token": token})
        return upgrade_head(PUBSUB + "?EIO=4&transport=websocket", "x", KEY) + encode_frame(
            TEXT, connect.encode())

    @staticmethod
    def is_in(conn):
        if conn.recv()[0] != "0" or not conn.recv().startswith("40/chat,"):
            return False
        # The answer says that the login is done.
        conn.send_text('42/chat,1["fetch-unread-chats-count",{"user":"x"}]')
        return conn.recv().startswith("43/chat,1[")

    @staticmethod
    def say(conn, to):
        conn.send_text("42/chat," + json.dumps(
            ["send-message", {"user": to["username"], "message": "to many"}]))

    @staticmethod
    def has_come(conn):
        return '"to many"' in conn.recv()


def open_batch(gw, kind, tokens, count):
    """Sockets that are logged in; their answers are read away and nothing is kept but sockets."""
    made = []
    port = urllib.parse.urlsplit(gw.tls_url).port if kind.context else gw.port
    for i in range(count):
        conn = Connection(gw.host, port, tls=kind.context)
        conn.send(kind.ask(tokens[i % len(tokens)]))
        made.append(conn)
    for conn in made:
        assert conn.response(timeout=PATIENCE).status == 101
        conn.__class__ = WebSocket
        assert kind.is_in(conn)
    return made


@pytest.mark.parametrize("kind", [Plain, Tls, EngineIO])
def test_memory_of_idle_sockets(descriptors, release_gateway, kind):
    gw = release_gateway
    users = [gw.add_user() for _ in range(20)]
    tokens = [gw.token(user) for user in users]
    conns = open_batch(gw, kind, tokens, BATCH)
    for conn in conns:
        conn.abort()
    # What is made once, at first use, is not a socket's.
    conns = open_batch(gw, kind, tokens, BATCH)
    before, counted = rss(gw.pid), 0
    try:
        while counted < kind.sockets:
            conns += open_batch(gw, kind, tokens, BATCH)
            counted += BATCH
        each = (rss(gw.pid) - before) / counted
        print(f"{each:.0f} bytes per idle socket")
        assert each <= kind.limit, f"{each:.0f} bytes per idle socket"
        # They are alive: a message reaches all sockets of its user.
        kind.say(conns[0], users[1])
        for conn in (c for i, c in enumerate(conns) if i % BATCH % len(users) == 1):
            assert kind.has_come(conn)
    finally:
        for conn in conns:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            conn.abort()


def abandon(gw, token, count):
    """Clients that open polling sessions, join the namespace, and are never seen again."""
    with Connection(gw.host, gw.port) as conn:

        def ask(method, query, body=""):
            conn.send(f"{method} {PUBSUB}?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: x\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            answer = conn.response(method)
            assert answer.status == 200, answer
            return answer.body

        connect = "40/chat," + json.dumps({"token": token})
        for _ in range(count):
            sid = json.loads(ask("GET", "")[1:])["sid"]
            assert ask("POST", "&sid=" + sid, connect) == b"ok"


def test_polling_sessions_that_vanish(release, make_gateway):
    """All of it is gone after the ping interval and its timeout."""
    gw = make_gateway(settings={"pubsub.ping_interval_ms": 1000, "pubsub.ping_timeout_ms": 1000,
                                "pubsub.rate": 0}, args=["--admin", "127.0.0.1:0"])
    token = gw.token(gw.add_user())

    def count(kind):
        return values(scrape(gw.admin_url))[kind]

    sizes = []
    for _ in range(6):
        abandon(gw, token, 1000)
        assert count(ENGINEIO) > 0 and count(SOCKETIO) > 0
        until(lambda: count(ENGINEIO) == 0, "all are gone")
        assert count(SOCKETIO) == 0
        sizes.append(rss(gw.pid))
    # What the first rounds made stays for the next ones; nothing is added to it.
    assert max(sizes[3:]) - sizes[2] < 1000 * 100, sizes
