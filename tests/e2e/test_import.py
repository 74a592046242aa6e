"""dragoman import and export: a legacy server's history, seen by its clients; twice; with bad
lines; and out again."""

import base64
import json
import os
import uuid

import pytest

from dialects import (OpcodePeer, PymessagePeer, get, opcode_history, opcode_threads,
                      saletick_history)
from gateway import CliError
from wire import call

OK, FAILED, USAGE, DATA, UNAVAILABLE = 0, 1, 64, 65, 69
HISTORY = 130


def stamp(n):
    return f"2020-03-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.000123Z"


def new_user(name, **more):
    return {"uuid": str(uuid.uuid4()), "username": name, "first_name": name.title(), **more}


def new_message(thread, author, text, n, **more):
    return {"uuid": str(uuid.uuid4()), "thread": thread["uuid"], "author": author["uuid"],
            "text": text, "created_at": stamp(n), **more}


class Legacy:
    """What an old server might have had. Files are written by write()."""

    def __init__(self):
        self.ada = new_user("ada", id=20000001, password="Analytical", role="TUTOR",
                            email="Ada@example.org", created_at="2019-12-31T23:59:59Z")
        self.bob = new_user("bob", id=20000002, pin=4711)
        self.eve = new_user("eve", pin="0815", active=True)
        self.ada["friends"] = [self.bob["uuid"]]
        self.eve["friend_requests"] = ["bob"]
        self.users = [self.ada, self.bob, self.eve]
        self.direct = {"uuid": str(uuid.uuid4()), "kind": "direct",
                       "members": [self.ada["uuid"], 20000002], "opener": "bob", "title": "Us"}
        self.chat = {"uuid": str(uuid.uuid4()), "kind": "chat", "title": "Old friends",
                     "members": ["ada", "bob", {"user": "eve", "joined_after": 2}]}
        self.asked = {"uuid": str(uuid.uuid4()), "kind": "direct", "opener": "eve",
                      "members": ["eve", "ada"], "state": "requested"}
        self.threads = [self.direct, self.chat, self.asked]
        self.messages = [
            new_message(self.direct, (self.ada, self.bob)[n % 2], f"number {n}", n,
                        **({"read": False} if n >= HISTORY - 4 else {}))
            for n in range(HISTORY)]
        self.messages += [
            new_message(self.chat, self.ada, "before eve", 200),
            new_message(self.chat, self.bob, "before eve, too", 201),
            new_message(self.chat, self.bob, "read by ada", 202, read=["ada"], delivered=True),
            new_message(self.chat, self.bob, "read by nobody", 203, read=False, delivered=False),
            new_message(self.asked, self.eve, "may I?", 300, read=False),
            new_message(self.asked, self.eve, "please", 301, read=False),
            # The thread need not have a line of its own.
            {"uuid": str(uuid.uuid4()), "to": "eve", "author": "bob", "created_at": stamp(400),
             "text": "look", "attachments": [
                 "https://old.example/a.png",
                 {"name": "notes.txt", "data": base64.b64encode(b"n" * 300000).decode()}]},
        ]

    def write(self, path):
        names = []
        for name in ("users", "threads", "messages"):
            file = path / f"{name}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in getattr(self, name)))
            names.append(str(file))
        return names


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """(gateway with the history in it, the history, its files)"""
    from gateway import Gateway
    legacy = Legacy()
    files = legacy.write(tmp_path_factory.mktemp("legacy"))
    gateway = Gateway()
    try:
        said = gateway.cli("import", *files)
        assert said.splitlines() == [
            f"{files[0]}: 3 new, 0 known, 0 bad", f"{files[1]}: 3 new, 0 known, 0 bad",
            f"{files[2]}: {len(legacy.messages)} new, 0 known, 0 bad"]
        gateway.start()
        yield gateway, legacy, files
    finally:
        gateway.close()


def login(gateway, user):
    return {**user, "token": gateway.token(user)}


