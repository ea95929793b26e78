//! What pods may store: an eviction as the kubelet's, and no space in memory.

use std::process::Command;

use crate::harness::{Ended, Home, PATIENTLY, Server, guest};

/// A Job whose pod writes `bytes` to a volume of this source, and may store this much.
fn fills(source: &str, limits: &str, bytes: &str, more: &str) -> String {
    let spec = format!(
        "backoffLimit: 0\n{more}template:\n  spec:\n    restartPolicy: Never\n    volumes:\n    \
         - name: scratch\n      emptyDir: {{{source}}}\n    containers:\n    - name: main\n      \
         image: {}\n      args: [/data, \"{bytes}\"]\n      resources: {{limits: {{{limits}}}}}\n      \
         volumeMounts: [{{name: scratch, mountPath: /data}}]",
        guest("hog_write"),
    );
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\nspec:\n{spec}")
}

fn run(manifest: &str) -> (Home, Ended) {
    let home = Home::new();
    home.write("job.yaml", manifest);
    let ended = home.run(&["run", "-o", "json", "job.yaml"]);
    (home, ended)
}

#[test]
fn a_pod_that_fills_a_volume_is_evicted() {
    let (_home, ended) = run(&fills("sizeLimit: 1Mi", "", "100000000", ""));
    let ended = ended.exits(1);
    let status = &ended.json()["status"];
    assert_eq!(
        (&status["failed"], &status["conditions"][1]["reason"]),
        (&1.into(), &"BackoffLimitExceeded".into())
    );
    let (_home, ended) = run(&fills("sizeLimit: 1Mi", "", "900000", ""));
    ended.exits(0);
}

#[test]
fn a_policy_that_ignores_disruptions_does_not_ignore_an_eviction() {
    let policy = "podFailurePolicy:\n  rules:\n  - action: Ignore\n    onPodConditions: \
                  [{type: DisruptionTarget}]\n  - action: FailJob\n    onExitCodes: \
                  {operator: In, values: [137]}\n";
    let (_home, ended) = run(&fills("sizeLimit: 1Mi", "", "100000000", policy));
    let ended = ended.exits(1);
    let conditions = &ended.json()["status"]["conditions"];
    assert_eq!(conditions[1]["reason"], "PodFailurePolicy", "{conditions}");
    let message = conditions[1]["message"].as_str().expect("it has one");
    assert!(message.contains("exit code 137"), "{message}");
}

#[test]
fn a_pod_that_stores_more_than_its_containers_may_is_evicted() {
    let (_home, ended) = run(&fills("", "ephemeral-storage: 1Mi", "100000000", ""));
    ended.exits(1);
    let (_home, ended) = run(&fills("", "ephemeral-storage: 1Mi", "900000", ""));
    ended.exits(0);
}

#[test]
fn there_is_no_space_in_memory_for_more() {
    for limits in ["", "memory: 32Mi"] {
        let (_home, ended) = run(&fills("medium: Memory, sizeLimit: 1Mi", limits, "100000000", ""));
        let ended = ended.exits(1);
        let errno = "written: Some(51)";
        assert!(ended.stdout.contains(errno) || ended.stderr.contains(errno), "{ended:?}");
    }
}

#[test]
fn a_pod_that_prints_more_than_it_may_store_is_evicted() {
    let home = Home::new();
    let limits = "resources: {limits: {ephemeral-storage: 1Mi}}";
    let image = format!("image: {}\n{limits}", guest("hog_output"));
    home.write("job.yaml", crate::harness::job("a", "backoffLimit: 0", &image));
    let ended = home.run(&["run", "--timeout", "60s", "-o", "json", "job.yaml"]).exits(1);
    assert_eq!(ended.json()["status"]["failed"], 1);
    assert!(ended.stdout.len() < 20 << 20, "it must not print on: {}", ended.stdout.len());
}

/// A pod that fills a volume; `IMAGE` is the name that the server has for the guest.
const FILLER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: filler}
spec:
  restartPolicy: Never
  volumes:
  - name: scratch
    emptyDir: {sizeLimit: 1Mi}
  containers:
  - name: main
    image: filler
    args: [/data]
    volumeMounts: [{name: scratch, mountPath: /data}]
  - name: other
    image: sleeper
    args: ["600"]
"#;

