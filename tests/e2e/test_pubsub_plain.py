"""Pubsub's plain form: the same events over a WebSocket without Socket.IO."""

import json

import pytest

from opcode_client import Opcode
from pubsub_client import Client
from wire import TEXT, WebSocket, encode_frame

PATH = "/pubsub/ws"


class Plain(WebSocket):
    """One user's socket, logged in by its query."""

    def __init__(self, gateway, user):
        super().__init__(f"{gateway.ws_url}{PATH}?token={gateway.token(user)}")
        self.ids, self.events = 0, []

    def emit(self, name, data, **more):
        self.send_json({"channel": "chat", "event": name, "data": data, **more})

    def ask(self, name, data, **more):
        """The answer's data; events before it are kept."""
        self.ids += 1
        number = f"n{self.ids}"
        self.emit(name, data, id=number, **more)
        while True:
            frame = self.recv_json()
            assert frame["channel"] == "chat"
            if frame.get("id") == number:
                assert frame == {"channel": "chat", "event": name, "data": frame["data"],
                                 "id": number}
                return frame["data"]
            self.events.append(frame)

    def event(self, name):
        """The data of the next event, which is of that name."""
        frame = self.events.pop(0) if self.events else self.recv_json()
        while frame["event"] == "user-join" != name:
            frame = self.events.pop(0) if self.events else self.recv_json()
        assert frame == {"channel": "chat", "event": name, "data": frame["data"]}
        return frame["data"]

    def is_silent(self):
        self.ask("fetch-unread-chats-count", {"user": "nobody"})
        return not [frame for frame in self.events if frame["event"] != "user-join"]


@pytest.fixture
def pair(gateway):
    return gateway.add_user(), gateway.add_user()


@pytest.fixture
def plain(gateway, pair):
    ada, bob = Plain(gateway, pair[0]), Plain(gateway, pair[1])
    yield ada, bob
    ada.abort()
    bob.abort()


def test_a_conversation(pair, plain):
    (ada, bob), (a, b) = pair, plain
    sent = a.ask("send-message", {"message": "hi \t", "user": bob["username"],
                                  "media": [None, "https://x.example/a"]})["chat"]
    assert (sent["message"], sent["media"]) == ("hi", ["https://x.example/a"])
    assert b.event("chat") == {"chat": sent}
    assert b.event("unread-chats-count") == {"unreadChatsCount": 1, "user": ada["username"]}
    assert b.ask("fetch-unread-chats-count", {"user": ada["username"]}) == {
        "unreadChatsCount": 1}
    for name in ("fetch-conversation-with-user", "fetch-chats-with-user"):
        for me, other in ((a, bob), (b, ada)):
            assert me.ask(name, {"user": other["username"]})["chats"] == [sent]
    assert b.ask("read-chat", {"id": sent["id"]}) == {}
    assert b.event("unread-chats-count") == {"unreadChatsCount": 0, "user": ada["username"]}
    assert a.event("read-chat") == {"id": sent["id"], "user": bob["username"]}
    assert a.ask("delete-chat", {"id": str(sent["id"])}) == {}
    assert b.event("delete-chat") == {"id": sent["id"]}
    assert a.is_silent() and b.is_silent()


def test_users_come_and_go(gateway, pair, plain):
    (ada, bob), (a, _) = pair, plain
    cy = gateway.add_user()
    while a.event("user-join") != {"user": cy["username"]}:
        pass
    assert a.ask("wait-for-user", {"user": cy["username"]}) == {}
    users = a.ask("fetch-users", {})["users"]
    assert {"username": cy["username"], "isOnline": False} in users
    assert {"username": bob["username"], "isOnline": True} in users
    assert ada["username"] not in [user["username"] for user in users]
    with Opcode(gateway, gateway.token(cy)):
        assert a.event("user-online") == {"user": cy["username"]}
    assert a.event("user-offline") == {"user": cy["username"]}
    assert a.ask("stop-waiting-for-user", {"user": cy["username"]}) == {}
    with Opcode(gateway, gateway.token(cy)):
        assert a.is_silent()
    gateway.cli("user", "deactivate", cy["username"])
    assert a.event("user-leave") == {"user": cy["username"]}


