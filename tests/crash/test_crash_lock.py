"""Locks of another database client: no confirmation before COMMIT, and one row in the end,
whatever dies while the lock is held."""

import contextlib
import signal
import time

import pytest

from gateway import Gateway
from opcode_client import Opcode
from postgres import Postgres
from proxy import Proxy
from stream import Crowd, check_account
from wire import Closed

# Long enough for a wrong confirmation to arrive.
SILENCE = 1.0


class Pair:
    """Two users of a gateway who have spoken already, and a socket each."""

    def __init__(self, gw, psql=None):
        self.gw, psql = gw, psql or (lambda sql: [list(row) for row in gw.psql(sql)])
        self.ada, self.sam = gw.add_user(first_name="Ada"), gw.add_user(first_name="Sam")
        self.connect()
        self.sender.say(self.sam, "first")
        assert self.receiver.event("MESSAGE")["message"] == "first"
        # Until the mark of its delivery is written as well, the connection has work.
        deadline = time.monotonic() + 30
        while psql("select delivered_lo + delivered_hi from threads") != [["1"]]:
            assert time.monotonic() < deadline, "the delivery is not marked"
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sender.abort()
        self.receiver.abort()

    def connect(self):
        self.sender = Opcode(self.gw, self.gw.token(self.ada))
        self.receiver = Opcode(self.gw, self.gw.token(self.sam))

    def check_silence(self):
        for client, seconds in ((self.sender, SILENCE), (self.receiver, 0)):
            assert client.is_quiet(seconds), \
                f"told while the row cannot be committed: {bytes(client.buffer)!r}"

    def check_delivery(self, text):
        """Confirmed once and delivered once; returns the message's UUID."""
        uuid = self.sender.event("MESSAGE_SENT")["message_id"]
        message = self.receiver.event("MESSAGE")
        assert (message["id"], message["message"]) == (uuid, text)
        # The next of each tells that there was no second one of this.
        last = self.sender.say(self.sam, "last of " + text)
        assert self.receiver.event("MESSAGE")["id"] == last
        assert not self.sender.seen and not self.receiver.seen
        return uuid


def uuids_of(psql, text):
    return [row[0] for row in psql(f"select uuid from messages where text = '{text}'")]


def await_rows(psql, text, count=1):
    deadline = time.monotonic() + 30
    while len(uuids_of(psql, text)) < count:
        assert time.monotonic() < deadline, f"{text!r} is not stored"
        time.sleep(0.05)


WAITING = ("select pid from pg_stat_activity "
           "where wait_event_type = 'Lock' and pid <> pg_backend_pid()")


def await_waiting(psql, count=1):
    """Waits until so many of the gateway's connections hang on a lock; returns their pids."""
    deadline = time.monotonic() + 30
    while True:
        pids = [row[0] for row in psql(WAITING)]
        if len(pids) >= count:
            return pids
        assert time.monotonic() < deadline, "nobody waits for the lock"
        time.sleep(0.05)


LOCK = ("begin", "lock table messages in access exclusive mode")
LOCK_THREADS = ("begin", "lock table threads in access exclusive mode")
# Lets others read, which a client that logs in must.
LOCK_WRITERS = ("begin", "lock table messages in exclusive mode")


@pytest.mark.parametrize("lock", [LOCK, LOCK_THREADS], ids=["messages", "threads"])
def test_no_confirmation_before_commit(lock):
    with Gateway() as gw, Pair(gw) as pair:
        with gw.psql_session(*lock) as run:
            pair.sender.put_message(pair.sam, "held")
            await_waiting(gw.psql)
            pair.check_silence()
            run("commit")
        uuid = pair.check_delivery("held")
        assert uuids_of(gw.psql, "held") == [uuid]


def test_gateway_killed_and_restarted_under_the_lock():
    with Gateway() as gw, Pair(gw) as pair:
        with gw.psql_session(*LOCK_WRITERS) as run:
            pair.sender.put_message(pair.sam, "orphan")
            await_waiting(gw.psql)
            gw.kill9()
            gw.start()
            pair.connect()
            pair.sender.put_message(pair.sam, "after")
            await_waiting(gw.psql)
            pair.check_silence()
            run("commit")
        uuid = pair.sender.event("MESSAGE_SENT")["message_id"]
        assert uuids_of(gw.psql, "after") == [uuid]
        # The backend of the dead gateway may have carried it out, once, or not.
        assert len(uuids_of(gw.psql, "orphan")) <= 1
        dense = gw.psql("select count(*) = max(seq) from messages group by thread_id")
        assert dense == [("t",)]


def test_connection_ended_under_the_lock():
    with Gateway() as gw, Pair(gw) as pair:
        with gw.psql_session(*LOCK) as run:
            pair.sender.put_message(pair.sam, "held")
            for _ in range(3):
                for pid in await_waiting(gw.psql):
                    gw.psql(f"select pg_terminate_backend({pid})")
                pair.check_silence()
            await_waiting(gw.psql)
            run("commit")
        uuid = pair.check_delivery("held")
        assert uuids_of(gw.psql, "held") == [uuid]


def test_database_killed_under_the_lock():
    with Gateway() as gw, Pair(gw) as pair:
        with contextlib.ExitStack() as stack:
            stack.enter_context(gw.psql_session(*LOCK))
            pair.sender.put_message(pair.sam, "held")
            await_waiting(gw.psql)
            # The lock dies with the database; what waits for it must not.
            gw.kill9_postgres()
            uuid = pair.check_delivery("held")
        assert uuids_of(gw.psql, "held") == [uuid]


