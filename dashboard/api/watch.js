/**
 * A collection that is kept up to date: listed in pages, then watched from where the list was.
 *
 *     list ──▶ watch ──▶ (ends, or the line breaks) ──▶ watch from the last version
 *       ▲                     │
 *       └────── 410 Gone ─────┘
 */

import { ApiError, isAbort, request, send } from './client.js';
import { lines } from './lines.js';

/** Objects in one answer: large enough to be few, small enough to be shown as they come. */
const PAGE_OBJECTS = 500;
/** Objects that are kept of one collection. What is beyond is not shown, and that is told. */
export const OBJECTS_MAX = 20_000;
/** The server sends a bookmark each minute; a watch without a word for longer has lost its line. */
const QUIET_MS_MAX = 150_000;
/** Before a watch that broke is begun again; doubled each time it breaks at once. */
const PAUSE_MS = 500;
const PAUSE_MS_MAX = 15_000;
/** After what is shown took a while, so many times as long belongs to the reader. */
const REST_FACTOR = 3;

/**
 * How a watch is: what it has is complete and current, or not yet, or not any more.
 * @typedef {{state: 'loading' | 'live' | 'lost' | 'failed', error?: Error, isCut: boolean}} Health
 */

/**
 * @template T
 * @typedef {object} Wish
 * @property {string} path
 * @property {Record<string, string>} [query] selectors
 * @property {(object: any) => T} view what is kept of an object
 * @property {(items: Map<string, T>, health: Health) => void} onChange called once a frame at most;
 *   the map is keyed by namespace and name, and is the watch's own
 * @property {AbortSignal} signal ends it
 */

/**
 * Keeps a collection until the signal fires, or the server says that it may not be seen.
 * @template T
 * @param {Wish<T>} wish
 */
export function watch(wish) {
  new Watch(wish).run().catch((error) => {
    if (!isAbort(error)) throw error;
  });
}

/** @template T */
class Watch {
  /** @param {Wish<T>} wish */
  constructor(wish) {
    this.wish = wish;
    /** @type {Map<string, T>} */
    this.items = new Map();
    /** The version that `items` is of; `''` if it must be listed. */
    this.version = '';
    /** @type {Health} */
    this.health = { state: 'loading', isCut: false };
    /** Whether what there is has been shown. */
    this.isTold = true;
    /** What showing it took the last time, in milliseconds. */
    this.cost = 0;
  }

  async run() {
    const { signal } = this.wish;
    let pause = PAUSE_MS;
    while (!signal.aborted) {
      const begun = Date.now();
      try {
        if (!this.version) await this.list();
        await this.follow();
      } catch (error) {
        if (signal.aborted) return;
        const code = error instanceof ApiError ? error.code : 0;
        const isFinal = [400, 401, 403, 404].includes(code);
        if (code === 410) this.version = '';
        else this.tell({ state: isFinal ? 'failed' : 'lost', error: /** @type {Error} */ (error) });
        if (isFinal) return;
      }
      // A watch that went on for a while has ended as watches do.
      if (Date.now() - begun > PAUSE_MS_MAX) pause = PAUSE_MS;
      await sleep(pause * (0.5 + Math.random() / 2), signal);
      pause = Math.min(pause * 2, PAUSE_MS_MAX);
    }
  }

  /**
   * Reads the collection anew. What is shown meanwhile is what was there before. One that breaks off
   * is no version, from which to go on.
   */
  async list() {
    const { path, query, view, signal } = this.wish;
    const isFirst = this.items.size === 0;
    const fresh = isFirst ? this.items : new Map();
    let version = '';
    let proceed = '';
    let isCut = false;
    do {
      /** @type {Record<string, string>} */
      const page = { ...query, limit: String(PAGE_OBJECTS) };
      if (proceed) page.continue = proceed;
      const answer = await request(path, { query: page, signal });
      for (const object of answer.items) {
        if (fresh.size < OBJECTS_MAX) fresh.set(key(object), view(object));
      }
      version = answer.metadata.resourceVersion;
      proceed = answer.metadata.continue ?? '';
      isCut = fresh.size >= OBJECTS_MAX && proceed !== '';
      if (isFirst) this.tell({ state: 'loading', isCut });
    } while (proceed && !isCut);
    this.items = fresh;
    this.version = version;
    this.tell({ state: 'live', isCut });
  }

  /** Takes in what changes, until the server ends it. */
  async follow() {
    const { path, query, signal } = this.wish;
    const quiet = new AbortController();
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(new Error('the line is silent')), QUIET_MS_MAX);
    };
    heard();
    try {
      const response = await send(path, {
        query: {
          ...query,
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion: this.version,
        },
        signal: AbortSignal.any([signal, quiet.signal]),
      });
      this.tell({ state: 'live' });
      for await (const batch of lines(response, heard)) {
        for (const line of batch) if (line) this.take(JSON.parse(line));
        this.tell({ state: 'live' });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {{type: string, object: any}} event */
  take({ type, object }) {
    if (type === 'ERROR') throw new ApiError(object.code ?? 500, object.message ?? 'watch failed');
    this.version = object.metadata.resourceVersion;
    if (type === 'BOOKMARK') return;
    const name = key(object);
    if (type === 'DELETED') {
      this.items.delete(name);
    } else if (this.items.has(name) || this.items.size < OBJECTS_MAX) {
      this.items.set(name, this.wish.view(object));
    } else {
      this.health = { ...this.health, isCut: true };
    }
  }

  /** @param {Partial<Health>} change */
  tell(change) {
    this.health = { ...this.health, error: undefined, ...change };
    if (!this.isTold) return;
    this.isTold = false;
    setTimeout(() => requestAnimationFrame(() => this.show()), this.cost * REST_FACTOR);
  }

  show() {
    this.isTold = true;
    if (this.wish.signal.aborted) return;
    const begun = performance.now();
    this.wish.onChange(this.items, this.health);
    this.cost = performance.now() - begun;
  }
}

/** @param {any} object */
function key({ metadata }) {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** @param {number} ms @param {AbortSignal} signal ends it early */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
