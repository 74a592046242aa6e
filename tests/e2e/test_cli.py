"""The command line: every verb, its errors and exit codes, with the gateway running and not."""

import base64
import concurrent.futures
import json
import os
import pwd
import re
import socket
import stat
import struct
import subprocess
import time
import uuid

import pytest

import certificates
import tokens
from gateway import ROOT, CliError, Gateway, binary, unique
from opcode_client import Opcode, rest

OK, FAILED, USAGE, DATA, NO_USER, UNAVAILABLE, CONFIG = 0, 1, 64, 65, 67, 69, 78


def fails(gw, status, *args, **how):
    """The verb exits so, says something on stderr and nothing on stdout. Returns stderr."""
    with pytest.raises(CliError) as caught:
        gw.cli(*args, **how)
    assert caught.value.status == status, caught.value
    assert caught.value.stdout == ""
    said = caught.value.stderr.splitlines()
    assert said[-1].startswith("dragoman: ") or said[0].startswith("usage: "), said
    return caught.value.stderr


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture(scope="module")
def asleep():
    """A gateway that does not run, with a state directory that has been used."""
    gw = Gateway()
    try:
        gw.start()
        gw.stop()
        yield gw
    finally:
        gw.close()


@pytest.fixture(params=["running", "asleep"])
def anyhow(request):
    """A gateway that runs, then one that does not."""
    return request.getfixturevalue("gateway" if request.param == "running" else "asleep")


VERBS = [words.split() for words in (
    "serve", "drain", "reload", "upgrade", "check-config", "migrate", "version", "user add",
    "user list", "user show", "user set", "user deactivate", "token issue", "token revoke", "import",
    "export", "adapter list", "adapter check", "adapter new", "adapter test", "capture", "replay")]


# ---- words -----------------------------------------------------------------------------------

def test_help_is_no_error(gateway):
    for word in ("help", "--help", "-h"):
        shown = gateway.cli(word, place=False)
        for verb in VERBS:
            assert re.search(rf"^  {' '.join(verb)}\b", shown, re.M)
    for verb in VERBS:
        for how in ("--help", "-h"):
            assert re.match(rf"usage: dragoman {' '.join(verb)}\b",
                            gateway.cli(*verb, how, place=False))
    for group in ("user", "token", "adapter"):
        shown = gateway.cli(group, "--help", place=False)
        assert f"  {group} " in shown and "  serve" not in shown
        lines = shown.splitlines()
        for verb in (verb for verb in VERBS if verb[0] == group):
            at = next(i for i, line in enumerate(lines) if line.startswith(f"  {' '.join(verb)}"))
            told = [line for line in lines[at + 1:at + 5] if re.match(r"      [A-Z].*\.$", line)]
            assert told, f"not a line on what {' '.join(verb)} does"
    assert "serve" in gateway.cli("serve", "--config", "/nowhere", "--help", place=False)


@pytest.mark.parametrize("words, named", [
    (["nonsense"], '"nonsense"'), (["--nonsense"], '"--nonsense"'), (["user"], '"user" wants'),
    (["user", "nonsense"], '"user nonsense"'), (["migrate", "nonsense"], "nonsense"),
    (["check-config", "nonsense"], "nonsense"), (["version", "nonsense"], "nonsense"),
    (["adapter", "list", "nonsense"], "nonsense"), (["serve", "nonsense"], "nonsense"),
    (["drain", "nonsense"], "nonsense"), (["user", "list", "nonsense"], "no words"),
    (["user", "list", "--listen", "127.0.0.1:0"], "--listen is for serve"),
    (["drain", "--admin=127.0.0.1:0"], "--admin is for serve"),
], ids=str)
def test_wrong_words_are_named(asleep, words, named):
    said = fails(asleep, USAGE, *words, place=False)
    assert named in said and said.count("\n") == 1


@pytest.mark.parametrize("words", [
    [], ["nonsense"], ["user"], ["user", "nonsense"], ["token"], ["adapter"],
    ["user", "add"], ["user", "add", "--first-name", "Ada"], ["user", "add", "--username"],
    ["user", "add", "--username", "x", "--nonsense", "y"], ["user", "add", "--username", ""],
    *(["user", "add", "--username", "x", "--id", number]
      for number in ("zero", "0", "-5", "1e9", "", " 12345678", "9999999", str(1 << 53))),
    ["user", "add", "--username", "x", "--uuid", "no-uuid"],
    ["user", "add", "--username", "x", "--uuid", ""],
    ["user", "list", "all"], ["user", "show"], ["user", "show", "a", "b"], ["user", "set"],
    ["user", "deactivate"], ["user", "deactivate", "a", "b"],
    ["token", "issue"], ["token", "issue", "x", "--ttl"], ["token", "issue", "x", "--ttl", "0"],
    ["token", "issue", "x", "--ttl", "-1"], ["token", "issue", "x", "--ttl", "soon"],
    ["token", "issue", "x", "--ttl", "9" * 30], ["token", "revoke"], ["token", "revoke", "a", "b"],
    ["serve", "nonsense"], ["user", "list", "--state"], ["user", "list", "--config"],
    ["user", "list", "--set"],
], ids=" ".join)
def test_wrong_words_exit_64(gateway, words):
    if words and words[-1].startswith("--") and words[1:2] == ["list"]:
        fails(gateway, USAGE, *words, place=False)
    else:
        fails(gateway, USAGE, *words, place=bool(words))


