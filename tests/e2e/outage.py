"""A private PostgreSQL that can be taken away, or stopped dead, for as long as a test likes."""

import contextlib
import os
import pathlib
import signal
import time


CONNECTIONS = 2  # that read, and as many that write: what a gateway has that is not told otherwise


class Outage:
    """Of a gateway's database. The gateway's log.level must be debug."""

    def __init__(self, gateway):
        self.gateway = gateway
        # A server does not start without it.
        self._needed = gateway.state / "pg/global/pg_control"
        self._hidden = self._needed.with_suffix(".hidden")

    def take(self):
        """Returns when the gateway has noticed on all connections that read or write: what was sent
        on one before would be uncertain, and wait for the database to come back."""
        lost = {use: self._lost(use) + CONNECTIONS for use in ("read", "write")}
        self._needed.rename(self._hidden)
        self.gateway.kill9_postgres()
        deadline = time.monotonic() + 60
        for use, count in lost.items():
            while self._lost(use) < count:
                assert time.monotonic() < deadline, "not noticed"
                time.sleep(0.02)

    def _lost(self, use):
        return self.gateway.log.count(f'connection lost" connection={use} ')

    def give_back(self):
        if self._hidden.exists():
            self._hidden.rename(self._needed)


@contextlib.contextmanager
def outage(gateway):
    """The database is away inside the with block."""
    away = Outage(gateway)
    away.take()
    try:
        yield
    finally:
        away.give_back()


@contextlib.contextmanager
def frozen(gateway):
    """The database is there and answers nothing inside the with block."""
    postmaster = gateway.postgres_pid()
    os.kill(postmaster, signal.SIGSTOP)  # first: it has no new children then
    children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
    pids = [postmaster, *map(int, children.split())]
    for pid in pids[1:]:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
