"""Fixtures that all end-to-end tests share."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from browser import open_browser  # noqa: E402
from gateway import Gateway  # noqa: E402


@pytest.fixture(scope="session")
def gateway():
    """One gateway with default settings for the whole run. Make users with fresh names, and
    leave it running as it was."""
    with Gateway() as running:
        yield running


@pytest.fixture
def make_gateway():
    """Starts gateways of a test's own: make_gateway(settings={...}). They end with the test."""
    made = []

    def make(start=True, **how):
        made.append(Gateway(**how))
        return made[-1].start() if start else made[-1]

    yield make
    for one in reversed(made):
        one.close()


@pytest.fixture
def browser(tmp_path):
    driver = open_browser(tmp_path)
    yield driver
    driver.quit()
