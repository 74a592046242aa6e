"""The admin API, as an operator's scripts and a hostile web page see it."""

import base64
import json
import os
import re
import socket
import stat
import time

import pytest

from dialects import PEERS, make_user, until
from gateway import ROOT, Gateway, GatewayError, unique
from outage import outage
from wire import call

API = "/api/v1"


class Admin:
    """The API of one gateway, with its token."""

    def __init__(self, gw):
        self.gw = gw
        self.url = gw.admin_url
        self.token = (gw.state / "admin.token").read_text().strip()

    def ask(self, method, path, body=None, headers=None, token=True):
        """(status, decoded body or None)"""
        headers = dict(headers or {})
        if token:
            headers.setdefault("Authorization",
                               f"Bearer {self.token if token is True else token}")
        answer = call(self.url, method, API + path, headers, body)
        return answer.status, json.loads(answer.body) if answer.body else None

    def get(self, path, **how):
        status, body = self.ask("GET", path, **how)
        assert status == 200, (status, body)
        return body


@pytest.fixture(scope="module")
def admin():
    with Gateway(args=["--admin", "127.0.0.1:0"]) as gw:
        yield Admin(gw)


# ---- who may ---------------------------------------------------------------------------------

PATHS = ["/status", "/config", "/sessions", "/sessions/1", "/users", "/users/1", "/adapters",
         "/adapters/x", "/users/1/sessions", "/no-such-path"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, "wrong-token-wrong-token", ""])
