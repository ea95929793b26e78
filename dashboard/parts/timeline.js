/**
 * What pods did when: a bar a pod on an axis of time, and for all of them together how many ran at
 * a time.
 */

import { childAt, fill, h, setAttribute } from './dom.js';
import { POD_STATES, isOver } from '../facts/pod.js';
import { duration, moment } from '../facts/words.js';

/** @typedef {import('../facts/pod.js').PodView} PodView */

/** Divisions of the axis, as many as there is room for. */
const TICKS = 4;
/**
 * Columns of the picture of all pods together; no more than there are seconds, which times have.
 */
const COLUMNS_MAX = 240;
/** A bar must be seen, however short the run. */
const WIDTH_PERCENT_MIN = 0.6;

const DOING = { waiting: 'waited', running: 'ran', backoff: 'backed off' };

/** A stretch of time that bars are drawn on. */
export class Axis {
  constructor() {
    this.from = 0;
    this.to = 1;
    this.ticks = h('div', { class: 'axis', 'aria-hidden': 'true' });
    this.element = h('div', {}, h('span', { class: 'hidden' }, 'Timeline'), this.ticks);
  }

  /** @param {number} from @param {number} to */
  set(from, to) {
    this.from = from;
    this.to = Math.max(to, from + 1000);
    const step = (this.to - this.from) / TICKS;
    const labels = Array.from({ length: TICKS }, (_, at) =>
      at ? `+${duration(Math.round(at * step))}` : '0',
    );
    const signature = labels.join();
    if (this.ticks.dataset.signature === signature) return;
    this.ticks.dataset.signature = signature;
    fill(
      this.ticks,
      labels.map((label) => h('span', {}, label)),
    );
  }

  /** @param {number} at @returns {number} its place in percent */
  percent(at) {
    return Math.min(100, Math.max(0, (100 * (at - this.from)) / (this.to - this.from)));
  }
}

/**
 * The column that has a bar for each pod.
 * @param {Axis} axis
 * @returns {import('./table.js').Column<PodView>}
 */
export function barColumn(axis) {
  return {
    title: 'Timeline',
    name: 'timeline',
    header: axis.element,
    show: (cell, pod) => showBar(cell, axis, pod),
  };
}

/** @param {HTMLElement} cell @param {Axis} axis @param {PodView} pod */
function showBar(cell, axis, pod) {
  const now = Date.now();
  const track = childAt(cell, 0, () => h('div', { class: 'track', role: 'img' }));
  pod.spans.forEach((span, at) => {
    const mark = childAt(track, at, () => h('span', { class: 'span' }));
    const isLast = at === pod.spans.length - 1;
    const kind = isLast && isOver(pod.state) ? pod.state : span.kind;
    const from = axis.percent(span.from);
    const width = axis.percent(span.to ?? now) - from;
    setAttribute(mark, 'data-kind', kind);
    mark.style.left = `${Math.min(from, 100 - WIDTH_PERCENT_MIN)}%`;
    mark.style.width = `${isLast ? Math.max(width, WIDTH_PERCENT_MIN) : width}%`;
  });
  while (track.children.length > pod.spans.length) track.lastElementChild?.remove();
  const words = barWords(pod, now);
  setAttribute(track, 'aria-label', words);
  setAttribute(track, 'title', words);
}

/** @param {PodView} pod @param {number} now */
function barWords(pod, now) {
  const parts = pod.spans.map(
    ({ kind, from, to }) => `${DOING[kind]} ${duration((to ?? now) - from)}`,
  );
  return `${parts.join(', ')}; ${POD_STATES[pod.state].toLowerCase()}${pod.why && ` (${pod.why})`}`;
}

/** A picture of all pods together: how many ran at a time, and where some failed. */
export class Overview {
  /** @param {AbortSignal} signal the page is left */
  constructor(signal) {
    // Until there is something to show, and words that say what.
    this.canvas = h('canvas', { class: 'overview', role: 'img', hidden: true });
    /** @type {() => void} */
    this.again = () => {};
    new ResizeObserver(() => this.again()).observe(this.canvas);
    // The document keeps what listens, and with it the whole page.
    const colours = matchMedia('(prefers-color-scheme: dark)');
    colours.addEventListener('change', () => this.again(), { signal });
  }

  /** @param {PodView[]} pods @param {Axis} axis @param {number} now */
  show(pods, axis, now) {
    const { running, failed } = columns(pods, axis, now);
    const most = Math.max(1, ...running);
    const at = running.indexOf(most);
    const when = axis.from + ((axis.to - axis.from) * at) / running.length;
    const words = `At most ${most} ran at a time, at ${moment(when)}.`;
    setAttribute(this.canvas, 'aria-label', words);
    setAttribute(this.canvas, 'title', words);
    this.again = () => draw(this.canvas, running, failed, most);
    this.again();
  }
}

/** @param {PodView[]} pods @param {Axis} axis @param {number} now */
function columns(pods, axis, now) {
  const total = Math.min(COLUMNS_MAX, Math.max(1, Math.round((axis.to - axis.from) / 1000)));
  // Differences first, sums after: what one pod costs does not depend on how long it ran.
  const change = new Array(total + 1).fill(0);
  const failed = new Array(total).fill(false);
  const column = (/** @type {number} */ at) =>
    Math.min(total - 1, Math.floor((axis.percent(at) / 100) * total));
  for (const pod of pods) {
    for (const { kind, from, to } of pod.spans) {
      if (kind !== 'running') continue;
      const begin = column(from);
      change[begin] += 1;
      // However short, it is seen; and one that begins where another ends is not counted with it.
      change[Math.max(column(to ?? now), begin + 1)] -= 1;
    }
    if (pod.state === 'failed' && pod.ended) failed[column(pod.ended)] = true;
  }
  let sum = 0;
  const running = change.slice(0, total).map((it) => (sum += it));
  return { running, failed };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} running
 * @param {boolean[]} failed
 * @param {number} most
 */
function draw(canvas, running, failed, most) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext('2d');
  if (!pen || !width) return;
  const style = getComputedStyle(canvas);
  pen.scale(scale, scale);
  const edge = (/** @type {number} */ at) => Math.round((at * width) / running.length);
  pen.fillStyle = style.getPropertyValue('--running');
  running.forEach((value, at) => {
    const tall = (value / most) * (height - 6);
    pen.fillRect(edge(at), height - tall, edge(at + 1) - edge(at), tall);
  });
  pen.fillStyle = style.getPropertyValue('--failed');
  failed.forEach(
    (is, at) => is && pen.fillRect(edge(at), 0, Math.max(edge(at + 1) - edge(at), 2), 4),
  );
}
