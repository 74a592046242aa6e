"""Engine.IO and Socket.IO byte by byte, as the pubsub tests speak them."""

import json
import time

from wire import PATIENCE, WebSocket, call

PATH = "/pubsub/ws/"


def engine(gateway, method, query, body=None, headers=None):
    return call(gateway.url, method, PATH + "?" + query, headers=headers,
                body=body.encode() if isinstance(body, str) else body)


class Polling:
    """An Engine.IO session by long-polling."""

    def __init__(self, gateway):
        self.gateway = gateway
        answer = engine(gateway, "GET", "EIO=4&transport=polling")
        assert answer.status == 200 and answer.body[:1] == b"0", answer
        self.handshake, self.type = json.loads(answer.body[1:]), answer.headers["content-type"]
        self.query = "EIO=4&transport=polling&sid=" + self.handshake["sid"]

    def post(self, *packets):
        return engine(self.gateway, "POST", self.query, "\x1e".join(packets))

    def poll(self):
        return engine(self.gateway, "GET", self.query)

    def packets(self):
        answer = self.poll()
        assert answer.status == 200, answer
        return answer.body.decode().split("\x1e")

    def wait(self, prefix):
        """Polls until a packet begins so; returns all that came."""
        seen = []
        while not any(packet.startswith(prefix) for packet in seen):
            for packet in self.packets():
                if packet == "2":
                    self.post("3")
                seen.append(packet)
        return seen


class Client(WebSocket):
    """One user's namespace over a WebSocket."""

    def __init__(self, gateway, user, token=None):
        super().__init__(gateway.ws_url + PATH + "?EIO=4&transport=websocket")
        assert self.recv()[0] == "0"
        self.ids, self.events = 0, []
        self.send_text("40/chat," + json.dumps({"token": token or gateway.token(user)}))
        assert self.recv().startswith('40/chat,{"sid":')

    def packet(self, timeout=PATIENCE):
        """The next one that is no ping; those are answered."""
        deadline = time.monotonic() + timeout
        while True:
            packet = self.recv(deadline - time.monotonic())
            if packet != "2":
                return packet
            self.send_text("3")

    def emit(self, name, data):
        self.send_text("42/chat," + json.dumps([name, data]))

    def ask(self, name, data):
        """The acknowledgement; events before it are kept."""
        self.ids += 1
        self.send_text(f"42/chat,{self.ids}" + json.dumps([name, data]))
        while True:
            packet = self.packet()
            if packet.startswith(f"43/chat,{self.ids}["):
                return json.loads(packet[packet.index("["):])[0]
            self.events.append(packet)

    def event(self, name):
        while True:
            packet = self.events.pop(0) if self.events else self.packet()
            event = json.loads(packet[len("42/chat,"):])
            if event[0] == name:
                return event[1] if len(event) > 1 else None

    def is_silent(self):
        """Whether nothing came up to now: the answer to a question is next."""
        self.ask("fetch-unread-chats-count", {"user": "nobody"})
        return not self.events
