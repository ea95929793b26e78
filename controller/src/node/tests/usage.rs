//! What the runs of a pod have used, in its annotations.

use super::fake::{FakeRuntime, Play};
use super::*;
use crate::node::Usage;

/// So many milliseconds of CPU time, and printed bytes.
fn uses(number: u64) -> Usage {
    Usage {
        cpu: Duration::from_millis(number),
        memory_bytes_peak: 1000 * number,
        printed_bytes: number,
        ..Usage::default()
    }
}

/// What a pod's annotations say of that: CPU time, peak, bytes, and runs that are unknown.
fn said(pod: &Pod) -> String {
    let annotation = |name: &str| {
        let annotations = pod.metadata.annotations.as_ref();
        let found = annotations.and_then(|it| it.get(&format!("mayfly.dev/usage-{name}")));
        found.map_or("-", String::as_str)
    };
    ["cpu-seconds", "memory-peak-bytes", "printed-bytes", "runs-unknown"].map(annotation).join(" ")
}

/// Every version of the pod since the last call with its usage, a line each.
fn history(cluster: &mut Cluster) -> String {
    let mut lines = String::new();
    while let Some(change) = cluster.watch.try_next() {
        if change.what != ChangeKind::Added {
            let pod = Pod::from_object(&change.object).unwrap();
            writeln!(lines, "{}: {}", line_of(pod), said(pod)).unwrap();
        }
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn usage_is_told_with_the_end_of_each_run_and_summed_up() {
    let runtime = FakeRuntime::default()
        .plays("main", &[Play::Uses(1.0, 1, uses(10)), Play::Uses(1.0, 0, uses(5))])
        .plays("other", &[Play::Uses(3.0, 0, uses(7))]);
    let mut cluster = Cluster::new(runtime);
    let spec = r#"{"restartPolicy": "OnFailure", "containers": [
        {"name": "main", "image": "i"}, {"name": "other", "image": "i"}]}"#;
    cluster.run(spec).await;
    cluster.until(20.0).await;
    assert_eq!(
        history(&mut cluster),
        "Running main:running other:running: - - - -\n\
         Running main:Error(1) other:running: 0.010000 10000 10 -\n\
         Running main:running#1<-Error(1) other:running: 0.010000 10000 10 -\n\
         Running main:Completed(0)#1<-Error(1) other:running: 0.015000 10000 15 -\n\
         Succeeded main:Completed(0)#1<-Error(1) other:Completed(0): 0.022000 10000 22 -\n"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_run_has_used_is_said_to_be_unknown() {
    let runtime = FakeRuntime::default().plays(
        "main",
        &[Play::Uses(1.0, 1, uses(10)), Play::Uses(9.0, 0, uses(5)), Play::Uses(2.0, 0, uses(3))],
    );
    let mut cluster = Cluster::with_lost_runs(runtime, LostRuns::RunAgain);
    let spec = r#"{"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "i"}]}"#;
    let owner = OwnerReference { controller: Some(true), ..OwnerReference::default() };
    cluster.run_owned(spec, vec![owner]).await;
    cluster.until(2.0).await;
    // Somebody else has an annotation of their own, which is not the node's.
    cluster
        .update(|pod| {
            let annotations = pod.metadata.annotations.get_or_insert_default();
            annotations.insert("example.com/a".to_owned(), "b".to_owned());
        })
        .await;
    history(&mut cluster);
    cluster.kill_agent();
    cluster.start_agent();
    cluster.until(20.0).await;
    let history = history(&mut cluster);
    let last = history.lines().last().unwrap();
    assert!(last.starts_with("Succeeded main:Completed(0)"), "{history}");
    assert!(last.ends_with(": 0.013000 10000 13 1"), "{history}");
    assert_eq!(cluster.pod().unwrap().metadata.annotations.clone().unwrap()["example.com/a"], "b");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_copied_with_its_annotations_begins_at_nothing() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Uses(1.0, 0, uses(10))]);
    let mut cluster = Cluster::new(runtime);
    let pod = r#"{"metadata": {"name": "p", "namespace": "ns", "uid": "u", "annotations": {
            "mayfly.dev/usage-cpu-seconds": "5.000000", "mayfly.dev/usage-memory-peak-bytes": "1",
            "mayfly.dev/usage-printed-bytes": "99", "mayfly.dev/usage-runs-unknown": "3"}},
        "spec": {"restartPolicy": "Never", "nodeName": "here",
            "containers": [{"name": "main", "image": "i"}]}}"#;
    cluster.create(serde_json::from_str::<Pod>(pod).unwrap()).await;
    cluster.until(5.0).await;
    let history = history(&mut cluster);
    assert_eq!(history.lines().last(), Some("Succeeded main:Completed(0): 0.010000 10000 10 -"));
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_measures_nothing_says_nothing() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]);
    let cluster = Cluster::new(runtime);
    cluster
        .run(r#"{"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}"#)
        .await;
    cluster.until(5.0).await;
    assert_eq!(cluster.status().phase.as_deref(), Some("Succeeded"));
    assert_eq!(cluster.pod().unwrap().metadata.annotations, None);
}
