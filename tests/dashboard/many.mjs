// Ten thousand pods on one page. They are made up here, and answered in pages as the server does,
// since the server's speed is not what is looked at.

import assert from 'node:assert/strict';

const TOTAL = 10_000;
/** Elements of a page that has no more than it shows; ten thousand rows would be fifty thousand. */
const ELEMENTS_MAX = 1_500;

function pod(uid, index) {
  const at = (second) =>
    new Date(Date.UTC(2026, 0, 1) + (Math.floor(index / 10) + second) * 1000).toISOString();
  const ended = { exitCode: index % 100 ? 0 : 1, startedAt: at(1), finishedAt: at(4) };
  return {
    metadata: {
      name: `crowd-${index}`,
      namespace: 'default',
      uid: `pod-${index}`,
      creationTimestamp: at(0),
      annotations: { 'batch.kubernetes.io/job-completion-index': String(index) },
      ownerReferences: [{ kind: 'Job', name: 'crowd', uid, controller: true }],
    },
    spec: { containers: [{ name: 'main', image: 'echo' }] },
    status: {
      phase: index % 100 ? 'Succeeded' : 'Failed',
      containerStatuses: [{ name: 'main', restartCount: 0, state: { terminated: ended } }],
    },
  };
}

export async function many(sit) {
  const ann = await sit({ token: 'admin' });
  const spec = { suspend: true, completions: TOTAL, parallelism: 100, completionMode: 'Indexed' };
  const { metadata } = await ann.makeJob('crowd', spec, { image: 'echo' });
  let isBroken = false;
  await ann.page.route(/\/api\/v1\/namespaces\/default\/pods\?/, async (route) => {
    const query = new URL(route.request().url()).searchParams;
    // Nothing changes any more; the watch stays open.
    if (query.get('watch')) return;
    const begin = Number(query.get('continue') ?? 0);
    // The line breaks once in the middle, which the page gets over.
    if (begin > TOTAL / 2 && !isBroken) {
      isBroken = true;
      await route.abort();
      return;
    }
    const end = Math.min(begin + Number(query.get('limit')), TOTAL);
    const items = Array.from({ length: end - begin }, (_, at) => pod(metadata.uid, begin + at));
    const list = { resourceVersion: '1', continue: end < TOTAL ? String(end) : undefined };
    await route.fulfill({ json: { kind: 'PodList', apiVersion: 'v1', metadata: list, items } });
  });
  await ann.goTo('jobs/default/crowd');
  await ann.sees(ann.button('All 10,000'));
  assert.ok(isBroken, 'a list broke off');
  const table = ann.page.getByRole('table', { name: 'Pods' });
  assert.equal(await table.getAttribute('aria-rowcount'), String(TOTAL + 1));
  const elements = () => ann.page.evaluate(() => document.querySelectorAll('*').length);
  assert.ok((await elements()) < ELEMENTS_MAX, `${await elements()} elements`);

  // From one end to the other, and every row is there when one looks.
  const viewport = table.locator('.viewport');
  await viewport.evaluate((it) => (it.scrollTop = it.scrollHeight));
  await ann.sees(ann.row('crowd-1'));
  await viewport.evaluate((it) => (it.scrollTop = it.scrollHeight / 2));
  await ann.sees(table.getByRole('row').nth(10));
  assert.ok((await elements()) < ELEMENTS_MAX, `${await elements()} elements after scrolling`);

  await ann.button('Failed 100').click();
  assert.equal(await table.getAttribute('aria-rowcount'), '101');
  await ann.button('All 10,000').click();
  await ann.page.getByLabel('Find by name or index').fill('4321');
  await ann.sees(ann.row('crowd-4321'));
  assert.equal(await table.getAttribute('aria-rowcount'), '2');
  await ann.leaves();
}
