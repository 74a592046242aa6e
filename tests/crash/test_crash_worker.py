"""kill -9 of workers in a stream of messages."""

import os
import random
import signal

from gateway import Gateway
from stream import Crowd

LONG = os.environ.get("TESTS_LONG") == "1"


def check(crowd, psql):
    """As check_account, but by ids alone: a socket that comes back at another worker is told, as
    every socket of its user, what the killed one had stored and could not confirm any more."""
    stored = psql("select text, uuid from messages")
    texts = [text for text, _ in stored]
    assert len(texts) == len(set(texts)), "a text is stored twice"
    assert set(texts) <= set(crowd.sent)
    lost = set(crowd.confirmed.values()) - {uuid for _, uuid in stored}
    assert not lost, f"{len(lost)} confirmed messages are lost"


def test_kill_of_workers_loses_and_repeats_nothing():
    with Gateway(settings={"limits.rate": 0, "workers": 3}) as gw:
        with Crowd(gw, senders=6) as crowd:
            for _ in range(20 if LONG else 4):
                crowd.progress()
                os.kill(random.choice(list(gw.workers().values())), signal.SIGKILL)
            crowd.progress()
        gw.check_log()
        check(crowd, gw.psql)
        assert any(sender.losses for sender in crowd.senders)
