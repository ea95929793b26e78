// The pictures of the guide: Jobs as somebody may have them, and the pages that show them, in light
// and dark. They are written to the folder that `PICTURES` names.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WIDE = { scale: 2, width: 1080, height: 1120 };
const PHONE = { scale: 2, width: 390, height: 844 };

/** How good a picture is, of 100: text is as sharp as ever at this, in a third of the bytes. */
const QUALITY = 80;

/** How often this index has failed before. */
const ATTEMPT = {
  name: 'ATTEMPT',
  valueFrom: {
    fieldRef: {
      fieldPath: "metadata.annotations['batch.kubernetes.io/job-index-failure-count']",
    },
  },
};

const WRONG = `apiVersion: batch/v1
kind: Job
metadata:
  name: resize-photos
spec:
  completions: 24
  parallelism: -4
  template:
    spec:
      restartPolicy: Always
      containers:
      - name: resize
        image: resize:1
        resources:
          limits: {memory: 64Mi}
`;

/** Takes them all. */
export async function pictures(sit) {
  const ann = await sit({ token: 'admin' });
  const made = await jobs(ann);
  for (const [name, state] of Object.entries(made)) await ann.sees(ann.row(name).getByText(state));
  await ann.leaves();
  for (const scheme of ['light', 'dark']) {
    const of = (name) => (scheme === 'dark' ? `${name}-dark` : name);
    const wide = await sit({ token: 'admin', scheme, ...WIDE });
    await wide.sees(wide.row('train-model'));
    await take(wide, of('jobs'), 500);
    await wide.goTo('jobs/default/import-orders');
    await wide.sees(/^Complete: 4 of 4 succeeded/);
    await wide.sees(wide.page.getByRole('img', { name: 'Indexes: 4 succeeded' }));
    await wide.sees(wide.row(/^import-orders-3-/).first());
    await take(wide, of('job'), WIDE.height);
    if (scheme === 'light') {
      await wide.goTo('cronjobs/default/nightly-report');
      await wide.sees(/^Due in /);
      await wide.button('Run now').click();
      await wide.sees(wide.page.getByRole('row').filter({ hasText: /nightly-report-.*Complete/ }));
      await wide.page.getByRole('status').getByRole('button').first().click();
      await take(wide, 'cronjob', 640);
      await wide.goTo('create');
      await wide.page.getByLabel('Manifest').fill(WRONG);
      await wide.button('Create').click();
      await wide.sees(wide.button('Line 7'));
      await take(wide, 'create', 880);
    }
    await wide.leaves();
  }
  const phone = await sit({ token: 'admin', scheme: 'dark', ...PHONE });
  await phone.goTo('jobs/default/render-frames');
  await phone.sees(/^Complete: 40 of 40 succeeded/);
  await phone.sees(phone.page.getByRole('img', { name: 'Indexes: 40 succeeded' }));
  await take(phone, 'phone', PHONE.height);
  await phone.leaves();
}

/** Takes a picture of the page's top, as far down as `height`. */
async function take(person, name, height) {
  const { page } = person;
  // No row is another colour because a mouse is above it.
  await page.mouse.move(0, 0);
  await page.evaluate(() => scrollTo(0, 0));
  const cdp = await person.context.newCDPSession(page);
  const { data } = await cdp.send('Page.captureScreenshot', {
    format: 'webp',
    quality: QUALITY,
    clip: { x: 0, y: 0, width: page.viewportSize().width, height, scale: 1 },
  });
  writeFileSync(join(process.env.PICTURES, `${name}.webp`), Buffer.from(data, 'base64'));
}

/** Makes them, and says what becomes of each. */
async function jobs(ann) {
  const indexed = (completions, parallelism, more = {}) => ({
    completions,
    parallelism,
    completionMode: 'Indexed',
    ...more,
  });
  const sleep = (seconds) => ({ image: 'sleep', args: [seconds] });
  await ann.makeJob('scan-uploads', { backoffLimit: 0 }, { image: 'exit_code', args: ['3'] });
  await ann.makeJob('reindex', { suspend: true }, sleep('1'));
  // Each index fails as often as its number says.
  await ann.makeJob(
    'import-orders',
    indexed(4, 4, { backoffLimitPerIndex: 3 }),
    sleep('1.$(JOB_COMPLETION_INDEX)'),
    {},
    [{ name: 'check', image: 'unsteady', args: ['$(JOB_COMPLETION_INDEX)'], env: [ATTEMPT] }],
  );
  await ann.makeJob('render-frames', indexed(40, 8), sleep('0.$(JOB_COMPLETION_INDEX)'));
  await ann.makeJob('thumbnails', { completions: 40, parallelism: 8 }, { image: 'echo' });
  await ann.makeJob('train-model', { completions: 3, parallelism: 3 }, sleep('100000'));
  const template = {
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'echo' }] },
  };
  const spec = { schedule: '0 3 * * *', timeZone: 'Etc/UTC', jobTemplate: { spec: { template } } };
  const cronJob = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'nightly-report' },
    spec,
  };
  await ann.api('admin', 'POST', '/apis/batch/v1/namespaces/default/cronjobs', cronJob);
  return {
    'scan-uploads': 'Failed',
    'import-orders': 'Complete',
    'render-frames': 'Complete',
    thumbnails: 'Complete',
    'train-model': 'Running',
    reindex: 'Suspended',
  };
}
