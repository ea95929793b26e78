//! What a program has used, as it is told to whoever ran it.

use serde_json::Value;

use crate::harness::{Ended, Home, guest};

/// Guests and their arguments.
type Containers<'a> = &'a [(&'a str, &'a [&'a str])];

/// Runs a pod, and gives how it ended with what its annotations say.
fn run(home: &Home, annotations: &str, containers: Containers<'_>) -> (Ended, Value) {
    let containers: Vec<String> = containers
        .iter()
        .enumerate()
        .map(|(number, (name, args))| {
            format!(
                "{{name: c{number}, image: {}, args: {args:?}, \
                 volumeMounts: [{{name: v, mountPath: /v}}, {{name: k, mountPath: /k}}]}}",
                guest(name),
            )
        })
        .collect();
    let manifest = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: k}}, data: {{text: {text}}}}}\n---\n\
         {{apiVersion: v1, kind: Pod, metadata: {{name: p, annotations: {{{annotations}}}}}, \
         spec: {{restartPolicy: Never, containers: [{containers}], \
         volumes: [{{name: v, emptyDir: {{}}}}, {{name: k, configMap: {{name: k}}}}]}}}}\n",
        text = "k".repeat(1000),
        containers = containers.join(", "),
    );
    home.write("pod.yaml", manifest);
    let ended = home.run(&["run", "-o", "json", "pod.yaml"]);
    let annotations = ended.json()["metadata"]["annotations"].clone();
    (ended, annotations)
}

/// The number that an annotation says.
fn number(annotations: &Value, name: &str) -> u64 {
    let said = annotations[format!("mayfly.dev/usage-{name}")].as_str();
    said.and_then(|said| said.parse().ok()).unwrap_or_else(|| panic!("{name}: {annotations}"))
}

fn cpu_seconds(annotations: &Value) -> f64 {
    let said = annotations["mayfly.dev/usage-cpu-seconds"].as_str();
    said.and_then(|said| said.parse().ok()).unwrap_or_else(|| panic!("{annotations}"))
}

#[test]
fn bytes_are_told_to_the_byte() {
    let home = Home::new();
    let text = "x".repeat(999);
    let bytes = ["file-read-bytes", "file-written-bytes", "printed-bytes"];
    let table: [(Containers<'_>, [u64; 3]); 3] = [
        (&[("job_write", &["/v/file", &text])], [0, 1000, 0]),
        (&[("job_cat", &["/k/text"])], [1000, 0, 1000]),
        (&[("job_cat", &["/k/text", "/k/text"]), ("job_write", &["/v/a", "b"])], [2000, 2, 2000]),
    ];
    for (containers, expect) in table {
        let (ended, used) = run(&home, "", containers);
        assert_eq!(bytes.map(|name| number(&used, name)), expect, "{containers:?}");
        assert!(cpu_seconds(&used) > 0.0, "{used}");
        assert_eq!(used["mayfly.dev/usage-fuel"], Value::Null, "nobody asked for it");
        ended.exits(0);
    }
}

#[test]
fn memory_is_told_at_its_peak_and_time_while_it_computes() {
    let home = Home::new();
    let (ended, used) = run(&home, "", &[("hog_memory", &["20"]), ("job_sleep", &["1"])]);
    ended.exits(0);
    let peak = number(&used, "memory-peak-bytes");
    assert!(((20 << 20)..(60 << 20)).contains(&peak), "{peak}");

    let (ended, used) = run(&home, "", &[("job_sleep", &["2"])]);
    ended.exits(0);
    assert!(cpu_seconds(&used) < 1.0, "it slept: {used}");
}

#[test]
fn fuel_is_told_exactly() {
    let home = Home::new();
    let container: Containers<'_> = &[("job_cat", &["/k/text"])];
    let with = |fuel: u64| run(&home, &format!("mayfly.dev/fuel: \"{fuel}\""), container);
    let (ended, used) = with(1_000_000_000);
    ended.exits(0);
    let fuel = number(&used, "fuel");
    assert!(fuel > 0);
    let (ended, used) = with(fuel);
    ended.exits(0);
    assert_eq!(number(&used, "fuel"), fuel, "it is enough, and all of it was used");
    let (ended, used) = with(fuel / 2);
    let state = &ended.json()["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(state["reason"], "FuelExhausted");
    assert!(number(&used, "fuel") <= fuel / 2, "{used}");
    ended.exits(1);
}
