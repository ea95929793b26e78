//! Pods whose spec changes while they run, and what their status says of it.

use expect_test::expect;

use super::fake::{FakeRuntime, Play};
use super::*;

const NEVER: &str = r#"{"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}"#;

fn set_image(pod: &mut Pod) {
    pod.spec.as_mut().unwrap().containers[0].image = Some("j".to_owned());
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_image_changes_is_restarted_whatever_its_policy() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Forever, Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(NEVER).await;
    let mut story = cluster.story(2).await;
    cluster.update(set_image).await;
    story += &cluster.story(5).await;
    expect![[r#"
        00.01 Running main:running
        02.00 Running main:running
        02.00 Running main:Error(137)
        02.01 Running main:running#1<-Error(137)
        03.00 Succeeded main:Completed(0)#1<-Error(137)
    "#]]
    .assert_eq(&story);
    expect![[r#"
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Killing: Container main definition changed, will be restarted
        Normal Pulled: Container image "j" already present on machine and can be accessed by the pod
        Normal Created: Container created x2
        Normal Started: Container started x2
    "#]]
    .assert_eq(&cluster.events());
    let status = cluster.status();
    assert_eq!(status.observed_generation, cluster.pod().unwrap().metadata.generation);
    assert_eq!(status.observed_generation, Some(2));
    let container = &status.container_statuses.unwrap()[0];
    assert_eq!((&*container.image, &*container.image_id), ("j", "sha256:j"));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_can_be_had_is_not_waited_for() {
    let runtime = FakeRuntime::default().lacks("i", 100).plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(NEVER).await;
    let mut story = cluster.story(35).await;
    cluster.update(set_image).await;
    story += &cluster.story(5).await;
    expect![[r#"
        00.00 Pending main:ErrImagePull
        01.00 Pending main:ImagePullBackOff
        10.00 Pending main:ErrImagePull
        11.00 Pending main:ImagePullBackOff
        30.00 Pending main:ErrImagePull
        31.00 Pending main:ImagePullBackOff
        35.00 Pending main:ImagePullBackOff
        35.01 Running main:running
        36.00 Succeeded main:Completed(0)
    "#]]
    .assert_eq(&story);
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_is_not_run_again_for_an_image() {
    let runtime = FakeRuntime::default()
        .plays("main", &[Play::Exit(1.0, 0)])
        .plays("other", &[Play::Exit(5.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    let spec = r#"{"restartPolicy": "Never", "containers": [
        {"name": "main", "image": "i"}, {"name": "other", "image": "i"}]}"#;
    cluster.run(spec).await;
    cluster.story(2).await;
    cluster.update(set_image).await;
    cluster.story(10).await;
    assert_eq!(cluster.runtime.names(), "main other");
    assert_eq!(cluster.status().phase.as_deref(), Some("Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_set_while_it_runs_ends_it() {
    let mut cluster = Cluster::new(FakeRuntime::default().plays("main", &[Play::Forever]));
    cluster.run(NEVER).await;
    let mut story = cluster.story(2).await;
    cluster.update(|pod| pod.spec.as_mut().unwrap().active_deadline_seconds = Some(9)).await;
    story += &cluster.story(3).await;
    cluster.update(|pod| pod.spec.as_mut().unwrap().active_deadline_seconds = Some(7)).await;
    story += &cluster.story(10).await;
    expect![[r#"
        00.01 Running main:running
        02.00 Running main:running
        02.01 Running main:running
        05.00 Running main:running
        05.01 Running main:running
        07.00 Failed/DeadlineExceeded main:Error(137)
    "#]]
    .assert_eq(&story);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_counts_from_the_start_of_the_pod_and_ends_its_init_containers_too() {
    let runtime =
        FakeRuntime::default().plays("init", &[Play::Exit(2.0, 1)]).plays("main", &[Play::Forever]);
    let mut cluster = Cluster::new(runtime);
    let spec = r#"{"restartPolicy": "OnFailure", "activeDeadlineSeconds": 5,
        "initContainers": [{"name": "init", "image": "i"}],
        "containers": [{"name": "main", "image": "i"}]}"#;
    cluster.run(spec).await;
    let story = cluster.story(20).await;
    expect![[r#"
        00.01 Pending init:running main:PodInitializing
        02.00 Pending init:Error(1) main:PodInitializing
        02.01 Pending init:running#1<-Error(1) main:PodInitializing
        04.00 Pending init:Error(1)#1<-Error(1) main:PodInitializing
        05.00 Failed/DeadlineExceeded init:Error(1)#1<-Error(1) main:PodInitializing
    "#]]
    .assert_eq(&story);
}

#[tokio::test(start_paused = true)]
async fn a_status_says_what_its_container_may_use_and_sees() {
    let mut cluster = Cluster::new(FakeRuntime::default().plays("main", &[Play::Forever]));
    let spec = r#"{"restartPolicy": "Never", "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [{"name": "main", "image": "i",
            "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": true}],
            "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}}]}"#;
    cluster.run(spec).await;
    cluster.story(2).await;
    let status = cluster.status().container_statuses.unwrap().remove(0);
    let mut status = serde_json::to_value(status).unwrap();
    status["state"]["running"].take();
    expect![[r#"
        {
          "allocatedResources": {
            "cpu": "1"
          },
          "containerID": "mayfly://u/main/0",
          "image": "i",
          "imageID": "sha256:i",
          "lastState": {},
          "name": "main",
          "ready": true,
          "resources": {
            "limits": {
              "cpu": "2"
            },
            "requests": {
              "cpu": "1"
            }
          },
          "restartCount": 0,
          "started": true,
          "state": {
            "running": null
          },
          "volumeMounts": [
            {
              "mountPath": "/v",
              "name": "v",
              "readOnly": true,
              "recursiveReadOnly": "Disabled"
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&status).unwrap());
}

#[tokio::test(start_paused = true)]
async fn termination_messages_share_the_room_that_a_status_has() {
    let long: &str = "x".repeat(4096).leak();
    let containers = ["a", "b", "c", "d"];
    let runtime = containers.iter().fold(FakeRuntime::default(), |runtime, name| {
        runtime.plays(name, &[Play::Message(long, 1)])
    });
    let mut cluster = Cluster::new(runtime);
    let list = containers.map(|name| format!(r#"{{"name": "{name}", "image": "i"}}"#)).join(",");
    cluster.run(&format!(r#"{{"restartPolicy": "Never", "containers": [{list}]}}"#)).await;
    cluster.story(2).await;
    for container in cluster.status().container_statuses.unwrap() {
        let message = container.state.unwrap().terminated.unwrap().message.unwrap();
        assert_eq!(message.len(), 3072, "12 KiB for four");
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_keeps_its_time_for_as_long_as_its_status() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(2.0, 1), Play::Forever]);
    let mut cluster = Cluster::new(runtime);
    let spec = r#"{"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "i"}]}"#;
    cluster.run(spec).await;
    cluster.story(5).await;
    let start = cluster.start;
    let times: Vec<_> = cluster
        .status()
        .conditions
        .unwrap()
        .into_iter()
        .map(|condition| {
            let since = condition.last_transition_time.unwrap().0.duration_since(start);
            format!("{}={} {:.2}", condition.type_, condition.status, since.as_secs_f64())
        })
        .collect();
    expect![[r#"
        PodReadyToStartContainers=True 0.01
        Initialized=True 0.01
        Ready=True 2.01
        ContainersReady=True 2.01
        PodScheduled=True 0.01"#]]
    .assert_eq(&times.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn what_others_have_ended_is_ended_and_stays_so() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Forever]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(NEVER).await;
    let mut story = cluster.story(2).await;
    cluster.update(|pod| pod.status.as_mut().unwrap().phase = Some("Failed".to_owned())).await;
    story += &cluster.story(5).await;
    expect![[r#"
        00.01 Running main:running
        02.00 Failed main:running
    "#]]
    .assert_eq(&story);
    assert_eq!(cluster.runtime.names(), "main");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_told_too_late_counts_and_what_runs_for_it_is_ended() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Forever, Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    let spec = r#"{"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "i"}]}"#;
    cluster.run(spec).await;
    let mut story = cluster.story(2).await;
    let told = serde_json::json!({ "terminated": { "exitCode": 3, "reason": "Error" } });
    cluster
        .update(|pod| {
            let status = pod.status.as_mut().unwrap().container_statuses.as_mut().unwrap();
            status[0].state = serde_json::from_value(told).unwrap();
        })
        .await;
    story += &cluster.story(5).await;
    expect![[r#"
        00.01 Running main:running
        02.00 Running main:Error(3)
        02.00 Running main:Error(3)
        02.01 Running main:running#1<-Error(3)
        03.00 Succeeded main:Completed(0)#1<-Error(3)
    "#]]
    .assert_eq(&story);
}
