"""TLS spoken by the gateway itself: what it accepts, what it refuses, and that all it serves is
served over TLS too."""

import base64
import json
import os
import re
import socket
import ssl
import subprocess

import pytest

import certificates
from dialects import PEERS, make_user
from gateway import Gateway, GatewayError
from test_transcripts import FILES, name_of, play
from tls_front import TlsFront
from wire import Connection, call, trusting, upgrade_head

SHARED = [path for path in FILES if "\nsetting " not in path.read_text()]
HAPPY = [path for path in SHARED if path.stem in ("happy-path", "multi-socket", "files", "rest")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls")
    for parent in (path, *path.parents):
        if parent.stat().st_uid == os.getuid() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o055)
    return path


@pytest.fixture(scope="module")
def secure(folder):
    """A gateway that speaks nothing but TLS."""
    chain, key = certificates.make(folder, "chat.example")
    with Gateway(settings={"tls.certificate": chain, "tls.key": key,
                           "limits.handshake_ms": 3000},
                 config={"log": {"level": "debug"}}) as gw:
        yield gw


def wrapped(gw, name="chat.example", **how):
    """A connection with its handshake done; `how` are attributes of the context."""
    context = trusting()
    alpn = how.pop("alpn", None)
    if alpn:
        context.set_alpn_protocols(alpn)
    ciphers = how.pop("ciphers", None)
    if ciphers:
        context.set_ciphers(ciphers)
    for key, value in how.items():
        setattr(context, key, value)
    return Connection(gw.host, gw.port, tls=context, name=name)


def answers(conn):
    conn.send(b"GET /pymessage/get_user?id=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    return conn.response().status


def test_ready_line_says_https(secure):
    assert secure.url.startswith("https://127.0.0.1:")
    assert call(secure.url, path="/pymessage/get_user?id=1").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_current_versions(secure, version):
    with wrapped(secure, minimum_version=version, maximum_version=version) as conn:
        assert conn.sock.version() == version.name.replace("_", ".")
        assert answers(conn) == 200


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(secure, version):
    done = s_client(secure, version, "-cipher", "DEFAULT:@SECLEVEL=0")
    assert "alert protocol version" in done and "Cipher is (NONE)" in done


def s_client(gw, *options, typed="", patience=20):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{gw.host}:{gw.port}", *options],
        input=typed, capture_output=True, text=True, timeout=patience, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"])
def test_weak_ciphers_are_refused(secure, ciphers):
    with pytest.raises(ssl.SSLError):
        wrapped(secure, ciphers=ciphers + ":@SECLEVEL=0",
                maximum_version=ssl.TLSVersion.TLSv1_2)


def test_alpn(secure):
    with wrapped(secure, alpn=["h2", "http/1.1"]) as conn:
        assert conn.sock.selected_alpn_protocol() == "http/1.1"
        assert answers(conn) == 200
    with wrapped(secure) as conn:
        assert conn.sock.selected_alpn_protocol() is None
    # Python's client may see the alert at its first read only.
    with pytest.raises((ssl.SSLError, EOFError)):
        with wrapped(secure, alpn=["h2"]) as conn:
            answers(conn)


def test_any_server_name_gets_the_certificate(secure):
    for name in ("chat.example", "other.example"):
        with wrapped(secure, name=name) as conn:
            der = conn.sock.getpeercert(binary_form=True)
            assert b"chat.example" in der and answers(conn) == 200


def test_sessions_are_resumed(secure):
    with wrapped(secure) as first:
        assert answers(first) == 200
        context, session = first.sock.context, first.sock.session
    sock = socket.create_connection((secure.host, secure.port))
    with context.wrap_socket(sock, server_hostname="chat.example", session=session) as again:
        assert again.session_reused


def test_renegotiation_is_refused(secure):
    done = s_client(secure, "-tls1_2", typed="R\n")
    assert "RENEGOTIATING" in done and "no renegotiation" in done
    assert answers(wrapped(secure)) == 200


@pytest.mark.parametrize("text", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x80\x2e\x01\x00\x02", b"\x16\x03\x01\xff\xff" + b"x" * 65535, b"\x15\x03\x01\x00\x02\x02\x28",
    b"\x00" * 4096], ids=["http", "cut", "sslv2", "too-large", "alert", "zeros"])
