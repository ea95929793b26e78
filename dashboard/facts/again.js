/** New Jobs of old ones: what `mayfly rerun` and `kubectl create job --from` send. Pure. */

/** A name has 63 characters at most, of which the server makes the last five. */
const PREFIX_CHARS_MAX = 58;
/** `-` and ten digits, which tell one manual run from another. */
const MANUAL_PREFIX_CHARS_MAX = 52;

/** What the server writes into a Job and its pods; a new Job gets its own. */
const GENERATED = [
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'controller-uid',
  'job-name',
  'kubectl.kubernetes.io/last-applied-configuration',
];

/** The Job `old` as it was asked for, to run now. @param {any} old */
export function again(old) {
  const kept = old.metadata.name.slice(0, PREFIX_CHARS_MAX - 1).replace(/[-.]+$/, '');
  const spec = structuredClone(old.spec);
  if (!spec.manualSelector) delete spec.selector;
  delete spec.suspend;
  const template = spec.template.metadata;
  if (template?.labels) template.labels = withoutGenerated(template.labels);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      generateName: `${kept}-`,
      labels: withoutGenerated(old.metadata.labels),
      annotations: withoutGenerated(old.metadata.annotations),
    },
    spec,
  };
}

/** A run of `cronJob` at once, out of its turn. @param {any} cronJob @param {number} now */
export function runNow(cronJob, now) {
  const { metadata, spec } = cronJob;
  const template = spec.jobTemplate;
  const prefix = metadata.name.slice(0, MANUAL_PREFIX_CHARS_MAX);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${prefix}-${Math.floor(now / 1000)}`,
      labels: template.metadata?.labels,
      annotations: {
        ...template.metadata?.annotations,
        'cronjob.kubernetes.io/instantiate': 'manual',
      },
      ownerReferences: [
        {
          apiVersion: 'batch/v1',
          kind: 'CronJob',
          name: metadata.name,
          uid: metadata.uid,
          controller: true,
        },
      ],
    },
    spec: template.spec,
  };
}

/** @param {Record<string, string> | undefined} map */
function withoutGenerated(map) {
  const kept = Object.entries(map ?? {}).filter(
    ([key]) => !GENERATED.includes(key) && !key.startsWith('batch.kubernetes.io/cronjob-'),
  );
  return Object.fromEntries(kept);
}
