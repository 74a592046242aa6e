// The wire inspector: two clients of any dialect, and the way of each message between them.
// Nothing here knows a dialect: places to connect come from the adapters' routes, frames from the
// dialects' AsyncAPI documents.

import { ask, stream } from './api.js';

const $ = (id) => document.getElementById(id);
const CHAINS_MAX = 100;
const LOG_MAX = 200;
const COLUMNS = { frame_in: 0, request: 0, command: 1, row: 2, event: 3, frame_out: 4, response: 4 };

const el = (name, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

const random = (length) => [...crypto.getRandomValues(new Uint8Array(length))].map((b) => b % 10).join('');

// An example speaks of people who do not exist here: names, ids and tokens are put in their place.
function fit(value, key, me, peer) {
  if (Array.isArray(value)) return value.map((inner) => fit(inner, key, me, peer));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fit(v, k, me, peer)]));
  }
  if (typeof value === 'string') {
    if (/^ey[\w-]+\.[\w-]+\.[\w-]*$/.test(value)) return me.token ?? value;
    if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(value)) return peer.uuid ?? value;
    if (key === 'username') return me.username ?? value;
    if (key === 'pin') return me.pin ?? value;
    if (key === 'user') return peer.username ?? value;
  }
  if (typeof value === 'number' && value >= 10000000 && value < 100000000) return peer.id ?? value;
  return value;
}

class Pane {
  constructor(inspector, name) {
    this.inspector = inspector;
    this.name = name;
    this.user = {};
    this.node = $('pane-template').content.firstElementChild.cloneNode(true);
    this.node.id = `pane-${name.toLowerCase()}`;
    this.node.querySelector('h3').textContent = name;
    this.node.setAttribute('aria-label', name);
    this.part('log').setAttribute('aria-label', `Frames of ${name}`);
    this.part('connect').addEventListener('click', () => this.toggle());
    this.part('send').addEventListener('click', () => this.send());
    this.part('dialect').addEventListener('change', () => this.showExamples());
    this.part('example').addEventListener('change', () => this.showFrame());
    this.part('frame').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.ctrlKey) this.send();
    });
    this.setState('closed');
  }

  part(name) {
    return this.node.querySelector(`.${name}`);
  }

  peer() {
    return this.inspector.panes.find((pane) => pane !== this);
  }

  setState(state) {
    this.part('state').textContent = state;
    this.part('state').className = `pill state ${state === 'open' ? 'good' : ''}`;
    this.part('connect').textContent = state === 'closed' ? 'Connect' : 'Close';
    this.part('connect').setAttribute('aria-label', `${state === 'closed' ? 'Connect' : 'Close'} ${this.name}`);
    this.part('send').setAttribute('aria-label', `Send as ${this.name}`);
    this.part('send').disabled = state !== 'open';
  }

  note(kind, text) {
    const log = this.part('log');
    log.append(el('p', kind, `${{ in: '← ', out: '→ ', note: '' }[kind]}${text}`));
    while (log.childElementCount > LOG_MAX) log.firstElementChild.remove();
    log.scrollTop = log.scrollHeight;
  }

  offer(adapters, dialect) {
    for (const adapter of adapters) this.part('dialect').add(new Option(adapter.name, adapter.name));
    this.part('dialect').value = dialect;
    this.showExamples();
  }

  adapter() {
    return this.inspector.adapters.find(({ name }) => name === this.part('dialect').value);
  }

  showExamples() {
    const select = this.part('example');
    select.replaceChildren();
    this.examples = this.inspector.examples.filter(({ dialect }) => dialect === this.adapter()?.dialect);
    this.examples.forEach((example, i) =>
      select.add(new Option([example.message, example.name].filter(Boolean).join(' · '), String(i))));
    this.showFrame();
  }

  showFrame() {
    const example = this.examples[Number(this.part('example').value)];
    this.part('frame').value = example
      ? JSON.stringify(fit(example.payload, '', this.user, this.peer()?.user ?? {}), null, 1) : '';
  }

  // The user that the pane names, with a token; kept while the name stays.
  async identify() {
    const name = this.part('user').value.trim();
    if (!name || name === this.user.username) return;
    const user = await ask('GET', `users/${encodeURIComponent(name)}`);
    this.take({ ...user, ...(await ask('POST', `users/${user.id}/token`, { ttl: 3600 })) });
  }

  take(user) {
    this.user = user;
    this.part('user').value = user.username ?? user.id;
    for (const pane of this.inspector.panes) pane.showFrame();
  }

  async toggle() {
    if (this.socket) {
      this.socket.close(1000);
      return;
    }
    try {
      await this.identify();
      this.open();
    } catch (error) {
      this.note('note', error.message);
    }
  }

  open() {
    const adapter = this.adapter();
    const route = adapter.routes.find(({ transport }) => transport === 'websocket');
    let url = `${this.inspector.socketUrl}${adapter.mount}${route.path}`;
    if (route.token_parameter && this.user.token) {
      url += `?${route.token_parameter}=${encodeURIComponent(this.user.token)}`;
    }
    this.setState('opening');
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.setState('open');
      this.note('note', `connected to ${adapter.name}`);
    };
    socket.onmessage = ({ data }) => this.note('in', typeof data === 'string' ? data : '(binary)');
    socket.onclose = ({ code }) => {
      if (this.socket === socket) this.socket = null;
      this.setState('closed');
      this.note('note', `closed with ${code}`);
    };
  }

  send() {
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return;
    let text = this.part('frame').value;
    try {
      text = JSON.stringify(JSON.parse(text));
    } catch { /* whatever it is, it is sent */ }
    this.socket.send(text);
    this.note('out', text);
  }

  end() {
    this.socket?.close(1000);
  }
}

