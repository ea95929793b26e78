/** What every page is given. */

/**
 * @typedef {object} App
 * @property {AbortSignal} signal fires when the page is left
 * @property {import('./parts/notices.js').Notices} notices
 * @property {string} namespace that is looked at; `''` for all
 * @property {(page: string, namespace?: string, name?: string) => string} href
 * @property {(page: string, namespace?: string, name?: string) => void} go
 * @property {(why: string) => void} signOut
 */

/**
 * Where a page is: `#/jobs`, `#/jobs/<namespace>/<name>`, and which namespace is looked at.
 * @typedef {{page: string, namespace: string, name: string, scope: string | undefined}} Place
 */

/** @param {string} hash @returns {Place} */
export function parsePlace(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', namespace = '', name = ''] = path.split('/').map(decode);
  const scope = new URLSearchParams(query).get('namespace') ?? undefined;
  return { page: page || 'jobs', namespace, name, scope };
}

/** @param {string} page @param {string} namespace @param {string} name @param {string} scope */
export function writePlace(page, namespace, name, scope) {
  const path = [page, namespace, name].filter(Boolean).map(encodeURIComponent).join('/');
  return `#/${path}?${new URLSearchParams({ namespace: scope })}`;
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
