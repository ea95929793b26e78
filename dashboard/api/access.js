/**
 * What the user may do, asked of the server (SelfSubjectAccessReview), as `kubectl auth can-i`
 * does. It decides what is offered; the server decides again what is done.
 */

import { request } from './client.js';
import { groupOf } from './paths.js';

/** @type {Map<string, Promise<boolean>>} answers, for as long as this user stays */
const answers = new Map();
/** More are not remembered than a person visits; all are forgotten then. */
const ANSWERS_MAX = 500;

/**
 * Whether the user may do `verb` to `plural` in `namespace`, or with `''` in all of them.
 * @param {string} verb
 * @param {string} plural with a part, as in `pods/log`
 * @param {string} namespace
 * @returns {Promise<boolean>} false too if the question is not answered
 */
export function may(verb, plural, namespace) {
  const key = `${verb} ${plural} ${namespace}`;
  let answer = answers.get(key);
  if (!answer) {
    if (answers.size >= ANSWERS_MAX) answers.clear();
    answer = ask(verb, plural, namespace);
    answers.set(key, answer);
    answer.catch(() => answers.delete(key));
  }
  return answer.catch(() => false);
}

/** Forgets everything, for the next user. */
export function forget() {
  answers.clear();
}

/** @returns {Promise<string>} the name that the server has for whoever asks */
export async function whoAmI() {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const answer = await request(path, { method: 'POST', body: review });
  return answer.status.userInfo.username;
}

/** @param {string} verb @param {string} plural @param {string} namespace */
async function ask(verb, plural, namespace) {
  const [resource, subresource] = plural.split('/');
  const resourceAttributes = { verb, group: groupOf(resource), resource, subresource, namespace };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const answer = await request(path, { method: 'POST', body: review });
  return answer.status.allowed === true;
}
