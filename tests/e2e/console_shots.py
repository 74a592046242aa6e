#!/usr/bin/python3
"""Makes the pictures of the console: console_shots.py [FOLDER]. Builds nothing; $DRAGOMAN is the
program, or the one in build-test."""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from browser import open_browser  # noqa: E402
from console import Console  # noqa: E402
from dialects import PEERS, make_user  # noqa: E402
from gateway import ROOT, Gateway  # noqa: E402
from test_admin import Admin  # noqa: E402

SIZE = (1280, 1040)


def shoot(page, path):
    page.browser.execute_script("document.activeElement.blur()")
    page.browser.save_screenshot(str(path))
    print(path)


def talk(gateway, page):
    """Some life for the charts."""
    users = [make_user(gateway, first_name=name) for name in ("Ada", "Bob", "Cy", "Dot")]
    peers = [PEERS[name](gateway, user) for name, user in zip(PEERS, users)]
    for turn in range(60):
        for n, peer in enumerate(peers):
            for _ in range(1 + (turn * (n + 3)) % 7):
                peer.say(users[(n + 1) % len(users)], "hello")
        time.sleep(0.35)
    return peers


def inspect(page):
    page.tab("inspector")
    page.make_users()
    page.connect("ada", "saletick")
    page.connect("bob", "opcode")
    page.send("bob", "IDENTIFY · object")
    page.pane_has("bob", "READY")
    page.send("ada", "chat_message")
    page.pane_has("bob", '"e":"MESSAGE"')
    page.wait(lambda: len(page.all(".chain")) >= 2, "the chains")
    page.browser.execute_script("""
        document.querySelectorAll('.chain')[0].querySelectorAll('details')
          .forEach((details, i) => { details.open = i < 2; });""")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with Gateway(args=["--admin", "127.0.0.1:0"]) as gateway:
        for scheme in ("light", "dark"):
            with tempfile.TemporaryDirectory() as profile:
                browser = open_browser(profile, f"--window-size={SIZE[0]},{SIZE[1]}")
                browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
                    {"name": "prefers-color-scheme", "value": scheme}]})
                page = Console(browser, Admin(gateway)).open().sign_in()
                peers = talk(gateway, page)
                shoot(page, folder / f"console-overview-{scheme}.png")
                inspect(page)
                time.sleep(0.5)
                shoot(page, folder / f"console-inspector-{scheme}.png")
                browser.quit()
                for peer in peers:
                    peer.close()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "proto-docs/images")
