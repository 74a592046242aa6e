"""Bytes to and from a server: HTTP/1.1 and WebSocket without a library that would correct what a
test wants to send wrong. Every wait has a limit; running into it is an AssertionError."""

import base64
import collections
import hashlib
import json
import os
import select
import socket
import ssl
import struct
import time
import urllib.parse

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3

# Nothing waits this long when all is well; sanitizers, valgrind and busy machines are slow.
PATIENCE = float(os.environ.get("TESTS_PATIENCE", "30"))

Response = collections.namedtuple("Response", "status headers body head")
Frame = collections.namedtuple("Frame", "fin rsv opcode payload")


class Closed(Exception):
    """A WebSocket was closed: code 1005 for an empty Close, 1006 when there was none."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code, self.reason = code, reason


class Refused(Exception):
    """An upgrade was answered by something else than 101."""

    def __init__(self, response):
        super().__init__(f"upgrade refused: {response.head!r}")
        self.response = response


def trusting():
    """A TLS context that asks for no known root: the tests make their own certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Connection:
    """A TCP connection with a buffer for what came and was not asked for yet; with a context for
    TLS over it."""

    def __init__(self, host, port, timeout=PATIENCE, tls=None, name=None, source=None):
        self.sock = socket.create_connection((host, port), timeout, source and (source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=name or host)
        self.buffer = b""

    @classmethod
    def to(cls, url, timeout=PATIENCE):
        parts = urllib.parse.urlsplit(url)
        return cls(parts.hostname, parts.port, timeout, tls_for(parts))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.abort()

    def send(self, data):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)

    def fill(self, timeout=PATIENCE):
        """Reads once; False at the end of the stream (a reset is one, too)."""
        deadline = time.monotonic() + timeout
        while True:
            if not self._readable(deadline - time.monotonic()):
                raise AssertionError(
                    f"nothing came in {timeout:.1f} s; before: {self.buffer[:200]!r}")
            self.sock.settimeout(0)
            try:
                data = self.sock.recv(1 << 18)
            except (ssl.SSLWantReadError, BlockingIOError):
                continue  # a record without data, such as a ticket
            except (ConnectionError, ssl.SSLError):
                return False
            self.buffer += data
            return bool(data)

    def read(self, size, timeout=PATIENCE):
        while len(self.buffer) < size:
            if not self.fill(timeout):
                raise EOFError(f"ended after {self.buffer[:200]!r}")
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_until(self, mark, timeout=PATIENCE):
        while mark not in self.buffer:
            if not self.fill(timeout):
                raise EOFError(f"ended after {self.buffer[:200]!r}")
        data, _, self.buffer = self.buffer.partition(mark)
        return data

    def ends(self, timeout=PATIENCE):
        """Waits for the end of the stream; whatever comes before it stays in the buffer."""
        deadline = time.monotonic() + timeout
        while self.fill(deadline - time.monotonic()):
            pass
        return True

    def is_quiet(self, seconds):
        """Whether nothing more comes for so long."""
        if self.buffer:
            return False
        try:
            self.fill(seconds)
        except AssertionError:
            return True
        return False

    def _readable(self, seconds):
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        # select() knows no descriptor above 1023.
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(max(seconds, 0) * 1000))

    def abort(self):
        self.sock.close()

    # ---- HTTP ----

    def response(self, method="GET", timeout=PATIENCE):
        """Reads one final response (skipping 1xx but 101)."""
        while True:
            head = self.read_until(b"\r\n\r\n", timeout).decode("latin-1")
            lines = head.split("\r\n")
            version, status, _ = (lines[0] + "  ").split(" ", 2)
            assert version == "HTTP/1.1", head
            headers = {}
            for line in lines[1:]:
                name, colon, value = line.partition(":")
                assert colon, head
                assert name.lower() not in headers or name.lower() == "set-cookie", head
                headers[name.lower()] = value.strip()
            if status == "101" or not status.startswith("1"):
                break
        body = self._body(method, int(status), headers, timeout)
        return Response(int(status), headers, body, head)

    def _body(self, method, status, headers, timeout):
        if method == "HEAD" or status in (101, 204, 304):
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            assert "content-length" not in headers
            body = b""
            while True:
                size = int(self.read_until(b"\r\n", timeout).split(b";")[0], 16)
                piece = self.read(size + 2, timeout)
                assert piece.endswith(b"\r\n")
                if size == 0:
                    return body
                body += piece[:-2]
        if "content-length" in headers:
            return self.read(int(headers["content-length"]), timeout)
        self.ends(timeout)
        body, self.buffer = self.buffer, b""
        return body


