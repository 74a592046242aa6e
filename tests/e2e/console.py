"""The console in a browser, driven as somebody at the keyboard and mouse would."""

import time

from wire import PATIENCE


class Console:
    def __init__(self, browser, admin):
        self.browser, self.admin = browser, admin

    def open(self):
        self.browser.get(self.admin.url + "/")
        return self

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def text(self, selector):
        return self.browser.execute_script(
            "return document.querySelector(arguments[0])?.textContent ?? null", selector)

    def wait(self, condition, what):
        """The first true value of condition()."""
        deadline = time.monotonic() + PATIENCE
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < deadline, f"waited in vain: {what}\n{self.log()}"
            time.sleep(0.05)

    def log(self):
        """What the browser complains about since it was asked last: [message]."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def sign_in(self):
        self.wait(lambda: self.find("#token").is_displayed(), "the form")
        self.find("#token").send_keys(self.admin.token)
        self.find("#sign-in button").click()
        self.wait(lambda: self.find("#view-overview").is_displayed(), "the overview")
        return self

    def tab(self, name):
        self.find(f"#tab-{name}").click()
        self.wait(lambda: self.find(f"#view-{name}").is_displayed(), name)

    def choose(self, selector, text):
        """Selects the option whose text begins with that."""
        done = self.browser.execute_script("""
            const select = document.querySelector(arguments[0]);
            const option = [...select.options].find((o) => o.text.startsWith(arguments[1]));
            if (!option) return false;
            select.value = option.value;
            select.dispatchEvent(new Event('change', { bubbles: true }));
            return true;""", selector, text)
        assert done, f"no {text} in {selector}"

    # ---- the inspector ---------------------------------------------------------------------

    def make_users(self):
        self.find("#make-users").click()
        self.wait(lambda: self.find("#pane-bob .user").get_attribute("value"), "the users")

    def connect(self, pane, dialect):
        self.choose(f"#pane-{pane} .dialect", dialect)
        self.find(f"#pane-{pane} .connect").click()
        self.wait(lambda: self.text(f"#pane-{pane} .state") == "open", f"{pane} is connected")

    def send(self, pane, example):
        self.choose(f"#pane-{pane} .example", example)
        self.find(f"#pane-{pane} .send").click()

    def pane_has(self, pane, text):
        self.wait(lambda: text in (self.text(f"#pane-{pane} .log") or ""), f"{pane} sees {text}")

    def chain_with(self, text):
        """The cells' texts of the newest chain that has this in its stored row."""
        return self.browser.execute_script("""
            for (const chain of document.querySelectorAll('.chain')) {
              const cells = [...chain.querySelectorAll('.cell')].map((c) => c.textContent);
              if (cells[2].includes(arguments[0])) return cells;
            }
            return null;""", text)