def test_people_are_who_they_were(imported):
    gateway, legacy, _ = imported
    shown = json.loads(gateway.cli("user", "show", "ada@example.org"))
    assert (shown["id"], shown["uuid"]) == (20000001, legacy.ada["uuid"])
    bob = PymessagePeer(gateway, {**legacy.bob, "pin": "4711"})
    bob.send_json({"type": "get_friends"})
    status, answer = get(gateway, "/opcode/oauth/token", method="POST", body=json.dumps(
        {"username": "ada", "password": "Analytical", "grant_type": "password",
         "client_id": "x"}).encode())
    assert status == 200 and answer["access_token"]
    bob.abort()


def test_friends_and_requests(imported):
    gateway, _, _ = imported
    pairs = gateway.psql("select u.username, f.username from friendships s join users u on "
                         "u.id = s.user_id join users f on f.id = s.friend_id order by 1")
    assert [tuple(row) for row in pairs] == [("ada", "bob"), ("bob", "ada")]
    asked = gateway.psql("select t.username, f.username from friend_requests s join users t on "
                         "t.id = s.to_id join users f on f.id = s.from_id")
    assert [tuple(row) for row in asked] == [("eve", "bob")]


def test_history_in_order_with_its_states(imported):
    gateway, legacy, _ = imported
    ada = login(gateway, legacy.ada)
    threads = {t["id"]: t for t in opcode_threads(gateway, ada)}
    thread = threads[legacy.direct["uuid"]]
    assert thread["message_count"] == HISTORY
    shown = opcode_history(gateway, login(gateway, legacy.bob), legacy.direct["uuid"])
    assert [m["message"] for m in shown] == [f"number {n}" for n in range(HISTORY)]
    assert [m["id"] for m in shown] == [m["uuid"] for m in legacy.messages[:HISTORY]]
    assert shown[7]["timestamp"] == stamp(7)[:-1]
    # Ada has not read Bob's two last ones; Bob has just read hers by looking.
    states = [m["state"] for m in shown]
    assert states[:HISTORY - 4] == ["r"] * (HISTORY - 4)
    assert states[HISTORY - 3] == states[HISTORY - 1] == "d"


def test_new_messages_follow_the_old_ones(imported):
    gateway, legacy, _ = imported
    ada, bob = login(gateway, legacy.ada), login(gateway, legacy.bob)
    speaker, listener = OpcodePeer(gateway, ada), OpcodePeer(gateway, bob)
    speaker.say(bob, "and now?")
    assert listener.next("pushed").text == "and now?"
    texts = [m["message"] for m in saletick_history(gateway, ada, bob)]
    assert texts[-2:] == [f"number {HISTORY - 1}", "and now?"]
    speaker.abort()
    listener.abort()


def test_chat_members_see_what_is_theirs(imported):
    gateway, legacy, _ = imported
    unread = {}
    seen = {}
    for user in legacy.users:
        unread[user["username"]] = int(gateway.psql(
            "select unread from users u, thread_view(u.id, array(select id from threads where "
            f"title = 'Old friends')) where username = '{user['username']}'")[0][0])
        seen[user["username"]] = [m["message"] for m in opcode_history(
            gateway, login(gateway, user), legacy.chat["uuid"])]
    assert seen["eve"] == ["read by ada", "read by nobody"]
    assert seen["ada"] == seen["bob"] == [
        "before eve", "before eve, too", "read by ada", "read by nobody"]
    assert unread == {"ada": 1, "bob": 0, "eve": 2}


def test_a_request_still_waits(imported):
    gateway, legacy, _ = imported
    ada = login(gateway, legacy.ada)
    thread = next(t for t in opcode_threads(gateway, ada) if t["id"] == legacy.asked["uuid"])
    assert thread["state"] == "r"
    assert [m["message"] for m in thread["messages"]] == ["may I?"]
    status, _ = get(gateway, f"/opcode/thread/{legacy.asked['uuid']}/approve", ada["token"],
                    method="POST")
    assert status == 204
    assert [m["message"] for m in opcode_history(gateway, ada, legacy.asked["uuid"])] == [
        "may I?", "please"]