def tls_for(parts):
    """The context that a split URL asks for, or None."""
    return trusting() if parts.scheme in ("https", "wss") else None


def call(url, method="GET", path="/", headers=None, body=None, timeout=PATIENCE):
    """One request on a connection of its own. A body that is no bytes is sent as JSON."""
    parts = urllib.parse.urlsplit(url)
    fields = {"Host": parts.netloc, "Connection": "close", **(headers or {})}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        fields.setdefault("Content-Type", "application/json")
    if body is not None:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    with Connection(parts.hostname, parts.port, timeout, tls_for(parts)) as conn:
        conn.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        return conn.response(method, timeout)


def encode_frame(opcode, payload=b"", fin=True, rsv=0, masked=True, length=None):
    """A frame as a client sends it; `length` claims another size than the payload has."""
    size = len(payload) if length is None else length
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    key = (mask * (len(payload) // 4 + 1))[:len(payload)]
    data = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + data.to_bytes(len(payload), "big")


def upgrade_head(target, host, key, fields=()):
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket",
             "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
             *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class WebSocket(Connection):
    """A client's WebSocket. recv() answers pings; recv_frame() does nothing by itself."""

    def __init__(self, url, fields=(), timeout=PATIENCE):
        parts = urllib.parse.urlsplit(url)
        super().__init__(parts.hostname, parts.port, timeout, tls_for(parts))
        key = base64.b64encode(os.urandom(16)).decode()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.send(upgrade_head(target, parts.netloc, key, fields))
        response = self.response(timeout=timeout)
        if response.status != 101:
            self.abort()
            raise Refused(response)
        wanted = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        assert response.headers["sec-websocket-accept"] == wanted
        assert response.headers["upgrade"].lower() == "websocket"
        assert "upgrade" in response.headers["connection"].lower()
        self.handshake = response

    def send_frame(self, opcode, payload=b"", **how):
        self.send(encode_frame(opcode, payload, **how))

    def send_text(self, text):
        self.send_frame(TEXT, text.encode() if isinstance(text, str) else text)

    def send_json(self, value):
        self.send_text(json.dumps(value))

    def recv_frame(self, timeout=PATIENCE):
        """The next frame; Closed(1006) at the end of the stream."""
        try:
            first, second = self.read(2, timeout)
            assert not second & 0x80, "a server's frame is never masked"
            size = second & 0x7F
            if size == 126:
                size, = struct.unpack("!H", self.read(2, timeout))
                assert size >= 126, "not the shortest length"
            elif size == 127:
                size, = struct.unpack("!Q", self.read(8, timeout))
                assert size >= 1 << 16, "not the shortest length"
            return Frame(bool(first & 0x80), first >> 4 & 7, first & 15, self.read(size, timeout))
        except EOFError:
            raise Closed(1006) from None

    def is_quiet(self, seconds):
        """Whether nothing but pings, which are answered, comes for so long."""
        deadline = time.monotonic() + seconds
        while not super().is_quiet(max(deadline - time.monotonic(), 0)):
            if not self.buffer or self.buffer[0] != 0x80 | PING:
                return False
            self.send_frame(PONG, self.recv_frame().payload)
        return True

    def recv(self, timeout=PATIENCE):
        """The next message as text. Raises Closed, having answered the Close."""
        message = b""
        deadline = time.monotonic() + timeout
        while True:
            frame = self.recv_frame(deadline - time.monotonic())
            assert frame.rsv == 0, frame
            if frame.opcode == PING:
                self.send_frame(PONG, frame.payload)
            elif frame.opcode == CLOSE:
                self._answer_close(frame.payload)
            elif frame.opcode != PONG:
                message += frame.payload
                if frame.fin:
                    return message.decode()

    def _answer_close(self, payload):
        assert len(payload) != 1
        try:
            self.send_frame(CLOSE, payload[:2])
        except OSError:
            pass
        code = struct.unpack("!H", payload[:2])[0] if payload else 1005
        raise Closed(code, payload[2:].decode())

    def recv_json(self, timeout=PATIENCE):
        return json.loads(self.recv(timeout))

    def expect_close(self, timeout=PATIENCE):
        """Reads until the Close and the end of the stream; returns (code, messages before)."""
        messages = []
        deadline = time.monotonic() + timeout
        try:
            while True:
                messages.append(self.recv(deadline - time.monotonic()))
        except Closed as closed:
            if closed.code != 1006:
                self.ends(deadline - time.monotonic())
            self.abort()
            return closed.code, messages

    def close(self, code=1000, timeout=PATIENCE):
        """The closing handshake; returns the server's code."""
        self.send_frame(CLOSE, struct.pack("!H", code))
        return self.expect_close(timeout)[0]
