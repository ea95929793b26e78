/** One pod: its containers, how each ended, what they print and used. */

import { collection } from '../api/paths.js';
import { watch } from '../api/watch.js';
import { POD_STATES, isOver, podView } from '../facts/pod.js';
import { duration, moment, time } from '../facts/words.js';
import { eachSecond, fill, h } from '../parts/dom.js';
import { events } from '../parts/events.js';
import { YamlView, section, showFacts } from '../parts/facts.js';
import { Head } from '../parts/head.js';
import { HealthLine } from '../parts/health.js';
import { Log } from '../parts/log.js';
import { Toolbar } from '../parts/toolbar.js';
import { Use } from '../parts/use.js';

/** @param {import('../app.js').App} app @param {string} namespace @param {string} name */
export function podPage(app, namespace, name) {
  return new PodPage(app, namespace, name).element;
}

class PodPage {
  /** @param {import('../app.js').App} app @param {string} namespace @param {string} name */
  constructor(app, namespace, name) {
    this.app = app;
    this.source = { namespace, pod: name };
    /** @type {any} */
    this.pod = undefined;
    this.health = new HealthLine((error) => app.signOut(error.message));
    this.toolbar = new Toolbar(app, 'pods', namespace);
    this.head = new Head(
      { plural: 'Jobs', href: app.href('jobs'), namespace, name },
      this.toolbar.element,
    );
    this.facts = h('dl', { class: 'facts' });
    this.containers = h('tbody');
    this.log = new Log(app.signal);
    this.container = h('select', { id: 'container', onchange: () => this.follow() });
    this.previous = h('input', { id: 'previous', type: 'checkbox', onchange: () => this.follow() });
    this.use = new Use(namespace, app.signal);
    this.yaml = new YamlView();
    const titles = ['Container', 'State', 'Restarts', 'Image'];
    const logControls = h(
      'div',
      { class: 'controls' },
      h('label', { for: 'container' }, 'Container'),
      this.container,
      (this.previousLabel = h('label', { hidden: true }, this.previous, ' the run before')),
    );
    this.element = h(
      'div',
      {},
      this.head.element,
      this.health.element,
      this.facts,
      section(
        'Containers',
        h(
          'table',
          { class: 'plain' },
          h('caption', { class: 'hidden' }, 'Containers'),
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              titles.map((it) => h('th', { scope: 'col' }, it)),
            ),
          ),
          this.containers,
        ),
      ),
      section('Log', logControls, this.log.element),
      this.use.element,
      events({
        kind: 'Pod',
        namespace,
        name,
        signal: app.signal,
        onHealth: (it) => this.health.show('events', it),
      }),
      this.yaml.element,
    );
    watch({
      path: collection('pods', namespace),
      query: { fieldSelector: `metadata.name=${name}` },
      view: (pod) => pod,
      signal: app.signal,
      onChange: (items, state) => {
        this.health.show('pods', state);
        const [pod] = items.values();
        if (pod) this.show(pod);
        else if (state.state === 'live') this.gone(name);
      },
    });
    eachSecond(app.signal, () => this.tick());
  }

  /** @param {any} pod */
  show(pod) {
    this.pod = pod;
    const view = podView(pod);
    this.toolbar.show(pod);
    this.tick();
    showFacts(this.facts, factsOf(this.app, pod));
    const statuses = statusesOf(pod);
    const specs = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    fill(
      this.containers,
      specs.map((spec) =>
        row(
          spec,
          statuses.find((it) => it.name === spec.name),
        ),
      ),
    );
    if (this.container.options.length !== specs.length) {
      fill(
        this.container,
        specs.map((it) => h('option', { value: it.name }, it.name)),
      );
      this.container.value = pod.spec.containers[0].name;
    }
    this.previousLabel.hidden = view.restarts === 0;
    const query = { fieldSelector: `metadata.name=${view.name}` };
    this.use.show([view.usage], query, view.state === 'running');
    this.yaml.show(pod);
    this.follow();
  }

  follow() {
    if (!this.pod) return;
    const { state } = podView(this.pod);
    const status = statusesOf(this.pod).find((it) => it.name === this.container.value);
    const source = {
      ...this.source,
      container: this.container.value,
      previous: this.previous.checked,
    };
    this.log.follow(source, state, status?.restartCount ?? 0);
  }

  tick() {
    if (!this.pod) return;
    const view = podView(this.pod);
    this.head.show(view.state, POD_STATES[view.state], sentence(view, Date.now()));
  }

  /** @param {string} name */
  gone(name) {
    const was = this.pod ? `${name} has been deleted.` : `There is no pod ${name} here.`;
    this.pod = undefined;
    this.toolbar.hide();
    this.head.show('gone', 'Gone', was);
  }
}

/** @param {any} pod @returns {any[]} of all its containers */
function statusesOf({ status }) {
  return [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
}

/** @param {import('../facts/pod.js').PodView} pod @param {number} now */
function sentence({ state, why, created, ended, restarts, spans }, now) {
  const lasted = duration((ended ?? now) - created);
  const often = restarts ? `, after ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}` : '';
  const because = why ? `: ${why}` : '';
  if (isOver(state)) return `${POD_STATES[state]} after ${lasted}${often}${because}.`;
  const last = spans[spans.length - 1];
  if (state === 'running') return `Running for ${duration(now - last.from)}${often}.`;
  return `${POD_STATES[state]} for ${duration(now - last.from)}${often}${because}.`;
}

/** @param {import('../app.js').App} app @param {any} pod @returns {[string, string | Node][]} */
function factsOf(app, { metadata, spec, status }) {
  const owner = metadata.ownerReferences?.find((/** @type {any} */ it) => it.kind === 'Job');
  const started = time(status.startTime);
  const index = metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
  /** @type {[string, string | Node | undefined][]} */
  const facts = [
    [
      'Job',
      owner && h('a', { href: app.href('jobs', metadata.namespace, owner.name) }, owner.name),
    ],
    ['Index', index],
    ['Created', moment(time(metadata.creationTimestamp) ?? 0)],
    ['Started', started === undefined ? undefined : moment(started)],
    ['Node', spec.nodeName],
    ['Message', status.message],
  ];
  return /** @type {[string, string | Node][]} */ (facts.filter(([, value]) => value));
}

/** @param {any} spec @param {any} status */
function row(spec, status) {
  const state = status?.state ?? {};
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, spec.name),
    h('td', {}, stateWords(state)),
    h('td', { class: 'number' }, String(status?.restartCount ?? 0)),
    h('td', {}, spec.image),
  );
}

/** @param {any} state of a container */
function stateWords({ running, terminated, waiting }) {
  if (running) return `Running since ${moment(time(running.startedAt) ?? 0)}`;
  if (terminated) {
    const { exitCode, reason, message } = terminated;
    return `${reason ?? 'Ended'}, exit code ${exitCode}${message ? `: ${message.trim()}` : ''}`;
  }
  return waiting
    ? `${waiting.reason ?? 'Waiting'}${waiting.message ? `: ${waiting.message}` : ''}`
    : 'Waiting';
}
