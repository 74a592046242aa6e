"""Several gateways on one database, and what may go wrong between them. That everything crosses
when all is well is test_nodes_crossing's."""

import collections
import re
import signal
import threading
import time

import pytest

from dialects import PEERS, PubsubPeer, get, make_user, opcode_history
from gateway import Gateway
from nodes import Nodes
from wire import call

CUT = ("select pg_terminate_backend(pid) from pg_stat_activity "
       "where pid <> pg_backend_pid() and ")
LISTENERS = CUT + "query like 'LISTEN %'"
PUBLISHERS = CUT + "query similar to '%(node_beat|pg_notify)%'"


@pytest.fixture(scope="module")
def nodes():
    with Nodes(2, settings={"limits.rate": 0}) as both:
        yield both


@pytest.fixture
def make_nodes():
    made = []

    def make(count, **how):
        # Readers here read when all has been sent, however much a fast machine sends.
        made.append(Nodes(count, settings={"limits.rate": 0, "limits.send_queue_bytes": 1 << 30},
                          **how).start())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def connect():
    """connect(dialect, node, user) → a socket that is logged in; closed with the test."""
    peers = []

    def make(dialect, node, user):
        peers.append(PEERS[dialect](node, user))
        return peers[-1]

    yield make
    for peer in peers:
        peer.abort()


class Talk:
    """Two users who write to each other from different nodes, and two sockets of each: the second
    one only listens, on the node that the user does not write from."""

    def __init__(self, nodes, connect, dialect="opcode"):
        self.nodes = nodes
        self.ann, self.bob = make_user(nodes), make_user(nodes)
        self.writers = [connect(dialect, nodes[0], self.ann),
                        connect(dialect, nodes[1], self.bob)]
        self.others = [connect("casamsa", nodes[1], self.ann),
                       connect("casamsa", nodes[0], self.bob)]
        self.said = [[], []]

    def say(self, count, pause=0.0):
        for _ in range(count):
            for who, to in ((0, self.bob), (1, self.ann)):
                text = f"{who} {len(self.said[who])}"
                self.said[who].append(text)
                self.writers[who].say(to, text)
            time.sleep(pause)

    def order(self):
        ids = f"{self.ann['id']},{self.bob['id']}"
        rows = self.nodes.psql("select m.text from messages m join threads t on t.id = m.thread_id"
                               f" where t.lo_id in ({ids}) and t.hi_id in ({ids}) order by m.seq")
        return [row[0] for row in rows]

    def check(self):
        """Every socket was shown every message once, in the order of the thread."""
        count = len(self.said[0])
        for who in (0, 1):
            seen = self.writers[who].collect(pushed=count, sent=count)
            order = self.order()
            assert sorted(order) == sorted(self.said[0] + self.said[1])
            pushed = [s.text for s in seen if s.kind == "pushed"]
            assert pushed == [text for text in order if text in self.said[1 - who]]
            seen = self.others[who].collect(pushed=count, sent=count)
            assert [s.text for s in seen if s.kind in ("pushed", "sent")] == order
        for peer in (*self.writers, *self.others):
            assert peer.is_silent()


# ---- order ------------------------------------------------------------------------------------

def test_both_write_at_once(nodes, connect):
    talk = Talk(nodes, connect)
    talk.say(200)
    talk.check()


def test_first_words_at_once(nodes, connect):
    """Two who never spoke write to each other at the same moment, from different nodes: there is
    one conversation, and all sockets see it alike."""
    for _ in range(10):
        talk = Talk(nodes, connect)
        talk.say(2)
        talk.check()


def test_long_messages_keep_their_place(nodes, connect):
    ann, bob = make_user(nodes), make_user(nodes)
    writer, reader = connect("opcode", nodes[0], ann), connect("opcode", nodes[1], bob)
    texts = [("é" if n % 3 == 0 else "x") * (20000 if n % 3 == 0 else 7000 if n % 3 == 1 else 10)
             + str(n) for n in range(30)]
    for text in texts:
        writer.say(bob, text)
    assert [s.text for s in reader.collect(pushed=30) if s.kind == "pushed"] == texts
    assert reader.is_silent()


def test_chat_members_come_and_go(nodes, connect):
    """Who is added on one node is shown the chat's next message on another, who is removed is
    not."""
    ann, bob, cat = (make_user(nodes) for _ in range(3))
    author, member, late = (connect("casamsa", nodes[0], ann), connect("casamsa", nodes[1], bob),
                            connect("casamsa", nodes[1], cat))
    made = author.ask("create_chat", "chat_created", users=[bob["id"]], title="We")
    chat = made["chat"]["id"]
    assert member.event("new_chat")["chat"]["id"] == chat
    assert late.is_silent()
    for n in range(10):
        author.call("add_to_chat", chat=chat, users=[cat["id"]])
        author.call("send_message", chat=chat, text=f"with {n}")
        author.call("remove_from_chat", chat=chat, users=[cat["id"]])
        author.call("send_message", chat=chat, text=f"without {n}")
    expected = [f"{word} {n}" for n in range(10) for word in ("with", "without")]
    seen = [s.text for s in member.collect(pushed=20) if s.kind == "pushed"]
    assert seen == expected
    seen = [s.text for s in late.collect(pushed=10) if s.kind == "pushed"]
    assert seen == expected[::2]


