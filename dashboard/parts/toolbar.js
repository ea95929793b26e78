/**
 * What can be done to an object: buttons for what the user may do, and a word where there is none.
 */

import { may } from '../api/access.js';
import { ApiError, messageOf, request } from '../api/client.js';
import { collection, object } from '../api/paths.js';
import { again, runNow } from '../facts/again.js';
import { confirm } from './dialog.js';
import { h } from './dom.js';

/** @typedef {import('../app.js').App} App */

/**
 * @typedef {object} Action
 * @property {string} verb
 * @property {string} plural what the verb is done to
 * @property {(object: any) => string} title `''` where there is nothing to do
 * @property {(app: App, object: any) => Promise<void>} act
 * @property {boolean} [isDangerous]
 */

/** Suspends or resumes. @param {'jobs' | 'cronjobs'} plural @returns {Action} */
function suspend(plural) {
  return {
    verb: 'patch',
    plural,
    title({ spec, status }) {
      const ends = (status?.conditions ?? []).some(
        (/** @type {any} */ it) => ['Complete', 'Failed'].includes(it.type) && it.status === 'True',
      );
      if (plural === 'jobs' && ends) return '';
      return spec.suspend ? 'Resume' : 'Suspend';
    },
    async act(app, { metadata, spec }) {
      const to = !spec.suspend;
      const isSure =
        !to ||
        plural === 'cronjobs' ||
        (await confirm({
          title: `Suspend ${metadata.name}?`,
          text: 'Its pods are ended; those that have not succeeded start anew when it is resumed.',
          action: 'Suspend',
        }));
      if (!isSure) return;
      await request(object(plural, metadata.namespace, metadata.name), {
        method: 'PATCH',
        contentType: 'application/merge-patch+json',
        body: { spec: { suspend: to } },
      });
      app.notices.say(`${metadata.name} is ${to ? 'suspended' : 'resumed'}.`);
    },
  };
}

/**
 * Makes a new Job of what there is.
 * @param {string} title
 * @param {(object: any) => any} make
 * @param {(object: any) => boolean} isOffered
 * @returns {Action}
 */
function start(title, make, isOffered) {
  return {
    verb: 'create',
    plural: 'jobs',
    title: (it) => (isOffered(it) ? title : ''),
    async act(app, old) {
      const path = collection('jobs', old.metadata.namespace);
      const { metadata } = await request(path, { method: 'POST', body: make(old) });
      const href = app.href('jobs', metadata.namespace, metadata.name);
      app.notices.say('Started', h('a', { href }, metadata.name));
    },
  };
}

/**
 * @param {'jobs' | 'cronjobs' | 'pods'} plural
 * @param {string} loss what goes with it
 * @returns {Action}
 */
function remove(plural, loss) {
  return {
    verb: 'delete',
    plural,
    title: () => 'Delete',
    isDangerous: true,
    async act(app, { metadata }) {
      const isSure = await confirm({
        title: `Delete ${metadata.name}?`,
        text: `${loss} This can’t be undone.`,
        action: 'Delete',
        isDangerous: true,
      });
      if (!isSure) return;
      await request(object(plural, metadata.namespace, metadata.name), {
        method: 'DELETE',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          // What was looked at, and no other that has taken its name since.
          preconditions: { uid: metadata.uid },
        },
      });
      app.notices.say(`${metadata.name} is deleted.`);
      app.go(plural === 'pods' ? 'jobs' : plural);
    },
  };
}

/** @type {Record<'jobs' | 'cronjobs' | 'pods', Action[]>} */
const ACTIONS = {
  jobs: [
    start('Run again', again, () => true),
    suspend('jobs'),
    remove('jobs', 'Its pods and their logs go with it.'),
  ],
  cronjobs: [
    start(
      'Run now',
      (it) => runNow(it, Date.now()),
      () => true,
    ),
    suspend('cronjobs'),
    remove('cronjobs', 'The Jobs that it made go with it.'),
  ],
  pods: [remove('pods', 'If it runs, it is ended; its log goes with it.')],
};

export class Toolbar {
  /** @param {App} app @param {'jobs' | 'cronjobs' | 'pods'} plural @param {string} namespace */
  constructor(app, plural, namespace) {
    this.app = app;
    /** @type {any} */
    this.object = undefined;
    this.isBusy = false;
    this.element = h('div', { class: 'toolbar', role: 'group', 'aria-label': 'Actions' });
    /** @type {{action: Action, button: HTMLButtonElement}[]} */
    this.buttons = [];
    this.build(plural, namespace);
  }

  /** @param {'jobs' | 'cronjobs' | 'pods'} plural @param {string} namespace */
  async build(plural, namespace) {
    const actions = ACTIONS[plural];
    const allowed = await Promise.all(actions.map((it) => may(it.verb, it.plural, namespace)));
    this.buttons = actions
      .filter((_, at) => allowed[at])
      .map((action) => {
        const name = action.isDangerous ? 'danger quiet' : '';
        const button = h('button', {
          type: 'button',
          class: name,
          hidden: true,
          onclick: () => this.act(action),
        });
        return { action, button };
      });
    this.element.append(...this.buttons.map((it) => it.button));
    if (!this.buttons.length)
      this.element.append(h('span', { class: 'note' }, 'You may look, not change.'));
    if (this.object) this.show(this.object);
  }

  /** @param {any} object as it is now */
  show(object) {
    this.object = object;
    for (const { action, button } of this.buttons) {
      const title = action.title(object);
      button.hidden = !title;
      if (title && button.textContent !== title) button.textContent = title;
    }
  }

  /** The object is gone. */
  hide() {
    for (const { button } of this.buttons) button.hidden = true;
  }

  /** @param {Action} action */
  async act(action) {
    // Not by disabling the button, which would lose the focus.
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await action.act(this.app, this.object);
    } catch (error) {
      if (error instanceof ApiError && error.isUnauthorized) this.app.signOut(error.message);
      else this.app.notices.complain(messageOf(error));
    } finally {
      this.isBusy = false;
    }
  }
}
