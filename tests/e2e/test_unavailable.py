"""What each dialect says while the database is away, and how each ends what is out of bounds."""

import datetime
import itertools
import json
import re
import time

import pytest

from dialects import (CasamsaPeer, PubsubPeer, PymessagePeer, SaletickPeer, get, make_user,
                      until)
from outage import Outage
from wire import WebSocket, call


class Away(Outage):
    """With two users of the gateway."""

    def __init__(self, gateway):
        super().__init__(gateway)
        self.ada, self.bob = make_user(gateway), make_user(gateway)


def test_an_outage_is_told_once(make_gateway):
    """All the more, by each connection, at the level debug."""
    owner = make_gateway()
    gw = make_gateway(settings={
        "log.level": "debug",
        "database.url": f"host={owner.state}/run user=dragoman dbname=dragoman"})
    owner.stop()

    def told(level, use):
        return re.findall(rf'ts=(\S+) level={level} msg="database connection (?:lost|failed)" '
                          rf"connection=(?:{use}) ", gw.log)

    for use in ("read", "write"):
        until(lambda: len(told("debug", use)) >= 10, "it is tried again and again", timeout=60)
    times = [datetime.datetime.fromisoformat(ts) for ts in told("warning", "read|write")]
    assert times
    assert all(later - earlier >= datetime.timedelta(seconds=59)
               for earlier, later in itertools.pairwise(times))


@pytest.fixture
def away(make_gateway):
    away = Away(make_gateway(settings={"database.wait_ms": 100, "log.level": "debug"}))
    yield away
    away.give_back()


def test_saletick(away):
    with SaletickPeer(away.gateway, away.ada) as peer:
        away.take()
        peer.say(away.bob, "x")
        assert peer.expect_close() == (1011, [])


def test_saletick_rest(away):
    token = {"Authorization": f"Bearer {away.ada['token']}"}
    path = f"/saletick/chat/messages/{away.bob['uuid']}/"
    assert call(away.gateway.url, path=path, headers=token).status == 200
    away.take()
    answer = call(away.gateway.url, path=path, headers=token)
    assert answer.status == 503
    assert answer.body == b'{"detail":"Service temporarily unavailable, try again later."}'
    assert int(answer.headers["retry-after"]) > 0


def test_casamsa(away):
    with CasamsaPeer(away.gateway, away.ada) as peer:
        away.take()
        peer.call("create_chat", users=[away.bob["id"]], event_response_key={"k": 1})
        assert peer.event("error") == {"type": "system_error", "detail": "Service unavailable",
                                       "event_response_key": {"k": 1}}
        # The socket stays, and is good again when the database is.
        away.give_back()
        frame = None
        while not frame or frame["type"] != "chat_created":
            peer.call("create_chat", users=[away.bob["id"]], title="again")
            frame = peer.recv_json()
            assert frame["type"] == "chat_created" or \
                frame["data"]["detail"] == "Service unavailable"


def test_pymessage(away):
    with PymessagePeer(away.gateway, away.ada) as peer:
        away.take()
        peer.send_json({"type": "get_friends"})
        assert peer.recv_json() == {"type": "error", "error": "service unavailable"}
        away.give_back()
        frame = None
        while not frame or frame["type"] != "friends_resp":
            peer.send_json({"type": "get_friends"})
            frame = peer.recv_json()
            assert frame["type"] == "friends_resp" or frame["error"] == "service unavailable"


def test_pymessage_rest(away):
    away.take()
    assert get(away.gateway, "/pymessage/get_user?id=12") == (
        503, {"error": "service unavailable"})


def test_pubsub(away):
    with PubsubPeer(away.gateway, away.ada) as peer:
        away.take()
        peer.say(away.bob, "lost")
        # The socket stays, and the unanswered event is never answered.
        away.give_back()
        while True:
            peer.say(away.bob, "again")
            if not peer.is_silent(0.2):
                break
    texts = {row[0] for row in away.gateway.psql("select text from messages")}
    assert texts == {"again"}


def test_pubsub_rest(away):
    away.take()
    account = {"username": away.ada["username"], "password": "x"}
    answer = call(away.gateway.url, "POST", "/pubsub/api/auth/login", body=account)
    assert (answer.status, json.loads(answer.body)) == (503, {"error": "Service Unavailable"})


def test_pubsub_over_the_rate(make_gateway):
    gateway = make_gateway(settings={"pubsub.rate": 1, "pubsub.burst": 5})
    ada = make_user(gateway)
    with PubsubPeer(gateway, ada) as peer:
        for n in range(20):
            peer.send_text(f'42/chat,{n}["fetch-unread-chats-count",{{"user":"x"}}]')
        answers = []
        while len(answers) < 4 or not peer.is_quiet(0.3):
            answers.append(peer.recv())
        assert answers[0] == '43/chat,0[{"unreadChatsCount":0}]'
        assert 4 <= len(answers) == len(set(answers)) < 20
        # It goes on when there is room again.
        time.sleep(1.1)
        assert peer.ask("fetch-unread-chats-count", {"user": "x"}) == {"unreadChatsCount": 0}


def test_a_login_while_the_database_is_away(away):
    login = {"type": "login", "username": away.ada["username"], "pin": away.ada["pin"]}
    with WebSocket(away.gateway.ws_url + "/pymessage/") as peer:
        away.take()
        peer.send_json(login)
        assert peer.recv_json() == {"type": "error", "error": "service unavailable"}
        away.give_back()
        frame = None
        while not frame or frame["type"] != "resp":
            peer.send_json(login)
            frame = peer.recv_json()
            assert frame["type"] == "resp" or frame["error"] == "service unavailable"


def test_nobody_logs_in(make_gateway):
    gateway = make_gateway(settings={"casamsa.auth_timeout_ms": 2000,
                                     "pymessage.auth_timeout_ms": 2000})
    with WebSocket(gateway.ws_url + "/casamsa/ws/chat/") as casamsa, \
            WebSocket(gateway.ws_url + "/pymessage/") as pym:
        casamsa.send_json({"method": "auth"})
        assert casamsa.recv_json()["data"]["type"] == "field_error"
        assert casamsa.expect_close() == (1008, [])
        assert pym.expect_close() == (1008, [])
    # Who is in may stay.
    with CasamsaPeer(gateway, make_user(gateway)) as peer:
        assert peer.is_silent(2.5)


def test_throttled_rest_is_429(make_gateway):
    gateway = make_gateway(settings={"limits.rate": 1, "limits.burst": 5})
    ada = make_user(gateway)
    answers = [get(gateway, "/saletick/chat/user/threads/", ada["token"]) for _ in range(10)]
    assert answers[0][0] == 200
    assert answers[-1] == (429, {"detail": "Request was throttled."})
