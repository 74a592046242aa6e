"""What is sent in one dialect arrives in all others: once, in order, with the right author."""

import collections
import itertools
import json
import random
import socket
import time

import pytest

from dialects import (DIALECTS, PEERS, CasamsaPeer, OpcodePeer, PubsubPeer, PymessagePeer,
                      SaletickPeer, get, make_user, opcode_history, opcode_threads,
                      pubsub_history, saletick_history, saletick_threads, until)
from gateway import ROOT, Gateway
from test_transcripts import play
from wire import Closed, Connection, WebSocket, call

MESSAGES = 1000
Row = collections.namedtuple("Row", "thread seq id uuid author text")


def rows_of(gateway, users):
    """The messages between these users as the database has them, by text."""
    ids = ",".join(str(user["id"]) for user in users)
    found = gateway.psql(
        "select m.thread_id, m.seq, m.id, m.uuid, m.author_id, m.text from messages m join "
        f"threads t on t.id = m.thread_id where t.lo_id in ({ids}) and t.hi_id in ({ids})")
    rows = [Row(int(r[0]), int(r[1]), int(r[2]), r[3], int(r[4]), r[5]) for r in found]
    assert len({row.text for row in rows}) == len(rows), "a message is there twice"
    return {row.text: row for row in rows}


@pytest.fixture
def pair(gateway):
    return make_user(gateway, first_name="Ada"), make_user(gateway, first_name="Bob")


@pytest.fixture
def connect(gateway):
    """connect(dialect, user) → a socket that is logged in; closed with the test."""
    peers = []

    def make(dialect, user):
        peers.append(PEERS[dialect](gateway, user))
        return peers[-1]

    yield make
    for peer in peers:
        peer.abort()


# ---- every direction ---------------------------------------------------------------------------

@pytest.fixture(scope="module")
def traffic(gateway):
    """Two users in each dialect; the first ones write to all the second ones and get answers, a
    thousand messages in all, none waiting for another. Everything that each socket got."""
    rng = random.Random(20261120)
    first = {d: PEERS[d](gateway, make_user(gateway, first_name=f"First {d}")) for d in DIALECTS}
    second = {d: PEERS[d](gateway, make_user(gateway, first_name=f"Second {d}"))
              for d in DIALECTS}
    peers = [*first.values(), *second.values()]
    users = {peer.user["id"]: peer.user for peer in peers}
    pairs = list(itertools.product(first.values(), second.values()))
    # Those who need a chat's id have it before the race begins.
    for one, other in pairs:
        for peer, to in ((one, other), (other, one)):
            if peer.dialect == "casamsa":
                peer.chat_with(to.user)
    expected = collections.defaultdict(list)
    sent = collections.Counter()
    directions = pairs + [(b, a) for a, b in pairs]
    for n in range(MESSAGES):
        author, to = directions[n % len(directions)] if n < 500 else rng.choice(directions)
        text = f"{author.user['id']}>{to.user['id']} {len(expected[author, to])} of {n}"
        expected[author, to].append(text)
        author.say(to.user, text)
        sent[author] += 1
    got = {}
    for peer in peers:
        pushed = sum(len(texts) for (_, to), texts in expected.items() if to is peer)
        got[peer] = peer.passed + peer.collect(pushed=pushed, sent=sent[peer])
    yield {"peers": peers, "users": users, "expected": expected, "got": got, "pairs": pairs,
           "rows": rows_of(gateway, users.values())}
    for peer in peers:
        peer.abort()


def same_user(user, name):
    return name in (user["id"], user["uuid"], user["username"])


def test_every_message_is_stored_once(traffic):
    texts = [text for texts in traffic["expected"].values() for text in texts]
    assert len(texts) == MESSAGES
    assert set(traffic["rows"]) == set(texts)


def test_each_socket_gets_each_message_once(traffic):
    for peer in traffic["peers"]:
        pushed = collections.Counter(s.text for s in traffic["got"][peer] if s.kind == "pushed")
        wanted = collections.Counter(
            text for (_, to), texts in traffic["expected"].items() if to is peer for text in texts)
        assert pushed == wanted, peer.dialect
        assert peer.is_silent()


def test_messages_arrive_in_the_order_they_were_sent(traffic):
    for (author, to), texts in traffic["expected"].items():
        arrived = [s.text for s in traffic["got"][to]
                   if s.kind == "pushed" and same_user(author.user, s.author)]
        assert arrived == texts, f"{author.dialect} to {to.dialect}"


def test_author_and_id_are_right(traffic):
    for peer in traffic["peers"]:
        for seen in traffic["got"][peer]:
            if seen.kind != "pushed":
                continue
            row = traffic["rows"][seen.text]
            assert same_user(traffic["users"][row.author], seen.author)
            assert seen.id in (None, row.id, row.uuid)
            assert (seen.id is None) == (peer.dialect == "pymessage")


def test_each_message_is_confirmed_once_in_order(traffic):
    """A dialect whose confirmations bear ids confirms exactly what is stored, in the order sent;
    the other one says so often enough."""
    for peer in traffic["peers"]:
        confirmed = [s.id for s in traffic["got"][peer] if s.kind == "sent"]
        mine = sorted((row for row in traffic["rows"].values()
                       if row.author == peer.user["id"]), key=lambda row: row.id)
        if peer.tells_sent:
            for thread in {row.thread for row in mine}:
                ids = [row.uuid if peer.dialect == "opcode" else row.id
                       for row in mine if row.thread == thread]
                assert [i for i in confirmed if i in set(ids)] == ids, peer.dialect
        assert len(confirmed) == len(mine)


