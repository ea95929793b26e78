// What the dashboard reckons itself, as tables of what is given and what is told.

import assert from 'node:assert/strict';
import { test } from 'node:test';

const part = (path) => import(new URL(`../../dashboard/${path}.js`, import.meta.url));
const facts = (name) => part(`facts/${name}`);

test('a schedule is told ahead as the server keeps it', async () => {
  const { nextRuns } = await facts('cron');
  const check = (schedule, zone, now, expect) => {
    const runs = nextRuns(schedule, zone, Date.parse(now), expect.length || 1);
    const told = runs.map((it) => new Date(it).toISOString().replace('.000Z', 'Z'));
    assert.deepEqual(told, expect, `${schedule} ${zone} after ${now}`);
  };
  check('*/15 * * * *', undefined, '2026-01-01T00:00:00Z', [
    '2026-01-01T00:15:00Z',
    '2026-01-01T00:30:00Z',
  ]);
  check('0 0 29 2 *', 'Etc/UTC', '2026-01-01T00:00:00Z', ['2028-02-29T00:00:00Z']);
  check('@weekly', undefined, '2026-01-01T00:00:00Z', ['2026-01-04T00:00:00Z']);
  // Where days and weekdays are both said, either will do.
  check('0 0 1,15 * mon', undefined, '2026-06-02T00:00:00Z', [
    '2026-06-08T00:00:00Z',
    '2026-06-15T00:00:00Z',
  ]);
  check('TZ=Asia/Tokyo 0 9 * * *', undefined, '2026-01-01T00:00:00Z', ['2026-01-02T00:00:00Z']);
  // Clocks go forward on the 29th, at two: there is no half past two.
  check('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', [
    '2026-03-28T01:30:00Z',
    '2026-03-30T00:30:00Z',
  ]);
  // They go back on the 3rd of November, at two: half past one comes twice.
  check('30 1 * * *', 'America/New_York', '2024-11-03T04:00:00Z', [
    '2024-11-03T05:30:00Z',
    '2024-11-03T06:30:00Z',
    '2024-11-04T06:30:00Z',
  ]);
  check('30 1 * * *', 'America/New_York', '2024-11-03T05:45:00Z', ['2024-11-03T06:30:00Z']);
  check('*/30 * * * *', 'America/New_York', '2024-11-03T05:15:00Z', [
    '2024-11-03T05:30:00Z',
    '2024-11-03T06:00:00Z',
    '2024-11-03T06:30:00Z',
    '2024-11-03T07:00:00Z',
  ]);
  // However a list is written.
  check('30 17,5 * * *', undefined, '2026-01-01T00:00:00Z', [
    '2026-01-01T05:30:00Z',
    '2026-01-01T17:30:00Z',
  ]);
  check('45,15 * * * *', undefined, '2026-01-01T00:00:00Z', [
    '2026-01-01T00:15:00Z',
    '2026-01-01T00:45:00Z',
    '2026-01-01T01:15:00Z',
  ]);
  check('0 22-23,0-5 * * *', undefined, '2026-01-01T00:00:00Z', ['2026-01-01T01:00:00Z']);
  check('0 0 30 2 *', undefined, '2026-01-01T00:00:00Z', []);
  check('nonsense', undefined, '2026-01-01T00:00:00Z', []);
  check('0 0 * * *', 'Nowhere/Such', '2026-01-01T00:00:00Z', []);
});

test('every so often counts from the last time', async () => {
  const { nextRuns } = await facts('cron');
  const minute = 60_000;
  assert.deepEqual(nextRuns('@every 1h30m', undefined, 100 * minute, 2, 0), [
    180 * minute,
    270 * minute,
  ]);
  assert.deepEqual(nextRuns('@every 2500ms', undefined, 0, 2, 0), [2000, 4000]);
  assert.deepEqual(nextRuns('@every 10ms', undefined, 0, 1, 0), [1000]);
});

test('what is due stays until its time has come', async () => {
  const { cronJobView, nextOf } = await facts('cron_job');
  const metadata = { name: 'c', namespace: 'n', creationTimestamp: '2026-01-01T00:00:00Z' };
  const view = cronJobView({ metadata, spec: { schedule: '*/15 * * * *' } });
  const check = (now, count, expect) => {
    const runs = nextOf(view, Date.parse(`2026-01-01T${now}Z`), count);
    assert.deepEqual(
      runs.map((it) => new Date(it).toISOString().slice(11, 16)),
      expect,
      now,
    );
  };
  check('00:00:00', 1, ['00:15']);
  check('00:00:01', 2, ['00:15', '00:30']);
  check('00:14:59', 1, ['00:15']);
  check('00:15:00', 2, ['00:30', '00:45']);
  check('00:00:00', 1, ['00:15']);
});