def test_version(gateway):
    assert re.fullmatch(r"dragoman \d+\.\d+\.\d+ \(adapter ABI \d+\.\d+\)",
                        gateway.cli("version", place=False))
    assert gateway.cli("--version", place=False) == gateway.cli("version", place=False)


def test_adapter_list(gateway):
    rows = [line.split("\t") for line in gateway.cli("adapter", "list").splitlines()]
    assert ["opcode", "/opcode"] in [row[:2] for row in rows]
    matrix = gateway.cli("adapter", "list", "--matrix").splitlines()
    assert any(line.startswith("opcode\t") for line in matrix)


def test_migrate_twice(anyhow):
    first = re.fullmatch(r"schema (\d+) -> (\d+)", anyhow.cli("migrate"))
    assert first and int(first[2]) > 0
    assert anyhow.cli("migrate") == f"schema {first[2]} -> {first[2]}"


def test_migrate_of_an_empty_database():
    gw = Gateway()
    try:
        shown = re.fullmatch(r"schema 0 -> (\d+)", gw.cli("migrate"))
        assert shown and int(shown[1]) > 0
        assert gw.postgres_pid() is None
    finally:
        gw.close()


def test_nothing_starts_on_an_old_schema_unless_it_may_migrate():
    gw = Gateway()
    never = ["--set", "database.migrate=false"]
    try:
        for verb in (["serve", "--listen", "127.0.0.1:0"], ["user", "list"]):
            said = fails(gw, FAILED, *verb, *never)
            assert re.search(r"the schema is at version 0 and this program wants \d+", said)
        gw.cli("migrate")
        assert gw.cli("user", "list", *never) == ""
    finally:
        gw.close()


def test_verbs_that_read_leave_an_old_schema_alone(make_gateway, tmp_path):
    gw = make_gateway()
    user = gw.add_user()
    gw.psql("delete from versions where version = (select max(version) from versions)")
    before = gw.psql("select version, at from versions order by version")
    for verb in (["user", "list"], ["user", "show", user["id"]], ["token", "issue", user["id"]],
                 ["export", tmp_path / "out"]):
        said = fails(gw, FAILED, *verb)
        assert f"the schema is at version {len(before)} and" in said and "dragoman migrate" in said
    assert gw.psql("select version, at from versions order by version") == before
    assert not (tmp_path / "out").exists()


# ---- users -----------------------------------------------------------------------------------

def test_user_add_prints_one_json_line(anyhow):
    name = unique()
    shown = anyhow.cli("user", "add", "--username", name, "--email", name + "@example.org",
                       "--first-name", "Ädä", "--last-name", "O'Hara \"x\"", "--role", "tutor",
                       "--photo", "https://example.org/a.png", "--color", "#aabbcc",
                       "--location", "Bern")
    assert "\n" not in shown
    user = json.loads(shown)
    assert user["id"] >= 10000000
    assert str(uuid.UUID(user["uuid"])) == user["uuid"]
    del user["id"], user["uuid"]
    assert user == {"username": name, "email": name + "@example.org", "first_name": "Ädä",
                    "last_name": "O'Hara \"x\"", "role": "tutor", "active": True,
                    "photo": "https://example.org/a.png", "color": "#aabbcc", "location": "Bern"}


def test_user_add_with_an_email_alone(anyhow):
    user = anyhow.add_user(username=None, email=unique() + "@example.org")
    assert user["username"] is None
    assert json.loads(anyhow.cli("user", "show", user["email"]))["id"] == user["id"]


def test_user_add_twice(anyhow):
    user = anyhow.add_user(email=unique() + "@example.org")
    for taken in (["--username", user["username"]], ["--username", user["email"]],
                  ["--username", unique(), "--email", user["email"]],
                  ["--username", unique(), "--email", user["username"]],
                  ["--username", unique(), "--id", user["id"]],
                  ["--username", unique(), "--uuid", user["uuid"]]):
        assert "taken" in fails(anyhow, FAILED, "user", "add", *taken)
    users = [json.loads(line) for line in anyhow.cli("user", "list").splitlines()]
    assert sum(one["id"] == user["id"] for one in users) == 1


def test_user_add_keeps_id_and_uuid(anyhow):
    number, own = 77000000 + int.from_bytes(os.urandom(2), "big"), uuid.uuid4()
    user = anyhow.add_user(id=number, uuid=str(own).upper())
    assert (user["id"], user["uuid"]) == (number, str(own))
    assert json.loads(anyhow.cli("user", "show", number))["uuid"] == str(own)
    # The next one without an id does not come upon it.
    assert anyhow.add_user()["id"] != number


