/**
 * Sets of completion indexes, as a Job's status writes them: `0-3,7`; and how each index is. Pure.
 */

import { jobView } from './job.js';

/** Indexes that are looked at one by one; a Job may have more, whose grid is not drawn. */
export const INDEXES_MAX = 100_000;

/** What an index can be; of two that its pods say, the later. */
export const INDEX_STATES = /** @type {const} */ ({
  pending: 'not started',
  waiting: 'waiting',
  running: 'running',
  retrying: 'tried again',
  failed: 'failed',
  succeeded: 'succeeded',
});
/** What `indexStates` has numbers of. */
export const INDEX_NAMES = /** @type {(keyof typeof INDEX_STATES)[]} */ (Object.keys(INDEX_STATES));
const [, WAITING, RUNNING, RETRYING, FAILED, SUCCEEDED] = INDEX_NAMES.keys();

/**
 * How each index of a Job is, as a place in `INDEX_NAMES`.
 * @param {any} job
 * @param {Iterable<{index: number | undefined, state: import('./pod.js').PodState}>} pods its own
 */
export function indexStates(job, pods) {
  const total = Math.min(job.spec.completions ?? 0, INDEXES_MAX);
  // What has failed is tried again, until all is over.
  const failed = jobView(job).isFinished ? FAILED : RETRYING;
  const said = {
    waiting: WAITING,
    running: RUNNING,
    backoff: WAITING,
    succeeded: SUCCEEDED,
    failed,
  };
  const states = new Uint8Array(total);
  for (const { index, state } of pods) {
    if (index === undefined || index >= total) continue;
    // One that has failed and runs again is at work, which is more to know.
    const isRunning = states[index] === RUNNING || state === 'running';
    states[index] = isRunning ? RUNNING : Math.max(states[index], said[state]);
  }
  for (const index of indexes(job.status?.failedIndexes, total)) states[index] = FAILED;
  for (const index of indexes(job.status?.completedIndexes, total)) states[index] = SUCCEEDED;
  return states;
}

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
