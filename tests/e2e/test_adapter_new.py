"""`dragoman adapter new` writes a folder that builds and passes as it is, from the installed package
alone."""

import os
import shutil
import subprocess

import pytest

import sdk
from gateway import ROOT, binary

TRANSPORTS = ["websocket", "http", "socketio"]
USAGE = 64


def new(folder, *words):
    done = subprocess.run([binary(), "adapter", "new", *words], cwd=folder, capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def run(*words, cwd=None):
    """Runs the installed program."""
    done = subprocess.run([str(sdk.installed().program), *map(str, words)], capture_output=True,
                          text=True, timeout=300, cwd=cwd)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module", params=TRANSPORTS)
def made(request, tmp_path_factory):
    """A new adapter of each transport, and its shared object."""
    folder = tmp_path_factory.mktemp(request.param)
    name = f"my-{request.param}_2"
    assert new(folder, name, "--transport", request.param)[0] == 0
    return folder / name, sdk.installed().meson(folder / name, folder / "build")


def test_it_is_good(made):
    status, said = run("adapter", "check", made[1])
    assert status == 0 and "BAD" not in said and "not declared" not in said, said


def test_it_passes(made):
    status, said = run("adapter", "test", made[1], "--transcripts", made[0] / "transcripts")
    assert status == 0, said
    assert "ok 1 - transcript first\n" in said


def test_its_own_build_runs_the_same(made):
    build = made[1].parent
    listed = subprocess.run(["meson", "test", "-C", str(build), "--list"], capture_output=True,
                            text=True, timeout=60, env=sdk.installed().environment)
    assert {"check", "conformance"} <= set(listed.stdout.split())


def test_a_compiler_that_warns_of_everything_is_content(made):
    folder, built = made
    sdk.installed().compile("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow",
                            "-Wconversion", "-Werror", "-fsyntax-only",
                            *map(str, folder.glob("*.c")))


def test_its_files(made):
    folder = made[0]
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert names == sorted(["README.md", "asyncapi.yaml", "meson.build", f"{folder.name}.c",
                            "transcripts/first.txt"])
    for name in names:
        assert "@NAME@" not in (folder / name).read_text()


@pytest.mark.skipif(not (ROOT / "tests/specs/node_modules").exists(), reason="no npm packages")
def test_its_specification_is_valid(made, tmp_path):
    shutil.copytree(made[0], tmp_path / made[0].name)
    done = subprocess.run(["node", "tests/specs/validate.js", str(tmp_path)], cwd=ROOT,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_websocket_is_the_usual_one(tmp_path):
    assert new(tmp_path, "first")[0] == 0
    assert "DM_WEBSOCKET" in (tmp_path / "first/first.c").read_text()
    assert new(tmp_path, "second", "--transport=http")[0] == 0
    assert "DM_HTTP" in (tmp_path / "second/second.c").read_text()


@pytest.mark.parametrize("words, status, says", [
    (["Upper"], USAGE, "a name is"), (["a/b"], USAGE, "a name is"), ([".."], USAGE, "a name is"),
    (["x" * 32], USAGE, "a name is"), ([""], USAGE, "a name is"), (["1st"], USAGE, "a name is"),
    (["good", "--transport", "pigeon"], USAGE, "a transport is"),
    (["opcode"], USAGE, "built-in"), ([], USAGE, "usage"), (["a", "b"], USAGE, "usage"),
    (["a", "--transport"], USAGE, "usage"), (["--nonsense"], USAGE, "usage"),
])
def test_what_it_refuses(tmp_path, words, status, says):
    got, out, err = new(tmp_path, *words)
    assert (got, out) == (status, "") and says in err
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_touched(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/kept.c").write_text("mine")
    status, out, err = new(tmp_path, "kept")
    assert (status, out, err) == (1, "", "dragoman: kept: is there already\n")
    assert (tmp_path / "kept/kept.c").read_text() == "mine"
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["kept.c"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_made(tmp_path):
    tmp_path.chmod(0o555)
    assert new(tmp_path, "x")[0] == 1
