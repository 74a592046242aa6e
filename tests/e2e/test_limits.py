"""Limits and their answers: rates, times, queues, slow readers, and that nobody else notices."""

import json
import socket
import threading
import time

import pytest

from gateway import Gateway
from opcode_client import Opcode, rest
from wire import TEXT, Closed, Connection, Refused, WebSocket, call, encode_frame, upgrade_head


def pair_of(gw):
    ada, sam = gw.add_user(), gw.add_user()
    return ada, sam, gw.token(ada), gw.token(sam)


def say_frame(to, text):
    return encode_frame(TEXT, json.dumps(
        {"o": 0, "e": "SEND_MESSAGE", "d": {"to": to["uuid"], "message": text}}).encode())


# ---- rate ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def slow_rate():
    with Gateway(settings={"limits.rate": 5, "limits.burst": 10}) as gw:
        yield gw


def test_rate_limit_closes_with_4008(slow_rate):
    gw = slow_rate
    ada, sam, token, _ = pair_of(gw)
    with Opcode(gw, token) as client, Opcode(gw, gw.token(ada)) as other:
        client.send(b"".join(say_frame(sam, f"burst {i}") for i in range(40)))
        assert client.outcome() == ([4008], 1005)
        # It is a session's rate: the user's other socket goes on.
        assert other.say(sam, "still here")
    stored = int(gw.psql("select count(*) from messages where text like 'burst %'")[0][0])
    assert 0 < stored < 40


def test_within_the_rate_nothing_happens(slow_rate):
    gw = slow_rate
    _, sam, token, _ = pair_of(gw)
    with Opcode(gw, token) as client:
        for i in range(12):
            client.say(sam, f"calm {i}")
            time.sleep(0.25)


def test_rate_limit_before_the_login(slow_rate):
    with Opcode(slow_rate) as stranger:
        stranger.send(encode_frame(TEXT, b'{"o":0,"d":{},"e":"x"}') * 40)
        codes, closed = stranger.outcome()
        assert codes[0] in (4003, 4008) and closed == 1005


def test_rate_limit_of_rest_is_429(slow_rate):
    gw = slow_rate
    _, _, token, other = pair_of(gw)
    codes = [rest(gw, "GET", "/thread", token)[0] for _ in range(40)]
    assert codes[0] == 200 and 429 in codes and set(codes) <= {200, 429}
    answer = call(gw.url, path="/opcode/thread", headers={"Authorization": f"Bearer {token}"})
    if answer.status == 429:
        assert int(answer.headers["retry-after"]) >= 1
    assert rest(gw, "GET", "/thread", other)[0] == 200


def test_rate_0_is_none(make_gateway):
    gw = make_gateway(settings={"limits.rate": 0})
    _, sam, token, _ = pair_of(gw)
    with Opcode(gw, token) as client:
        for _ in range(10):
            client.send(b"".join(say_frame(sam, "x") for _ in range(300)))
            for _ in range(300):
                client.event("MESSAGE_SENT")


# ---- times -----------------------------------------------------------------------------------

AUTH_S = 2  # ample for whoever does log in, on a slow machine


@pytest.fixture(scope="module")
def impatient():
    with Gateway(settings={"opcode.auth_timeout_ms": AUTH_S * 1000,
                           "limits.handshake_ms": AUTH_S * 1000}) as gw:
        yield gw


def test_no_login_in_time_closes_with_4009(impatient):
    begun = time.monotonic()
    with Opcode(impatient) as stranger:
        assert stranger.outcome() == ([4009], 1005)
        assert time.monotonic() - begun > AUTH_S / 2


def test_frames_do_not_prolong_the_time_for_the_login(impatient):
    with Opcode(impatient) as stranger:
        stranger.send_frame(TEXT, b'{"o":', fin=False)
        assert stranger.outcome() == ([4009], 1005)


def test_logged_in_sockets_may_be_silent(impatient):
    with Opcode(impatient, impatient.token(impatient.add_user())) as client:
        assert client.is_quiet(AUTH_S + 0.5)


# ---- texts -----------------------------------------------------------------------------------

def test_texts_that_cannot_be_stored_get_no_answer(gateway):
    _, sam, token, other = pair_of(gateway)
    with Opcode(gateway, token) as client, Opcode(gateway, other) as receiver:
        client.put_message(sam, "x" * 65537)
        client.put_message(sam, "ü" * 32769)
        client.send_text('{"o":0,"e":"SEND_MESSAGE","d":{"to":"%s","message":"a\\u0000b"}}'
                         % sam["uuid"])
        client.put_message(sam, "")
        client.put_message(sam, "good")
        uuid = client.event("MESSAGE_SENT")["message_id"]
        assert receiver.event("MESSAGE")["id"] == uuid
        assert not client.seen and not receiver.seen


