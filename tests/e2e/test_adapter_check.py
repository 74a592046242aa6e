"""`dragoman adapter check` says what is to be said of an adapter, whatever the file holds."""

import subprocess

import pytest

import shared_objects
from gateway import binary

GOOD, BAD, USAGE = 0, 1, 64


def check(*words):
    done = subprocess.run([binary(), "adapter", "check", *map(str, words)], capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["opcode", "saletick", "casamsa", "pymessage", "pubsub"])
def test_the_built_in_ones_are_good(name):
    status, out, err = check(name)
    assert (status, err) == (GOOD, "")
    lines = out.splitlines()
    assert lines[0] == name and lines[-1].startswith(f"{name} is good")
    assert sum(line.startswith("  ok   event ") for line in lines) == 18
    assert "not declared" not in out and "BAD" not in out


def test_a_good_one(tmp_path):
    made = shared_objects.build(tmp_path, "say")
    status, out, err = check(made)
    assert (status, err) == (GOOD, "")
    for line in ("  ok   adapter   say 0.1: Says it again\n", "  ok   hooks     frame\n",
                 "  ok   route     WebSocket /say\n", "  ok   symbols   of itself alone\n",
                 "  ok   setting   often: a number (default: 1)\n",
                 "  note hooks     no redact: its frames are never shown\n"):
        assert line in out
    assert "not declared, so dropped: message " in out
    assert out.endswith(f"{made} is good; 4 notes\n")


FAULTS = {
    "another major": ("", ".abi_major = DM_ABI_MAJOR + 1,", "built for ABI 2."),
    "a short descriptor": ("", ".size = 40,", "too short"),
    "a bad setting": ("static const struct dm_setting bad[] = { { .key = \"A\" } };",
                      ".settings = DM_TABLE(bad),", "bad key"),
    "a bad route": ("static const struct dm_route bad[] = { { .transport = DM_WEBSOCKET,"
                    " .path = \"x\" } };", ".routes = DM_TABLE(bad),", "bad path"),
    "an event without its hook": (
        "static const struct dm_capability some[] = { { DM_EVENT_READ, DM_SUPPORTED, NULL } };",
        ".capabilities = DM_TABLE(some),", "needs the hook event"),
    "a note of two cells": (
        "static const struct dm_capability some[] = { { DM_EVENT_READ, DM_DROPPED, \"a\\tb\" } };",
        ".capabilities = DM_TABLE(some),", "the note of capability read holds a control"),
    "a symbol of nobody's": ("void nobody(struct dm_instance *);", ".stop = nobody,",
                             "undefined symbol: nobody"),
    "a symbol of the gateway's libraries": ("void yyjson_mut_doc_new(struct dm_instance *);",
                                            ".stop = yyjson_mut_doc_new,",
                                            "needs yyjson_mut_doc_new"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_one_that_is_not_fit(tmp_path, case):
    before, members, says = FAULTS[case]
    made = shared_objects.build(tmp_path, "bad", before=before, members=members)
    status, out, err = check(made)
    assert (status, err) == (BAD, "")
    assert "  BAD  " in out and says in out and out.endswith("is not fit to be loaded\n")


def test_what_it_is_linked_with(tmp_path):
    made = shared_objects.build(tmp_path, "a", before="""
#include <stdlib.h>
static void stop(struct dm_instance *instance) { free(instance->state); }
""", members=".stop = stop,")
    assert "  ok   symbols   of libc.so.6\n" in check(made)[1]


def test_what_is_no_adapter(tmp_path):
    for path, says in ((__file__, "ELF header"), (tmp_path, "directory"),
                       (tmp_path / "none.so", "No such file"), ("nonsense", "No such file")):
        status, out, _ = check(path)
        assert status == BAD and says in out
    made = shared_objects.build(tmp_path, "empty", source="extern int x; int x = 1;\n")
    assert "no symbol dragoman_adapter" in check(made)[1]


def test_one_that_crashes_takes_nothing_down(tmp_path):
    made = shared_objects.build(tmp_path, "crash", before="""
#include <signal.h>
__attribute__((constructor)) static void crash(void) { signal(SIGSEGV, SIG_DFL); raise(SIGSEGV); }
""")
    status, out, err = check(made)
    assert (status, out) == (BAD, "")
    assert err == f"dragoman: {made}: Segmentation fault while it was loaded\n"


@pytest.mark.parametrize("act, says", [
    ("_exit(0);", "it ended the process while it was loaded, with status 0"),
    ("alarm(1); for (;;) pause();", "no end while it was loaded"),
])
def test_one_that_does_not_get_through_its_loading(tmp_path, act, says):
    made = shared_objects.build(tmp_path, "ends", before=f"""
#include <unistd.h>
__attribute__((constructor)) static void act(void) {{ {act} }}
""")
    assert check(made) == (BAD, "", f"dragoman: {made}: {says}\n")


def test_help():
    status, out, err = check("--help")
    assert (status, err) == (GOOD, "")
    assert out.startswith("usage: dragoman adapter check FILE.so|NAME\nSays whether a gateway")


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--nonsense"]])
def test_usage(words):
    status, out, err = check(*words)
    assert (status, out) == (USAGE, "") and err.startswith("dragoman: usage:")
