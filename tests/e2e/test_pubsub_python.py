"""Another real client, Debian's python3-socketio, plays every event over each transport."""

import asyncio

import pytest

from wire import PATIENCE

socketio = pytest.importorskip("socketio", reason="python3-socketio is wanted")
pytest.importorskip("aiohttp", reason="python3-aiohttp is wanted")


class Player:
    """One user's client; what the server emits waits in a queue for each name."""

    def __init__(self, gateway, transports):
        self.gateway, self.transports = gateway, transports
        self.client = socketio.AsyncClient(reconnection=True, reconnection_delay=0.1)
        self.queues, self.connects, self.last = {}, 0, None
        self.client.on("connect", self.connected, namespace="/chat")
        self.client.on("disconnect", self.disconnected, namespace="/chat")
        self.client.on("*", self.heard, namespace="/chat")

    async def connected(self):
        self.connects += 1

    async def disconnected(self):
        self.last = "disconnect"

    async def heard(self, name, *data):
        self.queue(name).put_nowait(data[0] if data else None)

    def queue(self, name):
        return self.queues.setdefault(name, asyncio.Queue())

    async def connect(self, token):
        await self.client.connect(self.gateway.url, socketio_path="/pubsub/ws",
                                  namespaces=["/chat"], auth={"token": token},
                                  transports=self.transports, wait_timeout=PATIENCE)
        return self

    async def ask(self, name, data):
        return await self.client.call(name, data, namespace="/chat", timeout=PATIENCE)

    async def event(self, name):
        return await asyncio.wait_for(self.queue(name).get(), PATIENCE)


async def play(gateway, transports, ada, bob):
    a = await Player(gateway, transports).connect(gateway.token(ada))
    assert await a.ask("wait-for-user", {"user": bob["username"]}) == {}
    b = await Player(gateway, transports).connect(gateway.token(bob))
    assert await a.event("user-online") == {"user": bob["username"]}
    users = (await a.ask("fetch-users", {}))["users"]
    assert {"username": bob["username"], "isOnline": True} in users
    chats = []
    for n in range(20):
        sent = await a.ask("send-message", {"user": bob["username"], "message": f"m{n} ✓"})
        chats.append(sent["chat"])
    assert [(await b.event("chat"))["chat"] for _ in chats] == chats
    assert await b.ask("fetch-unread-chats-count", {"user": ada["username"]}) == {
        "unreadChatsCount": 20}
    assert await b.ask("read-chat", {"id": chats[3]["id"]}) == {}
    assert await a.event("read-chat") == {"id": chats[3]["id"], "user": bob["username"]}
    talk = await b.ask("fetch-conversation-with-user", {"user": ada["username"]})
    assert [chat["id"] for chat in talk["chats"]] == [chat["id"] for chat in chats][::-1]
    assert await a.ask("delete-chat", {"id": chats[0]["id"]}) == {}
    assert await b.event("delete-chat") == {"id": chats[0]["id"]}
    await b.client.disconnect()
    assert await a.event("user-offline") == {"user": bob["username"]}
    assert await a.ask("stop-waiting-for-user", {"user": bob["username"]}) == {}
    bad = await Player(gateway, transports).connect("nonsense")
    assert await bad.event("auth-failed") is None
    for player in (a, bad):
        await player.client.disconnect()


@pytest.mark.parametrize("transports", [None, ["polling"], ["websocket"]], ids=str)
def test_every_event(gateway, transports):
    ada, bob = gateway.add_user(), gateway.add_user()
    asyncio.run(asyncio.wait_for(play(gateway, transports, ada, bob), 120))


async def come_back(gateway, user):
    player = await Player(gateway, None).connect(gateway.token(user))
    assert player.client.transport() == "websocket"
    await asyncio.get_running_loop().run_in_executor(None, gateway.restart)
    while player.connects < 2:
        await asyncio.sleep(0.05)
    assert (await player.ask("fetch-users", {}))["users"] == []
    await player.client.disconnect()


def test_it_comes_back_after_a_restart(make_gateway):
    gateway = make_gateway()
    asyncio.run(asyncio.wait_for(come_back(gateway, gateway.add_user()), 120))
