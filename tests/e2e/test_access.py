"""Every method and endpoint of the dialects, tried by those who must not: without a token, with
garbage, an expired one, one of another issuer, as an outsider, and as a member who was removed.
Whatever they do, nothing is stored and nothing is told."""

import itertools
import time
import urllib.parse

import pytest

from dialects import (CasamsaPeer, OpcodePeer, PymessagePeer, SaletickPeer, get, make_user,
                      opcode_threads)
from gateway import Gateway
from opcode_client import Opcode
from tokens import hs256, lifetime, unsigned
from wire import Refused, WebSocket, call

SECRET = "the secret of an issuer that only one adapter accepts"
TTL = 3  # seconds that a file's URL opens by itself


class Scene:
    """A chat and a direct thread with a message and a file each; ada and bob are in both, rob was
    in the chat and is out, eve and tim, a tutor, never were anywhere."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.ada, self.bob, self.rob, self.eve = (
            make_user(gateway, first_name=name) for name in ("Ada", "Bob", "Rob", "Eve"))
        self.tim = make_user(gateway, first_name="Tim", role="TUTOR")
        expired = gateway.token(self.ada, ttl=1)
        with CasamsaPeer(gateway, self.ada) as peer, CasamsaPeer(gateway, self.rob) as rob:
            self.chat = peer.ask("create_chat", "chat_created", title="House",
                                 users=[self.bob["id"], self.rob["id"]])["chat"]["id"]
            self.direct = peer.chat_with(self.bob)
            self.chat_file = self.send_file(peer, self.chat)
            self.direct_file = self.send_file(peer, self.direct)
            handed = rob.next("pushed").frame["data"]["message"]["attached_files"][0]["file"]
            self.handed_out = urllib.parse.urlsplit(handed)
            peer.ask("remove_from_chat", "user_removed_successful", chat=self.chat,
                     users=[self.rob["id"]])
            rob.event("chat_removed")
        self.uuids = dict(gateway.psql("select id, uuid from threads"))
        self.chat_uuid = self.uuids[str(self.chat)]
        self.direct_uuid = self.uuids[str(self.direct)]
        other = {**lifetime(), "token_type": "access", "user_id": self.ada["uuid"],
                 "sub": self.ada["uuid"]}
        self.bad_tokens = {
            "none": None,
            "garbage": "nonsense",
            "empty": "",
            "unsigned": unsigned(other),
            "cut": self.ada["token"][:-4],
            "expired": expired,
            "strangers": hs256(other, "a secret that nobody configured"),
            "other-adapters": hs256(other, SECRET),
        }
        time.sleep(2.1)

    def send_file(self, peer, chat):
        message = peer.ask("send_message", "message_created", chat=chat, text="keep out",
                           files=[{"name": "a.txt", "data": "c2VjcmV0"}])["message"]
        return message["attached_files"][0]["id"]

    def picture(self):
        """Everything that a forbidden act could have changed."""
        return self.gateway.psql(
            "select (select count(*) from messages), (select count(*) from threads),"
            " (select count(*) from members), (select count(*) from files),"
            " (select count(*) from friend_requests), (select count(*) from friendships),"
            " (select string_agg(id || coalesce(title, '') || state || unread_lo || unread_hi,"
            "  ',' order by id) from threads),"
            " (select string_agg(read_seq::text, ',' order by thread_id, user_id) from members)")


@pytest.fixture(scope="module")
def scene():
    issuer = {"name": "sale", "algorithm": "HS256", "secret": SECRET, "claim": "user_id",
              "names": "uuid", "adapters": ["pymessage"]}
    with Gateway(config={"auth": {"issuers": [issuer]}},
                 settings={"files.url_ttl": TTL, "auth.guesses": 1000}) as running:
        yield Scene(running)


BAD = ["none", "garbage", "empty", "unsigned", "cut", "expired", "strangers", "other-adapters"]
OPCODE_REST = {
    "list": ("GET", "/thread", None),
    "read": ("GET", "/thread/{thread}", None),
    "open": ("POST", "/thread", {"to": "{bob}", "message": "x"}),
    "answer": ("POST", "/thread/{thread}", {"message": "x"}),
    "approve": ("POST", "/thread/{thread}/approve", None),
    "block": ("POST", "/thread/{thread}/block", None),
    "profile": ("GET", "/profile", None),
}
CASAMSA = {
    "auth": {},
    "create_chat": {"users": ["bob"], "title": "x"},
    "update_chat": {"chat": "chat", "title": "x"},
    "send_message": {"chat": "chat", "text": "x"},
    "read_messages": {"chat": "chat"},
    "remove_from_chat": {"chat": "chat", "users": ["bob"]},
    "add_to_chat": {"chat": "chat", "users": ["eve"]},
}
PYMESSAGE = {
    "send_msg": {"recipient": "bob", "content": "x"},
    "get_friends": {},
    "request_friend": {"user": "bob"},
    "add_friend": {"user": "bob"},
    "deny_friend": {"user": "bob"},
    "get_user": {"id": "bob"},
}


def fill(value, names):
    """Puts the scene's ids into a template."""
    if isinstance(value, dict):
        return {key: fill(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, names) for inner in value]
    if isinstance(value, str) and "{" in value:
        return value.format(**names)
    return names.get(value, value) if isinstance(value, str) else value


