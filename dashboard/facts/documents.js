/**
 * Manifests as text: where their documents begin, what they are of, and at which line a field is.
 * Pure.
 *
 * It reads no YAML: it goes by indentation, as people see it, and what it can't find it says it
 * can't. What a document means is the server's to say.
 */

/**
 * @typedef {object} Document
 * @property {string} text
 * @property {number} line of the whole text at which it begins, from 1
 */

/**
 * The documents of a text that have something in them.
 * @param {string} text
 * @returns {Document[]}
 */
export function documents(text) {
  /** @type {Document[]} */
  const found = [];
  let lines = /** @type {string[]} */ ([]);
  let begin = 1;
  const close = (/** @type {number} */ next) => {
    const isEmpty = lines.every((line) => /^\s*(#.*)?$/.test(line));
    if (!isEmpty) found.push({ text: lines.join('\n'), line: begin });
    lines = [];
    begin = next;
  };
  text.split('\n').forEach((line, at) => {
    if (/^---(\s|$)/.test(line)) close(at + 2);
    else lines.push(line);
  });
  close(0);
  return found;
}

/**
 * The text of a field that holds one word, `''` if it is not to be found.
 * @param {string} text
 * @param {string} path
 */
export function word(text, path) {
  const line = text.split('\n')[lineOf(text, path, true) - 1] ?? '';
  const last = path.split('.').pop() ?? '';
  const found = new RegExp(`${last}"?\\s*:\\s*["']?([^"'\\s,}#]+)`).exec(line);
  return found?.[1] ?? '';
}

/**
 * The line of a field, from 1. Where it is not there, that of the nearest field around it that is,
 * or 0 if all of it is wanted.
 * @param {string} text
 * @param {string} path as the server writes it: `spec.template.spec.containers[0].image`
 * @param {boolean} [isWhole]
 */
export function lineOf(text, path, isWhole = false) {
  const lines = text.split('\n');
  let range = { from: 0, to: lines.length, indent: -1 };
  let found = isWhole ? 0 : 1;
  const steps = stepsOf(path);
  for (const [at, step] of steps.entries()) {
    const next = typeof step === 'number' ? itemIn(lines, range, step) : keyIn(lines, range, step);
    if (!next) {
      const inside = lines[found - 1] ?? '';
      const isFlow =
        typeof step === 'string' && new RegExp(`[{,]\\s*"?${escape(step)}"?\\s*:`).test(inside);
      return isWhole && !isFlow ? 0 : found;
    }
    range = next;
    found = next.line + 1;
    if (at === steps.length - 1) return found;
  }
  return found;
}

/** @param {string} path @returns {(string | number)[]} */
function stepsOf(path) {
  const parts = path.matchAll(/\[(\d+)\]|\[([^\]]*)\]|([^.[\]]+)/g);
  return [...parts].map(([, index, key, name]) =>
    index === undefined ? (key ?? name) : Number(index),
  );
}

/**
 * @typedef {{from: number, to: number, indent: number}} Range lines within something that is
 *  indented so
 */

/** @param {string[]} lines @param {Range} range @param {string} key */
function keyIn(lines, range, key) {
  const wanted = new RegExp(`^(\\s*(?:- +)*)["']?${escape(key)}["']?\\s*:(?:\\s|$)`);
  let own = -1;
  for (let at = range.from; at < range.to; at += 1) {
    const line = lines[at];
    if (/^\s*(#.*)?$/.test(line)) continue;
    const column = /^\s*(?:- +)*/.exec(line)?.[0].length ?? 0;
    if (own < 0) own = column;
    // Only keys of this very mapping, not of what is in it.
    const found = column === own && wanted.exec(line);
    if (found)
      return { line: at, from: at + 1, to: endOf(lines, at, column, range.to), indent: column };
  }
  return undefined;
}

/** @param {string[]} lines @param {Range} range @param {number} index */
function itemIn(lines, range, index) {
  let own = -1;
  let seen = -1;
  for (let at = range.from; at < range.to; at += 1) {
    const found = /^(\s*)- /.exec(lines[at]);
    if (!found) continue;
    if (own < 0) own = found[1].length;
    if (found[1].length !== own) continue;
    seen += 1;
    if (seen !== index) continue;
    const end = lines.findIndex(
      (line, after) => after > at && /^\s*- /.test(line) && line.search(/\S/) === own,
    );
    return { line: at, from: at, to: end < 0 ? range.to : Math.min(end, range.to), indent: own };
  }
  return undefined;
}

/**
 * Where what belongs to a key ends.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} column
 * @param {number} limit
 */
function endOf(lines, at, column, limit) {
  for (let next = at + 1; next < limit; next += 1) {
    const line = lines[next];
    if (/^\s*(#.*)?$/.test(line)) continue;
    const depth = line.search(/\S/);
    if (depth < column || (depth === column && !line.trimStart().startsWith('- '))) return next;
  }
  return limit;
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