def test_ids_given_do_not_block_later_ones(anyhow):
    """The ids right after the last one are taken by hand: the count goes on behind or over them."""
    last = anyhow.add_user()["id"]
    for number in range(last + 1, last + 4):
        anyhow.add_user(id=number)
    assert len({anyhow.add_user()["id"] for _ in range(4)}) == 4


def test_user_show_by_every_name(anyhow):
    user = anyhow.add_user(email=unique() + "@example.org")
    for name in (user["username"], user["email"], user["id"], user["uuid"],
                 user["uuid"].upper(), user["email"].upper()):
        assert json.loads(anyhow.cli("user", "show", name))["id"] == user["id"]


def test_a_username_takes_nobodys_place(anyhow):
    """Whoever calls themselves by another's id or UUID is not found under it."""
    victim = anyhow.add_user()
    for name in (str(victim["id"]), victim["uuid"]):
        stranger = anyhow.add_user(username=name)
        assert stranger["username"] == name
        assert json.loads(anyhow.cli("user", "show", name))["id"] == victim["id"]
        changed = json.loads(anyhow.cli("user", "set", name, "--role", "ADMIN"))
        assert changed["id"] == victim["id"]
        assert claims_of(anyhow.cli("token", "issue", name).strip())["user_id"] == victim["uuid"]
        assert json.loads(anyhow.cli("user", "deactivate", name))["id"] == victim["id"]
        shown = json.loads(anyhow.cli("user", "show", stranger["id"]))
        assert shown["active"] and shown["role"] != "ADMIN"
        anyhow.cli("user", "set", name, "--active", "yes")
    number = str(10 ** 15)
    anyhow.add_user(username=number)
    fails(anyhow, NO_USER, "user", "show", number)


def test_unknown_users_exit_67(anyhow):
    for name in ("nobody-at-all", "10", "99999999999", str(uuid.uuid4()), "", "a@b"):
        fails(anyhow, NO_USER, "user", "show", name)
    fails(anyhow, NO_USER, "user", "set", "nobody-at-all", "--first-name", "A")
    fails(anyhow, NO_USER, "user", "deactivate", "nobody-at-all")
    fails(anyhow, NO_USER, "token", "issue", "nobody-at-all")


def test_user_list(anyhow):
    made = [anyhow.add_user()["id"] for _ in range(3)]
    listed = [json.loads(line) for line in anyhow.cli("user", "list").splitlines()]
    ids = [user["id"] for user in listed]
    assert len(ids) == len(set(ids))
    assert set(made) <= set(ids)
    assert all(set(user) >= {"id", "uuid", "username", "role", "active"} for user in listed)


def test_user_list_of_many(make_gateway):
    gw = make_gateway()
    gw.psql("insert into users (id, uuid, username) select 20000000 + n, gen_random_uuid(), "
            "'many' || n from generate_series(1, 1234) n; "
            "insert into user_names select 'many' || n, 20000000 + n "
            "from generate_series(1, 1234) n")
    names = [json.loads(line)["username"] for line in gw.cli("user", "list").splitlines()]
    assert sorted(names) == sorted(f"many{n}" for n in range(1, 1235))


def test_user_set(anyhow):
    user = anyhow.add_user(first_name="Ada", last_name="Byron", email=unique() + "@example.org")
    renamed = unique()
    shown = json.loads(anyhow.cli("user", "set", user["username"], "--username", renamed,
                                  "--last-name", "Lovelace", "--role", "admin"))
    wanted = {"id": user["id"], "uuid": user["uuid"], "username": renamed, "first_name": "Ada",
              "last_name": "Lovelace", "email": user["email"], "role": "admin"}
    assert {key: shown[key] for key in wanted} == wanted
    assert json.loads(anyhow.cli("user", "show", user["id"])) == shown
    fails(anyhow, NO_USER, "user", "show", user["username"])
    # The old name is free again.
    assert anyhow.add_user(username=user["username"])["id"] != user["id"]


def test_user_set_errors(anyhow):
    ada, sam = anyhow.add_user(), anyhow.add_user()
    fails(anyhow, FAILED, "user", "set", ada["username"], "--username", sam["username"])
    fails(anyhow, USAGE, "user", "set", ada["username"], "--id", 12345678)
    fails(anyhow, USAGE, "user", "set", ada["username"], "--uuid", uuid.uuid4())
    fails(anyhow, USAGE, "user", "set", ada["username"], "--nonsense", "x")
    fails(anyhow, USAGE, "user", "set", ada["username"], "--first-name")
    fails(anyhow, USAGE, "user", "set", ada["username"], "--active", "perhaps")
    unchanged = json.loads(anyhow.cli("user", "show", ada["id"]))
    assert unchanged["username"] == ada["username"]


