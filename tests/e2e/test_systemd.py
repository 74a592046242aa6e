"""The units in deploy/systemd, judged by systemd's own tools; and its socket activation."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from gateway import ROOT, binary
from wire import call

UNITS = ROOT / "deploy/systemd"
MOST_EXPOSED = 15  # tenths, on systemd-analyze's scale of 0 to 10

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")


@pytest.fixture
def units(tmp_path):
    """The units as installed, with the program where it is."""
    for path in UNITS.iterdir():
        if path.suffix in (".service", ".socket"):
            (tmp_path / path.name).write_text(path.read_text().replace("/usr/bin/dragoman",
                                                                       binary()))
    return tmp_path


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=60, check=False,
                          env={**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""})


def test_units_are_valid(units):
    done = run("systemd-analyze", "verify", "--man=no", *sorted(units.iterdir()))
    said = [line for line in done.stderr.splitlines() if "dragoman" in line]
    assert done.returncode == 0 and not said, done.stderr


def test_service_is_locked_up(units):
    done = run("systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}",
               "--no-pager", units / "dragoman.service")
    assert done.returncode == 0, done.stdout + done.stderr


def test_users_and_directories_can_be_made(tmp_path):
    (tmp_path / "etc").mkdir()
    for command in (["systemd-sysusers", UNITS / "sysusers.conf"],
                    ["systemd-tmpfiles", "--create", UNITS / "tmpfiles.conf"]):
        done = run(command[0], f"--root={tmp_path}", *command[1:])
        assert done.returncode == 0, done.stderr
    assert "dragoman:" in (tmp_path / "etc/passwd").read_text()
    assert (tmp_path / "var/lib/dragoman").stat().st_mode & 0o777 == 0o750


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="no systemd here")
def test_first_connection_starts_it(tmp_path_factory):
    """The connection that wakes it waits in the socket, and is served."""
    state = tmp_path_factory.mktemp("state")
    for parent in (state, state.parent, state.parent.parent):
        parent.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "--fdname=public",
         binary(), "serve", "--state", str(state)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = call(f"http://127.0.0.1:{port}", path="/nothing", timeout=120)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.05)
        assert answer.status == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
