// Many clients at once, and their return after a restart of the gateway.
//   node crowd.js URL PATH COUNT TOKEN
// Prints "connected" when all are; after a line on stdin waits until all have come back.
import { io } from "socket.io-client";
import { createInterface } from "node:readline";

const [url, path, count, token] = process.argv.slice(2);
const sockets = [];
let back = 0;
for (let i = 0; i < Number(count); i++)
  sockets.push(io(url + "/chat", { path, forceNew: true, auth: { token }, timeout: 60000,
                                   reconnectionDelay: 100, reconnectionDelayMax: 500 }));
await Promise.all(sockets.map((socket) => new Promise((resolve) => {
  socket.once("connect", resolve);
})));
for (const socket of sockets) {
  const { users } = await socket.emitWithAck("fetch-users", {});
  if (!Array.isArray(users)) throw new Error("no users");
}
const reasons = new Set();
const returned = Promise.all(sockets.map((socket) => new Promise((resolve) => {
  socket.once("disconnect", (reason) => {
    reasons.add(reason);
    socket.once("connect", resolve);
  });
})));
console.log("connected");
for await (const _ of createInterface({ input: process.stdin })) break;
await returned;
for (const socket of sockets) await socket.emitWithAck("fetch-users", {});
console.log("returned " + [...reasons].join(","));
for (const socket of sockets) socket.close();
process.exit(0);