def test_both_forms_hear_the_same(gateway, pair, plain):
    (ada, bob), (a, b) = pair, plain
    with Client(gateway, bob) as other:
        sent = a.ask("send-message", {"message": "to both", "user": bob["username"]})["chat"]
        assert b.event("chat") == other.event("chat") == {"chat": sent}
        assert b.event("unread-chats-count") == other.event("unread-chats-count")
        other.ask("read-chat", {"id": sent["id"]})
        assert b.event("unread-chats-count") == {"unreadChatsCount": 0, "user": ada["username"]}


def test_without_an_id_there_is_only_the_effect(pair, plain):
    (_, bob), (a, b) = pair, plain
    a.emit("send-message", {"message": "quiet", "user": bob["username"]})
    a.emit("send-message", {"message": "quiet", "user": bob["username"]}, id=None)
    for count in (1, 2):
        assert b.event("chat")["chat"]["message"] == "quiet"
        assert b.event("unread-chats-count")["unreadChatsCount"] == count
    assert a.is_silent()


@pytest.mark.parametrize("number", [0, -7, 1.5, 2 ** 53 + 1, "", "é\u2028\"", "x" * 200])
def test_an_id_comes_back_as_it_was(plain, number):
    a, _ = plain
    a.emit("fetch-unread-chats-count", {"user": "nobody"}, id=number)
    assert a.recv_json() == {"channel": "chat", "event": "fetch-unread-chats-count",
                             "data": {"unreadChatsCount": 0}, "id": number}


@pytest.mark.parametrize("text", [
    "", "x", "[]", "7", "null", "{}", '{"event":7}', '{"event":"fetch-users","id":{}}',
    '{"event":"no-such-event","data":{},"id":1}', '{"event":"fetch-users","id":true}',
    '{"event":"send-message","id":1}', '{"event":"send-message","data":[],"id":1}',
    '{"event":"send-message","data":{"user":"\\ud800","message":"x"},"id":1}',
    '{"event":"read-chat","data":{"id":null},"id":1}', '{"event":"auth","data":{},"id":1}',
    '{"event":"fetch-users","id":"' + "x" * 300 + '"}', "[" * 5000, "{" * 200,
])
def test_nonsense_has_no_answer(plain, text):
    a, _ = plain
    a.send(encode_frame(TEXT, text.encode()))
    assert a.is_silent()


@pytest.mark.parametrize("first", [
    {"event": "auth", "data": {"token": "nonsense"}, "id": 1}, {"event": "auth", "data": {}},
    {"event": "auth"}, {"event": "fetch-users", "data": {}, "id": 1}, {}, [],
])
def test_nobody_comes_in_without_a_token(gateway, first):
    ws = WebSocket(gateway.ws_url + PATH)
    ws.send_json(first)
    code, frames = ws.expect_close()
    assert (code, [json.loads(frame) for frame in frames]) == (
        1008, [{"channel": "chat", "event": "auth-failed"}])


def test_a_token_in_a_header(gateway, pair):
    token = gateway.token(pair[0])
    with WebSocket(gateway.ws_url + PATH + "/", ["Authorization: Bearer " + token]) as ws:
        ws.send_json({"event": "fetch-unread-chats-count", "data": {"user": "x"}, "id": 1})
        assert ws.recv_json()["data"] == {"unreadChatsCount": 0}


def test_who_is_deactivated_is_told(gateway, pair, plain):
    gateway.cli("user", "deactivate", pair[1]["username"])
    code, frames = plain[1].expect_close()
    assert code == 1008
    assert json.loads(frames[-1]) == {"channel": "chat", "event": "auth-failed"}
