"""A new configuration while clients are connected."""

import json
import signal

import pytest

import certificates
import tokens
from gateway import CliError, unique
from opcode_client import Opcode
from wire import call

SECRET = "a secret of forty characters, not fewer.."


class Reloading:
    """A gateway with a configuration file that a test changes."""

    def __init__(self, make_gateway, config, **how):
        self.gw = make_gateway(config=config, **how)
        self.path = self.gw._config_path
        self.reloads = 0

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps(config)
        self.path.write_text(text)

    def hang_up(self, config, says):
        """SIGHUP with that configuration; waits for one more line that says so."""
        self.write(config)
        before = self.gw.log.count(says)
        self.gw.process.send_signal(signal.SIGHUP)
        while self.gw.log.count(says) == before:
            assert self.gw.process.poll() is None
            self.gw.wait_log(says)


@pytest.fixture
def reloading(make_gateway):
    return lambda config, **how: Reloading(make_gateway, config, **how)


def takes(gw, client, to, size):
    """Whether a text of that size is taken; the dialect says nothing of one that is not."""
    text = unique().ljust(size, "x")[:size]
    client.put_message(to, text)
    client.say(to, "mark")
    return gw.psql(f"select count(*) from messages where text = '{text}'") == [("1",)]


def test_limits_change_and_the_socket_stays(reloading):
    r = reloading({"limits": {"text_max": 100}})
    ada, sam = r.gw.add_user(), r.gw.add_user()
    with Opcode(r.gw, r.gw.token(ada)) as client:
        assert not takes(r.gw, client, sam, 101)
        r.hang_up({"limits": {"text_max": 200}}, "configuration reloaded")
        assert takes(r.gw, client, sam, 101)
        assert not takes(r.gw, client, sam, 201)
        r.hang_up({}, "configuration reloaded")
        assert takes(r.gw, client, sam, 201)


def test_issuers_come_and_go(reloading):
    issuer = {"name": "school", "algorithm": "HS256", "secret": SECRET, "claim": "sub",
              "names": "uuid", "require_exp": False}
    r = reloading({})
    ada = r.gw.add_user()
    token = tokens.hs256({"sub": ada["uuid"]}, SECRET.encode())

    def code():
        with Opcode(r.gw) as client:
            client.put(2, {"token": token, "properties": {"os": "x", "device": "y"}})
            frame = client.recv_json()
            return frame["e"]

    assert code() != "READY"
    with Opcode(r.gw, r.gw.token(ada)) as own:
        r.hang_up({"auth": {"issuers": [issuer]}}, "configuration reloaded")
        assert code() == "READY"
        r.hang_up({"auth": {"issuers": [{**issuer, "secret": SECRET[::-1]}]}},
                  "configuration reloaded")
        assert code() != "READY"
        own.say(r.gw.add_user(), "still here")


def test_adapters_take_their_settings(reloading):
    r = reloading({"adapters": [{"name": "opcode"}]})

    def outcome():
        with Opcode(r.gw) as client:
            client.put(2, {"token": "nonsense", "properties": {"os": "x", "device": "y"}})
            return client.outcome()

    before = outcome()
    r.hang_up({"adapters": [{"name": "opcode", "settings": {"auth_failure": "4004"}}]},
              "configuration reloaded")
    assert "adapter=opcode" in r.gw.wait_log("adapter configured")
    after = outcome()
    assert (before[0], after[0]) == ([9], [4004])
    r.hang_up({"adapters": [{"name": "opcode"}]}, "configuration reloaded")
    assert outcome() == before


def test_the_level_of_the_log_changes(reloading):
    r = reloading({"log": {"level": "info"}})
    with Opcode(r.gw):
        pass
    assert "level=debug" not in r.gw.log
    r.hang_up({"log": {"level": "debug"}}, "configuration reloaded")
    with Opcode(r.gw):
        pass
    r.gw.wait_log("level=debug")