def test_lone_surrogate_is_not_stored_changed(gateway):
    _, sam, token, _ = pair_of(gateway)
    with Opcode(gateway, token) as client:
        client.send_text('{"o":0,"e":"SEND_MESSAGE","d":{"to":"%s","message":"a\\ud800b"}}'
                         % sam["uuid"])
        assert client.outcome() == ([4002], 1005)


def test_texts_arrive_as_they_were_sent(gateway):
    _, sam, token, other = pair_of(gateway)
    texts = ["x" * 65536, "ü" * 32768, "😀" * 16384, " \t\r\n", "\x01\x1f\x7f\"\\/",
             "\u2028\ufeff\uffff", "a\u0301", "</script>", "'; drop table messages; --", "{1,2}", "\\x41", "NULL"]
    with Opcode(gateway, token) as client, Opcode(gateway, other) as receiver:
        for text in texts:
            client.say(sam, text)
            assert receiver.event("MESSAGE")["message"] == text


# ---- queues ----------------------------------------------------------------------------------

def test_flood_of_one_session_has_a_defined_end(make_gateway):
    """More commands than may wait: either all are confirmed, because reading pauses, or the
    session is told 4000; what was confirmed is stored and the others do not notice."""
    gw = make_gateway(settings={"limits.rate": 0, "limits.queue_max": 16})
    _, sam, token, other = pair_of(gw)
    count = 3000
    with Opcode(gw, token) as client, Opcode(gw, gw.token(gw.add_user())) as calm:
        flood = threading.Thread(target=_ignoring_errors, args=(
            client.send, b"".join(say_frame(sam, f"flood {i}") for i in range(count))))
        flood.start()
        calm.say(sam, "calm")
        confirmed, codes = 0, []
        try:
            while confirmed < count:
                frame = client.recv_json()
                confirmed += frame["e"] == "MESSAGE_SENT"
                codes += [frame["o"]] if frame["o"] else []
        except Closed:
            assert codes == [4000]
        flood.join()
        calm.say(sam, "calm")
    stored = int(gw.psql("select count(*) from messages where text like 'flood %'")[0][0])
    assert confirmed <= stored <= count
    assert codes == [4000] or confirmed == count
    with Opcode(gw, other) as receiver:
        assert receiver.ready["unread_threads"] == 2


def _ignoring_errors(function, *args):
    try:
        function(*args)
    except OSError:
        pass


def test_slow_consumer_slows_nobody(make_gateway):
    """A recipient that does not read: the sender and other recipients go on, memory stays bounded,
    the slow one loses its socket and nothing else."""
    gw = make_gateway(settings={"limits.rate": 0, "limits.send_queue_bytes": 262144})
    ada, sam, token, _ = pair_of(gw)
    eve = gw.add_user()
    slow = Connection(gw.host, gw.port)
    slow.sock.close()
    slow.sock = socket.socket()
    slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sock.connect((gw.host, gw.port))
    slow.__class__ = Opcode
    _log_in_by_hand(slow, gw.token(sam))
    text = "x" * 60000
    with Opcode(gw, token) as sender, Opcode(gw, gw.token(eve)) as quick, \
            Opcode(gw, gw.token(sam)) as other:
        for i in range(200):
            sender.put_message(sam, text)
            sender.event("MESSAGE_SENT", timeout=30)
            assert other.event("MESSAGE", timeout=30)["message"] == text
            if i % 20 == 0:
                sender.say(eve, "quick")
                quick.event("MESSAGE", timeout=30)
    assert rest(gw, "GET", "/thread", gw.token(sam))[1][0]["message_count"] == 200
    # What came for the slow one is whole frames, then the end.
    received = 0
    with pytest.raises(Closed):
        while True:
            received += slow.recv_json()["e"] == "MESSAGE"
    assert 0 < received < 200
    slow.abort()


def _log_in_by_hand(slow, token):
    slow.buffer, slow.seen = b"", []
    slow.send(upgrade_head("/opcode/ws", "x", "dGhlIHNhbXBsZSBub25jZQ=="))
    assert slow.response().status == 101
    assert slow.recv_json()["o"] == 10
    slow.identify(token)


# ---- numbers ---------------------------------------------------------------------------------

def test_many_sockets_of_one_user_all_hear(gateway):
    ada, sam, token, other = pair_of(gateway)
    receivers = [Opcode(gateway, other) for _ in range(200)]
    senders = [Opcode(gateway, token) for _ in range(50)]
    try:
        uuids = []
        for i, client in enumerate(senders[:3]):
            client.put_message(sam, f"from socket {i}")
            uuids.append(receivers[0].event("MESSAGE")["id"])
        for receiver in receivers[1:]:
            assert [receiver.event("MESSAGE")["id"] for _ in uuids] == uuids
        # Every socket of the sender is told, wherever it was sent from.
        for client in senders:
            assert [client.event("MESSAGE_SENT")["message_id"] for _ in uuids] == uuids
    finally:
        for one in receivers + senders:
            one.abort()