def test_all_sockets_see_a_thread_in_its_one_order(traffic):
    """Pushes and confirmations of a thread, as they came, rise in seq."""
    by_id = {key: row for row in traffic["rows"].values() for key in (row.id, row.uuid)}
    for peer in traffic["peers"]:
        last = collections.Counter()
        for seen in traffic["got"][peer]:
            row = by_id.get(seen.id) if seen.id else traffic["rows"].get(seen.text)
            if row:
                assert row.seq > last[row.thread], (peer.dialect, seen)
                last[row.thread] = row.seq


def test_seq_is_dense_and_ids_rise_with_it(traffic):
    threads = collections.defaultdict(list)
    for row in traffic["rows"].values():
        threads[row.thread].append(row)
    assert len(threads) == len(DIALECTS) ** 2
    for rows in threads.values():
        rows.sort(key=lambda row: row.seq)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert [row.id for row in rows] == sorted(row.id for row in rows)


def test_histories_equal_what_was_pushed(gateway, traffic):
    for one, other in traffic["pairs"]:
        rows = sorted((row for row in traffic["rows"].values()
                       if row.text.startswith((f"{one.user['id']}>{other.user['id']} ",
                                               f"{other.user['id']}>{one.user['id']} "))),
                      key=lambda row: row.seq)
        uuids = {user["id"]: user["uuid"] for user in traffic["users"].values()}
        pushed = {s.text: s for s in traffic["got"][one] + traffic["got"][other]
                  if s.kind == "pushed" and s.text in traffic["rows"]}
        assert all(row.text in pushed for row in rows)
        for me, you in ((one.user, other.user), (other.user, one.user)):
            sale = saletick_history(gateway, me, you)
            assert [(m["id"], m["sender"]["id"], m["message"]) for m in sale] == \
                [(row.id, uuids[row.author], row.text) for row in rows]
            assert {m["thread"] for m in sale} == {rows[0].thread}
            assert all({m["sender"]["id"], m["receiver"]["id"]} == {me["uuid"], you["uuid"]}
                       for m in sale)
            thread, = [t["id"] for t in opcode_threads(gateway, me)
                       if t["recipient"]["id"] == you["uuid"]]
            assert [(m["id"], m["sender_id"], m["message"])
                    for m in opcode_history(gateway, me, thread)] == \
                [(row.uuid, uuids[row.author], row.text) for row in rows]
            names = {user["id"]: user["username"] for user in (me, you)}
            assert [(m["id"], m["sender"], m["message"])
                    for m in pubsub_history(gateway, me, you)] == \
                [(row.id, names[row.author], row.text) for row in rows]


# ---- read state --------------------------------------------------------------------------------

def mark_of(gateway, author, reader):
    """How the two REST dialects show the author's last message to the author: (seen, state)."""
    last, = [t["last_message"] for t in saletick_threads(gateway, author)
             if t["other_user"]["id"] == reader["uuid"]]
    thread, = [t for t in opcode_threads(gateway, author)
               if t["recipient"]["id"] == reader["uuid"]]
    return last["seen"], thread["messages"][0]["state"]


def read_in_casamsa(gateway, author, reader, connect):
    peer = connect("casamsa", reader)
    chat = peer.chat_with(author)
    data = peer.ask("read_messages", "messages_read", chat=chat, event_response_key="k")
    assert data == {"event_response_key": "k", "chat": chat}


def read_in_saletick(gateway, author, reader, connect):
    assert all(m["seen"] for m in saletick_history(gateway, reader, author))


def read_in_opcode(gateway, author, reader, connect):
    thread, = [t["id"] for t in opcode_threads(gateway, reader)
               if t["recipient"]["id"] == author["uuid"]]
    assert {m["state"] for m in opcode_history(gateway, reader, thread)} == {"r"}


def read_in_pubsub(gateway, author, reader, connect):
    last = pubsub_history(gateway, reader, author)[-1]
    assert connect("pubsub", reader).ask("read-chat", {"id": last["id"]}) == {}
    assert pubsub_history(gateway, reader, author)[-1]["has_read"]


@pytest.mark.parametrize("read", [read_in_casamsa, read_in_saletick, read_in_opcode,
                                  read_in_pubsub])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_reading_shows_to_the_author_everywhere(gateway, pair, connect, dialect, read):
    ada, bob = pair
    watching, sender = connect("casamsa", ada), connect("pubsub", ada)
    author = connect(dialect, ada)
    listener, reader = connect("pymessage", bob), connect("pubsub", bob)
    author.say(bob, "read me")
    listener.next("pushed")
    assert reader.next("pushed").text == "read me"
    assert reader.unread == {ada["username"]: 1}
    created = watching.next("sent")
    assert created.text == "read me"
    until(lambda: mark_of(gateway, ada, bob) == (False, "d"), "delivered")
    read(gateway, ada, bob, connect)
    assert mark_of(gateway, ada, bob) == (True, "r")
    updates = watching.event("messages_updated")["updates"]
    assert updates == [{"id": created.id, "fields": {"is_read": True}}]
    assert sender.event("read-chat") == {"id": created.id, "user": bob["username"]}
    assert reader.event("unread-chats-count") == {"unreadChatsCount": 0,
                                                  "user": ada["username"]}
    # Reading again tells nobody anything.
    read(gateway, ada, bob, connect)
    assert watching.is_silent() and sender.is_silent() and reader.is_silent()


def test_reading_one_message_reads_no_other(gateway, pair, connect):
    ada, bob = pair
    author = connect("saletick", ada)
    reader, watching = connect("pubsub", bob), connect("casamsa", ada)
    for n in range(3):
        author.say(bob, f"number {n}")
    ids = [seen.id for seen in reader.collect(pushed=3)]
    assert reader.unread == {ada["username"]: 3}
    assert reader.ask("read-chat", {"id": ids[1]}) == {}
    assert watching.event("messages_updated")["updates"] == [
        {"id": ids[1], "fields": {"is_read": True}}]
    assert [chat["has_read"] for chat in pubsub_history(gateway, ada, bob)] == [
        False, True, False]
    asked = {"user": ada["username"]}
    assert reader.ask("fetch-unread-chats-count", asked) == {"unreadChatsCount": 2}
    thread, = opcode_threads(gateway, ada)
    assert thread["messages"][0]["state"] == "d"
    # The rest is read where there is no other way than all.
    read_in_casamsa(gateway, ada, bob, connect)
    assert reader.ask("fetch-unread-chats-count", asked) == {"unreadChatsCount": 0}


