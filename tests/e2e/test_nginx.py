"""Behind Debian's nginx with the files of deploy/nginx: all families by path, by old host name and
on one host, over TLS; who the client is; what logs hold; and a restart under load."""

import collections
import contextlib
import json
import os
import socket
import ssl
import threading
import time

import pytest

import certificates
from dialects import PEERS, make_user
from gateway import Gateway
from nginx import Nginx, free_port
from pubsub_client import Polling
from test_transcripts import FILES, name_of, play
from wire import Closed, Connection, Refused, WebSocket, call, trusting, upgrade_head

SHARED = [path for path in FILES if "\nsetting " not in path.read_text()]
HOSTS = {"saletick": "sapi.saletick.net", "casamsa": "casamsa.ga", "opcode": "opcode.example",
         "pubsub": "pubsub.example", "pymessage": "pymessage.example"}


def dialect_of(path):
    return path.parent.parent.name


def is_alone(path):
    """Whether a transcript keeps to its own family: a host knows no other."""
    text = path.read_text()
    return not any(f"/{other}" in text for other in HOSTS if other != dialect_of(path))


def let_in(path):
    """nginx's workers are somebody else when the tests run as root."""
    for parent in (path, *path.parents):
        if parent != parent.parent and parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    return path


class Behind:
    """A gateway as its clients see it who come in by another door."""

    def __init__(self, gw, url):
        self._gw, self.url, self.ws_url = gw, url, url.replace("http", "ws", 1)
        self.host, port = url.split("//")[1].split(":")
        self.port = int(port)

    def __getattr__(self, name):
        return getattr(self._gw, name)


@pytest.fixture(scope="module")
def gw():
    with Gateway(config={"trusted_proxies": ["127.0.0.1"], "log": {"level": "debug"}}) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return let_in(tmp_path_factory.mktemp("nginx"))


@pytest.fixture(scope="module")
def certificate(folder):
    return certificates.make(folder, "chat.example")


@pytest.fixture(scope="module")
def proxy(gw, folder, certificate):
    (folder / "main").mkdir()
    with Nginx(folder / "main", f"server {gw.host}:{gw.port};", certificate) as running:
        yield running


@pytest.fixture
def by_path(gw, proxy):
    with proxy.front("chat.example") as url:
        yield Behind(gw, url)


# ---- all that is said, said through nginx --------------------------------------------------------

@pytest.mark.parametrize("path", SHARED, ids=name_of)
def test_transcripts_by_path(gw, proxy, path, tmp_path):
    with proxy.front("chat.example") as url:
        play(gw, path, tmp_path, target=url)


@pytest.mark.parametrize("path", filter(is_alone, SHARED), ids=name_of)
def test_transcripts_by_host(gw, proxy, path, tmp_path):
    dialect = dialect_of(path)
    with proxy.front(HOSTS[dialect], prefix="/" + dialect) as url:
        play(gw, path, tmp_path, target=url)


def test_long_polling(by_path):
    ada = by_path.add_user()
    session = Polling(by_path)
    assert session.post("40/chat," + json.dumps({"token": by_path.token(ada)})).body == b"ok"
    assert any(p.startswith("40/chat,") for p in session.wait("40/chat,"))
    # An open poll is answered at once when there is something to say.
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(session.packets()))
    waiting.start()
    time.sleep(0.3)
    assert session.post('42/chat,0["fetch-users",{}]').body == b"ok"
    waiting.join(30)
    assert any(p.startswith("43/chat,0[") for p in answers[0])


SHARED_HOST = [
    ("GET", "/get_user?id=1", 200), ("GET", "/profile", 401), ("GET", "/thread", 401),
    ("POST", "/oauth/token", 400), ("POST", "/register", 400), ("GET", "/chat/user/threads/", 401),
    ("GET", "/chat/messages/x/", 401), ("POST", "/api/auth/login", 401),
    ("GET", "/ws/?EIO=4&transport=polling", 200), ("GET", "/ws?EIO=4&transport=polling", 200),
    ("GET", "/ws/?EIO=3&transport=polling", 400), ("GET", "/files/1/x", 404), ("GET", "/x", 404)]


