"""dragoman export and import of threads that wait for their approval: they go on as the original
would have."""

import json
import uuid

import pytest

from dialects import (OpcodePeer, PubsubPeer, PymessagePeer, get, make_user, opcode_history,
                      opcode_threads)

FILES = ("users", "threads", "messages")
STORED = {"settings": {"pymessage.offline": "store"}}


class Asking:
    """A gateway where a student asks a tutor; both are users of make_user()."""

    def __init__(self, gateway, tutor, student):
        self.gateway, self.tutor, self.student = gateway, tutor, student

    def ask(self, *texts):
        """The first is confirmed, the others wait."""
        with OpcodePeer(self.gateway, self.student) as peer:
            for text in texts:
                peer.say(self.tutor, text)
            if texts:
                peer.next("sent")
            assert peer.is_silent()

    def decide(self, verb):
        (thread,) = self.gateway.psql("select uuid from threads")[0]
        assert get(self.gateway, f"/opcode/thread/{thread}/{verb}", self.tutor["token"],
                   "POST")[0] == 204

    def told(self):
        """What the tutor is told at a login of what came meanwhile."""
        with PymessagePeer(self.gateway, self.tutor) as peer:
            texts = []
            while not peer.is_silent():
                texts.append(peer.next("pushed").text)
            return texts

    def shown(self):
        """What each of the two sees, and the counters; the tutor reads."""
        seen = self.gateway.psql("select unread_lo, unread_hi, count_lo, count_hi from threads")
        for user in (self.student, self.tutor):
            for thread in opcode_threads(self.gateway, user):
                seen.append((thread["state"], thread["message_count"]))
                seen += [(m["id"], m["message"], m["state"])
                         for m in opcode_history(self.gateway, user, thread["id"])]
        return seen

    def texts(self, user):
        return [m["message"] for t in opcode_threads(self.gateway, user)
                for m in opcode_history(self.gateway, user, t["id"])]


@pytest.fixture(name="original")
def fixture_original(make_gateway):
    gateway = make_gateway(**STORED)
    return Asking(gateway, make_user(gateway, role="TUTOR", first_name="Ada"),
                  make_user(gateway, role="STUDENT", first_name="Sam"))


def export(asking, path):
    asking.gateway.cli("export", str(path), "--with-hashes")
    return {name: (path / f"{name}.jsonl").read_text() for name in FILES}


@pytest.fixture(name="moved")
def fixture_moved(original, make_gateway, tmp_path):
    """A function that gives the like of the original in another gateway."""
    def moved():
        exported = export(original, tmp_path / "out")
        gateway = make_gateway(start=False, **STORED)
        gateway.cli("import", *(str(tmp_path / "out" / f"{name}.jsonl") for name in FILES))
        gateway.start()
        copy = Asking(gateway, *({**user, "token": gateway.token(user)}
                                 for user in (original.tutor, original.student)))
        assert export(copy, tmp_path / "again") == exported
        return copy
    return moved


def test_what_a_block_keeps_back_is_never_let_out(original, moved):
    original.ask("may I?", "please", "now")
    original.decide("block")
    for asking in (original, moved()):
        asking.decide("approve")
        assert asking.told() == ["may I?"]
        assert asking.texts(asking.tutor) == ["may I?"]
        assert asking.texts(asking.student) == ["may I?", "please", "now"]
        asking.ask("good day")
        assert asking.texts(asking.tutor) == ["may I?", "good day"]


@pytest.mark.parametrize("read", [False, True], ids=["unread", "read"])
def test_what_waits_is_new_when_it_is_let_out(original, moved, read):
    original.ask("may I?", "please", "now")
    if read:
        assert original.texts(original.tutor) == ["may I?"]
    for asking in (original, copy := moved()):
        asking.decide("approve")
    assert original.shown() == copy.shown()


def test_what_waits_is_told_when_it_is_let_out(original, moved):
    original.ask("may I?", "please", "now")
    assert original.told() == ["may I?"]
    for asking in (original, moved()):
        asking.decide("approve")
        assert asking.told() == ["please", "now"]


def write(path, asking, *rows, **more):
    """A file of messages of the student."""
    file = path / f"messages-{uuid.uuid4()}.jsonl"
    file.write_text("".join(json.dumps({
        "uuid": str(uuid.uuid4()), "author": asking.student["uuid"], "to": asking.tutor["uuid"],
        "created_at": "2020-03-01T00:00:00Z", "text": text, **more, **row}) + "\n"
        for text, row in rows))
    return str(file)


def test_what_follows_a_request_waits_unread(original, tmp_path):
    """In files of their own: the request, which was read, and what came later."""
    original.ask("may I?")
    assert original.texts(original.tutor) == ["may I?"]
    for text in ("please", "now"):
        original.gateway.cli("import", write(tmp_path, original, (text, {})))
    original.decide("approve")
    assert original.told() == ["please", "now"]


def test_a_blocked_request_keeps_back_what_a_file_adds(original, tmp_path):
    original.ask("may I?")
    original.decide("block")
    original.gateway.cli("import", write(tmp_path, original, ("please", {}), ("now", {})))
    original.decide("approve")
    assert original.texts(original.tutor) == ["may I?"]


def test_a_request_that_is_missing_comes_with_a_file(original, moved, tmp_path):
    """Where it was deleted, the next message is the request, but not one that was kept back."""
    original.ask("may I?")
    (number,), = original.gateway.psql("select id from messages")
    with PubsubPeer(original.gateway, original.student) as peer:
        assert peer.ask("delete-chat", {"id": int(number)}) == {}
    for asking in (original, moved()):
        asking.gateway.cli("import", write(
            tmp_path, asking, ("kept back", {"held": True}),
            ("hello?", {"read": False, "delivered": False}), ("anybody?", {})))
        asking.gateway.cli("import", write(tmp_path, asking, ("well then", {})))
        thread, = opcode_threads(asking.gateway, asking.tutor)
        assert (thread["state"], thread["message_count"]) == ("r", 1)
        assert asking.told() == asking.texts(asking.tutor) == ["hello?"]
        asking.decide("approve")
        assert asking.told() == ["anybody?", "well then"]
        assert asking.texts(asking.student) == ["kept back", "hello?", "anybody?", "well then"]