def test_what_is_deleted_is_gone_everywhere(gateway, pair, connect):
    ada, bob = pair
    author, his = connect("pubsub", ada), connect("pubsub", bob)
    quiet = [connect(d, bob) for d in DIALECTS if d != "pubsub"]
    author.say(bob, "stays")
    author.say(bob, "goes")
    stays, goes = (seen.id for seen in author.collect(sent=2))
    for peer in (his, *quiet):
        peer.collect(pushed=2)
    assert author.ask("delete-chat", {"id": goes}) == {}
    assert his.event("delete-chat") == {"id": goes}
    assert all(peer.is_silent() for peer in quiet)
    assert [m["id"] for m in saletick_history(gateway, bob, ada)] == [stays]
    thread, = opcode_threads(gateway, bob)
    assert [m["message"] for m in opcode_history(gateway, bob, thread["id"])] == ["stays"]
    assert [m["id"] for m in pubsub_history(gateway, bob, ada)] == [stays]


# ---- presence ------------------------------------------------------------------------------------

@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_user_is_online_by_any_dialect(pair, connect, dialect):
    ada, bob = pair
    watching = connect("pubsub", ada)

    def is_online():
        return [user["isOnline"] for user in watching.ask("fetch-users", {})["users"]
                if user["username"] == bob["username"]]

    assert watching.ask("wait-for-user", {"user": bob["username"]}) == {}
    assert is_online() == [False] and watching.is_silent()
    first = connect(dialect, bob)
    assert watching.event("user-online") == {"user": bob["username"]}
    assert is_online() == [True]
    # The first session counts, and the last one.
    others = [connect(d, bob) for d in DIALECTS]
    first.abort()
    for other in others[1:]:
        other.abort()
    assert watching.is_silent() and is_online() == [True]
    others[0].abort()
    assert watching.event("user-offline") == {"user": bob["username"]}
    assert is_online() == [False]
    assert watching.ask("stop-waiting-for-user", {"user": bob["username"]}) == {}
    connect(dialect, bob)
    assert watching.is_silent()


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "pymessage"])
def test_connected_to_the_network_is_who_is_online_by_any_dialect(pair, connect, dialect):
    ada, bob = pair
    author = connect("pymessage", ada)
    author.say(bob, "nobody there")
    assert author.next().frame["type"] == "error"
    listener = connect(dialect, bob)
    author.say(bob, "there")
    assert author.next().frame == {"type": "send_resp", "status": "success"}
    assert listener.next("pushed").text == "there"


# ---- several sockets -----------------------------------------------------------------------------

@pytest.mark.parametrize("dialects", [*itertools.combinations(DIALECTS, 2)], ids="+".join)
def test_two_sockets_in_two_dialects_both_get_it(pair, connect, dialects):
    ada, bob = pair
    theirs = [connect(d, bob) for d in dialects]
    author = connect("saletick", ada)
    for n in range(20):
        author.say(bob, f"number {n}")
    for peer in theirs:
        got = peer.collect(pushed=20)
        assert [s.text for s in got if s.kind == "pushed"] == [f"number {n}" for n in range(20)]
        assert all(same_user(ada, s.author) for s in got if s.kind == "pushed")
    assert all(peer.is_silent() for peer in theirs)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_sockets_of_the_author_learn_what_was_sent(gateway, pair, connect, dialect):
    ada, bob = pair
    others = {d: connect(d, ada) for d in DIALECTS}
    sender = connect(dialect, ada)
    reader = connect("opcode", bob)
    sender.say(bob, "good news")
    uuid = reader.next("pushed").id
    row = rows_of(gateway, pair)["good news"]
    assert row.uuid == uuid
    assert sender.next("sent").id in (None, row.id, row.uuid)
    assert others["opcode"].next().frame == {
        "o": 0, "e": "MESSAGE_SENT", "d": {"message_id": row.uuid}}
    confirmed = others["saletick"].next().frame
    assert (confirmed["action"], confirmed["created_msg_id"]) == ("conf_message", row.id)
    assert (confirmed["sender_id"], confirmed["receiver_id"]) == (ada["uuid"], bob["uuid"])
    made = others["casamsa"].next().frame
    assert (made["type"], made["data"]["event_response_key"]) == ("chat_created", None)
    created = others["casamsa"].next().frame
    assert created["type"] == "message_created"
    assert created["data"]["event_response_key"] is None
    assert created["data"]["message"]["id"] == row.id
    assert created["data"]["message"]["chat"] == made["data"]["chat"]["id"] == row.thread
    # pymessage and pubsub have no word for it.
    assert all(peer.is_silent() for peer in others.values())


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "casamsa"])
def test_a_new_conversation_is_a_chat_before_it_has_a_message(pair, connect, dialect):
    ada, bob = pair
    hers, his = connect("casamsa", ada), connect("casamsa", bob)
    author = connect(dialect, ada)
    author.say(bob, "first")
    author.say(bob, "second")
    frames = [his.next().frame for _ in range(3)]
    assert [f["type"] for f in frames] == ["new_chat", "new_message", "new_message"]
    chat = frames[0]["data"]["chat"]
    assert chat["title"] is None
    assert {user["pk"] for user in chat["users"]} == {ada["id"], bob["id"]}
    assert {f["data"]["message"]["chat"] for f in frames[1:]} == {chat["id"]}
    frames = [hers.next().frame for _ in range(3)]
    assert [f["type"] for f in frames] == ["chat_created", "message_created", "message_created"]
    assert [f["data"]["event_response_key"] for f in frames] == [None] * 3
    assert frames[0]["data"]["chat"]["id"] == chat["id"]
    # The chat takes an answer.
    his.call("send_message", chat=chat["id"], text="third")
    assert author.next("pushed").text == "third"


