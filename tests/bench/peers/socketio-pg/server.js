'use strict';

// A chat server as a team would usually write it with Socket.IO: a room for each user, one INSERT
// per message, acknowledged when it is stored and then emitted to the recipient's room.
//
//   SECRET=... PGHOST=... PGUSER=... PGDATABASE=... node server.js
//
// Prints "ready http://127.0.0.1:PORT" once it accepts. auth.token is a JWT (HS256, sub is the
// user's UUID); "send" {to, text} is acknowledged by {id, at}; "message" {id, from, text, at} is
// what the recipient gets.

const crypto = require('node:crypto');
const http = require('node:http');
const { Pool } = require('pg');
const { Server } = require('socket.io');

const pool = new Pool({ max: 10 });

function verify(token) {
  const [head, body, signature] = (token || '').split('.');
  const expected = crypto.createHmac('sha256', process.env.SECRET).update(`${head}.${body}`)
    .digest('base64url');
  if (signature !== expected) return null;
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  return claims.exp > Date.now() / 1000 ? claims.sub : null;
}

async function migrate() {
  await pool.query(`CREATE TABLE IF NOT EXISTS messages (
    id bigserial PRIMARY KEY,
    sender_id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  )`);
  await pool.query(`CREATE INDEX IF NOT EXISTS messages_conversation
    ON messages (sender_id, recipient_id, id)`);
}

async function store(from, message) {
  const { rows: [row] } = await pool.query({
    name: 'insert-message',
    text: `INSERT INTO messages (sender_id, recipient_id, text) VALUES ($1, $2, $3)
           RETURNING id, created_at`,
    values: [from, message.to, message.text],
  });
  return { id: Number(row.id), at: row.created_at };
}

function handleConnection(io, socket) {
  const { userId } = socket.data;
  socket.join(userId);
  socket.on('send', async (message, acknowledge) => {
    if (typeof acknowledge !== 'function') return;
    if (!message || typeof message.text !== 'string' || !message.to) {
      acknowledge({ error: 'bad message' });
      return;
    }
    try {
      const stored = await store(userId, message);
      acknowledge(stored);
      io.to(message.to).emit('message', { ...stored, from: userId, text: message.text });
    } catch (error) {
      console.error(error.message);
      acknowledge({ error: 'not stored' });
    }
  });
}

async function main() {
  await migrate();
  const server = http.createServer();
  const io = new Server(server);
  io.use((socket, next) => {
    socket.data.userId = verify(socket.handshake.auth.token);
    next(socket.data.userId ? undefined : new Error('unauthorized'));
  });
  io.on('connection', (socket) => handleConnection(io, socket));
  server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => {
    console.log(`ready http://127.0.0.1:${server.address().port}`);
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
