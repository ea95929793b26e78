/**
 * What pods have used, by the annotations `mayfly.dev/usage-*`, which the node writes at an end.
 */

import { bytes, count, cpu } from './words.js';

const PREFIX = 'mayfly.dev/usage-';

/** One kind of use: its annotation, its name, how it adds up, and how it is written. */
const KINDS = [
  { key: 'cpu-seconds', name: 'CPU time', add: sum, words: cpu },
  { key: 'memory-peak-bytes', name: 'Memory, at most', add: Math.max, words: bytes },
  { key: 'fuel', name: 'Instructions', add: sum, words: count },
  { key: 'printed-bytes', name: 'Output', add: sum, words: bytes },
  { key: 'file-read-bytes', name: 'Files read', add: sum, words: bytes },
  { key: 'file-written-bytes', name: 'Files written', add: sum, words: bytes },
  { key: 'network-received-bytes', name: 'Network, received', add: sum, words: bytes },
  { key: 'network-sent-bytes', name: 'Network, sent', add: sum, words: bytes },
  { key: 'runs-unknown', name: 'Runs that a crash hid', add: sum, words: count },
];

/**
 * Numbers in the order of `KINDS`; `undefined` where nothing is said.
 * @typedef {(number | undefined)[]} Usage
 */

/** @param {number} a @param {number} b */
function sum(a, b) {
  return a + b;
}

/** @param {Record<string, string> | undefined} annotations @returns {Usage} */
export function usageOf(annotations) {
  return KINDS.map(({ key }) => {
    const text = annotations?.[PREFIX + key];
    return text === undefined ? undefined : Number(text);
  });
}

/** The use of several together. @param {Iterable<Usage>} all @returns {Usage} */
export function total(all) {
  /** @type {Usage} */
  const whole = KINDS.map(() => undefined);
  for (const one of all) {
    one.forEach((value, at) => {
      const before = whole[at];
      if (value !== undefined)
        whole[at] = before === undefined ? value : KINDS[at].add(before, value);
    });
  }
  return whole;
}

/** Names and values of what is known. @param {Usage} usage @returns {[string, string][]} */
export function usageWords(usage) {
  return KINDS.flatMap(({ name, words }, at) => {
    const value = usage[at];
    return value === undefined ? [] : [/** @type {[string, string]} */ ([name, words(value)])];
  });
}
