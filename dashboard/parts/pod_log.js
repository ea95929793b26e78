/** The log of one of a Job's pods: of the one that matters most, or of the one that is chosen. */

import { POD_STATES, isOver } from '../facts/pod.js';
import { fill, h } from './dom.js';
import { section } from './facts.js';
import { Log } from './log.js';

/** Pods that can be chosen here; every other has a page of its own, with its log. */
const PODS_OFFERED_MAX = 30;

/** @typedef {import('../facts/pod.js').PodView} PodView */

export class PodLog {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.log = new Log(signal);
    /** @type {PodView[]} */
    this.pods = [];
    /** Whether somebody has chosen, whose choice stays. */
    this.isChosen = false;
    this.select = h('select', {
      id: 'log-of',
      onchange: () => {
        this.isChosen = true;
        this.follow();
      },
    });
    this.choice = h(
      'div',
      { class: 'controls' },
      h('label', { for: 'log-of' }, 'Pod'),
      this.select,
    );
    this.element = section('Log', this.choice, this.log.element);
    this.element.hidden = true;
  }

  /** @param {PodView[]} pods */
  show(pods) {
    const before = this.isChosen || this.isFollowing() ? this.select.value : '';
    this.pods = offered(pods, before);
    this.element.hidden = this.pods.length === 0;
    const options = this.pods.map((it) => `${it.name} · ${POD_STATES[it.state].toLowerCase()}`);
    if (this.select.dataset.signature !== options.join('\n')) {
      this.select.dataset.signature = options.join('\n');
      fill(
        this.select,
        this.pods.map((it, at) => h('option', { value: it.name }, options[at])),
      );
      this.select.value = before || this.pods[0]?.name;
    }
    this.follow();
  }

  /** Whether the pod whose log is shown is at work, and so not left. */
  isFollowing() {
    const pod = this.pods.find((it) => it.name === this.select.value);
    return pod !== undefined && !isOver(pod.state);
  }

  follow() {
    const pod = this.pods.find((it) => it.name === this.select.value);
    if (!pod) return;
    const { namespace, name, container, state, restarts } = pod;
    this.log.follow({ namespace, pod: name, container }, state, restarts);
  }
}

/**
 * What matters most first: what runs, what has failed, and then the latest.
 * @param {PodView[]} pods
 * @param {string} kept
 */
function offered(pods, kept) {
  const order = { running: 0, backoff: 1, failed: 2, succeeded: 3, waiting: 4 };
  const best = [...pods]
    .sort((a, b) => order[a.state] - order[b.state] || b.created - a.created)
    .slice(0, PODS_OFFERED_MAX);
  const chosen = pods.find((it) => it.name === kept);
  return chosen && !best.includes(chosen) ? [...best, chosen] : best;
}