def test_text_that_is_no_utf8_is_refused(gateway):
    done = subprocess.run([binary(), "user", "add", "--username", b"\xff\xfe", "--state",
                           str(gateway.state)], capture_output=True, check=False)
    assert done.returncode == USAGE and b"UTF-8" in done.stderr


def test_deactivate_and_activate(anyhow):
    user = anyhow.add_user()
    for _ in range(2):
        assert json.loads(anyhow.cli("user", "deactivate", user["username"]))["active"] is False
    fails(anyhow, FAILED, "token", "issue", user["username"])
    shown = json.loads(anyhow.cli("user", "set", user["username"], "--active", "yes"))
    assert shown["active"] is True
    assert anyhow.token(user).count(".") == 2


# ---- secrets ---------------------------------------------------------------------------------

def login(gw, name, password):
    return rest(gw, "POST", "/oauth/token", body={"grant_type": "password", "username": name,
                                                  "password": password, "client_id": "x"})[0]


@pytest.mark.parametrize("typed", ["pass word ü\n", "pass word ü"], ids=["newline", "none"])
def test_password_from_stdin(gateway, typed):
    name = unique()
    shown = gateway.cli("user", "add", "--username", name, "--password", "-", input=typed)
    assert "pass word" not in shown
    assert login(gateway, name, "pass word ü") == 200
    assert login(gateway, name, "pass word") == 400


def test_password_on_the_command_line_and_changed(gateway):
    user = gateway.add_user(password="one")
    assert login(gateway, user["username"], "one") == 200
    gateway.cli("user", "set", user["username"], "--password", "-", input="two\n")
    assert login(gateway, user["username"], "one") == 400
    assert login(gateway, user["username"], "two") == 200
    # Another change leaves it as it is.
    gateway.cli("user", "set", user["username"], "--first-name", "Ada")
    assert login(gateway, user["username"], "two") == 200


def test_password_and_pin_both_from_stdin(gateway):
    name = unique()
    gateway.cli("user", "add", "--username", name, "--password", "-", "--pin", "-",
                input="the password\n1234\n")
    assert login(gateway, name, "the password") == 200
    assert login(gateway, name, "1234") == 400


def test_no_secret_on_stdin(gateway):
    fails(gateway, USAGE, "user", "add", "--username", unique(), "--password", "-", input="")
    fails(gateway, USAGE, "user", "add", "--username", unique(), "--pin", "-", input="")


def test_secrets_are_hashed(gateway):
    user = gateway.add_user(password="plain words", pin="482913")
    (password, pin), = gateway.psql("select password_hash, pin_hash from users "
                                    f"where id = {user['id']}")
    assert password.startswith("$argon2id$") and pin.startswith("$argon2id$")
    assert not gateway.psql(f"select * from users where id = {user['id']} "
                            "and users::text ~ '(plain words|482913)'")


def test_secret_too_long_is_refused_not_cut(gateway):
    assert fails(gateway, USAGE, "user", "add", "--username", unique(), "--password", "-",
                 input="x" * 100000 + "\n")


# ---- tokens ----------------------------------------------------------------------------------

def test_token_issue(anyhow):
    user = anyhow.add_user()
    for name in (user["username"], str(user["id"]), user["uuid"]):
        token = anyhow.cli("token", "issue", name)
        assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token)
        claims = claims_of(token)
        assert claims["sub"] == claims["user_id"] == user["uuid"]
        assert claims["username"] == user["username"]
        assert claims["token_type"] == "access"
        assert claims["exp"] > claims["iat"] and claims["jti"]
    claims = claims_of(anyhow.token(user, ttl=17))
    assert claims["exp"] - claims["iat"] == 17
    assert claims_of(anyhow.token(user))["jti"] != claims_of(anyhow.token(user))["jti"]


def test_signing_key_is_private(gateway):
    mode = (gateway.state / "token.key").stat().st_mode
    assert stat.S_ISREG(mode) and stat.S_IMODE(mode) == 0o600


def test_deactivate_closes_live_sockets(gateway):
    user, other = gateway.add_user(), gateway.add_user()
    token = gateway.token(user)
    with Opcode(gateway, token) as one, Opcode(gateway, gateway.token(user)) as two, \
            Opcode(gateway, gateway.token(other)) as kept:
        gateway.cli("user", "deactivate", user["username"])
        assert one.outcome() == ([9], 1005)
        assert two.outcome() == ([9], 1005)
        with Opcode(gateway) as again:
            again.put(2, {"token": token, "properties": {"os": "x", "device": "y"}})
            assert again.outcome() == ([9], 1005)
        assert rest(gateway, "GET", "/thread", token)[0] == 401
        assert kept.is_quiet(0.2)