def test_what_is_no_client_hello_is_closed(secure, text):
    with Connection(secure.host, secure.port) as conn:
        conn.send(text)
        assert conn.ends()
        assert b"HTTP/" not in conn.buffer
    assert answers(wrapped(secure)) == 200


def test_handshake_has_a_time(secure):
    with Connection(secure.host, secure.port) as silent:
        assert silent.ends() and silent.buffer == b""


def test_peer_that_vanishes_in_the_handshake(secure):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, server_hostname="x")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    for cut in (1, 5, 6, len(hello) // 2, len(hello)):
        with Connection(secure.host, secure.port) as conn:
            conn.send(hello[:cut])
    assert answers(wrapped(secure)) == 200


def test_hello_in_single_bytes(secure):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, server_hostname="x")
    with Connection(secure.host, secure.port) as conn:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    conn.send(bytes([byte]))
                conn.fill()
                incoming.write(conn.buffer)
                conn.buffer = b""
        # ... and a request in records of one byte.
        for byte in b"GET /pymessage/get_user?id=1 HTTP/1.1\r\nHost: x\r\n\r\n":
            client.write(bytes([byte]))
        conn.send(outgoing.read())
        text = b""
        while b"\r\n\r\n" not in text:
            try:
                text += client.read(65536)
            except ssl.SSLWantReadError:
                conn.fill()
                incoming.write(conn.buffer)
                conn.buffer = b""
        assert text.startswith(b"HTTP/1.1 200 ")


