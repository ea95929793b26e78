// What people do with the dashboard, each against a server of its own:
// `node scenarios.mjs <scenario> <url>`.

import assert from 'node:assert/strict';
import { look } from './browser.mjs';
import { many } from './many.mjs';
import { pictures } from './pictures.mjs';

const JOBS = '/apis/batch/v1/namespaces/default/jobs';

const BAD = `apiVersion: batch/v1
kind: Job
metadata:
  name: wrong
spec:
  completions: -1
  template:
    spec:
      restartPolicy: Always
      containers:
      - name: main
        image: echo
`;

const scenarios = {
  /** Each page shows what there is, in words, in light and dark, wide and narrow. */
  async pages(sit) {
    const ann = await sit({ token: 'admin' });
    await ann.makeJob(
      'told',
      { completions: 3, completionMode: 'Indexed' },
      { image: 'echo', args: ['hello'] },
    );
    await ann.makeJob('failing', { backoffLimit: 0 }, { image: 'exit_code', args: ['3'] });
    await ann.sees(ann.row('told').getByText('Complete'));
    await ann.sees(ann.row('failing').getByText('Failed'));
    await ann.row('told').getByRole('link').click();
    await ann.sees(/^Complete: 3 of 3 succeeded/);
    await ann.sees(ann.page.getByRole('img', { name: 'Indexes: 3 succeeded' }));
    await ann.sees(ann.page.getByRole('img', { name: /waited .*, ran .*; succeeded/ }));
    await ann.sees(ann.page.getByRole('log').getByText('arg 1: hello'));
    await ann.sees(ann.page.getByRole('cell', { name: 'Job completed' }));
    await ann.sees(ann.page.getByText('CPU time'));
    await ann.page.getByText('Show the YAML').click();
    await ann.sees(ann.page.getByText('completionMode: Indexed'));

    await ann.goTo('jobs/default/failing');
    await ann.sees(/^Failed after .* \(BackoffLimitExceeded\)\.$/);
    await ann.page
      .getByRole('cell', { name: /^failing-/ })
      .getByRole('link')
      .click();
    await ann.sees(/^Failed after .*: exit code 3\.$/);
    await ann.sees(ann.page.getByRole('cell', { name: 'Error, exit code 3' }));
    await ann.goTo('jobs/default/nothing');
    await ann.sees('There is no Job nothing here.');
    await ann.goTo('nowhere');
    await ann.sees('There is no such page.');
    await ann.leaves();
  },

  /** What changes is seen at once, and without a request for it. */
  async live(sit) {
    const ann = await sit({ token: 'admin' });
    await ann.makeJob('watched', { suspend: true }, { image: 'echo' });
    await ann.sees(ann.row('watched').getByText('Suspended'));
    // The best of ten, since the machine may be busy with other things.
    const took = [];
    for (let turn = 0; turn < 10; turn += 1) {
      const name = `one-more-${turn}`;
      const made = ann
        .makeJob(name, { suspend: true }, { image: 'echo' })
        .then(() => performance.now());
      await ann.sees(ann.row(name));
      took.push(performance.now() - (await made));
    }
    assert.ok(Math.min(...took) < 1000, `milliseconds until it was seen: ${took}`);
    await ann.goTo('jobs/default/watched');
    await ann.sees(/^Suspended: nothing runs/);
    const resume = { spec: { suspend: false } };
    await ann.api('admin', 'PATCH', `${JOBS}/watched`, resume, 'application/merge-patch+json');
    await ann.sees(/^Complete: 1 of 1 succeeded/);
    await ann.api('admin', 'DELETE', `${JOBS}/watched?propagationPolicy=Background`);
    await ann.sees('watched has been deleted.');
    // One with a grid too, whose pods go after it.
    const grid = { completions: 2, completionMode: 'Indexed' };
    await ann.makeJob('indexed', grid, { image: 'echo' });
    await ann.goTo('jobs/default/indexed');
    await ann.sees(ann.page.getByRole('img', { name: 'Indexes: 2 succeeded' }));
    await ann.api('admin', 'DELETE', `${JOBS}/indexed?propagationPolicy=Background`);
    await ann.sees('indexed has been deleted.');
    await ann.sees('There are no pods.');
    await ann.leaves();
  },

  /** A log is followed while it is written, and the pod's bar says that it runs. */
  async log(sit) {
    const ann = await sit({ token: 'admin' });
    // It prints a line, and then sleeps for an hour.
    await ann.makeJob('sleeper', {}, { image: 'dice' });
    await ann.goTo('jobs/default/sleeper');
    await ann.sees(/^Running for .*: 1 pod at work/);
    await ann.sees(ann.page.getByRole('log').getByText(/^it is \d+$/));
    await ann.sees(ann.page.getByText('Following'));
    await ann.sees(ann.page.getByRole('img', { name: /ran .*; running/ }));
    await ann.button('Suspend').click();
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
    await ann.sees(/^Suspended: nothing runs/);
    await ann.sees(ann.page.getByText('There are no pods.'));
    await ann.leaves();
  },

  /** CronJobs: when they are due, what became of them, and a run out of turn. */
  async cron(sit) {
    const ann = await sit({ token: 'admin' });
    const template = {
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'echo' }] },
    };
    const spec = {
      schedule: '0 0 29 2 *',
      timeZone: 'Etc/UTC',
      jobTemplate: { spec: { template } },
    };
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'leap' }, spec };
    await ann.api('admin', 'POST', '/apis/batch/v1/namespaces/default/cronjobs', cronJob);
    await ann.page.getByRole('link', { name: 'CronJobs' }).click();
    await ann.sees(ann.row('leap').getByText('0 0 29 2 * · Etc/UTC'));
    await ann.sees(ann.row('leap').getByText(/^in \d+ d/));
    await ann.row('leap').getByRole('link').click();
    await ann.sees(/^Due in \d+ d/);
    await ann.sees(ann.page.getByRole('listitem').filter({ hasText: /29/ }));
    await ann.button('Run now').click();
    await ann.sees(ann.page.getByRole('row').filter({ hasText: /leap-\d+.*Complete/ }));
    await ann.button('Suspend').click();
    await ann.sees(/^Suspended: no Job is started/);
    await ann.sees('Not while it is suspended.');
    await ann.leaves();
  },

  /** What the server does not like is shown at the line where it is; then it is created. */
  async create(sit) {
    const ann = await sit({ token: 'admin' });
    await ann.page.getByRole('link', { name: 'Create' }).click();
    const manifest = ann.page.getByLabel('Manifest');
    await manifest.fill(BAD);
    await ann.button('Create').click();
    await ann.sees(ann.button('Line 6'));
    const wrong = ann.page.locator('.marks .wrong');
    assert.deepEqual(await wrong.locator('.shadow').allTextContents(), [
      '  completions: -1',
      '      restartPolicy: Always',
    ]);
    assert.match(
      await wrong.locator('.complaint').first().textContent(),
      /must be greater than or equal to 0/,
    );
    await ann.button('Line 6').click();
    const selected = await manifest.evaluate((it) =>
      it.value.slice(it.selectionStart, it.selectionEnd),
    );
    assert.equal(selected, '  completions: -1');

    await manifest.fill(BAD.replace('completions: -1', 'complitions: 1'));
    await ann.button('Check').click();
    await ann.sees('unknown field "spec.complitions"');
    await ann.sees(ann.button('Line 6'));
    await manifest.fill('a: [');
    await ann.button('Check').click();
    await ann.sees(/couldn't get version\/kind/);

    await manifest.fill(
      BAD.replace('-1', '2').replace('Always', 'Never').replace('wrong', 'right'),
    );
    await ann.button('Check').click();
    await ann.sees('The server would take 1 object:');
    assert.equal(
      (await ann.api('admin', 'GET', `${JOBS}/right`)).code,
      404,
      'to check creates nothing',
    );
    await ann.button('Create').click();
    await ann.page.getByRole('link', { name: 'Job right' }).click();
    await ann.sees(/^Complete: 2 of 2 succeeded/);
    await ann.leaves();
  },

  /** Suspend, resume, run again, delete; what is dangerous asks first. */
  async actions(sit) {
    const ann = await sit({ token: 'admin' });
    await ann.makeJob('acted', { suspend: true }, { image: 'echo' });
    await ann.goTo('jobs/default/acted');
    await ann.button('Resume').click();
    await ann.sees(/^Complete: 1 of 1 succeeded/);
    await ann.button('Run again').click();
    await ann.page
      .getByRole('status')
      .getByRole('link', { name: /^acted-/ })
      .click();
    await ann.sees(/^Complete: 1 of 1 succeeded/);
    await ann.goTo('jobs/default/acted');
    await ann.sees(ann.heading('acted'));
    await ann.button('Delete').click();
    await ann.button('Cancel').click();
    assert.equal(
      (await ann.api('admin', 'GET', `${JOBS}/acted`)).code,
      200,
      'Cancel deletes nothing',
    );
    await ann.button('Delete').click();
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await ann.sees(ann.heading('Jobs'));
    await ann.row('acted').waitFor({ state: 'detached' });
    await ann.leaves();
  },

  /** Nobody is let in without credentials; what a role may not do is not offered, and said. */
  async roles(sit) {
    const nobody = await sit({});
    await nobody.page.getByLabel('Token').fill('guessed');
    await nobody.button('Sign in').click();
    await nobody.sees(/This token does not let you in/);
    assert.equal(await nobody.page.evaluate(() => sessionStorage.length), 0);
    await nobody.leaves();

    const vic = await sit({ token: 'view' });
    await vic.makeJob('seen', { suspend: true }, { image: 'echo' });
    await vic.row('seen').getByRole('link').click();
    await vic.sees('You may look, not change.');
    for (const action of ['Run again', 'Resume', 'Delete']) await vic.seesNo(vic.button(action));
    await vic.goTo('create');
    await vic.sees('You may not create Jobs in default.');
    await vic.button('Create').click();
    await vic.sees(/User "vic" cannot create resource "jobs"/);
    const stored = await vic.page.evaluate(() => [localStorage.length, document.cookie]);
    assert.deepEqual(stored, [0, ''], 'the token is in this tab alone');
    await vic.button('Sign out').click();
    await vic.sees(vic.page.getByLabel('Token'));
    assert.equal(await vic.page.evaluate(() => sessionStorage.length), 0);
    await vic.leaves();

    const eve = await sit({ token: 'edit' });
    await eve.sees(eve.row('seen'));
    await eve.row('seen').getByRole('link').click();
    await eve.sees(eve.button('Resume'));
    await eve.goTo('jobs?namespace=kube-system');
    await eve.sees(/You may not see these Jobs: .*User "eve" cannot/);
    await eve.leaves();
  },

  /** All of it without a mouse; the focus is where one expects it. */
  async keyboard(sit) {
    const ann = await sit({});
    await ann.makeJob('typed', { suspend: true }, { image: 'echo' });
    const { keyboard } = ann.page;
    const focused = () =>
      ann.page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
    const focusIsOn = (name) =>
      ann.page.waitForFunction((it) => document.activeElement.textContent === it, name);
    const tabTo = async (name) => {
      for (let step = 0; step < 60 && (await focused()) !== name; step += 1)
        await keyboard.press('Tab');
      assert.equal(await focused(), name, `Tab comes to ${name}`);
    };
    await ann.page.waitForFunction(() => document.activeElement.id === 'token');
    await keyboard.type('admin');
    await keyboard.press('Enter');
    await ann.sees(ann.row('typed'));
    // A new page begins at its heading.
    await focusIsOn('Jobs');
    await tabTo('typed');
    await keyboard.press('Enter');
    await ann.sees(ann.button('Delete'));
    await tabTo('Delete');
    await keyboard.press('Enter');
    await ann.sees(ann.page.getByRole('dialog'));
    await keyboard.press('Escape');
    await ann.page.getByRole('dialog').waitFor({ state: 'hidden' });
    // It comes back.
    await focusIsOn('Delete');
    await keyboard.press('Enter');
    // Until it is there, the focus is still on the button of the same name.
    await ann.sees(ann.page.getByRole('dialog'));
    await ann.page.waitForFunction(() => document.activeElement.closest('dialog'));
    await tabTo('Delete');
    await keyboard.press('Enter');
    await ann.sees(ann.heading('Jobs'));
    await ann.row('typed').waitFor({ state: 'detached' });
    await ann.leaves();
  },

  /** No rule of accessibility is broken on any page, in any colours, at any width. */
  async accessibility(sit) {
    const first = await sit({ token: 'admin' });
    await first.makeJob('told', { completions: 3, completionMode: 'Indexed' }, { image: 'echo' });
    await first.makeJob('failing', { backoffLimit: 0 }, { image: 'exit_code', args: ['3'] });
    const template = {
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'echo' }] },
    };
    const spec = { schedule: '0 0 29 2 *', jobTemplate: { spec: { template } } };
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'leap' }, spec };
    await first.api('admin', 'POST', '/apis/batch/v1/namespaces/default/cronjobs', cronJob);
    await first.sees(first.row('told').getByText('Complete'));
    await first.sees(first.row('failing').getByText('Failed'));
    const { body } = await first.api(
      'admin',
      'GET',
      '/api/v1/namespaces/default/pods?labelSelector=job-name=failing',
    );
    await first.leaves();
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ]) {
      const ann = await sit({ scheme, width });
      await ann.hasNoBarrier(`${scheme}: signing in`);
      await ann.signIn('admin');
      const pages = {
        jobs: 'Jobs',
        cronjobs: 'CronJobs',
        create: 'Create',
        'jobs/default/told': 'told',
        'jobs/default/failing': 'failing',
        'cronjobs/default/leap': 'leap',
        [`pods/default/${body.items[0].metadata.name}`]: body.items[0].metadata.name,
      };
      for (const [place, title] of Object.entries(pages)) {
        await ann.goTo(place);
        await ann.sees(ann.heading(title));
        if (place !== 'create') await ann.sees(ann.page.getByText('Live', { exact: true }));
        await ann.hasNoBarrier(`${scheme}: ${place}`);
        const isWide = await ann.page.evaluate(
          () => document.documentElement.scrollWidth > innerWidth,
        );
        assert.ok(!isWide, `${place} is wider than ${width}`);
      }
      await ann.goTo('jobs/default/failing');
      await ann.button('Delete').click();
      await ann.hasNoBarrier(`${scheme}: a dialog`);
      await ann.leaves();
    }
  },

  /**
   * What is given to whom: pages to everybody, data to none but users, and nothing to other sites.
   */
  async doors(sit) {
    const ann = await sit({ token: 'admin' });
    const ask = (path, headers) => ann.context.request.fetch(ann.url + path, { headers });
    const user = { Authorization: 'Bearer admin' };

    const page = await ask('/', { Accept: 'text/html' });
    assert.equal(page.status(), 200);
    const { etag, ...headers } = page.headers();
    assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self';/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['set-cookie'], undefined);
    assert.equal((await ask('/', { Accept: 'text/html', 'If-None-Match': etag })).status(), 304);
    // Clients of the API are answered as before.
    assert.equal((await ask('/', { Accept: 'application/json' })).status(), 401);
    const paths = await ask('/', { Accept: 'application/json', ...user });
    assert.ok((await paths.json()).paths.includes('/apis/batch/v1'));
    assert.equal((await ask(JOBS, { Accept: 'text/html' })).status(), 401);
    assert.equal((await ask('/dashboard/nothing.js', {})).status(), 401);

    const asked = async (site) =>
      (await ask('/version', { ...user, 'Sec-Fetch-Site': site })).status();
    assert.equal(await asked('cross-site'), 403);
    assert.equal(await asked('same-site'), 403);
    assert.equal(await asked('same-origin'), 200);
    // What Chromium says of a WebSocket, and no more.
    const from = async (origin) => (await ask('/version', { ...user, Origin: origin })).status();
    assert.equal(await from('https://evil.example'), 403);
    assert.equal(await from('null'), 403);
    assert.equal(await from(ann.url), 200);
    await ann.leaves();
  },

  many,
  pictures,
};

const [, , name, url] = process.argv;
await look(url, scenarios[name]);
