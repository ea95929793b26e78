/**
 * The shell: who is looking, at which namespace, at which page.
 *
 *     who am I? ──▶ nobody: sign in
 *         └───────▶ the page that the address names, until it names another
 */

import { forget, may, whoAmI } from './api/access.js';
import { ApiError, messageOf, request } from './api/client.js';
import { collection } from './api/paths.js';
import { setToken, token } from './api/session.js';
import { parsePlace, writePlace } from './app.js';
import { createPage, forgetDraft } from './pages/create.js';
import { cronJobPage } from './pages/cron_job.js';
import { cronJobsPage } from './pages/cron_jobs.js';
import { jobPage } from './pages/job.js';
import { jobsPage } from './pages/jobs.js';
import { podPage } from './pages/pod.js';
import { signInPage } from './pages/sign_in.js';
import { fill, h } from './parts/dom.js';
import { Notices } from './parts/notices.js';

/** Namespaces that are offered; any other can be typed. */
const NAMESPACES_OFFERED_MAX = 500;
/** What people see first who may not look everywhere. */
const NAMESPACE_USUAL = 'default';

/** @typedef {(app: import('./app.js').App, namespace: string, name: string) => HTMLElement} Page */

/** @type {Record<string, Page>} */
const LISTS = { jobs: jobsPage, cronjobs: cronJobsPage, create: createPage };
/** @type {Record<string, Page>} */
const OBJECTS = { jobs: jobPage, cronjobs: cronJobPage, pods: podPage };

class Shell {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    this.notices = new Notices();
    this.main = h('main', { id: 'main', tabindex: '-1' });
    /** @type {AbortController | undefined} */
    this.page = undefined;
    this.scope = '';
    this.user = '';
    addEventListener('hashchange', () => this.user && this.open());
    document.body.append(this.notices.element);
  }

  /** Finds out who is looking. @param {string} [why] somebody is not, in words */
  async start(why = '') {
    this.page?.abort();
    this.user = '';
    forget();
    try {
      this.user = await whoAmI();
    } catch (error) {
      const isStranger = error instanceof ApiError && error.isUnauthorized;
      const bad = token() ? 'This token does not let you in: it is wrong, or has expired.' : why;
      if (isStranger) setToken('');
      this.askWho(isStranger ? bad : messageOf(error));
      return;
    }
    const all = await may('list', 'jobs', '');
    this.scope = parsePlace(location.hash).scope ?? (all ? '' : NAMESPACE_USUAL);
    this.frame(all);
    this.open();
  }

  /** @param {string} why */
  askWho(why) {
    document.title = 'Sign in · mayfly';
    fill(
      this.host,
      signInPage(why, (text) => {
        setToken(text);
        this.start();
      }),
    );
  }

  /** What stands around every page. @param {boolean} all whether the user sees all namespaces */
  frame(all) {
    const leave = h(
      'button',
      { type: 'button', class: 'quiet', onclick: () => this.leave() },
      'Sign out',
    );
    fill(
      this.host,
      h(
        'a',
        { class: 'skip', href: '#main', onclick: (/** @type {Event} */ event) => this.skip(event) },
        'Skip to the content',
      ),
      h(
        'header',
        { class: 'bar' },
        h('span', { class: 'brand' }, 'mayfly'),
        (this.nav = h('nav', { 'aria-label': 'Pages' })),
        this.scopePicker(all),
        h('span', { class: 'who' }, this.user, token() ? leave : false),
      ),
      this.main,
    );
  }

  /** @param {boolean} all */
  scopePicker(all) {
    const offered = h('datalist', { id: 'namespaces' });
    const input = h('input', {
      id: 'scope',
      list: 'namespaces',
      placeholder: all ? 'all' : NAMESPACE_USUAL,
      autocomplete: 'off',
      spellcheck: 'false',
      onchange: () => {
        this.scope = input.value.trim() || (all ? '' : NAMESPACE_USUAL);
        const { page } = parsePlace(location.hash);
        location.hash = writePlace(Object.hasOwn(LISTS, page) ? page : 'jobs', '', '', this.scope);
      },
    });
    this.scopeInput = input;
    this.offerNamespaces(offered);
    return h('span', { class: 'scope' }, h('label', { for: 'scope' }, 'Namespace'), input, offered);
  }

  /** @param {HTMLElement} list */
  async offerNamespaces(list) {
    if (!(await may('list', 'namespaces', ''))) return;
    const query = { limit: String(NAMESPACES_OFFERED_MAX) };
    const found = await request(collection('namespaces'), { query }).catch(() => ({ items: [] }));
    fill(
      list,
      found.items.map((/** @type {any} */ it) => h('option', { value: it.metadata.name })),
    );
  }

  /** Opens the page that the address names. */
  open() {
    const { page, namespace, name, scope } = parsePlace(location.hash);
    this.scope = scope ?? this.scope;
    if (this.scopeInput) this.scopeInput.value = this.scope;
    this.page?.abort();
    this.page = new AbortController();
    /** @type {import('./app.js').App} */
    const app = {
      signal: this.page.signal,
      notices: this.notices,
      namespace: this.scope,
      href: (page, namespace = '', name = '') => writePlace(page, namespace, name, this.scope),
      go: (page, namespace = '', name = '') => {
        location.hash = writePlace(page, namespace, name, this.scope);
      },
      signOut: (why) => this.signOut(why),
    };
    this.mark(app, page);
    const pages = name ? OBJECTS : LISTS;
    const content = Object.hasOwn(pages, page)
      ? pages[page](app, namespace, name)
      : h('p', { class: 'sentence' }, 'There is no such page.');
    fill(this.main, content);
    const title = content.querySelector('h1');
    document.title = `${title?.textContent ?? 'mayfly'} · mayfly`;
    // Whoever reads by ear or keyboard goes on at the new page's beginning.
    (title ?? this.main).focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  /** @param {import('./app.js').App} app @param {string} current */
  mark(app, current) {
    const links = [
      ['jobs', 'Jobs'],
      ['cronjobs', 'CronJobs'],
      ['create', 'Create'],
    ];
    const isHere = (/** @type {string} */ page) =>
      page === current || (page === 'jobs' && current === 'pods');
    if (!this.nav) return;
    fill(
      this.nav,
      links.map(([page, words]) =>
        h('a', { href: app.href(page), 'aria-current': isHere(page) && 'page' }, words),
      ),
    );
  }

  /** The user goes, and with them what is theirs. */
  leave() {
    forgetDraft();
    this.signOut('You have signed out.');
  }

  /** @param {string} why */
  signOut(why) {
    setToken('');
    this.start(why);
  }

  /** @param {Event} event */
  skip(event) {
    event.preventDefault();
    this.main.focus();
  }
}

const host = document.getElementById('app');
if (host) new Shell(host).start();
