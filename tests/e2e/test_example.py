"""The example of the configuration: what it holds in comments is valid once it is no comment."""

import re
import subprocess

import pytest

from gateway import ROOT, binary

EXAMPLE = (ROOT / "deploy/dragoman.example.yaml").read_text()
# As deploy/man/settings_page.py knows them: items of a list, what is further in, and one key.
COMMENTED = re.compile(r"( *)# ?(- .*|  +.*|adapters:)$")
EMPTY = re.compile(r" *[a-z_]+: +# none")
OBJECT = "/usr/lib/dragoman/echo.so"
KEY = "/etc/dragoman/school.pem"


def blocks():
    """Ranges of lines that are examples in comments: below the key of a list, or that key too."""
    lines, found, start = EXAMPLE.splitlines(), [], None
    for number, line in enumerate(lines + [""]):
        is_one = COMMENTED.match(line)
        begins = is_one and (is_one[2] == "adapters:" or EMPTY.fullmatch(lines[number - 1]))
        if start is None and begins:
            start = number
        elif start is not None and not is_one:
            found.append((start, number))
            start = None
    return found


def uncommented(first, end):
    lines = EXAMPLE.splitlines()
    for number in range(first, end):
        lines[number] = COMMENTED.sub(r"\1\2", lines[number])
    return "\n".join(lines) + "\n"


def judge(tmp_path, text):
    """The exit status of check-config and the last line of what it says."""
    path = tmp_path / "dragoman.yaml"
    path.write_text(text)
    done = subprocess.run([binary(), "check-config", "--state", tmp_path, "--config", path],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stderr.splitlines() or [""])[-1], done.stdout


@pytest.fixture(name="public_key")
def fixture_public_key(tmp_path):
    private, public = tmp_path / "key.pem", tmp_path / "school.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return public


def test_each_example_is_found():
    firsts = [EXAMPLE.splitlines()[first].strip() for first, _ in blocks()]
    assert [first.split()[1] for first in firsts] == ["-", "-", "adapters:"], firsts


@pytest.mark.parametrize("first,end", blocks())
def test_an_example_is_valid_without_its_comment_signs(tmp_path, public_key, first, end):
    text = uncommented(first, end).replace(KEY, str(public_key))
    status, said, _ = judge(tmp_path, text)
    item = f"\n  - path: {OBJECT}"
    if item in text:
        assert OBJECT in said, "the one thing that is not there"
        status, said, _ = judge(tmp_path, text[:text.index(item)] + "\n")
    assert (status, said) == (0, "")


def test_an_item_of_a_list_is_valid_alone(tmp_path):
    first, end = blocks()[0]
    for number in range(first, end):
        status, said, shown = judge(tmp_path, uncommented(number, number + 1))
        assert (status, said) == (0, "")
        assert EXAMPLE.splitlines()[number].split()[-1] in shown