def test_without_the_token_nothing_is_told(admin, path, token):
    status, body = admin.ask("GET", path, token=token)
    assert status == 401
    assert body["error"]["code"] == "unauthenticated"
    headers = {"Authorization": "Basic " + base64.b64encode(b"x:y").decode()}
    answer = call(admin.url, path=API + path, headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


# Wherever it lies: only what the table calls free is open.
@pytest.mark.parametrize("path", ["/no-such-path", "/api", "/apiv1", "/metrics/", "//api/v1/status"])
def test_outside_of_the_api_all_else_is_guarded_too(admin, path):
    assert call(admin.url, path=path).status == 401
    bearing = {"Authorization": f"Bearer {admin.token}"}
    assert call(admin.url, path=path, headers=bearing).status == 404


def test_a_prefix_of_the_token_is_none(admin):
    for wrong in (admin.token[:-1], admin.token + "x", admin.token.upper(), "x" * 10000):
        assert admin.ask("GET", "/status", token=wrong)[0] in (401, 431)


def test_the_token_file_is_for_the_owner_alone(admin):
    path = admin.gw.state / "admin.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(admin.token) >= 24
    assert [p.name for p in admin.gw.state.glob("admin.token*")] == ["admin.token"]


def test_the_token_stays_over_a_restart(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"])
    before = Admin(gw).token
    gw.restart()
    assert Admin(gw).token == before
    assert Admin(gw).ask("GET", "/status")[0] == 200


def test_a_token_file_of_the_operator(make_gateway, tmp_path):
    own = tmp_path / "token"
    own.write_text("my-own-secret-token-1234\n")
    gw = make_gateway(args=["--admin", "127.0.0.1:0"], settings={"admin_token_file": own})
    answer = call(gw.admin_url, path=API + "/status",
                  headers={"Authorization": "bearer my-own-secret-token-1234"})
    assert answer.status == 200
    assert not (gw.state / "admin.token").exists()
    assert "my-own-secret" not in gw.log


@pytest.mark.parametrize("content", ["", "short", "has blanks inside of it\n", "x" * 600])
def test_a_bad_token_file_ends_the_start(make_gateway, tmp_path, content):
    own = tmp_path / "token"
    own.write_text(content)
    with pytest.raises(GatewayError, match=f"{own}: it holds no token"):
        make_gateway(args=["--admin", "127.0.0.1:0"], settings={"admin_token_file": own})


# A page elsewhere cannot ask, whatever it has found out; a name that leads here is not enough.
@pytest.mark.parametrize("headers, expected", [
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Host": "evil.example"}, 421),
    ({"Host": "evil.example:9090"}, 421),
    ({"Host": "127.0.0.1.evil.example"}, 421),
    ({"Host": "localhost.evil.example"}, 421),
    ({"Host": "localhost:9090", "Origin": "http://localhost:9091"}, 403),
    ({"Host": "localhost:9090", "Origin": "http://localhost:9090"}, 200),
    ({"Host": "[::1]:9090"}, 200),
    ({"Host": "[2001:db8::1]"}, 200),
    ({"Host": "[evil.example]"}, 421),
    ({"Host": "admin.localhost"}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
])
def test_browsers_are_kept_to_the_listener_itself(admin, headers, expected):
    status, _body = admin.ask("GET", "/status", headers=headers)
    assert status == expected
    assert not any(name.startswith("access-control-") for name in
                   call(admin.url, path=API + "/status", headers=headers).headers)


def test_further_names_are_configured(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"],
                      settings={"admin_names": "one.example gateway.internal"})
    own = Admin(gw)
    for name, expected in (("gateway.internal:9000", 200), ("ONE.example", 200),
                           ("gateway.internal.example", 421), ("one.example ", 200),
                           ("two.example", 421)):
        assert own.ask("GET", "/status", headers={"Host": name})[0] == expected, name


def test_who_comes_through_the_unix_socket_needs_no_token(make_gateway, tmp_path):
    path = tmp_path / "admin.sock"
    gw = make_gateway(args=["--admin", f"unix:{path}"])

    def ask(head):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(str(path))
            sock.sendall(head.replace("\n", "\r\n").encode())
            data = b""
            while piece := sock.recv(65536):
                data += piece
            return data.decode()

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    asked = f"GET {API}/status HTTP/1.1\nHost: localhost\nConnection: close\n"
    answer = ask(asked + "\n")
    assert answer.startswith("HTTP/1.1 200 ") and f'"pid":{gw.pid}' in answer
    # A browser behind a forwarded socket is still a browser.
    assert ask(asked + "Origin: https://evil.example\n\n").startswith("HTTP/1.1 403 ")
    assert ask(asked.replace("localhost", "evil.example") + "\n").startswith("HTTP/1.1 421 ")


# ---- form ------------------------------------------------------------------------------------

@pytest.mark.parametrize("method, path, expected, allow", [
    ("POST", "/sessions", 405, "GET, HEAD"), ("DELETE", "/users/1", 405, "GET, HEAD"),
    ("PUT", "/sessions/1", 405, "GET, HEAD, DELETE"), ("GET", "/drain", 405, "POST"),
    ("OPTIONS", "/users", 405, "GET, HEAD, POST"), ("GET", "/nothing", 404, None),
    ("GET", "", 404, None), ("GET", "/sessions/", 404, None), ("GET", "/users/1/nothing", 404, None),
    ("GET", "/sessions/x", 404, None), ("GET", "/sessions/99999999999", 404, None),
    ("GET", "/sessions/-1", 404, None), ("DELETE", "/sessions/0", 404, None),
    ("GET", "/adapters/none", 404, None),
])
def test_methods_and_paths(admin, method, path, expected, allow):
    answer = call(admin.url, method, API + path, {"Authorization": f"Bearer {admin.token}"})
    assert answer.status == expected
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body)["error"]["message"]
    assert answer.headers.get("allow") == allow


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=", "limit=1e3",
                                   "after=-1", "after=99999999999999999999", "user=abc",
                                   "colour=red", "limit=%00"])
