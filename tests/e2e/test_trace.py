"""The trace: the way of a message, as an operator watches it."""

import json
import socket

import pytest

from dialects import PEERS, make_user, until
from gateway import Gateway, unique
from test_admin import API, Admin
from wire import PATIENCE, call


class Watch:
    """One stream of steps."""

    def __init__(self, admin, query=""):
        host, port = admin.url.removeprefix("http://").split(":")
        self.sock = socket.create_connection((host, int(port)), PATIENCE)
        self.sock.sendall(f"GET {API}/trace{query} HTTP/1.1\r\nHost: localhost\r\n"
                          f"Authorization: Bearer {admin.token}\r\n\r\n".encode())
        self.file = self.sock.makefile("rb")
        self.head = b"".join(iter(self.file.readline, b"\r\n")).decode()
        self.text = ""
        if " 200 " in self.head:
            assert self.event() == (None, None, "the trace")

    def piece(self):
        size = int(self.file.readline(), 16)
        data = self.file.read(size).decode()
        self.file.readline()
        return data

    def event(self):
        """(name, data, comment) of the next event"""
        while "\n\n" not in self.text:
            self.text += self.piece()
        block, _, self.text = self.text.partition("\n\n")
        name = data = comment = None
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
            elif field == "":
                comment = value
        return name, data, comment

    def steps(self, until_step):
        """Everything up to the first step for which that is true."""
        found = []
        while True:
            name, data, comment = self.event()
            assert comment is None, f"nothing more comes after {found}"
            if name is None:
                found.append(data)
                if until_step(data):
                    return found

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture(scope="module")
def admin():
    with Gateway(args=["--admin", "127.0.0.1:0"], settings={"log.level": "debug"}) as gw:
        yield Admin(gw)


def out_to(user, adapter, text):
    return lambda s: s["step"] == "frame_out" and s["adapter"] == adapter \
        and s.get("user", {}).get("id") == user["id"] and text in s["frame"]


def test_the_way_of_a_message(admin):
    gw = admin.gw
    ada, bob = make_user(gw), make_user(gw)
    text = unique("seen on its way")
    with PEERS["saletick"](gw, ada) as sender, PEERS["casamsa"](gw, bob) as one, \
            PEERS["opcode"](gw, bob) as two, Watch(admin) as watch:
        sender.say(bob, text)
        seen = {"casamsa", "opcode"}

        def last(step):
            if step["step"] == "frame_out" and step["adapter"] in seen \
                    and step["user"]["id"] == bob["id"]:
                seen.discard(step["adapter"])
            return not seen

        steps = watch.steps(last)
        one.next("pushed"), two.next("pushed")
    chain = next(s["chain"] for s in steps if text in json.dumps(s))
    steps = sorted((s for s in steps if s["chain"] == chain), key=lambda s: s["seq"])
    # The first message opens the thread, which some dialects show.
    opened = [s for s in steps if s["step"] == "event" and s["type"] == "thread_opened"]
    assert len(opened) == 1
    steps = [s for s in steps if s["step"] in ("frame_in", "command")
             or s["seq"] > next(r["seq"] for r in steps if r["step"] == "row") - 1]
    kinds = [s["step"] for s in steps]
    assert kinds[:2] == ["frame_in", "command"]
    assert set(kinds) == {"frame_in", "command", "row", "result", "event", "frame_out"}
    assert kinds.index("row") < kinds.index("result") < kinds.index("event")
    by = {s["step"]: s for s in steps}
    assert (by["frame_in"]["adapter"], by["frame_in"]["type"]) == ("saletick", "chat_message")
    assert json.loads(by["frame_in"]["frame"])["message_body"] == text
    assert by["frame_in"]["user"] == {"id": ada["id"], "name": ada["username"]}
    assert (by["command"]["type"], by["command"]["detail"]["text"]) == ("send", text)
    assert by["command"]["corr"] == by["result"]["corr"] == by["event"]["corr"]
    stored = by["row"]["detail"]["message"]
    assert gw.psql(f"select text from messages where id = {stored['id']}") == [(text,)]
    assert (stored["seq"], stored["author"]["id"], stored["recipient"]["id"]) == (
        1, ada["id"], bob["id"])
    assert by["event"]["type"] == "message"
    assert by["event"]["detail"]["message"]["id"] == stored["id"]
    out = {(s["adapter"], s["user"]["id"]): s for s in steps if s["step"] == "frame_out"}
    assert set(out) == {("saletick", ada["id"]), ("casamsa", bob["id"]), ("opcode", bob["id"])}
    assert out["opcode", bob["id"]]["type"] == "MESSAGE"
    for step in out.values():
        assert text in step["frame"]
        json.loads(step["frame"])


def test_rest_is_seen_too(admin):
    gw = admin.gw
    ada, bob = make_user(gw), make_user(gw)
    with PEERS["saletick"](gw, bob), Watch(admin) as watch:
        call(gw.url, "POST", "/opcode/thread", {"Authorization": f"Bearer {ada['token']}"},
             {"to": bob["uuid"], "message": "by REST"})
        seen = set()

        def last(step):
            seen.add(step["step"])
            return {"response", "frame_out"} <= seen

        steps = watch.steps(last)
    request = next(s for s in steps if s["step"] == "request")
    assert (request["adapter"], request["type"]) == ("opcode", "/thread")
    chain = [s for s in steps if s["chain"] == request["chain"]]
    assert {"command", "row", "event", "response", "frame_out"} <= {s["step"] for s in chain}
    assert next(s for s in chain if s["step"] == "response")["status"] in (200, 201)


