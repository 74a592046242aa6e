"""A client of the opcode dialect."""

import json

from wire import PATIENCE, Closed, WebSocket, call

PROPERTIES = {"os": "linux", "device": "test"}


class Opcode(WebSocket):
    """`with Opcode(gw, token) as client`: said hello, and, with a token, identified. `ready` is
    READY's d then."""

    def __init__(self, gateway, token=None, timeout=PATIENCE):
        super().__init__(gateway.ws_url + "/opcode/ws", timeout=timeout)
        self.seen = []
        hello = self.recv_json(timeout)
        assert hello == {"o": 10, "d": {}, "e": None}, hello
        self.ready = self.identify(token, timeout) if token else None

    def put(self, o, d=None, e=None):
        self.send_json({"o": o, "d": {} if d is None else d, "e": e})

    def identify(self, token, timeout=PATIENCE):
        self.put(2, {"token": token, "properties": PROPERTIES})
        return self.event("READY", timeout)

    def put_message(self, to, text):
        """Sends; `to` is a user (of Gateway.add_user) or a UUID."""
        self.put(0, {"to": to["uuid"] if isinstance(to, dict) else to, "message": text},
                 "SEND_MESSAGE")

    def event(self, name, timeout=PATIENCE):
        """The d of the next event of that name; others that come before are kept in `seen`."""
        while True:
            frame = self.recv_json(timeout)
            if frame["o"] == 0 and frame["e"] == name:
                return frame["d"]
            if frame["o"] != 0:
                raise AssertionError(f"waited for {name}, got {frame}")
            self.seen.append(frame)

    def say(self, to, text, timeout=PATIENCE):
        """Sends and waits for the confirmation; returns the message's UUID."""
        self.put_message(to, text)
        return self.event("MESSAGE_SENT", timeout)["message_id"]

    def outcome(self, timeout=PATIENCE):
        """Reads until the socket is closed: (payload opcodes other than DISPATCH, close code)."""
        opcodes = []
        try:
            while True:
                frame = self.recv_json(timeout)
                if frame["o"] != 0:
                    opcodes.append(frame["o"])
        except Closed as closed:
            self.abort()
            return opcodes, closed.code


def rest(gateway, method, path, token=None, body=None, headers=None):
    """Status and decoded JSON (None when empty) of a REST call below /opcode."""
    fields = dict(headers or {})
    if token:
        fields["Authorization"] = f"Bearer {token}"
    answer = call(gateway.url, method, "/opcode" + path, fields, body)
    return answer.status, json.loads(answer.body) if answer.body else None
