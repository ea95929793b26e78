//! The same questions to the same server, by kubectl and by mayfly: the answers are the same, byte
//! for byte. Where there is no kubectl, the test says so.

use std::process::Command;
use std::time::Instant;

use super::Site;
use crate::harness::{Ended, PATIENCE, Running, kubectl, say};

/// What is asked. Words in quotes are one.
const QUESTIONS: &[&str] = &[
    "get jobs",
    "get job good",
    "get jobs -o wide",
    "get jobs,pods",
    "get jobs -A",
    "get all",
    "get cm,secret",
    "get cj -o wide",
    "get nodes -o wide",
    "get ns",
    "get sa",
    "get pods --show-labels",
    "get pods --no-headers",
    "get pods --sort-by=.metadata.name",
    "get pods -l job-name=none",
    "get pods -A -l job-name=none",
    "get pods --field-selector=status.phase=Succeeded",
    "get events",
    "get jobs -o name",
    "get job good -o yaml",
    "get job good -o json",
    "get jobs -o yaml",
    "get cm odd -o yaml",
    "get secret s -o yaml",
    "get cj night -o yaml",
    "get pod bare -o yaml",
    "get job good nobody",
    "get job/good pod/bare",
    "get job nobody --ignore-not-found",
    "get cows",
    "get pods -l 'a in (b'",
    "get jobs -o jsonpath={.items[*].metadata.name}",
    "get pods -o jsonpath={.items..metadata.name}",
    "get pods -o 'jsonpath={range .items[*]}{.metadata.name}{\"\\t\"}{.status.phase}{\"\\n\"}{end}'",
    "get jobs -o 'jsonpath={.items[?(@.metadata.name==\"good\")].status}'",
    "get jobs -o jsonpath={.items[0].spec.template.spec.containers[0]}",
    "get job good -o jsonpath={.status.conditions[-1:].type}",
    "get job good -o jsonpath={.nothing}",
    "get jobs -o custom-columns=N:.metadata.name,S:.status.succeeded,X:.nothing",
    "describe job good",
    "describe jobs",
    "describe pod bare",
    "describe cj night",
    "describe cm one",
    "describe secret s",
    "describe sa default",
    "describe ns default",
    "describe node",
    "describe job nobody",
    "get quota -n team",
    "get limits -n team -o name",
    "get quota many -n team -o yaml",
    "describe quota -n team",
    "describe limits -n team",
    "describe ns team",
    "create quota one --hard=pods",
    "create quota one --hard=pods=1,count/jobs.batch=2 --scopes=Terminating --dry-run=client",
    "create quota one --hard=pods=1 --dry-run=server",
    "events --for job/good",
    "events --types=Warning",
    "logs job/good",
    "logs bare -c main --tail=1",
    "logs bare",
    "logs nobody",
    "wait --for=condition=complete job/good --timeout=5s",
    "wait --for=condition=failed job/good --timeout=1s",
    "wait --for=jsonpath={.status.succeeded}=1 job/good --timeout=2s",
    "wait --for=delete job/nobody --timeout=2s",
    "wait --for=condition=complete job/nobody --timeout=1s",
    "wait --for=condition=complete jobs -l a=b --timeout=1s",
    "delete job nobody",
    "delete job nobody --ignore-not-found",
    "delete jobs -l a=b",
    "create -f good.yaml",
    "create -f good.yaml --dry-run=client",
    "create job tried --image=x --dry-run=server",
    "config view",
    "config get-contexts",
    "config current-context",
];

/// Objects with what is hard to print.
const OBJECTS: &str = r#"
apiVersion: batch/v1
kind: CronJob
metadata: {name: night, annotations: {note: "long ago"}}
spec:
  schedule: "0 0 29 2 *"
  timeZone: Europe/Berlin
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: c
            image: echo
            args: ["a b", "line\nline"]
            env:
            - {name: A, value: "1"}
            - {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: D, valueFrom: {configMapKeyRef: {name: one, key: k, optional: true}}}
            - {name: R, valueFrom: {resourceFieldRef: {resource: limits.memory}}}
            resources: {limits: {memory: 64Mi}}
            volumeMounts:
            - {name: v, mountPath: /v}
            - {name: a, mountPath: /a, readOnly: true, subPath: s}
          volumes: [{name: v, emptyDir: {}}, {name: a, configMap: {name: one}}]
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: one, labels: {a: b}}, data: {k: v}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: team}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: many, namespace: team, labels: {a: b}}
spec:
  hard: {pods: "10", limits.cpu: "2", requests.memory: 64Mi, configmaps: "3", count/jobs.batch: 1k}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: brief, namespace: team}
