/** Sets of completion indexes, as a Job's status writes them: `0-3,7`. Pure. */

/** Indexes that are looked at one by one; a Job may have more, whose grid is not drawn. */
export const INDEXES_MAX = 100_000;

/**
 * The indexes below `end` that `text` names.
 * @param {string | undefined} text
 * @param {number} end
 * @returns {Generator<number>}
 */
export function* indexes(text, end) {
  for (const part of (text ?? '').split(',')) {
    const found = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!found) continue;
    const last = Math.min(Number(found[2] ?? found[1]), end - 1);
    for (let index = Number(found[1]); index <= last; index += 1) yield index;
  }
}
