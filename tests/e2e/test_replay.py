"""`dragoman replay` against servers that do, and do not do, what a transcript says."""

import asyncio
import json
import subprocess
import threading

import pytest
from aiohttp import WSMsgType, web

import gateway

UUID = "a2d40043-9282-45dd-9eab-b72588c3a6d6"


async def socket(request):
    """Answers each text frame by what it holds: {"say": [frames]}, {"close": code}, ..."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.send_json({"hello": request.query_string, "x": request.headers.get("X-One")})
    async for message in ws:
        if message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data)
            continue
        if message.type != WSMsgType.TEXT:
            break
        try:
            order = json.loads(message.data)
        except ValueError:
            await ws.send_str("no json: " + message.data)
            continue
        for frame in order.get("say", []):
            await ws.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        if "close" in order:
            await ws.close(code=order["close"], message=b"bye")
    return ws


async def things(request):
    body = await request.text()
    return web.json_response(
        {"method": request.method, "query": request.query_string, "body": body,
         "type": request.headers.get("Content-Type"), "x": request.headers.get("X-One"),
         "length": request.headers.get("Content-Length")},
        headers={"X-Answer": "yes"})


async def empty(_request):
    return web.Response(status=204)


async def refuse(_request):
    return web.json_response({"detail": "no"}, status=403)


async def cut(request):
    request.transport.abort()
    return web.Response()


def make_app():
    app = web.Application()
    app.router.add_get("/p/ws", socket)
    app.router.add_get("/p/refuse", refuse)
    app.router.add_get("/p/empty", empty)
    app.router.add_get("/p/cut", cut)
    app.router.add_route("*", "/p/things", things)
    return app


@pytest.fixture(scope="module")
def server():
    """The base URL of a scripted server that runs in a thread."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(make_app())
    loop.run_until_complete(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=1)
    loop.run_until_complete(site.start())
    port = runner.addresses[0][1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}/p"
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture
def play(server, tmp_path):
    """play(text, *options) → (exit status, what was printed)."""
    def run(text, *options, target=server):
        path = tmp_path / "t.txt"
        path.write_text("transcript 1\n" + text)
        done = subprocess.run(
            [gateway.binary(), "replay", str(path), "--target", target, "--timeout", "5",
             *options], capture_output=True, text=True, timeout=60, check=False)
        for mark in gateway.SANITIZER_MARKS:
            assert mark not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr
    return run


def passes(result):
    assert result[0] == 0, result[1]


def differs(result, *texts):
    assert result[0] == 1, result[1]
    for text in texts:
        assert text in result[1]


def fault(result, *texts):
    assert result[0] == 2, result[1]
    for text in texts:
        assert text in result[1]


HELLO = 'a connect ws /ws?q=1\n  X-One: 1\na <- {"hello":"q=1","x":"1"}\n'


def test_a_true_transcript_passes(play):
    passes(play(HELLO + f'''
a -> {{"say":[{{"id":"{UUID}","n":5}},"7[1]","plain"]}}
a <- {{"id":<uuid $id>,"n":<int $n>}}
a <- <digits>[1]
a <- plain
a -> {{"say":[{{"same":"$id","n":$n}}]}}
a <- {{"same":"{UUID}","n":5}}
a -> nonsense <fill 3>
a <- no json: nonsense xxx
a -> binary "\\x00\\xff"
a <- binary "\\x00\\xff"
a -> text fragments=1,3,* {{"say":["é"]}}
a <- é
a -> ping "x"
a <- pong "x"
a silent
a close 1000
'''))


def test_many_ways_to_cut_what_is_sent(play):
    for cut_at in "1", "7":
        passes(play(HELLO + 'a -> {"say":[1]}\na <- 1\n', "--cut", cut_at))


