/** The head of a page about one object: where it is, what it is called, how it is. */

import { badge } from './badge.js';
import { h, setAttribute, setText } from './dom.js';

export class Head {
  /**
   * @param {{plural: string, href: string, namespace: string, name: string}} of
   * @param {HTMLElement} toolbar
   */
  constructor({ plural, href, namespace, name }, toolbar) {
    this.badge = badge('', '');
    this.badge.hidden = true;
    this.sentence = h('p', { class: 'sentence' });
    this.news = h('p', { class: 'hidden', role: 'status' });
    this.element = h(
      'header',
      { class: 'head' },
      h(
        'nav',
        { 'aria-label': 'Breadcrumb', class: 'crumbs' },
        h('a', { href }, plural),
        ` / ${namespace}`,
      ),
      h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, name), this.badge, toolbar),
      this.sentence,
      this.news,
    );
  }

  /** @param {string} state @param {string} word @param {string} sentence */
  show(state, word, sentence) {
    this.badge.hidden = false;
    setAttribute(this.badge, 'data-state', state);
    setText(this.badge, word);
    setText(this.sentence, sentence);
    // Read out when the state changes, not each second as the sentence does.
    if (this.news.dataset.state !== state) {
      this.news.dataset.state = state;
      setText(this.news, word);
    }
  }
}