# ---- without a good token ------------------------------------------------------------------------

@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", OPCODE_REST)
def test_opcode_rest_wants_a_token(scene, name, bad):
    method, path, body = fill(list(OPCODE_REST[name]),
                              {"thread": scene.direct_uuid, "bob": scene.bob["uuid"]})
    before = scene.picture()
    status, answer = get(scene.gateway, "/opcode" + path, scene.bad_tokens[bad], method, body)
    assert (status, answer) == (401, {
        "message": "token_expired" if bad == "expired" else "invalid_token"})
    assert scene.picture() == before


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("path", ["/chat/messages/{bob}/", "/chat/user/threads/"])
def test_saletick_rest_wants_a_token(scene, path, bad):
    status, answer = get(scene.gateway, "/saletick" + path.format(bob=scene.bob["uuid"]),
                         scene.bad_tokens[bad])
    assert status == 401
    assert answer.get("code") == (None if bad in ("none", "empty") else "token_not_valid")


@pytest.mark.parametrize("bad", BAD)
def test_saletick_socket_wants_a_token(scene, bad):
    token = scene.bad_tokens[bad]
    query = "" if token is None else f"?token={token}"
    with pytest.raises(Refused) as refused:
        WebSocket(f"{scene.gateway.ws_url}/saletick/ws/chat/room/{query}")
    assert (refused.value.response.status, refused.value.response.body) == (403, b"")


@pytest.mark.parametrize("bad", BAD)
def test_opcode_socket_wants_a_token(scene, bad):
    with Opcode(scene.gateway) as peer:
        data = {"properties": {"os": "x", "device": "x"}, "token": scene.bad_tokens[bad]}
        peer.put(2, data)
        assert peer.outcome() == ([9], 1005)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("method", CASAMSA)
def test_casamsa_wants_a_token(scene, method, bad):
    args = fill(CASAMSA[method], {"chat": scene.chat, "bob": scene.bob["id"],
                                  "eve": scene.eve["id"]})
    frame = {"method": method, "args": {**args, "event_response_key": 7}}
    if bad != "none":
        frame["access_token"] = scene.bad_tokens[bad]
    before = scene.picture()
    with WebSocket(scene.gateway.ws_url + "/casamsa/ws/chat/") as peer:
        peer.send_json(frame)
        kind, detail = (("field_error", "There is no access token.") if bad == "none"
                        else ("authorization_error", "Authorization failed."))
        assert peer.recv_json() == {"type": "error", "data": {
            "type": kind, "detail": detail, "event_response_key": 7}}
        # The socket stays, and is nobody's.
        peer.send_json({"method": "auth"})
        assert peer.recv_json()["data"]["type"] == "field_error"
    assert scene.picture() == before


@pytest.mark.parametrize("kind", PYMESSAGE)
def test_pymessage_wants_a_login(scene, kind):
    frame = fill({"type": kind, **PYMESSAGE[kind]}, {"bob": scene.bob["id"]})
    before = scene.picture()
    with WebSocket(scene.gateway.ws_url + "/pymessage/") as peer:
        for token in scene.bad_tokens.values():
            peer.send_json({**frame, "token": token, "access_token": token})
            assert peer.recv_json() == {"type": "error", "error": "endpoint not found"}
        peer.send_json({"type": "login", "username": scene.ada["username"], "pin": "9999"})
        assert peer.recv_json() == {"type": "error", "error": "acc not found"}
        peer.send_json(frame)
        assert peer.recv_json() == {"type": "error", "error": "endpoint not found"}
    assert scene.picture() == before