def test_half_closed_client_still_gets_its_answer(secure):
    with wrapped(secure) as conn:
        conn.send(b"GET /pymessage/get_user?id=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        socket.socket.shutdown(conn.sock, socket.SHUT_WR)
        assert conn.response().status == 200


def test_close_is_announced(secure):
    with wrapped(secure) as conn:
        conn.sock.suppress_ragged_eofs = False
        conn.send(b"GET /pymessage/get_user?id=1 HTTP/1.1\r\nHost: x\r\n"
                  b"Connection: close\r\n\r\n")
        assert conn.response().status == 200
        conn.sock.settimeout(10)
        assert conn.sock.recv(1) == b"", "an end without close_notify would raise"


def test_large_files_over_https(secure):
    ada = make_user(secure)
    peer = PEERS["casamsa"](secure, ada)
    chat = peer.ask("create_chat", "chat_created", users=[make_user(secure)["id"]],
                    title="files")["chat"]["id"]
    content = os.urandom(9_000_000)
    message = peer.ask("send_message", "message_created", chat=chat, text="x",
                       files=[{"name": "big.bin", "data": base64.b64encode(content).decode()}])
    url = message["message"]["attached_files"][0]["file"]
    assert url.startswith(secure.url + "/files/"), "the scheme is that of the socket"
    path = url[len(secure.url):]
    answer = call(secure.url, path=path)
    assert answer.status == 200 and answer.body == content
    peer.abort()


def test_slow_reader_over_tls_harms_nobody(secure):
    ada, bob = make_user(secure), make_user(secure)
    opcode = PEERS["opcode"](secure, ada)
    slow = PEERS["opcode"](secure, bob)
    for i in range(40):
        opcode.say(bob, "x" * 60000 + str(i))
        opcode.next("sent")
    seen = slow.collect(pushed=40)
    assert [one.text[-2:] for one in seen[-30:]] == [str(i) for i in range(10, 40)]


@pytest.mark.parametrize("dialect", sorted(PEERS))
def test_sockets_of_every_dialect(secure, dialect):
    ada, bob = make_user(secure), make_user(secure)
    mine, theirs = PEERS[dialect](secure, ada), PEERS["opcode"](secure, bob)
    mine.say(bob, "over wss")
    assert theirs.next("pushed").text == "over wss"


@pytest.mark.parametrize("path", HAPPY, ids=name_of)
def test_transcripts_over_tls(secure, path, tmp_path):
    with TlsFront(secure.host, secure.port) as url:
        play(secure, path, tmp_path, target=url)


# ---- configuration -------------------------------------------------------------------------------

def test_second_listener(folder, make_gateway):
    chain, key = certificates.make(folder, "both.example")
    gw = make_gateway(settings={"tls.certificate": chain, "tls.key": key,
                                "listen_tls": "127.0.0.1:0"})
    assert gw.url.startswith("http://") and gw.tls_url.startswith("https://")
    for url in (gw.url, gw.tls_url):
        assert call(url, path="/pymessage/get_user?id=1").status == 200


def test_key_may_stand_in_the_certificates_file(folder, make_gateway):
    chain, key = certificates.make(folder, "one.example")
    both = folder / "both.pem"
    both.write_text(chain.read_text() + key.read_text())
    gw = make_gateway(settings={"tls.certificate": both})
    assert call(gw.url, path="/pymessage/get_user?id=1").status == 200


@pytest.mark.parametrize("settings, says", [
    ({"tls.certificate": "/nowhere.pem"}, "/nowhere.pem: .*No such file"),
    ({"listen_tls": "127.0.0.1:0"}, "listen_tls needs tls.certificate")])
def test_bad_settings_are_refused(make_gateway, settings, says):
    gw = make_gateway(start=False, settings=settings)
    with pytest.raises(GatewayError, match=re.compile(says)):
        gw.start()


def test_proxy_protocol_in_front_of_tls(folder, make_gateway):
    chain, key = certificates.make(folder, "proxied.example")
    gw = make_gateway(config={"trusted_proxies": ["127.0.0.1"], "proxy_protocol": True,
                              "tls": {"certificate": str(chain), "key": str(key)},
                              "log": {"level": "debug"}})
    with Connection(gw.host, gw.port) as conn:
        conn.send(b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n")
        conn.sock = trusting().wrap_socket(conn.sock, server_hostname="x")
        conn.send(upgrade_head("/opcode/ws", "x", "AAAAAAAAAAAAAAAAAAAAAA=="))
        assert conn.response().status == 101
        gw.wait_log("peer=198.51.100.7")


def test_reload_takes_a_new_certificate_and_drops_nobody(folder, make_gateway):
    chain, key = certificates.make(folder, "old.example")
    settings = {"tls": {"certificate": str(chain), "key": str(key)}}
    gw = make_gateway(config=settings)
    ada, bob = make_user(gw), make_user(gw)
    mine, theirs = PEERS["opcode"](gw, ada), PEERS["saletick"](gw, bob)

    def shown():
        with wrapped(gw) as conn:
            return conn.sock.getpeercert(binary_form=True)

    def reload(settings, says):
        gw._config_path.write_text(json.dumps(settings))
        before = gw.log.count(says)
        gw.process.send_signal(1)
        while gw.log.count(says) == before:
            gw.wait_log(says)

    assert b"old.example" in shown()
    chain.write_text("no certificate")
    reload(settings, "chain.pem: cannot be used")
    assert b"old.example" in shown(), "a bad file changes nothing"
    chain, key = certificates.make(folder, "new.example")
    reload({"tls": {"certificate": str(chain), "key": str(key)}}, "configuration reloaded")
    assert b"new.example" in shown()
    mine.say(bob, "still here")
    assert theirs.next("pushed").text == "still here"


def test_the_certificates_end_is_a_metric(folder, make_gateway):
    chain, key = certificates.make(folder, "ends.example")
    gw = make_gateway(settings={"tls.certificate": chain, "tls.key": key},
                      args=["--admin", "127.0.0.1:0"])
    ends = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in", chain], text=True,
                          capture_output=True, check=True).stdout.strip().partition("=")[2]
    line = f"dragoman_tls_certificate_expiry_timestamp_seconds {ssl.cert_time_to_seconds(ends)}\n"
    assert line in call(gw.admin_url, path="/metrics").body.decode()
