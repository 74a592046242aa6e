"""`dragoman adapter test` on the adapters of the program, in memory and on a real gateway."""

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


def passes(adapter, *options):
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