# Files belong to no adapter: the tokens of all issuers are looked at.
@pytest.mark.parametrize("bad", [bad for bad in BAD if bad != "other-adapters"])
@pytest.mark.parametrize("where", ["header", "query"])
def test_files_want_a_token(scene, bad, where):
    token = scene.bad_tokens[bad]
    path = f"/files/{scene.direct_file}/a.txt"
    headers = {}
    if token is not None and where == "header":
        headers["Authorization"] = f"Bearer {token}"
    elif token is not None:
        path += f"?token={token}"
    answer = call(scene.gateway.url, path=path, headers=headers)
    assert answer.status == 404
    assert b"secret" not in answer.body


# ---- with a good token of the wrong person -------------------------------------------------------

# Who must stay out of which thread.
INTRUDERS = list(itertools.product(("eve", "rob", "tim"), ("chat", "direct")))
intruders = pytest.mark.parametrize("who,what", INTRUDERS, ids=["-".join(i) for i in INTRUDERS])


@intruders
@pytest.mark.parametrize("name", ["read", "answer", "approve", "block"])
def test_opcode_rest_hides_threads_of_others(scene, name, who, what):
    method, path, body = fill(list(OPCODE_REST[name]),
                              {"thread": getattr(scene, what + "_uuid")})
    before = scene.picture()
    status, answer = get(scene.gateway, "/opcode" + path, getattr(scene, who)["token"], method,
                         body)
    # Only a tutor may approve at all, so others learn nothing from being told so.
    wanted = (403, "Forbidden") if name == "approve" and who != "tim" else (404, "Not Found")
    assert (status, answer["message"]) == wanted
    assert scene.picture() == before


@intruders
def test_opcode_lists_nothing_of_others(scene, who, what):
    user = getattr(scene, who)
    assert opcode_threads(scene.gateway, user) == []
    status, answer = get(scene.gateway, "/opcode/thread", user["token"], "POST",
                         {"to": getattr(scene, what + "_uuid"), "message": "x"})
    assert (status, list(answer)) == (400, ["message"])
    with OpcodePeer(scene.gateway, user) as peer:
        assert peer.ready["recent_threads"] == [] and peer.ready["unread_threads"] == 0
        before = scene.picture()
        peer.put_message(getattr(scene, what + "_uuid"), "x")
        assert peer.is_silent()
        assert scene.picture() == before


@intruders
@pytest.mark.parametrize("method", [m for m in CASAMSA if "chat" in CASAMSA[m]])
def test_casamsa_refuses_methods_on_chats_of_others(scene, method, who, what):
    args = fill(CASAMSA[method], {"chat": getattr(scene, what), "bob": scene.bob["id"],
                                  "eve": scene.eve["id"]})
    before = scene.picture()
    with CasamsaPeer(scene.gateway, getattr(scene, who)) as peer, \
            CasamsaPeer(scene.gateway, scene.ada) as ada:
        error = peer.ask(method, "error", **args, event_response_key="k")
        assert (error["type"], error["event_response_key"]) == ("access_error", "k")
        assert ada.is_silent()
    assert scene.picture() == before


@intruders
def test_dialects_without_groups_cannot_name_a_thread(scene, who, what):
    user, uuid, number = getattr(scene, who), getattr(scene, what + "_uuid"), getattr(scene, what)
    before = scene.picture()
    with SaletickPeer(scene.gateway, user) as sale, PymessagePeer(scene.gateway, user) as pym:
        sale.say({"uuid": uuid}, "x")
        pym.say({"id": number}, "x")
        assert pym.next().frame == {"type": "error",
                                    "error": f"{number} is not connected to the network"}
        assert sale.is_silent()
    status, answer = get(scene.gateway, f"/saletick/chat/messages/{uuid}/", user["token"])
    assert (status, answer["message"]) == (404, "Invalid recipient")
    assert get(scene.gateway, "/saletick/chat/user/threads/", user["token"])[1]["entity"] == []
    assert scene.picture() == before