test('an object is YAML that reads as the same', async () => {
  const { toYaml } = await facts('yaml');
  const check = (value, expect) => assert.equal(toYaml(value), expect);
  check({ a: 'text', b: 1, c: true, d: null }, 'a: text\nb: 1\nc: true\nd: null\n');
  check({ a: '1', b: 'true', c: 'no', d: '' }, 'a: "1"\nb: "true"\nc: "no"\nd: ""\n');
  check({ a: [], b: {}, c: [1, { d: [2] }] }, 'a: []\nb: {}\nc:\n- 1\n- d:\n  - 2\n');
  check({ a: 'x: y', b: '- z', c: '# n', d: '1e3' }, 'a: "x: y"\nb: "- z"\nc: "# n"\nd: "1e3"\n');
  check({ a: 'one\ntwo\n', b: 'one\n\ntwo' }, 'a: |\n  one\n  two\nb: |-\n  one\n\n  two\n');
  check({ metadata: { name: 'pi', managedFields: [{}] } }, 'metadata:\n  name: pi\n');
});

test('a field is found at its line', async () => {
  const { documents, lineOf, word } = await facts('documents');
  const text = [
    'apiVersion: batch/v1',
    'metadata: {name: x, namespace: team}',
    'spec:',
    '  completions: -1',
    '  template:',
    '    spec:',
    '      containers:',
    '      - name: a',
    '        image: b',
    '      - image: c',
    '        env:',
    '          - name: A',
    '            value: 1',
    '      restartPolicy: x',
  ].join('\n');
  const check = (field, line) => assert.equal(lineOf(text, field), line, field);
  check('spec.completions', 4);
  check('spec.template.spec.containers[0].image', 9);
  check('spec.template.spec.containers[1].image', 10);
  check('spec.template.spec.containers[1].env[0].value', 13);
  check('spec.template.spec.restartPolicy', 14);
  // What is not there is missing from what is around it.
  check('spec.backoffLimit', 3);
  check('spec.template.spec.containers[1].name', 10);
  check('metadata.name', 2);
  check('', 1);
  assert.deepEqual([word(text, 'metadata.namespace'), word(text, 'kind')], ['team', '']);
  const found = documents('# nothing\n---\na: 1\n---\n\n---\nb: 2\n');
  assert.deepEqual(
    found.map(({ line }) => line),
    [3, 7],
  );
});

test('a complaint stands at the line that it is about', async () => {
  const { complaintsOf } = await facts('complaints');
  const document = { text: 'kind: Job\nspec:\n  complitions: 1\n', line: 11 };
  const check = (error, expect) => {
    const told = complaintsOf({ causes: [], ...error }, document);
    assert.deepEqual(
      told.map(({ line, field }) => [line, field]),
      expect,
    );
  };
  check({ causes: [{ field: 'spec.template', message: 'Required value' }] }, [
    [12, 'spec.template'],
  ]);
  check({ message: 'strict decoding error: unknown field "spec.complitions"' }, [
    [13, 'spec.complitions'],
  ]);
  check({ message: 'something else' }, [[11, '']]);
});

