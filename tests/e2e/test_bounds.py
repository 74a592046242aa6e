"""Who asks for much and reads nothing, or sends for ever, is bounded, and alone in that."""

import contextlib
import json
import socket
import time

import pytest

from gateway import Gateway
from pubsub_client import PATH, Client, Polling
from wire import Connection, call

TEXT = "x" * 60000


@pytest.fixture(scope="module")
def bounded():
    with Gateway(settings={"limits.user_requests": 4, "limits.response_bytes": 20000000,
                           "limits.body_ms": 1500, "limits.rate": 0}) as gw:
        yield gw


def page_of(gw, messages=100):
    """A user with a thread of that many long messages: (head of a request for them, user)."""
    ada, bob = gw.add_user(), gw.add_user()
    token = gw.token(ada)
    fields = {"Authorization": f"Bearer {token}"}
    answer = call(gw.url, "POST", "/opcode/thread", fields, {"to": bob["uuid"], "message": TEXT})
    thread = json.loads(answer.body)["id"]
    for _ in range(messages - 1):
        call(gw.url, "POST", f"/opcode/thread/{thread}", fields, {"message": TEXT})
    return (f"GET /opcode/thread/{thread}?page_size={messages} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token}\r\n\r\n").encode(), token


def ask(stack, gw, head, source="127.0.0.1"):
    """Asks and reads the status line only."""
    conn = stack.enter_context(Connection(gw.host, gw.port, source=source))
    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    conn.send(head)
    return conn, int(conn.read(12).split()[1])


def until_status(gw, token, status):
    deadline = time.monotonic() + 30
    while call(gw.url, path="/opcode/thread",
               headers={"Authorization": f"Bearer {token}"}).status != status:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_unread_responses_of_one_user_are_bounded(bounded):
    head, token = page_of(bounded)
    other = bounded.token(bounded.add_user())
    with contextlib.ExitStack() as stack:
        statuses = [ask(stack, bounded, head)[1] for _ in range(6)]
        assert statuses == [200] * 4 + [429] * 2
        answer = call(bounded.url, path="/opcode/profile",
                      headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 429 and answer.headers["retry-after"]
        assert json.loads(answer.body) == {"message": "Too Many Requests"}
        assert call(bounded.url, path="/opcode/profile",
                    headers={"Authorization": f"Bearer {other}"}).status == 200
    until_status(bounded, token, 200)


def test_responses_that_are_read_do_not_count(bounded):
    head, _ = page_of(bounded)
    with Connection(bounded.host, bounded.port) as conn:
        for _ in range(12):
            conn.send(head)
            assert conn.response().status == 200


def test_unread_responses_of_all_are_bounded(bounded):
    other = bounded.token(bounded.add_user())
    heads = [page_of(bounded)[0] for _ in range(3)]
    with contextlib.ExitStack() as stack:
        statuses = [ask(stack, bounded, head)[1] for head in heads * 4]
        assert statuses[0] == 200 and statuses[-1] == 503, statuses
        answer = call(bounded.url, path="/opcode/profile",
                      headers={"Authorization": f"Bearer {other}"})
        assert answer.status == 503 and answer.headers["retry-after"]
        assert json.loads(answer.body) == {"message": "Service Unavailable"}
    until_status(bounded, other, 200)


def test_unread_responses_of_one_address_are_bounded(make_gateway):
    """However many users come from there; others have room."""
    gw = make_gateway(settings={"limits.address_response_bytes": 20000000, "limits.exempt": "unix",
                                "limits.rate": 0})
    heads = [page_of(gw)[0] for _ in range(3)]
    with contextlib.ExitStack() as stack:
        statuses = [ask(stack, gw, head)[1] for head in heads * 4]
        assert statuses[0] == 200 and statuses[-1] == 429, statuses
        assert ask(stack, gw, heads[0], source="127.0.0.2")[1] == 200
        conn, status = ask(stack, gw, heads[0])
        assert status == 429 and b"retry-after" in conn.read_until(b"\r\n\r\n").lower()
    with contextlib.ExitStack() as stack:
        deadline = time.monotonic() + 30
        while ask(stack, gw, heads[0])[1] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_what_polls_leave_unread_is_theirs(make_gateway):
    """On a connection of a proxy, which has borne a request of another address before."""
    gw = make_gateway(settings={"limits.address_response_bytes": 200000, "limits.rate": 0,
                                "limits.send_queue_bytes": 100000000,
                                "trusted_proxies": "127.0.0.0/8"})
    ada, bob = gw.add_user(), gw.add_user()
    head = (f"GET /opcode/thread HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gw.token(ada)}\r\n"
            "X-Forwarded-For: 192.0.2.1\r\n\r\n").encode()
    writer, session = Client(gw, ada), Polling(gw)
    for _ in range(100):
        writer.ask("send-message", {"user": bob["username"], "message": TEXT})
    session.post("40/chat," + json.dumps({"token": gw.token(bob)}))
    session.wait("40/chat,")
    fetch = json.dumps(["fetch-conversation-with-user", {"user": ada["username"]}])
    done = json.dumps(["send-message", {"user": ada["username"], "message": "done"}])
    session.post(*(f"42/chat,{i}{fetch}" for i in range(10)), f"42/chat,10{done}")
    assert "done" in writer.packet()
    with contextlib.ExitStack() as stack:
        conn = stack.enter_context(Connection(gw.host, gw.port))
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        conn.send(head)
        assert conn.response().status == 200
        conn.send(f"GET {PATH}?{session.query} HTTP/1.1\r\nHost: x\r\n"
                  "X-Forwarded-For: 192.0.2.2\r\n\r\n".encode())
        assert conn.read(12).split()[1] == b"200"
        assert ask(stack, gw, head)[1] == 200
        assert ask(stack, gw, head.replace(b"2.1", b"2.2"))[1] == 429


def test_body_that_trickles_is_cut_off(bounded):
    with Connection(bounded.host, bounded.port) as conn:
        conn.send(b"POST /opcode/register HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(300):
            if not conn.is_quiet(0.1):
                break
            conn.send(b" ")
        assert conn.response().status == 408
        assert conn.ends()
