"""Clients of the dialects, alike enough that a test can take any of them.

    peer = PEERS["casamsa"](gateway, user)     # a socket that is logged in
    peer.say(other_user, "Good day")           # a direct message
    seen = peer.next("pushed")                 # Seen(kind, author, id, text, frame)

Users are what make_user() gives: of Gateway.add_user, with "token" and a "pin"."""

import collections
import json
import time

from opcode_client import Opcode
from pubsub_client import Client
from wire import PATIENCE, WebSocket, call

# kind: "pushed" (a message of somebody else), "sent" (the confirmation of an own one), "other".
# author (an id, UUID or username) and id are those of the database, or None where the dialect does
# not tell.
Seen = collections.namedtuple("Seen", "kind author id text frame")
OTHER = Seen("other", None, None, None, None)


def make_user(gateway, **fields):
    user = gateway.add_user(pin="1234", **fields)
    return {**user, "token": gateway.token(user)}


class Peer:
    """What all clients share. `interpret(frame)` of each says what a frame is."""

    def next(self, kind=None, timeout=PATIENCE):
        """The next thing that was seen, of that kind; what comes before it is kept in `passed`."""
        while True:
            frame = self.recv_json(timeout)
            seen = self.interpret(frame)._replace(frame=frame)
            if kind in (None, seen.kind):
                return seen
            self.passed.append(seen)

    def collect(self, pushed=0, sent=0, timeout=PATIENCE):
        """Everything up to so many messages of others and confirmations of own ones."""
        found = []
        counts = collections.Counter()
        while counts["pushed"] < pushed or counts["sent"] < sent:
            found.append(self.next(timeout=timeout))
            counts[found[-1].kind] += 1
        return found

    def is_silent(self, seconds=0.3):
        return self.is_quiet(seconds)


class OpcodePeer(Peer, Opcode):
    dialect = "opcode"
    tells_sent = True

    def __init__(self, gateway, user):
        super().__init__(gateway, user["token"])
        self.user, self.passed = user, []

    def say(self, to, text):
        self.put_message(to, text)

    def interpret(self, frame):
        data = frame["d"]
        if frame["e"] in ("MESSAGE", "MESSAGE_REQUEST"):
            return Seen("pushed", data["from"]["id"], data["id"], data["message"], None)
        if frame["e"] == "MESSAGE_SENT":
            return Seen("sent", self.user["uuid"], data["message_id"], None, None)
        return OTHER


class SaletickPeer(Peer, WebSocket):
    dialect = "saletick"
    tells_sent = True

    def __init__(self, gateway, user):
        super().__init__(f"{gateway.ws_url}/saletick/ws/chat/room/?token={user['token']}")
        self.user, self.passed = user, []

    def say(self, to, text):
        self.send_json({"action": "chat_message", "receiver_id": to["uuid"],
                        "message_body": text})

    def interpret(self, frame):
        kind = {"re_message": "pushed", "conf_message": "sent"}[frame["action"]]
        return Seen(kind, frame["sender_id"], frame["created_msg_id"], frame["message_body"],
                    None)


class CasamsaPeer(Peer, WebSocket):
    """say() needs the direct chat; the first one to a user asks for it."""

    dialect = "casamsa"
    tells_sent = True

    def __init__(self, gateway, user):
        super().__init__(gateway.ws_url + "/casamsa/ws/chat/")
        self.user, self.passed, self.chats = user, [], {}
        self.call("auth", token=user["token"])
        assert self.recv_json()["type"] == "authenticated"

    def call(self, method, token=None, **args):
        frame = {"method": method, "args": args}
        if token:
            frame["access_token"] = token
        self.send_json(frame)

    def event(self, kind, timeout=PATIENCE):
        """The data of the next event of that type; what comes before is kept in `passed`."""
        while True:
            frame = self.recv_json(timeout)
            if frame["type"] == kind:
                return frame["data"]
            self.passed.append(self.interpret(frame)._replace(frame=frame))

    def ask(self, method, answer, **args):
        """Calls a method and waits for the event that answers it."""
        self.call(method, **args)
        return self.event(answer)

    def chat_with(self, to):
        """The id of the direct chat, which comes into being if need be."""
        if to["id"] not in self.chats:
            self.call("create_chat", users=[to["id"]], event_response_key="chat_with")
            while to["id"] not in self.chats:
                frame = self.recv_json()
                data = frame["data"]
                if data.get("event_response_key") == "chat_with":
                    self.chats[to["id"]] = data.get("chat_id") or data["chat"]["id"]
                else:
                    self.passed.append(self.interpret(frame)._replace(frame=frame))
        return self.chats[to["id"]]

    def say(self, to, text):
        self.call("send_message", chat=self.chat_with(to), text=text)

    def interpret(self, frame):
        kind = {"new_message": "pushed", "message_created": "sent"}.get(frame["type"])
        if not kind:
            return OTHER
        message = frame["data"]["message"]
        return Seen(kind, message["user"]["pk"], message["id"], message["text"], None)