export class Inspector {
  constructor() {
    this.adapters = [];
    this.examples = [];
    this.chains = new Map();
    this.panes = [];
    this.panes = ['Ada', 'Bob'].map((name) => new Pane(this, name));
    $('panes').append(...this.panes.map(({ node }) => node));
    $('make-users').addEventListener('click', () => this.makeUsers());
    $('clear').addEventListener('click', () => this.clear());
  }

  async begin(adapters, socketUrl) {
    if (!this.adapters.length) {
      this.adapters = adapters.filter(({ routes }) => routes.some(({ transport }) => transport === 'websocket'));
      this.socketUrl = socketUrl;
      this.examples = (await ask('GET', 'examples')).examples;
      this.panes.forEach((pane, i) => pane.offer(this.adapters, this.adapters[i % this.adapters.length]?.name));
    }
    this.watch();
  }

  end() {
    this.watching?.abort();
    for (const pane of this.panes) pane.end();
    this.clear();
  }

  say(text) {
    $('inspector-said').textContent = text;
  }

  async makeUsers() {
    const mark = random(6);
    try {
      for (const pane of this.panes) {
        const pin = random(8);
        const user = await ask('POST', 'users', {
          username: `${pane.name.toLowerCase()}-${mark}`, first_name: pane.name, pin,
        });
        pane.take({ ...user, pin, ...(await ask('POST', `users/${user.id}/token`, { ttl: 3600 })) });
      }
      this.say('Two new users, with tokens for an hour. They stay until they are deactivated.');
    } catch (error) {
      this.say(error.message);
    }
  }

  // The whole trace is asked for; what does not touch the two is left out here, chain by chain.
  async watch() {
    this.watching?.abort();
    const watching = new AbortController();
    this.watching = watching;
    try {
      await stream('trace', watching.signal, (name, data) => {
        if (name === 'lost') this.say(`${data.lost} steps were lost: this page is too slow.`);
        else this.take(data);
      });
    } catch (error) {
      if (!watching.signal.aborted) this.say(error.message);
    }
  }

  isWanted(step) {
    const ids = this.panes.map((pane) => pane.user.id).filter(Boolean);
    return !$('only-panes').checked || ids.includes(step.user?.id) || ids.includes(step.detail?.actor?.id);
  }

  take(step) {
    let chain = this.chains.get(step.chain);
    if (!chain) {
      chain = { steps: [], wanted: false };
      this.chains.set(step.chain, chain);
      while (this.chains.size > CHAINS_MAX) this.drop(this.chains.keys().next().value);
    }
    chain.steps.push(step);
    chain.wanted ||= this.isWanted(step);
    if (chain.wanted && chain.steps.some((s) => s.step in COLUMNS && s.step !== 'frame_out')) this.show(chain);
  }

  drop(id) {
    this.chains.get(id).node?.remove();
    this.chains.delete(id);
  }

  clear() {
    for (const id of [...this.chains.keys()]) this.drop(id);
    $('chains-empty').hidden = false;
  }

  show(chain) {
    $('chains-empty').hidden = true;
    if (!chain.node) {
      chain.node = el('li', 'chain');
      chain.cells = ['Frame in', 'Core command', 'Stored row', 'Event', 'Frames out'].map((name) => {
        const cell = el('div', 'cell');
        cell.setAttribute('role', 'group');
        cell.setAttribute('aria-label', name);
        return cell;
      });
      chain.node.append(...chain.cells);
      $('chains').prepend(chain.node);
      chain.shown = new Set();
    }
    for (const step of chain.steps) {
      if (chain.shown.has(step.seq)) continue;
      chain.shown.add(step.seq);
      if (step.step === 'result') this.showResult(chain, step);
      else chain.cells[COLUMNS[step.step]].append(this.card(step));
    }
  }

  card(step) {
    const card = el('details', step.step);
    const summary = el('summary', '', this.title(step));
    summary.append(el('small', '', this.subtitle(step)));
    card.append(summary, el('pre', '', step.frame !== undefined ? pretty(step.frame)
      : JSON.stringify(step.detail ?? { bytes: step.bytes, status: step.status }, null, 2)));
    return card;
  }

  title(step) {
    if (step.step === 'response') return `HTTP ${step.status}`;
    if (step.step === 'row' && step.detail.message) return `message ${step.detail.message.id}`;
    return step.type ?? step.step;
  }

  subtitle(step) {
    const who = step.user?.name ?? (step.session ? `session ${step.session}` : '');
    if (step.adapter) return `${step.adapter} · ${who}`;
    if (step.step === 'row' && step.detail.message) {
      return `thread ${step.detail.message.thread}, position ${step.detail.message.seq}`;
    }
    if (step.step === 'event') return `of ${step.detail.actor?.name ?? 'nobody'}`;
    return who;
  }

  showResult(chain, step) {
    const good = step.type === 'ok' || step.type === 'held';
    chain.cells[1].append(el('small', good ? 'muted' : 'failed', `answer: ${step.type}`));
  }
}
