/** What is shown of a Job: its state, and its conditions as one sentence. Pure. */

import { count, counted, duration, time } from './words.js';

/** @typedef {'waiting' | 'running' | 'suspended' | 'complete' | 'failed' | 'ending'} JobState */

/** What each state is called. */
export const JOB_STATES = /** @type {Record<JobState, string>} */ ({
  waiting: 'Waiting',
  running: 'Running',
  suspended: 'Suspended',
  complete: 'Complete',
  failed: 'Failed',
  ending: 'Ending',
});

/**
 * @typedef {object} JobView
 * @property {string} name
 * @property {string} namespace
 * @property {string} uid
 * @property {JobState} state
 * @property {boolean} isFinished
 * @property {number | undefined} completions undefined: as many as succeed until one does
 * @property {number} active pods that have not ended, nor are being ended
 * @property {number} ready those of them that are at work
 * @property {number} ending pods that are being ended
 * @property {number} succeeded
 * @property {number} failed
 * @property {number} created
 * @property {number | undefined} started
 * @property {number | undefined} ended
 * @property {string} owner the CronJob that made it
 */

/** @param {any} job @returns {JobView} */
export function jobView(job) {
  const { metadata, spec, status = {} } = job;
  const over = verdictOf(job);
  const owner = metadata.ownerReferences?.find((/** @type {any} */ it) => it.kind === 'CronJob');
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    state: stateOf(job),
    isFinished: over !== undefined,
    completions: spec.completions,
    active: status.active ?? 0,
    ready: status.ready ?? 0,
    ending: status.terminating ?? 0,
    succeeded: status.succeeded ?? 0,
    failed: status.failed ?? 0,
    created: time(metadata.creationTimestamp) ?? 0,
    started: time(status.startTime),
    ended: time(status.completionTime) ?? time(over?.lastTransitionTime),
    owner: owner?.name ?? '',
  };
}

/** The condition of a type, if it is true. @param {any} job @param {string} type */
function condition(job, type) {
  const conditions = job.status?.conditions ?? [];
  return conditions.find((/** @type {any} */ it) => it.type === type && it.status === 'True');
}

/** The condition that ended the Job. @param {any} job */
function verdictOf(job) {
  return condition(job, 'Complete') ?? condition(job, 'Failed');
}

/** @param {any} job @returns {JobState} */
function stateOf(job) {
  if (condition(job, 'Complete')) return 'complete';
  if (condition(job, 'Failed')) return 'failed';
  const isEnding = condition(job, 'SuccessCriteriaMet') ?? condition(job, 'FailureTarget');
  if (job.metadata.deletionTimestamp || isEnding) return 'ending';
  if (job.spec.suspend) return 'suspended';
  return job.status?.active && job.status.ready ? 'running' : 'waiting';
}

/**
 * What is the matter with the Job, in one sentence.
 * @param {any} job @param {number} now
 */
export function sentence(job, now) {
  const view = jobView(job);
  const took = duration((view.ended ?? now) - (view.started ?? view.created));
  const progress = progressOf(view);
  const failures = view.failed ? `, ${counted(view.failed, 'failure')} so far` : '';
  switch (view.state) {
    case 'complete':
      return join(
        `Complete: ${progress} in ${took}${after(view.failed)}.`,
        because(job, 'Complete'),
      );
    case 'failed':
      return join(
        `Failed after ${took}, with ${progress} and ${counted(view.failed, 'failure')}.`,
        because(job, 'Failed'),
      );
    case 'suspended':
      return `Suspended: nothing runs until it is resumed. ${capital(progress)}${failures}.`;
    case 'ending':
      return ending(job, view);
    case 'running':
      return `Running for ${took}: ${atWork(view)} at work, ${progress}${failures}.`;
    case 'waiting':
      return waiting(job, view, `${progress}${failures}`);
  }
}

/** @param {JobView} view */
function atWork({ active, ready }) {
  return active > ready ? `${count(ready)} of ${counted(active, 'pod')}` : counted(active, 'pod');
}

/** @param {any} job @param {JobView} view @param {string} progress */
function waiting(job, { active, succeeded, failed }, progress) {
  if (active) return `Waiting for ${counted(active, 'pod')} to start: ${progress}.`;
  if (job.spec.parallelism === 0)
    return `Paused: it may have no pod at a time. ${capital(progress)}.`;
  if (failed) return `Waiting before the next attempt: ${progress}.`;
  return succeeded ? `Waiting for the next pod: ${progress}.` : 'Waiting: no pod has started yet.';
}

/** @param {any} job @param {JobView} view */
function ending(job, view) {
  if (job.metadata.deletionTimestamp) return 'Being deleted, with all that is its own.';
  const isGood = condition(job, 'SuccessCriteriaMet') !== undefined;
  const fate = isGood ? 'It has succeeded' : 'It has failed';
  const type = isGood ? 'SuccessCriteriaMet' : 'FailureTarget';
  const left = counted(view.active + view.ending, 'pod');
  return join(`${fate}, and waits for ${left} to end.`, because(job, type));
}

/** @param {JobView} view */
export function progressOf({ completions, succeeded }) {
  return completions === undefined
    ? `${count(succeeded)} succeeded`
    : `${count(succeeded)} of ${count(completions)} succeeded`;
}

/** @param {number} failed */
function after(failed) {
  return failed ? `, after ${counted(failed, 'failure')}` : '';
}

/** What a condition itself says, unless it only repeats. @param {any} job @param {string} type */
function because(job, type) {
  const { message, reason } = condition(job, type) ?? {};
  if (!message || reason === 'CompletionsReached') return '';
  const text = capital(message.replace(/\.$/, ''));
  return reason ? `${text} (${reason}).` : `${text}.`;
}

/** @param {string} fact @param {string} reason */
function join(fact, reason) {
  return reason ? `${fact} ${reason}` : fact;
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
