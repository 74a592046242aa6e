"""Pubsub: Engine.IO byte by byte, the events of the dialect, and the real client under Node."""

import json
import subprocess
import time

import pytest

from opcode_client import Opcode
from pubsub_client import PATH, Client, Polling, engine
from socketio_npm import SOCKETIO, installed
from wire import TEXT, Connection, Refused, WebSocket, encode_frame


@pytest.fixture(scope="module")
def pair(gateway):
    return gateway.add_user(), gateway.add_user()


# ---- Engine.IO ----

def test_handshake(gateway):
    session = Polling(gateway)
    assert session.type == "text/plain; charset=UTF-8"
    assert session.handshake == {"sid": session.handshake["sid"], "upgrades": ["websocket"],
                                 "pingInterval": 25000, "pingTimeout": 20000,
                                 "maxPayload": 10485760}
    posted = session.post("40/chat,{}")
    assert (posted.status, posted.body) == (200, b"ok")
    assert posted.headers["content-type"] == "text/html"


@pytest.mark.parametrize("method, query, code, message", [
    ("GET", "EIO=4", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=abc", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=polling&sid=abc", 1, "Session ID unknown"),
    ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
    ("GET", "EIO=abc&transport=polling", 5, "Unsupported protocol version"),
    ("GET", "transport=polling", 5, "Unsupported protocol version"),
])
def test_bad_handshake(gateway, method, query, code, message):
    answer = engine(gateway, method, query)
    assert answer.status == 400
    assert json.loads(answer.body) == {"code": code, "message": message}


@pytest.mark.parametrize("query", ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4",
                                   "EIO=4&transport=abc", "EIO=4&transport=websocket&sid=x"])
def test_bad_upgrade(gateway, query):
    with pytest.raises(Refused) as refused:
        WebSocket(gateway.ws_url + PATH + "?" + query)
    assert refused.value.response.status == 400


