/**
 * When a CronJob is due next: the schedules that the server takes, told ahead. Pure.
 *
 * The server alone starts Jobs; this shows people what a schedule means. Schedules that it can't
 * read have been refused by the server already, so here they are just not told.
 */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** @type {Record<string, string>} */
const DESCRIPTORS = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/**
 * Days that are looked through; a schedule without a run in five years has none, as in Kubernetes.
 */
const DAYS_MAX = 5 * 366;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** No clock is put back by more. */
const OVERLAP_MS = 180 * MINUTE_MS;

/** Time zones whose clocks are kept; all are forgotten then. */
const CLOCKS_MAX = 100;

/** Seconds in each unit of `@every`. @type {Record<string, number>} */
const EVERY_UNITS = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, μs: 1e-6, ns: 1e-9 };

/**
 * The next times after `now` that a schedule is due, `count` at most.
 * @param {string} schedule @param {string | undefined} timeZone
 * @param {number} now @param {number} count @param {number} [last] when it last was
 * @returns {number[]}
 */
export function nextRuns(schedule, timeZone, now, count, last = now) {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(schedule);
  const text = (zoned ? zoned[2] : schedule).trim();
  const zone = zoned?.[1] ?? timeZone ?? 'UTC';
  if (text.startsWith('@every ')) return every(text.slice(7), now, count, last);
  const parts = (DESCRIPTORS[text] ?? text).split(/\s+/);
  if (parts.length !== 5) return [];
  try {
    return due(fieldsOf(parts), zone, now, count);
  } catch {
    return [];
  }
}

/** @param {string} text @param {number} now @param {number} count @param {number} last */
function every(text, now, count, last) {
  const parts = [...text.matchAll(/([\d.]+)(h|ms|[uµμ]s|ns|m|s)/g)];
  const seconds = parts.reduce(
    (sum, [, value, unit]) => sum + Number(value) * EVERY_UNITS[unit],
    0,
  );
  if (!seconds) return [];
  const step = Math.max(1, Math.floor(seconds)) * 1000;
  const first = last + Math.max(1, Math.ceil((now - last) / step)) * step;
  return Array.from({ length: count }, (_, at) => first + at * step);
}

/** @typedef {{values: Set<number>, isStar: boolean}} Field its values ascend */

/** @param {string[]} parts */
function fieldsOf([minute, hour, day, month, weekday]) {
  return {
    minutes: field(minute, 0, 59),
    hours: field(hour, 0, 23),
    days: field(day, 1, 31),
    months: field(month, 1, 12, MONTHS),
    weekdays: field(weekday, 0, 6, WEEKDAYS),
  };
}

/**
 * @param {string} text
 * @param {number} min
 * @param {number} max
 * @param {string[]} [names]
 * @returns {Field}
 */
function field(text, min, max, names = []) {
  const number = (/** @type {string} */ word) => {
    const named = names.indexOf(word.toLowerCase());
    const value = named >= 0 ? named + min : Number(word);
    if (!Number.isInteger(value) || value < min || value > max) throw new RangeError(word);
    return value;
  };
  /** @type {Set<number>} */
  const values = new Set();
  let isStar = false;
  for (const part of text.split(',').filter(Boolean)) {
    const [range, step] = part.split('/');
    const [from, to] = range.split('-');
    const isAll = from === '*' || from === '?';
    const start = isAll ? min : number(from);
    const end = isAll || (step !== undefined && to === undefined) ? max : number(to ?? from);
    const stride = step === undefined ? 1 : Number(step);
    if (!(stride >= 1)) throw new RangeError(part);
    for (let value = start; value <= end; value += stride) values.add(value);
    isStar ||= isAll && stride === 1;
  }
  return { values: new Set([...values].sort((a, b) => a - b)), isStar };
}

/**
 * @param {ReturnType<typeof fieldsOf>} fields
 * @param {string} zone
 * @param {number} now
 * @param {number} count
 */
function due(fields, zone, now, count) {
  const clock = clockOf(zone);
  const shown = clock(now);
  const begin = Math.floor(shown / DAY_MS) * DAY_MS;
  // An hour that comes twice may bring so many more between those that are wanted.
  const enough = count + OVERLAP_MS / MINUTE_MS;
  /** @type {number[]} */
  const found = [];
  for (let days = 0; days < DAYS_MAX && found.length < count; days += 1) {
    const midnight = begin + days * DAY_MS;
    if (!isDay(fields, new Date(midnight))) continue;
    /** @type {number[]} */
    const today = [];
    for (const hour of fields.hours.values) {
      for (const minute of fields.minutes.values) {
        const local = midnight + (hour * 60 + minute) * MINUTE_MS;
        if (local < shown - OVERLAP_MS || today.length >= enough) continue;
        today.push(...instants(local, clock).filter((at) => at > now));
      }
    }
    found.push(...today.sort((a, b) => a - b));
  }
  return found.slice(0, count);
}

/** @param {ReturnType<typeof fieldsOf>} fields @param {Date} date */
function isDay({ days, months, weekdays }, date) {
  if (!months.values.has(date.getUTCMonth() + 1)) return false;
  const isDate = days.values.has(date.getUTCDate());
  const isWeekday = weekdays.values.has(date.getUTCDay());
  // Where both are restricted, either will do.
  return days.isStar || weekdays.isStar ? isDate && isWeekday : isDate || isWeekday;
}

/** @typedef {(at: number) => number} Clock what clocks show at an instant, as if it were UTC */

/** @type {Map<string, Clock>} */
const clocks = new Map();

/** The clocks of a zone; to make one costs more than to ask it. @param {string} zone */
function clockOf(zone) {
  const known = clocks.get(zone);
  if (known) return known;
  if (clocks.size >= CLOCKS_MAX) clocks.clear();
  const clock = makeClock(zone);
  clocks.set(zone, clock);
  return clock;
}

/** @param {string} zone @returns {Clock} */
function makeClock(zone) {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const parts = Object.fromEntries(
      format.formatToParts(at).map((it) => [it.type, Number(it.value)]),
    );
    return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  };
}

/**
 * The instants at which the clocks show `local`: none if they skip it, two if it comes again.
 * @param {number} local @param {Clock} clock
 */
function instants(local, clock) {
  const guesses = [local - DAY_MS, local + DAY_MS].map((near) => local - (clock(near) - near));
  return [...new Set(guesses)].filter((at) => clock(at) === local);
}
