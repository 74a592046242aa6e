"""Sockets that the service manager has opened, and what the gateway tells it."""

import pathlib
import socket
import sys
import tempfile
import time

import pytest

from gateway import GatewayError
from opcode_client import Opcode
from wire import PATIENCE, call

ACTIVATE = [sys.executable, str(pathlib.Path(__file__).with_name("activate.py"))]


class Manager:
    """Stands for the service manager at its notification socket."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)
        self.seen = []

    def drain(self):
        """Drops what has come."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            self.socket.settimeout(PATIENCE)

    def wait(self, state):
        """Receives until a message holds the assignment; what came is in `seen`, line by line."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lines = self.socket.recv(4096).decode().splitlines()
            self.seen += lines
            if state in lines:
                return
        raise AssertionError(f"no {state}, but {self.seen}")


@pytest.fixture
def manager(tmp_path):
    one = Manager(tmp_path / "notify")
    yield one
    one.socket.close()


def activated(make_gateway, *sockets, **how):
    return make_gateway(wrapper=[*ACTIVATE, *sockets, "--"], listen="127.0.0.1:1", **how)


def talk(gw):
    ada, sam = gw.add_user(), gw.add_user()
    with Opcode(gw, gw.token(ada)) as client:
        assert client.say(sam, "by a socket of somebody else's")


@pytest.mark.parametrize("name", ["public", "dragoman.socket", ""])
def test_public_socket_is_inherited(make_gateway, name):
    gw = activated(make_gateway, f"{name}=127.0.0.1:0")
    assert gw.port != 1
    talk(gw)


def test_public_and_admin_sockets_are_inherited(make_gateway):
    gw = activated(make_gateway, "admin=127.0.0.1:0", "public=127.0.0.1:0", "public=127.0.0.1:0")
    admin = "http://" + gw.wait_log("admin=").split("admin=")[1].split()[0].strip('"')
    assert call(admin, path="/readyz").status == 200
    assert call(gw.url, path="/readyz").status == 404
    talk(gw)


@pytest.fixture
def near_path():
    """A folder whose path is short enough for a socket's name."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield pathlib.Path(name)


def test_unix_socket_is_inherited_and_its_file_is_left(make_gateway, near_path):
    path = near_path / "public.socket"
    gw = activated(make_gateway, "public=127.0.0.1:0", f"public={path}")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 404 ")
    gw.stop()
    assert path.exists()


def test_a_socket_of_unknown_use_is_named_in_the_log(make_gateway):
    gw = activated(make_gateway, "public=127.0.0.1:0", "telnet=127.0.0.1:0")
    assert "telnet" in gw.wait_log("an inherited socket is not used")


def test_sockets_for_another_process_are_left_alone(make_gateway):
    gw = make_gateway(env={"LISTEN_PID": "1", "LISTEN_FDS": "2"})
    assert call(gw.url, path="/").status == 404


@pytest.mark.parametrize("count", ["2", "x", "-1"])
def test_nonsense_in_the_environment_is_refused(make_gateway, count):
    gw = make_gateway(start=False, env={"LISTEN_FDS": count},
                      wrapper=["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"])
    with pytest.raises(GatewayError, match="exit status 1"):
        gw.start()
    assert "LISTEN_FDS" in gw.log


def test_the_manager_hears_of_start_life_and_stop(make_gateway, manager):
    gw = make_gateway(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "90000"})
    manager.wait("READY=1")
    for _ in range(3):
        manager.wait("WATCHDOG=1")
    assert "STOPPING=1" not in manager.seen
    gw.stop()
    manager.wait("STOPPING=1")


def test_an_unreachable_manager_is_a_warning(make_gateway, tmp_path):
    gw = make_gateway(env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    gw.wait_log("NOTIFY_SOCKET cannot be reached")
