// What a page of another origin does with the browser build of the client. Who drives the browser
// calls talk(URL, ME, OTHER) and gets what happened.

const base = (url) => url + "/pubsub";

async function post(url, path, body, headers = {}) {
  const response = await fetch(base(url) + path, { method: "POST", body, headers });
  return { status: response.status, body: await response.json() };
}

function once(socket, name) {
  return new Promise((resolve) => socket.once(name, resolve));
}

async function login(url, account) {
  const headers = { "Content-Type": "application/json" };
  await post(url, "/api/auth/register", JSON.stringify(account), headers);
  return (await post(url, "/api/auth/login", JSON.stringify(account), headers)).body.token;
}

async function connect(url, token, seen) {
  const socket = io(url + "/chat", { path: "/pubsub/ws", forceNew: true, auth: { token } });
  socket.on("connect_error", (error) => seen.push("connect_error " + error.message));
  // The upgrade may be done before the namespace answers, so this is the time to look.
  socket.io.once("open", () => { socket.first = socket.io.engine.transport.name; });
  await once(socket, "connect");
  return socket;
}

async function upgraded(socket) {
  const { engine } = socket.io;
  if (engine.transport.name !== "websocket") await once(engine, "upgrade");
  return engine.transport.name;
}

function picture() {
  const canvas = document.createElement("canvas");
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

async function upload(url, token) {
  const form = new FormData();
  form.append("files", await picture(), "a.png");
  form.append("files", new Blob(["é"]), "é \"b\".txt");
  const headers = { Authorization: "Bearer " + token };
  return post(url, "/api/upload/files", form, headers);
}

window.talk = async (url, me, other) => {
  const seen = [];
  const tokens = [await login(url, me), await login(url, other)];
  const wrong = await post(url, "/api/auth/login", JSON.stringify({ ...me, password: "no" }),
                           { "Content-Type": "application/json" });
  const [a, b] = [await connect(url, tokens[0], seen), await connect(url, tokens[1], seen)];
  const early = once(b, "chat");
  const acked = await a.emitWithAck("send-message", { user: other.username, message: "one" });
  const arrived = (await early).chat;
  const transport = await upgraded(a);
  const files = await upload(url, tokens[0]);
  const late = once(b, "chat");
  await a.emitWithAck("send-message", { user: other.username, message: "two ✓",
                                        media: files.body.files });
  const { chat } = await late;
  const read = once(a, "read-chat");
  await b.emitWithAck("read-chat", { id: chat.id });
  const shown = await new Promise((resolve) => {
    const image = new Image();
    image.onload = image.onerror = (event) => resolve(event.type);
    image.src = chat.media[0];
  });
  const result = { origin: location.origin, seen, wrong, first: a.first, transport, files, shown,
                   same: acked.chat.id === arrived.id, arrived, chat, read: await read };
  a.close();
  b.close();
  return result;
};

window.ready = true;