spec: {hard: {pods: "2"}, scopes: [Terminating, BestEffort]}
---
apiVersion: v1
kind: LimitRange
metadata: {name: sizes, namespace: team}
spec:
  limits:
  - {type: Container, max: {cpu: "2"}, default: {memory: 64Mi}, defaultRequest: {cpu: 500m}}
  - {type: Pod, min: {memory: 1Mi}, maxLimitRequestRatio: {memory: "4"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: odd}
data:
  {multi: "a\nb\n", yes: "true", tab: "a\tb", date: "2026-01-01", n: "1", quoted: "it's: \"x\"",
   trail: "x ", f10: a, f9: b, colon: "a:b: c", dash: "- x", star: "*", lead: " x\ny", empty: "",
   long: "word word word word word word word word word word word word word word word word word word",
   both: "a'b: word word word word word word word word word word word word word word word word 'x'"}
binaryData: {b: /wA=}
---
{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: b}}
---
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: echo, args: [a]}
  - name: two
    image: echo
    env: [{name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    volumeMounts: [{name: v, mountPath: /v}]
    resources: {requests: {memory: 64Mi}}
  volumes:
  - {name: v, emptyDir: {}}
  - {name: d, downwardAPI: {items: [{path: x, fieldRef: {fieldPath: metadata.name}}]}}
  - {name: p, projected: {sources: [{configMap: {name: one}}, {secret: {name: s}}]}}
  - {name: sec, secret: {secretName: s}}
"#;

#[test]
fn answers_are_kubectls() {
    let Some(program) = kubectl::as_recorded() else { return };
    let site = Site::new();
    let file = site.job("good", "backoffLimit: 1", "echo", "x");
    site.home.write("objects.yaml", OBJECTS);
    site.told(&format!("create -f {file} -f objects.yaml"));
    site.run("wait --for=complete-or-failed job/good").exits(0);
    site.wait("--for=jsonpath={.status.phase}=Succeeded pod/bare");
    compare(&program, &site, QUESTIONS);
}

/// Fails where kubectl, which is `program`, and we answer one of the `questions` differently.
///
/// Ages are told in seconds, and one may be over between two answers: so kubectl's has one of ours
/// before it and one after it, and is asked for until it is the same as either.
pub(super) fn compare(program: &str, site: &Site, questions: &[&str]) {
    let mut wrong = Vec::new();
    for question in questions {
        let words = split(question);
        let ours = || shown(&site.home.run(&words));
        let begun = Instant::now();
        let mut before = ours();
        loop {
            let kubectl = ask(program, site, &words);
            if before == kubectl {
                break;
            }
            let after = ours();
            if after == kubectl {
                break;
            }
            if begun.elapsed() > PATIENCE {
                wrong.push(format!("{question}\n--- kubectl\n{kubectl}\n--- mayfly\n{after}"));
                break;
            }
            before = after;
        }
    }
    say!("kubectl: {} the same, {} different", questions.len() - wrong.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What kubectl answers: its exit code, and what it prints.
pub(super) fn ask(program: &str, site: &Site, words: &[&str]) -> String {
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(site.home.path("."))
        .env("HOME", site.home.path("."))
        .env("KUBECONFIG", site.home.path(".local/state/mayfly/kubeconfig"));
    shown(&Running::start(&mut command).wait())
}

/// Exit code, standard output and standard error. What the kubectl of our level says and an older
/// one does not is left out: the line with a CronJob's time zone.
fn shown(ended: &Ended) -> String {
    let kept = |text: &str| {
        let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("Time Zone:"));
        lines.collect::<String>()
    };
    format!("{:?}\n{}\n{}", ended.status.code(), kept(&ended.stdout), kept(&ended.stderr))
}

/// Words at spaces; a word in single quotes may hold some.
fn split(question: &str) -> Vec<&str> {
    let parts = question.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split(' ').filter(|word| !word.is_empty()).collect(),
        _ => vec![part],
    });
    words.collect()
}
