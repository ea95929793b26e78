/** Creates what a manifest says; what the server does not like is shown where it is. */

import { may } from '../api/access.js';
import { ApiError, messageOf } from '../api/client.js';
import { Refused, create } from '../api/create.js';
import { complaintsOf } from '../facts/complaints.js';
import { TEMPLATES } from '../facts/templates.js';
import { counted } from '../facts/words.js';
import { confirm } from '../parts/dialog.js';
import { fill, h } from '../parts/dom.js';
import { Editor } from '../parts/editor.js';

/** Where things go that name no namespace, when all are looked at. */
const NAMESPACE_USUAL = 'default';

/** What is written and not yet created: it outlives the page, since a page is opened anew often. */
let draft = TEMPLATES.Job;

/** Forgets what was written, for the next user. */
export function forgetDraft() {
  draft = TEMPLATES.Job;
}

/** @param {import('../app.js').App} app */
export function createPage(app) {
  return new CreatePage(app).element;
}

class CreatePage {
  /** @param {import('../app.js').App} app */
  constructor(app) {
    this.app = app;
    this.namespace = app.namespace || NAMESPACE_USUAL;
    this.editor = new Editor(draft);
    this.editor.input.addEventListener('input', () => (draft = this.editor.text));
    this.isBusy = false;
    this.outcome = h('div', { class: 'outcome', role: 'status' });
    const buttons = [
      h('button', { type: 'button', onclick: () => this.send(true) }, 'Check'),
      h('button', { type: 'button', class: 'primary', onclick: () => this.send(false) }, 'Create'),
    ];
    const template = h(
      'select',
      { id: 'template', onchange: () => this.begin(TEMPLATES[template.value]) },
      Object.keys(TEMPLATES).map((name) => h('option', { value: name }, name)),
    );
    this.element = h(
      'div',
      {},
      h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, 'Create')),
      h(
        'p',
        { class: 'sentence' },
        'YAML or JSON, as for kubectl create -f. ',
        `What names no namespace goes to ${this.namespace}.`,
      ),
      h('div', { class: 'controls' }, h('label', { for: 'template' }, 'Begin with'), template),
      h('label', { for: 'manifest', class: 'hidden' }, 'Manifest'),
      this.editor.element,
      h('div', { class: 'buttons' }, buttons),
      this.outcome,
    );
    this.offer();
  }

  /** Whoever may not create Jobs here is told before they write one. */
  async offer() {
    if (await may('create', 'jobs', this.namespace)) return;
    fill(this.outcome, h('p', { class: 'wrong' }, `You may not create Jobs in ${this.namespace}.`));
  }

  /** Begins with another template, unless what was written is to stay. @param {string} text */
  async begin(text) {
    const isWritten = !Object.values(TEMPLATES).includes(this.editor.text);
    const question = {
      title: 'Begin anew?',
      text: 'What is written here is replaced.',
      action: 'Replace',
    };
    if (isWritten && !(await confirm(question))) return;
    this.editor.text = text;
    draft = text;
  }

  /** @param {boolean} isDryRun */
  async send(isDryRun) {
    // Not by disabling the buttons, which would lose the focus.
    if (this.isBusy) return;
    this.isBusy = true;
    this.editor.clear();
    fill(this.outcome);
    try {
      const made = await create(this.editor.text, this.namespace, isDryRun);
      fill(this.outcome, this.told(made, isDryRun));
      if (!isDryRun) forgetDraft();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refused(error, isDryRun);
    } finally {
      this.isBusy = false;
    }
  }

  /** @param {Refused} refused @param {boolean} isDryRun */
  refused({ cause, document, made }, isDryRun) {
    fill(this.outcome, made.length ? this.told(made, isDryRun) : false);
    if (cause instanceof ApiError && cause.isUnauthorized) {
      this.app.signOut(cause.message);
    } else if (cause instanceof ApiError && [400, 422].includes(cause.code)) {
      this.editor.complain(complaintsOf(cause, document));
    } else {
      this.outcome.append(h('p', { class: 'wrong' }, messageOf(cause)));
    }
  }

  /** @param {import('../api/create.js').Made[]} made @param {boolean} isDryRun */
  told(made, isDryRun) {
    if (!made.length) return h('p', {}, 'There is nothing in it.');
    const words = isDryRun
      ? `The server would take ${counted(made.length, 'object')}:`
      : `Created ${counted(made.length, 'object')}:`;
    const items = made.map(({ object, warnings }) =>
      h(
        'li',
        {},
        this.link(object, isDryRun),
        warnings.map((it) => h('p', { class: 'warning' }, `Warning: ${it}`)),
      ),
    );
    return h('div', {}, h('p', { class: 'good' }, words), h('ul', {}, items));
  }

  /** @param {any} object @param {boolean} isDryRun */
  link({ kind, metadata }, isDryRun) {
    const pages = /** @type {Record<string, string>} */ ({
      Job: 'jobs',
      CronJob: 'cronjobs',
      Pod: 'pods',
    });
    const words = `${kind} ${metadata.name}`;
    if (isDryRun || !pages[kind]) return words;
    return h('a', { href: this.app.href(pages[kind], metadata.namespace, metadata.name) }, words);
  }
}
