"""`dragoman adapter test` on the adapters of the program, in memory and on a real gateway."""

import os
import pathlib
import re
import subprocess

import pytest

import shared_objects
from gateway import ROOT, SANITIZER_MARKS, binary

ADAPTERS = sorted(path.parent.name for path in ROOT.glob("proto-docs/*/transcripts"))


def run_kit(adapter, *options, env=None):
    """The exit status and the lines of `dragoman adapter test`."""
    done = subprocess.run([binary(), "adapter", "test", str(adapter), *map(str, options)],
                          capture_output=True, text=True, timeout=900, env=env, check=False)
    for mark in SANITIZER_MARKS:
        assert mark not in done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines(), done.stderr


def transcripts_of(adapter):
    return ROOT / "proto-docs" / adapter / "transcripts"


# No word for a failure: what cannot be done is not acknowledged.
SILENT = {"pubsub"}

FAULTY = pathlib.Path(binary()).parents[2] / "tests/kit"


def passes(adapter, *options):
    if adapter in SILENT:
        options = ["--silent-failures", *options]
    status, lines, stderr = run_kit(adapter, "--transcripts", transcripts_of(adapter), *options)
    assert status == 0, "\n".join(lines) + stderr
    assert lines[0] == "TAP version 13"
    results = [line for line in lines if line.startswith(("ok ", "not ok "))]
    assert f"1..{len(results)}" in lines
    for path in transcripts_of(adapter).glob("*.txt"):
        assert any(line.startswith("ok ") and line.endswith(f" - transcript {path.stem}")
                   for line in results), path
    assert lines[-1].startswith(f"{sum('# SKIP' not in line for line in results)} passed, 0 failed")


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_built_in_adapter_conforms(adapter):
    passes(adapter)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_built_in_adapter_conforms_on_a_real_gateway(adapter):
    passes(adapter, "--live")


