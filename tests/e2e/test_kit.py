"""`dragoman adapter test` on the adapters of the program, in memory and on a real gateway."""

import os
import pathlib
import subprocess

import pytest

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
    ["opcode", "--transcripts", "/nonexistent"],
])
def test_wrong_arguments(args):
    done = subprocess.run([binary(), "adapter", "test", *args], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 64
    assert done.stderr
    assert not done.stdout


def test_what_is_no_adapter(tmp_path):
    path = tmp_path / "no.so"
    path.write_text("no")
    status, lines, stderr = run_kit(path)
    assert status == 1
    assert not lines
    assert str(path) in stderr


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
    assert lines[-1].startswith(f"{sum(line.startswith('ok ') for line in lines)} passed, "
                                f"{len(failed)} failed"), lines
    return failed, "\n".join(lines)


def test_the_adapter_without_its_faults_passes():
    failed, text = failures_of("faulty.so")
    assert not failed, text


@pytest.mark.parametrize("fault, trials", [
    ("wrong_answer", ["transcript happy-path", "single bytes happy-path"]),
    ("crash_on_null", ["wrong fields"]),
    ("hurts_others", ["wrong fields", "result after close", "unavailable store"]),
    ("second_login", ["login twice", "one identity"]),
    ("other_login", ["one identity"]),
    ("pending_at_close", ["result after close"]),
    ("over_rate", ["rate"]),
    ("forgets", ["backlog"]),
    ("mute", ["unavailable store"]),
    ("shows_all", ["redaction"]),
    ("starts_once", ["start after a failed start", "memory"]),
])
def test_a_fault_is_found_where_it_is_looked_for(fault, trials):
    failed, text = failures_of("faulty.so", "--set", f"fault={fault}")
    assert failed == trials, text


@pytest.mark.parametrize("fault, trial, reason", [
    ("keeps_login", "before login", "a session without login got to the store"),
    ("closes_on_event", "events", "closes the session"),
    ("blabs", "transcript happy-path", "a secret stands in the log"),
    ("unfinished", "wrong fields", "adapter left a frame unfinished"),
    ("leaks", "memory", "memory leaked"),
])
def test_a_fault_is_told(fault, trial, reason):
    failed, text = failures_of("faulty.so", "--set", f"fault={fault}", "--only", trial)
    assert failed == [trial]
    assert reason in text


def test_a_table_that_lies():
    failed, text = failures_of("faulty_table.so", "--only", "events")
    assert failed == ["events"]
    assert "the event read is supported by the table, and gives no frame" in text


def test_a_crash_is_told_with_what_was_done():
    _failed, text = failures_of("faulty.so", "--set", "fault=crash_on_null", "--only", "wrong")
    assert "# crashed: " in text
    assert "$.to = null" in text
