/** The server's complaints about a document, each at the line that it is about. Pure. */

import { lineOf } from './documents.js';

/** @typedef {{line: number, field: string, message: string}} Complaint `line` counts from 1 */

/**
 * @param {{message: string, causes: import('../api/client.js').Cause[]}} error
 * @param {import('./documents.js').Document} document
 * @returns {Complaint[]}
 */
export function complaintsOf({ message, causes }, { text, line }) {
  const at = (/** @type {string} */ field) => line - 1 + lineOf(text, field);
  if (causes.length) {
    return causes.map(({ field = '', message: words = message }) => ({
      line: at(field),
      field,
      message: words,
    }));
  }
  // What can't be decoded has no causes, but its words name the field.
  const unknown = [...message.matchAll(/(unknown|duplicate) field "([^"]+)"/g)];
  if (unknown.length) {
    return unknown.map(([words, , field]) => ({ line: at(field), field, message: words }));
  }
  const named = /\b((?:spec|metadata|data|stringData)(?:\.[\w-]+|\[\d+\])+)/.exec(message);
  const field = named?.[1] ?? '';
  return [{ line: at(field), field, message }];
}
