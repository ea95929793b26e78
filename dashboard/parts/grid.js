/**
 * The indexes of an Indexed Job, a cell each: how far it is, at a glance.
 *
 * The picture is for eyes; the same is said by the counts beside it, and by the table of pods,
 * which can be filtered by an index.
 */

import { INDEXES_MAX, INDEX_NAMES, INDEX_STATES, indexStates } from '../facts/indexes.js';
import { count } from '../facts/words.js';
import { fill, h, setAttribute, setText } from './dom.js';
import { section } from './facts.js';

const CELL_MAX = 18;
const CELL_MIN = 3;
/** What the picture may take of the page before its cells become smaller. */
const AREA_MAX = 120_000;

export class IndexGrid {
  /** @param {(index: number) => void} onChoose @param {AbortSignal} signal the page is left */
  constructor(onChoose, signal) {
    this.onChoose = onChoose;
    this.states = new Uint8Array(0);
    /** The size of a cell, and how many are in a row. */
    this.cell = CELL_MAX;
    this.across = 1;
    this.under = h('p', { class: 'note', 'aria-hidden': 'true' });
    this.canvas = h('canvas', {
      class: 'grid',
      role: 'img',
      onpointermove: (/** @type {PointerEvent} */ event) => this.point(event),
      onpointerleave: () => setText(this.under, ''),
      onclick: (/** @type {MouseEvent} */ event) => this.choose(event),
    });
    this.legend = h('ul', { class: 'legend' });
    this.element = section('Indexes', this.legend, this.canvas, this.under);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    // The document keeps what listens, and with it the whole page.
    const colours = matchMedia('(prefers-color-scheme: dark)');
    colours.addEventListener('change', () => this.draw(), { signal });
  }

  /** @param {any} job @param {Iterable<import('../facts/pod.js').PodView>} pods */
  show(job, pods) {
    this.states = indexStates(job, pods);
    this.tell(job.spec.completions ?? 0);
    this.draw();
  }

  /** @param {number} completions */
  tell(completions) {
    const tally = INDEX_NAMES.map(() => 0);
    for (const state of this.states) tally[state] += 1;
    const words = INDEX_NAMES.map((name, at) => ({
      name,
      text: `${count(tally[at])} ${INDEX_STATES[name]}`,
    })).filter((_, at) => tally[at] > 0);
    const summary = words.map((it) => it.text).join(', ');
    if (summary === this.legend.dataset.signature) return;
    this.legend.dataset.signature = summary;
    const cut =
      completions > INDEXES_MAX
        ? [h('li', {}, `of the first ${count(INDEXES_MAX)} of ${count(completions)}`)]
        : [];
    fill(
      this.legend,
      words.map(({ name, text }) => h('li', { 'data-state': name }, text)),
      cut,
    );
    setAttribute(this.canvas, 'aria-label', `Indexes: ${summary}`);
  }

  draw() {
    const width = this.canvas.clientWidth;
    const total = this.states.length;
    if (!width || !total) return;
    const cell = Math.max(
      CELL_MIN,
      Math.min(CELL_MAX, Math.floor(Math.sqrt(Math.min(AREA_MAX, width * 200) / total))),
    );
    this.cell = cell;
    this.across = Math.max(1, Math.floor(width / cell));
    const height = Math.ceil(total / this.across) * cell;
    const scale = devicePixelRatio;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const pen = this.canvas.getContext('2d');
    if (!pen) return;
    pen.scale(scale, scale);
    const style = getComputedStyle(this.canvas);
    const gap = cell > 5 ? 2 : 1;
    // One colour after the other, since to change it costs more than to draw.
    INDEX_NAMES.forEach((name, state) => {
      pen.fillStyle = style.getPropertyValue(`--${name}`);
      for (let index = 0; index < total; index += 1) {
        if (this.states[index] !== state) continue;
        pen.fillRect(
          (index % this.across) * cell,
          Math.floor(index / this.across) * cell,
          cell - gap,
          cell - gap,
        );
      }
    });
  }

  /** The index at a point of the picture, if there is one. @param {MouseEvent} event */
  indexAt({ offsetX, offsetY }) {
    const column = Math.floor(offsetX / this.cell);
    const index = Math.floor(offsetY / this.cell) * this.across + column;
    return column < this.across && index < this.states.length ? index : undefined;
  }

  /** @param {MouseEvent} event */
  point(event) {
    const index = this.indexAt(event);
    setText(
      this.under,
      index === undefined ? '' : `Index ${index}: ${INDEX_STATES[INDEX_NAMES[this.states[index]]]}`,
    );
  }

  /** @param {MouseEvent} event */
  choose(event) {
    const index = this.indexAt(event);
    if (index !== undefined) this.onChoose(index);
  }
}
