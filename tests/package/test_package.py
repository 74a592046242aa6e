"""The Debian packages: built by the usual tools, without a complaint from lintian, installed, tried
as an operator would, and removed without a trace but the data."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from documents import dead_links  # noqa: E402
from gateway import Gateway  # noqa: E402
from dialects import OpcodePeer, make_user  # noqa: E402

BUILD_TIMEOUT = 1200
SUDO = [] if os.geteuid() == 0 else ["sudo"]


def run(*command, cwd=None, check=True, timeout=300):
    done = subprocess.run(command, cwd=cwd, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The folder that dpkg-buildpackage has filled from a clean copy of the tree."""
    place = tmp_path_factory.mktemp("package")
    tree = place / "dragoman"
    tree.mkdir()
    names = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for name in names:
        source = ROOT / name
        if source.is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, tree / name)
    # Without the sanitizers' settings of the suite around it.
    log = run("env", "-u", "ASAN_OPTIONS", "-u", "UBSAN_OPTIONS", "dpkg-buildpackage", "-us",
              "-uc", "-b", cwd=tree, timeout=BUILD_TIMEOUT)
    (place / "build.log").write_text(log)
    return place


@pytest.fixture(scope="module")
def installed(packages):
    debs = sorted(map(str, packages.glob("dragoman*_*.deb")))
    debs = [deb for deb in debs if "dbgsym" not in deb]
    assert len(debs) == 2
    run(*SUDO, "dpkg", "-i", *debs)
    yield "/usr/bin/dragoman"
    run(*SUDO, "dpkg", "--purge", "dragoman", "dragoman-dev", check=False)


def files_of(package):
    return run("dpkg", "-L", package).splitlines()


def test_lintian_has_no_error(packages):
    changes = next(packages.glob("*.changes"))
    run("lintian", "--allow-root", "--fail-on", "error", str(changes))


def test_compilers_have_nothing_to_warn_of(packages):
    """At the optimisation that is delivered, which finds more than the one of the other tests."""
    log = (packages / "build.log").read_text()
    assert "-O2" in log
    assert [line for line in log.splitlines() if " warning: " in line and ".c:" in line] == []


def test_what_is_where(installed):
    files = files_of("dragoman")
    for path in ("/usr/bin/dragoman", "/etc/dragoman/dragoman.yaml",
                 "/usr/share/man/man1/dragoman.1.gz", "/usr/share/man/man5/dragoman.yaml.5.gz",
                 "/usr/lib/systemd/system/dragoman.service",
                 "/usr/lib/systemd/system/dragoman.socket",
                 "/usr/share/doc/dragoman/examples/dragoman.example.yaml",
                 "/usr/share/doc/dragoman/examples/nginx"):
        assert path in files or path.replace("/usr/lib/systemd", "/lib/systemd") in files, path
    for path in ("/usr/include/dragoman/adapter.h",
                 "/usr/share/doc/dragoman-dev/opcode/transcripts/happy-path.txt"):
        assert path in files_of("dragoman-dev")
    assert run("pkg-config", "--modversion", "dragoman-adapter").strip() in run(
        installed, "version")
    assert run("getent", "passwd", "dragoman").split(":")[6].strip().endswith("nologin")


def test_its_documents_point_to_what_is_there(installed):
    for package in ("dragoman", "dragoman-dev"):
        folder = pathlib.Path("/usr/share/doc") / package
        assert list(folder.rglob("*.md"))
        assert not list(folder.rglob("*.md.gz"))
        assert not dead_links(folder)


def test_its_configuration_is_good(installed):
    assert 'listen: "127.0.0.1:8080"' in run(
        installed, "check-config", "--config", "/etc/dragoman/dragoman.yaml")


def test_the_manual_knows_every_verb(installed):
    manual = run("mandoc", "-T", "utf8", "/usr/share/man/man1/dragoman.1.gz")
    manual = re.sub(".\b", "", manual)
    words = [line.split() for line in run(installed, "help").splitlines()
             if re.match(r"  [a-z]", line)]
    assert len(words) > 10
    for verb in words:
        name = f"{verb[0]} {verb[1]}" if verb[0] in ("user", "token", "adapter") else verb[0]
        assert re.search(rf"^ +{name}\b", manual, re.M), f"{name} is not in dragoman(1)"


def test_the_manual_knows_every_setting(installed):
    manual = re.sub(".\b", "", run("mandoc", "-T", "utf8",
                                   "/usr/share/man/man5/dragoman.yaml.5.gz"))
    known = 0
    for line in run(installed, "check-config").splitlines():
        if line.startswith("adapters"):
            break
        path = line.split(":")[0]
        known += 1
        assert re.search(rf"^ +{re.escape(path)} \(default", manual, re.M), path
    assert known > 30


@pytest.mark.parametrize("page", ["man1/dragoman.1", "man5/dragoman.yaml.5"])
def test_the_manual_is_well_formed(installed, page):
    said = run("mandoc", "-T", "lint", "-W", "error", f"/usr/share/man/{page}.gz", check=False)
    assert "ERROR" not in said and "UNSUPP" not in said, said


def test_the_installed_program_serves(installed, monkeypatch):
    monkeypatch.setenv("DRAGOMAN", installed)
    with Gateway() as gateway:
        ada, bob = make_user(gateway, first_name="Ada"), make_user(gateway, first_name="Bob")
        speaker, listener = OpcodePeer(gateway, ada), OpcodePeer(gateway, bob)
        speaker.say(bob, "from the package")
        assert listener.next("pushed").text == "from the package"
        speaker.abort()
        listener.abort()
        assert json.loads(gateway.cli("user", "show", ada["username"]))["id"] == ada["id"]


def test_the_units_command_works_as_the_units_user(installed):
    """What the service manager would start, as the user that the package has made."""
    unit = pathlib.Path("/lib/systemd/system/dragoman.service").read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()
    user = re.search(r"^User=(.*)$", unit, re.M)[1]
    assert command[:2] == [installed, "serve"]
    about = run("stat", "-c", "%U %G %a", "/var/lib/dragoman", "/etc/dragoman").splitlines()
    assert about == [f"{user} {user} 750", f"root {user} 750"]
    if os.geteuid():
        pytest.skip("becomes another user")
    state = tempfile.mkdtemp(prefix="dragoman-package-")
    shutil.chown(state, user, user)
    process = subprocess.Popen(
        ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command,
         "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--state", state],
        cwd="/", env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
    finally:
        process.terminate()
        assert process.wait(60) == 0
        shutil.rmtree(state)


def test_removing_leaves_nothing(installed):
    """Runs last: what the package brought goes with it."""
    files = [path for path in files_of("dragoman") + files_of("dragoman-dev")
             if "dragoman" in path]
    run(*SUDO, "dpkg", "--purge", "dragoman", "dragoman-dev")
    assert [path for path in files if os.path.exists(path)] == []
