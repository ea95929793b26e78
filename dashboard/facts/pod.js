/**
 * What is shown of a pod, in a form small enough to keep ten thousand of them. Pure.
 */

import { usageOf } from './usage.js';
import { time } from './words.js';

/**
 * @typedef {'waiting' | 'running' | 'backoff' | 'succeeded' | 'failed'} PodState
 * @typedef {{kind: 'waiting' | 'running' | 'backoff', from: number, to?: number}} Span
 *   without `to` it goes on
 */

/** What each state is called. */
export const POD_STATES = /** @type {Record<PodState, string>} */ ({
  waiting: 'Waiting',
  running: 'Running',
  backoff: 'Backing off',
  succeeded: 'Succeeded',
  failed: 'Failed',
});

/**
 * @typedef {object} PodView
 * @property {string} name
 * @property {string} namespace
 * @property {string} uid
 * @property {string} owner the uid of what controls it
 * @property {string} container the first, whose log is shown
 * @property {PodState} state
 * @property {string} why how it ended, or why it waits
 * @property {number | undefined} index its completion index
 * @property {number} restarts
 * @property {number} created
 * @property {number | undefined} ended
 * @property {Span[]} spans what it was doing, in order
 * @property {import('./usage.js').Usage} usage
 */

/** @param {any} pod @returns {PodView} */
export function podView(pod) {
  const { metadata, spec, status } = pod;
  const containers = status.containerStatuses ?? [];
  const states = [...containers, ...(status.initContainerStatuses ?? [])];
  const index = metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
  const state = stateOf(status, states);
  const created = time(metadata.creationTimestamp) ?? 0;
  const ended = isOver(state) ? endOf(pod, containers) : undefined;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    owner: metadata.ownerReferences?.find((/** @type {any} */ it) => it.controller)?.uid ?? '',
    container: spec.containers[0].name,
    state,
    why: whyOf(status, states, state),
    index: index === undefined ? undefined : Number(index),
    restarts: states.reduce((sum, it) => sum + (it.restartCount ?? 0), 0),
    created,
    ended,
    spans: spansOf(containers, created, ended),
    usage: usageOf(metadata.annotations),
  };
}

/** @param {PodState} state */
export function isOver(state) {
  return state === 'succeeded' || state === 'failed';
}

/** @param {any} status @param {any[]} states @returns {PodState} */
function stateOf({ phase }, states) {
  if (phase === 'Succeeded') return 'succeeded';
  if (phase === 'Failed') return 'failed';
  if (states.some((it) => it.state?.waiting?.reason?.endsWith('BackOff'))) return 'backoff';
  return phase === 'Running' ? 'running' : 'waiting';
}

/** @param {any} status @param {any[]} states @param {PodState} state */
function whyOf(status, states, state) {
  if (state === 'failed') {
    const ended = states.map((it) => it.state?.terminated).find((it) => it && it.exitCode !== 0);
    const reason = status.reason ?? ended?.reason ?? '';
    const code = ended ? `exit code ${ended.exitCode}` : '';
    return [reason === 'Error' && code ? '' : reason, code].filter(Boolean).join(', ');
  }
  if (state === 'waiting' || state === 'backoff') {
    const waiting = states.map((it) => it.state?.waiting?.reason).find(Boolean);
    const unscheduled = (status.conditions ?? []).find(
      (/** @type {any} */ it) => it.type === 'PodScheduled' && it.status === 'False',
    );
    return waiting ?? unscheduled?.reason ?? '';
  }
  return '';
}

/** @param {any} pod @param {any[]} containers */
function endOf({ metadata, status }, containers) {
  const ends = containers.map((it) => time(it.state?.terminated?.finishedAt) ?? 0);
  const end = Math.max(0, ...ends);
  if (end) return end;
  const changes = (status.conditions ?? []).map((/** @type {any} */ it) =>
    time(it.lastTransitionTime),
  );
  return Math.max(time(metadata.creationTimestamp) ?? 0, ...changes.filter(Boolean));
}

/**
 * What the pod was doing when: of runs before the last two only that there were some is known.
 * @param {any[]} containers @param {number} created @param {number | undefined} ended
 * @returns {Span[]}
 */
function spansOf(containers, created, ended) {
  const main = containers[0];
  const current = main?.state?.running ?? main?.state?.terminated;
  const last = main?.lastState?.terminated;
  const first = time((last ?? current)?.startedAt);
  /** @type {Span[]} */
  const spans = [{ kind: 'waiting', from: created, to: first ?? ended }];
  if (last) {
    const stopped = time(last.finishedAt) ?? created;
    spans.push({ kind: 'running', from: first ?? created, to: stopped });
    spans.push({ kind: 'backoff', from: stopped, to: time(current?.startedAt) ?? ended });
  }
  if (current?.startedAt) {
    spans.push({ kind: 'running', from: time(current.startedAt) ?? created, to: ended });
  }
  return spans;
}