def test_a_message_costs_its_readers_node_no_read(make_nodes, connect):
    """Once its author and thread are known there."""
    nodes = make_nodes(2, args=["--admin", "127.0.0.1:0"])
    ann, bob = make_user(nodes), make_user(nodes)
    writer, reader = connect("opcode", nodes[0], ann), connect("opcode", nodes[1], bob)

    def talk(count):
        for n in range(count):
            writer.say(bob, f"{n} of {count}")
        reader.collect(pushed=count)
        time.sleep(0.5)
        text = call(nodes[1].admin_url, path="/metrics").body.decode()
        return {name: int(float(value)) for name, value in
                re.findall(r"^(dragoman_(?:store_calls|units_heard|missed_reads)_total) (\S+)$",
                           text, re.MULTILINE)}

    before = talk(10)
    after = talk(100)
    assert after["dragoman_units_heard_total"] - before["dragoman_units_heard_total"] == 100
    assert after["dragoman_store_calls_total"] == before["dragoman_store_calls_total"]
    assert after["dragoman_missed_reads_total"] == before["dragoman_missed_reads_total"]


# ---- presence ---------------------------------------------------------------------------------

class Watcher(PubsubPeer):
    def wait_for(self, user):
        self.emit("wait-for-user", {"user": user["username"]})

    def told(self, timeout=30):
        frame = self.recv_json(timeout)
        return frame["event"], frame["data"]["user"]


def test_presence_counts_all_nodes(nodes, connect):
    ann, bob = make_user(nodes), make_user(nodes)
    watcher = Watcher(nodes[0], ann)
    watcher.wait_for(bob)
    far = connect("pubsub", nodes[1], bob)
    assert watcher.told() == ("user-online", bob["username"])
    near = connect("pubsub", nodes[0], bob)
    far.close()
    time.sleep(1)
    assert watcher.is_silent()
    near.close()
    assert watcher.told() == ("user-offline", bob["username"])
    watcher.abort()


def test_presence_of_a_killed_node_ends(make_nodes, connect):
    nodes = make_nodes(3)
    ann, bob, cat = (make_user(nodes) for _ in range(3))
    watcher = Watcher(nodes[0], ann)
    for user in (bob, cat):
        watcher.wait_for(user)
    connect("pubsub", nodes[1], bob)
    connect("pubsub", nodes[2], cat)
    assert {watcher.told() for _ in range(2)} == {("user-online", bob["username"]),
                                                  ("user-online", cat["username"])}
    nodes[1].kill9()
    assert watcher.told() == ("user-offline", bob["username"])
    nodes[1].start()
    connect("pubsub", nodes[1], bob)
    assert watcher.told() == ("user-online", bob["username"])
    nodes[2].stop()
    assert watcher.told() == ("user-offline", cat["username"])
    watcher.abort()


def test_a_newcomer_knows_who_is_there(make_nodes, connect):
    nodes = make_nodes(1)
    ann, bob = make_user(nodes), make_user(nodes)
    connect("pymessage", nodes[0], bob)
    late = Gateway(state=nodes[0].state)
    try:
        late.start()
        sender = connect("pymessage", late, ann)
        sender.say(bob, "there?")
        assert sender.next()[0] == "sent"
    finally:
        late.close()


# ---- faults -----------------------------------------------------------------------------------

@pytest.mark.parametrize("victims", [LISTENERS, PUBLISHERS], ids=["listening", "publishing"])
def test_connections_of_the_bus_are_cut_mid_traffic(nodes, connect, victims):
    talk = Talk(nodes, connect)
    for _ in range(5):
        talk.say(30, pause=0.002)
        assert nodes.psql(victims)
        talk.say(30, pause=0.002)
        time.sleep(0.3)
    talk.check()


def test_reads_and_deletions_are_caught_up(nodes, connect):
    """While the other node is deaf: a message is read, one is deleted, and both show there."""
    ann, bob = make_user(nodes), make_user(nodes)
    writer, far = connect("casamsa", nodes[0], ann), connect("casamsa", nodes[1], ann)
    chat = writer.chat_with(bob)
    writer.call("send_message", chat=chat, text="one")
    writer.call("send_message", chat=chat, text="two")
    writer.collect(sent=2)
    shown = [s.id for s in far.collect(sent=2) if s.kind == "sent"]
    nodes.psql(LISTENERS)
    thread = nodes.psql(f"select uuid from threads where id = {chat}")[0][0]
    opcode_history(nodes[0], bob, thread)
    updates = far.event("messages_updated")["updates"]
    assert [update["id"] for update in updates] == shown
    assert far.is_silent()


