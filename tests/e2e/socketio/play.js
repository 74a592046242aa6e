// Plays the dialect with the unmodified client. Usage:
//   node play.js URL PATH TRANSPORTS ADA_TOKEN ADA BOB_TOKEN BOB
// Prints one line per check and exits with 0 when all are good.
import { io } from "socket.io-client";

const [url, path, transports, adaToken, ada, bobToken, bob] = process.argv.slice(2);
const options = { path, forceNew: true, timeout: 20000, reconnectionDelay: 100 };
if (transports !== "default") options.transports = transports.split(",");

const limit = setTimeout(() => fail("took too long"), 45000);

function fail(text) {
  console.log("not ok " + text);
  process.exit(1);
}

function check(good, text) {
  if (!good) fail(text);
  console.log("ok " + text);
}

function once(socket, name) {
  return new Promise((resolve) => socket.once(name, resolve));
}

async function connect(token) {
  const socket = io(url + "/chat", { ...options, auth: { token } });
  socket.on("connect_error", (error) => console.log("connect_error " + error.message));
  await once(socket, "connect");
  return socket;
}

const a = await connect(adaToken);
const b = await connect(bobToken);
check(a.id && b.id && a.id !== b.id, "connected");

const users = (await a.emitWithAck("fetch-users", {})).users;
check(users.some((user) => user.username === bob && user.isOnline), "bob is online");
check(!users.some((user) => user.username === ada), "without the caller");

const online = once(a, "user-online");
a.emit("wait-for-user", { user: bob });
check((await online).user === bob, "user-online at once");

const chat = once(b, "chat");
const unread = once(b, "unread-chats-count");
const sent = await a.emitWithAck("send-message", { message: "hi ✓ \n", user: bob,
                                                   media: ["https://x.example/a.png"] });
check(sent.chat.message === "hi ✓" && sent.chat.sender === ada, "acknowledged");
const got = (await chat).chat;
check(JSON.stringify(got) === JSON.stringify(sent.chat), "the same chat");
check((await unread).unreadChatsCount >= 1, "unread-chats-count");

const read = once(a, "read-chat");
await b.emitWithAck("read-chat", { id: got.id });
check((await read).id === got.id, "read-chat");
const talk = await b.emitWithAck("fetch-conversation-with-user", { user: ada });
check(talk.chats[0].id === got.id && talk.chats[0].has_read, "has_read");

// Many at once, in order, across the upgrade.
const order = [];
b.on("chat", ({ chat: each }) => order.push(each.message));
const many = [];
for (let i = 0; i < 200; i++)
  many.push(a.emitWithAck("send-message", { message: "m" + i, user: bob }));
await Promise.all(many);
while (order.length < 200) await new Promise((resolve) => setTimeout(resolve, 20));
check(order.every((text, i) => text === "m" + i), "in order, once");

const offline = once(a, "user-offline");
b.disconnect();
check((await offline).user === bob, "user-offline");

const bad = io(url + "/chat", { ...options, auth: { token: "nonsense" } });
const refused = once(bad, "auth-failed");
const ended = once(bad, "disconnect");
await refused;
const why = await ended;
check(why === "io server disconnect", "auth-failed, then " + why);
bad.close();

const lost = io(url + "/nowhere", { ...options });
check((await once(lost, "connect_error")).message === "Invalid namespace", "invalid namespace");
lost.close();

a.close();
clearTimeout(limit);
console.log("done");