def test_a_filter_shows_whole_chains_and_nothing_else(admin):
    gw = admin.gw
    ada, bob, eve = (make_user(gw) for _ in range(3))
    with PEERS["saletick"](gw, ada) as a, PEERS["casamsa"](gw, bob) as b, \
            PEERS["saletick"](gw, eve) as e, Watch(admin, f"?user={bob['id']}") as watch:
        e.say(ada, "not for bob")
        a.next("pushed")
        a.say(bob, "for bob")
        b.next("pushed")
        steps = watch.steps(out_to(bob, "casamsa", "for bob"))
    assert "not for bob" not in json.dumps(steps)
    # What came before the first step of Bob's own is told as well.
    assert {"frame_in", "command", "row", "event", "frame_out"} <= {s["step"] for s in steps}
    assert len({s["chain"] for s in steps if "for bob" in json.dumps(s)}) == 1


def test_a_filter_by_session(admin):
    gw = admin.gw
    ada, bob = make_user(gw), make_user(gw)
    with PEERS["saletick"](gw, ada) as one, PEERS["saletick"](gw, ada) as two, \
            PEERS["casamsa"](gw, bob) as b:
        ids = [s["id"] for s in admin.get(f"/sessions?user={ada['id']}")["sessions"]]
        with Watch(admin, f"?session={ids[1]}&user={ada['id']}") as watch:
            one.send_json({"action": "nothing"})
            two.say(bob, "from the second")
            b.next("pushed")
            steps = watch.steps(out_to(bob, "casamsa", "from the second"))
    assert all(s["type"] != "other" for s in steps if s["step"] == "frame_in")


@pytest.mark.parametrize("dialect", ["opcode", "casamsa", "pymessage", "saletick"])
def test_no_secret_is_shown(admin, dialect):
    gw = admin.gw
    ada, bob = make_user(gw), make_user(gw)
    ada["pin"] = "90215577"
    gw.cli("user", "set", ada["username"], "--pin", ada["pin"])
    with Watch(admin) as watch:
        with PEERS[dialect](gw, ada) as peer, PEERS["saletick"](gw, bob) as other:
            peer.say(bob, "the last one")
            other.next("pushed")
            steps = watch.steps(out_to(bob, "saletick", "the last one"))
    shown = json.dumps(steps)
    assert ada["token"] not in shown and ada["token"].rsplit(".", 1)[1] not in shown
    assert ada["pin"] not in shown
    assert admin.token not in shown


def test_nothing_is_kept_of_what_nobody_watched(admin):
    gw = admin.gw
    ada, bob = make_user(gw), make_user(gw)
    with PEERS["saletick"](gw, ada) as a, PEERS["casamsa"](gw, bob) as b:
        a.say(bob, "before anybody watched")
        b.next("pushed")
        with Watch(admin, f"?user={bob['id']}") as watch:
            a.say(bob, "watched")
            steps = watch.steps(out_to(bob, "casamsa", "watched"))
            assert "before anybody watched" not in json.dumps(steps)
        # It ends with its watcher, whenever that goes, and others go on.
        a.say(bob, "after")
        assert b.next("pushed").text in ("watched", "after")


def test_a_slow_watcher_loses_and_is_told(admin):
    gw = admin.gw
    ada, bob = make_user(gw), make_user(gw)
    with PEERS["saletick"](gw, ada) as a, PEERS["saletick"](gw, bob) as b, Watch(admin) as watch:
        for n in range(250):
            a.say(bob, f"{n} " + "x" * 60000)
            a.next("sent"), b.next("pushed")
        # Each message is seven steps, seen or lost.
        seen = lost = 0
        while seen + lost < 250 * 7:
            name, data, comment = watch.event()
            assert comment is None, "it sleeps, and steps are missing"
            seen += name is None
            lost += data["lost"] if name == "lost" else 0
        a.say(bob, "the end")
        steps = watch.steps(lambda s: "the end" in json.dumps(s))
        assert lost > 0 and steps
    until(lambda: admin.get("/status")["ready"], "it is well")


def test_limits(admin):
    for query in ("?user=x", "?colour=red", "?session=0"):
        with Watch(admin, query) as refused:
            assert " 400 " in refused.head.split("\r\n")[0]
    watches = [Watch(admin) for _ in range(8)]
    try:
        with Watch(admin) as ninth:
            assert " 503 " in ninth.head.split("\r\n")[0]
    finally:
        for watch in watches:
            watch.close()
    # Those who are gone make room.
    def is_let_in():
        with Watch(admin) as watch:
            return " 200 " in watch.head
    until(is_let_in, "there is room again")
    answer = call(admin.url, path=API + "/trace")
    assert answer.status == 401


def test_a_watched_gateway_stops(make_gateway):
    gw = make_gateway(args=["--admin", "127.0.0.1:0"])
    user = make_user(gw)
    with Watch(Admin(gw)), PEERS["saletick"](gw, user):
        assert gw.stop() == 0
