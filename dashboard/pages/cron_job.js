/** One CronJob: when it is due, and what became of the times before. */

import { collection } from '../api/paths.js';
import { watch } from '../api/watch.js';
import { CRON_JOB_STATES, cronJobView, cronSentence, nextOf } from '../facts/cron_job.js';
import { jobView } from '../facts/job.js';
import { duration, moment } from '../facts/words.js';
import { eachSecond, fill, h } from '../parts/dom.js';
import { events } from '../parts/events.js';
import { YamlView, section, showFacts } from '../parts/facts.js';
import { Head } from '../parts/head.js';
import { HealthLine } from '../parts/health.js';
import { Toolbar } from '../parts/toolbar.js';
import { jobTable, newestFirst } from './jobs.js';

/** Runs that are told ahead. */
const RUNS_AHEAD = 5;

/** What becomes of a time at which a Job of it still runs. @type {Record<string, string>} */
const CONCURRENCY = {
  Allow: 'another may start',
  Forbid: 'the next is skipped',
  Replace: 'the next replaces it',
};

/** @param {import('../app.js').App} app @param {string} namespace @param {string} name */
export function cronJobPage(app, namespace, name) {
  return new CronJobPage(app, namespace, name).element;
}

class CronJobPage {
  /** @param {import('../app.js').App} app @param {string} namespace @param {string} name */
  constructor(app, namespace, name) {
    /** @type {any} */
    this.cronJob = undefined;
    /** @type {import('../facts/cron_job.js').CronJobView | undefined} */
    this.view = undefined;
    this.health = new HealthLine((error) => app.signOut(error.message));
    this.toolbar = new Toolbar(app, 'cronjobs', namespace);
    this.head = new Head(
      { plural: 'CronJobs', href: app.href('cronjobs'), namespace, name },
      this.toolbar.element,
    );
    this.facts = h('dl', { class: 'facts' });
    this.ahead = h('ol', { class: 'ahead' });
    this.history = jobTable(app, 'Jobs that it made', false);
    this.yaml = new YamlView();
    /** @type {Map<string, {owner: string, view: import('../facts/job.js').JobView}>} */
    this.jobs = new Map();
    const of = { kind: 'CronJob', namespace, name, signal: app.signal };
    this.element = h(
      'div',
      {},
      this.head.element,
      this.health.element,
      this.facts,
      section('Next', this.ahead),
      section('History', this.history.element),
      events({ ...of, onHealth: (it) => this.health.show('events', it) }),
      this.yaml.element,
    );
    watch({
      path: collection('cronjobs', namespace),
      query: { fieldSelector: `metadata.name=${name}` },
      view: (it) => it,
      signal: app.signal,
      onChange: (items, state) => {
        this.health.show('CronJobs', state);
        const [cronJob] = items.values();
        if (cronJob) this.show(cronJob);
        else if (state.state === 'live') this.gone(name);
      },
    });
    watch({
      path: collection('jobs', namespace),
      view: (job) => ({ owner: ownerOf(job), view: jobView(job) }),
      signal: app.signal,
      onChange: (items, state) => {
        this.health.show('Jobs', state);
        this.jobs = items;
        this.showHistory();
      },
    });
    eachSecond(app.signal, () => {
      this.tick();
      this.history.refresh();
    });
  }

  /** @param {any} cronJob */
  show(cronJob) {
    this.cronJob = cronJob;
    this.view = cronJobView(cronJob);
    this.toolbar.show(cronJob);
    showFacts(this.facts, factsOf(cronJob));
    this.tick();
    this.showHistory();
    this.yaml.show(cronJob);
  }

  showHistory() {
    if (!this.cronJob) return;
    const { uid } = this.cronJob.metadata;
    const own = [...this.jobs.values()].filter((it) => it.owner === uid).map((it) => it.view);
    this.history.show(newestFirst(own), 'It has made no Job that is still kept.');
  }

  tick() {
    const { view } = this;
    if (!view) return;
    const now = Date.now();
    this.head.show(view.state, CRON_JOB_STATES[view.state], cronSentence(view, now));
    const runs = nextOf(view, now, RUNS_AHEAD);
    const signature = runs.join();
    if (this.ahead.dataset.signature === signature) return;
    this.ahead.dataset.signature = signature;
    const none = view.state === 'suspended' ? 'Not while it is suspended.' : 'None that is known.';
    fill(
      this.ahead,
      runs.length ? runs.map((at) => h('li', {}, moment(at))) : h('li', { class: 'empty' }, none),
    );
  }

  /** @param {string} name */
  gone(name) {
    const was = this.cronJob ? `${name} has been deleted.` : `There is no CronJob ${name} here.`;
    this.cronJob = undefined;
    this.view = undefined;
    this.toolbar.hide();
    this.head.show('gone', 'Gone', was);
  }
}

/** @param {any} job */
function ownerOf({ metadata }) {
  return metadata.ownerReferences?.find((/** @type {any} */ it) => it.controller)?.uid ?? '';
}

/** @param {any} cronJob @returns {[string, string][]} */
function factsOf({ spec, status = {} }) {
  /** @type {[string, string | undefined][]} */
  const facts = [
    ['Schedule', spec.schedule],
    ['Time zone', spec.timeZone ?? 'UTC'],
    ['While one runs', CONCURRENCY[spec.concurrencyPolicy ?? 'Allow']],
    [
      'If it is late',
      spec.startingDeadlineSeconds === undefined
        ? undefined
        : `not later than ${duration(spec.startingDeadlineSeconds * 1000)}`,
    ],
    [
      'Kept',
      `${spec.successfulJobsHistoryLimit ?? 3} complete, ${spec.failedJobsHistoryLimit ?? 1} failed`,
    ],
    ['Last due', status.lastScheduleTime && moment(Date.parse(status.lastScheduleTime))],
    ['Last success', status.lastSuccessfulTime && moment(Date.parse(status.lastSuccessfulTime))],
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value));
}