def test_revoke_closes_live_sockets_of_that_token_alone(gateway):
    user = gateway.add_user()
    revoked, other = gateway.token(user), gateway.token(user)
    with Opcode(gateway, revoked) as one, Opcode(gateway, revoked) as two, \
            Opcode(gateway, other) as kept:
        assert gateway.cli("token", "revoke", revoked) == "revoked"
        assert one.outcome() == ([9], 1005)
        assert two.outcome() == ([9], 1005)
        assert kept.is_quiet(0.2)
        assert rest(gateway, "GET", "/thread", revoked)[0] == 401
        assert rest(gateway, "GET", "/thread", other)[0] == 200


def test_revoke_from_stdin_and_twice(gateway):
    token = gateway.token(gateway.add_user())
    gateway.cli("token", "revoke", "-", input=token + "\n")
    gateway.cli("token", "revoke", token)
    assert rest(gateway, "GET", "/thread", token)[0] == 401
    fails(gateway, USAGE, "token", "revoke", "-", input="")


def test_revoke_says_what_became_of_it(gateway):
    user = gateway.add_user()
    for text in ("", "nonsense", "a.b", "a.b.c.d", "e30.e30.e30", "e30..", "\u00e9.\u00e9.\u00e9",
                 gateway.token(user) + "=", "x" * 9000):
        said = fails(gateway, DATA, "token", "revoke", text)
        assert said.startswith("dragoman: this is no token: ") and said.count("\n") == 1
        assert len(text) < 6 or text not in said
    stranger = tokens.hs256({"sub": user["uuid"]}, b"k" * 32)
    before = gateway.psql("select count(*) from revoked_tokens")
    assert gateway.cli("token", "revoke", stranger) == (
        "revoked, though no issuer that is configured now accepts it")
    assert gateway.psql("select count(*) from revoked_tokens") != before
    short = gateway.token(user, ttl=1)
    time.sleep(2)
    assert gateway.cli("token", "revoke", short) == "revoked; it had expired already"


def test_revoked_while_the_gateway_is_away(make_gateway):
    gw = make_gateway()
    user = gw.add_user()
    token, other = gw.token(user), gw.token(user)
    assert rest(gw, "GET", "/thread", token)[0] == 200
    gw.stop()
    gw.cli("token", "revoke", token)
    gw.start()
    assert rest(gw, "GET", "/thread", token)[0] == 401
    assert rest(gw, "GET", "/thread", other)[0] == 200


def test_user_made_while_the_gateway_runs_can_log_in_at_once(gateway):
    with Opcode(gateway, gateway.token(gateway.add_user(first_name="New"))) as client:
        assert client.ready["first_name"] == "New"


def test_change_of_a_name_reaches_the_running_gateway(gateway):
    ada, sam = gateway.add_user(first_name="Before"), gateway.add_user()
    with Opcode(gateway, gateway.token(ada)) as sender, \
            Opcode(gateway, gateway.token(sam)) as receiver:
        sender.say(sam, "one")
        assert receiver.event("MESSAGE")["from"]["first_name"] == "Before"
        gateway.cli("user", "set", ada["username"], "--first-name", "After")
        sender.say(sam, "two")
        assert receiver.event("MESSAGE")["from"]["first_name"] == "After"


# ---- the database ----------------------------------------------------------------------------

def test_verbs_leave_no_database_running(asleep):
    asleep.add_user()
    assert asleep.postgres_pid() is None


def test_verbs_side_by_side_without_a_gateway(asleep):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        ids = [user["id"] for user in pool.map(lambda _: asleep.add_user(), range(12))]
    assert len(set(ids)) == 12
    assert asleep.postgres_pid() is None


def test_verbs_do_not_stop_the_gateways_database(gateway):
    before = gateway.postgres_pid()
    gateway.add_user()
    assert gateway.postgres_pid() == before


def test_unreachable_database_exits_69(asleep):
    for verb in (["user", "list"], ["migrate"], ["token", "issue", "x"], ["serve"]):
        fails(asleep, UNAVAILABLE, *verb, "--set", "database.url=postgresql://x@127.0.0.1:1/x",
              "--set", "database.wait_ms=200")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may look after others' directories")
def test_root_leaves_what_is_anothers_to_them(tmp_path):
    """As `sudo dragoman user add` on the state of the system service, before and beside it."""
    other = pwd.getpwnam("nobody")
    gw = Gateway(wrapper=["setpriv", f"--reuid={other.pw_uid}", f"--regid={other.pw_gid}",
                          "--clear-groups"])
    try:
        os.chown(gw.state, other.pw_uid, other.pw_gid)
        with pytest.raises(CliError) as refused:
            gw.cli("serve", "--listen", "127.0.0.1:0")
        assert f"{gw.state} belongs to nobody: run this as that user" in refused.value.stderr
        assert list(gw.state.iterdir()) == []
        ada = gw.add_user()
        gw.token(ada)
        gw.start()
        with Opcode(gw, gw.token(ada)) as client:
            client.say(gw.add_user(), "hello")
        gw.stop()
        assert gw.cli("user", "show", ada["username"])
        gw.start()
        owners = {path.stat().st_uid for path in gw.state.rglob("*")}
        assert owners == {other.pw_uid}
    finally:
        gw.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone becomes somebody else")
