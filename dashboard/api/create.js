/** Creates what a manifest says, as `kubectl create -f` does. */

import { documents, word } from '../facts/documents.js';
import { ApiError, request, send } from './client.js';

/** Documents of one manifest; more are a program's work. */
const DOCUMENTS_MAX = 100;

/**
 * @typedef {import('../facts/documents.js').Document} Document
 * @typedef {{object: any, warnings: string[]}} Made
 */

/** One document was refused; those before it have been created. */
export class Refused extends Error {
  /** @param {Document} document @param {unknown} why @param {Made[]} made */
  constructor(document, why, made) {
    super('a document was refused', { cause: why });
    this.document = document;
    this.made = made;
  }
}

/**
 * @param {string} text one or more documents of YAML, or one of JSON
 * @param {string} namespace of those that name none
 * @param {boolean} isDryRun only checks
 * @returns {Promise<Made[]>}
 * @throws {Refused}
 */
export async function create(text, namespace, isDryRun) {
  /** @type {Made[]} */
  const made = [];
  const all = documents(text);
  if (all.length > DOCUMENTS_MAX) {
    const why = new ApiError(400, `These are more than ${DOCUMENTS_MAX} documents.`);
    throw new Refused(all[DOCUMENTS_MAX], why, made);
  }
  for (const document of all) {
    try {
      made.push(await createOne(document.text, namespace, isDryRun));
    } catch (error) {
      throw new Refused(document, error, made);
    }
  }
  return made;
}

/**
 * @param {string} text
 * @param {string} namespace
 * @param {boolean} isDryRun
 * @returns {Promise<Made>}
 */
async function createOne(text, namespace, isDryRun) {
  const isJson = text.trimStart().startsWith('{');
  const { apiVersion, kind, place } = isJson ? ofJson(text) : ofYaml(text);
  const path = await pathOf(apiVersion, kind, place || namespace);
  const response = await send(path, {
    method: 'POST',
    contentType: isJson ? 'application/json' : 'application/yaml',
    body: text,
    query: {
      fieldValidation: 'Strict',
      fieldManager: 'mayfly-dashboard',
      ...(isDryRun && { dryRun: 'All' }),
    },
  });
  const warning = response.headers.get('warning') ?? '';
  const warnings = [...warning.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, words]) =>
    words.replace(/\\(.)/g, '$1'),
  );
  return { object: await response.json(), warnings };
}

/** @param {string} text */
function ofYaml(text) {
  return {
    apiVersion: word(text, 'apiVersion'),
    kind: word(text, 'kind'),
    place: word(text, 'metadata.namespace'),
  };
}

/** @param {string} text */
function ofJson(text) {
  try {
    const { apiVersion, kind, metadata } = JSON.parse(text);
    return { apiVersion, kind, place: metadata?.namespace };
  } catch {
    // The server says better what is wrong with it.
    return { apiVersion: '', kind: '', place: '' };
  }
}

/**
 * Where objects of a kind are created: what the server says that there is, and else where Jobs
 * are, so that the server itself says what is wrong.
 * @param {string} apiVersion @param {string} kind @param {string} namespace
 */
async function pathOf(apiVersion, kind, namespace) {
  const place = `/namespaces/${encodeURIComponent(namespace)}`;
  const jobs = `/apis/batch/v1${place}/jobs`;
  if (!apiVersion || !kind) return jobs;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await request(root).catch(() => ({ resources: [] }));
  const found = resources.find(
    (/** @type {any} */ it) => it.kind === kind && !it.name.includes('/'),
  );
  if (!found) return jobs;
  return found.namespaced ? `${root}${place}/${found.name}` : `${root}/${found.name}`;
}
