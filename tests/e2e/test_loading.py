"""Adapters as shared objects: loaded beside the built-in ones, or refused with one line before
anything listens."""

import asyncio
import json
import re
import socket
import subprocess

import pytest
import websockets

import shared_objects
from gateway import CliError, Gateway, binary

CONFIG = 78


@pytest.fixture(scope="module")
def say(tmp_path_factory):
    return shared_objects.build(tmp_path_factory.mktemp("say"), "say")


def config(*adapters):
    return json.dumps({"adapters": list(adapters)})


def run(tmp_path, verb, text):
    """Runs a verb with that configuration; returns status, standard output, standard error."""
    file = tmp_path / "dragoman.yaml"
    file.write_text(text)
    done = subprocess.run([binary(), *verb.split(), "--config", str(file), "--state",
                           str(tmp_path / "state")], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def refused(tmp_path, text, *says):
    """Each verb that reads the configuration refuses it with the same one line."""
    for verb in ("check-config", "adapter list", "serve"):
        status, out, err = run(tmp_path, verb, text)
        assert (status, out) == (CONFIG, ""), err
        assert err.startswith("dragoman: ") and err.count("\n") == 1
        for word in says:
            assert str(word) in err, err
    # It was refused before a database was made, and so before anything listened.
    assert not (tmp_path / "state").exists() or not any((tmp_path / "state").iterdir())


async def talk(url, *texts):
    async with websockets.connect(url) as ws:
        answers = []
        for text in texts:
            await ws.send(text)
            answers.append(await asyncio.wait_for(ws.recv(), 20))
        return answers


def test_one_beside_a_built_in_one(tmp_path, say):
    text = config({"name": "opcode"},
                  {"path": str(say), "mount": "/said", "settings": {"prefix": "> "}},
                  {"path": str(say), "name": "bare", "mount": ""})
    with Gateway(config=text) as gw:
        assert asyncio.run(talk(gw.ws_url + "/said/say", "one", b"\0\xff")) == \
            ["> one", b"> \0\xff"]
        assert asyncio.run(talk(gw.ws_url + "/say", "two")) == ["two"]
        hello = asyncio.run(talk(gw.ws_url + "/opcode/ws", "x"))
        assert json.loads(hello[0])["o"] == 10


def test_reload_with_another_file(tmp_path, say):
    """Settings of a loaded adapter change; another file for it waits for a restart."""
    file = tmp_path / "dragoman.yaml"
    file.write_text(config({"path": str(say), "settings": {"prefix": "a"}}))
    with Gateway(args=["--config", str(file)]) as gw:
        assert asyncio.run(talk(gw.ws_url + "/say/say", "1")) == ["a1"]
        file.write_text(config({"path": str(say), "settings": {"prefix": "b"}}))
        assert "say" not in gw.cli("reload")
        assert asyncio.run(talk(gw.ws_url + "/say/say", "1")) == ["b1"]
        other = shared_objects.build(tmp_path, "other", before="""
static const struct dm_setting others[] = {
    { .key = "another", .kind = DM_SETTING_STRING, .fallback = "c", .doc = "another one" },
};
""", members=".settings = DM_TABLE(others),")
        file.write_text(config({"path": str(other), "settings": {"another": "d"}}))
        assert "say" in gw.cli("reload")
        assert asyncio.run(talk(gw.ws_url + "/say/say", "1")) == ["b1"]
        file.write_text(config({"path": str(tmp_path / "none.so")}))
        assert "none.so" in refused_reload(gw)
        assert asyncio.run(talk(gw.ws_url + "/say/say", "1")) == ["b1"]


def test_an_adapter_that_ends_the_process(tmp_path):
    """It is a failure, whatever status it gave, and leaves no database running."""
    path = shared_objects.build(tmp_path, "quits", before="""
#include <stdlib.h>
static const char *quits(struct dm_session *session, const struct dm_frame *frame) {
    (void)session;
    (void)frame;
    exit(0);
}
""", members=".frame = quits,")
    with Gateway(config=config({"path": str(path)})) as gw:
        assert gw.postgres_pid()
        with pytest.raises(websockets.ConnectionClosed):
            asyncio.run(talk(gw.ws_url + "/say/say", "x"))
        assert gw.process.wait(timeout=30) == 1
        gw.stop(check=False)
        gw.check_log()
        assert "exit was called while the gateway runs" in gw.log
        assert gw.postgres_pid() is None


def test_an_adapter_that_asks_again_upon_each_answer(tmp_path, say):
    """Others are served meanwhile, and the gateway can be stopped."""
    path = shared_objects.build(tmp_path, "again", before="""
static const char *asks(struct dm_session *session, const struct dm_frame *frame) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_NONE };
    (void)frame;
    dm_submit(session, &command, DM_SLICE_NONE);
    return "asks";
}
static void result(struct dm_session *session, const struct dm_result *answer,
                   struct dm_slice cookie) {
    (void)answer;
    (void)cookie;
    asks(session, NULL);
}
""", members=".frame = asks, .result = result,")

    async def beside(gw):
        async with websockets.connect(gw.ws_url + "/say/say") as ws:
            await ws.send("x")
            assert await talk(gw.ws_url + "/other/say", "1") == ["1"]
            return await asyncio.to_thread(gw.stop)

    with Gateway(config=config({"path": str(path)},
                               {"path": str(say), "name": "other"})) as gw:
        assert asyncio.run(beside(gw)) == 0


def refused_reload(gw):
    with pytest.raises(CliError) as caught:
        gw.cli("reload")
    return caught.value.stderr


def test_settings_from_the_environment_and_the_command_line(tmp_path, say):
    with Gateway(config=config({"path": str(say), "name": "x"}), env={"DRAGOMAN_X_PREFIX": "e"},
                 settings={"x.often": 3}) as gw:
        assert asyncio.run(talk(gw.ws_url + "/x/say", "1")) == ["e1"]


def test_what_is_loaded_is_shown(tmp_path, say):
    text = config({"name": "opcode"},
                  {"path": str(say), "mount": "", "settings": {"prefix": "> "}})
    status, out, err = run(tmp_path, "adapter list", text)
    assert (status, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[:2] for row in rows] == [["opcode", "/opcode"], ["say", ""]]
    assert [row[4] for row in rows] == ["built-in", str(say)]
    status, out, err = run(tmp_path, "check-config", text)
    assert (status, err) == (0, "")
    assert f'path: "{say}"' in out and 'prefix: "> " # stands before it' in out
    status, out, err = run(tmp_path, "adapter list --matrix", text)
    assert "say\tmessage\tdropped\t\n" in out


def test_a_value_is_shown_as_it_would_be_written(tmp_path, say):
    told = 'Ahoy "there" \\\n\tmate\u2026'
    text = config({"path": str(say), "settings": {"prefix": told}})
    status, out, err = run(tmp_path, "check-config", text)
    assert (status, err) == (0, "")
    shown, = re.findall(r'^      prefix: (".*") # ', out, re.MULTILINE)
    assert shown == r'"Ahoy \"there\" \\\x0a\x09mate…"'
    status, again, err = run(tmp_path, "check-config",
                             config({"path": str(say), "settings": {}})
                             .replace('"settings": {}', f'"settings": {{"prefix": {shown}}}'))
    assert (status, err) == (0, "")
    assert f"prefix: {shown} # " in again


SPEC = {
    "another major": ("", ".abi_major = DM_ABI_MAJOR + 1,", "ABI 2."),
    "a later minor": ("", ".abi_minor = DM_ABI_MINOR + 1,", "ABI 1."),
    "a bad name": ("", '.name = "Say it",', "bad name"),
    "no routes": ("", ".routes = { 0 },", "no routes"),
    "a hook that is missing": ("", ".frame = NULL,", "hook frame"),
    "a symbol of nobody's": ("void nobody(struct dm_instance *);", ".stop = nobody,", "nobody"),
}


@pytest.mark.parametrize("case", SPEC)
def test_one_that_cannot_be_loaded(tmp_path, case):
    before, members, says = SPEC[case]
    made = shared_objects.build(tmp_path, "bad", before=before, members=members)
    refused(tmp_path, config({"name": "opcode"}, {"path": str(made)}), made, says,
            "dragoman.yaml:1:")


def test_what_is_no_adapter(tmp_path):
    made = shared_objects.build(tmp_path, "none", source="extern int x; int x = 1;\n")
    refused(tmp_path, config({"path": str(made)}), made, "dragoman_adapter")
    refused(tmp_path, config({"path": __file__}), __file__, "ELF")
    refused(tmp_path, config({"path": str(tmp_path)}), tmp_path)
    refused(tmp_path, config({"path": str(tmp_path / "no.so")}), "no.so", "No such file")
    refused(tmp_path, config({"mount": "/x"}), "name", "path")


def test_clashes(tmp_path, say):
    refused(tmp_path, config({"path": str(say)}, {"path": str(say), "mount": "/x"}),
            "adapter say: the name is taken")
    refused(tmp_path, config({"path": str(say)}, {"path": str(say), "name": "b",
                                                  "mount": "/say"}), "/say")
    refused(tmp_path, config({"name": "opcode"}, {"path": str(say), "name": "opcode"}),
            "the name is taken")
    refused(tmp_path, config({"path": str(say), "mount": "x/"}), "bad mount")


def test_settings_that_it_does_not_have(tmp_path, say):
    refused(tmp_path, config({"path": str(say), "settings": {"prefx": "> "}}), "prefx")
    refused(tmp_path, config({"path": str(say), "settings": {"often": 10}}), "from 1 to 9")


def test_a_secret_setting_is_never_shown(tmp_path):
    before = """
static const struct dm_setting secrets[] = {
    { .key = "key", .kind = DM_SETTING_STRING, .doc = "nobody sees it",
      .flags = DM_SETTING_SECRET },
};
"""
    made = shared_objects.build(tmp_path, "keyed", before=before,
                                members=".settings = DM_TABLE(secrets),")
    text = config({"path": str(made), "settings": {"key": "hush-hush"}})
    status, out, err = run(tmp_path, "check-config", text)
    assert (status, err) == (0, "") and 'key: "***" # nobody sees it' in out
    assert "hush-hush" not in out


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_start_that_fails_and_then_succeeds(tmp_path, gateway):
    before = """
static int start(struct dm_instance *instance) {
    if (dm_setting_int(instance, "often") == 1)
        return 0;
    dm_log(instance, DM_LOG_ERROR, "often is not 1");
    return -1;
}
"""
    made = shared_objects.build(tmp_path, "moody", before=before, members=".start = start,")
    port = free_port()
    gw = Gateway(config=config({"name": "opcode"}, {"path": str(made)}),
                 listen=f"127.0.0.1:{port}")
    try:
        gw.settings["say.often"] = 2
        with pytest.raises(Exception, match="adapter say did not start: often is not 1\n"):
            gw.start()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 5)
        del gw.settings["say.often"]
        gw.start()
        assert asyncio.run(talk(gw.ws_url + "/say/say", "x")) == ["x"]
    finally:
        gw.close()
