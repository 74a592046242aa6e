"""A page in a real browser, served from elsewhere, talks through the gateway with the browser
build of the client library."""

import http.server

import pytest

from browser import page_server
from gateway import unique
from socketio_npm import SOCKETIO, installed


class Handler(http.server.SimpleHTTPRequestHandler):
    """The page, its script, and the library as its package has it."""

    def translate_path(self, path):
        name = path.split("?")[0].rsplit("/", 1)[-1]
        if name == "socket.io.js":
            return str(SOCKETIO / "node_modules/socket.io-client/dist/socket.io.js")
        return str(SOCKETIO / (name or "page.html"))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page():
    installed()
    with page_server(Handler) as origin:
        yield f"{origin}/page.html"


TALK = """
const [url, me, other, done] = arguments;
talk(url, me, other).then(done, (error) => done({ error: String(error) }));
"""


def wait_ready(browser):
    browser.execute_async_script(
        "const done = arguments[0]; const look = () => window.ready ? done() "
        ": setTimeout(look, 20); look();")


def test_a_page_of_another_origin(make_gateway, page, browser):
    origin = page.rsplit("/", 1)[0]
    gateway = make_gateway(settings={"pubsub.cors_origins": origin})
    me, other = ({"username": unique(), "password": "correct horse"} for _ in range(2))
    browser.get(page)
    wait_ready(browser)
    got = browser.execute_async_script(TALK, gateway.url, me, other)
    assert "error" not in got, got
    assert got["origin"] == origin and gateway.url != origin
    assert got["seen"] == []
    assert got["wrong"] == {"status": 401, "body": {"error": "Unauthorized"}}
    assert (got["first"], got["transport"]) == ("polling", "websocket")
    assert got["same"] and got["arrived"]["message"] == "one"
    assert got["arrived"]["sender"] == me["username"]
    assert got["files"]["status"] == 200 and None not in got["files"]["body"]["files"]
    assert got["chat"]["message"] == "two ✓" and len(got["chat"]["media"]) == 2
    assert got["shown"] == "load", "an image opens by its URL alone"
    assert got["read"] == {"id": got["chat"]["id"], "user": other["username"]}


def test_a_page_of_an_origin_that_is_not_listed(make_gateway, page, browser):
    gateway = make_gateway(settings={"pubsub.cors_origins": "https://app.example"})
    browser.get(page)
    wait_ready(browser)
    me = {"username": unique(), "password": "correct horse"}
    got = browser.execute_async_script(TALK, gateway.url, me, me)
    assert got == {"error": "TypeError: Failed to fetch"}
