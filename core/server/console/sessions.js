// The table of sessions.

import { ask } from './api.js';

const $ = (id) => document.getElementById(id);

const cell = (row, text, className) => {
  const td = row.insertCell();
  td.textContent = text;
  if (className) td.className = className;
  return td;
};

export class Sessions {
  constructor() {
    this.after = 0;
    $('filter').addEventListener('submit', (event) => {
      event.preventDefault();
      this.turnTo(0);
    });
    $('next-page').addEventListener('click', () => this.turnTo(this.next));
  }

  turnTo(after) {
    this.after = after;
    $('sessions').replaceChildren();
    this.refresh();
  }

  begin(adapters) {
    for (const { name } of adapters) {
      if (![...$('filter-adapter').options].some((o) => o.value === name)) {
        $('filter-adapter').add(new Option(name, name));
      }
    }
  }

  query() {
    const query = new URLSearchParams({ limit: '50', after: String(this.after) });
    for (const key of ['adapter', 'user', 'address']) {
      const value = $(`filter-${key}`).value.trim();
      if (value) query.set(key, value);
    }
    return query;
  }

  async refresh() {
    try {
      const page = await ask('GET', `sessions?${this.query()}`);
      this.next = page.next;
      $('next-page').disabled = !page.next;
      this.show(page.sessions);
      $('sessions-said').textContent = page.sessions.length ? `${page.sessions.length} shown` : 'No sessions.';
    } catch (error) {
      $('sessions-said').textContent = error.message;
      if (error.status === 401) throw error;
    }
  }

  // Rows are kept while their sessions last, so that the keyboard's place is not lost.
  show(sessions) {
    const body = $('sessions');
    const kept = new Map([...body.rows].map((row) => [row.dataset.id, row]));
    for (const session of sessions) {
      const id = String(session.id);
      const row = kept.get(id) ?? this.row(session);
      kept.delete(id);
      row.cells[3].textContent = session.user ? `${session.user.name ?? ''} (${session.user.id})` : '–';
      row.cells[6].textContent = session.queued_bytes;
      row.cells[7].textContent = session.pending_commands;
      // One that stays is not moved: it would lose the focus.
      if (!row.isConnected) body.append(row);
    }
    for (const row of kept.values()) row.remove();
  }

  row(session) {
    const row = document.createElement('tr');
    row.dataset.id = session.id;
    cell(row, session.id);
    cell(row, session.adapter);
    cell(row, session.transport);
    cell(row, '');
    cell(row, session.address ?? '');
    cell(row, session.since.slice(0, 19).replace('T', ' '));
    cell(row, '', 'number');
    cell(row, '', 'number');
    const button = document.createElement('button');
    button.textContent = 'Close';
    button.setAttribute('aria-label', `Close session ${session.id}`);
    button.addEventListener('click', () => this.close(session.id, button));
    row.insertCell().append(button);
    return row;
  }

  async close(id, button) {
    button.disabled = true;
    try {
      await ask('DELETE', `sessions/${id}`);
    } catch (error) {
      $('sessions-said').textContent = error.message;
    }
    await this.refresh();
  }
}