@pytest.mark.parametrize("args", [
    [], ["nobody"], ["opcode", "--unknown"], ["opcode", "saletick"], ["opcode", "--set", "rate"],
    ["opcode", "--var", "rate"],
    ["opcode", "--transcripts", "/nonexistent"], ["opcode"], [FAULTY / "faulty.so"],
    ["opcode", "--transcripts", ROOT / "tests/lint"],
])
def test_wrong_arguments(args):
    done = subprocess.run([binary(), "adapter", "test", *args], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 64
    assert done.stderr
    assert not done.stdout


OF_THE_GATEWAY = ("public_url", "gate.role", "limits.rate", "limits.burst", "limits.text_max",
                  "limits.queue_max", "auth.guesses", "files.max_count", "files.max_size",
                  "files.max_total")


@pytest.mark.parametrize("key", ["limits.address_rate", "listen", "opcode.colour"])
def test_a_setting_that_cannot_be_set_here(key):
    status, lines, _stderr = run_kit("opcode", "--without-transcripts", "--set", f"{key}=1",
                                     "--only", "failed start")
    assert (status, lines[1]) == (1, "not ok 1 - start after a failed start")
    assert lines[2] == (f"# the gateway does not start: {key} cannot be set here: it is no setting "
                        f"of adapter opcode, and of the gateway only {', '.join(OF_THE_GATEWAY)} can")


def test_a_setting_that_a_real_gateway_does_not_take():
    status, lines, _stderr = run_kit("opcode", "--without-transcripts", "--live", "--set",
                                     "colour=1", "--only", "redaction")
    assert (status, lines[1]) == (1, "not ok 1 - redaction")
    assert re.match("# the gateway does not start: .*opcode.*colour", lines[2]), lines


@pytest.mark.parametrize("value", ["", "x", "-1", "5x", "4294967296"])
def test_a_setting_of_the_gateway_that_is_no_number(value):
    status, lines, _stderr = run_kit("opcode", "--without-transcripts", "--set",
                                     f"limits.queue_max={value}", "--only", "failed start")
    assert status == 1
    assert lines[2] == ("# the gateway does not start: "
                        f"limits.queue_max={value}: a number is expected")


@pytest.mark.parametrize("key", OF_THE_GATEWAY)
def test_a_setting_of_the_gateway(key):
    status, lines, _stderr = run_kit("opcode", "--without-transcripts", "--set", f"{key}=16",
                                     "--only", "failed start")
    assert status == 0, lines


def test_a_variable_of_a_transcript_is_given(tmp_path):
    (tmp_path / "first.txt").write_text(
        'transcript 1\nvar at\nada connect ws $at/ws\nada <- {"o":10,"d":{},"e":null}\n')
    options = ["--transcripts", tmp_path, "--only", "transcript first"]
    status, lines, _stderr = run_kit("opcode", *options)
    assert status == 1
    assert "# first.txt:1: --var at=... is needed" in lines
    status, lines, _stderr = run_kit("opcode", *options, "--var", "at=/opcode")
    assert status == 0, lines
    status, lines, stderr = run_kit("opcode", *options, "--var", "at=/opcode", "--var", "it=1")
    assert (status, lines) == (64, []) and "--var it=1: no transcript has it" in stderr


def test_a_setting_of_a_transcript_stands_before_that_of_all(tmp_path):
    found, lines = verdicts(tmp_path, "--only", "transcript", "--set", "fault=wrong_answer",
                            happy=HEAD + SAY,
                            own=HEAD.replace("var", "setting fault=none\nvar", 1) + SAY)
    assert found == {"transcript happy": "not ok", "transcript own": "ok"}, lines


def test_what_is_no_adapter(tmp_path):
    path = tmp_path / "no.so"
    path.write_text("no")
    status, lines, stderr = run_kit(path, "--without-transcripts")
    assert status == 1
    assert not lines
    assert str(path) in stderr


ENDS = """
#include <unistd.h>
__attribute__((constructor)) static void end(void) { _exit(0); }
"""
HANGS = """
#include <unistd.h>
__attribute__((constructor)) static void hang(void) { alarm(1); for (;;) pause(); }
"""


@pytest.mark.parametrize("before, says", [
    (ENDS, "it ended the process while it was loaded, with status 0"),
    (HANGS, "no end while it was loaded"),
])
def test_one_that_does_not_get_through_its_loading(tmp_path, before, says):
    made = shared_objects.build(tmp_path, "ends", before=before)
    status, lines, stderr = run_kit(made, "--without-transcripts")
    assert (status, lines, stderr) == (1, [], f"dragoman: {made}: {says}\n")


def test_one_that_has_nothing_to_start(tmp_path):
    made = shared_objects.build(tmp_path, "say")
    _status, lines, _stderr = run_kit(made, "--without-transcripts", "--only", "start")
    assert lines[1] == "ok 1 - start after a failed start # SKIP the adapter has no hook start"


def test_one_whose_start_has_no_end(tmp_path):
    made = shared_objects.build(tmp_path, "hangs", before="""
#include <unistd.h>
static int start(struct dm_instance *instance) { alarm(1); for (;;) pause(); return !instance; }
""", members=".start = start,")
    status, lines, _stderr = run_kit(made, "--without-transcripts", "--only", "failed start")
    assert status == 1
    assert lines[1:4] == ["not ok 1 - start after a failed start", "# it does not come to an end",
                          "# at: adapter say starts"]


def test_help():
    done = subprocess.run([binary(), "adapter", "test", "--help"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0
    assert "--transcripts" in done.stdout


def failures_of(name, *options):
    """The names of the trials that an adapter with a fault does not pass, and what was printed.
    Reports of the sanitizers are part of the game here."""
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1"}
    _status, lines, _stderr = run_kit(FAULTY / name, "--transcripts", ROOT / "tests/kit/transcripts",
                                      *options, env=env)
    failed = [line.partition(" - ")[2] for line in lines if line.startswith("not ok ")]
    passed = sum(line.startswith("ok ") and "# SKIP" not in line for line in lines)
    assert lines[-1].startswith(f"{passed} passed, {len(failed)} failed"), lines
    return failed, "\n".join(lines)


def test_the_adapter_without_its_faults_passes():
    failed, text = failures_of("faulty.so")
    assert not failed, text


@pytest.mark.parametrize("fault, trials", [
    ("wrong_answer", ["transcript happy-path"]),
    ("one_at_a_time", ["pipelining happy-path", "pipelining errors", "backlog"]),
    ("leaves", ["pending answers"]),
    ("crash_on_null", ["wrong fields"]),
    ("hurts_others", ["wrong fields", "result after close", "unavailable store"]),
    ("second_login", ["login twice", "one identity"]),
    ("other_login", ["one identity"]),
    ("pending_at_close", ["result after close"]),
    ("wants_large", ["frame size"]),
    ("over_rate", ["rate"]),
    ("mute_rate", ["rate"]),
    ("mute_backlog", ["backlog"]),
    ("forgets", ["backlog"]),
    ("mute", ["unavailable store"]),
    ("shows_all", ["redaction"]),
    ("few_refs", ["wrong fields"]),
    ("text_only", ["wrong fields"]),
    ("limit_of_one", ["wrong fields"]),
    ("starts_once", ["start after a failed start", "memory"]),
])
def test_a_fault_is_found_where_it_is_looked_for(fault, trials):
    failed, text = failures_of("faulty.so", "--set", f"fault={fault}")
    assert failed == trials, text


@pytest.mark.parametrize("fault, battery, why", [
    ("mute_rate", "rate", "in silence"), ("mute_backlog", "backlog", "in silence"),
])
def test_a_silence_that_is_declared_passes(fault, battery, why):
    failed, text = failures_of("faulty.so", "--silent-failures", "--set", f"fault={fault}",
                               "--only", battery)
    assert not failed, text
    assert why in text


@pytest.mark.parametrize("fault, trial, reason", [
    ("keeps_login", "before login", "a session without login got to the store"),
    ("closes_on_event", "events", "closes the session"),
    ("blabs", "transcript happy-path", "a secret stands in the log"),
    ("blabs_pin", "transcript pin", "a secret stands in the log, one of 4 bytes"),
    ("few_refs", "wrong fields", "$.refs = its first element 100 times"),
    ("text_only", "wrong fields", "of the other kind"),
    ("limit_of_one", "wrong fields", 'of the target missing'),
    ("slow", "transcript happy-path", "the hook frame took "),
    ("slow", "transcript happy-path", "at: happy-path.txt:14"),
    ("unfinished", "wrong fields", "adapter left a frame unfinished"),
    ("leaks", "memory", "memory leaked"),
    ("mute_rate", "rate", "frames refused with DM_NOTICE_RATE_LIMITED got neither"),
    ("mute_backlog", "backlog", "frames refused with DM_NOTICE_BACKLOG got neither"),
    ("leaves", "pending answers", "0 of 1 frames came before the Close"),
])
def test_a_fault_is_told(fault, trial, reason):
    failed, text = failures_of("faulty.so", "--set", f"fault={fault}", "--only", trial)
    assert failed == [trial]
    assert reason in text


@pytest.mark.parametrize("fault, complaint", [
    ("no_end", 'adapter left a frame unfinished" adapter=faulty hook=result'),
    ("no_event_end", 'adapter left a frame unfinished" adapter=faulty hook=event'),
    ("no_key", 'what="a member without a key"'),
])
def test_a_frame_that_does_not_come_is_told_with_what_the_host_says_of_it(fault, complaint):
    failed, text = failures_of("faulty.so", "--set", f"fault={fault}", "--only",
                               "transcript happy-path")
    assert failed == ["transcript happy-path"]
    assert ": no frame came in time" in text
    assert re.search(f"^# the host complains: .*{complaint}", text, re.M), text


def test_a_table_that_lies():
    failed, text = failures_of("faulty_table.so", "--only", "events")
    assert failed == ["events"]
    assert "the event read is supported by the table, and gives no frame" in text


def test_a_crash_is_told_with_what_was_done():
    _failed, text = failures_of("faulty.so", "--set", "fault=crash_on_null", "--only", "wrong")
    assert "# crashed: " in text
    assert "$.to = null" in text


# ---- what there is nothing to try with --------------------------------------------------------

HEAD = """transcript 1
user ada
user bob
var mount=/faulty

ada connect ws $mount/ws
ada -> {"type":"login","token":"$ada.token"}
ada <- {"type":"welcome","id":$ada.id}
"""
SAY = """ada -> {"type":"say","to":$bob.id,"text":"Good day"}
ada <- {"type":"said","id":<int>}
"""
BYE = """ada -> {"type":"bye"}
ada closed 1000
"""


def verdicts(folder, *options, **transcripts):
    """What is said of each trial of transcripts written for it: {name: "ok", "not ok" or why it is
    left out}."""
    for name, text in transcripts.items():
        (folder / f"{name}.txt").write_text(text)
    _status, lines, _stderr = run_kit(FAULTY / "faulty.so", "--transcripts", folder, *options)
    found = {}
    for line in lines:
        match = re.fullmatch(r"(ok|not ok) \d+ - (.*?)(?: # SKIP (.+))?", line)
        if match:
            found[match[2]] = match[3] or match[1]
    return found, lines


def test_without_transcripts_only_the_start_is_tried(tmp_path):
    found, lines = verdicts(tmp_path, "--without-transcripts")
    assert [name for name, verdict in found.items() if verdict == "ok"] == [
        "start after a failed start"]
    assert lines[-1] == f"1 passed, 0 failed, {len(found) - 1} skipped"


def test_a_transcript_that_says_nothing_is_left_out(tmp_path):
    found, _lines = verdicts(tmp_path, happy="transcript 1\n")
    assert [name for name, verdict in found.items() if verdict == "ok"] == [
        "start after a failed start", "memory"]


def test_a_verb_that_ends_the_conversation_is_no_message_to_repeat(tmp_path):
    found, lines = verdicts(tmp_path, happy=HEAD + SAY + BYE)
    assert set(found.values()) == {"ok"}, found
    text = "\n".join(lines)
    assert re.search(r"- rate\n# [1-9]\d* commands carried out, [1-9]\d* frames refused, in words",
                     text)
    assert "- backlog\n# 16 frames at once, 16 frames came back; 8 more refused, in words" in text


def test_what_is_refused_the_second_time_is_no_message_to_repeat(tmp_path):
    found, _lines = verdicts(tmp_path, "--only", "backlog", "--set", "fault=once",
                             happy=HEAD + SAY)
    assert found["backlog"].startswith("no transcript has a message that asks the core something")


def test_a_login_is_no_question_before_the_end(tmp_path):
    found, _lines = verdicts(tmp_path, "--set", "fault=leaves", "--only", "pending",
                             happy=HEAD + BYE)
    assert found == {
        "pending answers": "no client asks something but its login before the end"}


def test_what_the_adapter_answers_alone_is_no_question_before_the_end(tmp_path):
    said = 'ada -> {"type":"dance"}\nada <- {"type":"error","why":"type"}\n'
    found, lines = verdicts(tmp_path, "--set", "fault=leaves", "--only", "pending",
                            happy=HEAD + SAY + said + BYE)
    assert found == {"pending answers": "not ok"}
    assert "happy.txt:9 sent right before line 13" in "\n".join(lines)


def test_limits_without_a_message_to_repeat_are_left_out(tmp_path):
    found, _lines = verdicts(tmp_path, happy=HEAD + BYE)
    for name in ("rate", "backlog", "frame size"):
        assert found[name] not in ("ok", "not ok")


def test_a_broken_transcript_is_tried_once(tmp_path):
    broken = HEAD + SAY + 'bob connect ws $mount/ws\nbob <- {"never":"comes"}\n' + SAY + BYE
    found, lines = verdicts(tmp_path, happy=broken)
    assert found.pop("transcript happy") == "not ok"
    assert found.pop("start after a failed start") == "ok"
    assert set(found.values()) == {"needs transcript happy"}, found
    assert "bob: no frame came in time" in "\n".join(lines)


def test_what_stands_on_a_broken_transcript_alone_is_left_out(tmp_path):
    broken = HEAD + SAY + 'ada <- {"never":"comes"}\n'
    stranger = 'transcript 1\nvar mount=/faulty\nx connect ws $mount/ws\nx -> {"type":"dance"}\n' \
        'x <- {"type":"error","why":"type"}\n'
    found, _lines = verdicts(tmp_path, happy=broken, stranger=stranger)
    assert found["transcript happy"] == "not ok"
    assert found["events"] == found["login twice"] == found["backlog"] == "needs transcript happy"
    assert found["rate"] == found["before login"] == "ok"


def test_one_trial_alone_tries_its_transcript_before(tmp_path):
    found, lines = verdicts(tmp_path, "--only", "rate", happy=HEAD + 'ada <- {"never":"comes"}\n')
    assert found == {"rate": "needs transcript happy"}
    assert lines[-1] == "0 passed, 0 failed, 1 skipped"


def test_what_the_log_said_is_told_in_whole_lines(tmp_path):
    _failed, text = failures_of("faulty.so", "--set", "fault=crash_on_null", "--only", "wrong")
    told = [line for line in text.splitlines() if line.startswith("# log: ")]
    assert told
    assert all(line.startswith("# log: ts=") for line in told), told
