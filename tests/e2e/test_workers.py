"""Several processes that serve below one that supervises them."""

import json
import os
import re
import signal
import socket

import pytest

from dialects import PEERS, make_user, until
from gateway import GatewayError, adopt_orphans
from opcode_client import Opcode
from test_upgrade import Load
from wire import call

WORKERS = 3
FAST = {"limits.rate": 0, "limits.burst": 1000000, "drain.pace": 20}


def free_ports(count):
    """The first of so many free ports in a row (free a moment ago)."""
    for base in range(20000, 60000, 97):
        socks = [socket.socket() for _ in range(count)]
        try:
            for i, sock in enumerate(socks):
                sock.bind(("127.0.0.1", base + i))
            return base
        except OSError:
            continue
        finally:
            for sock in socks:
                sock.close()
    raise AssertionError("no free ports")


@pytest.fixture
def workers(make_gateway):
    def make(**settings):
        port = free_ports(WORKERS)
        gw = make_gateway(settings={"workers": WORKERS, **FAST, **settings},
                          args=["--admin", f"127.0.0.1:{port}"])
        gw.admin_urls = [f"http://127.0.0.1:{port + i}" for i in range(WORKERS)]
        return gw
    return make


def metric(url, name):
    return int(re.search(rf"(?m)^{name} (\d+)", call(url, path="/metrics").body.decode())[1])


def await_workers(gw, but=()):
    until(lambda: len(gw.workers()) == WORKERS and not set(gw.workers().values()) & set(but),
          "all workers are there")


def test_load_spreads_and_each_worker_can_be_asked(workers):
    gw = workers()
    assert sorted(gw.workers()) == list(range(WORKERS))
    token = gw.token(gw.add_user())
    clients = [Opcode(gw, token) for _ in range(60)]
    counts = [metric(url, "dragoman_connections") for url in gw.admin_urls]
    # Shared out evenly but for chance: a worker that is ahead lets the others come first.
    assert sum(counts) == 60 and min(counts) >= 5, counts
    for client in clients:
        client.abort()


def test_workers_are_one_gateway(workers):
    """Wherever the sockets have landed: what one sends, all others get."""
    gw = workers()
    ada, sam = make_user(gw), make_user(gw)
    readers = [PEERS["saletick"](gw, sam) for _ in range(12)]
    with Opcode(gw, ada["token"]) as client:
        for i in range(5):
            client.say(sam, f"to all {i}")
    for reader in readers:
        assert [reader.next("pushed").text for _ in range(5)] == [f"to all {i}" for i in range(5)]
        reader.abort()


def test_one_worker_is_no_supervisor(make_gateway):
    gw = make_gateway(settings={"workers": 1})
    assert not gw.workers()


def test_a_killed_worker_is_started_again(workers):
    gw = workers()
    token = gw.token(gw.add_user())
    clients = [Opcode(gw, token) for _ in range(30)]
    victim = gw.workers()[1]
    os.kill(victim, signal.SIGKILL)
    gw.wait_log("a worker has ended, it is started again")
    await_workers(gw, but=[victim])
    until(lambda: "200" in try_ready(gw.admin_urls[1]), "the new one serves")
    alive = 0
    for client in clients:
        try:
            client.say(gw_user(gw), "still here")
            alive += 1
        except Exception:  # those of the victim
            client.abort()
    assert 0 < alive < 30
    assert gw.process.poll() is None


def gw_user(gw, cache={}):
    return cache.setdefault(gw.pid, gw.add_user())


def try_ready(url):
    try:
        return str(call(url, path="/readyz").status)
    except (OSError, EOFError):
        return "refused"


def test_one_that_always_dies_is_started_ever_more_slowly(workers):
    gw = workers()
    for _ in range(4):
        before = gw.log.count("a worker has ended")
        until(lambda: 0 in gw.workers(), "there is one to kill")
        os.kill(gw.workers()[0], signal.SIGKILL)
        until(lambda: gw.log.count("a worker has ended") > before, "it is missed")
    await_workers(gw)
    waits = [int(ms) for ms in re.findall(r"a worker has ended.* in_ms=(\d+)", gw.log)]
    assert waits[0] == 0 and waits == sorted(set(waits)), waits