def test_who_root_becomes_does_not_look_into_roots_home(asleep, tmp_path, monkeypatch):
    """Where libpq looks for certificates and passwords; what it may not see there is its end."""
    other = pwd.getpwnam("nobody")
    home, state = tmp_path / "home", tmp_path / "state"
    tmp_path.chmod(0o755)
    home.mkdir(mode=0o700)
    state.mkdir()
    os.chown(state, other.pw_uid, other.pw_gid)
    monkeypatch.setenv("HOME", str(home))
    with socket.create_server(("127.0.0.1", 0)) as server, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        url = f"host=127.0.0.1 port={server.getsockname()[1]} user=x dbname=x sslmode=require"
        done = pool.submit(fails, asleep, UNAVAILABLE, "user", "list", "--state", state,
                           "--set", f"database.url={url} gssencmode=disable", place=False)
        server.settimeout(30)
        conn = server.accept()[0]
        with conn:
            conn.settimeout(30)
            assert conn.recv(8) == struct.pack("!II", 8, 80877103), "it asks for TLS"
            conn.sendall(b"S")
            hello = conn.recv(1)
        done.result()
    assert hello == b"\x16", "it begins a handshake"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may read everything")
def test_check_config_reads_as_who_will_serve(tmp_path):
    other = pwd.getpwnam("nobody")
    gw = Gateway()
    try:
        tmp_path.chmod(0o755)
        chain, key = certificates.make(tmp_path, "chat.example")
        settings = {"tls": {"certificate": str(chain), "key": str(key)}}
        key.chmod(0o600)
        assert check(gw, settings, tmp_path) == (OK, "")
        os.chown(gw.state, other.pw_uid, other.pw_gid)
        status, said = check(gw, settings, tmp_path)
        assert status == CONFIG and "Permission denied" in said
    finally:
        gw.close()


def test_state_directory_that_cannot_be_made(asleep):
    fails(asleep, FAILED, "user", "add", "--username", "x", "--state", "/proc/nothing/here",
          place=False)


def test_a_mistyped_state_makes_no_database(asleep, tmp_path):
    for verb in (["user", "list"], ["user", "show", "ada"], ["user", "set", "ada"],
                 ["user", "deactivate", "ada"], ["token", "issue", "ada"],
                 ["token", "revoke", tokens.hs256({}, b"k" * 32)], ["export", tmp_path / "out"]):
        said = fails(asleep, UNAVAILABLE, *verb, "--state", tmp_path / "typo", place=False)
        assert f"there is no database below {tmp_path}/typo; name one" in said
        assert not (tmp_path / "typo").exists()
    assert not (tmp_path / "out").exists()


def test_no_private_database_beside_a_gateway_with_another(make_gateway, asleep):
    owner = make_gateway()
    gw = make_gateway(settings={
        "database.url": f"host={owner.state}/run user=dragoman dbname=dragoman"})
    for verb in (["user", "add", "--username", unique()], ["migrate"]):
        said = fails(asleep, UNAVAILABLE, *verb, "--state", gw.state, place=False)
        assert f"the gateway on {gw.state} has its database elsewhere" in said
    assert not (gw.state / "pg").exists()


def test_a_private_database_that_a_verb_makes_is_told():
    gw = Gateway()
    try:
        for told in (True, False):
            done = subprocess.run([binary(), "user", "add", "--username", unique(), "--state",
                                   gw.state], capture_output=True, text=True, check=True)
            assert (f"made a private database below {gw.state}\n" in done.stderr) == told
    finally:
        gw.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may mount")
def test_verbs_read_the_system_file(tmp_path):
    etc = tmp_path / "etc"
    subprocess.run(["cp", "-a", "/etc", etc], check=True)
    (etc / "dragoman").mkdir(exist_ok=True)
    (etc / "dragoman/dragoman.yaml").write_text(f"state: {tmp_path}/named\n")
    script = f"mount --bind {etc} /etc && exec {binary()} user list"

    def run(more):
        return subprocess.run(["unshare", "-m", "sh", "-c", script + more], capture_output=True,
                              text=True, check=False).stderr

    said = run("")
    if "mount" in said or "unshare" in said:
        pytest.skip(said)
    assert f"there is no database below {tmp_path}/named" in said
    assert f"below {tmp_path}/given" in run(f" --state {tmp_path}/given")
    assert f"below {tmp_path}/set" in run(f" --set state={tmp_path}/set")


# ---- configuration ---------------------------------------------------------------------------

