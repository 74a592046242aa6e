"""Pages that were served from elsewhere, as web clients are: what they may ask and see over HTTP,
and a client of saletick in a real browser."""

import http.server
import json

import pytest

from browser import page_server
from wire import call

ORIGIN = "https://app.example"
CALLS = ("/opcode/thread", "/opcode/profile", "/saletick/chat/user/threads/",
         "/saletick/chat/messages/nobody/", "/saletick/chat/nothing")


def preflight(gateway, path, origin=ORIGIN):
    return call(gateway.url, "OPTIONS", path,
                headers={"Origin": origin, "Access-Control-Request-Method": "GET",
                         "Access-Control-Request-Headers": "authorization"})


def get(gateway, path, token=None, origin=ORIGIN):
    headers = {"Origin": origin}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return call(gateway.url, "GET", path, headers=headers)


def test_any_origin(gateway):
    token = gateway.token(gateway.add_user())
    for path in CALLS:
        if not path.endswith("nothing"):
            asked = preflight(gateway, path)
            assert asked.status == 204, path
            assert asked.headers["access-control-allow-origin"] == "*"
            assert "GET" in asked.headers["access-control-allow-methods"].split(", ")
            assert asked.headers["access-control-allow-headers"] == "authorization"
        for answer in (get(gateway, path, token), get(gateway, path), get(gateway, path, "bad")):
            assert answer.headers.get("access-control-allow-origin") == "*", (path, answer)
            assert "access-control-allow-credentials" not in answer.headers


def test_no_origin(gateway):
    """pymessage answers without a token: only pages that the operator names may see it."""
    path = "/pymessage/get_user?id=1"
    assert preflight(gateway, path).status == 405
    assert "access-control-allow-origin" not in get(gateway, path).headers


@pytest.mark.parametrize("adapter, path", [("opcode", "/opcode/thread"),
                                           ("saletick", "/saletick/chat/user/threads/")])
def test_named_origins(make_gateway, adapter, path):
    gateway = make_gateway(settings={f"{adapter}.cors_origins": f"https://b.example {ORIGIN}"})
    token = gateway.token(gateway.add_user())
    for origin, good in ((ORIGIN, True), ("https://evil.example", False)):
        asked, answer = preflight(gateway, path, origin), get(gateway, path, token, origin)
        assert (asked.status, answer.status) == (204 if good else 405, 200)
        for said in (asked, answer):
            assert said.headers.get("access-control-allow-origin") == (origin if good else None)
            assert said.headers["vary"] == "Origin"


class Blank(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>sales</title>")

    def log_message(self, *_):
        pass


@pytest.fixture
def page():
    with page_server(Blank) as origin:
        yield f"{origin}/"


# Sends one message, and fetches what there is once it is confirmed.
TALK = """
const [host, token, receiver, done] = arguments;
const fetched = async (path) => (await fetch(`http://${host}/saletick/chat/${path}`,
    { headers: { Authorization: `Bearer ${token}` } })).json();
const socket = new WebSocket(`ws://${host}/saletick/ws/chat/room/?token=${token}`);
socket.onopen = () => socket.send(JSON.stringify(
    { action: "chat_message", message_body: "do me 2k fast", receiver_id: receiver }));
socket.onmessage = async ({ data }) => {
    try {
        done({ confirmed: JSON.parse(data), messages: await fetched(`messages/${receiver}/`),
               threads: await fetched("user/threads/") });
    } catch (error) {
        done({ error: String(error) });
    }
};
socket.onerror = () => done({ error: "no socket" });
"""


def test_a_web_client(gateway, page, browser):
    me, other = gateway.add_user(), gateway.add_user()
    browser.get(page)
    seen = browser.execute_async_script(TALK, f"{gateway.host}:{gateway.port}", gateway.token(me),
                                        other["uuid"])
    assert "error" not in seen, (seen, browser.get_log("browser"))
    assert seen["confirmed"]["action"] == "conf_message"
    message, = seen["messages"]["entity"]["messages"]
    assert message["id"] == seen["confirmed"]["created_msg_id"], json.dumps(seen)
    assert seen["threads"]["entity"][0]["last_message"] == message
