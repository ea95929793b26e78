/** The events of one object, newest first. */

import { collection } from '../api/paths.js';
import { watch } from '../api/watch.js';
import { eachSecond, fill, h, setText } from './dom.js';
import { section } from './facts.js';
import { age, time } from '../facts/words.js';

/** Rows that are shown; older ones are of little use, and `kubectl get events` has them. */
const EVENTS_SHOWN_MAX = 100;

/**
 * @typedef {{type: string, reason: string, message: string, count: number, at: number}} EventView
 */

/**
 * @param {{kind: string, namespace: string, name: string, signal: AbortSignal,
 *   onHealth: (health: import('../api/watch.js').Health) => void}} of
 */
export function events({ kind, namespace, name, signal, onHealth }) {
  const rows = h('tbody');
  const empty = h('p', { class: 'empty', hidden: true }, 'No events.');
  const table = h(
    'table',
    { class: 'plain', hidden: true },
    h('caption', { class: 'hidden' }, 'Events'),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ['Age', 'Reason', 'Message', 'Times'].map((it) => h('th', { scope: 'col' }, it)),
      ),
    ),
    rows,
  );
  /** @type {{cell: HTMLElement, at: number}[]} */
  let ages = [];
  watch({
    path: collection('events', namespace),
    query: { fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}` },
    view: eventView,
    signal,
    onChange(items, health) {
      onHealth(health);
      const shown = [...items.values()].sort((a, b) => b.at - a.at).slice(0, EVENTS_SHOWN_MAX);
      ages = shown.map(({ at }) => ({ at, cell: h('td', {}, age(at, Date.now())) }));
      fill(
        rows,
        shown.map((it, at) => row(it, ages[at].cell)),
      );
      table.hidden = shown.length === 0;
      empty.hidden = health.state !== 'live' || shown.length > 0;
    },
  });
  eachSecond(signal, () => ages.forEach(({ cell, at }) => setText(cell, age(at, Date.now()))));
  return section(
    'Events',
    h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'All events' }, table),
    empty,
  );
}

/** @param {any} event @returns {EventView} */
function eventView(event) {
  return {
    type: event.type,
    reason: event.reason,
    message: event.message,
    count: event.series?.count ?? event.count ?? 1,
    at: time(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp) ?? 0,
  };
}

/** @param {EventView} event @param {HTMLElement} when */
function row({ type, reason, message, count }, when) {
  return h(
    'tr',
    { 'data-type': type },
    when,
    h('td', {}, reason),
    h('td', {}, message),
    h('td', { class: 'number' }, String(count)),
  );
}
