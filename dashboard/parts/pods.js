/** The pods of a Job, each with its bar on one axis of time; any number of them. */

import { POD_STATES } from '../facts/pod.js';
import { showBadge } from './badge.js';
import { h } from './dom.js';
import { Filter } from './facts.js';
import { Table, linkColumn, textColumn } from './table.js';
import { Axis, Overview, barColumn } from './timeline.js';

/** @typedef {import('../facts/pod.js').PodView} PodView */

/** From so many on, what they did together is worth a picture. */
const OVERVIEW_PODS_MIN = 8;

/** What needs to be seen comes first. @type {Record<import('../facts/pod.js').PodState, number>} */
const ORDER = { backoff: 0, running: 1, waiting: 2, failed: 3, succeeded: 4 };

export class Pods {
  /** @param {import('../app.js').App} app */
  constructor(app) {
    /** @type {PodView[]} */
    this.all = [];
    /**
     * When the last of it was over; undefined while something goes on.
     * @type {number | undefined}
     */
    this.ended = undefined;
    this.axis = new Axis();
    this.overview = new Overview(app.signal);
    this.filter = new Filter('Pods by state', Object.entries(POD_STATES), () => this.select());
    this.search = h('input', {
      type: 'search',
      'aria-label': 'Find by name or index',
      placeholder: 'Name or index',
      oninput: () => this.select(),
    });
    this.table = new Table({
      label: 'Pods',
      name: 'pods',
      key: (/** @type {PodView} */ it) => it.uid,
      columns: [
        linkColumn('Pod', (it) => ({
          href: app.href('pods', it.namespace, it.name),
          text: it.name,
          note: it.index === undefined ? '' : `index ${it.index}`,
        })),
        {
          title: 'State',
          name: 'state',
          show: (cell, it) => showBadge(cell, it.state, POD_STATES[it.state]),
        },
        barColumn(this.axis),
        textColumn('How', 'why', (it) =>
          [it.why, it.restarts ? `${it.restarts}× restarted` : ''].filter(Boolean).join(', '),
        ),
      ],
    });
    this.element = h(
      'div',
      {},
      h('div', { class: 'controls' }, this.filter.element, this.search),
      this.overview.canvas,
      this.table.element,
    );
  }

  /** @param {PodView[]} pods @param {any} job that they are of */
  show(pods, job) {
    this.all = pods;
    const isOver = pods.every((it) => it.ended !== undefined) && !job?.status?.active;
    this.ended = isOver ? Math.max(0, ...pods.map((it) => it.ended ?? 0)) : undefined;
    this.filter.count(pods.map((it) => it.state));
    this.scale();
    this.select();
  }

  /** Shows only what belongs to an index, or has a name like that. @param {string} words */
  find(words) {
    this.search.value = words;
    this.select();
    this.search.focus();
  }

  select() {
    const words = this.search.value.trim();
    const isLike = (/** @type {PodView} */ pod) =>
      /^\d+$/.test(words) && pod.index !== undefined
        ? pod.index === Number(words)
        : pod.name.includes(words);
    const shown = this.all.filter(
      (it) => (!this.filter.value || it.state === this.filter.value) && (!words || isLike(it)),
    );
    shown.sort(
      (a, b) =>
        ORDER[a.state] - ORDER[b.state] || b.created - a.created || (b.index ?? 0) - (a.index ?? 0),
    );
    this.table.show(shown, this.all.length ? 'No pod is like that.' : 'There are no pods.');
  }

  /** Time has passed. */
  tick() {
    if (this.ended !== undefined || !this.all.length) return;
    this.scale();
    this.table.refresh();
  }

  scale() {
    let from = Number.POSITIVE_INFINITY;
    for (const { created } of this.all) from = Math.min(from, created);
    const now = this.ended ?? Date.now();
    this.axis.set(Number.isFinite(from) ? from : now, now);
    this.overview.canvas.hidden = this.all.length < OVERVIEW_PODS_MIN;
    if (!this.overview.canvas.hidden) this.overview.show(this.all, this.axis, now);
  }
}
