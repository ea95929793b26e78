/** What pods use now (metrics.k8s.io), and what those that have ended used in all. */

import { ApiError, request } from '../api/client.js';
import { h } from './dom.js';
import { section, showFacts } from './facts.js';
import { total, usageWords } from '../facts/usage.js';
import { bytes, counted, quantity } from '../facts/words.js';

/** The node takes a sample every ten seconds. */
const ASK_MS = 10_000;

/** @typedef {import('../facts/usage.js').Usage} Usage */

export class Use {
  /**
   * @param {string} namespace
   * @param {AbortSignal} signal
   */
  constructor(namespace, signal) {
    this.path = `/apis/metrics.k8s.io/v1beta1/namespaces/${encodeURIComponent(namespace)}/pods`;
    this.signal = signal;
    this.isRunning = false;
    /** @type {Record<string, string>} */
    this.query = {};
    /** @type {[string, string][]} */
    this.now = [];
    /** @type {[string, string][]} */
    this.sums = [];
    this.list = h('dl', { class: 'facts' });
    this.empty = h(
      'p',
      { class: 'empty' },
      'Nothing is known yet: what was used is told when a container ends.',
    );
    this.element = section('Resource use', this.list, this.empty);
    const timer = setInterval(() => this.ask(), ASK_MS);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /**
   * @param {Iterable<Usage>} usages of all pods
   * @param {Record<string, string>} query which pods, for what they use now
   * @param {boolean} isRunning whether any runs
   */
  show(usages, query, isRunning) {
    this.sums = usageWords(total(usages));
    const begins = isRunning && !this.isRunning;
    this.query = query;
    this.isRunning = isRunning;
    if (begins) this.ask();
    if (!isRunning) this.now = [];
    this.write();
  }

  async ask() {
    if (!this.isRunning || document.hidden) return;
    try {
      const { items } = await request(this.path, { query: this.query, signal: this.signal });
      // They may have ended meanwhile.
      if (!this.isRunning) return;
      this.now = items.length ? nowWords(items) : [];
      this.write();
    } catch (error) {
      // It is an extra: what can't be had is left out, and asked for again.
      if (!(error instanceof ApiError) && !this.signal.aborted) throw error;
    }
  }

  write() {
    const facts = [...this.now, ...this.sums];
    showFacts(this.list, facts);
    this.list.hidden = facts.length === 0;
    this.empty.hidden = facts.length > 0;
  }
}

/** @param {any[]} pods @returns {[string, string][]} */
function nowWords(pods) {
  const containers = pods.flatMap((pod) => pod.containers);
  const cores = containers.reduce((sum, it) => sum + quantity(it.usage.cpu), 0);
  const memory = containers.reduce((sum, it) => sum + quantity(it.usage.memory), 0);
  const where = counted(pods.length, 'pod');
  return [
    ['Right now, CPU', `${coresWords(cores)} in ${where}`],
    ['Right now, memory', `${bytes(memory)} in ${where}`],
  ];
}

/** @param {number} cores */
function coresWords(cores) {
  if (cores < 0.001) return 'less than 0.001 cores';
  return `${cores.toFixed(cores < 0.1 ? 3 : 2)} cores`;
}