# ---- people ------------------------------------------------------------------------------------

def test_an_account_made_in_one_dialect_is_known_in_all(gateway, pair, connect):
    ada, _ = pair
    name = "made-" + ada["username"]
    with CasamsaPeer(gateway, ada) as casamsa, SaletickPeer(gateway, ada) as sale, \
            OpcodePeer(gateway, ada) as opcode:
        made = connect("pymessage", ada)
        made.abort()
        with WebSocket(gateway.ws_url + "/pymessage/") as new:
            new.send_json({"type": "create_acc", "username": name, "pin": 77})
            number = new.recv_json()["id"]
            (uuid,), = gateway.psql(f"select uuid from users where id = {number}")
            person = {"id": number, "uuid": uuid, "username": name}
            for peer in (sale, opcode, casamsa):
                peer.say(person, f"from {peer.dialect}")
                frame = new.recv_json()
                assert frame == {"type": "message", "sender": ada["id"],
                                 "content": f"from {peer.dialect}"}
            new.send_json({"type": "send_msg", "recipient": ada["id"], "content": "thanks"})
            assert new.recv_json() == {"type": "send_resp", "status": "success"}
            # Who has no first name is shown by the username.
            pushed = opcode.next("pushed").frame["d"]
            assert pushed["from"] == {"id": uuid, "first_name": name, "last_name": ""}
            user = casamsa.next("pushed").frame["data"]["message"]["user"]
            assert user == {"pk": number, "email": "", "first_name": name, "last_name": "",
                            "photo": None, "color": None, "role": "Member"}
            assert sale.next("pushed").author == uuid


def make_by_command(gateway, name):
    gateway.cli("user", "add", "--username", name)
    return name


def make_in_opcode(gateway, name):
    name += "@example.org"
    person = {"email": name, "first_name": "A", "last_name": "B", "location": "", "role": "s",
              "password": "correct horse"}
    assert get(gateway, "/opcode/register", method="POST", body=person)[0] == 201
    return name


def make_in_pymessage(gateway, name):
    with WebSocket(gateway.ws_url + "/pymessage/") as new:
        new.send_json({"type": "create_acc", "username": name, "pin": 77})
        assert new.recv_json()["type"] == "create_acc_resp"
    return name


def make_in_pubsub(gateway, name):
    account = {"username": name, "password": "correct horse"}
    assert get(gateway, "/pubsub/api/auth/register", method="POST", body=account) == (
        201, {"message": "Created"})
    return name


@pytest.mark.parametrize("make", [make_by_command, make_in_opcode, make_in_pymessage,
                                  make_in_pubsub])
def test_who_joins_is_told_wherever_the_account_was_made(gateway, pair, connect, make):
    watching = [connect("pubsub", user) for user in pair]
    quiet = [connect(d, pair[0]) for d in DIALECTS if d != "pubsub"]
    name = make(gateway, f"new-{make.__name__}-{pair[0]['username']}")
    for peer in watching:
        while name not in peer.joined:
            peer.joined.append(peer.event("user-join")["user"])
        assert peer.is_silent() and peer.joined.count(name) == 1
        assert name in [user["username"] for user in peer.ask("fetch-users", {})["users"]]
    assert all(peer.is_silent() for peer in quiet)
    gateway.cli("user", "deactivate", name)
    for peer in watching:
        assert peer.event("user-leave") == {"user": name}
        assert name not in [user["username"] for user in peer.ask("fetch-users", {})["users"]]
    assert all(peer.is_silent() for peer in quiet)


def test_a_token_opens_every_dialect(gateway, pair):
    """And who is known by an e-mail alone has names everywhere."""
    mail = f"{pair[0]['username']}@example.org"
    shown = gateway.cli("user", "add", "--email", mail, "--pin", "1234")
    user = {**json.loads(shown), "pin": "1234"}
    user["token"] = gateway.token(mail)
    with OpcodePeer(gateway, user) as peer:
        assert (peer.ready["first_name"], peer.ready["last_name"]) == (pair[0]["username"], "")
    with SaletickPeer(gateway, pair[0]) as author:
        author.say(user, "hello")
        author.next("sent")
    with PubsubPeer(gateway, user) as peer, PubsubPeer(gateway, pair[0]) as author:
        peer.say(pair[0], "hello, too")
        assert author.next("pushed").author == mail
        author.say({"username": mail}, "by e-mail")
        # Where it came by another node, the first one may be late for the login just now.
        texts = [peer.next("pushed").text]
        if texts == ["hello"]:
            texts = [peer.next("pushed").text]
        assert texts == ["by e-mail"]
    other, = [t["other_user"] for t in saletick_threads(gateway, pair[0])]
    assert other == {"id": user["uuid"], "email": mail, "username": "", "role": None,
                     "is_active": True}
    assert get(gateway, f"/pymessage/get_user?id={user['id']}") == (200, {
        "user": {"username": mail}})


# ---- chats ---------------------------------------------------------------------------------------

@pytest.fixture
def chat(gateway, pair, connect):
    """A chat of ada and bob: (ada's casamsa socket, its id, its thread's UUID)."""
    ada, bob = pair
    peer = connect("casamsa", ada)
    made = peer.ask("create_chat", "chat_created", users=[bob["id"]], title="House")["chat"]
    (uuid,), = gateway.psql(f"select uuid from threads where id = {made['id']}")
    return peer, made["id"], uuid