#[test]
fn an_eviction_is_told_where_people_look() {
    let home = Home::new();
    home.write("pod.yaml", FILLER);
    let filler = format!("filler={}", guest("hog_write"));
    let sleeper = format!("sleeper={}", guest("job_sleep"));
    let server = Server::start(&home, &["--image", &filler, "--image", &sleeper]);
    home.run(&["create", "-f", "pod.yaml"]).exits(0);
    let failed = "--for=jsonpath={.status.phase}=Failed";
    home.run(&["wait", failed, "pod/filler", PATIENTLY]).exits(0);

    let message = "Usage of EmptyDir volume \"scratch\" exceeds the limit \"1Mi\". ";
    let pod = home.run(&["get", "pod", "filler", "-o", "json"]).exits(0).json();
    let status = &pod["status"];
    assert_eq!((&status["reason"], &status["message"]), (&"Evicted".into(), &message.into()));
    let ends = status["containerStatuses"].as_array().expect("it has two").iter();
    let codes: Vec<_> = ends.map(|it| &it["state"]["terminated"]["exitCode"]).collect();
    assert_eq!(codes, [137, 137]);
    let conditions = status["conditions"].as_array().expect("it has some");
    assert!(conditions.iter().all(|it| it["type"] != "DisruptionTarget"), "{conditions:?}");

    let mut described = vec![home.run(&["describe", "pod", "filler"]).exits(0).stdout];
    match crate::harness::kubectl::any() {
        Some(program) => {
            let mut kubectl = Command::new(program);
            let kubectl = server.client(kubectl.args(["describe", "pod", "filler"]));
            let output = kubectl.env("HOME", home.path("")).output().expect("it must start");
            described.push(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        None => crate::harness::say!("skipped for kubectl: there is none"),
    }
    for text in described {
        let says =
            |wanted: &str| text.lines().any(|line| line.split_whitespace().eq(wanted.split(' ')));
        assert!(says("Reason: Evicted"), "{text}");
        assert!(says(&format!("Message: {}", message.trim())), "{text}");
        let event = text.lines().find(|line| line.contains("Warning") && line.contains("Evicted"));
        assert!(event.is_some_and(|line| line.contains(message.trim())), "{text}");
    }
    server.stop().exits(0);
}

/// A pod with one volume of each kind.
const REACH: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {a: one, b: twelve}
binaryData: {c: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: secret}
stringData: {password: hush}
---
apiVersion: v1
kind: Pod
metadata: {name: reach, labels: {app: x}}
spec:
  restartPolicy: Never
  volumes:
  - name: scratch
    emptyDir: {}
  - name: memory
    emptyDir: {medium: Memory}
  - name: config
    configMap: {name: config, defaultMode: 0400, items: [{key: a, path: deep/a}, {key: c, path: c}]}
  - name: none
    configMap: {name: none, optional: true}
  - name: secret
    secret: {secretName: secret}
  - name: downward
    downwardAPI:
      items:
      - {path: labels, fieldRef: {fieldPath: metadata.labels}}
      - {path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}
  - name: all
    projected:
      sources:
      - configMap: {name: config, items: [{key: b, path: b}]}
      - secret: {name: secret}
      - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}
  containers:
  - name: main
    image: guests/job_reach.wasm
    resources: {limits: {cpu: 250m, memory: 64Mi}}
    volumeMounts:
    - {name: scratch, mountPath: /tmp}
    - {name: scratch, mountPath: /part, subPath: a/b}
    - {name: memory, mountPath: /memory}
    - {name: config, mountPath: /config}
    - {name: config, mountPath: /etc/one, subPath: deep/a}
    - {name: none, mountPath: /none}
    - {name: secret, mountPath: /secret, readOnly: true}
    - {name: downward, mountPath: relative/downward}
    - {name: all, mountPath: /all}
"#;

#[test]
fn a_guest_reaches_its_mounts_and_nothing_else() {
    let home = Home::new();
    home.write("pod.yaml", REACH);
    let ended = home.run(&["run", "pod.yaml"]).exits(0);
    let expected = "\
        mount /dev\n\
        file /dev/null 0\nfile /dev/random 0\nfile /dev/stderr 0\nfile /dev/stdin 0\n\
        file /dev/stdout 0\nfile /dev/termination-log 0\nfile /dev/urandom 0\nfile /dev/zero 0\n\
        mount /etc\nfile /etc/one 3\n\
        mount /tmp\ndirectory /tmp/a\ndirectory /tmp/a/b\n\
        mount /part\n\
        mount /memory\n\
        mount /config\nfile /config/c 3\ndirectory /config/deep\nfile /config/deep/a 3\n\
        mount /none\n\
        mount /secret\nfile /secret/password 4\n\
        mount /relative/downward\nfile /relative/downward/cpu 3\nfile /relative/downward/labels 7\n\
        mount /all\nfile /all/b 6\nfile /all/name 5\nfile /all/password 4\n";
    assert_eq!(ended.stdout, expected);
}