@pytest.mark.parametrize("deaf", [False, True], ids=["hearing", "deaf"])
def test_what_a_gate_lets_out_is_told_once(nodes, connect, deaf):
    """In place of a request that is deleted on another node, and by an approval there."""
    tutor, student = make_user(nodes, role="TUTOR"), make_user(nodes, role="STUDENT")
    near = connect("pubsub", nodes[0], student)
    author = connect("opcode", nodes[1], student)
    asked = [connect(dialect, nodes[1], tutor) for dialect in ("opcode", "saletick")]

    def told(event, text):
        seen = [peer.next("pushed") for peer in asked]
        assert [s.text for s in seen] == [text, text]
        assert seen[0].frame["e"] == event
        assert author.next("sent").id == seen[0].id
        return seen

    for text in ("one", "two", "three", "four"):
        author.say(tutor, text)
    first = told("MESSAGE_REQUEST", "one")[1].id
    if deaf:
        nodes.psql(LISTENERS)
    assert near.ask("delete-chat", {"id": first}) == {}
    told("MESSAGE_REQUEST", "two")
    if deaf:
        nodes.psql(LISTENERS)
    author.say(tutor, "five")
    thread = get(nodes[0], "/opcode/thread", tutor["token"])[1][0]["id"]
    assert get(nodes[0], f"/opcode/thread/{thread}/approve", tutor["token"], "POST")[0] == 204
    for text in ("three", "four", "five"):
        told("MESSAGE", text)
    assert all(peer.is_silent() for peer in (author, *asked))


def test_the_title_of_a_direct_chat_is_told(nodes, connect):
    """On the other node, at once and after it was deaf: with both people, in the same order."""
    ann, bob = make_user(nodes), make_user(nodes)
    near, far = connect("casamsa", nodes[0], ann), connect("casamsa", nodes[1], bob)
    chat = near.chat_with(bob)
    for title in ("We", None, "Us"):
        if title == "Us":
            nodes.psql(LISTENERS)
        told = near.ask("update_chat", "chat_updated", chat=chat, title=title)["chat"]
        assert told["title"] == title
        assert [user["pk"] for user in told["users"]] == [ann["id"], bob["id"]]
        assert far.event("chat_updated") == {"chat": told}
    assert far.is_silent()


@pytest.mark.parametrize("deaf", [False, True], ids=["hearing", "deaf"])
def test_frames_about_a_chat_are_alike_on_all_nodes(nodes, connect, deaf):
    """What other sockets are told of a chat, they are told in the same words on whichever node,
    and also when a node has to look it up."""
    ann, bob, cat = (make_user(nodes) for _ in range(3))
    author = connect("casamsa", nodes[0], ann)
    pairs = [[connect("casamsa", node, user) for node in nodes.all] for user in (ann, bob, cat)]

    def told_alike(method, answer, told, **args):
        if deaf:
            nodes.psql(LISTENERS)
        chat = author.ask(method, answer, event_response_key=1, **args)["chat"]
        for near, far in pairs[:told]:
            assert far.recv_json() == near.recv_json()
        return chat["id"]

    chat = told_alike("create_chat", "chat_created", 2, users=[bob["id"]], title="We")
    told_alike("update_chat", "chat_updated", 2, chat=chat, title="Us")
    told_alike("add_to_chat", "user_added_successful", 3, chat=chat, users=[cat["id"]])
    told_alike("remove_from_chat", "user_removed_successful", 3, chat=chat, users=[bob["id"]])


def test_chats_that_a_deaf_node_missed_are_told(nodes, connect):
    """Direct chats too, whose opening is no step in the order of a thread: once, and before what
    is said in them."""
    ann, bob = make_user(nodes), make_user(nodes)
    near, far = connect("casamsa", nodes[0], ann), connect("casamsa", nodes[1], bob)
    nodes[1].process.send_signal(signal.SIGSTOP)
    try:
        nodes.psql(LISTENERS)
        direct = near.ask("create_chat", "chat_created", users=[bob["id"]])["chat"]
        made = near.ask("create_chat", "chat_created", users=[bob["id"]], title="We")["chat"]
    finally:
        nodes[1].process.send_signal(signal.SIGCONT)
    told = [far.event("new_chat")["chat"] for _ in range(2)]
    assert sorted(told, key=lambda chat: chat["id"]) == [direct, made]
    near.call("send_message", chat=direct["id"], text="hi")
    assert far.event("new_message")["message"]["text"] == "hi"
    assert far.passed == [] and far.is_silent()


