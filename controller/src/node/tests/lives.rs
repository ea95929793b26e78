//! Pods that live as they should, second by second.

use std::io;

use expect_test::{Expect, expect};

use super::fake::{FakeRuntime, Play};
use super::*;
use crate::node::logs::{ReadOptions, Run};
use crate::node::runtime::PodIdentity;

/// Runs a pod with this spec, and compares its story; gives the cluster after it.
pub(super) async fn check(
    runtime: FakeRuntime,
    spec: &str,
    seconds: u32,
    expected: Expect,
) -> Cluster {
    let mut cluster = Cluster::new(runtime);
    cluster.run(spec).await;
    expected.assert_eq(&cluster.story(seconds).await);
    cluster
}

const NEVER: &str = r#"{"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}"#;
const WITH_VOLUME: &str = r#"{"restartPolicy": "Never", "volumes": [{"name": "v", "emptyDir": {}}],
    "containers": [{"name": "main", "image": "i"}]}"#;
const ON_FAILURE: &str =
    r#"{"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "i"}]}"#;

#[tokio::test(start_paused = true)]
async fn a_container_runs_and_ends() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(2.0, 0)]);
    let cluster = check(
        runtime,
        NEVER,
        10,
        expect![[r#"
            00.01 Running main:running
            02.00 Succeeded main:Completed(0)
        "#]],
    )
    .await;
    expect![[r#"
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]]
    .assert_eq(&cluster.events());
    let status = cluster.status();
    let conditions: Vec<_> = status
        .conditions
        .iter()
        .flatten()
        .map(|it| format!("{}={} {}", it.type_, it.status, it.reason.clone().unwrap_or_default()))
        .collect();
    expect![[r#"
        PodReadyToStartContainers=False 
        Initialized=True PodCompleted
        Ready=False PodCompleted
        ContainersReady=False PodCompleted
        PodScheduled=True "#]]
    .assert_eq(&conditions.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_over_at_once_needs_one_report() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(0.0, 0)]);
    check(
        runtime,
        NEVER,
        10,
        expect![[r#"
            00.00 Succeeded main:Completed(0)
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_not_restarted_fails_the_pod() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 3)]);
    check(
        runtime,
        NEVER,
        10,
        expect![[r#"
            00.01 Running main:running
            01.00 Failed main:Error(3)
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_restarted_at_once_then_after_ever_longer_delays() {
    let runtime = FakeRuntime::default().plays(
        "main",
        &[Play::Exit(1.0, 1), Play::Exit(1.0, 1), Play::Exit(1.0, 1), Play::Exit(1.0, 0)],
    );
    let cluster = check(
        runtime,
        ON_FAILURE,
        60,
        expect![[r#"
            00.01 Running main:running
            01.00 Running main:Error(1)
            01.01 Running main:running#1<-Error(1)
            02.00 Running main:Error(1)#1<-Error(1)
            03.00 Running main:CrashLoopBackOff#1<-Error(1)
            12.01 Running main:running#2<-Error(1)
            13.00 Running main:Error(1)#2<-Error(1)
            14.00 Running main:CrashLoopBackOff#2<-Error(1)
            33.01 Running main:running#3<-Error(1)
            34.00 Succeeded main:Completed(0)#3<-Error(1)
        "#]],
    )
    .await;
    expect![[r#"
        Warning BackOff: Back-off restarting failed container main in pod p_ns(u) x2
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod x4
        Normal Created: Container created x4
        Normal Started: Container started x4
    "#]].assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn always_restarts_success_too() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]);
    let spec = r#"{"containers": [{"name": "main", "image": "i"}]}"#;
    check(
        runtime,
        spec,
        13,
        expect![[r#"
            00.01 Running main:running
            01.00 Running main:Completed(0)
            01.01 Running main:running#1<-Completed(0)
            02.00 Running main:Completed(0)#1<-Completed(0)
            03.00 Running main:CrashLoopBackOff#1<-Completed(0)
            12.01 Running main:running#2<-Completed(0)
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn init_containers_run_one_after_the_other_and_main_ones_together() {
    let runtime = FakeRuntime::default()
        .plays("one", &[Play::Exit(1.0, 1), Play::Exit(1.0, 0)])
        .plays("two", &[Play::Exit(1.0, 0)])
        .plays("a", &[Play::Exit(2.0, 0)])
        .plays("b", &[Play::Exit(3.0, 0)]);
    let spec = r#"{"restartPolicy": "OnFailure",
        "initContainers": [{"name": "one", "image": "i"}, {"name": "two", "image": "i"}],
        "containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}"#;
    check(runtime, spec, 20, expect![[r#"
        00.01 Pending one:running two:PodInitializing a:PodInitializing b:PodInitializing
        01.00 Pending one:Error(1) two:PodInitializing a:PodInitializing b:PodInitializing
        01.01 Pending one:running#1<-Error(1) two:PodInitializing a:PodInitializing b:PodInitializing
        02.00 Pending one:Completed(0)#1<-Error(1) two:PodInitializing a:PodInitializing b:PodInitializing
        02.01 Pending one:Completed(0)#1<-Error(1) two:running a:PodInitializing b:PodInitializing
        03.00 Pending one:Completed(0)#1<-Error(1) two:Completed(0) a:PodInitializing b:PodInitializing
        03.01 Running one:Completed(0)#1<-Error(1) two:Completed(0) a:running b:running
        05.00 Running one:Completed(0)#1<-Error(1) two:Completed(0) a:Completed(0) b:running
        06.00 Succeeded one:Completed(0)#1<-Error(1) two:Completed(0) a:Completed(0) b:Completed(0)
    "#]]).await;
}

#[tokio::test(start_paused = true)]
async fn an_init_container_that_fails_for_good_fails_the_pod() {
    let runtime =
        FakeRuntime::default().plays("init", &[Play::Exit(1.0, 9)]).plays("main", &[Play::Forever]);
    let spec = r#"{"restartPolicy": "Never", "initContainers": [{"name": "init", "image": "i"}],
        "containers": [{"name": "main", "image": "i"}]}"#;
    check(
        runtime,
        spec,
        10,
        expect![[r#"
            00.01 Pending init:running main:PodInitializing
            01.00 Failed init:Error(9) main:PodInitializing
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_runs_beside_the_main_container_and_ends_with_it() {
    let runtime = FakeRuntime::default()
        .plays("side", &[Play::Exit(2.0, 1), Play::Forever])
        .plays("main", &[Play::Exit(5.0, 0)]);
    let spec = r#"{"restartPolicy": "Never",
        "initContainers": [{"name": "side", "image": "i", "restartPolicy": "Always"}],
        "containers": [{"name": "main", "image": "i"}]}"#;
    check(
        runtime,
        spec,
        10,
        expect![[r#"
            00.01 Running side:running main:running
            02.00 Running side:Error(1) main:running
            02.01 Running side:running#1<-Error(1) main:running
            05.00 Running side:running#1<-Error(1) main:Completed(0)
            05.00 Succeeded side:Error(137)#1<-Error(1) main:Completed(0)
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_past_its_deadline_is_ended() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Forever]);
    let spec = r#"{"restartPolicy": "OnFailure", "activeDeadlineSeconds": 3,
        "containers": [{"name": "main", "image": "i"}]}"#;
    let cluster = check(
        runtime,
        spec,
        10,
        expect![[r#"
            00.01 Running main:running
            03.00 Failed/DeadlineExceeded main:Error(137)
        "#]],
    )
    .await;
    let message = cluster.status().message;
    expect!["Pod was active on the node longer than the specified deadline"]
        .assert_eq(&message.unwrap());
    expect![[r#"
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
        Normal DeadlineExceeded: Pod was active on the node longer than the specified deadline
        Normal Killing: Stopping container main
    "#]]
    .assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_mounts_nothing_and_prints_little_costs_no_directory() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Print("hello\n", 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(NEVER).await;
    cluster.until(2.0).await;
    assert!(!cluster.root.path().join("pods").exists());
    let pod = PodIdentity::of(&cluster.pod().unwrap());
    let run = Run { pod, container: "main".to_owned(), restart: 0 };
    let log = |cluster: &Cluster| {
        let line = cluster.logs.read(&run, &ReadOptions::default())?.try_next()?;
        io::Result::Ok(line.map(|line| line.bytes))
    };
    assert_eq!(log(&cluster).unwrap().as_deref(), Some(&b"hello\n"[..]));
    cluster.stop_agent().await;
    cluster.start_agent();
    cluster.until(4.0).await;
    assert_eq!(log(&cluster).unwrap().as_deref(), Some(&b"hello\n"[..]));
    cluster.delete(DeleteOptions::default()).await;
    cluster.until(6.0).await;
    assert_eq!(log(&cluster).unwrap_err().kind(), io::ErrorKind::NotFound, "it must go with it");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_deleted_is_ended_and_goes() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Forever]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(WITH_VOLUME).await;
    let mut story = cluster.story(2).await;
    let directory = cluster.root.path().join("pods/ns_p_u");
    assert!(directory.exists());
    cluster.delete(DeleteOptions::default()).await;
    story += &cluster.story(5).await;
    expect![[r#"
        00.01 Running main:running
        02.00 Running deleting main:running
        02.00 Failed deleting main:Error(137)
        02.00 gone
    "#]]
    .assert_eq(&story);
    expect![[r#"
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
        Normal Killing: Stopping container main
    "#]]
    .assert_eq(&cluster.events());
    assert!(!directory.exists(), "its files must go with it");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_taken_away_is_ended() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Forever]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(WITH_VOLUME).await;
    cluster.until(2.0).await;
    assert!(cluster.root.path().join("pods/ns_p_u").exists());
    cluster.delete(DeleteOptions { grace_period_seconds: Some(0), ..<_>::default() }).await;
    cluster.until(3.0).await;
    expect![[r#"
        Running main:running
        gone
    "#]]
    .assert_eq(&cluster.history());
    assert!(!cluster.root.path().join("pods/ns_p_u").exists());
}

#[tokio::test(start_paused = true)]
async fn a_container_is_given_what_its_spec_says() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Print("hello\n", 0)]);
    let spec = r#"{"restartPolicy": "Never",
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [{"name": "main", "image": "i", "command": ["run", "$(A)"],
            "args": ["--pod=$(NAME)", "$(NO)"], "workingDir": "/v",
            "env": [{"name": "A", "value": "a"},
                    {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "resources": {"limits": {"memory": "64Mi", "cpu": "250m"}}}]}"#;
    let mut cluster = Cluster::new(runtime);
    cluster.run(spec).await;
    cluster.story(5).await;
    let run = cluster.runtime.runs.lock().unwrap()[0].clone();
    assert_eq!(run.command, ["run", "a"]);
    assert_eq!(run.args, ["--pod=p", "$(NO)"]);
    let env: Vec<_> = run.env.iter().map(|(name, it)| format!("{name}={it}")).collect();
    assert_eq!(env, ["A=a", "NAME=p", "HOSTNAME=p"]);
    assert_eq!(run.limits.memory_bytes, Some(64 << 20));
    assert_eq!(run.limits.cpu_millis, Some(250));
    assert_eq!(run.working_dir.as_deref(), Some("/v"));
    assert_eq!(run.mounts[0].mount_path, "/v");
    assert!(!run.mounts[0].host_path.exists(), "volumes must go when their pod has ended");
    let pod = run.pod.clone();
    let run = Run { pod, container: "main".into(), restart: 0 };
    let mut lines = cluster.logs.read(&run, &<_>::default()).unwrap();
    assert_eq!(lines.try_next().unwrap().unwrap().bytes, b"hello\n");
}
