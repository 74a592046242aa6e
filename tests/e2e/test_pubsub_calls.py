"""The HTTP calls of pubsub's web app: accounts, uploads, and who may see their answers."""

import json
import urllib.parse

import pytest

from gateway import unique
from outage import outage
from pubsub_client import Client
from wire import call

ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def pair(gateway):
    return gateway.add_user(), gateway.add_user()


def test_accounts(gateway):
    name = unique()
    account = {"username": name, "password": "correct horse"}
    made = call(gateway.url, "POST", "/pubsub/api/auth/register", body=account)
    assert (made.status, json.loads(made.body)) == (201, {"message": "Created"})
    again = call(gateway.url, "POST", "/pubsub/api/auth/register", body=account)
    assert (again.status, json.loads(again.body)) == (409, {"error": 409})
    bad = call(gateway.url, "POST", "/pubsub/api/auth/register", body={"username": name})
    assert bad.status == 400 and json.loads(bad.body)["errors"]
    login = call(gateway.url, "POST", "/pubsub/api/auth/login", body=account)
    assert login.status == 200
    Client(gateway, None, token=json.loads(login.body)["token"]).ask("fetch-users", {})
    wrong = call(gateway.url, "POST", "/pubsub/api/auth/login",
                 body={**account, "password": "no"})
    assert (wrong.status, json.loads(wrong.body)) == (401, {"error": "Unauthorized"})


@pytest.mark.parametrize("account, register, login", [
    ({}, 400, 401), ({"username": "x"}, 400, 401), ({"username": "x", "password": None}, 400, 401),
    ({"username": 7, "password": "x"}, 400, 401), ({"username": "", "password": ""}, 400, 401),
    ({"username": "n" * 600, "password": "x"}, 400, 401),
    ({"username": "x", "password": "p" * 2000}, 400, 401), ([], 400, 400), (b"{", 400, 400),
], ids=str)
def test_accounts_that_are_none(gateway, account, register, login):
    for verb, status in (("register", register), ("login", login)):
        answer = call(gateway.url, "POST", "/pubsub/api/auth/" + verb, body=account)
        assert answer.status == status, answer
        if status == 401:
            assert json.loads(answer.body) == {"error": "Unauthorized"}
        else:
            assert list(json.loads(answer.body)) == ["errors"]


def post_parts(gateway, token, body, **headers):
    return call(gateway.url, "POST", "/pubsub/api/upload/files", body=body,
                headers={"Content-Type": "multipart/form-data; boundary=b",
                         **({"Authorization": "Bearer " + token} if token else {}), **headers})


def part(name, data, field="files"):
    return (b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n'
            % (field.encode(), name.encode(), data))


def upload(gateway, token, *files):
    return post_parts(gateway, token,
                      b"".join(part(name, data) for name, data in files) + b"--b--\r\n")


def fetch(gateway, url):
    return call(gateway.url, path=url[len(gateway.url):])


def test_uploads(gateway, pair):
    ada, bob = pair
    token = gateway.token(ada)
    done = upload(gateway, token, ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(999)), ("b.txt", b"x"))
    assert done.status == 200, done
    urls = json.loads(done.body)["files"]
    assert len(urls) == 2
    assert fetch(gateway, urls[1]).body == b"x"
    a, b = Client(gateway, ada), Client(gateway, bob)
    a.ask("send-message", {"message": "", "user": bob["username"], "media": urls})
    seen = b.event("chat")["chat"]["media"]
    assert fetch(gateway, seen[1]).body == b"x"
    assert upload(gateway, token, *[("x", b"x")] * 5).status == 400
    refused = upload(gateway, None, ("x", b"x"))
    assert (refused.status, json.loads(refused.body)) == (403, {"error": "Forbidden"})


def test_a_long_name_is_cut_before_its_extension(gateway, pair):
    done = upload(gateway, gateway.token(pair[0]), ("報" * 200 + ".tar.png", b"1"),
                  ("n" * 300, b"2"), ("a." + "n" * 300, b"3"))
    files = json.loads(done.body)["files"]
    assert [fetch(gateway, url).body for url in files] == [b"1", b"2", b"3"]
    names = [urllib.parse.unquote(url.split("?")[0].rpartition("/")[2]) for url in files]
    assert names == ["報" * 83 + ".png", "n" * 255, "a." + "n" * 253]


def test_a_file_that_fails_is_null(make_gateway):
    gateway = make_gateway(settings={"files.max_size": 2000})
    token = gateway.token(gateway.add_user())
    done = upload(gateway, token, ("one", b"1"), ("large", bytes(2001)), ("..", b"x"),
                  ("C:\\dir\\two", b"2" * 2000))
    assert done.status == 200, done
    one, large, dots, two = json.loads(done.body)["files"]
    assert (large, dots) == (None, None)
    assert fetch(gateway, one).body == b"1" and fetch(gateway, two).body == b"2" * 2000
    assert two.split("?")[0].endswith("/two")
    alone = upload(gateway, token, ("large", bytes(2001)))
    assert (alone.status, json.loads(alone.body)["files"]) == (200, [None])


