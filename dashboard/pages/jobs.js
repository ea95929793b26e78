/** All Jobs of a namespace, or of all of them, as they are now. */

import { collection } from '../api/paths.js';
import { watch } from '../api/watch.js';
import { JOB_STATES, jobView, progressOf } from '../facts/job.js';
import { age, duration } from '../facts/words.js';
import { showBadge } from '../parts/badge.js';
import { childAt, eachSecond, h, setAttribute, setText } from '../parts/dom.js';
import { Filter } from '../parts/facts.js';
import { HealthLine } from '../parts/health.js';
import { Table, linkColumn, textColumn } from '../parts/table.js';

/** @typedef {import('../facts/job.js').JobView} JobView */

/** @param {import('../app.js').App} app */
export function jobsPage(app) {
  const health = new HealthLine((error) => app.signOut(error.message));
  const filter = new Filter('Jobs by state', Object.entries(JOB_STATES), () => show());
  const search = h('input', {
    type: 'search',
    'aria-label': 'Find by name',
    placeholder: 'Find by name',
    oninput: () => show(),
  });
  const table = jobTable(app, 'Jobs', app.namespace === '');
  /** @type {JobView[]} newest first */
  let jobs = [];
  const show = () => {
    filter.count(jobs.map((it) => it.state));
    const words = search.value.trim().toLowerCase();
    const shown = jobs.filter(
      (it) => (!filter.value || it.state === filter.value) && (!words || it.name.includes(words)),
    );
    table.show(shown, jobs.length ? 'No Job is like that.' : 'There are no Jobs here.');
  };
  watch({
    path: collection('jobs', app.namespace),
    view: jobView,
    signal: app.signal,
    onChange(items, state) {
      health.show('Jobs', state);
      jobs = newestFirst(items.values());
      if (state.state === 'live' || jobs.length) show();
    },
  });
  eachSecond(app.signal, () => table.refresh());
  return h(
    'div',
    {},
    h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, 'Jobs'), health.element),
    h('div', { class: 'controls' }, filter.element, search),
    table.element,
  );
}

/** @param {Iterable<JobView>} jobs */
export function newestFirst(jobs) {
  return [...jobs].sort((a, b) => b.created - a.created || (a.name < b.name ? -1 : 1));
}

/** @param {import('../app.js').App} app @param {string} label @param {boolean} hasNamespace */
export function jobTable(app, label, hasNamespace) {
  return new Table({
    label,
    name: 'jobs',
    key: (/** @type {JobView} */ it) => it.uid,
    columns: [
      linkColumn('Name', (it) => ({
        href: app.href('jobs', it.namespace, it.name),
        text: it.name,
        note: hasNamespace ? it.namespace : '',
      })),
      {
        title: 'State',
        name: 'state',
        show: (cell, it) => showBadge(cell, it.state, JOB_STATES[it.state]),
      },
      { title: 'Progress', name: 'progress', show: showProgress },
      textColumn('Took', 'took', (it) =>
        it.started ? duration((it.ended ?? Date.now()) - it.started) : '',
      ),
      textColumn('Age', 'age', (it) => age(it.created, Date.now())),
    ],
  });
}

/** @param {HTMLElement} cell @param {JobView} job */
function showProgress(cell, job) {
  const words = childAt(cell, 0, () => h('span', { class: 'words' }));
  const track = childAt(cell, 1, () =>
    h('span', { class: 'meter', 'aria-hidden': 'true' }, h('span', {}), h('span', {})),
  );
  const failures = job.failed ? `, ${job.failed} failed` : '';
  setText(words, `${progressOf(job)}${failures}`);
  const total = Math.max(1, job.completions ?? job.succeeded + job.active);
  const [done, active] = /** @type {HTMLElement[]} */ ([...track.children]);
  done.style.width = `${Math.min(100, (100 * job.succeeded) / total)}%`;
  active.style.width = `${Math.min(100, (100 * job.active) / total)}%`;
  setAttribute(track, 'data-state', job.state);
}
