"""/metrics and /readyz, as Prometheus and a load balancer see them."""

import re
import shutil
import subprocess
import time

import pytest

from dialects import PEERS, make_user, until
from gateway import Gateway
from wire import call


@pytest.fixture(scope="module")
def admin():
    """A gateway with an admin listener: (gateway, its URL)."""
    with Gateway(args=["--admin", "127.0.0.1:0"]) as gw:
        yield gw, gw.admin_url


def scrape(url):
    answer = call(url, path="/metrics")
    assert answer.status == 200
    return answer.body.decode()


def values(text):
    """{name{labels}: value} of every sample."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in found, f"twice: {name}"
            found[name] = float(value)
    return found


def chat(gw):
    """A message from one dialect to another, so that something has been counted."""
    ada, bob = make_user(gw), make_user(gw)
    with PEERS["saletick"](gw, ada) as sender, PEERS["casamsa"](gw, bob) as receiver:
        sender.say(bob, "counted")
        sender.next("sent")
        receiver.next("pushed")


def test_promtool_has_nothing_to_say(admin):
    gw, url = admin
    assert shutil.which("promtool"), "Debian's package prometheus has it"
    chat(gw)
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(url), text=True,
                          capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_what_is_counted(admin):
    gw, url = admin
    before = values(scrape(url))
    chat(gw)
    call(gw.url, path="/opcode/thread", headers={"Authorization": "Bearer nonsense"})
    after = values(scrape(url))

    def grown(name):
        return after.get(name, 0) - before.get(name, 0)

    assert grown('dragoman_commands_total{adapter="saletick",command="send",outcome="ok"}') == 1
    assert grown('dragoman_command_seconds_count{command="send"}') == 1
    assert grown('dragoman_events_delivered_total{adapter="casamsa",event="message"}') == 1
    assert grown('dragoman_frames_total{adapter="saletick",direction="in",type="chat_message"}') \
        == 1
    assert grown('dragoman_websockets_opened_total{adapter="casamsa"}') == 1
    assert grown('dragoman_auth_failures_total{outcome="unauthenticated"}') == 1
    assert grown('dragoman_http_requests_total{adapter="opcode",route="/thread",method="GET",'
                 'status="401"}') == 1
    assert grown("dragoman_store_batch_rows_count") >= 1
    assert grown("dragoman_store_batch_rows_sum") >= 1
    assert grown("dragoman_store_batch_seconds_sum") > 0
    assert after["dragoman_send_queue_bytes"] == 0
    assert after["dragoman_store_queue_bytes"] >= 0


def test_the_process_is_shown(admin):
    _gw, url = admin
    seen = values(scrape(url))
    assert seen["process_resident_memory_bytes"] > 1 << 20
    assert seen["process_virtual_memory_bytes"] >= seen["process_resident_memory_bytes"]
    assert 3 < seen["process_open_fds"] < seen["process_max_fds"]
    assert seen["process_cpu_seconds_total"] > 0
    assert abs(seen["process_start_time_seconds"] - time.time()) < 600
    assert seen["dragoman_ready"] == seen["dragoman_store_up"] == 1
    assert any(re.match(r'dragoman_build_info\{version="\d+\.\d+\.\d+",abi="\d+\.\d+"\}$', name)
               for name in seen)
    until(lambda: values(scrape(url))["dragoman_loop_lag_seconds_count"] > 0, "the loop is timed")


def test_labels_come_from_small_sets(admin):
    """Nothing that a client chooses becomes a series."""
    gw, url = admin
    user = make_user(gw)
    for n in range(50):
        call(gw.url, path=f"/opcode/thread/{n}/nothing-{n}")
        call(gw.url, path=f"/no-such-{n}")
    with PEERS["saletick"](gw, user) as peer:
        for n in range(50):
            peer.send_json({"action": f"made_up_{n}"})
    text = scrape(url)
    assert "nothing-" not in text and "no-such-" not in text and "made_up_" not in text
    assert values(text)["metrics_refused_total"] == 0
    assert len(values(text)) < 4000
