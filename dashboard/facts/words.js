/** Numbers and times, as people read them. Pure: `now` is an argument. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * A span of time, in the two largest units that matter: `1.2 s`, `3 min 20 s`, `2 d 4 h`. Between
 * times that Kubernetes tells, which are in seconds, nothing is less than one.
 * @param {number} ms
 */
export function duration(ms) {
  if (!Number.isFinite(ms)) return '';
  const rest = Math.max(0, ms);
  if (rest === 0) return 'less than 1 s';
  if (rest < 10 * SECOND) return `${(rest / SECOND).toFixed(rest % SECOND ? 1 : 0)} s`;
  if (rest < MINUTE) return `${Math.floor(rest / SECOND)} s`;
  if (rest < HOUR) return two(rest, MINUTE, 'min', SECOND, 's');
  if (rest < DAY) return two(rest, HOUR, 'h', MINUTE, 'min');
  return two(rest, DAY, 'd', HOUR, 'h');
}

/**
 * @param {number} ms @param {number} large @param {string} largeName
 * @param {number} small @param {string} smallName
 */
function two(ms, large, largeName, small, smallName) {
  const whole = Math.floor(ms / large);
  const part = Math.floor((ms % large) / small);
  return part ? `${whole} ${largeName} ${part} ${smallName}` : `${whole} ${largeName}`;
}

/**
 * How long ago, roughly, as it stands in a table: `12 s`, `5 min`, `3 h`, `9 d`.
 * @param {number | undefined} then @param {number} now
 */
export function age(then, now) {
  if (then === undefined) return '';
  const ms = Math.max(0, now - then);
  if (ms < 2 * MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** `4.0 KiB`. @param {number} bytes */
export function bytes(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** CPU time or a share of a core: `0.20 ms`, `1.4 s`. @param {number} seconds */
export function cpu(seconds) {
  if (seconds === 0) return '0 s';
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return duration(seconds * SECOND);
}

/** `12,345`. @param {number} value */
export function count(value) {
  return value.toLocaleString('en');
}

/** `1 pod`, `2 pods`. @param {number} value @param {string} one @param {string} [many] */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** An RFC 3339 time in milliseconds. @param {string | undefined} text */
export function time(text) {
  return text ? Date.parse(text) : undefined;
}

/** A moment in the reader's own time zone. @param {number} ms */
export function moment(ms) {
  return new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

const UNITS = /** @type {Record<string, number>} */ ({
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
});

/** A Kubernetes quantity as a number: `250m` is 0.25. @param {string | undefined} text */
export function quantity(text) {
  const found = /^([0-9.]+)([a-zA-Z]*)$/.exec(text ?? '');
  return found ? Number(found[1]) * (UNITS[found[2]] ?? Number.NaN) : 0;
}
