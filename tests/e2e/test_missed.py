"""What came while nobody was there, told at the login."""

import json
import struct

import pytest

from dialects import DIALECTS, PEERS, make_user
from wire import CLOSE


def test_long_messages_are_not_too_much_at_once(make_gateway):
    gw = make_gateway(settings={"pymessage.offline": "store"})
    ann, bob = make_user(gw), make_user(gw)
    texts = [f"{i} ".ljust(60000, "x") for i in range(100)]
    with PEERS["opcode"](gw, ann) as sender:
        for text in texts:
            sender.say(bob, text)
        sender.collect(sent=len(texts))
    with PEERS["pymessage"](gw, bob) as reader:
        assert [seen.text for seen in reader.collect(pushed=len(texts))] == texts
        assert reader.is_silent()
    with PEERS["pymessage"](gw, bob) as again:
        assert again.is_silent()


def start_chat(peer, title, *users):
    return peer.ask("create_chat", "chat_created", users=[user["id"] for user in users],
                    title=title)["chat"]["id"]


def ask_to_write(peer, chat, text):
    peer.ask("send_message", "message_created", chat=chat, text=text)


def contents_of(peer, count):
    return [(seen.author, seen.text) for seen in peer.collect(pushed=count)]


def test_flattened_chats_are_told_as_well(make_gateway):
    gw = make_gateway(settings={"pymessage.offline": "store", "pymessage.chats": "flatten"})
    ann, bob, cy = make_user(gw), make_user(gw), make_user(gw)
    missed = []
    with PEERS["casamsa"](gw, ann) as author, PEERS["opcode"](gw, cy) as other:
        house, plain = start_chat(author, "House", bob, cy), start_chat(author, None, bob, cy)
        for i in range(10):
            ask_to_write(author, house, f"house {i}")
            other.say(bob, f"direct {i}")
            other.collect(sent=1)
            ask_to_write(author, plain, f"plain {i}")
            missed += [(ann["id"], f"[House] house {i}"), (cy["id"], f"direct {i}"),
                       (ann["id"], f"plain {i}")]
        with PEERS["pymessage"](gw, bob) as reader:
            assert contents_of(reader, len(missed)) == missed
            ask_to_write(author, house, "live")
            assert contents_of(reader, 1) == [(ann["id"], "[House] live")]
        ask_to_write(author, house, "later")
        with PEERS["pymessage"](gw, bob) as reader:
            assert contents_of(reader, 1) == [(ann["id"], "[House] later")]
            assert reader.is_silent()
    with PEERS["pymessage"](gw, bob) as again, PEERS["pymessage"](gw, ann) as own:
        assert again.is_silent() and own.is_silent()


def test_chats_that_are_not_shown_are_not_told(make_gateway):
    gw = make_gateway(settings={"pymessage.offline": "store"})
    ann, bob, cy = make_user(gw), make_user(gw), make_user(gw)
    with PEERS["casamsa"](gw, ann) as author:
        ask_to_write(author, start_chat(author, "House", bob, cy), "hi")
    with PEERS["pymessage"](gw, bob) as reader:
        assert reader.is_silent()


def test_very_many_friend_requests_do_not_keep_anybody_out(make_gateway):
    gw = make_gateway()
    bob = make_user(gw)
    strangers = "generate_series(20000001, 20100000)"
    gw.psql("insert into users (id, uuid, username) select i, gen_random_uuid(), 'stranger-' || i"
            f" from {strangers} i")
    gw.psql(f"insert into friend_requests (to_id, from_id) select {bob['id']}, i"
            f" from {strangers} i")
    with PEERS["pymessage"](gw, bob) as peer:
        asked = [peer.recv_json() for _ in range(10000)]
        assert {frame["type"] for frame in asked} == {"friend_request"}
        peer.send_json({"type": "get_friends"})
        assert peer.recv_json() == {"type": "friends_resp", "friends": []}


def ask_to_send(peer, to, text):
    """A pymessage client's message; its answer."""
    peer.say(to, text)
    return peer.recv_json()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_who_has_said_goodbye_is_gone_though_the_connection_stays(make_gateway, dialect):
    gw = make_gateway()
    ann, bob = make_user(gw), make_user(gw)
    gone = {"type": "error", "error": f"{bob['id']} is not connected to the network"}
    with PEERS["pymessage"](gw, ann) as sender, PEERS[dialect](gw, bob) as peer:
        assert ask_to_send(sender, bob, "there")["type"] == "send_resp"
        peer.next("pushed")
        peer.send_frame(CLOSE, struct.pack("!H", 1000))
        while peer.recv_frame().opcode != CLOSE:
            pass
        assert ask_to_send(sender, bob, "gone") == gone


def test_who_leaves_amid_what_was_missed_is_told_no_more(make_gateway):
    gw = make_gateway(settings={"pymessage.offline": "store"})
    ann, bob = make_user(gw), make_user(gw)
    texts = [str(i) for i in range(200)]
    with PEERS["pymessage"](gw, ann) as sender:
        for text in texts:
            sender.say(bob, text)
        sender.collect(sent=len(texts))
    with PEERS["pymessage"](gw, bob) as first:
        shown = [first.next("pushed").text]
        first.send_frame(CLOSE, struct.pack("!H", 1000))
        while (frame := first.recv_frame()).opcode != CLOSE:
            shown.append(first.interpret(json.loads(frame.payload)).text)
        with PEERS["pymessage"](gw, bob) as second:
            shown += [seen.text for seen in second.collect(pushed=len(texts) - len(shown))]
    assert shown == texts
