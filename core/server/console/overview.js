// Live counts and rates, out of two looks at /metrics.

import { ask, metrics } from './api.js';
import { Chart } from './chart.js';

const $ = (id) => document.getElementById(id);

const el = (name, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

class Look {
  constructor(samples) {
    this.at = performance.now() / 1000;
    this.samples = samples;
  }

  sum(name, labels = {}) {
    let total = 0;
    for (const s of this.samples) {
      if (s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v)) total += s.value;
    }
    return total;
  }

  rate(before, name, labels) {
    const seconds = this.at - before.at;
    return seconds > 0 ? Math.max(0, this.sum(name, labels) - before.sum(name, labels)) / seconds : 0;
  }

  // The quantile of what a histogram has seen since the look before; null when that was nothing.
  quantile(before, name, q) {
    const buckets = new Map();
    for (const [look, sign] of [[this, 1], [before, -1]]) {
      for (const s of look.samples) {
        if (s.name === `${name}_bucket`) {
          const le = s.labels.le === '+Inf' ? Infinity : Number(s.labels.le);
          buckets.set(le, (buckets.get(le) ?? 0) + sign * s.value);
        }
      }
    }
    const bounds = [...buckets.keys()].sort((a, b) => a - b);
    const total = buckets.get(Infinity) ?? 0;
    if (total <= 0) return null;
    return bounds.find((le) => buckets.get(le) >= q * total);
  }
}

const number = (v, digits = 1) => v.toLocaleString('en', { maximumFractionDigits: digits });
const bytes = (v) => {
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (v < 1024 || unit === 'GiB') return [number(v), unit];
    v /= 1024;
  }
  return [];
};
const time = (v) => {
  if (v === null) return ['–', ''];
  if (v === Infinity) return ['> 100', 's'];
  return v < 1 ? [number(v * 1000, 2), 'ms'] : [number(v, 2), 's'];
};

const FIGURES = [
  ['Connections', (now) => [number(now.sum('dragoman_connections'), 0), '']],
  ['Commands', (now, was) => [number(now.rate(was, 'dragoman_commands_total')), '/s']],
  ['Command p99', (now, was) => time(now.quantile(was, 'dragoman_command_seconds', 0.99))],
  ['Messages stored', (now, was) => [number(now.rate(was, 'dragoman_commands_total', { command: 'send', outcome: 'ok' })), '/s']],
  ['Commit p99', (now, was) => time(now.quantile(was, 'dragoman_store_batch_seconds', 0.99))],
  ['Writes per commit', (now, was) => {
    const batches = now.rate(was, 'dragoman_store_batch_rows_count');
    return [batches ? number(now.rate(was, 'dragoman_store_batch_rows_sum') / batches) : '–', ''];
  }],
  ['Events dropped', (now, was) => [number(now.rate(was, 'dragoman_events_dropped_total', { reason: 'slow' })), '/s, slow peers']],
  ['Send queues', (now) => bytes(now.sum('dragoman_send_queue_bytes'))],
  ['Loop lag p99', (now, was) => time(now.quantile(was, 'dragoman_loop_lag_seconds', 0.99))],
  ['Refused credentials', (now, was) => [number(now.rate(was, 'dragoman_auth_failures_total')), '/s']],
  ['Memory', (now) => bytes(now.sum('process_resident_memory_bytes'))],
  ['CPU', (now, was) => [number(100 * now.rate(was, 'process_cpu_seconds_total')), '%']],
];

export class Overview {
  constructor() {
    this.cards = new Map();
    this.figures = FIGURES.map(([name, value]) => {
      const figure = el('dl', 'figure');
      const shown = el('dd', '', '–');
      figure.append(el('dt', '', name), shown);
      $('figures').append(figure);
      return { shown, value };
    });
  }

  card(adapter) {
    const node = el('article', 'card adapter');
    const head = el('h4', '', adapter.name);
    head.append(el('span', 'mount', adapter.mount || '/'));
    const list = el('dl');
    const values = ['Sessions', 'In /s', 'Out /s'].map((name) => {
      const pair = el('div');
      const shown = el('dd', '', '–');
      pair.append(el('dt', '', name), shown);
      list.append(pair);
      return shown;
    });
    const chart = new Chart(['in', 'out'], `Frames a second of ${adapter.name}, in and out`);
    const key = el('div', 'key');
    key.append(el('span', 'in', 'frames in'), el('span', 'out', 'frames out'));
    node.append(head, list, chart.node, key);
    node.title = adapter.title;
    $('adapters').append(node);
    return { values, chart };
  }

  async begin() {
    const { adapters } = await ask('GET', 'adapters');
    for (const adapter of adapters) {
      if (!this.cards.has(adapter.name)) this.cards.set(adapter.name, this.card(adapter));
    }
    return adapters;
  }

  async refresh() {
    const now = new Look(await metrics());
    const was = this.last ?? now;
    this.last = now;
    for (const { shown, value } of this.figures) {
      const [text, unit] = value(now, was);
      shown.textContent = text;
      if (unit) shown.append(el('small', '', unit));
    }
    for (const [adapter, { values, chart }] of this.cards) {
      const into = now.rate(was, 'dragoman_frames_total', { adapter, direction: 'in' });
      const out = now.rate(was, 'dragoman_frames_total', { adapter, direction: 'out' });
      values[0].textContent = number(now.sum('dragoman_sessions', { adapter })
        - now.sum('dragoman_sessions', { adapter, transport: 'http' }), 0);
      values[1].textContent = number(into);
      values[2].textContent = number(out);
      chart.push(into, out);
    }
  }
}