@intruders
def test_files_of_others_stay_shut(scene, who, what):
    number = getattr(scene, what + "_file")
    token = getattr(scene, who)["token"]
    answer = call(scene.gateway.url, path=f"/files/{number}/a.txt",
                  headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 404
    answer = call(scene.gateway.url, path=f"/files/{number}/a.txt?token={token}")
    assert answer.status == 404


@pytest.mark.parametrize("what", ["chat", "direct"])
def test_files_of_ones_own_open(scene, what):
    for user in (scene.ada, scene.bob):
        number = getattr(scene, what + "_file")
        answer = call(scene.gateway.url, path=f"/files/{number}/a.txt?token={user['token']}")
        assert (answer.status, answer.body) == (200, b"secret")


# ---- removal, as it happens ----------------------------------------------------------------------

def test_who_is_removed_hears_nothing_more_in_any_dialect(make_gateway):
    gateway = make_gateway(settings={"saletick.chats": "flatten", "pymessage.chats": "flatten",
                                     "pymessage.offline": "store", "files.url_ttl": TTL})
    ada, bob, rob = (make_user(gateway) for _ in range(3))
    ears = [peer(gateway, rob) for peer in (OpcodePeer, SaletickPeer, CasamsaPeer, PymessagePeer)]
    casamsa = ears[2]
    with CasamsaPeer(gateway, ada) as peer, OpcodePeer(gateway, bob) as other:
        chat = peer.ask("create_chat", "chat_created", title="House",
                        users=[bob["id"], rob["id"]])["chat"]["id"]
        (uuid,), = gateway.psql(f"select uuid from threads where id = {chat}")
        message = peer.ask("send_message", "message_created", chat=chat, text="all",
                           files=[{"name": "a.txt", "data": "c2VjcmV0"}])["message"]
        for ear in ears:
            assert "all" in ear.next("pushed").text
        peer.ask("remove_from_chat", "user_removed_successful", chat=chat, users=[rob["id"]])
        casamsa.event("chat_removed")
        # Everything a chat can tell: messages from each side, marks, titles, members.
        peer.ask("send_message", "message_created", chat=chat, text="without rob",
                 files=[{"name": "b.txt", "data": "c2VjcmV0"}])
        other.put_message(uuid, "indeed")
        other.next("sent")
        peer.ask("read_messages", "messages_read", chat=chat)
        peer.ask("update_chat", "chat_updated", chat=chat, title="Other")
        eve = make_user(gateway)
        peer.ask("add_to_chat", "user_added_successful", chat=chat, users=[eve["id"]])
        peer.ask("remove_from_chat", "user_removed_successful", chat=chat, users=[eve["id"]])
        for ear in ears:
            assert ear.is_silent(), ear.dialect
            ear.abort()
        # Nor later: not in lists, not as something missed.
        assert opcode_threads(gateway, rob) == []
        with PymessagePeer(gateway, rob) as again:
            assert again.is_silent()
        # The URL he was given dies in time, and his token gets him no other.
        file = message["attached_files"][0]
        url = urllib.parse.urlsplit(file["file"])
        time.sleep(TTL + 1.1)
        assert call(gateway.url, path=f"{url.path}?{url.query}").status == 403
        assert call(gateway.url, path=f"{url.path}?token={rob['token']}").status == 404
        assert call(gateway.url, path=f"{url.path}?token={bob['token']}").status == 200
        # Added again, he sees what is said from then on.
        with CasamsaPeer(gateway, rob) as back:
            peer.ask("add_to_chat", "user_added_successful", chat=chat, users=[rob["id"]])
            back.event("new_chat")
            peer.ask("send_message", "message_created", chat=chat, text="welcome")
            assert back.next("pushed").text == "welcome"
        status, thread = get(gateway, f"/opcode/thread/{uuid}", rob["token"])
        assert [m["message"] for m in thread["messages"]] == ["welcome"]
        assert thread["message_count"] == 1


def test_a_url_handed_out_before_the_removal_dies_in_time(scene):
    path = f"{scene.handed_out.path}?{scene.handed_out.query}"
    until = int(dict(urllib.parse.parse_qsl(scene.handed_out.query))["exp"])
    time.sleep(max(0, until - time.time() + 1.1))
    assert call(scene.gateway.url, path=path).status == 403


def test_everything_was_tried():
    """The lists above name what the documents name."""
    assert len(CASAMSA) == 7 and len(BAD) == 8
    assert len(list(itertools.product(OPCODE_REST, BAD))) == 56