def test_origin(gateway):
    answer = engine(gateway, "GET", "EIO=4&transport=polling",
                    headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_origins_can_be_named(make_gateway):
    gateway = make_gateway(settings={"pubsub.cors_origins": "https://a.example"})
    for origin, good in (("https://a.example", True), ("https://b.example", False)):
        answer = engine(gateway, "GET", "EIO=4&transport=polling", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == (origin if good else None)


def test_heartbeat(make_gateway):
    gateway = make_gateway(settings={"pubsub.ping_interval_ms": 300,
                                     "pubsub.ping_timeout_ms": 2000})
    session = Polling(gateway)
    for _ in range(2):
        assert session.packets() == ["2"]
        assert session.post("3").status == 200
    ws = WebSocket(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
    assert ws.recv()[0] == "0"
    assert ws.recv() == "2"
    assert ws.expect_close()[0] == 1006, "nobody answered the ping"
    assert session.poll().status == 400


def test_sessions_have_a_limit(make_gateway):
    gateway = make_gateway(settings={"limits.connections": 5})
    sessions = [Polling(gateway) for _ in range(5)]
    refused = engine(gateway, "GET", "EIO=4&transport=polling")
    assert refused.status == 503
    with pytest.raises(Refused) as more:
        WebSocket(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
    assert more.value.response.status == 503
    # Those that are there go on, and one that ends makes room.
    assert sessions[0].post("1").status == 200
    Polling(gateway)
    assert sessions[1].post("40/chat,{}").status == 200


def test_no_session_outlives_its_deadline(make_gateway):
    gateway = make_gateway(settings={"pubsub.ping_interval_ms": 200,
                                     "pubsub.ping_timeout_ms": 2000})
    sessions = [(Polling(gateway), time.monotonic()) for _ in range(30)]
    for session, begun in sessions:
        time.sleep(max(0, begun + 2.2 - time.monotonic()))
        assert session.poll().status == 400


def test_upgrade_keeps_order(gateway, pair):
    ada, _ = pair
    session = Polling(gateway)
    url = gateway.ws_url + PATH + "?" + session.query.replace("polling", "websocket")
    session.post("40/chat," + json.dumps({"token": gateway.token(ada)}))
    session.wait("40/chat,")
    ws = WebSocket(url)
    # The protocol's own server lets a second one in and closes it; clients rely on that.
    assert WebSocket(url).expect_close() == (1005, [])
    ws.send_text("2probe")
    assert ws.recv() == "3probe"
    session.post('42/chat,1["fetch-unread-chats-count",{"user":"x"}]')
    ws.send_text("5")
    ws.send_text('42/chat,2["fetch-unread-chats-count",{"user":"x"}]')
    assert ws.recv().startswith("43/chat,1[")
    assert session.poll().status == 400
    assert WebSocket(url).expect_close() == (1005, [])
    assert ws.recv().startswith("43/chat,2[")


def test_broken_poll_ends_the_session(gateway):
    session = Polling(gateway)
    with Connection(gateway.host, gateway.port) as conn:
        conn.send(f"GET {PATH}?{session.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert conn.is_quiet(0.2)
    deadline = 200
    while session.post("6").status == 200:
        deadline -= 1
        assert deadline


@pytest.mark.parametrize("frame", ["", "abc", "2", "4abc", "40[]", "42/chat,[]",
                                   '42/chat,["early",{}]'])
def test_bad_packet_closes(gateway, frame):
    ws = WebSocket(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
    assert ws.recv()[0] == "0"
    ws.send_text(frame)
    assert ws.expect_close()[0] == 1002
    polling = Polling(gateway)
    assert polling.post(frame).status == (200 if frame[:1] == "4" else 400)
    if frame[:1] == "4":
        assert polling.packets()[-1] == "1"
    assert polling.post("6").status == 400, "the session has ended"


def test_no_connect_closes(make_gateway):
    gateway = make_gateway(settings={"pubsub.connect_timeout_ms": 200})
    ws = WebSocket(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
    assert ws.expect_close()[0] == 1008


def test_frame_over_the_limit(gateway):
    ws = WebSocket(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
    ws.recv()
    ws.send_text("4" + "x" * 70000)
    assert ws.expect_close()[0] == 1009
    assert Polling(gateway).post("4" + "x" * 70000).status == 413


# ---- the dialect ----

def test_auth_failed(gateway):
    ws = WebSocket(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
    ws.recv()
    ws.send_text('40/chat,{"token":"nonsense"}')
    assert ws.recv().startswith('40/chat,{"sid":')
    assert ws.recv() == '42/chat,["auth-failed"]'
    assert ws.recv() == "41/chat,"
    assert ws.expect_close()[0] == 1008


def test_unknown_namespaces(gateway):
    ws = WebSocket(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
    ws.recv()
    ws.send_text("40")
    assert ws.recv() == '44{"message":"Invalid namespace"}'
    ws.send_text("40/x,{}")
    assert ws.recv() == '44/x,{"message":"Invalid namespace"}'


def test_conversation(gateway, pair):
    ada, bob = pair
    a, b = Client(gateway, ada), Client(gateway, bob)
    sent = a.ask("send-message", {"message": "hi \n", "user": bob["username"],
                                  "media": ["https://x.example/a.png", None]})["chat"]
    assert {key: sent[key] for key in sent if key not in ("id", "created_at", "updated_at")} == {
        "sender": ada["username"], "recipient": bob["username"], "message": "hi",
        "senderUsername": ada["username"], "recipientUsername": bob["username"],
        "has_read": False, "media": ["https://x.example/a.png"],
        "mediaIds": ["https://x.example/a.png"]}
    assert sent["created_at"].endswith("Z") and isinstance(sent["id"], int)
    assert b.event("chat") == {"chat": sent}
    assert b.event("unread-chats-count") == {"unreadChatsCount": 1, "user": ada["username"]}
    assert b.ask("fetch-unread-chats-count", {"user": ada["username"]}) == {"unreadChatsCount": 1}
    assert b.ask("read-chat", {"id": str(sent["id"])}) == {}
    assert b.event("unread-chats-count") == {"unreadChatsCount": 0, "user": ada["username"]}
    assert a.event("read-chat") == {"id": sent["id"], "user": bob["username"]}
    assert b.ask("read-chat", {"id": sent["id"]}) == {} and not b.events
    chats = b.ask("fetch-chats-with-user", {"user": ada["username"], "limit": 1})["chats"]
    assert [chat["id"] for chat in chats] == [sent["id"]] and chats[0]["has_read"]
    assert a.ask("delete-chat", {"id": sent["id"]}) == {}
    assert b.event("delete-chat") == {"id": sent["id"]}
    assert b.ask("fetch-conversation-with-user", {"user": ada["username"]}) == {"chats": []}


def test_what_was_held_is_deleted_unseen(gateway):
    """Who is asked never knew of it."""
    student, tutor = gateway.add_user(), gateway.add_user(role="TUTOR")
    a, b = Client(gateway, student), Client(gateway, tutor)
    first = a.ask("send-message", {"message": "please", "user": tutor["username"]})["chat"]
    assert b.event("chat") == {"chat": first} and b.event("unread-chats-count")
    a.emit("send-message", {"message": "held", "user": tutor["username"]})
    held = a.ask("fetch-conversation-with-user", {"user": tutor["username"]})["chats"][0]
    assert held["message"] == "held"
    assert a.ask("delete-chat", {"id": held["id"]}) == {} and b.is_silent()
    assert a.ask("delete-chat", {"id": first["id"]}) == {}
    assert b.event("delete-chat") == {"id": first["id"]}


@pytest.mark.parametrize("name, data", [
    ("send-message", {"message": "  ", "user": "BOB"}),
    ("send-message", {"message": "x", "user": "nobody at all"}),
    ("send-message", {"message": "x", "user": "ADA"}),
    ("send-message", {"message": "x", "user": "BOB", "media": [1]}),
    ("send-message", {"message": "x", "user": "BOB", "media": "x"}),
    ("send-message", {"message": "\0", "user": "BOB"}),
    ("send-message", {"message": "x" * 70000, "user": "BOB"}),
    ("send-message", None), ("read-chat", {"id": 1}), ("read-chat", {}),
    ("delete-chat", {"id": 1}), ("no-such-event", {}),
])
def test_no_answer(gateway, pair, name, data):
    names = {"ADA": pair[0]["username"], "BOB": pair[1]["username"]}
    if data and data.get("user") in names:
        data = {**data, "user": names[data["user"]]}
    a = Client(gateway, pair[0])
    a.send_text("42/chat,99" + json.dumps([name, data]))
    assert a.is_silent()


def test_binary_arguments_have_no_answer(gateway, pair):
    with Client(gateway, pair[0]) as a:
        a.send_text('451-/chat,5["send-message",{"user":{"_placeholder":true,"num":0},'
                    '"message":"x"}]')
        a.send_frame(2, b"abc")
        a.send_text('451-/chat,6["fetch-users",{"_placeholder":true,"num":7}]')
        a.send_frame(2, b"")
        packet = a.packet()
        assert packet.startswith("43/chat,6["), packet
        assert a.is_silent()


def test_binary_in_base64_is_taken_over_a_websocket_too(gateway, pair):
    """As the client library sends it with `forceBase64`."""
    with Client(gateway, pair[0]) as a:
        a.send_text('451-/chat,5["fetch-users",{"_placeholder":true,"num":0}]')
        a.send_text("bAQID")
        packet = a.packet()
        assert packet.startswith("43/chat,5["), packet
        a.send_text("b!")
        assert a.expect_close()[0] == 1002


@pytest.mark.parametrize("name", ["nobody", "", "no\0body", "n" * 5000], ids=lambda name: name[:7])
def test_asking_about_nobody(gateway, pair, name):
    with Client(gateway, pair[0]) as a:
        asked = {"user": name}
        assert a.ask("fetch-conversation-with-user", asked) == {"chats": []}
        assert a.ask("fetch-chats-with-user", asked) == {"chats": []}
        assert a.ask("fetch-unread-chats-count", asked) == {"unreadChatsCount": 0}


def test_presence_of_any_dialect(gateway):
    ada, bob = gateway.add_user(), gateway.add_user()
    a = Client(gateway, ada)
    assert a.ask("fetch-unread-chats-count", {"user": "x"}) == {"unreadChatsCount": 0}
    a.emit("wait-for-user", {"user": bob["username"]})
    assert a.is_silent()
    other = Opcode(gateway, gateway.token(bob))
    assert a.event("user-online") == {"user": bob["username"]}
    users = a.ask("fetch-users", {})["users"]
    assert {"username": bob["username"], "isOnline": True} in users
    assert ada["username"] not in [user["username"] for user in users]
    other.abort()
    assert a.event("user-offline") == {"user": bob["username"]}


def test_user_join_and_leave(gateway):
    a = Client(gateway, gateway.add_user())
    carl = gateway.add_user()
    while a.event("user-join") != {"user": carl["username"]}:
        pass
    c = Client(gateway, carl)
    gateway.cli("user", "deactivate", carl["username"])
    assert a.event("user-leave") == {"user": carl["username"]}
    assert c.recv() == '42/chat,["auth-failed"]'
    assert c.recv() == "41/chat,"


def test_plain_form(gateway, pair):
    ada, bob = pair
    b = Client(gateway, bob)
    ws = WebSocket(gateway.ws_url + "/pubsub/ws")
    ws.send_json({"event": "auth", "data": {"token": gateway.token(ada)}, "id": 1})
    assert ws.recv_json() == {"channel": "chat", "event": "auth", "data": {}, "id": 1}
    ws.send_json({"channel": "chat", "event": "send-message", "id": "k",
                  "data": {"message": "plain", "user": bob["username"]}})
    answer = ws.recv_json()
    assert answer["event"] == "send-message" and answer["id"] == "k"
    assert b.event("chat") == {"chat": answer["data"]["chat"]}
    b.ask("send-message", {"message": "back", "user": ada["username"]})
    assert ws.recv_json()["event"] == "chat"
    bad = WebSocket(gateway.ws_url + "/pubsub/ws?token=nonsense")
    code, frames = bad.expect_close()
    assert code == 1008
    assert [json.loads(frame) for frame in frames] == [{"channel": "chat",
                                                        "event": "auth-failed"}]


# ---- the real client ----

def node(gateway, script, *args, **how):
    installed()
    return subprocess.Popen(["node", str(SOCKETIO / script), gateway.url, "/pubsub/ws",
                             *map(str, args)], stdout=subprocess.PIPE, text=True, **how)


@pytest.mark.parametrize("transports", ["default", "websocket", "polling"])
def test_client(gateway, transports):
    ada, bob = gateway.add_user(), gateway.add_user()
    played = node(gateway, "play.js", transports, gateway.token(ada), ada["username"],
                  gateway.token(bob), bob["username"])
    output, _ = played.communicate(timeout=120)
    assert played.returncode == 0, output


def test_crowd_comes_back(make_gateway):
    gateway = make_gateway()
    crowd = node(gateway, "crowd.js", 200, gateway.token(gateway.add_user()),
                 stdin=subprocess.PIPE)
    assert crowd.stdout.readline() == "connected\n"
    gateway.restart()
    output, _ = crowd.communicate("go\n", timeout=180)
    assert output.startswith("returned transport close"), output
    assert "io server disconnect" not in output


def test_each_of_many_lists_of_users_is_answered(gateway, pair):
    client = Client(gateway, pair[0])
    client.send(b"".join(encode_frame(TEXT, b'42/chat,%d["fetch-users",{}]' % i)
                         for i in range(200)))
    assert [client.packet().partition("[")[0] for _ in range(200)] \
        == [f"43/chat,{i}" for i in range(200)]


@pytest.mark.parametrize("blank", [" \t\r\n", "\u00a0", "\u3000\u2028", "\ufeff"], ids=ascii)
def test_white_space_at_the_end_is_what_javascript_takes_for_it(gateway, pair, blank):
    ada, bob = pair
    client = Client(gateway, ada)
    chat = client.ask("send-message", {"user": bob["username"], "message": f"{blank}x{blank}"})
    assert chat["chat"]["message"] == f"{blank}x"
    client.ids += 1
    client.emit("send-message", {"user": bob["username"], "message": blank})
    client.ask("fetch-unread-chats-count", {"user": bob["username"]})
    assert client.events == []


def test_an_answer_larger_than_the_queue_reaches_who_polls(make_gateway):
    gateway = make_gateway(settings={"limits.send_queue_bytes": 65536})
    ada, bob = gateway.add_user(), gateway.add_user()
    client, session = Client(gateway, ada), Polling(gateway)
    for _ in range(3):
        client.ask("send-message", {"user": bob["username"], "message": "x" * 60000})
    session.post("40/chat," + json.dumps({"token": gateway.token(bob)}))
    session.wait("40/chat,")
    ask = json.dumps(["fetch-conversation-with-user", {"user": ada["username"]}])
    session.post("42/chat,7" + ask)
    answer = session.wait("43/chat,7[")[-1]
    assert len(json.loads(answer[len("43/chat,7"):])[0]["chats"]) == 3
