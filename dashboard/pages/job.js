/** One Job: what is the matter with it, what its pods did when, what they print and use. */

import { collection } from '../api/paths.js';
import { watch } from '../api/watch.js';
import { JOB_STATES, jobView, sentence } from '../facts/job.js';
import { podView } from '../facts/pod.js';
import { duration, moment, time } from '../facts/words.js';
import { eachSecond, h } from '../parts/dom.js';
import { events } from '../parts/events.js';
import { YamlView, section, showFacts } from '../parts/facts.js';
import { IndexGrid } from '../parts/grid.js';
import { Head } from '../parts/head.js';
import { HealthLine } from '../parts/health.js';
import { PodLog } from '../parts/pod_log.js';
import { Pods } from '../parts/pods.js';
import { Toolbar } from '../parts/toolbar.js';
import { Use } from '../parts/use.js';

/** @param {import('../app.js').App} app @param {string} namespace @param {string} name */
export function jobPage(app, namespace, name) {
  return new JobPage(app, namespace, name).element;
}

class JobPage {
  /** @param {import('../app.js').App} app @param {string} namespace @param {string} name */
  constructor(app, namespace, name) {
    this.app = app;
    /** @type {any} */
    this.job = undefined;
    /**
     * Ends the watch of the pods of the Job that had the name before.
     * @type {AbortController | undefined}
     */
    this.ofPods = undefined;
    this.health = new HealthLine((error) => app.signOut(error.message));
    this.toolbar = new Toolbar(app, 'jobs', namespace);
    this.head = new Head(
      { plural: 'Jobs', href: app.href('jobs'), namespace, name },
      this.toolbar.element,
    );
    this.facts = h('dl', { class: 'facts' });
    this.pods = new Pods(app);
    this.grid = new IndexGrid((index) => this.pods.find(String(index)), app.signal);
    this.grid.element.hidden = true;
    this.log = new PodLog(app.signal);
    this.use = new Use(namespace, app.signal);
    this.yaml = new YamlView();
    const ofJob = { kind: 'Job', namespace, name, signal: app.signal };
    this.element = h(
      'div',
      {},
      this.head.element,
      this.health.element,
      this.facts,
      this.grid.element,
      section('Pods', this.pods.element),
      this.log.element,
      this.use.element,
      events({ ...ofJob, onHealth: (it) => this.health.show('events', it) }),
      this.yaml.element,
    );
    watch({
      path: collection('jobs', namespace),
      query: { fieldSelector: `metadata.name=${name}` },
      view: (job) => job,
      signal: app.signal,
      onChange: (items, state) => {
        this.health.show('Jobs', state);
        const [job] = items.values();
        if (job) this.show(job);
        else if (state.state === 'live') this.gone(name);
      },
    });
    eachSecond(app.signal, () => this.tick());
  }

  /** @param {any} job */
  show(job) {
    const isNew = job.metadata.uid !== this.job?.metadata.uid;
    this.job = job;
    if (isNew) this.watchPods(job);
    this.toolbar.show(job);
    // The Job's end may be told after its last pod's.
    const { all, ended } = this.pods;
    if (all.length && ended === undefined && !job.status?.active) this.pods.show(all, job);
    this.tick();
    showFacts(this.facts, factsOf(this.app, job));
    this.grid.element.hidden = job.spec.completionMode !== 'Indexed';
    this.showGrid();
    this.yaml.show(job);
  }

  /** @param {any} job */
  watchPods(job) {
    this.ofPods?.abort();
    this.ofPods = new AbortController();
    const labelSelector = selectorOf(job.spec.selector);
    watch({
      path: collection('pods', job.metadata.namespace),
      query: { labelSelector },
      view: podView,
      signal: AbortSignal.any([this.app.signal, this.ofPods.signal]),
      onChange: (items, state) => {
        this.health.show('pods', state);
        const own = [...items.values()].filter((it) => it.owner === job.metadata.uid);
        if (state.state === 'live' || own.length) this.pods.show(own, this.job);
        this.log.show(own);
        const isRunning = own.some((it) => it.state === 'running');
        this.use.show(
          own.map((it) => it.usage),
          { labelSelector },
          isRunning,
        );
        this.showGrid();
      },
    });
  }

  showGrid() {
    if (this.job && !this.grid.element.hidden) this.grid.show(this.job, this.pods.all);
  }

  tick() {
    if (!this.job) return;
    const { state } = jobView(this.job);
    this.head.show(state, JOB_STATES[state], sentence(this.job, Date.now()));
    this.pods.tick();
  }

  /** @param {string} name */
  gone(name) {
    const was = this.job ? `${name} has been deleted.` : `There is no Job ${name} here.`;
    this.job = undefined;
    this.toolbar.hide();
    this.head.show('gone', 'Gone', was);
  }
}

/** A selector as a query has it. @param {any} selector */
function selectorOf({ matchLabels = {}, matchExpressions = [] }) {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map((/** @type {any} */ { key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join()})`;
  });
  return [...equal, ...others].join();
}

/** @param {import('../app.js').App} app @param {any} job @returns {[string, string | Node][]} */
function factsOf(app, job) {
  const { spec, metadata } = job;
  const view = jobView(job);
  /** @type {[string, string | Node | undefined][]} */
  const facts = [
    ['Created', moment(view.created)],
    ['Started', view.started === undefined ? undefined : moment(view.started)],
    ['Ended', view.ended === undefined ? undefined : moment(view.ended)],
    [
      'Made by',
      view.owner
        ? h('a', { href: app.href('cronjobs', metadata.namespace, view.owner) }, view.owner)
        : undefined,
    ],
    ['At a time', `${spec.parallelism ?? 1} at most`],
    [
      'Retries',
      spec.backoffLimitPerIndex === undefined
        ? `${spec.backoffLimit ?? 6} at most`
        : `${spec.backoffLimitPerIndex} at most, each index`,
    ],
    ['Deadline', spec.activeDeadlineSeconds && duration(spec.activeDeadlineSeconds * 1000)],
    [
      'Kept for',
      spec.ttlSecondsAfterFinished === undefined
        ? undefined
        : `${duration(spec.ttlSecondsAfterFinished * 1000)} once it has ended`,
    ],
    [
      'Images',
      [...new Set(spec.template.spec.containers.map((/** @type {any} */ it) => it.image))].join(
        ', ',
      ),
    ],
    [
      'Being deleted since',
      time(metadata.deletionTimestamp) && moment(time(metadata.deletionTimestamp) ?? 0),
    ],
  ];
  return /** @type {[string, string | Node][]} */ (facts.filter(([, value]) => value));
}