class PymessagePeer(Peer, WebSocket):
    """Its confirmations name no message."""

    dialect = "pymessage"
    tells_sent = False

    def __init__(self, gateway, user):
        super().__init__(gateway.ws_url + "/pymessage/")
        self.user, self.passed = user, []
        self.send_json({"type": "login", "username": user["username"], "pin": user["pin"]})
        answer = self.recv_json()
        assert answer == {"type": "resp", "id": user["id"]}, answer

    def say(self, to, text):
        self.send_json({"type": "send_msg", "recipient": to["id"], "content": text})

    def interpret(self, frame):
        if frame["type"] == "message":
            return Seen("pushed", frame["sender"], None, frame["content"], None)
        if frame["type"] == "send_resp":
            return Seen("sent", self.user["id"], None, None, None)
        return OTHER


class PubsubPeer(Peer, Client):
    """Joins of users, which everybody is told, are kept in `joined`; the unread count that must
    follow each chat in `unread`, by author."""

    dialect = "pubsub"
    tells_sent = True

    def __init__(self, gateway, user):
        super().__init__(gateway, user, token=user["token"])
        self.user, self.passed, self.joined, self.unread = user, [], [], {}

    def say(self, to, text):
        self.ids += 1
        self.send_text(f"42/chat,{self.ids}"
                       + json.dumps(["send-message", {"user": to["username"], "message": text}]))

    def recv_json(self, timeout=PATIENCE):
        """The next event or acknowledgement, whose name is None."""
        while True:
            name, data = self._decode(self.events.pop(0) if self.events
                                      else self.packet(timeout))
            if name == "user-join":
                self.joined.append(data["user"])
                continue
            if name == "chat":
                follows, count = self._decode(self.packet(timeout))
                assert (follows, count["user"]) == ("unread-chats-count", data["chat"]["sender"])
                self.unread[count["user"]] = count["unreadChatsCount"]
            return {"event": name, "data": data}

    @staticmethod
    def _decode(packet):
        values = json.loads(packet[packet.index("["):])
        return (None, values[0]) if packet.startswith("43") else (*values, None)[:2]

    def interpret(self, frame):
        kind = {"chat": "pushed", None: "sent"}.get(frame["event"])
        if not kind or "chat" not in frame["data"]:
            return OTHER
        chat = frame["data"]["chat"]
        return Seen(kind, chat["sender"], chat["id"], chat["message"], None)

    def is_silent(self, seconds=0.3):
        while self.events or not self.is_quiet(seconds):
            packet = self.events.pop(0) if self.events else self.recv()
            if packet == "2":
                self.send_text("3")
                continue
            name, data = self._decode(packet)
            if name != "user-join":
                return False
            self.joined.append(data["user"])
        return True


PEERS = {peer.dialect: peer
         for peer in (OpcodePeer, SaletickPeer, CasamsaPeer, PymessagePeer, PubsubPeer)}
DIALECTS = tuple(PEERS)


# ---- REST ----------------------------------------------------------------------------------------

def get(gateway, path, token=None, method="GET", body=None):
    """(status, decoded JSON or None)"""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = call(gateway.url, method, path, headers, body)
    return answer.status, json.loads(answer.body) if answer.body else None


def opcode_history(gateway, user, thread_uuid):
    """All messages that the opcode dialect shows of a thread, oldest first. Reads them."""
    messages, page = [], 0
    while True:
        status, thread = get(gateway,
                             f"/opcode/thread/{thread_uuid}?page_size=100&page={page}",
                             user["token"])
        assert status == 200, (status, thread)
        messages += thread["messages"]
        page += 1
        if len(thread["messages"]) < 100:
            return messages[::-1]


def opcode_threads(gateway, user):
    status, threads = get(gateway, "/opcode/thread", user["token"])
    assert status == 200, (status, threads)
    return threads


def saletick_history(gateway, user, other):
    """The conversation as the saletick dialect shows it. Reads it."""
    status, answer = get(gateway, f"/saletick/chat/messages/{other['uuid']}/", user["token"])
    assert status == 200, (status, answer)
    return answer["entity"]["messages"]


def saletick_threads(gateway, user):
    status, answer = get(gateway, "/saletick/chat/user/threads/", user["token"])
    assert status == 200, (status, answer)
    return answer["entity"]


def pubsub_history(gateway, user, other):
    """The last hundred messages as the pubsub dialect shows them, oldest first. Reads none."""
    with Client(gateway, user, token=user["token"]) as client:
        asked = {"user": other["username"], "limit": 100}
        return client.ask("fetch-conversation-with-user", asked)["chats"][::-1]


def until(condition, what, timeout=PATIENCE):
    """Waits for what comes true a moment later, such as marks that are stored lazily."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
