"""Frames that come at once are answered in their order: an error about a later one, too, waits until
what came before it has been answered."""

import json

from dialects import (CasamsaPeer, OpcodePeer, PubsubPeer, PymessagePeer, SaletickPeer,
                      make_user)
from wire import TEXT, WebSocket, encode_frame

BURST = 8
FRAMES = 20


def slow(make_gateway):
    return make_gateway(settings={"limits.rate": 1, "limits.burst": BURST})


def send_at_once(peer, frames):
    """In one piece, so that all are there before the first answer."""
    peer.send(b"".join(encode_frame(TEXT, json.dumps(frame).encode() if isinstance(frame, dict)
                                    else frame) for frame in frames))


def stored(gateway, text):
    return int(gateway.psql(f"select count(*) from messages where text = '{text}'")[0][0])


# ---- pymessage -----------------------------------------------------------------------------------

def test_pymessage_errors(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    with PymessagePeer(gateway, ada) as peer, PymessagePeer(gateway, bob):
        message = {"type": "send_msg", "recipient": bob["id"], "content": "x"}
        send_at_once(peer, [message, b"{", message, {"type": "x"}, message,
                            {"type": "add_friend"}, message, {"type": "login"}, message])
        answers = [peer.recv_json() for _ in range(9)]
        assert [a["status"] for a in answers[::2]] == ["success"] * 5
        assert [a["error"] for a in answers[1::2]] == [
            "invalid json", "endpoint not found", "missing or invalid argument: user",
            "already logged in"]


def test_pymessage_over_the_rate(make_gateway):
    gateway = slow(make_gateway)
    with PymessagePeer(gateway, make_user(gateway)) as peer:
        send_at_once(peer, [{"type": "request_friend", "user": n} for n in range(FRAMES)])
        errors = [peer.recv_json()["error"] for _ in range(FRAMES)]
    named = [f"failed to send friend request to {n}" for n in range(FRAMES)]
    assert errors[:BURST - 1] == named[:BURST - 1]
    assert errors[-1] == "too many requests"
    assert all(error in (name, "too many requests")
               for error, name in zip(errors, named, strict=True))


# ---- casamsa -------------------------------------------------------------------------------------

def keys_of(peer, count):
    return [peer.recv_json()["data"]["event_response_key"] for _ in range(count)]


def casamsa_frame(method, key, **args):
    return {"method": method, "args": {**args, "event_response_key": key}}


def test_casamsa_errors(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    with CasamsaPeer(gateway, ada) as peer:
        chat = peer.chat_with(bob)
        send_at_once(peer, [
            casamsa_frame("send_message", 0, chat=chat, text="x"), casamsa_frame("x", 1),
            casamsa_frame("send_message", 2, chat=chat, text="x"),
            casamsa_frame("send_message", 3, chat="x"),
            casamsa_frame("send_message", 4, chat=chat, text="x"), casamsa_frame("auth", 5),
            casamsa_frame("send_message", 6, chat=chat, text="x"), b"{"])
        assert keys_of(peer, 8) == [0, 1, 2, 3, 4, 5, 6, None]


def test_casamsa_over_the_rate(make_gateway):
    gateway = slow(make_gateway)
    with CasamsaPeer(gateway, make_user(gateway)) as peer:
        send_at_once(peer, [casamsa_frame("read_messages", n, chat=1) for n in range(FRAMES)])
        answers = [peer.recv_json()["data"] for _ in range(FRAMES)]
    assert [a["event_response_key"] for a in answers] == list(range(FRAMES))
    assert [a["detail"] for a in answers[:BURST - 1]] == ["There is no such chat."] * (BURST - 1)
    assert answers[-1]["detail"] == "Too many requests"


# ---- opcode and saletick, where such an error is the end ------------------------------------------

def test_opcode_errors(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    with OpcodePeer(gateway, ada) as peer:
        message = {"o": 0, "e": "SEND_MESSAGE", "d": {"to": bob["uuid"], "message": "opcode"}}
        send_at_once(peer, [message, message, message, b"{", message])
        frames = [json.loads(text) for text in peer.expect_close()[1]]
    assert [frame["o"] for frame in frames] == [0, 0, 0, 4002]
    assert stored(gateway, "opcode") == 3


def test_opcode_over_the_rate(make_gateway):
    gateway = slow(make_gateway)
    ada, bob = make_user(gateway), make_user(gateway)
    with OpcodePeer(gateway, ada) as peer:
        message = {"o": 0, "e": "SEND_MESSAGE", "d": {"to": bob["uuid"], "message": "x"}}
        send_at_once(peer, [message] * FRAMES)
        frames = [json.loads(text) for text in peer.expect_close()[1]]
    confirmed = stored(gateway, "x")
    assert confirmed >= BURST - 1
    assert [frame["o"] for frame in frames] == [0] * confirmed + [4008]


def saletick_frame(to, text):
    return {"action": "chat_message", "receiver_id": to["uuid"], "message_body": text}


def test_saletick_errors(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    with SaletickPeer(gateway, ada) as peer:
        message = saletick_frame(bob, "saletick")
        send_at_once(peer, [message, message, message, b"{", message])
        code, frames = peer.expect_close()
    assert (code, len(frames), stored(gateway, "saletick")) == (1011, 3, 3)


def test_saletick_over_the_rate(make_gateway):
    gateway = slow(make_gateway)
    ada, bob = make_user(gateway), make_user(gateway)
    with SaletickPeer(gateway, ada) as peer:
        send_at_once(peer, [saletick_frame(bob, "x")] * FRAMES)
        code, frames = peer.expect_close()
    assert (code, len(frames)) == (1008, stored(gateway, "x"))
    assert len(frames) >= BURST - 1


# ---- pubsub, where an error is silence -----------------------------------------------------------

CALLS = [("send-message", True), ("send-message", False), ("nothing", False), ("fetch-users", True),
         ("read-chat", False), ("fetch-unread-chats-count", True), ("send-message", True)]


def data_of(to, good):
    return {"user": to["username"], "message": "x"} if good else {}


def test_pubsub(gateway):
    ada, bob = make_user(gateway), make_user(gateway)
    good = [n for n, (_, answered) in enumerate(CALLS) if answered]
    with PubsubPeer(gateway, ada) as peer:
        send_at_once(peer, [f"42/chat,{n}{json.dumps([name, data_of(bob, answered)])}".encode()
                            for n, (name, answered) in enumerate(CALLS)])
        acks = [peer.packet() for _ in good]
        assert [int(ack[len("43/chat,"):ack.index("[")]) for ack in acks] == good
    with WebSocket(f"{gateway.ws_url}/pubsub/ws?token={ada['token']}") as plain:
        send_at_once(plain, [b"{", *({"event": name, "data": data_of(bob, answered), "id": n}
                                     for n, (name, answered) in enumerate(CALLS))])
        assert [plain.recv_json()["id"] for _ in good] == good
