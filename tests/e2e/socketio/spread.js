// Many clients of one user, whose requests reach any of several processes.
//   node spread.js URL PATH TRANSPORTS COUNT ADA_TOKEN BOB_TOKEN BOB
// Ada writes to Bob in two rounds; every client of Bob's must get every message once and in order.
// Prints "connected" and "round 1"; a line on stdin begins round 2, for which those that have lost
// their session since are waited for. Ends with "round 2" and how many had lost it.
import { io } from "socket.io-client";
import { createInterface } from "node:readline";

const [url, path, transports, count, adaToken, bobToken, bob] = process.argv.slice(2);
const ROUND = 20;
const options = { path, forceNew: true, timeout: 20000, reconnectionDelay: 100,
                  reconnectionDelayMax: 500 };
if (transports !== "default") options.transports = transports.split(",");

let lost = 0;
function open(token) {
  const socket = io(url + "/chat", { ...options, auth: { token } });
  socket.seen = [];
  socket.on("chat", ({ chat }) => socket.seen.push(chat.message));
  socket.on("disconnect", () => lost++);
  return socket;
}
async function usable(socket) {
  for (;;) {
    try {
      const { users } = await socket.timeout(5000).emitWithAck("fetch-users", {});
      if (Array.isArray(users)) return;
    } catch { /* it comes back by itself */ }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
async function round(name) {
  await Promise.all([ada, ...clients].map(usable));
  for (const socket of clients) socket.seen.length = 0;
  const wanted = [...Array(ROUND).keys()].map((i) => name + i);
  for (const message of wanted) await ada.emitWithAck("send-message", { message, user: bob });
  const whole = wanted.join();
  for (const socket of clients) {
    for (let waited = 0; socket.seen.length < ROUND && waited < 20000; waited += 50)
      await new Promise((resolve) => setTimeout(resolve, 50));
    if (socket.seen.join() !== whole) throw new Error(`${name}: ${socket.seen.join()}`);
  }
}

const ada = open(adaToken);
const clients = [...Array(Number(count)).keys()].map(() => open(bobToken));
await Promise.all([ada, ...clients].map(usable));
console.log("connected");
await round("a");
console.log("round 1, lost " + lost);
for await (const _ of createInterface({ input: process.stdin })) break;
await round("b");
const names = new Set(clients.map((socket) => socket.io.engine.transport.name));
console.log(`round 2, lost ${lost}, by ${[...names].sort()}`);
process.exit(0);