def test_nothing_is_stored_without_the_database(make_gateway):
    gateway = make_gateway(settings={"database.wait_ms": 100, "log.level": "debug"})
    token = gateway.token(gateway.add_user())
    assert upload(gateway, token, ("one", b"1")).status == 200
    with outage(gateway):
        gone = upload(gateway, token, ("one", b"1"), ("two", b"2"))
    assert (gone.status, json.loads(gone.body)) == (503, {"error": "Service Unavailable"})
    assert gone.headers["retry-after"]


@pytest.mark.parametrize("body", [
    b"", b"--b--\r\n", b"nonsense", part("x", b"x"), part("x", b"x", "other") + b"--b--\r\n",
    part("", b"") + b"--b--\r\n", b"--b\r\n\r\nx\r\n--b--\r\n",
    part("x", b"x") + b"--b\r\nX: 1\r\n\r\nx\r\n--b--\r\n",
    b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\nhttp://x\r\n--b--\r\n',
], ids=range(9))
def test_strange_multiparts(gateway, pair, body):
    refused = post_parts(gateway, gateway.token(pair[0]), body)
    assert refused.status == 400 and json.loads(refused.body)["errors"]


def test_other_parts_do_not_matter(gateway, pair):
    fields = b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n' * 20000
    done = post_parts(gateway, gateway.token(pair[0]),
                      b"preamble\r\n" + fields + part("x", b"") + fields + b"--b--\r\nepilogue")
    assert done.status == 200, done
    url, = json.loads(done.body)["files"]
    assert fetch(gateway, url).body == b""


def test_an_upload_over_the_limit(make_gateway):
    gateway = make_gateway(settings={"pubsub.body_max": 3000})
    token = gateway.token(gateway.add_user())
    refused = upload(gateway, token, ("x", bytes(4000)))
    assert (refused.status, json.loads(refused.body)) == (413, {"error": "Payload Too Large"})


# ---- pages of other origins ----

def test_cors_of_calls(gateway, pair):
    asked = call(gateway.url, "OPTIONS", "/pubsub/api/upload/files",
                 headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST",
                          "Access-Control-Request-Headers": "authorization,content-type"})
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "POST" in asked.headers["access-control-allow-methods"].split(", ")
    assert asked.headers["access-control-allow-headers"] == "authorization,content-type"
    token = gateway.token(pair[0])
    answers = [post_parts(gateway, token, part("x", b"x") + b"--b--", Origin=ORIGIN),
               post_parts(gateway, token, b"", Origin=ORIGIN),
               post_parts(gateway, None, b"", Origin=ORIGIN),
               post_parts(gateway, "nonsense", b"", Origin=ORIGIN),
               call(gateway.url, "GET", "/pubsub/api/auth/login", headers={"Origin": ORIGIN}),
               call(gateway.url, "GET", "/pubsub/api/nothing", headers={"Origin": ORIGIN}),
               call(gateway.url, "POST", "/pubsub/api/auth/login", headers={"Origin": ORIGIN},
                    body={"username": "nobody", "password": "x"})]
    assert [answer.status for answer in answers] == [200, 400, 403, 403, 405, 404, 401]
    assert {answer.headers.get("access-control-allow-origin") for answer in answers} == {"*"}
    # A question that is no preflight, and one without a page.
    assert call(gateway.url, "OPTIONS", "/pubsub/api/auth/login").status == 405
    plain = call(gateway.url, "POST", "/pubsub/api/auth/login", body={})
    assert "access-control-allow-origin" not in plain.headers


def test_cors_of_named_origins(make_gateway):
    gateway = make_gateway(settings={"pubsub.cors_origins": f"https://other.example {ORIGIN}"})
    ask = {"Access-Control-Request-Method": "POST"}
    for origin, good in ((ORIGIN, True), ("https://evil.example", False), ("null", False)):
        asked = call(gateway.url, "OPTIONS", "/pubsub/api/auth/login",
                     headers={**ask, "Origin": origin})
        login = call(gateway.url, "POST", "/pubsub/api/auth/login", body={},
                     headers={"Origin": origin})
        assert (asked.status, login.status) == (204 if good else 405, 401)
        for answer in (asked, login):
            assert answer.headers.get("access-control-allow-origin") == (
                origin if good else None)
            assert answer.headers.get("access-control-allow-credentials") == (
                "true" if good else None)
            assert answer.headers["vary"] == "Origin"


def test_cors_may_be_off(make_gateway):
    gateway = make_gateway(settings={"pubsub.cors_origins": ""})
    answer = call(gateway.url, "POST", "/pubsub/api/auth/login", body={},
                  headers={"Origin": ORIGIN})
    assert answer.status == 401 and "access-control-allow-origin" not in answer.headers
    assert "vary" not in answer.headers
