// Asking the admin API. The token lives in this tab's session storage, and nowhere else.

const KEY = 'dragoman.admin.token';

export class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? `HTTP ${status}`);
    this.status = status;
    this.field = error?.field;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

const headers = () => (token.get() ? { Authorization: `Bearer ${token.get()}` } : {});

export async function ask(method, path, body) {
  const init = { method, headers: headers(), cache: 'no-store' };
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  const answer = await fetch(`api/v1/${path}`, init);
  const text = await answer.text();
  const value = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, value?.error);
  return value;
}

// Server-Sent Events by fetch, because EventSource cannot bear a token. Calls back for each event
// with (name, data) until the signal aborts; then, or when the stream ends, it returns.
export async function stream(path, signal, onEvent) {
  const answer = await fetch(`api/v1/${path}`, { headers: headers(), signal, cache: 'no-store' });
  if (!answer.ok) throw new Refused(answer.status, (await answer.json()).error);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      let name = 'message';
      let data = '';
      for (const line of block.split('\n')) {
        if (line.startsWith('event: ')) name = line.slice(7);
        if (line.startsWith('data: ')) data += line.slice(6);
      }
      if (data) onEvent(name, JSON.parse(data));
    }
  }
}

// The samples of /metrics: [{name, labels, value}].
export async function metrics() {
  const answer = await fetch('metrics', { cache: 'no-store' });
  const samples = [];
  for (const line of (await answer.text()).split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, key, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[key] = value;
    }
    samples.push({ name: match[1], labels, value: Number(match[3]) });
  }
  return samples;
}
