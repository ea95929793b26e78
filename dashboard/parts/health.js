/** Whether what is shown is current; and if not, why, in the server's words. */

import { ApiError } from '../api/client.js';
import { OBJECTS_MAX } from '../api/watch.js';
import { h, setAttribute, setText } from './dom.js';
import { count } from '../facts/words.js';

/** @typedef {import('../api/watch.js').Health} HealthOf */

/** The health of one or more watches, the worst of which is told. */
export class HealthLine {
  /** @param {(error: ApiError) => void} onUnauthorized */
  constructor(onUnauthorized) {
    this.onUnauthorized = onUnauthorized;
    /** @type {Map<string, HealthOf>} */
    this.all = new Map();
    this.element = h('p', { class: 'health', role: 'status' });
  }

  /** @param {string} what @param {HealthOf} health */
  show(what, health) {
    const { error } = health;
    if (error instanceof ApiError && error.isUnauthorized) {
      this.onUnauthorized(error);
      return;
    }
    this.all.set(what, health);
    const order = ['failed', 'lost', 'loading', 'live'];
    const rank = (/** @type {HealthOf} */ it) => order.indexOf(it.state) - (it.isCut ? 0.5 : 0);
    const [[name, worst]] = [...this.all].sort(([, a], [, b]) => rank(a) - rank(b));
    setAttribute(this.element, 'data-state', worst.state);
    setText(this.element, words(name, worst));
  }
}

/** @param {string} what @param {HealthOf} health */
function words(what, { state, error, isCut }) {
  switch (state) {
    case 'loading':
      return `Loading ${what} …`;
    case 'lost':
      return `Not current: ${what} can’t be watched; trying again. ${error?.message ?? ''}`;
    case 'failed':
      return error instanceof ApiError && error.isForbidden
        ? `You may not see these ${what}: ${error.message}`
        : `There are no ${what} to be seen: ${error?.message ?? ''}`;
    case 'live':
      return isCut ? `Live, but only ${count(OBJECTS_MAX)} ${what} are shown.` : 'Live';
  }
}
