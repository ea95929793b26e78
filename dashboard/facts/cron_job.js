/** What is shown of a CronJob. Pure. */

import { nextRuns } from './cron.js';
import { counted, duration, time } from './words.js';

/**
 * @typedef {object} CronJobView
 * @property {string} name
 * @property {string} namespace
 * @property {string} uid
 * @property {'active' | 'suspended'} state
 * @property {string} schedule
 * @property {string | undefined} timeZone
 * @property {number} running
 * @property {number | undefined} last when it was due last
 * @property {number} created
 */

export const CRON_JOB_STATES = { active: 'Active', suspended: 'Suspended' };

/** @param {any} cronJob @returns {CronJobView} */
export function cronJobView({ metadata, spec, status = {} }) {
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    state: spec.suspend ? 'suspended' : 'active',
    schedule: spec.schedule,
    timeZone: spec.timeZone,
    running: status.active?.length ?? 0,
    last: time(status.lastScheduleTime),
    created: time(metadata.creationTimestamp) ?? 0,
  };
}

/**
 * What was reckoned of a view: it stays until the first of it has come. Pages ask each second.
 * @type {WeakMap<CronJobView, {since: number, count: number, runs: number[]}>}
 */
const reckoned = new WeakMap();

/**
 * When it is due next, `count` times at most.
 * @param {CronJobView} view
 * @param {number} now
 * @param {number} count
 */
export function nextOf(view, now, count) {
  if (view.state === 'suspended') return [];
  const before = reckoned.get(view);
  const isCurrent = before && before.since <= now && !(before.runs[0] <= now);
  if (isCurrent && before.count >= count) return before.runs.slice(0, count);
  const runs = nextRuns(view.schedule, view.timeZone, now, count, view.last ?? view.created);
  reckoned.set(view, { since: now, count, runs });
  return runs;
}

/** @param {CronJobView} view @param {number} now */
export function cronSentence(view, now) {
  const [next] = nextOf(view, now, 1);
  const running = view.running ? ` ${counted(view.running, 'Job')} of it at work now.` : '';
  if (view.state === 'suspended')
    return `Suspended: no Job is started until it is resumed.${running}`;
  if (next === undefined) return `No time is known at which it is due.${running}`;
  return `Due in ${duration(next - now)}.${running}`;
}