def test_bad_queries(admin, query):
    status, body = admin.ask("GET", "/sessions?" + query)
    assert (status, body["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize("body, expected", [
    (b"{", 400), (b"[]", 400), (b"null", 400), (b'"x"', 400), (b"{}", 400), (b'{"a":1}', 400),
    (b'{"username":""}', 400), (b'{"username":5}', 400), (b'{"username":"a\\u0000b"}', 400),
    (b'{"username":"\xff"}', 400), (b'{"username":"' + b"x" * 600 + b'"}', 400),
    (b'{"first_name":"Ada"}', 400), (b'{"username":"x","id":5}', 400),
    (b'{"username":"x","id":"10000001"}', 400), (b'{"username":"x","uuid":"no"}', 400),
    (b'{"username":"x","password":""}', 400), (b'{"username":"x","pin":1234}', 400),
    (b'{"username":"x","active":true}', 400), (b'{"username":"' + b"x" * 20000 + b'"}', 413),
    (b"[" * 5000, 400),
])
def test_bad_bodies(admin, body, expected):
    status, answer = admin.ask("POST", "/users", body, {"Content-Type": "application/json"})
    assert status == expected, answer
    assert answer["error"]["message"]


def test_a_body_of_another_kind(admin):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        status, _ = admin.ask("POST", "/users", b'{"username":"x"}', {"Content-Type": kind})
        assert status == 415
    status, _ = admin.ask("GET", "/status", b"{}", {"Content-Type": "application/json"})
    assert status == 400


def test_head(admin):
    answer = call(admin.url, "HEAD", API + "/status",
                  {"Authorization": f"Bearer {admin.token}"})
    assert (answer.status, answer.body) == (200, b"")


# ---- what is there ---------------------------------------------------------------------------

def test_status(admin):
    status = admin.get("/status")
    assert status["pid"] == admin.gw.pid
    assert (status["ready"], status["reason"]) == (True, None)
    assert status["database"]["state"] == "up" and status["database"]["private"] is True
    until(lambda: admin.get("/status")["bus"]["state"] == "up", "the bus is up")
    assert status["listen"] == admin.gw.url.removeprefix("http://")


def test_adapters(admin):
    adapters = {a["name"]: a for a in admin.get("/adapters")["adapters"]}
    assert set(adapters) >= set(PEERS)
    one = adapters["saletick"]
    assert admin.get("/adapters/saletick") == one
    assert one["mount"] == "/saletick" and one["state"] == "started"
    socket_route = next(r for r in one["routes"] if r["transport"] == "websocket")
    assert socket_route["token_parameter"] == "token"
    assert {"key": "rate", "value": "200", "given": True,
            "doc": next(s["doc"] for s in one["settings"] if s["key"] == "rate")} \
        in one["settings"]
    listed = [line.split("\t") for line in admin.gw.cli("adapter", "list", "--matrix").splitlines()]
    assert [[one["name"], e["event"], e["treatment"], e["note"] or ""] for e in one["events"]] \
        == [row for row in listed if row[0] == "saletick"]


def test_config_is_masked(make_gateway, tmp_path):
    secret = unique("hs-secret")
    gw = make_gateway(args=["--admin", "127.0.0.1:0"], config={"auth": {"issuers": [
        {"name": "school", "algorithm": "HS256", "secret": secret}]}})
    own = Admin(gw)
    text = json.dumps(own.get("/config"))
    assert secret not in text and own.token not in text
    settings = {s["path"]: s for s in own.get("/config")["settings"]}
    assert settings["auth.issuers[0].secret"]["value"] == "***"
    assert settings["auth.issuers[0].name"]["value"] == "school"
    assert settings["limits.rate"] | {"doc": None} == {
        "path": "limits.rate", "value": "200", "given_by": "default", "doc": None}
    assert settings["state"]["given_by"].startswith("--")