def test_files_open(imported):
    gateway, legacy, _ = imported
    eve = login(gateway, legacy.eve)
    text = saletick_history(gateway, eve, legacy.bob)[0]["message"].splitlines()
    assert text[:2] == ["look", "https://old.example/a.png"]
    answer = call(gateway.url, "GET", text[2][len(gateway.url):])
    assert answer.status == 200 and answer.body == b"n" * 300000


def test_again_changes_nothing(imported):
    gateway, legacy, files = imported
    count = "select count(*), sum(last_seq), sum(rev) from threads"
    before = gateway.psql(count)
    said = gateway.cli("import", *files).splitlines()
    assert said == [f"{files[0]}: 0 new, 3 known, 0 bad", f"{files[1]}: 0 new, 3 known, 0 bad",
                    f"{files[2]}: 0 new, {len(legacy.messages)} known, 0 bad"]
    assert gateway.psql(count) == before
    assert gateway.psql("select to_regclass('messages_uuid') is null") == [("t",)]


# ---- bad lines -----------------------------------------------------------------------------------

BAD_MESSAGES = [
    "{", "[]", "null", '"text"', "7", '{"uuid": "x"} trailing', "\ufeff{}",
    {"text": "no uuid", "author": "ada", "to": "bob", "created_at": stamp(1)},
    {"uuid": "no-uuid"}, {"uuid": 7}, {"uuid": None},
    {"txet": "misspelled"}, {"author": "nobody"}, {"author": None}, {"author": ["ada"]},
    {"author": 1}, {"author": 1e300}, {"to": "nobody"}, {"to": "ada"}, {"to": None},
    {"thread": str(uuid.uuid4())}, {"thread": 7}, {"created_at": None}, {"created_at": "soon"},
    {"created_at": 7}, {"text": ""}, {"text": None}, {"text": "nul \u0000 inside"},
    {"text": "x" * 65537}, {"text": "\ud800"}, {"attachments": "no list", "text": ""},
    {"attachments": [{"name": "a", "data": "*"}]}, {"attachments": [{"data": "QQ=="}]},
    {"attachments": [None]}, {"attachments": [[]]}, {"attachments": [""]}, {"read": "ada"},
    {"read": {"ada": True}}, {"held": "maybe"},
]


def bad_line(row):
    if isinstance(row, str):
        return row
    good = {"uuid": str(uuid.uuid4()), "author": "ada", "to": "bob", "created_at": stamp(1),
            "text": "fine"}
    return json.dumps({**good, **row} if "created_at" not in row or len(row) == 1 else row)


def test_bad_messages_are_reported_and_left_out(imported, tmp_path):
    gateway, _, _ = imported
    before = int(gateway.psql("select count(*) from messages")[0][0])
    file = tmp_path / "messages.jsonl"
    with open(file, "wb") as out:
        for n, row in enumerate(BAD_MESSAGES):
            out.write(bad_line(row).encode("utf-8", "surrogatepass") + b"\n")
            out.write(bad_line({"text": f"good {n}"}).encode() + b"\r\n")
        out.write(b'{"text": "\xff"}\n\n')
        out.write(bad_line({"text": "without a line feed"}).encode())
    with pytest.raises(CliError) as caught:
        gateway.cli("import", str(file))
    assert caught.value.status == DATA
    good = len(BAD_MESSAGES) + 1
    said = [line for line in caught.value.stderr.splitlines() if line.startswith(str(file))]
    numbers = [int(line.split(":")[1]) for line in said]
    assert sorted(numbers) == [*range(1, 2 * len(BAD_MESSAGES), 2), 2 * len(BAD_MESSAGES) + 1]
    assert f"{good} new, 0 known, {len(BAD_MESSAGES) + 1} bad" in caught.value.stdout
    assert int(gateway.psql("select count(*) from messages")[0][0]) == before + good
    assert "fine" not in caught.value.stderr