CONFIG_ERRORS = {
    "unknown key": ("listen: 127.0.0.1:0\nlisten_adress: x\n", "2:16", "listen_adress"),
    "unknown key below": ("limits:\n  rate: 1\n  rte: 2\n", "3:8", "limits.rte"),
    "unknown section": ("secuirty:\n  on: true\n", "2:7", "secuirty.on"),
    "bad address": ("log:\n  level: info\nlisten: localhost\n", "3:9", "listen"),
    "bad admin address": ("admin: 127.0.0.1:http\n", "1:8", "admin"),
    "bad number": ("limits:\n  rate: many\n", "2:9", "limits.rate"),
    "number out of range": ("database:\n  write_connections: 99\n", "2:22",
                            "database.write_connections"),
    "bad word": ("log:\n  level: loud\n", "2:10", "log.level"),
    "bad boolean": ("database:\n  migrate: perhaps\n", "2:12", "database.migrate"),
    "key twice": ("listen: a\nlisten: b\n", "2:1", "listen"),
    "no YAML": ("listen: [1,\n", "2:1", ""),
    "no mapping": ("hello\n", "1:1", "mapping"),
    "unknown adapter": ("adapters:\n  - name: nonsense\n", "2:11", "nonsense"),
    "unknown setting of an adapter": (
        "adapters:\n  - name: opcode\n    settings:\n      nonsense: 1\n", "4:17", "nonsense"),
    "bad setting of an adapter": (
        "adapters:\n  - name: opcode\n    settings:\n      auth_failure: \"4005\"\n", "4:21",
        "auth_failure"),
    "bad issuer": ("auth:\n  issuers:\n    - name: x\n      algorithm: none\n", "4:18",
                   "algorithm"),
    "unknown key of an issuer": ("auth:\n  issuers:\n    - name: x\n      algorithm: HS256\n"
                                 "      secret: 0123456789abcdef0123456789abcdef\n"
                                 "      isuer: y\n", "6:14", "isuer"),
}


@pytest.mark.parametrize("text,place,word", CONFIG_ERRORS.values(), ids=CONFIG_ERRORS)
@pytest.mark.parametrize("verb", [["check-config"], ["serve"], ["user", "list"]], ids=" ".join)
def test_config_errors_name_their_place(asleep, tmp_path, verb, text, place, word):
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    said = fails(asleep, CONFIG, *verb, "--config", path)
    assert f"{path}:{place}: " in said and word in said


def test_other_sources_of_config_errors(asleep):
    for args in (["--set", "nonsense=1"], ["--set", "limits.rate=x"], ["--set", "opcode.nonsense=1"],
                 ["--set", "opcode.auth_failure=7"], ["--config", "/nowhere/at/all.yaml"],
                 ["--set", "auth.leeway=-1"]):
        said = fails(asleep, CONFIG, "check-config", *args)
        assert args[1] in said or args[1].partition("=")[0] in said
    for wrong in ("=1", "listen", ""):
        assert "key=value" in fails(asleep, CONFIG, "check-config", "--set", wrong)
    for name, value in (("DRAGOMAN_NONSENSE", "1"), ("DRAGOMAN_LIMITS_RATE", "x")):
        other = Gateway(state=asleep.state, env={name: value})
        assert name in fails(other, CONFIG, "check-config")


