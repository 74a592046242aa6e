"""A database that is there and answers nothing: each command ends as when it is away, but for a
write that it may have carried out."""

import contextlib
import json

import pytest

from dialects import OpcodePeer, PymessagePeer, make_user
from outage import frozen
from wire import WebSocket, call


@pytest.fixture(name="gateway")
def fixture_gateway(make_gateway):
    return make_gateway(settings={"database.wait_ms": 500, "pymessage.offline": "store"})


REQUESTS = {
    "opcode login": ("POST", "/opcode/oauth/token", lambda user: {
        "username": user["username"], "password": "Analytical", "grant_type": "password",
        "client_id": "x"}),
    "opcode threads": ("GET", "/opcode/thread", None),
    "saletick threads": ("GET", "/saletick/chat/user/threads/", None),
    "pubsub login": ("POST", "/pubsub/api/auth/login", lambda user: {
        "username": user["username"], "password": "Analytical"}),
    "pymessage user": ("GET", "/pymessage/get_user?id=12", None),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_rest(gateway, name):
    method, path, body = REQUESTS[name]
    user = make_user(gateway, password="Analytical")

    def ask():
        headers = {} if body else {"Authorization": f"Bearer {user['token']}"}
        return call(gateway.url, method, path, headers,
                    body and json.dumps(body(user)).encode())

    with frozen(gateway):
        answers = [ask() for _ in range(2)]
    assert [answer.status for answer in answers] == [503, 503]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    gateway.wait_log('level=warning msg="the database does not answer in time"')
    while (answer := ask()).status == 503:
        pass
    assert answer.status < 500


def test_pymessage_login(gateway):
    user = make_user(gateway)
    login = {"type": "login", "username": user["username"], "pin": user["pin"]}
    with WebSocket(gateway.ws_url + "/pymessage/") as peer:
        with frozen(gateway):
            peer.send_json(login)
            assert peer.recv_json() == {"type": "error", "error": "service unavailable"}
        peer.send_json(login)
        assert peer.recv_json() == {"type": "resp", "id": user["id"]}


def test_messages(gateway):
    """What was sent to the database is answered when it answers; of the others none is stored."""
    reader = make_user(gateway)
    senders = [make_user(gateway) for _ in range(6)]
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(OpcodePeer(gateway, reader))
        peers = [stack.enter_context(PymessagePeer(gateway, user)) for user in senders]
        for peer in peers:
            peer.say(reader, "before")
            peer.next("sent")
            shown.next("pushed")
        with frozen(gateway):
            for peer in peers:
                peer.say(reader, f"from {peer.user['id']}")
                assert peer.is_silent(0.05)
            refused = [peer for peer in peers if not peer.is_silent(2)]
            for peer in refused:
                assert peer.recv_json() == {"type": "error", "error": "service unavailable"}
        stored = [peer for peer in peers if peer not in refused]
        assert refused and stored
        for peer in stored:
            assert peer.next().kind == "sent"
        texts = {f"from {peer.user['id']}" for peer in stored}
        assert {shown.next("pushed").text for _ in stored} == texts
        assert shown.is_silent()
        rows = gateway.psql("select text from messages where text like 'from %'")
        assert sorted(row[0] for row in rows) == sorted(texts)
        assert all(peer.is_silent(0) for peer in peers)
