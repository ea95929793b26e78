// A person with a browser, in front of the server's dashboard: what scenarios are told with.
//
// Nothing waits for a time: what is to be seen is waited for, and what never comes fails.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

/** How long anything may take to be seen; only a fault takes as long. */
const PATIENCE_MS = 120_000;

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Starts the browser, and has `scenario` look at the server at `url`. */
export async function look(url, scenario) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    // Tests run as root in containers, where Chromium's sandbox can't be had; it sees our pages.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  try {
    await scenario((options) => Person.sitDown(browser, url, options));
  } finally {
    await browser.close();
  }
}

/** One tab, and what is done in it. */
export class Person {
  static async sitDown(
    browser,
    url,
    { token, scheme = 'light', width = 1280, height = 900, scale = 1 } = {},
  ) {
    const context = await browser.newContext({
      deviceScaleFactor: scale,
      ignoreHTTPSErrors: true,
      colorScheme: scheme,
      viewport: { width, height },
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const person = new Person(page, url, context);
    page.on('pageerror', (error) => person.faults.push(error.stack));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) person.faults.push(message.text());
    });
    await page.goto(`${url}/`);
    if (token) await person.signIn(token);
    return person;
  }

  constructor(page, url, context) {
    Object.assign(this, { page, url, context, faults: [] });
  }

  async signIn(token) {
    await this.page.getByLabel('Token').fill(token);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.sees(this.heading('Jobs'));
  }

  /** Opens a page by its address. */
  async goTo(place) {
    await this.page.evaluate((hash) => (location.hash = hash), `#/${place}`);
  }

  heading(name) {
    return this.page.getByRole('heading', { level: 1, name, exact: true });
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** The row of a table that has a link `name`. */
  row(name) {
    return this.page
      .getByRole('row')
      .filter({ has: this.page.getByRole('link', { name, exact: true }) });
  }

  /** Waits until it is to be seen: a text, or what is found by a locator. */
  async sees(what) {
    const locator =
      typeof what === 'string' || what instanceof RegExp ? this.page.getByText(what) : what;
    await locator.first().waitFor();
  }

  async seesNo(locator) {
    assert.equal(await locator.count(), 0, `${locator} is not to be there`);
  }

  /** What the machine of accessibility rules says of the page as it is. */
  async hasNoBarrier(where) {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async () => {
      const { violations } = await globalThis.axe.run();
      return violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(' | ')}`);
    });
    assert.deepEqual(found, [], where);
  }

  /** Asks the API itself, as kubectl would, with a token. */
  async api(token, method, path, data, contentType = 'application/json') {
    const response = await this.context.request.fetch(this.url + path, {
      method,
      data,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': contentType },
    });
    return { code: response.status(), body: await response.json() };
  }

  /** Creates a Job in the namespace `default`. */
  async makeJob(name, spec, container, metadata = {}, others = []) {
    const template = {
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', ...container }, ...others] },
    };
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, ...metadata },
      spec: { ...spec, template },
    };
    const { code, body } = await this.api(
      'admin',
      'POST',
      '/apis/batch/v1/namespaces/default/jobs',
      job,
    );
    assert.equal(code, 201, JSON.stringify(body));
    return body;
  }

  /** Nothing went wrong unseen, and no rule of the page was broken. */
  leaves() {
    assert.deepEqual(this.faults, []);
    return this.context.close();
  }
}