@pytest.mark.parametrize("method, path, status", SHARED_HOST)
def test_requests_on_one_host(proxy, method, path, status):
    with proxy.front("legacy.example") as url:
        answer = call(url, method, path, body={} if method == "POST" else None)
        assert answer.status == status, answer


def test_sockets_on_one_host(gw, proxy):
    ada = make_user(gw)
    with proxy.front("legacy.example") as url:
        ws = url.replace("http", "ws", 1)
        with WebSocket(ws + "/ws") as peer:
            assert peer.recv_json() == {"o": 10, "d": {}, "e": None}
        with WebSocket(ws + "/") as peer:
            peer.send_json({"type": "login", "username": ada["username"], "pin": ada["pin"]})
            assert peer.recv_json() == {"type": "resp", "id": ada["id"]}
        with WebSocket(ws + "/ws/chat/") as peer:
            peer.send_json({"method": "auth", "args": {}, "access_token": ada["token"]})
            assert peer.recv_json()["type"] == "authenticated"
        with WebSocket(ws + "/ws/chat/room/?token=" + ada["token"]) as peer:
            assert peer.is_quiet(0.2)
        with pytest.raises(Refused) as refused:
            WebSocket(ws + "/ws/chat/room/?token=x")
        assert refused.value.response.status == 403
        with WebSocket(ws + "/ws/?EIO=4&transport=websocket") as peer:
            assert peer.recv()[:1] == "0"


@pytest.mark.parametrize("dialect", sorted(PEERS))
def test_uploads_and_sockets_of_every_dialect(by_path, dialect):
    ada, bob = make_user(by_path), make_user(by_path)
    mine, theirs = PEERS[dialect](by_path, ada), PEERS["opcode"](by_path, bob)
    mine.say(bob, "through nginx")
    assert theirs.next("pushed").text == "through nginx"


def test_large_uploads(by_path):
    body = (b"--x\r\nContent-Disposition: form-data; name=files; filename=a.bin\r\n\r\n"
            + b"a" * 9_000_000 + b"\r\n--x--\r\n")
    fields = {"Authorization": "Bearer " + by_path.token(by_path.add_user()),
              "Content-Type": "multipart/form-data; boundary=x"}
    answer = call(by_path.url, "POST", "/pubsub/api/upload/files", fields, body)
    url = json.loads(answer.body)["files"][0]
    assert answer.status == 200 and url.startswith("https://chat.example/files/")
    answer = call(by_path.url, path=url[len("https://chat.example"):])
    assert answer.status == 200 and len(answer.body) == 9_000_000


def test_polling_sessions_stay_on_their_machine(folder, certificate, make_gateway):
    (folder / "nodes").mkdir()
    nodes = {name: make_gateway(settings={"node": name}) for name in "ab"}
    edit = {"dragoman/local/nodes.conf": [
        ('# "~', '"~'), ("# upstream", "upstream"),
        ("10.0.0.11:8080", f"127.0.0.1:{nodes['a'].port}"),
        ("10.0.0.12:8080", f"127.0.0.1:{nodes['b'].port}")]}
    both = "".join(f"server 127.0.0.1:{gw.port};" for gw in nodes.values())
    with Nginx(folder / "nodes", both, certificate, edit=edit) as proxy, \
            proxy.front("chat.example") as url:
        sessions = [Polling(Behind(nodes["a"], url)) for _ in range(6)]
        assert {one.handshake["sid"].partition(".")[0] for one in sessions} == {"a", "b"}
        for one in sessions * 2:
            assert one.post("40/x,").body == b"ok"
            assert one.packets()[-1].startswith("44/x,")
        nodes["a"].stop()
        of_a, of_b = ([one for one in sessions if one.handshake["sid"].startswith(name)]
                      for name in "ab")
        assert of_a[0].post("40/x,").status == 400, "the other machine knows it not"
        assert of_b[0].post("40/x,").body == b"ok"