def test_a_chat_reaches_opcode_by_its_thread(gateway, pair, connect, chat):
    ada, bob = pair
    peer, number, uuid = chat
    his, hers = connect("opcode", bob), connect("opcode", ada)
    peer.call("send_message", chat=number, text="all of you")
    created = peer.event("message_created")["message"]
    pushed = his.next().frame["d"]
    assert pushed == {"id": pushed["id"], "thread_id": uuid, "message": "all of you",
                      "from": {"id": ada["uuid"], "first_name": "Ada", "last_name": ""},
                      "timestamp": created["created_at"].rstrip("Z"), "state": "d"}
    assert hers.next().frame["d"] == {"message_id": pushed["id"]}
    his.put_message(uuid, "answer")
    his.next("sent")
    answer = peer.event("new_message")["message"]
    assert (answer["chat"], answer["user"]["pk"], answer["text"]) == (number, bob["id"], "answer")
    assert hers.next("pushed").text == "answer"
    thread, = opcode_threads(gateway, bob)
    assert thread["recipient"] == {"id": uuid, "first_name": "House", "last_name": ""}
    assert (thread["id"], thread["message_count"], thread["state"]) == (uuid, 2, "a")
    assert [m["message"] for m in opcode_history(gateway, bob, uuid)] == ["all of you", "answer"]
    # By reading there, bob has read ada's message, and she is told.
    assert peer.event("messages_updated")["updates"] == [
        {"id": created["id"], "fields": {"is_read": True}}]
    assert {m["message"]: m["state"] for m in opcode_history(gateway, ada, uuid)} == {
        "all of you": "r", "answer": "r"}


def test_a_chat_cannot_be_approved_or_blocked(gateway, pair, connect, chat):
    ada, _ = pair
    peer, number, uuid = chat
    peer.ask("send_message", "message_created", chat=number, text="hi")
    for verb in ("approve", "block"):
        answer = get(gateway, f"/opcode/thread/{uuid}/{verb}", ada["token"], "POST")
        assert answer == (403, {"message": "Forbidden"})
    assert opcode_threads(gateway, ada)[0]["state"] == "a"


def test_a_chats_message_is_read_when_all_others_have(gateway, pair, connect, chat):
    ada, bob = pair
    cy = make_user(gateway, first_name="Cy")
    peer, number, uuid = chat
    peer.ask("add_to_chat", "user_added_successful", chat=number, users=[cy["id"]])
    peer.ask("send_message", "message_created", chat=number, text="who reads?")
    state = lambda: opcode_threads(gateway, ada)[0]["messages"][0]["state"]
    opcode_history(gateway, bob, uuid)
    assert peer.event("messages_updated")
    assert state() in "sd"
    connect("casamsa", cy).ask("read_messages", "messages_read", chat=number)
    assert state() == "r"


def test_a_chat_stays_away_from_dialects_without_groups(gateway, pair, connect, chat):
    ada, bob = pair
    peer, number, uuid = chat
    quiet = [connect(d, user) for d in ("saletick", "pymessage", "pubsub") for user in pair]
    listener = connect("opcode", bob)
    peer.ask("send_message", "message_created", chat=number, text="not for all")
    listener.next("pushed")
    connect("casamsa", bob).ask("read_messages", "messages_read", chat=number)
    peer.ask("update_chat", "chat_updated", chat=number, title="Other")
    assert all(q.is_silent() for q in quiet)
    assert saletick_threads(gateway, bob) == []
    assert saletick_history(gateway, bob, ada) == []
    assert pubsub_history(gateway, bob, ada) == []
    # Its UUID is nobody's receiver there.
    quiet[0].send_json({"action": "chat_message", "receiver_id": uuid, "message_body": "x"})
    assert quiet[0].is_silent()
    assert get(gateway, f"/saletick/chat/messages/{uuid}/", bob["token"])[0] == 404


@pytest.fixture(scope="module")
def flattening():
    with Gateway(settings={"saletick.chats": "flatten", "pymessage.chats": "flatten",
                           "pubsub.chats": "flatten", "files.url_ttl": 1}) as running:
        yield running


def test_flattened_chats_arrive_as_direct_messages(flattening):
    gateway = flattening
    ada, bob = make_user(gateway, first_name="Ada"), make_user(gateway, first_name="Bob")
    with CasamsaPeer(gateway, ada) as peer, SaletickPeer(gateway, bob) as sale, \
            PymessagePeer(gateway, bob) as pym, SaletickPeer(gateway, ada) as own, \
            PymessagePeer(gateway, ada) as own_pym, PubsubPeer(gateway, bob) as pub, \
            PubsubPeer(gateway, ada) as own_pub:
        cy = make_user(gateway)
        number = peer.ask("create_chat", "chat_created", users=[bob["id"], cy["id"]],
                          title="House")["chat"]["id"]
        message = peer.ask("send_message", "message_created", chat=number, text="hi")["message"]
        assert sale.next().frame == {
            "action": "re_message", "sender_id": ada["uuid"], "receiver_id": bob["uuid"],
            "message_body": "[House] hi", "created_msg_id": message["id"],
            "timestamp": message["created_at"].replace("Z", "+00:00")}
        assert pym.next().frame == {"type": "message", "sender": ada["id"],
                                    "content": "[House] hi"}
        chat = pub.event("chat")["chat"]
        assert (chat["id"], chat["sender"], chat["recipient"], chat["message"]) == (
            message["id"], ada["username"], bob["username"], "[House] hi")
        # Without a title there is nothing to put in front.
        peer.ask("update_chat", "chat_updated", chat=number, title=None)
        peer.ask("send_message", "message_created", chat=number, text="hi again")
        assert sale.next().text == "hi again"
        assert pym.next().text == pub.event("chat")["chat"]["message"] == "hi again"
        # The author's own sockets have no receiver to name.
        assert own.is_silent() and own_pym.is_silent() and own_pub.is_silent()
        assert saletick_history(gateway, bob, ada) == []
        # Nor do events of the chat that are no messages.
        peer.ask("remove_from_chat", "user_removed_successful", chat=number, users=[bob["id"]])
        peer.ask("send_message", "message_created", chat=number, text="without bob")
        assert sale.is_silent() and pym.is_silent() and pub.is_silent()


