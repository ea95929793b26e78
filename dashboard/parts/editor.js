/**
 * A text of many lines with what is wrong with it: each complaint stands at the end of its line,
 * and in a list from which one gets there by keyboard.
 */

import { fill, h, setAttribute } from './dom.js';

/** Of a longer text no line is marked; it can be sent all the same. */
const LINES_MARKED_MAX = 5_000;

export class Editor {
  /** @param {string} text */
  constructor(text) {
    this.marks = h('div', { class: 'marks', 'aria-hidden': 'true' });
    this.input = h('textarea', {
      id: 'manifest',
      spellcheck: 'false',
      autocapitalize: 'off',
      autocomplete: 'off',
      wrap: 'off',
      rows: '24',
      'aria-describedby': 'complaints',
      oninput: () => this.clear(),
      onscroll: () => this.align(),
    });
    this.complaints = h('ul', { id: 'complaints', class: 'complaints' });
    this.element = h(
      'div',
      {},
      h('div', { class: 'editor' }, this.marks, this.input),
      h('div', { role: 'alert' }, this.complaints),
    );
    this.text = text;
  }

  get text() {
    return this.input.value;
  }

  set text(text) {
    this.input.value = text;
    this.clear();
  }

  clear() {
    this.complain([]);
  }

  /** @param {import('../facts/complaints.js').Complaint[]} complaints */
  complain(complaints) {
    setAttribute(this.input, 'aria-invalid', String(complaints.length > 0));
    const inOrder = [...complaints].sort((a, b) => a.line - b.line);
    fill(
      this.complaints,
      inOrder.map((it) => this.entry(it)),
    );
    this.mark(complaints);
    this.align();
  }

  /** @param {import('../facts/complaints.js').Complaint} complaint */
  entry(complaint) {
    const { line, field, message } = complaint;
    const go = h(
      'button',
      { type: 'button', class: 'link', onclick: () => this.goTo(line) },
      `Line ${line}`,
    );
    return h('li', {}, go, ' ', field && h('code', {}, field), field && ': ', message);
  }

  /**
   * Writes the lines a second time behind the text, with numbers, and complaints at their ends.
   * @param {import('../facts/complaints.js').Complaint[]} complaints
   */
  mark(complaints) {
    const lines = this.text.split('\n');
    const rows = lines.slice(0, LINES_MARKED_MAX).map((text, at) => {
      const own = complaints.filter((it) => it.line === at + 1);
      const words = own.map((it) => it.message).join('; ');
      return h(
        'div',
        { class: own.length ? 'wrong' : '' },
        h('span', { class: 'shadow' }, text),
        words && h('span', { class: 'complaint' }, words),
      );
    });
    fill(this.marks, rows);
  }

  align() {
    this.marks.scrollTop = this.input.scrollTop;
    this.marks.scrollLeft = this.input.scrollLeft;
  }

  /** @param {number} line from 1 */
  goTo(line) {
    const lines = this.text.split('\n');
    const start = lines.slice(0, line - 1).reduce((sum, it) => sum + it.length + 1, 0);
    this.input.focus();
    this.input.setSelectionRange(start, start + (lines[line - 1] ?? '').length);
    const height = this.input.scrollHeight / lines.length;
    this.input.scrollTop = Math.max(0, (line - 5) * height);
  }
}
