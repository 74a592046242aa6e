"""kill -9 of PostgreSQL's processes while the gateway lives: it brings its own cluster back, and
takes up another's when that is back."""

import os
import pathlib
import random
import signal

from gateway import Gateway
from postgres import Postgres
from stream import Crowd, check_account

LONG = os.environ.get("TESTS_LONG") == "1"
ROUNDS = 20 if LONG else 3


def children(pid):
    """pid -> what it calls itself"""
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            found[int(folder.name)] = title
    return found


def kill_one(postmaster, what):
    """SIGKILL to one of the postmaster's processes whose title holds `what`."""
    victims = [pid for pid, title in children(postmaster).items() if what in title]
    assert victims, f"no {what} among {children(postmaster)}"
    os.kill(random.choice(victims), signal.SIGKILL)


def test_kill_of_the_postmaster():
    with Gateway(settings={"limits.rate": 0}) as gw:
        with Crowd(gw) as crowd:
            for _ in range(ROUNDS):
                crowd.progress()
                gw.kill9_postgres()
            crowd.progress()
        check_account(crowd, gw.psql)


def test_kill_of_single_processes():
    with Gateway(settings={"limits.rate": 0}) as gw:
        with Crowd(gw) as crowd:
            # A connection of the gateway's, then others whose death resets all of them.
            for what in (["dragoman dragoman", "walwriter", "checkpointer"] * ROUNDS)[:ROUNDS]:
                crowd.progress()
                kill_one(gw.postgres_pid(), what)
            crowd.progress()
        check_account(crowd, gw.psql)


def test_kill_of_both_at_once():
    with Gateway(settings={"limits.rate": 0}) as gw:
        with Crowd(gw) as crowd:
            for _ in range(ROUNDS if LONG else 1):
                crowd.progress()
                gw.kill9_postgres()
                gw.kill9()
                gw.start()
            crowd.progress()
        check_account(crowd, gw.psql)


def test_connections_ended_by_an_administrator():
    with Gateway(settings={"limits.rate": 0}) as gw:
        with Crowd(gw) as crowd:
            for _ in range(ROUNDS):
                crowd.progress()
                gw.psql("select pg_terminate_backend(pid) from pg_stat_activity "
                        "where pid <> pg_backend_pid() and backend_type = 'client backend'")
            crowd.progress()
        check_account(crowd, gw.psql)


def test_restart_of_a_foreign_database():
    with Postgres() as pg, Gateway(config={"database": {"url": pg.url()}},
                                   settings={"limits.rate": 0}) as gw:
        with Crowd(gw) as crowd:
            for sign in [signal.SIGINT, signal.SIGQUIT] * (5 if LONG else 1):
                crowd.progress()
                pg.process.send_signal(sign)
                pg.process.wait(60)
                pg.start()
            crowd.progress()
        check_account(crowd, pg.psql)
