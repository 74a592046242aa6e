"""Who a client is: addresses from trusted proxies, the PROXY protocol, and the limits per address
that count by them."""

import json
import signal

import pytest

from dialects import until
from gateway import Gateway, GatewayError
from wire import TEXT, Closed, Connection, WebSocket, call, encode_frame

LINE = b"PROXY TCP4 %s 192.0.2.1 4711 443\r\n"


@pytest.fixture(scope="module")
def behind():
    """Trusts this machine, so that tests may be anybody; three strangers' requests at once."""
    with Gateway(config={"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"],
                         "log": {"level": "debug"},
                         "limits": {"anonymous_rate": 1, "anonymous_burst": 3,
                                    "address_rate": 1, "address_burst": 8}}) as gw:
        yield gw


def guess(gw, user, client, fields=()):
    """The status of a login with a wrong password."""
    body = {"grant_type": "password", "username": user["username"], "password": "wrong"}
    return call(gw.url, "POST", "/opcode/oauth/token",
                {"X-Forwarded-For": client, **dict(fields)}, body).status


def test_guesses_count_for_the_client_not_for_the_proxy(make_gateway):
    gw = make_gateway(config={"trusted_proxies": "127.0.0.1"}, settings={"auth.guesses": 1})
    for i in range(4):
        assert guess(gw, gw.add_user(password="right"), "198.51.100.1") == 400, i
    fresh = gw.add_user(password="right")
    assert guess(gw, fresh, "198.51.100.1") == 429, "four names guessed from one address"
    assert guess(gw, fresh, "198.51.100.2") == 400, "another client of the same proxy"


def test_guesses_from_one_ipv6_network_count_together(make_gateway):
    gw = make_gateway(config={"trusted_proxies": "127.0.0.1"}, settings={"auth.guesses": 1})
    for i in range(4):
        assert guess(gw, gw.add_user(password="right"), f"2001:db8:0:1::{i}") == 400
    fresh = gw.add_user(password="right")
    assert guess(gw, fresh, "2001:db8:0:1:ffff::1") == 429
    assert guess(gw, fresh, "2001:db8:0:2::1") == 400


def test_strangers_do_not_name_themselves(make_gateway):
    gw = make_gateway(settings={"auth.guesses": 1})
    for i in range(4):
        assert guess(gw, gw.add_user(password="right"), f"198.51.100.{i}") == 400
    assert guess(gw, gw.add_user(password="right"), "198.51.100.9") == 429


@pytest.mark.parametrize("path, words", [
    ("/pymessage/get_user?id=1", None), ("/opcode/profile", {"message": "Too Many Requests"}),
    ("/saletick/chat/user/threads/", None)])
def test_strangers_are_limited_by_address(behind, path, words):
    client = {"X-Forwarded-For": f"203.0.113.{len(path)}"}
    statuses = [call(behind.url, path=path, headers=client).status for _ in range(5)]
    assert statuses[0] in (200, 401) and statuses[-1] == 429, statuses
    answer = call(behind.url, path=path, headers=client)
    assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1
    if words:
        assert json.loads(answer.body) == words
    assert call(behind.url, path=path, headers={"X-Forwarded-For": "203.0.113.200"}).status != 429


def test_registrations_and_handshakes_are_limited_by_address(behind):
    client = {"X-Forwarded-For": "203.0.113.77"}
    answers = [call(behind.url, "POST", "/opcode/register", client, {}).status for _ in range(6)]
    assert answers[0] == 400 and answers[-1] == 429, answers
    with pytest.raises(Exception) as refused:
        WebSocket(behind.ws_url + "/opcode/ws", fields=["X-Forwarded-For: 203.0.113.77"])
    assert refused.value.response.status == 429
    poll = "/pubsub/ws/?EIO=4&transport=polling"
    assert call(behind.url, path=poll, headers=client).status == 429
    assert call(behind.url, path=poll, headers={"X-Forwarded-For": "203.0.113.78"}).status == 200


def test_frames_before_the_login_are_limited_by_address(behind):
    with WebSocket(behind.ws_url + "/casamsa/ws/chat/",
                   fields=["X-Forwarded-For: 203.0.113.90"]) as stranger:
        for _ in range(6):
            stranger.send_json({"method": "auth", "args": {}, "access_token": "x"})
        errors = [stranger.recv_json()["data"]["type"] for _ in range(6)]
    assert errors[0] == "authorization_error" and errors[-1] == "access_error", errors


def test_those_who_are_known_have_the_wider_limit(behind):
    ada = behind.add_user()
    fields = {"X-Forwarded-For": "203.0.113.91", "Authorization": f"Bearer {behind.token(ada)}"}
    statuses = [call(behind.url, path="/opcode/profile", headers=fields).status
                for _ in range(12)]
    assert statuses[:6] == [200] * 6 and statuses[-1] == 429, statuses
    assert call(behind.url, path="/files/1/x", headers=fields).status == 429


