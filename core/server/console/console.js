// The page: signing in, views, health, and what is looked at how often.

import { ask, token } from './api.js';
import { Inspector } from './inspector.js';
import { Overview } from './overview.js';
import { Sessions } from './sessions.js';

const $ = (id) => document.getElementById(id);
const EVERY_MS = 2000;

const tabs = [...document.querySelectorAll('[role=tab]')];
const overview = new Overview();
const sessions = new Sessions();
const inspector = new Inspector();
let view = 'overview';
let signedIn = false;

function select(tab) {
  view = tab.id.slice(4);
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute('aria-selected', String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    $(other.getAttribute('aria-controls')).hidden = !chosen || !signedIn;
  }
  if (signedIn) refresh();
}

for (const tab of tabs) {
  tab.addEventListener('click', () => select(tab));
  tab.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.indexOf(tab), End: -1 - tabs.indexOf(tab) }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.focus();
    select(next);
  });
}

function pill(id, good, text) {
  $(id).className = `pill ${good ? 'good' : 'bad'}`;
  $(id).textContent = text;
}

function showHealth(status) {
  pill('health-gateway', status.ready, status.ready ? 'Gateway ready' : `Gateway not ready: ${status.reason}`);
  pill('health-database', status.database.state === 'up', `Database ${status.database.state}`);
  pill('health-bus', status.bus.state === 'up', `Bus ${status.bus.state}`);
  $('about').textContent = `Dragoman ${status.version}, process ${status.pid}, clients at ${status.listen}`;
}

async function refresh() {
  try {
    showHealth(await ask('GET', 'status'));
    if (view === 'sessions') await sessions.refresh();
    await overview.refresh();
  } catch (error) {
    if (error.status === 401) signOut('The token is not, or no longer, the right one.');
    else pill('health-gateway', false, 'Gateway does not answer');
  }
}

async function signIn() {
  const status = await ask('GET', 'status');
  signedIn = true;
  $('sign-in').hidden = true;
  $('sign-out').hidden = false;
  showHealth(status);
  const adapters = await overview.begin();
  sessions.begin(adapters);
  await inspector.begin(adapters, status.socket_url);
  select(tabs.find((tab) => tab.getAttribute('aria-selected') === 'true'));
}

function signOut(why = '') {
  signedIn = false;
  token.clear();
  inspector.end();
  for (const tab of tabs) $(tab.getAttribute('aria-controls')).hidden = true;
  $('sign-out').hidden = true;
  $('sign-in').hidden = false;
  $('sign-in-fault').textContent = why;
  $('token').value = '';
  $('token').focus();
}

$('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  token.set($('token').value.trim());
  try {
    await signIn();
    $('token').value = '';
    $('main').focus({ preventScroll: true });
  } catch (error) {
    signOut(error.status === 401 ? 'That is not the token.' : error.message);
  }
});
$('sign-out').addEventListener('click', () => signOut());

// Who comes through a Unix socket needs no token.
signIn().catch(() => signOut());
setInterval(() => {
  if (signedIn && !document.hidden) refresh();
}, EVERY_MS);