def test_sessions_are_listed_and_closed(admin):
    gw = admin.gw
    ada, bob = make_user(gw), make_user(gw)
    with PEERS["saletick"](gw, ada) as one, PEERS["casamsa"](gw, ada) as two, \
            PEERS["pymessage"](gw, bob) as three:
        mine = admin.get(f"/sessions?user={ada['id']}")
        assert [s["adapter"] for s in mine["sessions"]] == ["saletick", "casamsa"]
        assert mine["next"] is None
        assert admin.get(f"/users/{ada['username']}/sessions") == mine
        first = mine["sessions"][0]
        assert first["user"] == {"id": ada["id"], "name": ada["username"]}
        assert (first["transport"], first["address"]) == ("websocket", "127.0.0.1")
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z$", first["since"])
        assert (first["queued_bytes"], first["pending_commands"]) == (0, 0)
        assert admin.get(f"/sessions/{first['id']}")["user"] == first["user"]
        assert [s["user"]["id"] for s in admin.get("/sessions?adapter=pymessage")["sessions"]] \
            == [bob["id"]]
        assert admin.get("/sessions?adapter=pymessage&address=192.0.2.1")["sessions"] == []

        assert admin.ask("DELETE", f"/sessions/{first['id']}") == (204, None)
        assert one.expect_close()[0] == 1001
        until(lambda: admin.ask("GET", f"/sessions/{first['id']}")[0] == 404, "it is gone")
        assert admin.ask("DELETE", f"/sessions/{first['id']}")[0] == 404
        # Nobody else has noticed.
        three.say(ada, "still here")
        assert two.next("pushed").text == "still here"


def test_sessions_come_in_pages(admin):
    gw = admin.gw
    user = make_user(gw)
    peers = [PEERS["saletick"](gw, user) for _ in range(7)]
    try:
        seen, after = [], 0
        while after is not None:
            page = admin.get(f"/sessions?user={user['id']}&limit=3&after={after}")
            assert len(page["sessions"]) <= 3
            seen += [s["id"] for s in page["sessions"]]
            after = page["next"]
        assert len(seen) == 7 and seen == sorted(set(seen))
    finally:
        for peer in peers:
            peer.close()


def test_a_username_of_digits_is_no_id(admin):
    victim = admin.gw.add_user()
    far = "9" * 17
    for name in (str(victim["id"]), victim["uuid"], far):
        admin.gw.add_user(username=name)
    assert admin.get(f"/users/{victim['id']}")["uuid"] == victim["uuid"]
    assert admin.get(f"/users/{victim['uuid']}")["id"] == victim["id"]
    assert admin.ask("GET", f"/users/{far}")[0] == 404


def test_users_are_added_listed_and_deactivated(admin):
    gw = admin.gw
    name = unique()
    status, made = admin.ask("POST", "/users", {
        "username": name, "first_name": "Zoë", "role": "TUTOR", "password": "correct horse",
        "pin": "4711", "email": None})
    assert status == 201, made
    assert (made["username"], made["first_name"], made["active"]) == (name, "Zoë", True)
    assert "pin" not in json.dumps(made) and "password" not in json.dumps(made)
    assert admin.get(f"/users/{made['id']}") == admin.get(f"/users/{made['uuid']}") \
        == admin.get(f"/users/{name}") == made
    assert json.loads(gw.cli("user", "show", name)) == made
    assert admin.ask("POST", "/users", {"username": name})[0] == 409
    # Both secrets open the door.
    assert call(gw.url, "POST", "/opcode/oauth/token", body={
        "grant_type": "password", "username": name, "password": "correct horse"}).status == 200
    user = {**made, "pin": "4711"}
    with PEERS["pymessage"](gw, user) as peer:
        status, after = admin.ask("POST", f"/users/{made['id']}/deactivate")
        assert (status, after["active"]) == (200, False)
        peer.expect_close()
    assert admin.ask("POST", f"/users/{made['id']}/token")[0] == 409
    assert admin.ask("POST", "/users/10999999/deactivate")[0] == 404
    assert admin.ask("POST", f"/users/{made['id']}/deactivate", {"why": "x"})[0] == 400

    seen, after = [], 0
    while after is not None:
        page = admin.get(f"/users?limit=2&after={after}")
        seen += [u["id"] for u in page["users"]]
        after = page["next"]
    assert made["id"] in seen and seen == sorted(set(seen))


def test_tokens_are_issued(admin):
    gw = admin.gw
    user = gw.add_user()
    status, answer = admin.ask("POST", f"/users/{user['id']}/token", {"ttl": 60})
    assert (status, answer["expires_in"]) == (201, 60)
    with PEERS["saletick"](gw, {**user, "token": answer["token"]}):
        assert len(admin.get(f"/sessions?user={user['id']}")["sessions"]) == 1
    for ttl in (0, 86401, "60", 1.5, None):
        assert admin.ask("POST", f"/users/{user['id']}/token", {"ttl": ttl})[0] == 400
    assert answer["token"] not in gw.log


