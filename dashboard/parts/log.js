/** What a container prints, as it prints it: the last lines, and then each new one. */

import { ApiError, isAbort, messageOf, send } from '../api/client.js';
import { lines } from '../api/lines.js';
import { object } from '../api/paths.js';
import { sleep } from '../api/watch.js';
import { fill, h, setText } from './dom.js';

/**
 * Lines of before that are asked for, and lines that are kept; older ones leave as new ones come.
 */
const TAIL_LINES = 1_000;
const LINES_MAX = 5_000;
/** What of a longer line is shown; a program may print without an end. */
const LINE_CHARS_MAX = 2_000;
/** Before a log that broke off is asked for again. */
const AGAIN_MS = 3_000;

/** @typedef {{namespace: string, pod: string, container?: string, previous?: boolean}} Source */

export class Log {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal = signal;
    this.key = '';
    /** @type {AbortController | undefined} */
    this.current = undefined;
    this.isAtEnd = true;
    /** Lines that are to be shown with the next frame. @type {string[]} */
    this.pending = [];
    this.lines = h('div', { class: 'lines' });
    this.output = h(
      'div',
      {
        class: 'log',
        role: 'log',
        'aria-live': 'off',
        tabindex: '0',
        'aria-label': 'Log',
        onscroll: () => this.look(),
      },
      this.lines,
    );
    this.state = h('p', { class: 'health', role: 'status' });
    this.element = h('div', { class: 'log-frame' }, this.output, this.state);
    signal.addEventListener('abort', () => this.current?.abort(), { once: true });
  }

  /**
   * Follows this log from now on. The same one, of the same run, is followed already.
   * @param {Source} source
   * @param {string} phase of the pod: one that has begun may be asked again
   * @param {number} restarts each run has a log of its own
   */
  follow(source, phase, restarts) {
    const key = JSON.stringify([source, phase === 'waiting', restarts]);
    if (key === this.key) return;
    this.key = key;
    this.current?.abort();
    this.current = new AbortController();
    this.clear();
    this.keep(source, AbortSignal.any([this.signal, this.current.signal]));
  }

  /**
   * Reads to the end, and from the beginning again if it breaks off.
   * @param {Source} source @param {AbortSignal} signal
   */
  async keep(source, signal) {
    while (!signal.aborted) {
      try {
        return await this.read(source, signal);
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        const code = error instanceof ApiError ? error.code : 0;
        if (code !== 0 && code < 429) {
          return this.tell(code === 400 ? 'waiting' : 'failed', messageOf(error));
        }
        this.tell('lost', `It broke off; trying again. ${messageOf(error)}`);
      }
      await sleep(AGAIN_MS, signal);
    }
  }

  clear() {
    this.pending = [];
    fill(this.lines);
  }

  /** @param {Source} source @param {AbortSignal} signal */
  async read({ namespace, pod, container, previous }, signal) {
    this.tell('loading', 'Loading …');
    /** @type {Record<string, string>} */
    const query = { follow: previous ? 'false' : 'true', tailLines: String(TAIL_LINES) };
    if (container) query.container = container;
    if (previous) query.previous = 'true';
    const response = await send(`${object('pods', namespace, pod)}/log`, { query, signal });
    if (response.status === 204) return this.tell('waiting', 'It has no node yet.');
    this.clear();
    this.tell('live', 'Following');
    for await (const batch of lines(response, undefined, LINE_CHARS_MAX + 1)) this.append(batch);
    this.write();
    this.tell('ended', this.lines.childElementCount ? 'End of the log' : 'It printed nothing.');
  }

  /**
   * Keeps lines for the next frame: a program may print more often than one can look.
   * @param {string[]} batch
   */
  append(batch) {
    if (!this.pending.length) requestAnimationFrame(() => this.write());
    const shown = batch.map((line) =>
      line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)} …` : line,
    );
    this.pending = [...this.pending, ...shown].slice(-LINES_MAX);
  }

  write() {
    if (!this.pending.length) return;
    this.lines.append(...this.pending.map((text) => h('div', {}, text || '\u00a0')));
    this.pending = [];
    while (this.lines.childElementCount > LINES_MAX) this.lines.firstElementChild?.remove();
    if (this.isAtEnd) this.output.scrollTop = this.output.scrollHeight;
  }

  /** Whoever has scrolled back is left there. */
  look() {
    const { scrollTop, scrollHeight, clientHeight } = this.output;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
  }

  /** @param {string} state @param {string} words */
  tell(state, words) {
    this.state.dataset.state = state;
    setText(this.state, words);
  }
}