def test_flattened_chats_leave_the_counts_of_direct_messages_alone(flattening):
    gateway = flattening
    ada, bob = make_user(gateway), make_user(gateway)
    with CasamsaPeer(gateway, ada) as peer, PubsubPeer(gateway, bob) as pub:
        number = peer.ask("create_chat", "chat_created", users=[bob["id"]],
                          title="House")["chat"]["id"]
        peer.say(bob, "direct")
        peer.next("sent")
        assert pub.event("unread-chats-count")["unreadChatsCount"] == 1
        message = peer.ask("send_message", "message_created", chat=number, text="hi")["message"]
        assert pub.event("chat")["chat"]["message"] == "[House] hi"
        assert pub.ask("read-chat", {"id": message["id"]}) == {}
        assert pub.is_silent()
        assert pub.ask("fetch-unread-chats-count", {"user": ada["username"]}) == {
            "unreadChatsCount": 1}


def test_what_is_deleted_of_a_flattened_chat_is_taken_back(flattening):
    gateway = flattening
    ada, bob = make_user(gateway), make_user(gateway)
    with CasamsaPeer(gateway, ada) as peer, PubsubPeer(gateway, ada) as author, \
            PubsubPeer(gateway, bob) as pub, SaletickPeer(gateway, bob) as sale:
        number = peer.ask("create_chat", "chat_created", users=[bob["id"]],
                          title="House")["chat"]["id"]
        message = peer.ask("send_message", "message_created", chat=number, files=[
            {"name": "a.txt", "data": "aGVsbG8="}])["message"]
        assert pub.event("chat")["chat"]["id"] == message["id"]
        assert sale.next().id == message["id"]
        author.ask("delete-chat", {"id": message["id"]})
        assert pub.event("delete-chat") == {"id": message["id"]}
        assert sale.is_silent()


# ---- files ---------------------------------------------------------------------------------------

def test_a_file_is_a_line_where_there_are_no_files(gateway, pair, connect):
    ada, bob = pair
    peer = connect("casamsa", ada)
    others = [connect(d, bob) for d in ("opcode", "saletick", "pymessage")]
    media = connect("pubsub", bob)
    peer.call("send_message", chat=peer.chat_with(bob), text="see",
              files=[{"name": "a.txt", "data": "aGVsbG8="}])
    message = peer.event("message_created")["message"]
    file, = message["attached_files"]
    for other in others:
        text, url = other.next("pushed").text.split("\n")
        assert text == "see"
        assert url.startswith(gateway.url + f"/files/{file['id']}/a.txt?")
        answer = call(gateway.url, path=url[len(gateway.url):])
        assert (answer.status, answer.body) == (200, b"hello")
    chat = media.next("pushed").frame["data"]["chat"]
    assert (chat["message"], chat["media"]) == ("see", chat["mediaIds"])
    url, = chat["media"]
    assert call(gateway.url, path=url[len(gateway.url):]).body == b"hello"


def test_media_are_lines_where_there_are_none(pair, connect):
    ada, bob = pair
    author, files = connect("pubsub", ada), connect("casamsa", bob)
    others = [connect(d, bob) for d in ("opcode", "saletick", "pymessage")]
    urls = ["https://x.example/a.png?b=c", "https://x.example/d"]
    author.ask("send-message", {"user": bob["username"], "message": "", "media": urls})
    author.ask("send-message", {"user": bob["username"], "message": "two", "mediaIds": urls})
    for other in others:
        assert other.next("pushed").text == "\n".join(urls)
        assert other.next("pushed").text == "\n".join(["two", *urls])
    message = files.next("pushed").frame["data"]["message"]
    assert message["text"] in (None, "")
    assert [(file["name"], file["file"]) for file in message["attached_files"]] == [
        ("a.png", urls[0]), ("d", urls[1])]


# ---- ends ----------------------------------------------------------------------------------------

def test_a_deactivated_user_is_gone_in_each_dialect(gateway, pair, connect):
    ada, bob = pair
    sockets = {d: connect(d, bob) for d in DIALECTS}
    author = {d: connect(d, ada) for d in DIALECTS}
    author["saletick"].say(bob, "before")
    for peer in sockets.values():
        assert peer.next("pushed").text == "before"
    for dialect in ("opcode", "saletick", "casamsa"):
        author[dialect].next("sent")
    gateway.cli("user", "deactivate", bob["username"])
    assert sockets["opcode"].outcome() == ([9], 1005)
    assert sockets["saletick"].expect_close() == (1008, [])
    code, frames = sockets["pymessage"].expect_close()
    assert (code, frames) == (1008, ['{"type":"error","error":"acc not found"}'])
    code, frames = sockets["pubsub"].expect_close()
    assert (code, frames[-2:]) == (1008, ['42/chat,["auth-failed"]', "41/chat,"])
    assert author["pubsub"].event("user-leave") == {"user": bob["username"]}
    error = sockets["casamsa"].event("error")
    assert error == {"type": "authorization_error", "detail": "Authorization failed.",
                     "event_response_key": None}
    # That socket stays, but is nobody's.
    sockets["casamsa"].call("send_message", chat=1, text="x")
    assert sockets["casamsa"].event("error")["detail"] == "There is no access token."
    sockets["casamsa"].call("auth", token=bob["token"])
    assert sockets["casamsa"].event("error")["type"] == "authorization_error"
    # Nobody can write to him any more; what was said can still be read.
    author["saletick"].say(bob, "after")
    author["opcode"].say(bob, "after")
    author["pubsub"].say(bob, "after")
    author["pymessage"].say(bob, "after")
    assert author["pymessage"].next().frame == {
        "type": "error", "error": f"{bob['id']} is not connected to the network"}
    assert all(author[d].is_silent() for d in ("saletick", "opcode", "pubsub"))
    last, = saletick_threads(gateway, ada)
    assert last["other_user"]["is_active"] is False
    assert last["last_message"]["message"] == "before"
    assert [m["message"] for m in saletick_history(gateway, ada, bob)] == ["before"]


