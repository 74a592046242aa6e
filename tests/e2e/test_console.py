"""The console in headless Chromium. A violation of its Content-Security-Policy, or any other
complaint of the browser, fails the test."""

import json

import pytest

from browser import open_browser
from console import Console
from dialects import PEERS, make_user
from gateway import Gateway
from test_admin import Admin
from wire import call


@pytest.fixture(scope="module")
def admin():
    with Gateway(args=["--admin", "127.0.0.1:0"]) as gw:
        yield Admin(gw)


@pytest.fixture
def console(admin, tmp_path):
    browser = open_browser(tmp_path, "--window-size=1280,1000")
    page = Console(browser, admin)
    try:
        yield page.open()
        # 401 before the token is known is the page's way to ask whether it needs one.
        complaints = [line for line in page.log() if "401" not in line]
        assert complaints == []
    finally:
        browser.quit()


def test_the_policy(admin):
    answer = call(admin.url, path="/")
    policy = dict(part.strip().split(" ", 1)
                  for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert policy["connect-src"] == "'self' ws://" + admin.gw.url.removeprefix("http://")
    assert policy["frame-ancestors"] == "'none'"
    assert "set-cookie" not in answer.headers
    for name in ("console.css", "console.js", "api.js", "chart.js", "inspector.js"):
        assert call(admin.url, path=f"/console/{name}").status == 200
    for name in ("nothing.js", "asyncapi"):
        assert call(admin.url, path=f"/console/{name}").status == 404
    # It decodes to a path that no route knows, and such are guarded.
    assert call(admin.url, path="/console/..%2fstatus").status == 401
    assert call(admin.url, "POST", "/").status == 405
    # A name cannot add to the policy.
    answer = call(admin.url, path="/", headers={"Host": "a;script-src:1"})
    assert answer.status == 400 or "ws:" not in answer.headers["content-security-policy"]
    # Clients get none of it.
    assert call(admin.gw.url, path="/console/console.js").status == 404


def test_examples_are_those_of_the_documents(admin):
    examples = admin.get("/examples")["examples"]
    assert {e["dialect"] for e in examples} >= set(PEERS)
    assert {"dialect": "opcode", "message": "IDENTIFY", "title": "Opcode 2", "name": "object",
            "payload": {"o": 2, "d": {"properties": {"os": "linux", "device": "pc"},
                                      "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
                                      }}} in examples
    assert all(isinstance(e["payload"], (dict, str, list)) for e in examples)


def test_a_wrong_token_is_told_and_forgotten(console):
    console.wait(lambda: console.find("#token").is_displayed(), "the form")
    console.find("#token").send_keys("not the token at all")
    console.find("#sign-in button").click()
    console.wait(lambda: "not the token" in console.text("#sign-in-fault"), "it is told")
    assert not console.find("#view-overview").is_displayed()
    assert console.browser.execute_script("return sessionStorage.length") == 0
    assert console.browser.execute_script("return localStorage.length") == 0
    console.find("#token").clear()
    console.sign_in()
    assert console.browser.execute_script("return sessionStorage.length") == 1
    assert console.browser.execute_script("return document.cookie") == ""
    console.browser.refresh()
    console.wait(lambda: console.find("#view-overview").is_displayed(), "the tab remembers it")
    console.find("#sign-out").click()
    assert console.browser.execute_script("return sessionStorage.length") == 0


def test_overview_counts(console, admin):
    console.sign_in()
    console.wait(lambda: console.text("#health-gateway") == "Gateway ready", "health is shown")
    assert console.text("#health-database") == "Database up"
    names = [node.text for node in console.all(".adapter h4")]
    assert all(any(name.startswith(dialect) for name in names) for dialect in PEERS)
    user, other = make_user(admin.gw), make_user(admin.gw)
    card = "[...document.querySelectorAll('.adapter')].find((c) => " \
           "c.querySelector('h4').textContent.startsWith('saletick'))"
    with PEERS["saletick"](admin.gw, user) as one, PEERS["saletick"](admin.gw, other):
        def shown():
            one.say(other, "count me")
            return console.browser.execute_script(
                f"const c = {card}; return [...c.querySelectorAll('dd')].map((d) => d.textContent)")
        console.wait(lambda: (lambda v: v[0] == "2" and float(v[1]) > 0)(shown()), "it counts")
    points = console.browser.execute_script(
        f"return {card}.querySelector('polyline').getAttribute('points')")
    assert len(points.split()) >= 2


def test_sessions_are_shown_and_closed(console, admin):
    ada, bob = make_user(admin.gw), make_user(admin.gw)
    with PEERS["saletick"](admin.gw, ada) as one, PEERS["casamsa"](admin.gw, bob):
        console.sign_in()
        console.tab("sessions")
        console.wait(lambda: len(console.all("#sessions tr")) == 2, "two sessions")
        console.choose("#filter-adapter", "saletick")
        console.find("#filter button").click()
        console.wait(lambda: len(console.all("#sessions tr")) == 1, "one of them")
        assert ada["username"] in console.text("#sessions tr")
        # The focus stays where it is while the table is looked at again.
        console.browser.execute_script("document.querySelector('#sessions tr button').focus()")
        with PEERS["saletick"](admin.gw, ada):
            console.wait(lambda: len(console.all("#sessions tr")) == 2, "another one")
            assert console.browser.execute_script(
                "return document.activeElement.closest('#sessions tr')?.rowIndex") == 1
        console.wait(lambda: len(console.all("#sessions tr")) == 1, "the one that stays")
        console.find("#sessions tr button").click()
        assert one.expect_close()[0] == 1001
        console.wait(lambda: not console.all("#sessions tr"), "it is gone")
        assert console.text("#sessions-said") == "No sessions."


def test_the_keyboard_is_enough(console, admin):
    from selenium.webdriver.common.keys import Keys

    def press(*keys):
        for key in keys:
            console.browser.switch_to.active_element.send_keys(key)

    console.wait(lambda: console.browser.switch_to.active_element.get_attribute("id") == "token",
                 "the form has the focus")
    press(admin.token, Keys.ENTER)
    console.wait(lambda: console.find("#view-overview").is_displayed(), "signed in")
    for _ in range(10):
        if console.browser.switch_to.active_element.get_attribute("role") == "tab":
            break
        console.browser.switch_to.active_element.send_keys(Keys.SHIFT + Keys.TAB)
        console.browser.execute_script("document.activeElement.blur; return 0")
    console.find("#tab-overview").send_keys(Keys.ARROW_RIGHT)
    assert console.browser.switch_to.active_element.get_attribute("id") == "tab-sessions"
    assert console.find("#view-sessions").is_displayed()
    press(Keys.END)
    assert console.find("#view-inspector").is_displayed()
    press(Keys.ARROW_RIGHT)
    assert console.find("#view-overview").is_displayed()
    # Only the chosen tab is a stop, and every control has a name.
    assert [t.get_attribute("tabindex") for t in console.all("[role=tab]")] == ["0", "-1", "-1"]
    press(Keys.END)
    nameless = console.browser.execute_script("""
        return [...document.querySelectorAll('button, input, select, textarea')].filter((node) =>
          !(node.textContent.trim() || node.getAttribute('aria-label') || node.labels?.length))
          .map((node) => node.outerHTML);""")
    assert nameless == []


def test_the_inspector_shows_the_way_of_a_message(console):
    console.sign_in()
    console.tab("inspector")
    console.make_users()
    console.connect("ada", "saletick")
    console.connect("bob", "opcode")
    console.pane_has("bob", '"o":10')
    console.send("bob", "IDENTIFY · object")
    console.pane_has("bob", "READY")
    console.send("ada", "chat_message")
    console.pane_has("ada", "conf_message")
    console.pane_has("bob", '"e":"MESSAGE"')
    sent = json.loads(console.find("#pane-ada .frame").get_attribute("value"))
    cells = console.wait(lambda: console.chain_with(sent["message_body"]), "the chain")
    console.wait(lambda: "opcode · bob" in console.chain_with(sent["message_body"])[4], "its end")
    frame, command, row, event, out = console.chain_with(sent["message_body"])
    assert frame.startswith("chat_message") and "saletick · ada" in frame
    assert command.startswith("send") and "answer: ok" in command
    assert row.startswith("message ") and "position 1" in row
    assert "message" in event and "of ada" in event
    assert "saletick · ada" in out and "opcode · bob" in out
    # The token is in none of it.
    assert "eyJ" not in console.text("#chains")
    assert cells
    # What is folded opens by the keyboard.
    from selenium.webdriver.common.keys import Keys
    summary = console.find(".chain summary")
    summary.send_keys(Keys.ENTER)
    assert console.find(".chain details").get_attribute("open") is not None


@pytest.mark.parametrize("dialect, login, example, sees", [
    ("casamsa", "auth · token", None, None),
    ("pymessage", "login", None, None),
    ("pubsub", None, "send-message", "send-message"),
])
def test_each_dialect_can_be_tried(console, dialect, login, example, sees):
    console.sign_in()
    console.tab("inspector")
    console.make_users()
    console.connect("ada", dialect)
    if login:
        console.send("ada", login)
        console.pane_has("ada", "← ")
    if example:
        console.send("ada", example)
        console.pane_has("ada", sees)
    console.wait(lambda: console.all(".chain"), "it is shown")


def test_dark_and_light(admin, tmp_path):
    seen = []
    for name, flags in (("light", ()), ("dark", ("--force-dark-mode", "--blink-settings="
                                                 "preferredColorScheme=0"))):
        folder = tmp_path / name
        folder.mkdir()
        browser = open_browser(folder, *flags)
        try:
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
                {"name": "prefers-color-scheme", "value": name}]})
            Console(browser, admin).open()
            seen.append(browser.execute_script(
                "return getComputedStyle(document.body).backgroundColor"))
        finally:
            browser.quit()
    assert len(set(seen)) == 2