test('a Job is one sentence', async () => {
  const { sentence } = await facts('job');
  const check = (spec, status, expect) => {
    const metadata = { name: 'j', namespace: 'n', creationTimestamp: '2026-01-01T00:00:00Z' };
    const told = sentence({ metadata, spec, status }, Date.parse('2026-01-01T00:01:40Z'));
    assert.equal(told, expect);
  };
  const started = { startTime: '2026-01-01T00:00:00Z' };
  const is = (type, more) => [{ type, status: 'True', ...more }];
  check({}, {}, 'Waiting: no pod has started yet.');
  check(
    { suspend: true, completions: 2 },
    {},
    'Suspended: nothing runs until it is resumed. 0 of 2 succeeded.',
  );
  check(
    { completions: 1200 },
    { ...started, active: 1, ready: 1, succeeded: 1000, failed: 1 },
    'Running for 1 min 40 s: 1 pod at work, 1,000 of 1,200 succeeded, 1 failure so far.',
  );
  check(
    { completions: 9 },
    { ...started, active: 5, ready: 3 },
    'Running for 1 min 40 s: 3 of 5 pods at work, 0 of 9 succeeded.',
  );
  // Queued: there are pods, and none of them runs.
  check(
    { completions: 9 },
    { ...started, active: 5, ready: 0, failed: 1 },
    'Waiting for 5 pods to start: 0 of 9 succeeded, 1 failure so far.',
  );
  check(
    { completions: 9 },
    { ...started, failed: 1 },
    'Waiting before the next attempt: 0 of 9 succeeded, 1 failure so far.',
  );
  check({ completions: 9 }, { succeeded: 2 }, 'Waiting for the next pod: 2 of 9 succeeded.');
  check(
    { completions: 9, parallelism: 0 },
    { succeeded: 2, failed: 1 },
    'Paused: it may have no pod at a time. 2 of 9 succeeded, 1 failure so far.',
  );
  // Pods that are being ended are not active any more.
  check(
    { completions: 9 },
    {
      terminating: 2,
      conditions: is('FailureTarget', { reason: 'DeadlineExceeded', message: 'It took too long' }),
    },
    'It has failed, and waits for 2 pods to end. It took too long (DeadlineExceeded).',
  );
  check(
    { completions: 9 },
    {
      active: 1,
      ready: 1,
      terminating: 0,
      conditions: is('SuccessCriteriaMet', { reason: 'SuccessPolicy', message: 'Rule 0 matched' }),
    },
    'It has succeeded, and waits for 1 pod to end. Rule 0 matched (SuccessPolicy).',
  );
  check(
    { completions: 1 },
    {
      ...started,
      succeeded: 1,
      completionTime: '2026-01-01T00:00:08Z',
      conditions: is('Complete', { reason: 'CompletionsReached', message: 'Reached' }),
    },
    'Complete: 1 of 1 succeeded in 8 s.',
  );
  check(
    { completions: 1 },
    {
      ...started,
      failed: 3,
      conditions: is('Failed', {
        reason: 'BackoffLimitExceeded',
        message: 'Job has reached the specified backoff limit',
        lastTransitionTime: '2026-01-01T00:00:30Z',
      }),
    },
    'Failed after 30 s, with 0 of 1 succeeded and 3 failures. ' +
      'Job has reached the specified backoff limit (BackoffLimitExceeded).',
  );
});

test('a Job is at work when a pod of it is', async () => {
  const { jobView } = await facts('job');
  const check = (status, expect) => {
    const { state } = jobView({ metadata: { name: 'j' }, spec: {}, status });
    assert.equal(state, expect, JSON.stringify(status));
  };
  check({ active: 3, ready: 1 }, 'running');
  check({ active: 3, ready: 0 }, 'waiting');
  check({}, 'waiting');
});

test('an index is what its pods make of it', async () => {
  const { INDEX_NAMES, indexStates } = await facts('indexes');
  const check = (status, pods, expect) => {
    const job = { metadata: {}, spec: { completions: 2 }, status };
    const all = pods.map(([index, state]) => ({ index, state }));
    for (const order of [all, all.toReversed()]) {
      const told = Array.from(indexStates(job, order), (it) => INDEX_NAMES[it]);
      assert.deepEqual(told, expect, JSON.stringify([status, order]));
    }
  };
  const over = { conditions: [{ type: 'Failed', status: 'True' }] };
  check({}, [], ['pending', 'pending']);
  check({}, [[1, 'waiting']], ['pending', 'waiting']);
  check(
    {},
    [
      [0, 'failed'],
      [0, 'running'],
      [1, 'failed'],
      [1, 'waiting'],
    ],
    ['running', 'retrying'],
  );
  // It has succeeded, whether or not the Job has counted it.
  check({}, [[0, 'succeeded']], ['succeeded', 'pending']);
  check({ completedIndexes: '0-1' }, [[0, 'failed']], ['succeeded', 'succeeded']);
  // Nothing is tried again once the Job has ended.
  check(
    over,
    [
      [0, 'failed'],
      [1, 'succeeded'],
    ],
    ['failed', 'succeeded'],
  );
  check({ failedIndexes: '1' }, [[2, 'failed']], ['pending', 'failed']);
});