def test_the_database_dies_mid_traffic(make_nodes, connect):
    nodes = make_nodes(2)
    talk = Talk(nodes, connect)
    talk.say(50, pause=0.002)
    nodes.kill9_postgres()
    talk.say(50, pause=0.002)
    talk.check()


def test_a_frozen_node_catches_up(make_nodes, connect):
    """Longer than the others believe in it."""
    nodes = make_nodes(2)
    talk = Talk(nodes, connect)
    talk.say(5)
    time.sleep(1)
    nodes[1].process.send_signal(signal.SIGSTOP)
    try:
        for n in range(20):
            text = f"0 {len(talk.said[0])}"
            talk.said[0].append(text)
            talk.writers[0].say(talk.bob, text)
        time.sleep(13)
        for n in range(20):
            text = f"0 {len(talk.said[0])}"
            talk.said[0].append(text)
            talk.writers[0].say(talk.bob, text)
    finally:
        nodes[1].process.send_signal(signal.SIGCONT)
    talk.writers[1].collect(pushed=45, sent=5)
    assert talk.writers[1].is_silent()
    order = [s.text for s in talk.others[1].collect(sent=5, pushed=45)
             if s.kind in ("pushed", "sent")]
    assert order == talk.order()


def test_kill_of_a_node_loses_and_repeats_nothing(make_nodes, connect):
    """Authors on a node that is killed again and again; their readers are on two others, and see
    every message that was confirmed, once, in order."""
    nodes = make_nodes(3)
    authors = [make_user(nodes) for _ in range(4)]
    readers = [make_user(nodes) for _ in range(2)]
    sockets = [connect("opcode", nodes[1 + n], reader) for n, reader in enumerate(readers)]
    confirmed = collections.Counter()
    for life in range(3):
        peers = [PEERS["opcode"](nodes[0], author) for author in authors]
        ended = [threading.Thread(target=pour, args=(peer, readers[n % 2], f"{n} {life}",
                                                     confirmed))
                 for n, peer in enumerate(peers)]
        for one in ended:
            one.start()
        time.sleep(1)
        nodes[0].kill9()
        for one in ended:
            one.join()
        nodes[0].start()
    assert confirmed
    for n, (reader, socket) in enumerate(zip(readers, sockets)):
        stored = nodes.psql("select m.thread_id, m.text from messages m join threads t "
                            "on t.id = m.thread_id where "
                            f"{reader['id']} in (t.lo_id, t.hi_id) order by m.thread_id, m.seq")
        seen = [s.text for s in socket.collect(pushed=len(stored)) if s.kind == "pushed"]
        assert socket.is_silent()
        assert sorted(seen) == sorted(text for _, text in stored)
        for thread in {thread for thread, _ in stored}:
            there = [text for where, text in stored if where == thread]
            assert [text for text in seen if text in set(there)] == there
    texts = {row[0] for row in nodes.psql("select text from messages")}
    assert set(confirmed) <= texts


def pour(peer, to, name, confirmed):
    """Sends until the socket ends; counts what was confirmed."""
    waiting = collections.deque()
    try:
        for n in range(1000000):
            waiting.append(f"{name} {n}")
            peer.say(to, waiting[-1])
            if n >= 16:
                peer.next("sent")
                confirmed[waiting.popleft()] += 1
    except Exception:  # however it ends
        peer.abort()


def test_listening_may_go_another_way(make_nodes, connect):
    """As it has to where database.url leads through a pooler in transaction mode."""
    nodes = make_nodes(1)
    where = f"host={nodes.state}/run user=dragoman dbname=dragoman"
    other = Gateway(settings={"database.url": where + " application_name=pooled",
                              "database.listen_url": where + " application_name=direct"})
    try:
        other.start()
        ann, bob = make_user(nodes), make_user(nodes)
        reader, author = connect("pymessage", nodes[0], bob), connect("pymessage", other, ann)
        author.say(bob, "hello")
        assert reader.next("pushed").text == "hello"
        listening = nodes.psql("select application_name from pg_stat_activity where query like "
                               "'LISTEN %' and application_name in ('pooled', 'direct')")
        assert listening == [("direct",)]
        assert "direct" not in other.log
    finally:
        other.close()


def test_a_gateway_may_be_alone_by_configuration(make_nodes, connect):
    nodes = make_nodes(1)
    other = Gateway(state=nodes[0].state, settings={"bus": "local"})
    try:
        other.start()
        ann, bob = make_user(nodes), make_user(nodes)
        with PEERS["opcode"](other, ann) as author, PEERS["opcode"](other, bob) as reader:
            author.say(bob, "hello")
            assert reader.next("pushed").text == "hello"
        assert get(other, "/opcode/thread", ann["token"])[0] == 200
        assert len(other.psql("select id from nodes")) == 1
    finally:
        other.close()