def test_drain(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"])
    own = Admin(gw)
    user = make_user(gw)
    with PEERS["saletick"](gw, user) as peer:
        assert own.ask("POST", "/drain", {"now": True})[0] == 400
        assert own.ask("POST", "/drain") == (202, {"state": "draining"})
        assert peer.expect_close()[0] in (1001, 1012)
    assert gw.process.wait(60) == 0


def test_readyz_tells_why(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"], settings={"limits.drain_ms": 60000})
    own = Admin(gw)
    answer = call(own.url, path="/readyz")
    assert (answer.status, json.loads(answer.body)) == (200, {"ready": True, "reason": None})
    with gw.psql_session("begin", "lock table messages in access exclusive mode") as run:
        user = make_user(gw)
        with PEERS["saletick"](gw, user) as peer:
            # What is in flight keeps the drain from ending.
            peer.say(make_user(gw), "wait")
            until(lambda: own.get("/status")["database"]["pending"] > 0, "it is under way")
            own.ask("POST", "/drain")
            answer = call(own.url, path="/readyz")
            assert (answer.status, json.loads(answer.body)) == (
                503, {"ready": False, "reason": "draining"})
            assert call(own.url, path="/healthz").status == 200
            run("commit")
    assert gw.process.wait(60) == 0


def test_without_a_database(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"],
                      settings={"database.wait_ms": 100, "log.level": "debug"})
    own = Admin(gw)
    with outage(gw):
        answer = call(own.url, path="/readyz")
        assert (answer.status, json.loads(answer.body)) == (
            503, {"ready": False, "reason": "database"})
        assert own.get("/status")["database"]["state"] == "down"
        assert b"dragoman_store_up 0" in call(own.url, path="/metrics").body
        status, body = own.ask("GET", "/users")
        assert (status, body["error"]["code"]) == (503, "unavailable")
        assert own.ask("POST", "/users", {"username": unique(), "password": "x"})[0] == 503


def test_who_leaves_early_breaks_nothing(admin):
    host, port = admin.url.removeprefix("http://").split(":")
    for n in range(20):
        body = json.dumps({"username": unique(), "password": "hash me"}).encode()
        head = (f"POST {API}/users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                f"\r\nAuthorization: Bearer {admin.token}\r\nContent-Length: {len(body)}\r\n\r\n")
        with socket.create_connection((host, int(port))) as sock:
            sock.sendall(head.encode() + body[:len(body) - n % 3 * 10])
            time.sleep(0.002 * (n % 5))
    assert admin.get("/status")["ready"] is True


def test_what_is_asked_while_it_stops_ends_well(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"])
    own = Admin(gw)
    host, port = own.url.removeprefix("http://").split(":")
    socks = []
    for _ in range(20):
        body = json.dumps({"username": unique(), "password": "hash me", "pin": "1234"}).encode()
        sock = socket.create_connection((host, int(port)))
        sock.sendall(f"POST {API}/users HTTP/1.1\r\nHost: localhost\r\n"
                     "Content-Type: application/json\r\n"
                     f"Authorization: Bearer {own.token}\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        socks.append(sock)
    assert gw.stop() == 0
    for sock in socks:
        sock.close()


def test_every_route_is_described():
    """The table in route.c and the OpenAPI document name the same operations."""
    table = (ROOT / "core/server/admin/route.c").read_text()
    routes = set(re.findall(r'^    \{ "(\w+)", "([^"]+)", ADMIN_', table, re.M))
    described, path = set(), None
    for line in (ROOT / "proto-docs/admin/openapi.yaml").read_text().splitlines():
        if match := re.fullmatch(r"  (/\S*):", line):
            path = re.sub(r"\{\w+\}", "*", match[1])
        elif match := re.fullmatch(r"    (get|post|put|delete|patch):", line):
            described.add((match[1].upper(), path))
    assert described == routes
