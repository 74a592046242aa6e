"""The adapters in examples/, built as a stranger builds them, in one gateway beside the built-in
ones: the echo for the wire protocols, and a small dialect that takes part in conversations."""

import json
import shutil
import subprocess
import time
import zlib

import pytest

import certificates
import sdk
from dialects import PEERS, OTHER, Peer, Seen, make_user
from gateway import ROOT, Gateway, unique
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, Connection, WebSocket, \
    call, encode_frame, trusting

EXAMPLES = ["echo", "ircish"]
MIB = 1 << 20


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The shared object of each, from a copy of its folder that knows nothing of the tree."""
    folder = tmp_path_factory.mktemp("examples")
    for name in EXAMPLES:
        shutil.copytree(ROOT / "examples" / name, folder / name)
    return {name: sdk.installed().meson(folder / name, folder / f"build-{name}")
            for name in EXAMPLES}


@pytest.fixture(scope="module")
def gateway(built):
    adapters = [{"name": name} for name in PEERS]
    adapters += [{"path": str(built["echo"]), "mount": ""},
                 {"path": str(built["ircish"]), "mount": "/irc"}]
    with Gateway(config=json.dumps({"adapters": adapters}), args=["--admin", "127.0.0.1:0"]) as one:
        yield one


# ---- as a stranger sees them -----------------------------------------------------------------

@pytest.mark.parametrize("name", EXAMPLES)
def test_each_is_good_and_passes(built, name):
    program = str(sdk.installed().program)
    for verb in (["check"], ["test", "--transcripts", str(ROOT / "examples" / name /
                                                          "transcripts")]):
        done = subprocess.run([program, "adapter", verb[0], str(built[name]), *verb[1:]],
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_is_small_and_plain_c(name):
    source = ROOT / "examples" / name / f"{name}.c"
    assert len(source.read_text().splitlines()) < 330
    sdk.installed().compile("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow",
                            "-Wconversion", "-Werror", "-fsyntax-only", str(source))


# ---- echo: a body in pieces ------------------------------------------------------------------

def summed(body):
    return {"bytes": len(body), "adler32": zlib.adler32(body)}


def post(length):
    return f"POST /sum HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize("size", [0, 1, 65536, MIB + 1, 64 * MIB])
def test_an_upload_of_every_size(gateway, size):
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    answer = call(gateway.url, "POST", "/sum", body=body)
    assert (answer.status, json.loads(answer.body)) == (200, summed(body))


def test_an_upload_that_comes_slowly_and_others_behind_it(gateway):
    with Connection.to(gateway.url) as conn:
        conn.send(post(600))
        for at in range(0, 600, 100):
            conn.send(bytes([at // 100]) * 100)
            assert conn.is_quiet(0.02) or at == 500
        body = b"".join(bytes([i]) * 100 for i in range(6))
        assert json.loads(conn.response().body) == summed(body)
        conn.send(post(2) + b"ab" + post(0) + post(3) + b"xyz")
        for body in (b"ab", b"", b"xyz"):
            assert json.loads(conn.response().body) == summed(body)


def test_an_upload_in_chunks_and_a_bad_one(gateway):
    head = b"POST /sum HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Connection.to(gateway.url) as conn:
        conn.send(head + b"".join(b"5\r\nhello\r\n" for _ in range(5000)) + b"0\r\n\r\n")
        assert json.loads(conn.response().body) == summed(b"hello" * 5000)
        conn.send(head + b"5\r\nhello\r\n!\r\n")
        assert conn.response().status == 400


def test_an_upload_beyond_the_largest(gateway):
    with Connection.to(gateway.url) as conn:
        conn.send(post(1024 * MIB + 1))
        assert conn.response().status == 413


def test_an_upload_whose_client_goes_away(gateway):
    with Connection.to(gateway.url) as conn:
        conn.send(post(MIB) + b"half")
    with Connection.to(gateway.url) as conn:
        conn.send(post(MIB) + b"half")
        conn.abort()
    gauge = b'dragoman_sessions{adapter="echo",transport="http"} 0\n'
    deadline = time.monotonic() + 30
    while gauge not in call(gateway.admin_url, path="/metrics").body:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert json.loads(call(gateway.url, "POST", "/sum", body=b"x").body) == summed(b"x")


def test_an_upload_over_tls(built, tmp_path_factory):
    chain, key = certificates.make(tmp_path_factory.getbasetemp(), "chat.example")
    body = bytes(range(256)) * (8 * MIB // 256)
    adapters = [{"path": str(built["echo"]), "mount": ""}]
    with Gateway(settings={"tls.certificate": chain, "tls.key": key},
                 config={"adapters": adapters}) as gw, \
            Connection(gw.host, gw.port, tls=trusting(), name="chat.example") as conn:
        conn.send(post(len(body)) + body + post(1) + b"x")
        assert json.loads(conn.response().body) == summed(body)
        assert json.loads(conn.response().body) == summed(b"x")


# ---- echo: RFC 6455 --------------------------------------------------------------------------

@pytest.fixture
def echo(gateway):
    with WebSocket(gateway.ws_url + "/") as ws:
        yield ws


def back(ws, opcode, payload):
    frame = ws.recv_frame()
    assert (frame.fin, frame.rsv, frame.opcode) == (True, 0, opcode)
    assert frame.payload == payload


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536, MIB, 16 * MIB])
def test_a_message_of_every_size(echo, opcode, size):
    payload = b"*" * size if opcode == TEXT else bytes(range(256)) * (size // 256 + 1)
    echo.send_frame(opcode, payload[:size])
    back(echo, opcode, payload[:size])


def test_a_message_beyond_the_largest(echo):
    echo.send(encode_frame(BINARY, b"", length=16 * MIB + 1))
    frame = echo.recv_frame()
    assert frame.opcode == CLOSE and frame.payload[:2] == b"\x03\xf1"


@pytest.mark.parametrize("piece", [1, 64, 1000])
def test_however_many_fragments(echo, piece):
    payload = "fünf Köpfe ".encode() * 300
    frames = [payload[at:at + piece] for at in range(0, len(payload), piece)]
    echo.send(b"".join(encode_frame(CONTINUATION if i else TEXT, part, fin=i == len(frames) - 1)
                       for i, part in enumerate(frames)))
    back(echo, TEXT, payload)


def test_fragments_without_a_byte(echo):
    echo.send(encode_frame(BINARY, b"", fin=False)
              + encode_frame(CONTINUATION, b"", fin=False) * 5000 + encode_frame(CONTINUATION))
    back(echo, BINARY, b"")


def test_pings_between_fragments(echo):
    echo.send(encode_frame(TEXT, b"one", fin=False) + encode_frame(PING, b"p")
              + encode_frame(CONTINUATION, b"two"))
    back(echo, PONG, b"p")
    back(echo, TEXT, b"onetwo")


def test_a_thousand_messages_come_back_in_order(echo):
    echo.send(b"".join(encode_frame(TEXT, b"%d" % i) for i in range(3000)))
    for i in range(3000):
        back(echo, TEXT, b"%d" % i)


VIOLATIONS = [
    (encode_frame(3), 1002), (encode_frame(11), 1002), (encode_frame(TEXT, b"x", rsv=2), 1002),
    (encode_frame(CONTINUATION, b"x"), 1002), (encode_frame(PING, b"x", fin=False), 1002),
    (encode_frame(PING, b"x" * 126), 1002), (encode_frame(TEXT, b"x", masked=False), 1002),
    (encode_frame(TEXT, b"a", fin=False) + encode_frame(TEXT, b"b"), 1002),
    (encode_frame(TEXT, b"\xce\xba\xed\xa0\x80"), 1007), (encode_frame(TEXT, b"\xf4\x90"), 1007),
    (encode_frame(CLOSE, b"\x03"), 1002), (encode_frame(CLOSE, b"\x03\xed"), 1002),
    (encode_frame(CLOSE, b"\x03\xe8\xff"), 1007),
]


# Not named by their bytes, whose masks are random.
@pytest.mark.parametrize("data, code", VIOLATIONS, ids=range(len(VIOLATIONS)))
def test_violations(echo, data, code):
    echo.send(data)
    frame = echo.recv_frame()
    assert frame.opcode == CLOSE and int.from_bytes(frame.payload[:2], "big") == code


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe8bye", b"\x0b\xb8", b"\x13\x87"])
def test_a_close_is_answered(echo, payload):
    echo.send_frame(CLOSE, payload)
    back(echo, CLOSE, payload[:2])


# ---- echo: Engine.IO and Socket.IO -----------------------------------------------------------

def poll(gateway, path, sid=None, body=None):
    where = f"{path}?EIO=4&transport=polling" + (f"&sid={sid}" if sid else "")
    answer = call(gateway.url, "GET" if body is None else "POST", where,
                  body=body if body is None else body.encode(),
                  headers={"Content-Type": "text/plain"} if body is not None else None)
    return answer.status, answer.body.decode()


@pytest.mark.parametrize("path", ["/engine.io/", "/socket.io/"])
def test_the_handshake_is_what_the_public_suites_expect(gateway, path):
    status, packet = poll(gateway, path)
    told = json.loads(packet[1:])
    assert status == 200 and packet[0] == "0" and isinstance(told.pop("sid"), str)
    assert told == {"upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200,
                    "maxPayload": 1000000}
    assert poll(gateway, path, sid="none")[0] == 400
    with WebSocket(f"{gateway.ws_url}{path}?EIO=4&transport=websocket") as ws:
        assert json.loads(ws.recv()[1:])["upgrades"] == []
        assert ws.recv() == "2"


def test_engineio_messages_by_polling(gateway):
    sid = json.loads(poll(gateway, "/engine.io/")[1][1:])["sid"]
    assert poll(gateway, "/engine.io/", sid, "4hello\x1ebAQIDBA==") == (200, "ok")
    assert poll(gateway, "/engine.io/", sid) == (200, "4hello\x1ebAQIDBA==")


class Io(WebSocket):
    """A Socket.IO connection; packets of the heartbeat are answered and not shown."""

    def __init__(self, gateway):
        super().__init__(gateway.ws_url + "/socket.io/?EIO=4&transport=websocket")
        assert self.packet()[0] == "0"

    def packet(self):
        while (text := self.recv()) == "2":
            self.send_text("3")
        return text


@pytest.mark.parametrize("sent, ns, auth", [
    ("40", "", "{}"), ('40{"token":"123"}', "", '{"token":"123"}'),
    ("40/custom,", "/custom,", "{}"), ('40/custom,{"token":"abc"}', "/custom,", '{"token":"abc"}'),
])
def test_socketio_tells_what_came_with_connect(gateway, sent, ns, auth):
    with Io(gateway) as io:
        io.send_text(sent)
        assert io.packet().startswith(f'40{ns}{{"sid":"')
        assert io.packet() == f'42{ns}["auth",{auth}]'


def test_socketio_auth_does_not_come_along_with_the_answer_to_connect(gateway):
    with Io(gateway) as io:
        io.send(encode_frame(TEXT, b'40{"token":"123"}') + encode_frame(TEXT, b'42["message"]'))
        assert io.packet().startswith('40{"sid"')
        assert [io.packet(), io.packet()] == ['42["message-back"]', '42["auth",{"token":"123"}]']


def test_socketio_messages_and_acknowledgements(gateway):
    with Io(gateway) as io:
        io.send_text("40/random")
        assert io.packet() == '44/random,{"message":"Invalid namespace"}'
        io.send_text("40")
        assert io.packet()[:2] == "40" and io.packet()[:2] == "42"
        io.send_text('42["message",1,"2",{"3":[true]}]')
        assert io.packet() == '42["message-back",1,"2",{"3":[true]}]'
        io.send_text('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert io.packet() == '43456[1,"2",{"3":[false]}]'
        io.send_text('42["message-with-ack",1]')
        io.send_text('42["other",1]')
        io.send_text('42["message"]')
        assert io.packet() == '42["message-back"]'


@pytest.mark.parametrize("sent, gets", [
    ('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
     '452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'),
    ('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
     '462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'),
])
def test_socketio_binary_arguments(gateway, sent, gets):
    with Io(gateway) as io:
        io.send_text("40")
        assert io.packet()[:2] == "40" and io.packet()[:2] == "42"
        io.send(encode_frame(TEXT, sent.encode()) + encode_frame(BINARY, b"\1\2\3")
                + encode_frame(BINARY, b"\4\5\6"))
        assert io.packet() == gets
        seen = []
        while len(seen) < 2:
            frame = io.recv_frame()
            if frame.opcode == BINARY:
                seen.append(frame.payload)
        assert seen == [b"\1\2\3", b"\4\5\6"]


# ---- ircish ----------------------------------------------------------------------------------

class IrcishPeer(Peer, WebSocket):
    dialect = "ircish"
    tells_sent = True

    def __init__(self, gateway, user):
        super().__init__(gateway.ws_url + "/irc")
        self.user, self.passed = user, []
        self.send_text(f"PASS {user['token']}")
        assert self.recv() == f":dragoman 001 {user['username']} :Welcome"

    def recv_json(self, timeout=None):
        return self.recv() if timeout is None else self.recv(timeout)

    def say(self, to, text):
        self.send_text(f"PRIVMSG {to['username']} :{text}")

    def interpret(self, frame):
        source, verb, rest = frame[1:].split(" ", 2)
        if verb != "PRIVMSG":
            return OTHER
        kind = "sent" if source == self.user["username"] else "pushed"
        return Seen(kind, source, None, rest.split(" :", 1)[1], None)


@pytest.mark.parametrize("dialect", sorted(PEERS))
def test_messages_cross_between_the_dialects(gateway, dialect):
    ada, bob = (make_user(gateway, username=unique("ada")), make_user(gateway,
                                                                      username=unique("bob")))
    with IrcishPeer(gateway, ada) as irc, PEERS[dialect](gateway, bob) as other:
        irc.say(bob, "hello from afar")
        assert irc.next("sent").text == "hello from afar"
        assert other.next("pushed").text == "hello from afar"
        other.say(ada, "hello back")
        assert irc.next("pushed")[1:4] == (bob["username"], None, "hello back")
        irc.send_text(f"HISTORY {bob['username']}")
        assert [irc.next().text for _ in range(2)] == ["hello from afar", "hello back"]


def test_lines_of_a_message(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    with IrcishPeer(gateway, ada) as irc, PEERS["pymessage"](gateway, bob) as other:
        other.say(ada, "one\r\ntwo\n\nthree")
        assert [irc.next("pushed").text for _ in range(4)] == ["one", "two", "", "three"]


def test_an_error_waits_for_its_turn(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    said = f":{ada['username']} PRIVMSG {bob['username']} :x"
    with IrcishPeer(gateway, ada) as irc:
        lines = [f"PRIVMSG {bob['username']} :x", "DANCE", f"PRIVMSG {bob['username']} :x",
                 "HISTORY", f"PRIVMSG {bob['username']} :x", f"PASS {ada['token']}"]
        irc.send(b"".join(encode_frame(TEXT, line.encode()) for line in lines))
        answers = [irc.recv() for _ in lines]
    assert answers[::2] == [said] * 3
    assert [answer.split()[1] for answer in answers[1::2]] == ["421", "461", "462"]


def test_presence_crosses(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    with IrcishPeer(gateway, ada) as irc:
        irc.send_text(f"MONITOR + {bob['username']}")
        assert irc.recv() == f":dragoman 731 * {bob['username']} :offline"
        with PEERS["opcode"](gateway, bob):
            assert irc.recv() == f":dragoman 730 * {bob['username']} :online"
        assert irc.recv() == f":dragoman 731 * {bob['username']} :offline"


def test_nobody_speaks_without_a_login(gateway):
    with WebSocket(gateway.ws_url + "/irc") as irc:
        for line in ("PRIVMSG x :y", "HISTORY x", "MONITOR + x"):
            irc.send_text(line)
            assert irc.recv() == ":dragoman 451 * :You have not registered"
        irc.send_text("PASS nonsense")
        assert irc.recv() == ":dragoman 464 * :Password incorrect"
        with pytest.raises(Closed, match="1008"):
            irc.recv()
