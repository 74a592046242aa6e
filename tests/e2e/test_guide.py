"""proto-docs/writing-an-adapter.md is true: its commands are run in its order, in one shell of a
stranger who has the installed package and nothing else."""

import pathlib
import re
import shutil
import subprocess

import sdk
from documents import dead_links
from gateway import ROOT

GUIDE = ROOT / "proto-docs" / "writing-an-adapter.md"
MARK = "--- end of {} ({}) ---"


def console_steps(text):
    """(line number, command, expected lines) of each `$ ` in the blocks marked console."""
    steps, inside, here = [], False, None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and here:
            steps[-1][1] += "\n" + line
            here = here if line != here else None
        elif inside and line.startswith("$ "):
            steps.append([number, line[2:], []])
            found = re.search(r"<<'(\w+)'", line)
            here = found and found[1]
        elif inside:
            steps[-1][2].append(line)
    return steps


def matches(expected, got):
    """Whether lines are as written: "..." alone is any lines, within a line any characters."""
    if not expected:
        return not got
    if expected[0] == "...":
        return any(matches(expected[1:], got[at:]) for at in range(len(got) + 1))
    pattern = ".*".join(map(re.escape, expected[0].split("...")))
    return bool(got) and bool(re.fullmatch(pattern, got[0])) and matches(expected[1:], got[1:])


def test_the_guide(tmp_path):
    steps = console_steps(GUIDE.read_text())
    assert len(steps) > 15
    script = "".join(f"{command}\necho \"{MARK.format(number, '$?')}\"\n"
                     for number, command, _ in steps)
    done = subprocess.run(["bash"], input=script, cwd=tmp_path, env=sdk.installed().environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=600)
    left = done.stdout
    for number, command, expected in steps:
        got, end, left = re.split(re.escape(MARK.format(number, "@")).replace("@", r"(\d+)")
                                  + "\n", left, maxsplit=1)
        place = f"{GUIDE.name}:{number}: {command.splitlines()[0]}\n{got}"
        failed = any(line.startswith("not ok ") for line in expected)
        assert (end != "0") == failed, f"exit status {end} of {place}"
        assert not expected or matches(expected, got.splitlines()), place


def test_every_message_it_explains_exists():
    """The words in the first column of the table of mistakes stand in the source."""
    text = GUIDE.read_text()
    rows = re.findall(r"^\| (.*?`.*?) \| ", text[text.index("## Common mistakes"):], re.MULTILINE)
    source = "".join(path.read_text() for folder in ("core/adapter", "core/server", "core/kit")
                     for path in (ROOT / folder).glob("*.c"))
    source = re.sub(r'"\s*\n\s*"', "", source)
    fixed = [phrase for row in rows for phrase in re.findall(
        r"is no adapter, or does not export it|build it with this gateway's header"
        r"|which no library has that it is linked with|routes need the hook frame"
        r"|needs the hook event|the name is taken|is another adapter's|unknown key|did not start"
        r"|the one before was not finished|a member without a key|a string is no UTF-8"
        r"|not its own session or instance|a call outside of its hooks"
        r"|adapter left a request unanswered|adapter left a frame unfinished|cannot be played again"
        r"|frames refused with|got neither an answer nor a Close|frames came before the Close"
        r"|needs transcript", row)]
    assert len(fixed) >= 21
    assert not [phrase for phrase in fixed if phrase not in source]


def test_no_link_is_dead_where_the_documents_are_installed(tmp_path):
    """As debian/*.docs and debian/*.examples lay them out; tests/package looks at the package."""
    for listed in (ROOT / "debian").glob("dragoman*"):
        name, kind = listed.name.rsplit(".", 1)
        place = {"docs": name, "examples": f"{name}/examples"}.get(kind)
        for word in listed.read_text().split() if place else ():
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            source, target = ROOT / word, tmp_path / place / pathlib.Path(word).name
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    assert len(list(tmp_path.rglob("*.md"))) > 10
    assert not dead_links(tmp_path)
    assert not dead_links(ROOT / "proto-docs")
