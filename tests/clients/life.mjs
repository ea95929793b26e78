// Makes a Job, watches it to Complete, reads its log and deletes it, with npm's
// `@kubernetes/client-node`. Prints the log. The cluster is that of KUBECONFIG, the image the first
// argument.

import assert from 'node:assert';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { BatchV1Api, CoreV1Api, KubeConfig, Log, Watch } from '@kubernetes/client-node';

const [namespace, name] = ['default', 'of-node'];
const config = new KubeConfig();
config.loadFromDefault();
const [batch, core] = [config.makeApiClient(BatchV1Api), config.makeApiClient(CoreV1Api)];

// The first object of a watch that is wanted; an error if it ends before.
function until(resourceVersion, isWanted) {
  return new Promise((resolve, reject) => {
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs`;
    const query = { fieldSelector: `metadata.name=${name}`, resourceVersion, timeoutSeconds: 120 };
    let found = false;
    const watching = new Watch(config).watch(
      path,
      query,
      async (type, object) => {
        if (found || !isWanted(type, object)) return;
        found = true;
        resolve(object);
        (await watching).abort();
      },
      (error) => found || reject(error ?? new Error('the watch ended too early')),
    );
  });
}

const container = { name: 'main', image: process.argv[2], args: ['node'] };
const made = await batch.createNamespacedJob({
  namespace,
  body: {
    metadata: { name },
    spec: {
      backoffLimit: 0,
      template: { spec: { restartPolicy: 'Never', containers: [container] } },
    },
  },
});
assert.equal(made.spec.completionMode, 'NonIndexed');
const isComplete = (_, job) =>
  job.status?.conditions?.some((it) => it.type === 'Complete' && it.status === 'True');
const done = await until('0', isComplete);
assert.equal(done.status.succeeded, 1);

const pods = await core.listNamespacedPod({ namespace, labelSelector: `job-name=${name}` });
assert.equal(pods.items.length, 1);
const pod = pods.items[0].metadata.name;
const whole = await core.readNamespacedPodLog({ namespace, name: pod });
// The library's own way to stream a log, to its end.
const streamed = new PassThrough();
await new Log(config).log(namespace, pod, 'main', streamed, { follow: true });
assert.equal(await text(streamed), whole);
process.stdout.write(whole);

const since = (await batch.listNamespacedJob({ namespace })).metadata.resourceVersion;
await batch.deleteNamespacedJob({ namespace, name, propagationPolicy: 'Background' });
await until(since, (type) => type === 'DELETED');
await assert.rejects(batch.readNamespacedJob({ namespace, name }), (error) => error.code === 404);
// The library keeps connections open.
process.exit(0);
