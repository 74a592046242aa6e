"""`dragoman capture` between clients and a server, and what it wrote played elsewhere."""

import contextlib
import json
import re
import signal
import socket
import stat
import subprocess
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from gateway import ROOT, SANITIZER_MARKS, Gateway, binary
from test_transcripts import header, make_user

TIMEOUT = 60


class Capture:
    """A capture under way; `url` is where clients connect, `text` what it wrote in the end."""

    def __init__(self, upstream, out, *options):
        self.out = out
        self.process = subprocess.Popen(
            [binary(), "capture", "--listen", "127.0.0.1:0", "--upstream", upstream,
             "--out", str(out), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        assert words[0] == "capturing", words
        self.url = "http://" + words[1]
        self.address = ("127.0.0.1", int(words[1].rpartition(":")[2]))
        self.path = self.text = None

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        stdout, stderr = self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == 0, stdout + stderr
        for mark in SANITIZER_MARKS:
            assert mark not in stderr, stderr
        self.path, = self.out.glob("capture-*.txt")
        assert stdout == f"wrote {self.path}\n"
        self.text = self.path.read_text()


@contextlib.contextmanager
def capturing(upstream, out, *options):
    capture = Capture(upstream, out, *options)
    try:
        yield capture
        capture.end()
    finally:
        if capture.process.poll() is None:
            capture.process.kill()
            capture.process.communicate()


def replay(path, url, *options):
    done = subprocess.run(
        [binary(), "replay", str(path), "--target", url, "--timeout", "10", *options],
        capture_output=True, text=True, timeout=300, check=False)
    for mark in SANITIZER_MARKS:
        assert mark not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def secrets_asked(text):
    """The variables of a header that have no value."""
    return re.findall(r"^var (\w+)$", text, re.MULTILINE)


def move(users, to):
    """Gives another gateway the accounts, with their identities, as an import would do it."""
    keys = ("id", "uuid", "username", "email", "first_name", "last_name", "role", "photo",
            "color", "pin")
    return [to.add_user(**{key: user[key] for key in keys if user.get(key) is not None})
            for user in users.values()]


def play_captured(gateway, tmp_path, dialect):
    """Plays a dialect's transcript through a capture; returns it with the users."""
    path = ROOT / "proto-docs" / dialect / "transcripts/happy-path.txt"
    users = {name: make_user(gateway, fields, path.read_text())
             for name, fields in header(path)["users"].items()}
    users_file = tmp_path / "users.json"
    users_file.write_text(json.dumps(users))
    with capturing(gateway.ws_url, tmp_path / "out") as capture:
        status, text = replay(path, capture.url, "--users-from", str(users_file))
        assert status == 0, text
    return capture, users


@contextlib.contextmanager
def numbering_from(thread, message):
    """A server with ids that nobody else has: one that stays in a transcript is found out."""
    with Gateway() as running:
        running.psql(f"ALTER SEQUENCE thread_id_seq RESTART {thread}")
        running.psql(f"ALTER SEQUENCE message_id_seq RESTART {message}")
        yield running


@pytest.fixture(scope="module")
def first():
    """The old server."""
    with numbering_from(thread=1000, message=2000) as running:
        yield running


@pytest.fixture(scope="module")
def second():
    """Another server, to which the clients are to be moved."""
    with numbering_from(thread=3000, message=4000) as running:
        yield running


@pytest.mark.parametrize("dialect", ["opcode", "saletick", "casamsa", "pubsub"])
def test_what_was_captured_can_be_played_elsewhere(first, second, tmp_path, dialect):
    capture, users = play_captured(first, tmp_path, dialect)
    for user in users.values():
        assert user["token"] not in capture.text
    tokens = [second.token(user) for user in move(users, second)]
    asked = secrets_asked(capture.text)
    assert len(asked) == len(tokens), capture.text
    told = [word for name, token in zip(asked, tokens) for word in ("--var", f"{name}={token}")]
    status, text = replay(capture.path, second.url, *told)
    assert status == 0, text + capture.text


def test_a_difference_is_shown(first, second, tmp_path):
    capture, users = play_captured(first, tmp_path, "pymessage")
    move(users, second)
    assert '"content":"hello there"' in capture.text
    changed = tmp_path / "changed.txt"
    changed.write_text(capture.text.replace('<- {"type":"message","sender":',
                                            '<- {"type":"massage","sender":'))
    told = [word for name in secrets_asked(capture.text) for word in ("--var", f"{name}=1234")]
    status, text = replay(changed, second.url, *told)
    assert status == 1, text
    # The line, the path into the JSON, what was expected there and what came.
    line = 1 + next(number for number, step in enumerate(changed.read_text().splitlines())
                    if '"massage"' in step)
    assert f"{changed}:{line}: c2: the frame differs" in text
    assert '  $.type\n    expected "massage"\n    got      "message"\n' in text


def test_secrets_are_masked(gateway, tmp_path):
    user = gateway.add_user(password="correct horse battery", first_name="Ada")
    with capturing(gateway.url, tmp_path / "out", "--mask", "client_id") as capture:
        text = tmp_path / "login.txt"
        text.write_text(f"""transcript 1
a POST /opcode/oauth/token
  {{"username":"{user['username']}","password":"correct horse battery","client_id":"my app","grant_type":"password"}}
a <- 200 {{"access_token":<jwt $access>,"refresh_token":<jwt>,...}}
a GET /opcode/profile
  Authorization: Bearer $access
  X-Kept: <one>
a <- 200 {{"first_name":"Ada",...}}
b POST /opcode/oauth/token
  Content-Type: application/x-www-form-urlencoded
  username={user['username']}&password=correct+horse+battery&client_id=my+app&grant_type=password
b <- 200 ...
""")
        status, told = replay(text, capture.url)
        assert status == 0, told
    assert "eyJ" not in capture.text
    assert "horse" not in capture.text
    assert "my app" not in capture.text and "my+app" not in capture.text
    assert "Authorization: Bearer ${access_token" in capture.text
    assert "X-Kept: <one>" in capture.text
    values = {"password": "correct horse battery", "client_id": "my app"}
    told = []
    for name in secrets_asked(capture.text):
        word = name.rstrip("0123456789")
        value = values[word]
        values[word] = value.replace(" ", "+")  # the form's comes second
        told += ["--var", f"{name}={value}"]
    status, text = replay(capture.path, gateway.url, *told)
    assert status == 0, text + capture.text


def test_secrets_are_found_by_the_words_of_their_keys(gateway, tmp_path):
    """In JSON, in a query and in a form; what only sounds like a secret stays."""
    keys = ["pass", "pwd", "psw", "pincode", "pin_code", "newPassword", "old_password",
            "login_password", "user_pin", "authToken", "bearer", "otp"]
    secret = {key: f"hidden{number:02}" for number, key in enumerate(keys)}
    form = "&".join(f"{key}={value}" for key, value in secret.items())
    plain = {"passenger": "Ada", "pinned": "yes", "tokens_left": 8675309, "opinion": "good"}
    with capturing(gateway.url, tmp_path / "out") as capture:
        for body, kind in ((json.dumps(secret | plain), "json"),
                           (form, "x-www-form-urlencoded")):
            request = Request(f"{capture.url}/opcode/oauth/token?{form}", body.encode(),
                              {"Content-Type": f"application/{kind}"})
            with pytest.raises(HTTPError) as error:
                urlopen(request, timeout=TIMEOUT)
            error.value.close()
    assert "hidden" not in capture.text
    assert len(secrets_asked(capture.text)) == len(keys)
    assert json.dumps(plain, separators=(",", ":"))[1:] in capture.text


def test_nobody_else_may_read_it(tmp_path):
    with capturing("ws://127.0.0.1:1", tmp_path / "out") as capture:
        pass
    assert stat.S_IMODE(capture.out.stat().st_mode) == 0o700
    assert stat.S_IMODE(capture.path.stat().st_mode) == 0o600


def test_long_polling(first, second, tmp_path):
    """Socket.IO by requests: the session's id is the server's, and comes again in each path."""
    user = first.add_user()
    path = tmp_path / "polling.txt"
    path.write_text("""transcript 1
var token
a GET /pubsub/ws/?EIO=4&transport=polling
a <- 200 0{"sid":"$sid",...}
a POST /pubsub/ws/?EIO=4&transport=polling&sid=$sid
  text "40/chat,{\\"token\\":\\"$token\\"}"
a <- 200 ok
a GET /pubsub/ws/?EIO=4&transport=polling&sid=$sid
a <- 200 40/chat,{"sid":<text>}
a POST /pubsub/ws/?EIO=4&transport=polling&sid=$sid
  text "1"
a <- 200 ok
""")
    with capturing(first.url, tmp_path / "out") as capture:
        status, text = replay(path, capture.url, "--var", f"token={first.token(user)}")
        assert status == 0, text
    assert 'c1 <- 200\n  0{"sid":<text $sid' in capture.text
    name, = secrets_asked(capture.text)
    (moved,) = move({"user": user}, second)
    status, text = replay(capture.path, second.url, "--var", f"{name}={second.token(moved)}")
    assert status == 0, text + capture.text


def test_it_does_not_disturb(gateway, tmp_path):
    """Whatever the bytes, they arrive; what cannot be read is left out of the record."""
    with capturing(gateway.url, tmp_path / "out") as capture:
        with socket.create_connection(capture.address, timeout=20) as client:
            client.sendall(b"nonsense\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
        with socket.create_connection(capture.address, timeout=20) as client:
            for byte in b"GET /opcode/thread HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n":
                client.sendall(bytes([byte]))
            answer = b""
            while piece := client.recv(65536):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 401 ")
    assert "# Not all was recorded: 1 " in capture.text
    assert "GET /opcode/thread" in capture.text


def test_a_server_that_is_not_there(tmp_path):
    with capturing("ws://127.0.0.1:1", tmp_path / "out") as capture:
        with socket.create_connection(capture.address, timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1) == b""


def test_what_cannot_be_written_is_not_recorded(tmp_path):
    """Told at once, and not when the conversations are lost. What did not begin leaves nothing."""
    place = ["--upstream", "ws://127.0.0.1:1", "--out"]
    for out, listen, why in ((tmp_path / "missing/deeper", "127.0.0.1:0", "No such file"),
                             (tmp_path / ("n" * 600), "127.0.0.1:0", "too long"),
                             (tmp_path / "new", "192.0.2.1:1", "192.0.2.1:1"),
                             (tmp_path, "192.0.2.1:1", "192.0.2.1:1")):
        done = subprocess.run([binary(), "capture", "--listen", listen, *place, str(out)],
                              capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert why in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("args", [
    [], ["--listen", "127.0.0.1:0"], ["--upstream", "ws://127.0.0.1:1"],
    ["--listen", "nowhere", "--upstream", "ws://127.0.0.1:1"],
    ["--listen", "127.0.0.1:0", "--upstream", "wss://127.0.0.1:1"],
    ["--listen", "127.0.0.1:0", "--upstream", "ws://127.0.0.1:1/path"],
])
def test_wrong_arguments(args):
    done = subprocess.run([binary(), "capture", *args], capture_output=True, text=True,
                          timeout=TIMEOUT, check=False)
    assert done.returncode == 64
    assert done.stderr