@pytest.mark.parametrize("step, texts", [
    ('a <- {"hello":"q=1"}', ["t.txt:3: a: the frame differs", "$.x", "(absent)"]),
    ('a <- {"hello":"q=2","x":<any>}', ["$.hello", '"q=2"', '"q=1"']),
    ('a <- {"hello":"q=1","x":<any>,"y":null}', ["$.y"]),
    ('a <- binary {...}', ["a binary frame is expected, a text frame came"]),
    ('a <- {...}\na <- {"more":1}', ["t.txt:4: a: no frame came in time", '{"more":1}']),
    ('a silent', ["t.txt:3: a: a frame came that no step expects"]),
    ('a closed', ["a frame came that no step expects"]),
    ('a -> ping "x"\na <- pong "x"\na close', ["a frame came that no step expects"]),
    ('a <- {...}\na -> {"close":4001}\na silent', ["the server closed, which no step expects"]),
    ('a <- {...}\na -> {"close":4001}\na closed 4002', ["the Close differs", "4001"]),
    ('a <- {...}\na -> {"close":4001}\na closed 4001 "hello"', ["the Close differs", "bye"]),
    ('a <- {...}\na -> {"close":4001}\na <- {...}', ["no frame came", "4001"]),
    ('a <- {...}\na closed', ["the server did not close"]),
    ('a refused 403', ["the upgrade was not refused"]),
    ('a <- {...}\na -> {"say":[1,2]}\na <- 1', ["end: a: a frame came that no step expects"]),
    ('a <- {...}\na -> {"close":4001}', ["end: a: the server closed"]),
    ('a accepted\n  Upgrade: other\na <- {...}', ["header Upgrade", "other", "websocket"]),
])
def test_a_false_step_is_found(play, step, texts):
    differs(play('a connect ws /ws?q=1\n' + step + "\n", "--timeout", "2"), *texts)


def test_closing(play):
    passes(play(HELLO + 'a -> {"close":4001}\na closed 4001 "bye"\n'))
    passes(play(HELLO + 'a -> {"close":4001}\na closed\na connect ws /ws\na <- {...}\na drop\n'))
    passes(play(HELLO + 'a close 4444 "x"\na closed\n'))


def test_refusal(play):
    passes(play('a connect ws /refuse\na refused 403 {"detail":"no"}\n'))
    passes(play('a connect ws /refuse\na refused 403 ...\n'))
    differs(play('a connect ws /refuse\na refused 403\n'), "an empty body is expected")
    differs(play('a connect ws /refuse\na refused 401 ...\n'), "status", "403")
    differs(play('a connect ws /refuse\na <- {}\n'), "t.txt:3: a: the upgrade was refused with 403")
    differs(play('a connect ws /refuse\n'), "the upgrade was refused")
    differs(play('a connect ws /cut\na refused 403 ...\n'), "no answer")


def test_any_order(play):
    passes(play(HELLO + '''b connect ws /ws
a -> {"say":["1","2"]}
b <- {...}
any order
  a <- 2
  a <- 1
a -> {"say":["7[1]","8[2]"]}
b -> {"say":[3]}
r GET /empty
any order
  b <- 3
  r <- 204
  a <- 8[$x]
  a <- 7[$y]
a -> {"say":[$x,$y]}
a <- 2
a <- 1
'''))


@pytest.mark.parametrize("block, text", [
    ("  a <- 1\n  a <- 3\n", "t.txt:8: a: the frame differs"),
    ("  a <- 1\n  a <- 1\n", "t.txt:8: a: the frame differs"),
    ("  a <- 1\n  a <- 2\n  a <- 3\n", "t.txt:9: a: no frame came"),
    ("  a <- 1\n", "end: a: a frame came"),
])
def test_any_order_finds_differences(play, block, text):
    differs(play(HELLO + 'a -> {"say":["1","2"]}\nany order\n' + block, "--timeout", "2"), text)


def test_ignoring(play):
    passes(play(HELLO + 'a ignore {"noise":<any>}\na -> {"say":[{"noise":1},"1",{"noise":2}]}\n'
                'a <- 1\na silent\n'))
    differs(play(HELLO + 'a ignore {"noise":<any>}\na -> {"say":[{"nois":1},"1"]}\na <- 1\n'))
    passes(play(HELLO + 'a ignore\na -> {"say":[1,2,3]}\na silent\n'))


def test_repeating(play):
    passes(play(HELLO + 'repeat 3\n  a -> {"say":[{"n":$i,"x":"$i"}]}\n'
                '  a <- {"n":$n,"x":"$n"}\na -> {"say":[$n]}\na <- 3\n'))
    differs(play(HELLO + 'repeat 3\n  a -> {"say":[$i]}\n  a <- 1\n'), "t.txt:7: a:")