def test_what_a_deactivated_user_had_written_is_still_unread(gateway, pair):
    ada, bob = pair
    with OpcodePeer(gateway, bob) as author:
        for text in ("one", "two"):
            author.say(ada, text)
            author.next("sent")
    gateway.cli("user", "deactivate", bob["username"])
    named = {"user": bob["username"]}
    with PubsubPeer(gateway, ada) as peer:
        assert peer.ask("fetch-unread-chats-count", named) == {"unreadChatsCount": 2}
        newest, _ = chats = peer.ask("fetch-conversation-with-user", named)["chats"]
        assert [chat["message"] for chat in chats] == ["two", "one"]
        assert peer.ask("read-chat", {"id": newest["id"]}) == {}
        peer.say(bob, "after")
        assert peer.ask("fetch-unread-chats-count", named) == {"unreadChatsCount": 1}
        assert not any(packet.startswith("43") for packet in peer.events)
    with OpcodePeer(gateway, ada) as peer:
        assert peer.ready["unread_threads"] == 1
    assert [m["message"] for m in saletick_history(gateway, ada, bob)] == ["one", "two"]
    with PubsubPeer(gateway, ada) as peer:
        assert peer.ask("fetch-unread-chats-count", named) == {"unreadChatsCount": 0}


def test_a_revoked_token_ends_what_it_opened(gateway, pair):
    ada, bob = pair
    with SaletickPeer(gateway, ada) as sale, CasamsaPeer(gateway, ada) as casamsa, \
            PymessagePeer(gateway, ada) as pym, PubsubPeer(gateway, ada) as pub:
        gateway.cli("token", "revoke", ada["token"])
        code, frames = pub.expect_close()
        assert (code, frames[-2:]) == (1008, ['42/chat,["auth-failed"]', "41/chat,"])
        assert sale.expect_close() == (1008, [])
        assert casamsa.event("error")["type"] == "authorization_error"
        # Another token does for the socket that stayed.
        casamsa.call("auth", token=gateway.token(ada), event_response_key=2)
        assert casamsa.event("authenticated") == {"event_response_key": 2}
        # A login by pin does not hang on any token.
        pym.send_json({"type": "get_friends"})
        assert pym.recv_json() == {"type": "friends_resp", "friends": []}


@pytest.mark.parametrize("dialect", ["saletick", "casamsa", "pymessage", "pubsub"])
def test_the_end_of_the_gateway_is_a_close(make_gateway, dialect):
    gateway = make_gateway()
    peer = PEERS[dialect](gateway, make_user(gateway))
    gateway.process.terminate()
    with pytest.raises(Closed) as closed:
        peer.recv()
    assert closed.value.code == 1001


# ---- requests, tokens, mounts --------------------------------------------------------------------

@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "opcode"])
def test_a_request_is_one_in_the_dialect_that_has_the_word(gateway, connect, dialect):
    tutor = make_user(gateway, role="TUTOR", first_name="Ada")
    student = make_user(gateway, role="STUDENT", first_name="Sam")
    hers, there = connect("opcode", tutor), connect(dialect, tutor)
    his = connect(dialect, student)
    his.say(tutor, "may I?")
    assert hers.next("pushed").frame["e"] == "MESSAGE_REQUEST"
    assert there.next("pushed").text == "may I?"
    his.next("sent")
    his.say(tutor, "please")
    if dialect == "pymessage":  # what is held is a success there
        his.next("sent")
    assert his.is_silent() and hers.is_silent() and there.is_silent()
    # An answer in a dialect without requests approves.
    there.say(student, "go on")
    got = his.collect(pushed=1, sent=1 if dialect != "pymessage" else 0)
    assert [seen.text for seen in got if seen.kind == "pushed"] == ["go on"]
    released = hers.next("pushed").frame
    assert (released["e"], released["d"]["message"]) == ("MESSAGE", "please")
    assert there.next("pushed").text == "please"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_that_is_deleted_makes_room_for_the_next(gateway, connect, dialect):
    tutor = make_user(gateway, role="TUTOR", first_name="Ada")
    student = make_user(gateway, role="STUDENT", first_name="Sam")
    hers, there = connect("opcode", tutor), connect(dialect, tutor)
    his, deleter = connect("opcode", student), connect("pubsub", student)

    def asked(text):
        seen = hers.next("pushed").frame
        assert (seen["e"], seen["d"]["message"]) == ("MESSAGE_REQUEST", text)
        assert there.next("pushed").text == text
        assert his.next("sent").id == seen["d"]["id"]
        thread, = opcode_threads(gateway, tutor)
        assert (thread["state"], thread["message_count"]) == ("r", 1)
        assert [m["message"] for m in thread["messages"]] == [text]
        shown = opcode_history(gateway, tutor, thread["id"])
        assert [m["id"] for m in shown] == [seen["d"]["id"]]
        assert his.is_silent() and hers.is_silent()
        return thread["id"]

    def delete(text):
        (row,), = gateway.psql(f"select id from messages where author_id = {student['id']} "
                               f"and text = '{text}'")
        assert deleter.ask("delete-chat", {"id": int(row)}) == {}

    for text in ("one", "two", "three", "four"):
        his.say(tutor, text)
    asked("one")
    delete("three")
    delete("one")
    asked("two")
    delete("two")
    asked("four")
    delete("four")
    assert opcode_threads(gateway, tutor) == []
    his.say(tutor, "five")
    thread = asked("five")
    his.say(tutor, "six")
    his.say(tutor, "seven")
    delete("five")
    asked("six")
    assert get(gateway, f"/opcode/thread/{thread}/approve", tutor["token"], "POST")[0] == 204
    released = hers.next("pushed").frame
    assert (released["e"], released["d"]["message"]) == ("MESSAGE", "seven")
    assert there.next("pushed").text == "seven" and his.next("sent")
    assert hers.is_silent() and his.is_silent()
    assert [m["message"] for m in opcode_history(gateway, tutor, thread)] == ["six", "seven"]