@contextlib.contextmanager
def gateway_behind_proxy(**settings):
    """A gateway whose every connection to its database goes through a proxy."""
    with Postgres() as pg, Proxy(pg.port) as proxy:
        # By a file, which the verbs read as well.
        config = {"database": {"url": pg.url(proxy.port)}}
        with Gateway(config=config, settings=settings) as gw:
            yield gw, pg, proxy


@contextlib.contextmanager
def session_of(pg, *statements):
    """Gateway.psql_session, on a database that is not the gateway's own."""
    class Place:
        psql_args = pg.psql_args
    with Gateway.psql_session(Place, *statements) as run:
        yield run


def test_cut_under_the_lock_while_the_backend_lives_on():
    with gateway_behind_proxy() as (gw, pg, proxy), Pair(gw, pg.psql) as pair:
        with session_of(pg, *LOCK) as run:
            pair.sender.put_message(pair.sam, "held")
            await_waiting(pg.psql)
            proxy.cut()
            # The orphan waits for the table, the gateway's second try for the orphan.
            await_waiting(pg.psql, count=2)
            pair.check_silence()
            run("commit")
        uuid = pair.check_delivery("held")
        assert uuids_of(pg.psql, "held") == [uuid]


def test_cut_twice_under_the_lock():
    with gateway_behind_proxy() as (gw, pg, proxy), Pair(gw, pg.psql) as pair:
        with session_of(pg, *LOCK) as run:
            pair.sender.put_message(pair.sam, "held")
            await_waiting(pg.psql)
            for count in (2, 3):
                proxy.cut()
                await_waiting(pg.psql, count=count)
            pair.check_silence()
            run("commit")
        uuid = pair.check_delivery("held")
        assert uuids_of(pg.psql, "held") == [uuid]


def test_answer_lost_after_commit():
    with gateway_behind_proxy() as (gw, pg, proxy), Pair(gw, pg.psql) as pair:
        proxy.hold_answers()
        pair.sender.put_message(pair.sam, "lost answer")
        await_rows(pg.psql, "lost answer")
        pair.check_silence()
        proxy.cut()
        uuid = pair.check_delivery("lost answer")
        assert uuids_of(pg.psql, "lost answer") == [uuid]


def test_request_lost_before_the_database():
    with gateway_behind_proxy() as (gw, pg, proxy), Pair(gw, pg.psql) as pair:
        proxy.hold_requests()
        pair.sender.put_message(pair.sam, "lost request")
        pair.check_silence()
        assert not uuids_of(pg.psql, "lost request")
        proxy.cut()
        uuid = pair.check_delivery("lost request")
        assert uuids_of(pg.psql, "lost request") == [uuid]


def test_gateway_killed_between_commit_and_answer():
    with gateway_behind_proxy() as (gw, pg, proxy), Pair(gw, pg.psql) as pair:
        proxy.hold_answers()
        pair.sender.put_message(pair.sam, "unheard")
        await_rows(pg.psql, "unheard")
        gw.kill9()
        proxy.cut()
        gw.start()
        pair.connect()
        pair.sender.put_message(pair.sam, "next")
        uuid = pair.check_delivery("next")
        assert uuids_of(pg.psql, "next") == [uuid]
        assert len(uuids_of(pg.psql, "unheard")) == 1


def test_no_database_for_longer_than_a_command_waits():
    with gateway_behind_proxy(**{"database.wait_ms": 1000}) as (gw, pg, proxy), \
            Pair(gw, pg.psql) as pair:
        proxy.refuse()
        proxy.cut()
        gw.wait_log("the store is down")
        pair.sender.put_message(pair.sam, "in vain")
        assert pair.sender.outcome() == ([4000], 1005)
        proxy.accept()
        pair.connect()
        pair.sender.put_message(pair.sam, "again")
        pair.check_delivery("again")
        # What was refused for sure may not appear later on.
        proxy.drop_orphans()
        assert not uuids_of(pg.psql, "in vain")


def test_uncertain_write_waits_for_its_outcome():
    """Longer than other commands do: only the database knows whether it is stored."""
    with gateway_behind_proxy(**{"database.wait_ms": 1000}) as (gw, pg, proxy), \
            Pair(gw, pg.psql) as pair:
        proxy.hold_answers()
        pair.sender.put_message(pair.sam, "uncertain")
        await_rows(pg.psql, "uncertain")
        proxy.refuse()
        proxy.cut()
        for _ in range(3):
            pair.check_silence()
        proxy.accept()
        uuid = pair.check_delivery("uncertain")
        assert uuids_of(pg.psql, "uncertain") == [uuid]


def test_cuts_in_a_stream():
    with gateway_behind_proxy(**{"limits.rate": 0}) as (gw, pg, proxy):
        with Crowd(gw) as crowd:
            for _ in range(8):
                crowd.progress()
                proxy.cut()
            crowd.progress()
        check_account(crowd, pg.psql)
        # Nobody noticed: the gateway lived, so nothing had to end unconfirmed.
        assert len(crowd.confirmed) == len(crowd.sent)
        assert not any(sender.losses for sender in crowd.senders)


def test_stop_while_the_database_says_nothing():
    with gateway_behind_proxy(**{"limits.drain_ms": 500}) as (gw, pg, proxy), \
            Pair(gw, pg.psql) as pair:
        proxy.hold_answers()
        pair.sender.put_message(pair.sam, "at the end")
        await_rows(pg.psql, "at the end")
        gw.process.send_signal(signal.SIGTERM)
        # It would wait for ever; the row is there, the confirmation is not.
        assert gw.process.wait(45) == 0
        gw.check_log()
        with pytest.raises(Closed):
            while True:
                assert pair.sender.recv_json()["e"] != "MESSAGE_SENT"
