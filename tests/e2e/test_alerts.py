"""Alert rules, dashboard and runbooks: they speak of metrics and pages that there are."""

import json
import re
import subprocess

import pytest

import certificates
from dialects import PEERS, make_user, until
from gateway import ROOT, Gateway
from test_metrics import scrape
from wire import call

RULES = ROOT / "deploy/prometheus"
RUNBOOKS = ROOT / "deploy/runbooks"
DASHBOARD = json.loads((ROOT / "deploy/grafana/dragoman.json").read_text())
METRIC = re.compile(r"\b((?:dragoman|process)_\w+|metrics_refused_total)\b")


def promtool(*args):
    done = subprocess.run(["promtool", *args], cwd=RULES, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts():
    return re.findall(r"- alert: (\w+)", (RULES / "alerts.yml").read_text())


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """The names of a gateway's metrics, those of histograms with each suffix."""
    chain, key = certificates.make(tmp_path_factory.mktemp("tls"), "chat.example")
    with Gateway(args=["--admin", "127.0.0.1:0"],
                 settings={"tls.certificate": chain, "tls.key": key,
                           "listen_tls": "127.0.0.1:0"}) as gw:
        ada, bob = make_user(gw), make_user(gw)
        with PEERS["saletick"](gw, ada) as one, PEERS["casamsa"](gw, bob) as two:
            one.say(bob, "counted")
            one.next("sent"), two.next("pushed")
            # Each kind of thing that is counted only when it happens.
            call(gw.url, path="/opcode/thread", headers={"Authorization": "Bearer nonsense"})
            gw.add_user()  # not every dialect has a word for that
            until(lambda: "dragoman_events_dropped_total{" in scrape(gw.admin_url), "a drop")
            text = scrape(gw.admin_url)
        found = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", text, re.M))
        for name in re.findall(r"^# TYPE (\S+) histogram$", text, re.M):
            found |= {f"{name}_{suffix}" for suffix in ("bucket", "sum", "count")}
        return found


# Counted when a session is told something, which nothing here makes happen quickly.
SELDOM = {"dragoman_session_notices_total"}


def test_rules_are_sound_and_fire_when_they_should():
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts.test.yml")


def test_every_alert_is_tried_both_ways():
    text = (RULES / "alerts.test.yml").read_text()
    for alert in alerts():
        cases = text.split(f"alertname: {alert}\n")[1:]
        fires = [not case.lstrip().startswith("exp_alerts: []") for case in cases]
        assert True in fires and False in fires, alert


def test_every_alert_has_its_page():
    assert sorted(alerts()) == sorted(page.stem for page in RUNBOOKS.glob("*.md"))
    text = (RULES / "alerts.yml").read_text()
    for alert in alerts():
        assert f"runbook_url: runbooks/{alert}.md" in text
        page = (RUNBOOKS / f"{alert}.md").read_text()
        assert page.startswith(f"# {alert}\n") and "## Look" in page and "## Do" in page
        for link in re.findall(r"\]\((\w+\.md)\)", page):
            assert (RUNBOOKS / link).exists(), f"{alert}: {link}"


def test_every_metric_exists(families):
    sources = {path.name: path.read_text()
               for path in [RULES / "alerts.yml", *sorted(RUNBOOKS.glob("*.md"))]}
    sources["dashboard"] = "\n".join(target["expr"] for panel in panels()
                                     for target in panel["targets"])
    for name, text in sources.items():
        for metric in METRIC.findall(text):
            known = families | SELDOM | {m.removesuffix("_bucket") for m in families}
            assert metric in known, f"{name} speaks of {metric}"


def test_settings_that_the_pages_name_exist():
    table = (ROOT / "core/server/config_table.c").read_text()
    for page in RUNBOOKS.glob("*.md"):
        for setting in re.findall(r"`((?:limits|database|auth)\.\w+)`", page.read_text()):
            assert f'.path = "{setting}' in table, f"{page.name}: {setting}"


def test_the_dashboard_is_whole():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) and len(panels()) > 20
    for panel in panels():
        assert panel["title"] and panel["targets"] and panel["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
    spots = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(spots) == len(set(spots))
    # Every expression is one that Prometheus can read.
    rules = ["groups:", "  - name: dashboard", "    rules:"]
    for n, target in enumerate(t for panel in panels() for t in panel["targets"]):
        expr = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
        rules += [f"      - record: panel:{n}", f"        expr: {json.dumps(expr)}"]
    done = subprocess.run(["promtool", "check", "rules", "/dev/stdin"], text=True, timeout=60,
                          input="\n".join(rules), capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