def test_exempt_addresses_are_not_counted(behind):
    statuses = {call(behind.url, path="/pymessage/get_user?id=1").status for _ in range(20)}
    assert statuses == {200}


def test_the_log_names_the_client(behind):
    with WebSocket(behind.ws_url + "/pymessage/",
                   fields=["X-Forwarded-For: 192.0.2.99, 2001:db8::77, 10.1.1.1"]):
        behind.wait_log("peer=2001:db8::77")
    assert "192.0.2.99" not in behind.log


def test_urls_have_the_scheme_that_trusted_proxies_name(behind, gateway):
    body = b"--x\r\nContent-Disposition: form-data; name=files; filename=a.txt\r\n\r\nhi\r\n--x--\r\n"
    for gw, scheme in ((behind, "https"), (gateway, "http")):
        fields = {"Authorization": f"Bearer {gw.token(gw.add_user())}", "Host": "chat.example",
                  "X-Forwarded-Proto": "https",
                  "Content-Type": "multipart/form-data; boundary=x"}
        answer = call(gw.url, "POST", "/pubsub/api/upload/files", fields, body)
        assert json.loads(answer.body)["files"][0].startswith(f"{scheme}://chat.example/files/")


# ---- the PROXY protocol --------------------------------------------------------------------------

@pytest.fixture(scope="module")
def proxied():
    with Gateway(config={"trusted_proxies": ["127.0.0.1"], "proxy_protocol": True,
                         "log": {"level": "debug"}},
                 settings={"auth.guesses": 1}) as gw:
        yield gw


def opcode_hello(conn):
    conn.send(b"GET /opcode/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    return conn.response().status


def test_proxy_protocol_names_the_client(proxied):
    with Connection(proxied.host, proxied.port) as conn:
        for byte in LINE % b"198.51.100.7":
            conn.send(bytes([byte]))
        assert opcode_hello(conn) == 101
        proxied.wait_log("peer=198.51.100.7")
    two = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x08\xc0\0\x02\x01\x12\x67\x01\xbb"
    with Connection(proxied.host, proxied.port) as conn:
        conn.send(two)
        assert opcode_hello(conn) == 101
        proxied.wait_log("peer=198.51.100.8")


@pytest.mark.parametrize("header", [b"", b"PROXY TCP4 nonsense\r\n", b"PROXY TCP4 1.2.3.4\r\n",
                                    b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c", b"\x16\x03\x01\0\x05"])
def test_malformed_proxy_header_closes(proxied, header):
    with Connection(proxied.host, proxied.port) as conn:
        conn.send(header + b"GET /pymessage/get_user?id=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert conn.ends() and conn.buffer == b""


def test_proxy_protocol_needs_someone_to_trust(make_gateway):
    gw = make_gateway(start=False, settings={"proxy_protocol": True})
    with pytest.raises(GatewayError, match="proxy_protocol needs trusted_proxies"):
        gw.start()


@pytest.mark.parametrize("value", ["10.0.0.1/8", "example.org", "10.0.0.0/33", "unix:/x"])
def test_bad_addresses_are_refused(make_gateway, value):
    gw = make_gateway(start=False, config={"trusted_proxies": ["127.0.0.1", value]})
    with pytest.raises(GatewayError, match="is no address block"):
        gw.start()


def test_frames_of_known_users_do_not_count(behind):
    ada = behind.add_user(pin="1234")
    with WebSocket(behind.ws_url + "/pymessage/",
                   fields=["X-Forwarded-For: 203.0.113.95"]) as peer:
        peer.send_json({"type": "login", "username": ada["username"], "pin": "1234"})
        assert peer.recv_json()["type"] == "resp"
        for _ in range(10):
            peer.send(encode_frame(TEXT, b'{"type":"get_friends"}'))
        try:
            kinds = {peer.recv_json()["type"] for _ in range(10)}
        except Closed as closed:
            raise AssertionError("closed") from closed
    assert "error" not in kinds


def test_reload_changes_whom_to_trust(make_gateway):
    gw = make_gateway(config={"log": {"level": "debug"}})

    def appears_as(client):
        before = gw.log.count("peer=" + client)
        with WebSocket(gw.ws_url + "/pymessage/", fields=["X-Forwarded-For: 198.51.100.33"]):
            until(lambda: gw.log.count("peer=" + client) > before, f"a peer {client}")

    def reload(config, says):
        gw._config_path.write_text(json.dumps({"log": {"level": "debug"}, **config}))
        before = gw.log.count(says)
        gw.process.send_signal(signal.SIGHUP)
        until(lambda: gw.log.count(says) > before, says)

    appears_as("127.0.0.1")
    reload({"trusted_proxies": ["127.0.0.1"]}, "configuration reloaded")
    appears_as("198.51.100.33")
    reload({"trusted_proxies": ["nonsense"]}, "is no address block")
    appears_as("198.51.100.33")
    reload({}, "configuration reloaded")
    appears_as("127.0.0.1")
