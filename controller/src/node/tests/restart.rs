//! What becomes of pods when the node's process ends and another begins.

use expect_test::{Expect, expect};

use super::fake::{FakeRuntime, Play};
use super::*;

/// Kills the agent after 3 seconds, and starts another one 2 seconds later.
async fn check(runtime: FakeRuntime, lost_runs: LostRuns, spec: &str, expected: Expect) -> Cluster {
    let mut cluster = Cluster::with_lost_runs(runtime, lost_runs);
    let job = OwnerReference { controller: Some(true), ..OwnerReference::default() };
    let owners = if lost_runs == LostRuns::RunAgain { vec![job] } else { Vec::new() };
    cluster.run_owned(spec, owners).await;
    let mut story = cluster.story(3).await;
    cluster.kill_agent();
    story += "killed\n";
    story += &cluster.story(2).await;
    cluster.start_agent();
    story += "started\n";
    story += &cluster.story(30).await;
    expected.assert_eq(&story);
    cluster
}

fn spec(policy: &str) -> String {
    format!(r#"{{"restartPolicy": "{policy}", "containers": [{{"name": "main", "image": "i"}}]}}"#)
}

fn five_seconds() -> FakeRuntime {
    FakeRuntime::default().plays("main", &[Play::Exit(5.0, 0)])
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_lost_fails_its_pod() {
    let cluster = check(
        five_seconds(),
        LostRuns::Count,
        &spec("Never"),
        expect![[r#"
            00.01 Running main:running
            killed
            started
            05.00 Failed/Terminated main:ContainerStatusUnknown(137)
        "#]],
    )
    .await;
    let status = cluster.status();
    let disruption = &status.conditions.unwrap()[0];
    assert_eq!(disruption.type_, "DisruptionTarget");
    assert_eq!(disruption.status, "True");
    assert_eq!(disruption.reason.as_deref(), Some("TerminationByKubelet"));
    assert_eq!(cluster.runtime.run_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_lost_runs_again_if_the_node_is_told_so() {
    check(
        five_seconds(),
        LostRuns::RunAgain,
        &spec("Never"),
        expect![[r#"
            00.01 Running main:running
            killed
            started
            05.01 Running main:running
            10.00 Succeeded main:Completed(0)
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn nor_does_that_count_as_a_restart() {
    check(
        five_seconds(),
        LostRuns::RunAgain,
        &spec("OnFailure"),
        expect![[r#"
        00.01 Running main:running
        killed
        started
        05.01 Running main:running
        10.00 Succeeded main:Completed(0)
    "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_nobody_is_not_made_anew() {
    let mut cluster = Cluster::with_lost_runs(five_seconds(), LostRuns::RunAgain);
    cluster.run(&spec("Never")).await;
    cluster.until(3.0).await;
    cluster.kill_agent();
    cluster.start_agent();
    cluster.until(20.0).await;
    expect![[r#"
        Running main:running
        Failed/Terminated main:ContainerStatusUnknown(137)
    "#]]
    .assert_eq(&cluster.history());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_lost_is_restarted_as_its_policy_says() {
    check(
        five_seconds(),
        LostRuns::Count,
        &spec("OnFailure"),
        expect![[r#"
            00.01 Running main:running
            killed
            started
            05.01 Running main:running#1<-ContainerStatusUnknown(137)
            10.00 Succeeded main:Completed(0)#1<-ContainerStatusUnknown(137)
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_stays_so_and_what_waited_goes_on() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]);
    let cluster = check(
        runtime,
        LostRuns::Count,
        &spec("Never"),
        expect![[r#"
            00.01 Running main:running
            01.00 Succeeded main:Completed(0)
            killed
            started
        "#]],
    )
    .await;
    assert_eq!(cluster.runtime.run_count(), 1);

    let runtime = FakeRuntime::default().lacks("i", 1).plays("main", &[Play::Exit(1.0, 0)]);
    check(
        runtime,
        LostRuns::Count,
        &spec("Never"),
        expect![[r#"
            00.00 Pending main:ErrImagePull
            01.00 Pending main:ImagePullBackOff
            killed
            started
            05.01 Running main:running
            06.00 Succeeded main:Completed(0)
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_what_runs_and_leaves_it_to_be_found() {
    let mut cluster = Cluster::new(FakeRuntime::default().plays("main", &[Play::Forever]));
    cluster.run(&spec("Never")).await;
    cluster.until(1.0).await;
    cluster.stop_agent().await;
    assert_eq!(cluster.status().phase.as_deref(), Some("Running"));
    cluster.start_agent();
    cluster.until(2.0).await;
    expect![[r#"
        Running main:running
        Failed/Terminated main:ContainerStatusUnknown(137)
    "#]]
    .assert_eq(&cluster.history());
}

#[tokio::test(start_paused = true)]
async fn a_graceful_shutdown_ends_pods_and_says_why() {
    for policy in ["Never", "OnFailure", "Always"] {
        let mut cluster = Cluster::new(FakeRuntime::default().plays("main", &[Play::Forever]));
        cluster.shutdown = Shutdown::EndPods;
        cluster.stop_agent().await;
        cluster.start_agent();
        cluster.run(&spec(policy)).await;
        cluster.until(1.0).await;
        cluster.stop_agent().await;
        let status = cluster.status();
        assert_eq!(
            status.message.as_deref(),
            Some("Pod was terminated in response to imminent node shutdown.")
        );
        let disruption =
            status.conditions.iter().flatten().find(|it| it.type_ == "DisruptionTarget");
        let disruption = disruption.expect("it did not fail by itself");
        assert_eq!(disruption.reason.as_deref(), Some("TerminationByKubelet"));
        // The next process has nothing left to do.
        cluster.start_agent();
        cluster.until(2.0).await;
        expect![[r#"
            Running main:running
            Failed/Terminated main:Error(137)
        "#]]
        .assert_eq(&cluster.history());
    }
}

#[tokio::test(start_paused = true)]
async fn a_graceful_shutdown_leaves_alone_what_is_over_or_ends_anyway() {
    let mut cluster = Cluster::new(FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]));
    cluster.shutdown = Shutdown::EndPods;
    cluster.stop_agent().await;
    cluster.start_agent();
    cluster.run(&spec("Never")).await;
    cluster.until(5.0).await;
    cluster.stop_agent().await;
    assert_eq!(cluster.status().phase.as_deref(), Some("Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_lost_twice_is_still_the_same_run() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 1), Play::Exit(50.0, 0)]);
    let mut cluster = Cluster::with_lost_runs(runtime, LostRuns::RunAgain);
    let job = OwnerReference { controller: Some(true), ..OwnerReference::default() };
    cluster.run_owned(&spec("OnFailure"), vec![job]).await;
    cluster.until(5.0).await;
    cluster.kill_agent();
    // So that it is still waiting when it is lost again.
    cluster.runtime.missing.lock().unwrap().insert("i", 1);
    cluster.start_agent();
    cluster.until(10.0).await;
    cluster.kill_agent();
    cluster.start_agent();
    cluster.until(200.0).await;
    let runs: Vec<u32> =
        cluster.runtime.runs.lock().unwrap().iter().map(|run| run.restart_count).collect();
    assert_eq!(runs, [0, 1, 1]);
    let status = &cluster.status().container_statuses.unwrap()[0];
    assert_eq!((status.restart_count, &*status.name), (1, "main"));
}
