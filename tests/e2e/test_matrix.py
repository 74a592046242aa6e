"""The published table of events and dialects is the one that the adapters declare."""

import subprocess
import sys

import pytest

from gateway import ROOT, binary

sys.path.insert(0, str(ROOT / "tests" / "specs"))

import matrix  # noqa: E402

TREATMENTS = {"supported", "translated", "stored only", "dropped"}


@pytest.fixture(scope="module")
def declared():
    done = subprocess.run([binary(), "adapter", "list", "--matrix"], capture_output=True,
                          text=True, timeout=60, check=True)
    return done.stdout


def test_the_page_says_what_the_adapters_declare(declared):
    page = (ROOT / "proto-docs" / "matrix.md").read_text()
    assert page == matrix.render(matrix.parse(declared)), \
        "run: dragoman adapter list --matrix | tests/specs/matrix.py >proto-docs/matrix.md"


def test_every_adapter_decides_on_every_event(declared):
    rows = matrix.parse(declared)
    pairs = [row[:2] for row in rows]
    adapters, events = {row[0] for row in rows}, {row[1] for row in rows}
    assert len(pairs) == len(set(pairs)) == len(adapters) * len(events)
    assert {row[2] for row in rows} <= TREATMENTS


def test_what_is_not_dropped_says_what_becomes_of_it(declared):
    silent = [row[:2] for row in matrix.parse(declared) if row[2] != "dropped" and not row[3]]
    assert not silent


def test_every_built_in_adapter_is_described(declared):
    for adapter in {row[0] for row in matrix.parse(declared)}:
        folder = ROOT / "proto-docs" / adapter
        assert (folder / "README.md").exists()
        assert (folder / "asyncapi.yaml").exists()
        assert (folder / "transcripts" / "happy-path.txt").exists()