def test_reload_reaches_all(workers):
    gw = workers()
    assert gw.cli("reload").endswith("reloaded")
    assert gw.log.count('msg="configuration reloaded"') == WORKERS
    gw.process.send_signal(signal.SIGHUP)
    until(lambda: gw.log.count('msg="configuration reloaded"') == 2 * WORKERS, "by signal")


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_each_line_of_the_log_names_its_worker(workers, form):
    gw = workers(**{"log.format": form})
    lines = [line for line in gw.log.splitlines() if "ready" in line]
    if form == "json":
        found = [json.loads(line).get("worker") for line in lines]
    else:
        found = [int(re.search(r" msg=ready worker=(\d+) ", line)[1]) for line in lines]
    assert sorted(found) == list(range(WORKERS))
    line = gw.wait_log("supervises")
    assert "worker=" not in line and '"worker"' not in line


def test_upgrade_under_load_loses_nothing(workers):
    gw = workers()
    with Load(gw) as load:
        load.progress()
        gw.upgrade()
        load.progress()
    load.check()
    for url in gw.admin_urls:
        assert call(url, path="/readyz").status == 200
    assert len(gw.workers()) == WORKERS


def test_number_of_workers_changes_by_an_upgrade(make_gateway):
    gw = make_gateway(config={"workers": 1})
    for count in (2, 3, 1):
        gw._config_path.write_text(f"workers: {count}\n")
        gw.upgrade()
        assert len(gw.workers()) == (count if count > 1 else 0)
        with Opcode(gw, gw.token(gw.add_user())) as client:
            client.say(gw.add_user(), "hello")


def test_one_worker_can_be_replaced(workers):
    gw = workers()
    old = gw.workers()[2]
    os.kill(old, signal.SIGTERM)
    await_workers(gw, but=[old])
    assert "exit status 0" in gw.wait_log("a worker has ended")
    until(lambda: "200" in try_ready(gw.admin_urls[2]), "the new one serves")


def test_drain_by_the_admin_api_of_one_drains_all(workers):
    gw = workers()
    token = (gw.state / "admin.token").read_text().strip()
    answer = call(gw.admin_urls[1], "POST", "/api/v1/drain",
                  {"Authorization": f"Bearer {token}"}, b"")
    assert answer.status in (200, 202), answer
    assert gw.process.wait(60) == 0


def test_drain_ends_all(workers):
    gw = workers()
    pids = gw.workers().values()
    with Opcode(gw, gw.token(gw.add_user())) as client:
        gw.cli("drain")
        assert client.outcome()[1] == 1001
    assert gw.process.wait(60) == 0
    for pid in pids:
        assert not os.path.exists(f"/proc/{pid}")
    assert gw.postgres_pid() is None


def test_workers_do_not_outlive_their_supervisor(workers):
    adopt_orphans()
    gw = workers()
    pids = list(gw.workers().values())
    with Opcode(gw, gw.token(gw.add_user())) as client:
        gw.kill9()
        assert client.outcome()[1] == 1001
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    # The next one adopts the database.
    gw.start()


def test_the_reason_of_a_worker_is_the_supervisors(make_gateway):
    issuer = {"name": "s", "algorithm": "RS256", "public_key_file": "/dev/null"}
    gw = make_gateway(start=False, settings={"workers": 2},
                      config={"auth": {"issuers": [issuer]}})
    with pytest.raises(GatewayError, match="exit status 78"):
        gw.start()
    assert "a worker does not start" in gw.log


def test_the_database_of_the_supervisor_comes_back(workers):
    gw = workers()
    before = gw.postgres_pid()
    gw.kill9_postgres()
    until(lambda: gw.postgres_pid() not in (None, before), "PostgreSQL is back", timeout=60)
    until(lambda: all("200" in try_ready(url) for url in gw.admin_urls), "all serve", timeout=60)
    with Opcode(gw, gw.token(gw.add_user())) as client:
        client.say(gw.add_user(), "hello")


def test_files_of_unix_sockets_are_cleared_away(make_gateway, tmp_path):
    gw = make_gateway(settings={"workers": 2}, args=["--admin", f"unix:{tmp_path}/admin"])
    assert (tmp_path / "admin").exists() and (tmp_path / "admin.1").exists()
    gw.stop()
    assert not list(tmp_path.iterdir())
