"""RFC 6455 against the opcode socket: handshake, frames, fragments, UTF-8, closing, sizes."""

import json
import socket
import struct
import time

import pytest

from gateway import Gateway
from opcode_client import Opcode, PROPERTIES
from wire import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Connection, Refused, WebSocket,
                  call, encode_frame, upgrade_head)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
BEFORE, AFTER = 1 << 16, 1 << 20  # bytes of a message before and after the login


@pytest.fixture(scope="module")
def users(gateway):
    """Two users and a token of the first."""
    ada, sam = gateway.add_user(first_name="Ada"), gateway.add_user(first_name="Sam")
    return {"gw": gateway, "ada": ada, "sam": sam, "token": gateway.token(ada)}


@pytest.fixture
def client(users):
    """A socket that is logged in."""
    with Opcode(users["gw"], users["token"]) as one:
        yield one


def message_frame(users, text, pad=0):
    """SEND_MESSAGE as bytes; pad: blanks within it."""
    head = '{"o":0,"e":"SEND_MESSAGE",' + " " * pad
    return (head + '"d":' + json.dumps({"to": users["sam"]["uuid"], "message": text},
                                       ensure_ascii=False) + "}").encode()


def is_alive(client, users):
    client.send_text(message_frame(users, "alive"))
    return bool(client.event("MESSAGE_SENT")["message_id"])


# ---- handshake -------------------------------------------------------------------------------

