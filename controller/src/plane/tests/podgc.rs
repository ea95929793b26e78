//! Finished pods go beyond the threshold, and what was counted stays counted.

use super::*;

/// How many pods there are.
fn pod_count(simulation: &Simulation) -> usize {
    simulation.store.list::<Pod>(None).items.len()
}

/// What a Job's status says in the end, but for its times and conditions.
fn counts(job: &Job) -> serde_json::Value {
    let mut status = serde_json::to_value(job.status.clone().unwrap_or_default()).unwrap();
    let fields = status.as_object_mut().unwrap();
    fields.retain(|name, _| !name.ends_with("Time") && name != "conditions");
    status
}

/// When each pod was made, in seconds since the Job was, whether it is still there or not.
fn all_pods_made_at(simulation: &Simulation) -> Vec<i64> {
    let start = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
    let mut watch = simulation.store.watch(&[Kind::Pod], 0).unwrap();
    let mut made = Vec::new();
    while let Some(change) = watch.try_next() {
        if change.what == ChangeKind::Added {
            let at = change.object.metadata().creation_timestamp.clone().unwrap().0;
            made.push(at.duration_since(start).as_secs());
        }
    }
    made
}

/// Runs a Job with and without collection: its counts and the times of its pods are the same.
async fn check(spec: &str, exit_codes: &[i32]) {
    let mut seen = Vec::new();
    for finished_max in [0, 1] {
        let simulation = Simulation::start_keeping(finished_max, 2, exit_codes);
        simulation.create(spec).await;
        let job = simulation.end().await;
        // Whatever is still to be done to pods that have ended.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let later = simulation.store.get::<Job>(&Key::new("default", "job")).unwrap();
        assert_eq!(counts(&later), counts(&job), "{spec}");
        let left = pod_count(&simulation);
        match finished_max {
            0 => assert!(left > 1, "{spec}: {left} pods are left"),
            kept => assert_eq!(left, kept, "{spec}"),
        }
        check_counts(&simulation, 0);
        seen.push((counts(&job), all_pods_made_at(&simulation)));
        simulation.plane.shutdown().await;
    }
    assert_eq!(seen[0], seen[1], "{spec}");
}

#[tokio::test(start_paused = true)]
async fn collected_pods_change_no_count() {
    check("completions: 20, parallelism: 3, backoffLimit: 50", &[0, 1, 0, 0, 1, 1, 0]).await;
    check("completions: 9, parallelism: 2, completionMode: Indexed", &[0, 1, 0, 1, 0]).await;
}

#[tokio::test(start_paused = true)]
async fn nor_the_back_off_of_a_job_or_of_an_index() {
    check("backoffLimit: 5", &[1, 1, 1, 0]).await;
    check(
        "completions: 3, parallelism: 3, completionMode: Indexed, backoffLimitPerIndex: 2, \
         maxFailedIndexes: 2",
        &[1, 1, 0, 1, 0, 1],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn nor_does_a_crash_while_pods_are_collected() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let exit_codes: Vec<_> = (0..8).map(|_| i32::from(random.bool())).chain([0]).collect();
        let mut simulation = Simulation::start_keeping(2, random.u64(0..3), &exit_codes);
        simulation.create("completions: 15, parallelism: 3, backoffLimit: 1000").await;
        for _ in 0..random.u32(1..10) {
            tokio::time::sleep(Duration::from_millis(random.u64(0..3000))).await;
            for _ in 0..random.u32(0..200) {
                tokio::task::yield_now().await;
            }
            simulation.crash();
        }
        let end = tokio::time::timeout(Duration::from_hours(24), simulation.end()).await;
        assert!(end.is_ok(), "seed {seed}: the Job never ends");
        assert_eq!(check_counts(&simulation, seed).0, 15, "seed {seed}");
        simulation.plane.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_node_is_gone_replaces_its_pods() {
    let simulation = Simulation::start(1000, &[0]);
    // The agent watches its own name alone: this pod is nobody's.
    simulation.create("backoffLimit: 2").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let pod = simulation.store.list::<Pod>(None).items.remove(0);
    let delete =
        Transaction::new().delete(Kind::Node, Key::new("", "localhost"), DeleteOptions::default());
    simulation.store.commit(delete).await.unwrap();
    tokio::time::sleep(Duration::from_secs(38)).await;
    assert!(simulation.store.get::<Pod>(&pod.key()).is_some());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(simulation.store.get::<Pod>(&pod.key()).is_none());
    let mut watch = simulation.store.watch(&[Kind::Pod], 0).unwrap();
    let mut last = None;
    while let Some(change) = watch.try_next() {
        if change.key == pod.key() {
            last = Pod::from_object(&change.object).and_then(|pod| pod.status.clone());
        }
    }
    let last = last.unwrap();
    assert_eq!(last.phase.as_deref(), Some("Failed"));
    let conditions = last.conditions.unwrap();
    let disruption = conditions.iter().find(|it| it.type_ == "DisruptionTarget").unwrap();
    assert_eq!(disruption.reason.as_deref(), Some("DeletionByPodGC"));
    assert_eq!(disruption.message.as_deref(), Some("PodGC: node no longer exists"));
    let job = simulation.store.get::<Job>(&Key::new("default", "job")).unwrap();
    assert_eq!(job.status.as_ref().unwrap().failed, Some(1));
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_deleted_before_it_has_a_node_is_judged_by_its_job() {
    let simulation = Simulation::start(1, &[0]);
    let spec = "backoffLimit: 1, podReplacementPolicy: Failed";
    let manifest = format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: job, namespace: default}}, \
         spec: {{{spec}, template: {{spec: {{restartPolicy: Never, nodeSelector: {{no: where}}, \
         containers: [{{name: main, image: any}}]}}}}}}}}"
    );
    simulation.create_manifest(&manifest).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let pod = simulation.store.list::<Pod>(None).items.remove(0);
    let delete = Transaction::new().delete(Kind::Pod, pod.key(), DeleteOptions::default());
    simulation.store.commit(delete).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(simulation.store.get::<Pod>(&pod.key()).is_none());
    let job = simulation.store.get::<Job>(&Key::new("default", "job")).unwrap();
    assert_eq!(job.status.as_ref().unwrap().failed, Some(1));
    simulation.plane.shutdown().await;
}
