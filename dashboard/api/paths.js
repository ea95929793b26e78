/** Where objects are: the paths of the Kubernetes API. */

/** @typedef {'jobs' | 'cronjobs' | 'pods' | 'events' | 'namespaces'} Plural */

/** @type {Record<Plural, string>} */
const ROOTS = {
  jobs: '/apis/batch/v1',
  cronjobs: '/apis/batch/v1',
  pods: '/api/v1',
  events: '/api/v1',
  namespaces: '/api/v1',
};

/**
 * The collection of a namespace, or with `''` of all of them.
 * @param {Plural} plural
 * @param {string} [namespace]
 */
export function collection(plural, namespace = '') {
  const place = namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${ROOTS[plural]}${place}/${plural}`;
}

/**
 * @param {Plural} plural
 * @param {string} namespace
 * @param {string} name
 */
export function object(plural, namespace, name) {
  return `${collection(plural, namespace)}/${encodeURIComponent(name)}`;
}

/** The group of a plural, as access reviews want it. @param {string} plural */
export function groupOf(plural) {
  return plural === 'jobs' || plural === 'cronjobs' ? 'batch' : '';
}