def handshake(gw, text):
    """Sends the head (LF for CRLF), returns connection and response."""
    conn = Connection(gw.host, gw.port)
    conn.send(text.encode().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    return conn, conn.response()


GOOD = ("GET /opcode/ws HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\n"
        f"Sec-WebSocket-Version: 13\nSec-WebSocket-Key: {KEY}")


@pytest.mark.parametrize("change", [
    ("", ""), ("Upgrade: websocket", "Upgrade: WebSocket"),
    ("Upgrade: websocket", "uPGRADE: WEBSOCKET"),
    ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
    ("Connection: Upgrade", "connection: UPGRADE"),
    ("Connection: Upgrade", "Connection: keep-alive\nConnection: upgrade"),
    ("Upgrade: websocket", "Upgrade: h2c, websocket"),
    ("Host: x", "Host: x\nOrigin: https://example.org"),
    ("Host: x", "Host: x\nSec-WebSocket-Protocol: chat, superchat"),
    ("Host: x", "Host: x\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
    ("Host: x", "Host: x\nSec-WebSocket-Extensions: x-unknown; a=b"),
    ("/opcode/ws ", "/opcode/ws?x=y "),
], ids=lambda change: change[1] or "as it is")
def test_handshake(gateway, change):
    conn, answer = handshake(gateway, GOOD.replace(*change) if change[0] else GOOD)
    with conn:
        assert answer.status == 101
        assert answer.headers["sec-websocket-accept"] == ACCEPT
        assert answer.headers["upgrade"].lower() == "websocket"
        assert "sec-websocket-protocol" not in answer.headers
        assert "x-unknown" not in answer.headers.get("sec-websocket-extensions", "")
        assert "content-length" not in answer.headers
        assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize("change,status", [
    (("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12"), 426),
    (("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 14"), 426),
    (("Sec-WebSocket-Version: 13\n", ""), (400, 426)),
    ((f"\nSec-WebSocket-Key: {KEY}", ""), 400),
    ((KEY, "short"), 400),
    ((KEY, KEY + KEY), 400),
    ((KEY, "!!!!IHNhbXBsZSBub25jZQ=="), 400),
    ((KEY, f"{KEY}\nSec-WebSocket-Key: {KEY}"), 400),
    (("GET", "POST"), (400, 405)),
    (("HTTP/1.1", "HTTP/1.0"), 400),
    (("Upgrade: websocket", "Upgrade: h2c"), 426),
    (("Upgrade: websocket\nConnection: Upgrade", "X: y"), 426),
    (("Connection: Upgrade\n", ""), (400, 426)),
    (("/opcode/ws", "/opcode/nothing"), 404),
    (("/opcode/ws", "/ws"), 404),
    (("/opcode/ws", "/"), 404),
], ids=lambda value: value[1].replace("\n", " ") if isinstance(value, tuple)
    and isinstance(value[0], str) else "")
def test_bad_handshake(gateway, change, status):
    conn, answer = handshake(gateway, GOOD.replace(*change))
    with conn:
        assert answer.status in (status if isinstance(status, tuple) else (status,))
        if answer.status == 426:
            assert answer.headers["sec-websocket-version"] == "13"


def test_frames_right_behind_the_handshake(users):
    """A client that waits neither for the upgrade nor for HELLO."""
    gw = users["gw"]
    with Connection(gw.host, gw.port) as raw:
        identify = json.dumps({"o": 2, "d": {"token": users["token"], "properties": PROPERTIES}})
        raw.send(upgrade_head("/opcode/ws", "x", KEY) + encode_frame(TEXT, identify.encode())
                 + encode_frame(TEXT, message_frame(users, "early")))
        assert raw.response().status == 101
        raw.__class__ = WebSocket
        assert [raw.recv_json()["o"], raw.recv_json()["e"], raw.recv_json()["e"]] == \
            [10, "READY", "MESSAGE_SENT"]


def test_handshake_by_single_bytes(gateway):
    with Connection(gateway.host, gateway.port) as conn:
        for byte in upgrade_head("/opcode/ws", "x", KEY):
            conn.send(bytes([byte]))
        assert conn.response().status == 101


# ---- messages --------------------------------------------------------------------------------

@pytest.mark.parametrize("length", [1, 125, 126, 127, 1000, 65535, 65536])
def test_text_of_every_length_form(users, client, length):
    text = "x" * length
    with Opcode(users["gw"], users["gw"].token(users["sam"])) as receiver:
        client.put_message(users["sam"], text)
        client.event("MESSAGE_SENT")
        assert receiver.event("MESSAGE")["message"] == text


@pytest.mark.parametrize("size", [125, 126, 127, 65535, 65536, 65537, AFTER])
def test_frame_of_every_length_form(users, client, size):
    short = message_frame(users, "padded")
    data = message_frame(users, "padded", pad=size - len(short)) if size > len(short) else short
    assert len(data) == max(size, len(short))
    client.send_text(data)
    assert client.event("MESSAGE_SENT")


def test_binary_frame_with_json_is_accepted(users, client):
    client.send_frame(BINARY, message_frame(users, "binary"))
    assert client.event("MESSAGE_SENT")


def test_binary_frame_that_is_no_utf8(client):
    client.send_frame(BINARY, b'{"o":0,"d":{},"e":"\xff\xfe"}')
    assert client.outcome() == ([4002], 1005)


def test_fragments(users, client):
    data = message_frame(users, "in pieces: äöü €")
    for cut in ([1], [0, 0], [5, 5, 9], list(range(1, len(data)))):
        edges = [0, *cut, len(data)]
        for i, (begin, end) in enumerate(zip(edges, edges[1:])):
            client.send_frame(TEXT if i == 0 else CONTINUATION, data[begin:end],
                              fin=i == len(edges) - 2)
        assert client.event("MESSAGE_SENT")


def test_control_frames_between_fragments(users, client):
    data = message_frame(users, "between")
    client.send_frame(TEXT, data[:10], fin=False)
    client.send_frame(PING, b"one")
    client.send_frame(CONTINUATION, data[10:20], fin=False)
    client.send_frame(PONG, b"unasked")
    client.send_frame(PING, b"two")
    client.send_frame(CONTINUATION, data[20:])
    pongs, events = [], []
    while not events:
        frame = client.recv_frame()
        (pongs if frame.opcode == PONG else events).append(frame.payload)
    assert pongs == [b"one", b"two"]
    assert json.loads(events[0])["e"] == "MESSAGE_SENT"


def test_every_byte_alone(users, client):
    data = encode_frame(PING, b"p") + encode_frame(TEXT, message_frame(users, "slow")[:30], False) \
        + encode_frame(CONTINUATION, message_frame(users, "slow")[30:])
    for byte in data:
        client.send(bytes([byte]))
    assert client.recv_frame().payload == b"p"
    assert client.event("MESSAGE_SENT")


def test_many_frames_in_one_segment(users, client):
    client.send(b"".join(encode_frame(TEXT, message_frame(users, f"burst {i}"))
                         for i in range(200)))
    for _ in range(200):
        client.event("MESSAGE_SENT")


# ---- control frames --------------------------------------------------------------------------

@pytest.mark.parametrize("payload", [b"", b"x", b"\xff\x00\xfe", b"y" * 125],
                         ids=["empty", "short", "bytes", "long"])
def test_ping_is_answered_with_its_payload(users, client, payload):
    client.send_frame(PING, payload)
    frame = client.recv_frame()
    assert (frame.fin, frame.opcode, frame.payload) == (True, PONG, payload)
    assert is_alive(client, users)


def test_ping_before_the_login(gateway):
    with Opcode(gateway) as stranger:
        stranger.send_frame(PING, b"x")
        assert stranger.recv_frame().opcode == PONG


def test_unasked_pong_is_ignored(users, client):
    client.send_frame(PONG, b"nobody asked")
    client.send_frame(PONG)
    assert is_alive(client, users)


def test_idle_socket_is_pinged():
    with Gateway(settings={"opcode.ping_interval_ms": 200}) as gw:
        with Opcode(gw, gw.token(gw.add_user())) as client:
            for _ in range(2):
                frame = client.recv_frame()
                assert frame.opcode == PING
                client.send_frame(PONG, frame.payload)


# ---- violations ------------------------------------------------------------------------------

def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


VIOLATIONS = {
    "unmasked": (encode_frame(TEXT, b"{}", masked=False), 1002),
    "unmasked ping": (encode_frame(PING, b"", masked=False), 1002),
    "rsv1": (encode_frame(TEXT, b"{}", rsv=4), 1002),
    "rsv2": (encode_frame(TEXT, b"{}", rsv=2), 1002),
    "rsv3": (encode_frame(TEXT, b"{}", rsv=1), 1002),
    "rsv of a ping": (encode_frame(PING, b"", rsv=4), 1002),
    **{f"reserved kind {kind}": (encode_frame(kind, b"x"), 1002)
       for kind in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "continuation of nothing": (encode_frame(CONTINUATION, b"{}"), 1002),
    "continuation after a whole message": (
        encode_frame(PING) + encode_frame(CONTINUATION, b"{}", fin=False), 1002),
    "text within a message": (
        encode_frame(TEXT, b"{", fin=False) + encode_frame(TEXT, b"}"), 1002),
    "binary within a message": (
        encode_frame(TEXT, b"{", fin=False) + encode_frame(BINARY, b"}"), 1002),
    "fragmented ping": (encode_frame(PING, b"", fin=False), 1002),
    "fragmented close": (encode_frame(CLOSE, b"", fin=False), 1002),
    "long ping": (encode_frame(PING, b"x" * 126), 1002),
    "long close": (encode_frame(CLOSE, close_payload(1000, b"x" * 124)), 1002),
    "length not in its shortest form, 16 bits": (
        b"\x81\xfe\x00\x02" + b"\0\0\0\0{}", 1002),
    "length not in its shortest form, 64 bits": (
        b"\x81\xff" + struct.pack("!Q", 2) + b"\0\0\0\0{}", 1002),
    "length with the highest bit": (
        b"\x81\xff" + struct.pack("!Q", 1 << 63) + b"\0\0\0\0", (1002, 1009)),
    "close of one byte": (encode_frame(CLOSE, b"\x03"), 1002),
    **{f"close code {code}": (encode_frame(CLOSE, close_payload(code)), 1002)
       for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
    "close reason that is no UTF-8": (
        encode_frame(CLOSE, close_payload(1000, b"\xff\xfe")), (1002, 1007)),
}

NO_UTF8 = {
    "lone continuation": b"\x80", "lead without its rest": b"\xc3", "overlong": b"\xc0\xaf",
    "overlong of three": b"\xe0\x80\xaf", "surrogate": b"\xed\xa0\x80",
    "beyond": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80", "ff": b"\xff", "cut": b"\xe2\x82",
    "wrong second": b"\xe2\x28\xa1",
}


def check_violation(client, gw, data, code):
    client.send(data)
    got, _ = client.expect_close()
    assert got in (code if isinstance(code, tuple) else (code,))
    assert call(gw.url, path="/nothing").status == 404


@pytest.mark.parametrize("data,code", VIOLATIONS.values(), ids=VIOLATIONS)
def test_violation(users, client, data, code):
    check_violation(client, users["gw"], data, code)


@pytest.mark.parametrize("data,code", list(VIOLATIONS.values())[:4], ids=list(VIOLATIONS)[:4])
def test_violation_before_the_login(gateway, data, code):
    with Opcode(gateway) as stranger:
        check_violation(stranger, gateway, data, code)


@pytest.mark.parametrize("bad", NO_UTF8.values(), ids=NO_UTF8)
@pytest.mark.parametrize("where", ["whole", "last fragment", "split"])
def test_text_that_is_no_utf8(users, client, bad, where):
    text = b'{"o":0,"d":{},"e":"' + bad
    if where == "whole":
        data = encode_frame(TEXT, text)
    elif where == "last fragment":
        data = encode_frame(TEXT, b"ok", False) + encode_frame(CONTINUATION, text)
    else:
        data = encode_frame(TEXT, text[:-1], False) + encode_frame(CONTINUATION, text[-1:])
    check_violation(client, users["gw"], data, 1007)


def test_character_split_between_fragments_is_fine(users, client):
    data = message_frame(users, "€😀")
    at = data.index("😀".encode()) + 2
    client.send_frame(TEXT, data[:at], fin=False)
    client.send_frame(PING)
    client.send_frame(CONTINUATION, data[at:])
    assert client.recv_frame().opcode == PONG
    assert client.event("MESSAGE_SENT")


# ---- closing ---------------------------------------------------------------------------------

@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
                                  1014, 3000, 3999, 4000, 4999])
def test_close_is_answered_with_its_code(client, code):
    assert client.close(code) == code


def test_empty_close_is_answered_empty(client):
    client.send_frame(CLOSE)
    assert client.expect_close() == (1005, [])


def test_close_with_the_longest_reason(client):
    client.send_frame(CLOSE, close_payload(1000, "ü".encode() * 61))
    assert client.expect_close()[0] == 1000


def test_nothing_counts_after_a_close(users, client):
    client.send(encode_frame(CLOSE, close_payload(1000))
                + encode_frame(TEXT, message_frame(users, "after the close"))
                + encode_frame(PING, b"x"))
    assert client.expect_close() == (1000, [])
    assert not users["gw"].psql("select 1 from messages where text = 'after the close'")


def test_close_within_a_message(client):
    client.send_frame(TEXT, b"{", fin=False)
    assert client.close(1000) == 1000


def test_closes_that_cross(users, client):
    """The gateway has closed, the client's own Close is its answer."""
    client.put(4000)
    assert client.recv_json()["o"] == 4001
    client.send_frame(CLOSE, close_payload(1000))
    frame = client.recv_frame()
    assert (frame.opcode, frame.payload) == (CLOSE, b"")
    client.ends()


def test_peers_that_vanish(users):
    gw = users["gw"]
    for data in (b"", encode_frame(TEXT, b"{", fin=False), b"\x81\xfe\xff", b"\x81",
                 encode_frame(TEXT, message_frame(users, "vanishing"))):
        for linger in (False, True):
            one = Opcode(gw, users["token"])
            one.send(data)
            if linger:
                one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.abort()
    with Opcode(gw, users["token"]) as client:
        assert is_alive(client, users)


def test_half_closed_peer_is_let_go(gateway):
    with Opcode(gateway) as client:
        client.sock.shutdown(socket.SHUT_WR)
        client.ends()


# ---- sizes -----------------------------------------------------------------------------------

def test_largest_message_before_the_login(gateway):
    with Opcode(gateway) as stranger:
        stranger.send_text(b'{"o":0,"e":"X","d":{}' + b" " * (BEFORE - 22) + b"}")
        assert stranger.outcome() == ([4003], 1005)


def over(limit):
    """The forms of a message one byte too long."""
    return {
        "one frame": encode_frame(TEXT, b" " * (limit + 1)),
        "header alone": encode_frame(TEXT, length=limit + 1),
        "huge header alone": encode_frame(TEXT, length=1 << 40),
        "binary": encode_frame(BINARY, b" " * (limit + 1)),
        "two fragments": encode_frame(TEXT, b" " * limit, False) + encode_frame(CONTINUATION, b" "),
        "header of the second fragment": encode_frame(TEXT, b" ", False)
        + encode_frame(CONTINUATION, length=limit),
        "many fragments": encode_frame(TEXT, b" ", False)
        + encode_frame(CONTINUATION, b" " * 1000, False) * (limit // 1000 + 1),
    }


@pytest.mark.parametrize("form", over(1))
def test_too_large_before_the_login(gateway, form):
    with Opcode(gateway) as stranger:
        stranger.send(over(BEFORE)[form])
        assert stranger.expect_close() == (1009, [])


@pytest.mark.parametrize("form", over(1))
def test_too_large_after_the_login(users, client, form):
    try:
        client.send(over(AFTER)[form])
    except OSError:
        pass
    assert client.expect_close() == (1009, [])


def test_limit_counts_messages_not_the_stream(users, client):
    data = message_frame(users, "again", pad=600000)
    for _ in range(4):
        client.send_text(data)
        assert client.event("MESSAGE_SENT")


def test_endless_empty_fragments_are_survived(users, client):
    client.send_frame(TEXT, b"", fin=False)
    for _ in range(100):
        client.send(encode_frame(CONTINUATION, b"", fin=False) * 100)
    client.send_frame(CONTINUATION, message_frame(users, "at last"))
    assert client.event("MESSAGE_SENT")


def test_refused_upgrade_is_told_by_the_client(gateway):
    with pytest.raises(Refused) as caught:
        WebSocket(gateway.ws_url + "/opcode/nothing")
    assert caught.value.response.status == 404


def test_socket_stays_open_in_silence(users, client):
    time.sleep(1)
    assert client.is_quiet(0)
    assert is_alive(client, users)