def test_order_of_precedence(asleep, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("limits:\n  rate: 301\n  burst: 302\n  queue_max: 303\n")
    gw = Gateway(state=asleep.state, env={"DRAGOMAN_LIMITS_BURST": "402",
                                          "DRAGOMAN_LIMITS_QUEUE_MAX": "403"})
    shown = gw.cli("check-config", "--config", path, "--set", "limits.queue_max=503",
                   "--set", "opcode.auth_timeout_ms=1234", "--set=log.level=error").splitlines()
    for line in ("limits.rate: 301", "limits.burst: 402", "limits.queue_max: 503",
                 "limits.text_max: 65536", 'log.level: "error"'):
        assert line in shown
    assert any(line.strip().startswith('auth_timeout_ms: "1234"') for line in shown)


def test_check_config_masks_secrets(asleep, tmp_path):
    path = tmp_path / "gateway.yaml"
    secret = "not-to-be-shown-0123456789-0123456789"
    path.write_text(f"database:\n  url: postgresql://x:{secret}@h/d\n"
                    "auth:\n  issuers:\n    - name: school\n      algorithm: HS256\n"
                    f"      secret: {secret}\n")
    shown = asleep.cli("check-config", "--config", path)
    assert secret not in shown and "***" in shown


def test_example_configuration_is_valid(asleep):
    asleep.cli("check-config", "--config", ROOT / "deploy/dragoman.example.yaml")


def test_empty_configuration_is_valid(asleep, tmp_path):
    path = tmp_path / "gateway.yaml"
    for text in ("", "# nothing\n", "log:\n", "listen: null\n"):
        path.write_text(text)
        asleep.cli("check-config", "--config", path)


def check(gw, text, tmp_path, *more):
    """What check-config says of that file: (exit status, last line on stderr)."""
    path = tmp_path / "gateway.yaml"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    done = subprocess.run([binary(), "check-config", "--state", gw.state, "--config", path, *more],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stderr.splitlines() or [""])[-1]


def test_check_config_opens_what_serve_would(tmp_path):
    gw = Gateway()
    try:
        chain, key = certificates.make(tmp_path, "chat.example")
        (tmp_path / "other").mkdir()
        other = certificates.make(tmp_path / "other", "other.example")[1]
        issuer = {"name": "school", "algorithm": "RS256", "public_key_file": str(key)}
        good = {"tls": {"certificate": str(chain), "key": str(key)}}
        assert check(gw, good, tmp_path) == (OK, "")
        assert check(gw, {"admin_token_file": "/nowhere"}, tmp_path) == (OK, ""), "nobody reads it"
        assert list(gw.state.iterdir()) == [], "nothing is made"
        for bad, word in (
                ({"tls": {"certificate": "/nowhere.pem"}}, "/nowhere.pem"),
                ({"tls": {"certificate": str(chain), "key": str(other)}}, "key"),
                ({"auth": {"issuers": [issuer]}}, "school"),
                ({"auth": {"issuers": [{**issuer, "public_key_file": "/nowhere"}]}}, "/nowhere"),
                ({"auth": {"issuers": [{"name": "s", "algorithm": "RS256",
                                        "jwks_file": "/nowhere.json"}]}}, "/nowhere.json"),
                ({"admin": "127.0.0.1:0", "admin_token_file": "/nowhere"}, "/nowhere: No such"),
                ({"trusted_proxies": "nonsense"}, "nonsense"),
                ({"limits": {"exempt": "nonsense"}}, "nonsense"),
                ({"node": "a.b"}, "node")):
            status, said = check(gw, bad, tmp_path)
            assert status == CONFIG and word in said, (bad, said)
            with pytest.raises(CliError) as refused:
                gw.cli("serve", "--listen", "127.0.0.1:0", "--config", tmp_path / "gateway.yaml")
            assert refused.value.stderr.splitlines()[-1] == said, "serve says the same"
        (gw.state / "token.key").write_text("short")
        assert "token.key" in check(gw, {}, tmp_path)[1]
    finally:
        gw.close()


def test_check_config_names_a_state_directory_that_will_not_do(asleep, tmp_path):
    (tmp_path / "file").write_text("")
    for state in (tmp_path / "file", tmp_path / "file/below", tmp_path / "not/there"):
        status, said = check(asleep, {}, tmp_path, "--set", f"state={state}")
        assert status == FAILED and str(state) in said
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("settings", [
    {"admin": "127.0.0.1:8080"}, {"admin": "0.0.0.0:8080"}, {"admin": "*:8080"},
    {"listen": "*:9", "admin": "127.0.0.1:9"}, {"listen": "unix:/x", "admin": "unix:/x"},
    {"listen": "localhost:9", "listen_tls": "127.0.0.1:9"}, {"admin": "127.0.0.1:8079", "workers": 2},
    {"listen": "0.0.0.0:9", "admin": "[::]:9"}, {"listen": "[::]:9", "admin": "[::1]:9"},
], ids=str)
def test_two_listeners_at_one_place_are_refused(asleep, tmp_path, settings):
    status, said = check(asleep, settings, tmp_path)
    assert status == CONFIG and re.search(r"(admin|listen_tls) (is|.*,) where listen is already", said)


def test_listeners_that_only_look_alike(asleep, tmp_path):
    for settings in ({"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"},
                     {"listen": "127.0.0.1:9009", "admin": "127.0.0.2:9009"},
                     {"listen": "0.0.0.0:9009", "admin": "[::1]:9009"},
                     {"listen": "[::1]:9009", "admin": "127.0.0.1:9009"},
                     {"listen": "unix:/x", "admin": "unix:/y"},
                     {"admin": "127.0.0.1:8079"}, {"admin": "127.0.0.1:8081", "workers": 8}):
        assert check(asleep, settings, tmp_path) == (OK, "")


def test_workers_whose_admin_ports_there_are_not_are_refused(asleep, tmp_path):
    for settings, status in (({"admin": "127.0.0.1:65534", "workers": 2}, OK),
                             ({"admin": "127.0.0.1:65534", "workers": 3}, CONFIG),
                             ({"admin": "127.0.0.1:0", "workers": 3}, OK)):
        assert check(asleep, settings, tmp_path)[0] == status, settings


@pytest.mark.parametrize("adapters", [
    [{"name": "opcode", "mount": "/x"}, {"name": "casamsa", "mount": "/x"},
     {"name": "opcode", "mount": "/x"}],
    [{"name": "opcode"}, {"name": "opcode", "mount": "/other"}],
    [{"name": "opcode", "mount": ""}, {"name": "pubsub", "mount": ""}],
    [{"name": "pymessage", "mount": "/files"}],
], ids=str)
def test_mounts_that_clash_are_refused(asleep, tmp_path, adapters):
    status, said = check(asleep, {"adapters": adapters}, tmp_path)
    assert status == CONFIG and "gateway.yaml:" in said
