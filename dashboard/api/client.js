/**
 * Requests to the Kubernetes API, as kubectl sends them; failures as `ApiError`.
 */

import { token } from './session.js';

/** How long an answer may take that does not go on: longer than the server itself allows. */
const REQUEST_MS_MAX = 65_000;

/**
 * One complaint of the server, about one field.
 * @typedef {{field?: string, message?: string, reason?: string}} Cause
 */

/** A request that was not granted, in the server's own words. */
export class ApiError extends Error {
  /**
   * @param {number} code that of HTTP, 0 if there was no answer
   * @param {string} message
   * @param {{reason?: string, causes?: Cause[]}} [details]
   */
  constructor(code, message, { reason = '', causes = [] } = {}) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    /** @type {Cause[]} */
    this.causes = causes;
  }

  /** Whether nobody has been let in: no token, or one that is not good any more. */
  get isUnauthorized() {
    return this.code === 401;
  }

  /** Whether the user is known, and may not. */
  get isForbidden() {
    return this.code === 403;
  }
}

/**
 * @typedef {object} Options
 * @property {string} [method]
 * @property {Record<string, string>} [query]
 * @property {unknown} [body] what is sent as JSON, or a string that is sent as it is
 * @property {string} [contentType]
 * @property {AbortSignal} [signal]
 */

/**
 * Sends a request, and returns the answer once it begins.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Response>}
 * @throws {ApiError} if it is refused, or nobody answers
 */
export async function send(path, { method = 'GET', query = {}, body, contentType, signal } = {}) {
  const headers = new Headers({ Accept: 'application/json' });
  if (token()) headers.set('Authorization', `Bearer ${token()}`);
  if (body !== undefined) headers.set('Content-Type', contentType ?? 'application/json');
  const search = new URLSearchParams(query).toString();
  let response;
  try {
    response = await fetch(search ? `${path}?${search}` : path, {
      method,
      headers,
      body: typeof body === 'string' || body === undefined ? body : JSON.stringify(body),
      signal,
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ApiError(0, `The server does not answer (${messageOf(error)}).`);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/**
 * Sends a request, and returns the whole answer.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function request(path, options = {}) {
  const limit = AbortSignal.timeout(REQUEST_MS_MAX);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  try {
    const response = await send(path, { ...options, signal });
    return await response.json();
  } catch (error) {
    if (limit.aborted) throw new ApiError(0, 'The server took too long to answer.');
    throw error;
  }
}

/**
 * What a `Status` says, or a page of whoever stands between.
 * @param {Response} response
 */
async function refusal(response) {
  const text = await response.text().catch(() => '');
  try {
    const { message, reason, details } = JSON.parse(text);
    return new ApiError(response.status, message, { reason, causes: details?.causes });
  } catch {
    return new ApiError(response.status, `The server answered ${response.status}: ${text}`);
  }
}

/** @param {unknown} error @returns {string} what it says, to people */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {unknown} error whether somebody gave up waiting on purpose */
export function isAbort(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}
