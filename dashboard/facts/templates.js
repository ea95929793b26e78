/** Manifests to begin with. */

const POD = `      restartPolicy: Never
      containers:
      - name: main
        image: my-module
        args: []
        resources:
          requests: {memory: 8Mi}
          limits: {memory: 64Mi}
`;

/** @type {Record<string, string>} */
export const TEMPLATES = {
  Job: `apiVersion: batch/v1
kind: Job
metadata:
  generateName: my-job-
spec:
  backoffLimit: 3
  template:
    spec:
${POD}`,
  'Indexed Job': `apiVersion: batch/v1
kind: Job
metadata:
  generateName: my-indexed-job-
spec:
  completionMode: Indexed
  completions: 10
  parallelism: 3
  backoffLimitPerIndex: 1
  template:
    spec:
${POD}`,
  CronJob: `apiVersion: batch/v1
kind: CronJob
metadata:
  name: my-cron-job
spec:
  schedule: "30 2 * * *"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
        spec:
${POD.replace(/^/gm, '    ').trimEnd()}
`,
};
