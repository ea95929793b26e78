/**
 * Who is looking: the token, and the name that the server has for it.
 *
 * The token lives in this tab's session storage and nowhere else: closing the tab forgets it, and
 * no request carries it that this page does not send itself. With a client certificate there is
 * none, and the browser shows the certificate.
 */

const KEY = 'mayfly.token';

/** @returns {string} the token, or `''`. */
export function token() {
  return sessionStorage.getItem(KEY) ?? '';
}

/** @param {string} text a token, as it was given out; `''` forgets it. */
export function setToken(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}
