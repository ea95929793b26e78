/**
 * A table of any length: only the rows in view are elements. Rows keep their element while they
 * are in view, so focus and selection stay while what they say changes.
 */

import { h, setAttribute, setText } from './dom.js';

/** Rows beyond each edge of what is seen, so that scrolling finds them there. */
const ROWS_BEYOND = 8;

/**
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [name] the class of its cells
 * @property {(cell: HTMLElement, item: T) => void} show writes an item into a cell
 * @property {HTMLElement} [header] what stands in the header instead of the title
 */

/** @template T */
export class Table {
  /**
   * @param {object} wish
   * @param {string} wish.label what it is a table of
   * @param {string} wish.name the class that has the widths of its columns
   * @param {Column<T>[]} wish.columns
   * @param {(item: T) => string} wish.key
   */
  constructor({ label, name, columns, key }) {
    this.columns = columns;
    this.key = key;
    /** @type {T[]} */
    this.items = [];
    /** @type {Map<string, {row: HTMLElement, item: T}>} */
    this.rows = new Map();
    this.spacer = h('div', { class: 'spacer', role: 'presentation' });
    this.viewport = h(
      'div',
      {
        class: 'viewport',
        role: 'rowgroup',
        tabindex: '0',
        'aria-label': label,
        onscroll: () => this.render(),
      },
      this.spacer,
    );
    this.empty = h('p', { class: 'empty', hidden: true });
    const titles = columns.map((it) =>
      h('div', { role: 'columnheader', class: it.name ?? '' }, it.header ?? it.title),
    );
    this.table = h(
      'div',
      { class: `table ${name}`, role: 'table', 'aria-label': label },
      h(
        'div',
        { role: 'rowgroup' },
        h('div', { class: 'row head', role: 'row', 'aria-rowindex': '1' }, titles),
      ),
      this.viewport,
    );
    this.element = h('div', { class: 'table-frame' }, this.table, this.empty);
    new ResizeObserver(() => this.render()).observe(this.viewport);
  }

  /**
   * Shows these, in this order.
   * @param {T[]} items
   * @param {string} emptyWords what is said if there are none
   */
  show(items, emptyWords) {
    this.items = items;
    setText(this.empty, emptyWords);
    this.empty.hidden = items.length > 0;
    this.table.hidden = items.length === 0;
    setAttribute(this.table, 'aria-rowcount', String(items.length + 1));
    this.render();
  }

  /** Writes the rows in view once more, since time has passed. */
  refresh() {
    for (const { row, item } of this.rows.values()) this.write(row, item);
  }

  render() {
    const height = parseFloat(getComputedStyle(this.table).getPropertyValue('--row-height')) || 44;
    this.spacer.style.height = `${this.items.length * height}px`;
    const { scrollTop, clientHeight } = this.viewport;
    const first = Math.max(0, Math.floor(scrollTop / height) - ROWS_BEYOND);
    const last = Math.min(
      this.items.length,
      Math.ceil((scrollTop + clientHeight) / height) + ROWS_BEYOND,
    );
    /** @type {Map<string, {row: HTMLElement, item: T}>} */
    const seen = new Map();
    for (let at = first; at < last; at += 1) {
      const item = this.items[at];
      const key = this.key(item);
      const before = this.rows.get(key);
      const row = before?.row ?? this.newRow();
      if (before?.item !== item) this.write(row, item);
      row.style.transform = `translateY(${at * height}px)`;
      setAttribute(row, 'aria-rowindex', String(at + 2));
      seen.set(key, { row, item });
      if (!before) this.place(row, at);
    }
    for (const [key, { row }] of this.rows) if (!seen.has(key)) row.remove();
    this.rows = seen;
  }

  /**
   * Puts a new row where readers of the page expect it.
   * @param {HTMLElement} row
   * @param {number} at
   */
  place(row, at) {
    const after = [...this.spacer.children].find(
      (it) => Number(it.getAttribute('aria-rowindex')) > at + 2,
    );
    this.spacer.insertBefore(row, after ?? null);
  }

  newRow() {
    const cells = this.columns.map((it) => h('div', { role: 'cell', class: it.name ?? '' }));
    return h('div', { class: 'row', role: 'row' }, cells);
  }

  /** @param {HTMLElement} row @param {T} item */
  write(row, item) {
    this.columns.forEach((column, at) =>
      column.show(/** @type {HTMLElement} */ (row.children[at]), item),
    );
  }
}

/**
 * A column of plain text.
 * @template T
 * @param {string} title
 * @param {string} name
 * @param {(item: T) => string} text
 * @returns {Column<T>}
 */
export function textColumn(title, name, text) {
  return { title, name, show: (cell, item) => setText(cell, text(item)) };
}

/**
 * A column of links.
 * @template T
 * @param {string} title
 * @param {(item: T) => {href: string, text: string, note?: string}} link
 * @returns {Column<T>}
 */
export function linkColumn(title, link) {
  return {
    title,
    name: 'name',
    show(cell, item) {
      const { href, text, note = '' } = link(item);
      if (!cell.firstElementChild) cell.append(h('a', { href }), h('span', { class: 'note' }));
      const [anchor, after] = /** @type {HTMLElement[]} */ ([...cell.children]);
      setAttribute(anchor, 'href', href);
      setAttribute(cell, 'title', text);
      setText(anchor, text);
      setText(after, note);
    },
  };
}
