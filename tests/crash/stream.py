"""Streams of messages while something dies, and the account that must balance afterwards."""

import collections
import itertools
import random
import threading
import time

from gateway import unique
from opcode_client import Opcode
from wire import Closed, Refused

WINDOW = 16
RETRY = 0.1

_round = itertools.count(1)


class Sender:
    """One user's client: keeps WINDOW messages under way to `to` on a thread of its own, connects
    again whenever it loses its socket, and writes down what was sent and what was confirmed. A
    text is sent once, whatever becomes of it."""

    def __init__(self, gateway, token, to):
        self.gateway, self.token, self.to = gateway, token, to
        self.name = unique("text")
        self.sent = []        # texts, every one of them unlike all others
        self.confirmed = {}   # text -> message's UUID
        self.losses = 0       # sockets that ended
        self.failure = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def finish(self, timeout=90):
        """No further message; waits for the confirmations that can still come."""
        self._stop.set()
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the sender does not end"
        if self.failure:
            raise self.failure

    def _run(self):
        try:
            while not self._stop.is_set():
                try:
                    client = Opcode(self.gateway, self.token, timeout=30)
                except (OSError, EOFError, Closed, Refused, AssertionError) as error:
                    self._check_refusal(error)
                    self._stop.wait(RETRY)
                    continue
                with client:
                    self._stream(client)
        except Exception as error:  # told by finish(), on the test's thread
            self.failure = error

    @staticmethod
    def _check_refusal(error):
        # A gateway without its database says 4000; one that is gone says nothing.
        if isinstance(error, AssertionError) and "4000" not in str(error):
            raise error

    def _stream(self, client):
        waiting = collections.deque()
        try:
            while not (self._stop.is_set() and not waiting):
                while len(waiting) < WINDOW and not self._stop.is_set():
                    text = f"{self.name} {len(self.sent)}"
                    self.sent.append(text)
                    waiting.append(text)
                    client.put_message(self.to, text)
                uuid = client.event("MESSAGE_SENT", timeout=60)["message_id"]
                self.confirmed[waiting.popleft()] = uuid
        except (Closed, OSError):
            self.losses += 1
        except AssertionError as error:
            if "'o': 4000" not in str(error):
                raise
            self.losses += 1

    def await_confirmed(self, count, timeout=90):
        """Waits until that many messages are confirmed."""
        deadline = time.monotonic() + timeout
        while len(self.confirmed) < count:
            if self.failure:
                raise self.failure
            assert time.monotonic() < deadline, \
                f"{len(self.confirmed)} of {count} messages confirmed in {timeout} s"
            time.sleep(0.01)


class Crowd:
    """Some senders at once, two of them to each recipient."""

    def __init__(self, gateway, senders=4):
        users = [gateway.add_user(role="STUDENT", first_name="S") for _ in range(senders)]
        recipients = [gateway.add_user(role="STUDENT") for _ in range((senders + 1) // 2)]
        self.senders = [Sender(gateway, gateway.token(user), recipients[i // 2])
                        for i, user in enumerate(users)]

    def __enter__(self):
        for sender in self.senders:
            sender.start()
        return self

    def __exit__(self, kind, value, trace):
        for sender in self.senders:
            try:
                sender.finish()
            except Exception:
                if kind is None:
                    raise

    def progress(self, more=20):
        """Waits until every sender has so many further confirmations, then a random moment."""
        for sender in self.senders:
            sender.await_confirmed(len(sender.confirmed) + more)
        time.sleep(random.random() * 0.3)

    @property
    def confirmed(self):
        return {text: uuid for sender in self.senders for text, uuid in sender.confirmed.items()}

    @property
    def sent(self):
        return [text for sender in self.senders for text in sender.sent]


def check_account(crowd, psql):
    """Every confirmed message is stored once, under its UUID and with its text; no text is stored
    twice; no message is there that was not sent; positions are dense; counters agree.

    psql(sql) -> rows of str. Returns how many messages are stored."""
    stored = collections.defaultdict(list)
    for text, uuid in psql("select text, uuid from messages"):
        stored[text].append(uuid)
    sent, confirmed = set(crowd.sent), crowd.confirmed
    assert len(sent) == len(crowd.sent)
    twice = {text: uuids for text, uuids in stored.items() if len(uuids) > 1}
    assert not twice, f"stored twice: {twice}"
    lost = {text: uuid for text, uuid in confirmed.items() if stored[text] != [uuid]}
    assert not lost, f"confirmed and not stored so: {lost}"
    assert len(set(confirmed.values())) == len(confirmed), "two confirmations of one message"
    strange = set(stored) - sent
    assert not strange, f"never sent: {strange}"
    holes = psql("select thread_id, count(*), min(seq), max(seq), count(distinct seq) "
                 "from messages group by thread_id "
                 "having min(seq) <> 1 or max(seq) <> count(*) or count(distinct seq) <> count(*)")
    assert not holes, f"positions are not dense (thread, count, min, max, distinct): {holes}"
    behind = psql("select t.id, t.last_seq, count(m.seq) from threads t "
                  "left join messages m on m.thread_id = t.id "
                  "group by t.id, t.last_seq having t.last_seq <> count(m.seq)")
    assert not behind, f"threads that do not know their last position: {behind}"
    check_order(crowd, psql)
    return sum(map(len, stored.values()))


def check_order(crowd, psql):
    """What one socket sent lies in its thread in the order of sending, ids growing with it."""
    rows = psql("select thread_id, id, text from messages order by thread_id, seq")
    last_id, last_number = {}, {}
    names = {sender.name for sender in crowd.senders}
    for thread, number, text in rows:
        assert int(number) > last_id.get(thread, 0), "ids do not grow with the position"
        last_id[thread] = int(number)
        name, _, count = text.rpartition(" ")
        assert name in names
        assert int(count) > last_number.get(name, -1), f"{text!r} came after a later one"
        last_number[name] = int(count)
