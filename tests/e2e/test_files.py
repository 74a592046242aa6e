"""Files: sent with a message, kept, served, and closed to those who may not see them.

Casamsa is the dialect that carries files; what is asserted here holds for every other one.
"""

import base64
import re
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from opcode_client import Opcode
from wire import PATIENCE, Connection, WebSocket, call

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


class Casamsa(WebSocket):
    def __init__(self, gateway, user):
        super().__init__(gateway.ws_url + "/casamsa/ws/chat/")
        self.token = gateway.token(user)
        self.ask("auth", "authenticated")

    def put(self, method, **args):
        self.send_json({"method": method, "access_token": self.token, "args": args})

    def event(self, *kinds, timeout=PATIENCE):
        while True:
            frame = self.recv_json(timeout)
            if frame["type"] in kinds:
                return frame["data"]
            assert frame["type"] != "error", frame

    def ask(self, method, *kinds, **args):
        self.put(method, **args)
        return self.event(*kinds)

    def chat(self, *users, title="files"):
        return self.ask("create_chat", "chat_created", users=[u["id"] for u in users],
                        title=title)["chat"]["id"]

    def send_files(self, chat, *files, text=""):
        """Sends (name, bytes or base64) pairs; the message, as its author sees it."""
        data = [{"name": name, "data": base64.b64encode(content).decode()
                 if isinstance(content, bytes) else content} for name, content in files]
        return self.ask("send_message", "message_created", chat=chat, text=text,
                        files=data)["message"]

    def refused(self, chat, *files):
        self.put("send_message", chat=chat, text="x",
                 files=[{"name": name, "data": data} for name, data in files])
        return self.event("error")