test('a list that breaks off is read again', async () => {
  const lists = [
    { resourceVersion: '7', continue: 'more', names: ['a'] },
    undefined,
    { resourceVersion: '8', continue: 'more', names: ['a'] },
    { resourceVersion: '8', names: ['b'] },
  ];
  let followed = () => {};
  const version = new Promise((resolve) => (followed = resolve));
  const stubs = {
    sessionStorage: { getItem: () => null },
    requestAnimationFrame: (call) => queueMicrotask(call),
    fetch(address, { signal }) {
      const query = new URL(address, 'https://mayfly').searchParams;
      if (query.get('watch')) {
        followed(query.get('resourceVersion'));
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
      }
      const list = lists.shift();
      if (!list) return Promise.reject(new TypeError('the line broke'));
      const { names, ...metadata } = list;
      const items = names.map((name) => ({ metadata: { namespace: 'n', name } }));
      return Promise.resolve(Response.json({ metadata, items }));
    },
  };
  const before = Object.fromEntries(Object.keys(stubs).map((name) => [name, globalThis[name]]));
  for (const [name, value] of Object.entries(stubs))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  const page = new AbortController();
  try {
    const { watch } = await part('api/watch');
    const told = [];
    const live = new Promise((resolve) => {
      const onChange = (items, { state }) => {
        told.push([state, [...items.keys()].join()]);
        if (state === 'live') resolve();
      };
      const view = (it) => it.metadata.name;
      watch({ path: '/api/v1/pods', view, onChange, signal: page.signal });
    });
    assert.equal(await version, '8', 'what it goes on from');
    await live;
    assert.deepEqual(told.at(-1), ['live', 'n/a,n/b']);
    assert.ok(
      told.some(([state]) => state === 'lost'),
      `it was told that it broke off: ${told}`,
    );
    assert.equal(lists.length, 0);
  } finally {
    page.abort();
    for (const [name, value] of Object.entries(before))
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
});

test('a pod that was restarted has a back-off in its bar', async () => {
  const { podView } = await facts('pod');
  const at = (second) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  const ended = { exitCode: 1, startedAt: at(2), finishedAt: at(5) };
  const status = {
    phase: 'Running',
    containerStatuses: [
      {
        restartCount: 1,
        lastState: { terminated: ended },
        state: { waiting: { reason: 'CrashLoopBackOff' } },
      },
    ],
  };
  const metadata = { name: 'p', creationTimestamp: at(0) };
  const spec = { containers: [{ name: 'main' }, { name: 'side' }] };
  const view = podView({ metadata, spec, status });
  assert.equal(view.container, 'main');
  const zero = Date.parse(at(0));
  assert.deepEqual([view.state, view.why, view.restarts], ['backoff', 'CrashLoopBackOff', 1]);
  assert.deepEqual(
    view.spans.map(({ kind, from, to }) => [kind, from - zero, to && to - zero]),
    [
      ['waiting', 0, 2000],
      ['running', 2000, 5000],
      ['backoff', 5000, undefined],
    ],
  );
});

test('a new Job is made of an old one without what the server wrote', async () => {
  const { again, runNow } = await facts('again');
  const own = { 'job-name': 'pi', 'batch.kubernetes.io/controller-uid': 'u', mine: '1' };
  const spec = {
    suspend: true,
    selector: { matchLabels: own },
    template: { metadata: { labels: own }, spec: {} },
  };
  const metadata = { name: 'pi', uid: 'u', labels: own, resourceVersion: '7' };
  assert.deepEqual(again({ metadata, spec, status: {} }), {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { generateName: 'pi-', labels: { mine: '1' }, annotations: {} },
    spec: { template: { metadata: { labels: { mine: '1' } }, spec: {} } },
  });
  const jobTemplate = { metadata: { labels: { a: 'b' } }, spec: { completions: 2 } };
  const made = runNow({ metadata: { name: 'c', uid: 'v' }, spec: { jobTemplate } }, 5000);
  assert.equal(made.metadata.name, 'c-5');
  assert.deepEqual(made.metadata.ownerReferences[0].uid, 'v');
  assert.deepEqual(made.spec, { completions: 2 });
});

test('numbers are written as people read them', async () => {
  const { age, bytes, cpu, duration, quantity } = await facts('words');
  const check = (told, expect) => assert.deepEqual(told, expect);
  check([0, 1500, 59_900, 200_000, 7_260_000, 9e7].map(duration), [
    'less than 1 s',
    '1.5 s',
    '59 s',
    '3 min 20 s',
    '2 h 1 min',
    '1 d 1 h',
  ]);
  check([0, 4096, 5e6, 2 ** 31].map(bytes), ['0 B', '4.0 KiB', '4.8 MiB', '2.0 GiB']);
  check([0.0002, 0.25, 3].map(cpu), ['200 µs', '250.0 ms', '3.0 s']);
  check([age(0, 90_000), age(0, 36e5), age(undefined, 1)], ['90 s', '60 min', '']);
  check(['250m', '8Mi', '5n', '3', undefined].map(quantity), [0.25, 8388608, 5e-9, 3, 0]);
});