def test_digits_are_an_id_and_no_username(imported, tmp_path):
    gateway, legacy, _ = imported
    gateway.add_user(username=str(legacy.ada["id"]))
    gateway.add_user(username="9" * 30)
    message = new_message(legacy.direct, legacy.ada, "by her id", 900)
    rows = [{**message, "author": str(legacy.ada["id"])},
            {**message, "uuid": str(uuid.uuid4()), "author": "9" * 30}]
    file = tmp_path / "messages.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(CliError) as caught:
        gateway.cli("import", str(file))
    assert "1 new, 0 known, 1 bad" in caught.value.stdout
    assert f"{file}:2: author is no user" in caught.value.stderr
    assert gateway.psql("select author_id from messages "
                        f"where uuid = '{message['uuid']}'") == [(str(legacy.ada["id"]),)]


@pytest.mark.parametrize("row, why", [
    ({"username": "x"}, "uuid is missing"),
    ({"uuid": str(uuid.uuid4())}, "username and email are missing"),
    ({"uuid": str(uuid.uuid4()), "username": "ada"}, "another user's"),
    ({"uuid": str(uuid.uuid4()), "username": "ADA@EXAMPLE.ORG"}, "another user's"),
    ({"uuid": str(uuid.uuid4()), "username": "x", "id": 20000001}, "another user's"),
    ({"uuid": str(uuid.uuid4()), "username": "x", "id": 7}, "10000000"),
    ({"uuid": str(uuid.uuid4()), "username": "x", "password_hash": "plain"}, "argon2id"),
    ({"uuid": str(uuid.uuid4()), "username": "x", "pin": []}, "pin"),
    ({"uuid": str(uuid.uuid4()), "username": "x", "password": ""}, "password"),
    ({"uuid": str(uuid.uuid4()), "username": "y" * 3, "friends": ["nobody"]}, "no user"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_users(imported, tmp_path, row, why):
    gateway, _, _ = imported
    file = tmp_path / "users.jsonl"
    file.write_text(json.dumps(row) + "\n")
    with pytest.raises(CliError) as caught:
        gateway.cli("import", str(file))
    assert caught.value.status == DATA and f"{file}:1: " in caught.value.stderr
    assert why in caught.value.stderr


@pytest.mark.parametrize("row, why", [
    ({"kind": "group"}, "kind"), ({"members": ["ada"]}, "two members"),
    ({"members": []}, "no user"), ({"members": ["ada", "nobody"]}, "no user"),
    ({"members": ["ada", "ada"]}, "twice"), ({"state": "blocked"}, "state"),
    ({"kind": "chat", "uuid": None}, "uuid"), ({"members": None}, "no user"),
    ({"kind": "chat", "members": [{"user": "ada", "joined_after": -1}]}, "joined_after"),
], ids=str)
def test_bad_threads(imported, tmp_path, row, why):
    gateway, _, _ = imported
    file = tmp_path / "threads.jsonl"
    file.write_text(json.dumps({"uuid": str(uuid.uuid4()), "kind": "direct",
                                "members": ["ada", "eve"], **row}) + "\n")
    with pytest.raises(CliError) as caught:
        gateway.cli("import", str(file))
    assert caught.value.status == DATA and why in caught.value.stderr


def test_wrong_words(imported, tmp_path):
    gateway, _, _ = imported
    for words in (["import"], ["import", "people.jsonl"], ["export"], ["export", "a", "b"],
                  ["export", "a", "--nonsense"]):
        with pytest.raises(CliError) as caught:
            gateway.cli(*words)
        assert caught.value.status == USAGE, words
    with pytest.raises(CliError) as caught:
        gateway.cli("import", str(tmp_path / "users.jsonl"))
    assert caught.value.status == FAILED


# ---- and out again -------------------------------------------------------------------------------

def read_all(path):
    return {name: (path / f"{name}.jsonl").read_text() for name in ("users", "threads", "messages")}


def test_export_is_what_import_takes(imported, make_gateway, tmp_path):
    gateway, legacy, _ = imported
    first, second = tmp_path / "first", tmp_path / "second"
    gateway.cli("export", str(first), "--with-hashes")
    for file in first.iterdir():
        assert file.stat().st_mode & 0o077 == 0
    other = make_gateway(start=False)
    said = other.cli("import", *(str(first / f"{name}.jsonl")
                                 for name in ("users", "threads", "messages")))
    assert [line.split(": ")[1].split(", ", 1)[1] for line in said.splitlines()] == [
        "0 known, 0 bad"] * 3
    other.cli("export", str(second), "--with-hashes")
    assert read_all(first) == read_all(second)
    assert '"Us"' in read_all(first)["threads"]
    assert "argon2id" in read_all(first)["users"]
    with pytest.raises(CliError) as caught:
        other.cli("export", str(second))
    assert caught.value.status == FAILED
    other.cli("export", str(tmp_path / "third"))
    assert "argon2id" not in read_all(tmp_path / "third")["users"]
    # The counters agree with what the marks say.
    other.start()
    ada = login(other, legacy.ada)
    assert {t["id"]: t["message_count"] for t in opcode_threads(other, ada)} == {
        t["id"]: t["message_count"] for t in opcode_threads(gateway, login(gateway, legacy.ada))}


def test_an_import_that_was_cut_short_goes_on(make_gateway, tmp_path):
    gateway = make_gateway(start=False)
    users = [new_user(f"u{n}") for n in range(20)]
    rows = [{"uuid": str(uuid.uuid4()), "author": users[n % 20]["uuid"],
             "to": users[(n * 7 + 1) % 20]["uuid"], "created_at": stamp(n), "text": f"m{n}"}
            for n in range(9000) if n % 20 != (n * 7 + 1) % 20]
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(u) + "\n" for u in users))
    gateway.cli("import", str(tmp_path / "users.jsonl"))
    file = tmp_path / "messages.jsonl"
    half = "".join(json.dumps(row) + "\n" for row in rows[:4000])
    file.write_text(half[:-20])
    with pytest.raises(CliError):
        gateway.cli("import", str(file))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert f"{len(rows) - 3999} new, 3999 known, 0 bad" in gateway.cli("import", str(file))
    gateway.start()
    assert int(gateway.psql("select count(*) from messages")[0][0]) == len(rows)
    assert gateway.psql(
        "select count(*) from (select thread_id, count(*) c, max(seq) s, "
        "bool_and(ordered) o from (select thread_id, seq, id > coalesce(lag(id) over (partition "
        "by thread_id order by seq), 0) ordered from messages) x group by 1) y join threads t on "
        "t.id = y.thread_id where c <> s or s <> last_seq or not o or unread_lo + unread_hi > 0"
    ) == [("0",)]


def test_what_the_database_cannot_do_now_is_no_lines_fault(make_gateway, tmp_path):
    gateway = make_gateway()
    legacy = Legacy()
    users = legacy.write(tmp_path)[0]
    (name,), = gateway.psql("select current_database()")
    gateway.psql(f'alter database "{name}" set lock_timeout = 100')
    with gateway.psql_session("begin", "lock table users in exclusive mode"):
        with pytest.raises(CliError) as failed:
            gateway.cli("import", users)
    assert failed.value.status == UNAVAILABLE
    assert f"{users}:1: " not in failed.value.stderr and "run this again" in failed.value.stderr
    gateway.psql(f'alter database "{name}" reset lock_timeout')
    assert gateway.cli("import", users).endswith("3 new, 0 known, 0 bad")
