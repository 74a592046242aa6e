"""What the admin listener says before the gateway can serve: while the database is waited for."""

import json
import socket
import threading

import pytest

from dialects import until
from gateway import GatewayError
from test_workers import free_ports
from wire import call

MIGRATION = "select pg_advisory_lock(4919131752989212)"  # as nodes that start together take it


def begin(gateway):
    """Starts it aside; what that came to is in the list once the thread has ended."""
    came_to = []

    def start():
        try:
            came_to.append(gateway.start())
        except GatewayError as error:
            came_to.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    return thread, came_to


def answer(url, path, method="GET"):
    """None while nobody listens."""
    try:
        return call(url, method, path)
    except OSError:
        return None


def check_starting(url):
    until(lambda: answer(url, "/healthz") is not None, "it listens")
    assert answer(url, "/healthz").body == b"ok\n"
    ready = answer(url, "/readyz")
    assert (ready.status, json.loads(ready.body)) == (503, {"ready": False, "reason": "starting"})
    assert answer(url, "/readyz", "HEAD").status == 503
    metrics = answer(url, "/metrics")
    assert metrics.status == 200
    assert b"\ndragoman_ready 0\n" in metrics.body and b"dragoman_build_info" in metrics.body
    for path in ("/", "/console/api.js", "/api/v1/status", "/nothing"):
        assert answer(url, path).status == 503, path
    assert answer(url, "/metrics", "POST").status == 405


@pytest.mark.parametrize("workers", [1, 2])
def test_while_another_one_migrates(make_gateway, workers):
    first = make_gateway()
    port = free_ports(workers)
    gateway = make_gateway(start=False, state=first.state, settings={"workers": workers},
                           args=["--admin", f"127.0.0.1:{port}"])
    urls = [f"http://127.0.0.1:{port + i}" for i in range(workers)]
    with first.psql_session(MIGRATION):
        thread, came_to = begin(gateway)
        for url in urls:
            check_starting(url)
        assert not came_to
    thread.join()
    assert came_to == [gateway]
    for url in urls:
        assert answer(url, "/readyz").status == 200
        assert answer(url, "/").status == 200
        assert answer(url, "/api/v1/status").status == 401
        assert b"\ndragoman_ready 1\n" in answer(url, "/metrics").body


def test_while_the_database_does_not_answer(make_gateway):
    port = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gateway = make_gateway(
            start=False, args=["--admin", f"127.0.0.1:{port}"],
            settings={"database.url": "host=127.0.0.1 user=x dbname=x sslmode=disable "
                                      f"gssencmode=disable port={silent.getsockname()[1]}"})
        thread, came_to = begin(gateway)
        url = f"http://127.0.0.1:{port}"
        check_starting(url)
        silent.accept()[0].close()
    thread.join()
    assert "the database cannot be reached" in str(came_to[0])
    assert answer(url, "/healthz") is None


def test_an_address_that_is_taken_ends_the_start_at_once(make_gateway):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for workers in (1, 2):
            with pytest.raises(GatewayError, match="Address already in use"):
                make_gateway(args=["--admin", address], settings={"workers": workers})
