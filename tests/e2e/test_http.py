"""HTTP/1.1 as the real gateway speaks it, over raw sockets: what is malformed, what only looks
like two requests to one party, and what must work (RFC 9110, RFC 9112)."""

import email.utils
import socket
import time

import pytest

from gateway import Gateway
from wire import Connection, call


def connect(gw):
    return Connection(gw.host, gw.port)


def request(head, body=b"", host=b"Host: x\r\n"):
    """A request from its first line and further fields, LF for CRLF."""
    first, _, fields = head.encode("latin-1").replace(b"\n", b"\r\n").partition(b"\r\n")
    return first + b"\r\n" + host + (fields + b"\r\n" if fields else b"") + b"\r\n" + body


def answers_of(gw, data, half_close=True):
    """Everything that comes back until the gateway ends the connection."""
    with connect(gw) as conn:
        conn.send(data)
        if half_close:
            conn.sock.shutdown(socket.SHUT_WR)
        conn.ends()
        return conn.buffer


def statuses(raw):
    return [int(part.split(b" ", 1)[0]) for part in raw.split(b"HTTP/1.1 ")[1:]]


# A second request, behind the first, that must never be seen as one.
HIDDEN = b"GET /opcode/hidden HTTP/1.1\r\nHost: x\r\n\r\n"

