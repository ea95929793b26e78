//! Containers that are restarted by a policy or by rules of their own.

use expect_test::expect;

use super::fake::{FakeRuntime, Play};
use super::lives::check;
use super::*;

/// A pod that is never restarted, with a container of which this is said.
fn never(container: &str) -> String {
    format!(
        r#"{{"restartPolicy": "Never", "containers": [{{"name": "main", "image": "i" {container}}}]}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_container_has_a_restart_policy_of_its_own() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 1), Play::Exit(1.0, 0)]);
    let spec = never(r#", "restartPolicy": "OnFailure""#);
    check(
        runtime,
        &spec,
        10,
        expect![[r#"
        00.01 Running main:running
        01.00 Running main:Error(1)
        01.01 Running main:running#1<-Error(1)
        02.00 Succeeded main:Completed(0)#1<-Error(1)
    "#]],
    )
    .await;
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 1)]);
    let spec = r#"{"restartPolicy": "Always",
        "containers": [{"name": "main", "image": "i", "restartPolicy": "Never"}]}"#;
    check(
        runtime,
        spec,
        10,
        expect![[r#"
        00.01 Running main:running
        01.00 Failed main:Error(1)
    "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_restarts_a_container_on_its_exit_codes_alone() {
    let runtime = FakeRuntime::default()
        .plays("main", &[Play::Exit(1.0, 42), Play::Exit(1.0, 42), Play::Exit(1.0, 3)]);
    let spec = never(
        r#", "restartPolicy": "Never", "restartPolicyRules": [
            {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]"#,
    );
    check(
        runtime,
        &spec,
        20,
        expect![[r#"
        00.01 Running main:running
        01.00 Running main:Error(42)
        01.01 Running main:running#1<-Error(42)
        02.00 Running main:Error(42)#1<-Error(42)
        03.00 Running main:CrashLoopBackOff#1<-Error(42)
        12.01 Running main:running#2<-Error(42)
        13.00 Failed main:Error(3)#2<-Error(42)
    "#]],
    )
    .await;
}

const RESTART_ALL: &str = r#"{"restartPolicy": "Never",
    "initContainers": [
        {"name": "side", "image": "i", "restartPolicy": "Always"},
        {"name": "init", "image": "i"}],
    "containers": [
        {"name": "main", "image": "i", "restartPolicy": "Never", "restartPolicyRules": [
            {"action": "RestartAllContainers",
                "exitCodes": {"operator": "In", "values": [88]}}]},
        {"name": "other", "image": "i"},
        {"name": "done", "image": "i"}]}"#;

fn restart_all() -> FakeRuntime {
    FakeRuntime::default()
        .plays("side", &[Play::Forever])
        .plays("init", &[Play::Exit(1.0, 0)])
        .plays("main", &[Play::Exit(2.0, 88), Play::Exit(3.0, 0)])
        .plays("other", &[Play::Lingers(1.0), Play::Exit(1.0, 0)])
        .plays("done", &[Play::Exit(1.0, 0)])
}

#[tokio::test(start_paused = true)]
async fn a_rule_restarts_all_containers_from_the_first_one_on() {
    let cluster = check(restart_all(), RESTART_ALL, 20, expect![[r#"
        00.01 Pending side:running init:running main:PodInitializing other:PodInitializing done:PodInitializing
        01.00 Pending side:running init:Completed(0) main:PodInitializing other:PodInitializing done:PodInitializing
        01.01 Running side:running init:Completed(0) main:running other:running done:running
        02.00 Running side:running init:Completed(0) main:running other:running done:Completed(0)
        03.00 Running side:running init:Completed(0) main:Error(88) other:running done:Completed(0)
        03.00 Running side:Error(137) init:Completed(0) main:Error(88) other:running done:Completed(0)
        04.00 Running side:Error(137) init:Completed(0) main:Error(88) other:Error(137) done:Completed(0)
        04.01 Pending side:running#1<-Error(137) init:running#1<-Completed(0) main:PodInitializing<-Error(88) other:PodInitializing<-Error(137) done:PodInitializing<-Completed(0)
        05.00 Running side:running#1<-Error(137) init:Completed(0)#1<-Completed(0) main:PodInitializing<-Error(88) other:PodInitializing<-Error(137) done:PodInitializing<-Completed(0)
        05.01 Running side:running#1<-Error(137) init:Completed(0)#1<-Completed(0) main:running#1<-Error(88) other:running#1<-Error(137) done:running#1<-Completed(0)
        06.00 Running side:running#1<-Error(137) init:Completed(0)#1<-Completed(0) main:running#1<-Error(88) other:Completed(0)#1<-Error(137) done:Completed(0)#1<-Completed(0)
        08.00 Running side:running#1<-Error(137) init:Completed(0)#1<-Completed(0) main:Completed(0)#1<-Error(88) other:Completed(0)#1<-Error(137) done:Completed(0)#1<-Completed(0)
        08.00 Succeeded side:Error(137)#1<-Error(137) init:Completed(0)#1<-Completed(0) main:Completed(0)#1<-Error(88) other:Completed(0)#1<-Error(137) done:Completed(0)#1<-Completed(0)
    "#]]).await;
    let names = "side init main other done side init main other done";
    assert_eq!(cluster.runtime.names(), names);
    assert_eq!(cluster.condition("AllContainersRestarting"), "False PodCompleted");
    expect![[r#"
        Normal Started: Container started
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
        Normal Killing: Stopping container side
        Normal Killing: Stopping container other
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod x2
        Normal Created: Container created x2
        Normal Started: Container started x2
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod x2
        Normal Created: Container created x2
        Normal Started: Container started x2
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod x2
        Normal Created: Container created x2
    "#]].assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn a_pod_says_that_its_containers_are_being_restarted() {
    let mut cluster = Cluster::new(restart_all());
    cluster.run(RESTART_ALL).await;
    cluster.story(2).await;
    assert_eq!(cluster.condition("AllContainersRestarting"), "False");
    cluster.until(3.5).await;
    assert_eq!(cluster.condition("AllContainersRestarting"), "True RestartAllContainersStarted");
    cluster.until(4.5).await;
    assert_eq!(cluster.condition("AllContainersRestarting"), "False");
    assert_eq!(cluster.condition("Initialized"), "False ContainersNotInitialized");
}

#[tokio::test(start_paused = true)]
async fn one_that_restarts_its_pod_over_and_over_waits_as_one_that_crashes() {
    let runtime = FakeRuntime::default()
        .plays("main", &[Play::Exit(1.0, 88)])
        .plays("other", &[Play::Forever]);
    let spec = r#"{"restartPolicy": "Never", "containers": [
        {"name": "main", "image": "i", "restartPolicy": "Never", "restartPolicyRules": [
            {"action": "RestartAllContainers",
                "exitCodes": {"operator": "In", "values": [88]}}]},
        {"name": "other", "image": "i"}]}"#;
    check(
        runtime,
        spec,
        15,
        expect![[r#"
        00.01 Running main:running other:running
        01.00 Running main:Error(88) other:running
        01.00 Running main:Error(88) other:Error(137)
        01.01 Running main:running#1<-Error(88) other:running#1<-Error(137)
        02.00 Running main:Error(88)#1<-Error(88) other:running#1<-Error(137)
        02.00 Running main:Error(88)#1<-Error(88) other:Error(137)#1<-Error(137)
        02.01 Running main:ContainerCreating#1<-Error(88) other:running#2<-Error(137)
        03.00 Running main:CrashLoopBackOff#1<-Error(88) other:running#2<-Error(137)
        12.01 Running main:running#2<-Error(88) other:running#2<-Error(137)
        13.00 Running main:Error(88)#2<-Error(88) other:running#2<-Error(137)
        13.00 Running main:Error(88)#2<-Error(88) other:Error(137)#2<-Error(137)
        13.01 Running main:ContainerCreating#2<-Error(88) other:running#3<-Error(137)
        14.00 Running main:CrashLoopBackOff#2<-Error(88) other:running#3<-Error(137)
    "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_all_are_restarted_changes_nothing() {
    // Kills the agent after so many seconds, and starts another one at once.
    let check = async |seconds: f64, expected: expect_test::Expect| {
        let mut cluster = Cluster::with_lost_runs(restart_all(), LostRuns::RunAgain);
        let job = OwnerReference { controller: Some(true), ..OwnerReference::default() };
        cluster.run_owned(RESTART_ALL, vec![job]).await;
        cluster.until(seconds).await;
        cluster.kill_agent();
        cluster.history();
        cluster.start_agent();
        let story = cluster.story(30).await;
        let last = story.lines().last().unwrap_or_default().to_owned();
        expected.assert_eq(&format!("{last}\n{}", cluster.runtime.names()));
    };
    // While they end, and while the first of them runs again.
    check(3.5, expect![[r#"
        07.50 Succeeded side:Error(137)#1<-Error(137) init:Completed(0)#1<-Completed(0) main:Completed(0)#1<-Error(88) other:Completed(0)#1<-ContainerStatusUnknown(137) done:Completed(0)#1<-Completed(0)
        side init main other done side init main other done"#]]).await;
    check(4.5, expect![[r#"
        08.50 Succeeded side:Error(137)#1<-Error(137) init:Completed(0)#1<-Completed(0) main:Completed(0)#1<-Error(88) other:Completed(0)#1<-Error(137) done:Completed(0)#1<-Completed(0)
        side init main other done side init side init main other done"#]]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_deleted_is_not_restarted_by_a_rule() {
    let runtime = FakeRuntime::default()
        .plays("main", &[Play::Exit(2.0, 88)])
        .plays("other", &[Play::Lingers(3.0)]);
    let spec = r#"{"restartPolicy": "Always", "containers": [
        {"name": "main", "image": "i", "restartPolicy": "Never", "restartPolicyRules": [
            {"action": "RestartAllContainers",
                "exitCodes": {"operator": "In", "values": [88]}}]},
        {"name": "other", "image": "i"}]}"#;
    let mut cluster = Cluster::new(runtime);
    cluster.run(spec).await;
    let mut story = cluster.story(3).await;
    cluster.delete(DeleteOptions::default()).await;
    story += &cluster.story(10).await;
    expect![[r#"
        00.01 Running main:running other:running
        02.00 Running main:Error(88) other:running
        03.00 Running deleting main:Error(88) other:running
        03.01 Running deleting main:Error(88) other:running
        05.00 Failed deleting main:Error(88) other:Error(137)
        05.00 gone
    "#]]
    .assert_eq(&story);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_is_ended_with_its_pod_restarts_nothing() {
    let runtime =
        FakeRuntime::default().plays("side", &[Play::Forever]).plays("main", &[Play::Exit(2.0, 0)]);
    let spec = r#"{"restartPolicy": "Never",
        "initContainers": [
            {"name": "side", "image": "i", "restartPolicy": "Always", "restartPolicyRules": [
                {"action": "RestartAllContainers",
                    "exitCodes": {"operator": "NotIn", "values": [0]}}]}],
        "containers": [{"name": "main", "image": "i"}]}"#;
    check(
        runtime,
        spec,
        20,
        expect![[r#"
        00.01 Running side:running main:running
        02.00 Running side:running main:Completed(0)
        02.00 Succeeded side:Error(137) main:Completed(0)
    "#]],
    )
    .await;
}
