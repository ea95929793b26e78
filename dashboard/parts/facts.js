/** Small parts that several pages have: sections, lists of facts, filters, the YAML. */

import { fill, h, setAttribute, setText } from './dom.js';
import { toYaml } from '../facts/yaml.js';

/**
 * A part of a page under a heading of its own.
 * @param {string} title
 * @param {...(Node | Node[] | false)} children
 */
export function section(title, ...children) {
  const id = `section-${title.toLowerCase().replace(/\W+/g, '-')}`;
  return h('section', { 'aria-labelledby': id }, h('h2', { id }, title), ...children);
}

/**
 * Names and values. Written again only when something changed.
 * @param {HTMLElement} list a `dl` @param {[string, string | Node][]} facts
 */
export function showFacts(list, facts) {
  const signature = facts
    .map(([name, value]) => `${name}=${value instanceof Node ? value.textContent : value}`)
    .join('\n');
  if (list.dataset.signature === signature) return;
  list.dataset.signature = signature;
  fill(
    list,
    facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

/** Buttons of which one is pressed: which states are shown. */
export class Filter {
  /**
   * @param {string} label
   * @param {[string, string][]} choices values and words
   * @param {() => void} onChange
   */
  constructor(label, choices, onChange) {
    this.value = '';
    this.buttons = [['', 'All'], ...choices].map(([value, words]) => {
      const total = h('span', { class: 'count' });
      const choose = () => {
        this.value = value;
        this.mark();
        onChange();
      };
      const button = h(
        'button',
        { type: 'button', class: 'choice', 'data-state': value, onclick: choose },
        words,
        ' ',
        total,
      );
      return { value, button, total };
    });
    this.element = h(
      'div',
      { class: 'filter', role: 'group', 'aria-label': label },
      this.buttons.map((it) => it.button),
    );
    this.mark();
  }

  mark() {
    for (const { value, button } of this.buttons)
      setAttribute(button, 'aria-pressed', String(value === this.value));
  }

  /** @param {string[]} states of everything there is */
  count(states) {
    /** @type {Map<string, number>} */
    const tally = new Map([['', states.length]]);
    for (const state of states) tally.set(state, (tally.get(state) ?? 0) + 1);
    for (const { value, button, total } of this.buttons) {
      const found = tally.get(value) ?? 0;
      setText(total, found.toLocaleString('en'));
      button.hidden = found === 0 && value !== '' && value !== this.value;
    }
  }
}

/** The YAML of an object, made when somebody looks. */
export class YamlView {
  constructor() {
    this.text = h('pre', { class: 'yaml', tabindex: '0', 'aria-label': 'YAML' });
    this.details = h(
      'details',
      { class: 'yaml-details', ontoggle: () => this.write() },
      h('summary', {}, 'Show the YAML'),
      this.text,
    );
    this.element = section('YAML', this.details);
    /** @type {any} */
    this.object = undefined;
  }

  /** @param {any} object */
  show(object) {
    this.object = object;
    this.write();
  }

  write() {
    if (this.details.open && this.object) setText(this.text, toYaml(this.object));
  }
}
