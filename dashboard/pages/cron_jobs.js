/** All CronJobs of a namespace, or of all of them, and when each is due. */

import { collection } from '../api/paths.js';
import { watch } from '../api/watch.js';
import { CRON_JOB_STATES, cronJobView, nextOf } from '../facts/cron_job.js';
import { age, duration } from '../facts/words.js';
import { showBadge } from '../parts/badge.js';
import { eachSecond, h } from '../parts/dom.js';
import { HealthLine } from '../parts/health.js';
import { Table, linkColumn, textColumn } from '../parts/table.js';

/** @param {import('../app.js').App} app */
export function cronJobsPage(app) {
  const health = new HealthLine((error) => app.signOut(error.message));
  const table = new Table({
    label: 'CronJobs',
    name: 'cron-jobs',
    key: (/** @type {import('../facts/cron_job.js').CronJobView} */ it) => it.uid,
    columns: [
      linkColumn('Name', (it) => ({
        href: app.href('cronjobs', it.namespace, it.name),
        text: it.name,
        note: app.namespace ? '' : it.namespace,
      })),
      {
        title: 'State',
        name: 'state',
        show: (cell, it) => showBadge(cell, it.state, CRON_JOB_STATES[it.state]),
      },
      textColumn('Schedule', 'schedule', (it) =>
        [it.schedule, it.timeZone].filter(Boolean).join(' · '),
      ),
      textColumn('Due', 'due', (it) => dueWords(nextOf(it, Date.now(), 1)[0])),
      textColumn('Last', 'last', (it) =>
        it.last === undefined ? 'never' : `${age(it.last, Date.now())} ago`,
      ),
      textColumn('At work', 'number', (it) => String(it.running)),
    ],
  });
  watch({
    path: collection('cronjobs', app.namespace),
    view: cronJobView,
    signal: app.signal,
    onChange(items, state) {
      health.show('CronJobs', state);
      const shown = [...items.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      if (state.state === 'live' || shown.length) table.show(shown, 'There are no CronJobs here.');
    },
  });
  eachSecond(app.signal, () => table.refresh());
  return h(
    'div',
    {},
    h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, 'CronJobs'), health.element),
    table.element,
  );
}

/** @param {number | undefined} at */
function dueWords(at) {
  return at === undefined ? '' : `in ${duration(at - Date.now())}`;
}