def test_order_is_the_same_for_everybody(make_gateway):
    """Two users write into one thread at once; all sockets see one order per thread."""
    gw = make_gateway(settings={"limits.rate": 0})
    ada, sam, token, other = pair_of(gw)
    with Opcode(gw, token) as first, Opcode(gw, other) as second:
        first.say(sam, "hello")
        second.event("MESSAGE")
        for i in range(150):
            first.put_message(sam, f"a{i}")
            second.put_message(ada, f"s{i}")
        heard = {}
        for name, client in (("sam", second), ("ada", first)):
            texts, sent = [], 0
            while len(texts) < 150 or sent < 150:
                frame = client.recv_json()
                assert frame["o"] == 0
                if frame["e"] == "MESSAGE":
                    texts.append(frame["d"]["message"])
                else:
                    sent += 1
            heard[name] = texts
    assert heard["sam"] == [f"a{i}" for i in range(150)]
    assert heard["ada"] == [f"s{i}" for i in range(150)]
    stored = gw.psql("select text from messages order by thread_id, seq")
    assert [t for t, in stored if t.startswith("a")] == heard["sam"]
    assert [t for t, in stored if t.startswith("s")] == heard["ada"]


def test_connection_limit(make_gateway):
    gw = make_gateway(settings={"limits.connections": 5})
    held = [Connection(gw.host, gw.port) for _ in range(5)]
    for conn in held:
        conn.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert conn.response().status == 404
    with Connection(gw.host, gw.port) as surplus:
        try:
            surplus.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            surplus.ends()
        except OSError:
            pass
        assert surplus.buffer == b"" or surplus.buffer.startswith(b"HTTP/1.1 503 ")
    held.pop().abort()
    deadline = time.monotonic() + 30
    while True:
        try:
            if call(gw.url, path="/nothing").status == 404:
                break
        except (OSError, EOFError):
            pass
        assert time.monotonic() < deadline, "the place that was left is not given again"
        time.sleep(0.05)
    for conn in held:
        conn.abort()


def test_more_peers_than_descriptors(make_gateway):
    """Out of descriptors, the gateway keeps serving those it has and recovers."""
    gw = make_gateway(wrapper=["prlimit", "--nofile=160:160", "--"])
    with Opcode(gw, gw.token(gw.add_user())) as client:
        crowd = []
        for _ in range(300):
            try:
                crowd.append(Connection(gw.host, gw.port))
            except OSError:
                break
        assert len(crowd) > 100
        assert client.say(gw.add_user(), "in the crowd")
        for conn in crowd:
            conn.abort()
    deadline = time.monotonic() + 60
    while True:
        try:
            assert call(gw.url, path="/nothing", timeout=2).status == 404
            break
        except (OSError, EOFError, AssertionError):
            assert time.monotonic() < deadline, "does not recover"
            time.sleep(0.1)


@pytest.mark.parametrize("connections", [0, 1000])
def test_clients_leave_descriptors_for_the_operator(make_gateway, connections):
    """A crowd that takes all it can get neither keeps out the operator nor the database."""
    gw = make_gateway(wrapper=["prlimit", "--nofile=100:100", "--"], args=["--admin", "127.0.0.1:0"],
                      settings={"limits.connections": connections})
    ada, sam = gw.add_user(), gw.add_user()
    crowd, refused = [], []
    with Opcode(gw, gw.token(ada)) as client:
        for _ in range(120):
            try:
                crowd.append(WebSocket(gw.ws_url + "/opcode/ws"))
            except Refused as why:
                refused.append(why.response.status)
            except (OSError, EOFError):
                refused.append(None)
        assert len(crowd) >= 30 and 503 in refused and set(refused) <= {503, None}
        assert call(gw.admin_url, path="/readyz").status == 200
        assert call(gw.admin_url, path="/metrics").status == 200
        assert gw.cli("reload").endswith(": reloaded")
        gw.kill9_postgres()
        assert client.say(sam, "after the crowd and a crash")
        for peer in crowd:
            peer.abort()
    assert "cannot accept connections" not in gw.log


def test_sockets_come_and_go(gateway):
    token = gateway.token(gateway.add_user())
    for _ in range(100):
        with Opcode(gateway, token) as client:
            assert client.close() == 1000
        WebSocket(gateway.ws_url + "/opcode/ws").abort()
