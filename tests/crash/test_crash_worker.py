"""kill -9 of workers in a stream of messages."""

import os
import random
import signal

from gateway import Gateway
from stream import Crowd, check_account

LONG = os.environ.get("TESTS_LONG") == "1"


def test_kill_of_workers_loses_and_repeats_nothing():
    with Gateway(settings={"limits.rate": 0, "workers": 3}) as gw:
        with Crowd(gw, senders=6) as crowd:
            for _ in range(20 if LONG else 4):
                crowd.progress()
                os.kill(random.choice(list(gw.workers().values())), signal.SIGKILL)
            crowd.progress()
        gw.check_log()
        assert check_account(crowd, gw.psql) >= len(crowd.confirmed)
        assert any(sender.losses for sender in crowd.senders)