MALFORMED = {
    # request line
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "blank in target": (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "tab for a blank": (b"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no slash": (b"GET path HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "fragment": (b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "bad percent": (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "cut percent": (b"GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "NUL by percent": (b"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "NUL in target": (b"GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "lower case version": (b"GET / http/1.1\r\nHost: x\r\n\r\n", 400),
    "no such version syntax": (b"GET / HTTP/1\r\nHost: x\r\n\r\n", 400),
    "version 2.0": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    "version 1.2": (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 501, 505)),
    "unknown method": (b"BREW /opcode/thread HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    "lower case method": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    "CONNECT": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 501),
    # lines
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare LF after a field": (b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
    "bare LF at the end": (b"GET / HTTP/1.1\r\nHost: x\r\n\n", 400),
    "bare CR in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400),
    "bare CR for CRLF": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", 400),
    "bare CR at the end": (b"GET / HTTP/1.1\r\nHost: x\r\n\rX", 400),
    "folded field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
    "folded by tab": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", 400),
    "blank before the first field": (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    # fields
    "blank before the colon": (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
    "tab before the colon": (b"GET / HTTP/1.1\r\nHost: x\r\nA\t: b\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400),
    "no name": (b"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400),
    "name with a slash": (b"GET / HTTP/1.1\r\nHost: x\r\nA/B: c\r\n\r\n", 400),
    "name of bytes": (b"GET / HTTP/1.1\r\nHost: x\r\n\xc3\xa4: c\r\n\r\n", 400),
    "NUL in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400),
    "control in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x01c\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\nA: b\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
    "host with a blank": (b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n", 400),
    "host with a path": (b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
    "host with a user": (b"GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", 400),
    "unknown expectation": (request("POST /opcode/oauth/token HTTP/1.1\nExpect: cake\n"
                                    "Content-Length: 0"), 417),
}

SMUGGLING = {
    "length and chunked": ("Content-Length: 5\nTransfer-Encoding: chunked", b"0\r\n\r\n", 400),
    "chunked and length": ("Transfer-Encoding: chunked\nContent-Length: 5", b"0\r\n\r\n", 400),
    "two lengths": ("Content-Length: 0\nContent-Length: 44", b"", 400),
    "the same length twice": ("Content-Length: 0\nContent-Length: 0", b"", 400),
    "list of lengths": ("Content-Length: 0, 44", b"", 400),
    "signed length": ("Content-Length: +0", b"", 400),
    "negative length": ("Content-Length: -1", b"", 400),
    "hexadecimal length": ("Content-Length: 0x0", b"", 400),
    "length with a blank": ("Content-Length: 0 0", b"", 400),
    "empty length": ("Content-Length: ", b"", 400),
    "length with a letter": ("Content-Length: 0a", b"", 400),
    "length over 64 bits": ("Content-Length: 18446744073709551616", b"", 400),
    "blank before the length's colon": ("Content-Length : 44", b"", 400),
    "blank before the coding's colon": ("Transfer-Encoding : chunked", b"0\r\n\r\n", 400),
    "folded coding": ("Transfer-Encoding:\n chunked", b"0\r\n\r\n", 400),
    "coding after a tab fold": ("A: b\n\tTransfer-Encoding: chunked", b"0\r\n\r\n", 400),
    "chunked not last": ("Transfer-Encoding: chunked, identity", b"0\r\n\r\n", (400, 501)),
    "chunked twice": ("Transfer-Encoding: chunked, chunked", b"0\r\n\r\n", (400, 501)),
    "two codings": ("Transfer-Encoding: chunked\nTransfer-Encoding: identity", b"0\r\n\r\n",
                    (400, 501)),
    "coding by a near name": ("Transfer-Encoding: xchunked", b"0\r\n\r\n", (400, 501)),
    "quoted coding": ('Transfer-Encoding: "chunked"', b"0\r\n\r\n", (400, 501)),
    "vertical tab before the coding": ("Transfer-Encoding: \x0bchunked", b"0\r\n\r\n", (400, 501)),
    "gzip": ("Transfer-Encoding: gzip, chunked", b"0\r\n\r\n", 501),
    "empty coding": ("Transfer-Encoding: ", b"", (400, 501)),
    "chunk size with a sign": ("Transfer-Encoding: chunked", b"+0\r\n\r\n", 400),
    "chunk size in C": ("Transfer-Encoding: chunked", b"0x0\r\n\r\n", 400),
    "chunk size after a blank": ("Transfer-Encoding: chunked", b" 0\r\n\r\n", 400),
    "chunk size before a blank": ("Transfer-Encoding: chunked", b"0 \r\n\r\n", 400),
    "empty chunk size": ("Transfer-Encoding: chunked", b"\r\n\r\n", 400),
    "chunk size of a letter": ("Transfer-Encoding: chunked", b"g\r\n\r\n", 400),
    "chunk size over 64 bits": ("Transfer-Encoding: chunked", b"10000000000000000\r\n", 400),
    "chunk line ended by LF": ("Transfer-Encoding: chunked", b"0\n\r\n", 400),
    "chunk line ended by CR": ("Transfer-Encoding: chunked", b"0\r\r\n\r\n", 400),
    "chunk with no end": ("Transfer-Encoding: chunked", b"1\r\nab\r\n0\r\n\r\n", 400),
    "chunk ended by LF": ("Transfer-Encoding: chunked", b"1\r\na\n0\r\n\r\n", 400),
    "LF in an extension": ("Transfer-Encoding: chunked", b"0;a\nb\r\n\r\n", 400),
    "CR in an extension": ("Transfer-Encoding: chunked", b"0;a\rb\r\n\r\n", 400),
    "folded trailer": ("Transfer-Encoding: chunked", b"0\r\nA: b\r\n c\r\n\r\n", 400),
    "last line ended by LF": ("Transfer-Encoding: chunked", b"0\r\n\n", 400),
}


def check_refusal(gw, raw, wanted):
    """One answer of the wanted status, whole, that ends the connection; and the gateway lives."""
    assert len(statuses(raw)) == 1, raw
    assert statuses(raw)[0] in (wanted if isinstance(wanted, tuple) else (wanted,)), raw
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = {k.strip().lower(): v.strip() for k, _, v in
              (line.partition(b":") for line in head.split(b"\r\n")[1:])}
    assert fields[b"connection"].lower() == b"close"
    assert int(fields[b"content-length"]) == len(body)
    assert email.utils.parsedate_to_datetime(fields[b"date"].decode())
    assert b"\0" not in raw and b"hidden" not in raw
    assert call(gw.url, path="/opcode/thread").status == 401


@pytest.mark.parametrize("data,status", MALFORMED.values(), ids=MALFORMED)
def test_malformed(gateway, data, status):
    check_refusal(gateway, answers_of(gateway, data + HIDDEN), status)


@pytest.mark.parametrize("fields,body,status", SMUGGLING.values(), ids=SMUGGLING)
def test_smuggling(gateway, fields, body, status):
    data = request("POST /opcode/oauth/token HTTP/1.1\n" + fields, body + HIDDEN)
    check_refusal(gateway, answers_of(gateway, data), status)


def test_malformed_without_the_peer_closing(gateway):
    """The gateway ends the connection by itself."""
    assert statuses(answers_of(gateway, b"GET / HTTP/1.1\r\n\r\n", half_close=False)) == [400]


def test_smuggling_in_http_1_0(gateway):
    raw = answers_of(gateway, b"POST /opcode/oauth/token HTTP/1.0\r\n"
                              b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN)
    assert statuses(raw) == [400]


# ---- limits ----------------------------------------------------------------------------------

def test_request_line_too_long(gateway):
    check_refusal(gateway, answers_of(gateway, request("GET /" + "a" * 9000 + " HTTP/1.1")), 414)


def test_endless_request_line(gateway):
    check_refusal(gateway, answers_of(gateway, b"GET /" + b"a" * 200000), 414)


@pytest.mark.parametrize("fields", [
    "A: " + "b" * 20000, "A" * 20000 + ": b", "\n".join(f"A{i}: b" for i in range(150)),
    "\n".join("A: " + "b" * 1000 for _ in range(30)),
], ids=["value", "name", "number", "sum"])
def test_head_too_large(gateway, fields):
    check_refusal(gateway, answers_of(gateway, request("GET / HTTP/1.1\n" + fields)), 431)


def test_endless_head(gateway):
    data = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % i for i in range(50000))
    check_refusal(gateway, answers_of(gateway, data), 431)


def test_body_too_large_by_its_length(gateway):
    with connect(gateway) as conn:
        conn.send(request("POST /opcode/oauth/token HTTP/1.1\n"
                          "Content-Length: 999999999\nContent-Type: application/json"))
        answer = conn.response()
        assert answer.status == 413
        assert answer.headers["connection"].lower() == "close"
        conn.ends()


def test_body_too_large_in_chunks(gateway):
    with connect(gateway) as conn:
        conn.send(request("POST /opcode/oauth/token HTTP/1.1\nTransfer-Encoding: chunked\n"
                          "Content-Type: application/json"))
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        try:
            for _ in range(64):
                conn.send(chunk)
        except OSError:
            pass
        assert conn.response().status == 413


def test_endless_chunk_extensions(gateway):
    data = request("POST /opcode/oauth/token HTTP/1.1\nTransfer-Encoding: chunked",
                   b"0;a=" + b"b" * 200000 + b"\r\n\r\n")
    assert statuses(answers_of(gateway, data))[0] in (400, 413, 431)


@pytest.fixture(scope="module")
def hasty():
    with Gateway(settings={"limits.handshake_ms": 500}) as gw:
        yield gw


def test_head_too_slow(hasty):
    with connect(hasty) as conn:
        conn.send(b"GET /opcode/thread HT")
        answer = conn.response()
        assert answer.status == 408
        assert answer.headers["connection"].lower() == "close"
        conn.ends()


def test_head_by_single_bytes_for_ever(hasty):
    """Each byte arrives in time, the head does not."""
    with connect(hasty) as conn:
        try:
            for byte in b"GET / HTTP/1.1\r\nHost: " + b"x" * 1000:
                conn.send(bytes([byte]))
                if not conn.is_quiet(0.01):
                    break
            else:
                pytest.fail("all bytes were waited for")
        except OSError:
            pass
        assert conn.response().status == 408


def test_silence_is_ended_in_silence(hasty):
    with connect(hasty) as conn:
        conn.ends()
        assert conn.buffer == b""


# ---- what must work --------------------------------------------------------------------------

def test_not_found_and_not_allowed(gateway):
    token = gateway.token(gateway.add_user())
    for path in ("/", "/nothing", "/opcode", "/opcode/", "/opcode/nothing", "/opcodes/thread",
                 "/opcode/thread/x/y/z", "*", "//opcode/thread", "/opcode/../opcode/thread"):
        method = "OPTIONS" if path == "*" else "GET"
        assert call(gateway.url, method, path).status in (404, 405), path
    answer = call(gateway.url, "DELETE", "/opcode/thread",
                  {"Authorization": "Bearer " + token})
    assert answer.status == 405
    assert answer.body == b'{"message":"Method Not Allowed"}'
    assert "GET" in answer.headers["allow"]


def test_date_is_now(gateway):
    before = time.time()
    answer = call(gateway.url, path="/opcode/thread")
    date = email.utils.parsedate_to_datetime(answer.headers["date"])
    assert answer.headers["date"].endswith(" GMT")
    assert before - 5 < date.timestamp() <= time.time()


def test_keep_alive(gateway):
    with connect(gateway) as conn:
        for _ in range(3):
            conn.send(request("GET /opcode/thread HTTP/1.1"))
            answer = conn.response()
            assert answer.status == 401
            assert answer.headers.get("connection", "keep-alive").lower() == "keep-alive"
        conn.send(request("GET /opcode/thread HTTP/1.1\nConnection: close"))
        assert conn.response().headers["connection"].lower() == "close"
        conn.ends()


def test_http_1_0(gateway):
    with connect(gateway) as conn:
        conn.send(b"GET /opcode/thread HTTP/1.0\r\n\r\n")
        answer = conn.response()
        assert answer.status == 401
        conn.ends()
    with connect(gateway) as conn:
        for _ in range(2):
            conn.send(b"GET /opcode/thread HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            answer = conn.response()
            assert answer.status == 401
            if answer.headers.get("connection", "close").lower() == "close":
                conn.ends()
                break


def test_pipelining_answers_in_order(gateway):
    paths = ["/opcode/thread", "/nothing", "/opcode/profile", "/other"] * 50
    with connect(gateway) as conn:
        conn.send(b"".join(request(f"GET {path} HTTP/1.1") for path in paths))
        got = [conn.response().status for _ in paths]
    assert got == [401 if "opcode" in path else 404 for path in paths]


def test_pipelining_with_bodies_of_all_kinds(gateway):
    body = b'{"grant_type":"password","username":"nobody","password":"x"}'
    post = "POST /opcode/oauth/token HTTP/1.1\nContent-Type: application/json\n"
    chunked = b"%x;a=b\r\n%s\r\n3;x\r\n   \r\n0\r\nTrailer: x\r\n\r\n" % (len(body), body)
    data = (request(post + f"Content-Length: {len(body)}", body) + request("GET /x HTTP/1.1")
            + request(post + "Transfer-Encoding: chunked", chunked) + request("GET /x HTTP/1.1")
            + request(post + "Transfer-Encoding: Chunked", chunked) + b"\r\n"
            + request("GET /x HTTP/1.1"))
    with connect(gateway) as conn:
        conn.send(data)
        answers = [conn.response() for _ in range(6)]
    assert [answer.status for answer in answers] == [400, 404] * 3
    for answer in answers[::2]:
        assert b"invalid_grant" in answer.body


def test_request_by_single_bytes(gateway):
    body = b'{"grant_type":"password","username":"nobody","password":"x"}'
    data = request("POST /opcode/oauth/token HTTP/1.1\nContent-Type: application/json\n"
                   "Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    with connect(gateway) as conn:
        for byte in data:
            conn.send(bytes([byte]))
        answer = conn.response()
    assert answer.status == 400 and b"invalid_grant" in answer.body


@pytest.mark.parametrize("path", ["/opcode/thread", "/nothing", "/opcode/profile"])
@pytest.mark.parametrize("who", ["stranger", "user"])
def test_head_is_get_without_the_body(gateway, path, who):
    token = gateway.token(gateway.add_user()) if who == "user" else "none"
    fields = f"Authorization: Bearer {token}"
    with connect(gateway) as conn:
        conn.send(request(f"GET {path} HTTP/1.1\n{fields}"))
        full = conn.response()
        conn.send(request(f"HEAD {path} HTTP/1.1\n{fields}"))
        head = conn.response("HEAD")
        assert head.status == full.status
        skipped = ("date",)
        assert {k: v for k, v in head.headers.items() if k not in skipped} == \
               {k: v for k, v in full.headers.items() if k not in skipped}
        # The connection is in step.
        conn.send(request("GET /nothing HTTP/1.1"))
        assert conn.response().status == 404


def test_post_without_a_length_is_an_empty_body(gateway):
    with connect(gateway) as conn:
        conn.send(request("POST /opcode/oauth/token HTTP/1.1"))
        assert conn.response().status == 400
        conn.send(request("GET /nothing HTTP/1.1"))
        assert conn.response().status == 404


def test_continue_is_sent_where_it_is_waited_for(gateway):
    body = b'{"grant_type":"password","username":"nobody","password":"x"}'
    with connect(gateway) as conn:
        conn.send(request(f"POST /opcode/oauth/token HTTP/1.1\nContent-Length: {len(body)}\n"
                          "Content-Type: application/json\nExpect: 100-continue"))
        assert conn.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
        conn.send(body)
        assert conn.response().status == 400


def test_absolute_target(gateway):
    with connect(gateway) as conn:
        conn.send(request("GET http://example.org/opcode/thread HTTP/1.1"))
        assert conn.response().status == 401


def test_empty_lines_before_a_request(gateway):
    with connect(gateway) as conn:
        conn.send(b"\r\n" + request("GET /opcode/thread HTTP/1.1"))
        assert conn.response().status == 401


def test_half_close_still_gets_its_answer(gateway):
    raw = answers_of(gateway, request("GET /opcode/thread HTTP/1.1")
                     + request("GET /nothing HTTP/1.1"))
    assert statuses(raw) == [401, 404]


def test_peers_that_leave_in_the_middle(gateway):
    for data in (b"GET", request("POST /opcode/oauth/token HTTP/1.1\nContent-Length: 9", b"{"),
                 request("GET /opcode/thread HTTP/1.1") * 100):
        for _ in range(20):
            with connect(gateway) as conn:
                conn.send(data)
                conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert call(gateway.url, path="/opcode/thread").status == 401


def test_many_connections_at_once(gateway):
    conns = [connect(gateway) for _ in range(300)]
    try:
        for conn in conns:
            conn.send(request("GET /opcode/thread HTTP/1.1"))
        assert {conn.response().status for conn in conns} == {401}
    finally:
        for conn in conns:
            conn.abort()
