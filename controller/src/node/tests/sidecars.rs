//! Sidecars: init containers that run on.

use expect_test::expect;

use super::fake::{FakeRuntime, Play};
use super::lives::check;
use super::*;

const SPEC: &str = r#"{"restartPolicy": "Never",
    "initContainers": [
        {"name": "one", "image": "i", "restartPolicy": "Always"},
        {"name": "init", "image": "i"},
        {"name": "two", "image": "i", "restartPolicy": "Always"}],
    "containers": [{"name": "main", "image": "i"}]}"#;

#[tokio::test(start_paused = true)]
async fn sidecars_start_in_order_and_end_after_the_main_container_in_reverse() {
    let runtime = FakeRuntime::default()
        .plays("one", &[Play::Lingers(1.0)])
        .plays("init", &[Play::Exit(1.0, 0)])
        .plays("two", &[Play::Lingers(2.0)])
        .plays("main", &[Play::Exit(2.0, 0)]);
    let cluster = check(
        runtime,
        SPEC,
        20,
        expect![[r#"
        00.01 Pending one:running init:running two:PodInitializing main:PodInitializing
        01.00 Pending one:running init:Completed(0) two:PodInitializing main:PodInitializing
        01.01 Running one:running init:Completed(0) two:running main:running
        03.00 Running one:running init:Completed(0) two:running main:Completed(0)
        05.00 Running one:running init:Completed(0) two:Error(137) main:Completed(0)
        06.00 Succeeded one:Error(137) init:Completed(0) two:Error(137) main:Completed(0)
    "#]],
    )
    .await;
    assert_eq!(cluster.runtime.names(), "one init two main");
}

#[tokio::test(start_paused = true)]
async fn a_main_container_that_fails_fails_the_pod_when_its_sidecars_have_ended() {
    let runtime = FakeRuntime::default()
        .plays("one", &[Play::Lingers(1.0)])
        .plays("init", &[Play::Exit(0.0, 0)])
        .plays("two", &[Play::Exit(0.5, 0), Play::Forever])
        .plays("main", &[Play::Exit(2.0, 3)]);
    check(
        runtime,
        SPEC,
        20,
        expect![[r#"
        00.00 Pending one:running init:Completed(0) two:PodInitializing main:PodInitializing
        00.01 Running one:running init:Completed(0) two:running main:running
        00.50 Running one:running init:Completed(0) two:Completed(0) main:running
        00.51 Running one:running init:Completed(0) two:running#1<-Completed(0) main:running
        02.00 Running one:running init:Completed(0) two:running#1<-Completed(0) main:Error(3)
        02.00 Running one:running init:Completed(0) two:Error(137)#1<-Completed(0) main:Error(3)
        03.00 Failed one:Error(137) init:Completed(0) two:Error(137)#1<-Completed(0) main:Error(3)
    "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_crashes_is_restarted_ever_later_and_the_pod_runs_on() {
    let runtime = FakeRuntime::default()
        .plays("side", &[Play::Exit(1.0, 1)])
        .plays("main", &[Play::Exit(20.0, 0)]);
    let spec = r#"{"restartPolicy": "Never",
        "initContainers": [{"name": "side", "image": "i", "restartPolicy": "Always"}],
        "containers": [{"name": "main", "image": "i"}]}"#;
    let cluster = check(
        runtime,
        spec,
        40,
        expect![[r#"
        00.01 Running side:running main:running
        01.00 Running side:Error(1) main:running
        01.01 Running side:running#1<-Error(1) main:running
        02.00 Running side:Error(1)#1<-Error(1) main:running
        03.00 Running side:CrashLoopBackOff#1<-Error(1) main:running
        12.01 Running side:running#2<-Error(1) main:running
        13.00 Running side:Error(1)#2<-Error(1) main:running
        14.00 Running side:CrashLoopBackOff#2<-Error(1) main:running
        20.00 Succeeded side:Error(1)#2<-Error(1) main:Completed(0)
    "#]],
    )
    .await;
    assert_eq!(cluster.condition("Initialized"), "True PodCompleted");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_deleted_ends_its_sidecars_last() {
    let runtime = FakeRuntime::default()
        .plays("one", &[Play::Lingers(1.0)])
        .plays("init", &[Play::Exit(0.0, 0)])
        .plays("two", &[Play::Lingers(1.0)])
        .plays("main", &[Play::Lingers(1.0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(SPEC).await;
    let mut story = cluster.story(3).await;
    cluster.delete(DeleteOptions::default()).await;
    story += &cluster.story(10).await;
    expect![[r#"
        00.00 Pending one:running init:Completed(0) two:PodInitializing main:PodInitializing
        00.01 Running one:running init:Completed(0) two:running main:running
        03.00 Running deleting one:running init:Completed(0) two:running main:running
        03.01 Running deleting one:running init:Completed(0) two:running main:running
        04.00 Running deleting one:running init:Completed(0) two:running main:Error(137)
        05.00 Running deleting one:running init:Completed(0) two:Error(137) main:Error(137)
        06.00 Failed deleting one:Error(137) init:Completed(0) two:Error(137) main:Error(137)
        06.00 gone
    "#]]
    .assert_eq(&story);
}

#[tokio::test(start_paused = true)]
async fn an_init_container_that_fails_for_good_ends_the_sidecars_before_it() {
    let runtime =
        FakeRuntime::default().plays("one", &[Play::Forever]).plays("init", &[Play::Exit(1.0, 9)]);
    let cluster = check(
        runtime,
        SPEC,
        10,
        expect![[r#"
        00.01 Pending one:running init:running two:PodInitializing main:PodInitializing
        01.00 Pending one:running init:Error(9) two:PodInitializing main:PodInitializing
        01.00 Failed one:Error(137) init:Error(9) two:PodInitializing main:PodInitializing
    "#]],
    )
    .await;
    let message = cluster.status().conditions.unwrap().into_iter();
    let message = message.filter(|it| it.type_ == "Initialized").find_map(|it| it.message);
    expect!["containers with incomplete status: [one init two]"]
        .assert_eq(&message.unwrap_or_default());
}
