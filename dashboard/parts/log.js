/** What a container prints, as it prints it: the last lines, and then each new one. */

import { ApiError, isAbort, messageOf, send } from '../api/client.js';
import { lines } from '../api/lines.js';
import { object } from '../api/paths.js';
import { fill, h, setText } from './dom.js';

/**
 * Lines of before that are asked for, and lines that are kept; older ones leave as new ones come.
 */
const TAIL_LINES = 1_000;
const LINES_MAX = 5_000;
/** What of a longer line is shown; a program may print without an end. */
const LINE_CHARS_MAX = 2_000;

/** @typedef {{namespace: string, pod: string, container?: string, previous?: boolean}} Source */

export class Log {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal = signal;
    this.key = '';
    /** @type {AbortController | undefined} */
    this.current = undefined;
    this.isAtEnd = true;
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
   * Follows this log from now on. The same one, in the same `phase`, is followed already.
   * @param {Source} source @param {string} phase of the pod: one that has begun may be asked again
   */
  follow(source, phase) {
    const key = JSON.stringify([source, phase === 'waiting']);
    if (key === this.key) return;
    this.key = key;
    this.current?.abort();
    this.current = new AbortController();
    const signal = AbortSignal.any([this.signal, this.current.signal]);
    fill(this.lines);
    this.read(source, signal).catch((error) => {
      if (isAbort(error) || signal.aborted) return;
      const isEarly = error instanceof ApiError && error.code === 400;
      this.tell(isEarly ? 'waiting' : 'failed', messageOf(error));
    });
  }

  /** @param {Source} source @param {AbortSignal} signal */
  async read({ namespace, pod, container, previous }, signal) {
    this.tell('loading', 'Loading …');
    /** @type {Record<string, string>} */
    const query = { follow: previous ? 'false' : 'true', tailLines: String(TAIL_LINES) };
    if (container) query.container = container;
    if (previous) query.previous = 'true';
    const response = await send(`${object('pods', namespace, pod)}/log`, { query, signal });
    this.tell('live', 'Following');
    for await (const batch of lines(response)) this.append(batch);
    this.tell('ended', this.lines.childElementCount ? 'End of the log' : 'It printed nothing.');
  }

  /** @param {string[]} batch */
  append(batch) {
    const shown = batch.slice(-LINES_MAX).map((line) => {
      const text = line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)} …` : line;
      return h('div', {}, text || '\u00a0');
    });
    this.lines.append(...shown);
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