# ---- who the client is ---------------------------------------------------------------------------

def test_gateway_sees_the_client(gw, proxy):
    with proxy.front("chat.example", source="127.0.0.9") as url:
        with WebSocket(url.replace("http", "ws") + "/pymessage/",
                       fields=["X-Forwarded-For: 203.0.113.1"]):
            gw.wait_log("peer=127.0.0.9")
    assert "203.0.113.1" not in gw.log, "what clients say of themselves goes no further"


def test_proxy_protocol_of_a_balancer(gw, folder, certificate):
    (folder / "balanced").mkdir()
    with Nginx(folder / "balanced", f"server {gw.host}:{gw.port};", certificate,
               listen="proxy_protocol",
               more="set_real_ip_from 127.0.0.0/8; real_ip_header proxy_protocol;") as proxy:
        with Connection(proxy.host, proxy.port) as conn:
            conn.send(b"PROXY TCP4 198.51.100.20 192.0.2.1 4711 443\r\n")
            conn.sock = trusting().wrap_socket(conn.sock, server_hostname="chat.example")
            conn.send(upgrade_head("/opcode/ws", "chat.example", "AAAAAAAAAAAAAAAAAAAAAA=="))
            assert conn.response().status == 101
            gw.wait_log("peer=198.51.100.20")


def test_handshakes_are_limited_by_address(gw, folder, certificate):
    (folder / "limited").mkdir()
    edit = {"conf.d/dragoman.conf": [("rate=500r/s", "rate=1r/m")],
            "dragoman/server.conf": [("burst=5000", "burst=2")]}
    with Nginx(folder / "limited", f"server {gw.host}:{gw.port};", certificate,
               edit=edit) as proxy:
        with proxy.front("chat.example", source="127.0.0.21") as url:
            ws = url.replace("http", "ws", 1) + "/opcode/ws"
            for _ in range(3):
                WebSocket(ws).abort()
            with pytest.raises(Refused) as refused:
                WebSocket(ws)
            assert refused.value.response.status == 429
            assert call(url, path="/pymessage/get_user?id=1").status == 200, "no handshake"
        with proxy.front("chat.example", source="127.0.0.22") as url:
            WebSocket(url.replace("http", "ws", 1) + "/opcode/ws").abort()


# ---- TLS and logs --------------------------------------------------------------------------------

@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(proxy):
    context = trusting()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        with socket.create_connection((proxy.host, proxy.port)) as sock:
            context.wrap_socket(sock, server_hostname="chat.example")


@pytest.mark.parametrize("name", ["unknown.example", "chat.example.org", None])
def test_unknown_names_meet_no_family(proxy, name):
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        with socket.create_connection((proxy.host, proxy.port)) as sock:
            trusting().wrap_socket(sock, server_hostname=name)
    # Nor behind a handshake for a name that is known.
    with Connection(proxy.host, proxy.port, tls=trusting(), name="chat.example") as conn:
        conn.send(b"GET /pymessage/get_user?id=1 HTTP/1.1\r\nHost: "
                  + (name or "127.0.0.1").encode() + b"\r\n\r\n")
        with pytest.raises((Closed, EOFError, OSError)):
            conn.response()


def test_unknown_names_get_no_answer_without_tls_either(gw, folder, certificate):
    (folder / "plain").mkdir()
    plain = free_port()
    with Nginx(folder / "plain", f"server {gw.host}:{gw.port};", certificate,
               more=f"listen 127.0.0.1:{plain};"):
        for host, status in (("chat.example", 200), ("unknown.example", None)):
            with Connection("127.0.0.1", plain) as conn:
                conn.send(f"GET /pymessage/get_user?id=1 HTTP/1.1\r\nHost: {host}\r\n\r\n"
                          .encode())
                if status:
                    assert conn.response().status == status
                else:
                    with pytest.raises((Closed, EOFError, OSError)):
                        conn.response()


