'use strict';

// A chat server as a team would usually write it: ws for the sockets, pg's pool for PostgreSQL,
// one INSERT per message, confirmed when it is stored and then sent to whoever is there.
//
//   SECRET=... PGHOST=... PGUSER=... PGDATABASE=... node server.js
//
// Prints "ready http://127.0.0.1:PORT" once it accepts.
//
//   client  ws://HOST/?token=JWT          (HS256, sub is the user's UUID)
//   server  {"type":"ready"}
//   client  {"type":"send","ref":1,"to":"UUID","text":"..."}
//   server  {"type":"sent","ref":1,"id":17,"at":"..."}           to the sender
//   server  {"type":"message","id":17,"from":"UUID","text":"...","at":"..."}   to the recipient

const crypto = require('node:crypto');
const http = require('node:http');
const { Pool } = require('pg');
const { WebSocketServer, WebSocket } = require('ws');

const pool = new Pool({ max: 10 });
const socketsOf = new Map();

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

async function handleSend(socket, message) {
  const { rows: [row] } = await pool.query({
    name: 'insert-message',
    text: `INSERT INTO messages (sender_id, recipient_id, text) VALUES ($1, $2, $3)
           RETURNING id, created_at`,
    values: [socket.userId, message.to, message.text],
  });
  socket.send(JSON.stringify({
    type: 'sent', ref: message.ref, id: Number(row.id), at: row.created_at,
  }));
  const delivered = JSON.stringify({
    type: 'message', id: Number(row.id), from: socket.userId, text: message.text,
    at: row.created_at,
  });
  for (const other of socketsOf.get(message.to) || []) {
    if (other.readyState === WebSocket.OPEN) other.send(delivered);
  }
}

function handleMessage(socket, data) {
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return socket.send(JSON.stringify({ type: 'error', error: 'bad JSON' }));
  }
  if (message.type !== 'send' || typeof message.text !== 'string' || !message.to) {
    return socket.send(JSON.stringify({ type: 'error', error: 'unknown message' }));
  }
  return handleSend(socket, message).catch((error) => {
    console.error(error.message);
    socket.send(JSON.stringify({ type: 'error', ref: message.ref, error: 'not stored' }));
  });
}

function handleConnection(socket, request) {
  socket.userId = verify(new URL(request.url, 'http://localhost').searchParams.get('token'));
  if (!socket.userId) return socket.close(1008, 'unauthorized');
  if (!socketsOf.has(socket.userId)) socketsOf.set(socket.userId, new Set());
  socketsOf.get(socket.userId).add(socket);
  socket.on('message', (data) => handleMessage(socket, data));
  socket.on('error', (error) => console.error(error.message));
  socket.on('close', () => {
    const sockets = socketsOf.get(socket.userId);
    sockets.delete(socket);
    if (!sockets.size) socketsOf.delete(socket.userId);
  });
  return socket.send(JSON.stringify({ type: 'ready' }));
}

async function main() {
  await migrate();
  const server = http.createServer((request, response) => {
    response.writeHead(404).end();
  });
  const wss = new WebSocketServer({ server });
  wss.on('connection', handleConnection);
  server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => {
    console.log(`ready http://127.0.0.1:${server.address().port}`);
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