def test_http(play):
    passes(play('''r headers
  X-One: one
r GET /things?a=b
r <- 200
  content-type: application/json; charset=utf-8
  X-Answer: <text>
  X-Other: <absent>
  {"method":"GET","query":"a=b","body":"","type":null,"x":"one","length":null}
r POST /things
  X-One: two
  {"a":1}
r <- 200 {"method":"POST","body":"{\\"a\\":1}","type":"application/json","x":"two","length":"7",...}
r POST /things
  X-One: <none>
r <- 200 {"body":"","length":"0","x":null,...}
r PUT /things
  Transfer-Encoding: chunked
  text "a b"
r <- 200 {"body":"a b","length":null,...}
r GET /empty
r <- 204
r HEAD /things
r <- 200
r GET /things
r GET /empty
r <- 200 ...
r <- 204
'''))


@pytest.mark.parametrize("answer, text", [
    ("201 ...", "status"),
    ("200", "an empty body is expected"),
    ('200 {"method":"GET"}', "$.query"),
    ('200\n  X-Answer: no\n  {...}', "header X-Answer"),
    ('200\n  X-Answer: <absent>\n  {...}', "header X-Answer"),
    ('200\n  X-Other: <any>\n  {...}', "header X-Other"),
])
def test_http_differences(play, answer, text):
    differs(play(f"r GET /things\nr <- {answer}\n"), "t.txt:3: r: the answer differs", text)


def test_a_lost_answer(play):
    differs(play("r GET /cut\nr <- 200 ...\n"), "no answer came")


def test_users_and_variables(play, tmp_path):
    users = tmp_path / "users.json"
    users.write_text('{"ada":{"id":7,"token":"t\\"k","nothing":null}}')
    text = ('user ada first_name="Ada M."\nvar q=1\nvar z\na connect ws /ws?q=$q\n'
            'a <- {"hello":"q=2",...}\n'
            'a -> {"say":[{"i":$ada.id,"t":"$ada.token","f":"$ada.first_name","z":"$z"}]}\n'
            'a <- {"i":7,"t":"t\\"k","f":"Ada M.","z":""}\n')
    told = ["--users-from", str(users), "--var", "q=2", "--var", "z="]
    passes(play(text, *told))
    fault(play(text, *told[:4]), "--var z=")
    fault(play(text, *told[2:]), "does not know ada")
    fault(play(text, *told, "--var", "nobody=1"), "no transcript has it")
    fault(play(text + "a -> $ada.nothing\n", *told), "$ada.nothing is not known")


def test_faults(play):
    fault(play("a jump\n"), "t.txt:2:")
    fault(play("a connect ws /ws\na <- {...}\n", target="http://127.0.0.1:1"), "refused")
    fault(play("a silent\n", target="https://x"), "TLS")
    fault(play("a silent\n", "--format", "xml"), "plain or tap")
    fault(play("a silent\n", "--unknown"))


def test_tap(play):
    status, text = play("title One\n" + HELLO, "--format", "tap")
    assert status == 0
    assert text.splitlines()[:2] == ["TAP version 13", "1..1"]
    assert text.splitlines()[2].startswith("ok 1 - ") and text.splitlines()[2].endswith(": One")
    status, text = play(HELLO + "a -> {\"say\":[1]}\n", "--format", "tap")
    assert status == 1
    assert text.splitlines()[2].startswith("not ok 1 - ")
    assert all(line.startswith("#") for line in text.splitlines()[3:])


def test_the_header_is_printed(play):
    status, text = play('title Two\nuser ada role=TUTOR last_name="L M"\nvar m=/x\nvar n\n'
                        'setting a.b=5\n', "--header")
    assert status == 0
    header = json.loads(text)
    assert header.pop("file").endswith("t.txt")
    assert header == {"title": "Two", "users": {"ada": {"role": "TUTOR", "last_name": "L M"}},
                      "vars": {"m": "/x", "n": None}, "settings": {"a.b": "5"}}


def test_the_example_of_the_guide_is_a_transcript(tmp_path):
    guide = (gateway.ROOT / "proto-docs/transcripts.md").read_text()
    examples = [block for block in guide.split("```\n")[1::2]
                if block.startswith("transcript 1\n")]
    assert examples
    for text in examples:
        path = tmp_path / "example.txt"
        path.write_text(text)
        done = subprocess.run([gateway.binary(), "replay", str(path), "--header"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