def test_logs_hold_no_token(gw, folder, certificate):
    (folder / "logged").mkdir()
    ada = make_user(gw)
    token = ada["token"]
    with Nginx(folder / "logged", "server 127.0.0.1:1;", certificate) as dead, \
            dead.front("sapi.saletick.net") as url:
        for path in (f"/ws/chat/room/?token={token}", f"/chat/user/threads/?token={token}"):
            assert call(url, path=path, headers={"Referer": f"https://x/?t={token}",
                                                 "Authorization": f"Bearer {token}"}
                        ).status == 502
        assert "/ws/chat/room/ HTTP/1.1\" 502" in dead.access_log
        assert token[-20:] not in dead.access_log + dead.error_log
    (folder / "alive").mkdir()
    with Nginx(folder / "alive", f"server {gw.host}:{gw.port};", certificate) as alive, \
            alive.front("sapi.saletick.net") as url:
        with WebSocket(url.replace("http", "ws") + f"/ws/chat/room/?token={token}"):
            pass
        call(url, path=f"/chat/user/threads/?token={token}")
        deadline = time.monotonic() + 30
        while alive.access_log.count("\n") < 2:
            assert time.monotonic() < deadline, alive.access_log
            time.sleep(0.05)
        assert "/ws/chat/room/ HTTP/1.1\" 101" in alive.access_log.replace("/saletick", "")
        assert token[-20:] not in alive.access_log + alive.error_log
    assert token[-20:] not in gw.log


def test_logs_of_all_that_was_played_hold_no_token(proxy):
    text = proxy.access_log + proxy.error_log
    assert text and "token=" not in text and "eyJ" not in text and "sig=" not in text


# ---- a restart under load ------------------------------------------------------------------------

SOCKETS = 200
PEOPLE = 20


class Busy(threading.Thread):
    """Sends one message after the other, each until it is confirmed or its socket is gone; comes
    back when it is."""

    def __init__(self, door, user, to):
        super().__init__(daemon=True)
        self.door, self.user, self.to = door, user, to
        self.confirmed, self.lives, self.ends = [], 0, collections.Counter()
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set():
            try:
                with contextlib.closing(PEERS["opcode"](self.door, self.user)) as peer:
                    self.lives += 1
                    self.talk(peer)
            except (Closed, Refused, OSError, EOFError, AssertionError) as why:
                self.ends[type(why).__name__] += 1
                self.stopped.wait(0.25)

    def talk(self, peer):
        while not self.stopped.is_set():
            peer.say(self.to, "busy")
            self.confirmed.append(peer.next("sent").id)
            self.stopped.wait(0.5)


def test_restart_under_busy_sockets(gw, proxy):
    people = [make_user(gw) for _ in range(PEOPLE)]
    with proxy.front("chat.example") as url:
        door = Behind(gw, url)
        busy = [Busy(door, people[i % PEOPLE], people[(i + 1) % PEOPLE]) for i in range(SOCKETS)]
        for one in busy:
            one.start()

        def wait_for(condition, what):
            deadline = time.monotonic() + 120
            while not all(condition(one) for one in busy):
                assert time.monotonic() < deadline, what
                time.sleep(0.1)

        wait_for(lambda one: one.confirmed, "all are busy")
        gw.restart()
        begun = time.monotonic()
        before = {one: len(one.confirmed) for one in busy}
        wait_for(lambda one: one.lives > 1 and len(one.confirmed) > before[one], "all are back")
        print(f"all back {time.monotonic() - begun:.1f} s after the gateway")
        for one in busy:
            one.stopped.set()
        for one in busy:
            one.join(60)
    # A confirmation goes to all sockets of its author.
    confirmed = {uuid for one in busy for uuid in one.confirmed}
    stored = {row[0] for row in gw.psql("select uuid from messages where text = 'busy'")}
    assert confirmed and confirmed <= stored
    assert gw.log.count("level=error") == 0