def test_a_token_that_expires_ends_no_socket(gateway, pair, connect):
    ada, bob = pair
    listener = connect("pymessage", bob)
    token = gateway.token(ada, ttl=8)
    peers = [connect(d, {**ada, "token": token}) for d in DIALECTS if d != "pymessage"]
    time.sleep(9.1)
    for peer in peers:
        peer.say(bob, f"still in {peer.dialect}")
        assert listener.next("pushed").text == f"still in {peer.dialect}"


def test_dialects_fit_on_one_host_without_mounts(make_gateway, tmp_path):
    """All but pubsub, whose plain form would have the path of another dialect's socket."""
    dialects = [d for d in DIALECTS if d != "pubsub"]
    gateway = make_gateway(config={"adapters": [{"name": d, "mount": ""} for d in dialects]})
    for dialect in dialects:
        play(gateway, ROOT / "proto-docs" / dialect / "transcripts" / "happy-path.txt", tmp_path,
             "--var", "mount=")


# ---- long lists ----------------------------------------------------------------------------------

def ids_of(gateway, user, other, query=""):
    status, answer = get(gateway, f"/saletick/chat/messages/{other['uuid']}/{query}",
                         user["token"])
    assert status == 200
    return [message["id"] for message in answer["entity"]["messages"]]


def test_pages_of_a_long_conversation_are_its_parts(gateway, pair, connect):
    ada, bob = pair
    author = connect("saletick", ada)
    for n in range(650):
        author.say(bob, f"{n}")
    ids = [seen.id for seen in author.collect(sent=650)]
    assert ids_of(gateway, bob, ada) == ids
    for limit in (1, 199, 200, 201, 400, 401, 649, 650, 651, 5000):
        assert ids_of(gateway, bob, ada, f"?limit={limit}") == ids[-limit:]
        for at in (0, 1, 200, 201, 450, 649):
            assert ids_of(gateway, bob, ada, f"?limit={limit}&before={ids[at]}") == \
                ids[max(at - limit, 0):at]
    for at in (0, 1, 199, 200, 201, 649):
        assert ids_of(gateway, ada, bob, f"?before={ids[at]}") == ids[:at]


def say_to_many(gateway, author, count, text):
    """As many new users, each told the text: (their UUIDs, the messages' ids), in order."""
    gateway.psql("insert into users (id, uuid, username, created_at) select n, gen_random_uuid(), "
                 f"'many-' || n, now() from generate_series(20000001, {20000000 + count}) n")
    people = [uuid for uuid, in gateway.psql("select uuid from users where id > 20000000 "
                                             "order by id")]
    for uuid in people:
        author.say({"uuid": uuid}, text)
    return people, [seen.id for seen in author.collect(sent=count)]


def test_pages_of_a_long_list_are_its_parts(make_gateway):
    gateway = make_gateway()
    ada = make_user(gateway)
    ids = say_to_many(gateway, SaletickPeer(gateway, ada), 450, "x")[1][::-1]

    def listed(query=""):
        status, answer = get(gateway, f"/saletick/chat/user/threads/{query}", ada["token"])
        assert status == 200
        return [thread["last_message"]["id"] for thread in answer["entity"]]

    assert listed() == ids
    for limit in (1, 200, 201, 401, 450, 900):
        assert listed(f"?limit={limit}") == ids[:limit]
        assert listed(f"?limit={limit}&before={ids[9]}") == ids[10:10 + limit]
    assert listed(f"?before={ids[9]}") == ids[10:]


@pytest.mark.parametrize("path", ["/opcode/thread", "/saletick/chat/user/threads/"])
def test_a_long_list_has_each_thread_once_however_they_move(make_gateway, path):
    """The client leaves its first page unread for a while."""
    gateway = make_gateway(settings={"limits.rate": 0})
    ada = make_user(gateway)
    author = SaletickPeer(gateway, ada)
    people = say_to_many(gateway, author, 250, "x")[0]
    gateway.psql("update messages set text = repeat('x', 60000)")
    author.say({"uuid": people[0]}, "last")
    last = author.next("sent").id
    with Connection(gateway.host, gateway.port) as conn:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        conn.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n"
                  f"Authorization: Bearer {ada['token']}\r\n\r\n".encode())
        until(lambda: not conn.is_quiet(0), "the first page")
        author.say({"uuid": people[1]}, "moved")
        author.next("sent")
        gateway.psql(f"update messages set deleted = true where id = {last}")
        answer = json.loads(conn.response().body)
    threads = answer if path.startswith("/opcode") else answer["entity"]
    others = [(thread.get("recipient") or thread["other_user"])["id"] for thread in threads]
    assert others == [people[0], *people[:0:-1]]
    assert '"moved"' in json.dumps(threads[others.index(people[1])])
