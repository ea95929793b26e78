/** A state, as a word with a mark: never by colour alone. */

import { h, setAttribute, setText } from './dom.js';

/** @param {string} state @param {string} word */
export function badge(state, word) {
  return h('span', { class: 'badge', 'data-state': state }, word);
}

/**
 * Writes a state into a cell.
 * @param {HTMLElement} cell
 * @param {string} state
 * @param {string} word
 */
export function showBadge(cell, state, word) {
  if (!cell.firstElementChild) cell.append(badge(state, word));
  const mark = /** @type {HTMLElement} */ (cell.firstElementChild);
  setAttribute(mark, 'data-state', state);
  setText(mark, word);
}
