/** Short words on what has been done, or could not be; read out as they come. */

import { h } from './dom.js';

/** How long a good one stays; a bad one stays until it is closed. */
const GOOD_MS = 6_000;
/** More at a time would hide the page. */
const NOTICES_MAX = 4;

export class Notices {
  constructor() {
    this.good = h('div', { role: 'status' });
    this.bad = h('div', { role: 'alert' });
    this.element = h('div', { class: 'notices' }, this.bad, this.good);
  }

  /** @param {string} text @param {Node} [link] */
  say(text, link) {
    const notice = this.add(this.good, text, link);
    setTimeout(() => notice.remove(), GOOD_MS);
  }

  /** @param {string} text */
  complain(text) {
    this.add(this.bad, text).classList.add('bad');
  }

  /** @param {HTMLElement} host @param {string} text @param {Node} [link] */
  add(host, text, link) {
    const notice = h(
      'div',
      { class: 'notice' },
      h('span', {}, text, link && ' ', link),
      h(
        'button',
        { type: 'button', class: 'quiet', 'aria-label': 'Dismiss', onclick: () => notice.remove() },
        '×',
      ),
    );
    if (host.children.length >= NOTICES_MAX) host.firstElementChild?.remove();
    host.append(notice);
    return notice;
  }
}