BAD = {
    "unknown key": ("limits:\n  rate: 5\n  rat: 6\n", ":3:8: unknown key limits.rat"),
    "out of range": ("limits:\n  burst: 0\n", ":2:10: limits.burst"),
    "no YAML": ("limits: [\n", ":2:1: "),
    "setting of an adapter": ("adapters:\n- name: opcode\n  settings:\n    auth_failure: nine\n",
                              ":4:19: "),
    "missing adapter": ("adapters:\n- name: opcde\n", ":2:9: there is no adapter opcde"),
    "missing key file": ("auth:\n  issuers:\n  - name: s\n    algorithm: RS256\n"
                         "    public_key_file: /nonexistent\n", ":5:22: "),
    "key that is none": ("auth:\n  issuers:\n  - name: s\n    algorithm: RS256\n"
                         "    public_key_file: /dev/null\n", "s: "),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_changes_nothing(reloading, what):
    text, place = BAD[what]
    r = reloading("limits:\n  text_max: 100\nadapters:\n- name: opcode\n")
    ada, sam = r.gw.add_user(), r.gw.add_user()
    with Opcode(r.gw, r.gw.token(ada)) as client:
        r.hang_up(text + ("" if "limits" in text else "limits:\n  text_max: 200\n"),
                  "the configuration stays as it is")
        assert place in r.gw.wait_log("the configuration stays as it is").replace('\\"', '"')
        assert not takes(r.gw, client, sam, 101)
        assert takes(r.gw, client, sam, 100)
        # And a good one is taken afterwards.
        r.hang_up("limits:\n  text_max: 300\nadapters:\n- name: opcode\n",
                  "configuration reloaded")
        assert takes(r.gw, client, sam, 300)


def test_a_file_that_is_gone_changes_nothing(reloading):
    r = reloading({"limits": {"text_max": 100}})
    r.path.unlink()
    r.gw.process.send_signal(signal.SIGHUP)
    r.gw.wait_log("the configuration stays as it is")
    r.write({})
    r.hang_up({}, "configuration reloaded")


def test_what_needs_a_restart_is_named(reloading):
    r = reloading({"limits": {"text_max": 100}}, args=["--admin", "127.0.0.1:0"])
    admin = {row["path"]: row for row in shown(r.gw)}
    waiting = ("database.batch_max", "database.queue_max", "log.format")
    r.write({"limits": {"text_max": 50}, "database": {"batch_max": 7, "queue_max": 99},
             "log": {"format": "json"}})
    # Compared with what runs, so it is said as long as it is so.
    for _ in range(2):
        said = r.gw.cli("reload")
        assert ", ".join(waiting) in said
        assert "limits.text_max" not in said
        for key in waiting:
            assert f"key={key}" in r.gw.log
    now = {row["path"]: row for row in shown(r.gw)}
    assert now["limits.text_max"]["value"] == "50"
    assert [now[key] for key in waiting] == [admin[key] for key in waiting]
    # One that runs as the file says needs nothing, whatever the file said in between.
    r.write({"limits": {"text_max": 50}, "database": {"queue_max": 99}})
    assert r.gw.cli("reload").endswith("needs a restart: database.queue_max")
    r.write({})
    assert r.gw.cli("reload").endswith("reloaded")


def shown(gw):
    """The settings in effect, as the admin API shows them."""
    token = (gw.state / "admin.token").read_text().strip()
    answer = call(gw.admin_url, path="/api/v1/config",
                  headers={"Authorization": f"Bearer {token}"})
    return json.loads(answer.body)["settings"]


def test_tls_begins_with_a_restart_alone(reloading, tmp_path):
    chain, key = certificates.make(tmp_path, "chat.example")
    r = reloading({}, args=["--admin", "127.0.0.1:0"])
    r.write({"tls": {"certificate": str(chain), "key": str(key)}})
    for _ in range(2):
        assert r.gw.cli("reload").endswith("needs a restart: tls.certificate, tls.key")
    assert {row["path"]: row["value"] for row in shown(r.gw)}["tls.certificate"] is None
    assert call(r.gw.url, path="/opcode/thread").status == 401


def test_command_line_and_environment_win_again(reloading):
    r = reloading({"limits": {"text_max": 100}}, settings={"limits.text_max": 10})
    ada, sam = r.gw.add_user(), r.gw.add_user()
    with Opcode(r.gw, r.gw.token(ada)) as client:
        r.hang_up({"limits": {"text_max": 200}}, "configuration reloaded")
        assert not takes(r.gw, client, sam, 11)


def test_the_verb_tells_what_came_of_it(reloading):
    r = reloading({})
    assert r.gw.cli("reload").endswith("reloaded")
    r.write({"auth": {"issuers": [{"name": "s", "algorithm": "RS256",
                                   "public_key_file": "/dev/null"}]}})
    with pytest.raises(CliError) as failed:
        r.gw.cli("reload")
    assert failed.value.status == 1
    assert "the configuration stays as it is" in failed.value.stderr
