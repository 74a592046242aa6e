"""kill -9 of the gateway in a stream of messages."""

import os

from gateway import Gateway
from stream import Crowd, check_account

LONG = os.environ.get("TESTS_LONG") == "1"


def test_kill_of_the_gateway_loses_and_repeats_nothing():
    with Gateway(settings={"limits.rate": 0}) as gw:
        with Crowd(gw) as crowd:
            for _ in range(20 if LONG else 3):
                crowd.progress()
                gw.kill9()
                gw.check_log()
                gw.start()
            crowd.progress()
        assert check_account(crowd, gw.psql) >= len(crowd.confirmed)
        assert all(sender.losses for sender in crowd.senders)


def test_stop_in_a_stream_loses_and_repeats_nothing():
    with Gateway(settings={"limits.rate": 0}) as gw:
        with Crowd(gw, senders=2) as crowd:
            for _ in range(5 if LONG else 1):
                crowd.progress()
                gw.restart()
            crowd.progress()
        check_account(crowd, gw.psql)


def test_gateway_adopts_the_database_it_left_behind():
    with Gateway(settings={"limits.rate": 0}) as gw:
        ada, sam = gw.add_user(), gw.add_user()
        before = gw.postgres_pid()
        gw.kill9()
        assert gw.postgres_pid() == before
        gw.start()
        assert gw.postgres_pid() == before
        with Crowd(gw, senders=2) as crowd:
            crowd.progress()
        check_account(crowd, gw.psql)
        assert gw.token(ada) != gw.token(sam)
        gw.stop()
        assert gw.postgres_pid() is None