def split(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path + "?" + parts.query


def fetch(url, method="GET", **headers):
    base, path = split(url)
    return call(base, method, path, {name.replace("_", "-"): v for name, v in headers.items()})


def by_token(gateway, url, token):
    return call(gateway.url, "GET", urllib.parse.urlsplit(url).path,
                {"Authorization": f"Bearer {token}"} if token is not None else {})


@pytest.fixture
def people(gateway):
    users = [gateway.add_user() for _ in range(3)]
    clients = [Casamsa(gateway, user) for user in users]
    yield gateway, users, clients
    for client in clients:
        client.abort()


def test_a_file_arrives_and_opens_by_its_url(people):
    gateway, users, (ann, bob, _) = people
    chat = ann.chat(users[1])
    sent = ann.send_files(chat, ("p i\u00e9.png", PNG), ("notes.txt", b"hello"), text="see")
    got = bob.event("new_message")["message"]
    assert got["text"] == "see"
    for message in (sent, got):
        assert [f["name"] for f in message["attached_files"]] == ["p i\u00e9.png", "notes.txt"]
    url = got["attached_files"][0]["file"]
    assert url.startswith(gateway.url + "/files/")
    answer = fetch(url)
    assert (answer.status, answer.body) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("inline; ")
    assert "filename*=UTF-8''p%20i%C3%A9.png" in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert fetch(url, Range="bytes=1-3").body == b"PNG"
    assert fetch(url, If_None_Match=answer.headers["etag"]).status == 304
    head = fetch(url, "HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(len(PNG)))
    text = fetch(got["attached_files"][1]["file"])
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.headers["content-disposition"].startswith("attachment; ")


def test_data_urls_are_files_too(people):
    _, users, (ann, _, _) = people
    data = "data:image/png;base64," + base64.b64encode(PNG).decode()
    message = ann.send_files(ann.chat(users[1]), ("a.png", data))
    assert fetch(message["attached_files"][0]["file"]).body == PNG


def test_what_is_wrong_is_refused_whole(people):
    gateway, users, (ann, _, _) = people
    chat = ann.chat(users[1])
    before = gateway.psql("SELECT count(*) FROM files")
    good = ("a.png", base64.b64encode(PNG).decode())
    for bad in [("a/b.png", "AAAA"), ("..", "AAAA"), ("", "AAAA"), ("a\\b", "AAAA"),
                ("a\u0000b", "AAAA"), ("a\nb", "AAAA"), ("x" * 256, "AAAA"), ("a", "AAA"),
                ("a", "A A="), ("a", "AAAA\n"), ("a", "____"), ("a", "data:text/plain,x"),
                ("a", base64.b64encode(bytes((10 << 20) + 1)).decode())]:
        assert ann.refused(chat, good, bad)["type"] == "field_error", bad[0]
    assert ann.refused(chat, *[good] * 11)["type"] == "field_error"
    large = ("a", base64.b64encode(bytes(5_900_000)).decode())
    assert ann.refused(chat, large, large, large)["type"] == "field_error"
    assert gateway.psql("SELECT count(*) FROM files") == before
    assert ann.send_files(chat, ("fine.png", PNG))["attached_files"][0]["name"] == "fine.png"


def test_the_largest_file_comes_back_unchanged(people):
    _, users, (ann, _, _) = people
    data = bytes(i * 7 & 255 for i in range(10 << 20))
    url = ann.send_files(ann.chat(users[1]), ("a.bin", data))["attached_files"][0]["file"]
    answer = fetch(url)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.body == data
    assert fetch(url, Range="bytes=5000000-5999999").body == data[5000000:6000000]


def test_a_large_file_delays_no_message(people):
    gateway, users, (ann, _, _) = people
    chat = ann.chat(users[1])
    large = base64.b64encode(bytes(10 << 20)).decode()
    stop = threading.Event()

    def upload():
        while not stop.is_set():
            ann.put("send_message", chat=chat, text="", files=[{"name": "a", "data": large}])
            ann.event("message_created")

    with Opcode(gateway, gateway.token(users[2])) as other, ThreadPoolExecutor() as pool:
        other.say(users[1], "first")
        uploads = pool.submit(upload)
        try:
            for _ in range(20):
                other.say(users[1], "in between")
        finally:
            stop.set()
        uploads.result()


def test_only_members_tokens_open(people):
    gateway, users, (ann, bob, cat) = people
    chat = ann.chat(users[1], users[2])
    url = ann.send_files(chat, ("a.png", PNG))["attached_files"][0]["file"]
    outsider = gateway.add_user()
    for client in (ann, bob, cat):
        assert by_token(gateway, url, client.token).body == PNG
        token = urllib.parse.quote(client.token)
        path = urllib.parse.urlsplit(url).path
        assert call(gateway.url, "GET", f"{path}?token={token}").body == PNG
    short = gateway.token(users[0], ttl=1)
    time.sleep(2)
    for token in (None, "", "garbage", gateway.token(outsider), short):
        assert by_token(gateway, url, token).status == 404, token
    ann.ask("remove_from_chat", "user_removed_successful", chat=chat, users=[users[2]["id"]])
    assert by_token(gateway, url, cat.token).status == 404
    assert by_token(gateway, url, bob.token).status == 200
    assert by_token(gateway, url, ann.token).status == 200
    assert by_token(gateway, re.sub(r"/files/\d+", "/files/999999", url), ann.token).status == 404


def test_a_removed_member_gets_no_new_url(people):
    """Neither with a token nor by sending the old URL on to somebody else."""
    gateway, users, (ann, _, cat) = people
    chat = ann.chat(users[1], users[2])
    ann.send_files(chat, ("secret.png", PNG))
    old = cat.event("new_message")["message"]["attached_files"][0]["file"]
    ann.ask("remove_from_chat", "user_removed_successful", chat=chat, users=[users[2]["id"]])
    cat.event("chat_removed")
    assert fetch(old).status == 200
    other = cat.chat(users[1], title="other")
    cat.put("send_message", chat=other, text=old)
    assert not cat.event("message_created")["message"]["attached_files"]
    cat.put("send_message", chat=chat, text="x")
    assert cat.event("error")["type"] == "access_error"


def test_signatures(people):
    _, users, (ann, _, _) = people
    chat = ann.chat(users[1])
    one = ann.send_files(chat, ("a.png", PNG))["attached_files"][0]["file"]
    two = ann.send_files(chat, ("b.png", b"other"))["attached_files"][0]["file"]
    base, path = split(one)
    ids = [re.search(r"/files/(\d+)", url).group(1) for url in (one, two)]
    exp = re.search(r"exp=(\d+)", path).group(1)
    sig = re.search(r"sig=([\w-]+)", path).group(1)
    for bad in (path.replace(f"/files/{ids[0]}/", f"/files/{ids[1]}/"),
                path.replace(f"exp={exp}", f"exp={int(exp) + 1}"),
                path.replace(sig, sig[:-1]), path.replace(sig, sig[::-1]), path + "0",
                path.replace(f"/files/{ids[0]}/", "/files/999999/")):
        assert call(base, "GET", bad).status == 403, bad
    assert call(base, "GET", path.replace("a.png", "any.name")).body == PNG
    assert call(base, "GET", path.partition("?")[0]).status == 404
    assert call(base, "POST", path, body=b"").status == 405


def test_urls_expire(make_gateway):
    gateway = make_gateway(settings={"files.url_ttl": 2})
    ann, bob = gateway.add_user(), gateway.add_user()
    with Casamsa(gateway, ann) as client:
        url = client.send_files(client.chat(bob), ("a.png", PNG))["attached_files"][0]["file"]
    end = int(re.search(r"exp=(\d+)", url)[1])
    assert fetch(url).status == 200 or time.time() > end
    time.sleep(max(0, end + 1.1 - time.time()))
    assert fetch(url).status == 403
    assert by_token(gateway, url, gateway.token(bob)).status == 200


def test_files_survive_kill_and_restart(make_gateway):
    gateway = make_gateway()
    ann, bob = gateway.add_user(), gateway.add_user()
    with Casamsa(gateway, ann) as client:
        url = client.send_files(client.chat(bob), ("a.png", PNG))["attached_files"][0]["file"]
    gateway.kill9()
    gateway.start()
    assert fetch(url).body == PNG
    gateway.restart()
    assert fetch(url).body == PNG


def test_other_dialects_see_urls(people):
    gateway, users, (ann, _, _) = people
    with Opcode(gateway, gateway.token(users[1])) as bob:
        chat = ann.ask("create_chat", "chat_created", users=[users[1]["id"]])["chat"]["id"]
        ann.send_files(chat, ("a.png", PNG), text="look")
        text = bob.event("MESSAGE")["message"]
        first, url = text.split("\n")
        assert first == "look" and fetch(url).body == PNG


def test_a_slow_reader_and_one_that_leaves(people):
    gateway, users, (ann, _, _) = people
    data = bytes(8 << 20)
    url = ann.send_files(ann.chat(users[1]), ("a.bin", data))["attached_files"][0]["file"]
    _, path = split(url)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with Connection(gateway.host, gateway.port) as slow:
        slow.send(request)
        slow.read(100000)
        for _ in range(20):
            with Connection(gateway.host, gateway.port) as leaver:
                leaver.send(request)
                leaver.read(1000)
        slow.read(len(data) - 100000)
    assert fetch(url).body == data
