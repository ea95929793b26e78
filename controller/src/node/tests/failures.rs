//! Containers that can't start, or end in odd ways.

use expect_test::{Expect, expect};

use super::fake::{FakeRuntime, Play};
use super::*;
use crate::node::LoginFile;
use crate::node::fixtures::{config_map, secret};

fn spec(container: &str) -> String {
    format!(
        r#"{{"restartPolicy": "Never", "containers": [{{"name": "main", "image": "i" {container}}}]}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn an_image_is_asked_for_again_after_ever_longer_delays() {
    let runtime = FakeRuntime::default().lacks("i", 3).plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(&spec("")).await;
    expect![[r#"
        00.00 Pending main:ErrImagePull
        01.00 Pending main:ImagePullBackOff
        10.00 Pending main:ErrImagePull
        11.00 Pending main:ImagePullBackOff
        30.00 Pending main:ErrImagePull
        31.00 Pending main:ImagePullBackOff
        70.01 Running main:running
        71.00 Succeeded main:Completed(0)
    "#]]
    .assert_eq(&cluster.story(100).await);
    expect![[r#"
        Normal Pulling: Pulling image "i" x3
        Warning Failed: Failed to pull image "i": i: not found x3
        Warning Failed: Error: ErrImagePull x3
        Normal BackOff: Back-off pulling image "i" x3
        Warning Failed: Error: ImagePullBackOff x3
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]]
    .assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_must_not_be_pulled_is_waited_for() {
    let runtime = FakeRuntime::default().lacks("i", 1).plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(&spec(r#", "imagePullPolicy": "Never""#)).await;
    let mut story = cluster.story(25).await;
    cluster.runtime.missing.lock().unwrap().clear();
    story += &cluster.story(100).await;
    expect![[r#"
        00.00 Pending main:ErrImageNeverPull
        30.01 Running main:running
        31.00 Succeeded main:Completed(0)
    "#]]
    .assert_eq(&story);
    expect![[r#"
        Warning ErrImageNeverPull: Container image "i" is not present with pull policy of Never x2
        Warning Failed: Error: ErrImageNeverPull x2
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]]
    .assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn that_an_image_is_fetched_is_told_before_it_is_here() {
    let runtime = FakeRuntime::default().fetches("i", 3.0).plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(&spec("")).await;
    cluster.story(2).await;
    assert_eq!(cluster.events(), "Normal Pulling: Pulling image \"i\"\n");
    cluster.story(3).await;
    expect![[r#"
        Normal Pulling: Pulling image "i"
        Normal Pulled: Successfully pulled image "i" in 3s (3s including waiting). Image size: 7 bytes.
        Normal Created: Container created
        Normal Started: Container started
    "#]]
    .assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn the_pull_secrets_of_a_pod_are_its_logins() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    let of_type = |name: &str, key: &str, type_: &str| {
        let mut secret = secret(name, &[(key, name)]);
        secret.type_ = Some(type_.to_owned());
        secret
    };
    cluster.create(of_type("new", ".dockerconfigjson", "kubernetes.io/dockerconfigjson")).await;
    cluster.create(of_type("old", ".dockercfg", "kubernetes.io/dockercfg")).await;
    cluster.create(of_type("other", ".dockerconfigjson", "Opaque")).await;
    let spec = r#"{"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}],
        "imagePullSecrets": [{"name": "old"}, {"name": "gone"}, {"name": "new"}, {"name": "other"},
            {"name": ""}, {"name": "lost"}]}"#;
    cluster.run(spec).await;
    cluster.story(5).await;
    let logins = cluster.runtime.pulls.lock().unwrap()[0].1.clone();
    assert_eq!(
        logins,
        [LoginFile::Dockercfg(b"old".to_vec()), LoginFile::ConfigJson(b"new".to_vec())]
    );
    expect![[r#"
        Warning FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (gone, lost); attempting to pull the image may not succeed.
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]]
    .assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn a_container_waits_for_its_config_map() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.run(&spec(r#", "envFrom": [{"configMapRef": {"name": "c"}}]"#)).await;
    let mut story = cluster.story(5).await;
    let message = cluster.status().container_statuses.unwrap()[0].state.clone().unwrap();
    assert_eq!(message.waiting.unwrap().message.unwrap(), "configmap \"c\" not found");
    cluster.create(config_map("c", &[("A", "a")])).await;
    story += &cluster.story(20).await;
    expect![[r#"
        00.00 Pending main:CreateContainerConfigError
        07.01 Running main:running
        08.00 Succeeded main:Completed(0)
    "#]]
    .assert_eq(&story);
    expect![[r#"
        Warning Failed: Error: configmap "c" not found x3
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]]
    .assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn a_pod_waits_for_the_config_map_of_a_volume() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    let spec = r#"{"restartPolicy": "Never",
        "volumes": [{"name": "v", "configMap": {"name": "c"}}],
        "containers": [{"name": "main", "image": "i"}]}"#;
    cluster.run(spec).await;
    let mut story = cluster.story(5).await;
    cluster.create(config_map("c", &[("A", "a")])).await;
    story += &cluster.story(20).await;
    expect![[r#"
        00.00 Pending main:ContainerCreating
        07.51 Running main:running
        08.50 Succeeded main:Completed(0)
    "#]]
    .assert_eq(&story);
    expect![[r#"
        Warning FailedMount: MountVolume.SetUp failed for volume "v" : configmap "c" not found x4
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]]
    .assert_eq(&cluster.events());
}

#[tokio::test(start_paused = true)]
async fn a_path_of_the_host_that_is_not_allowed_is_told_of() {
    let mut cluster = Cluster::new(FakeRuntime::default());
    let spec = r#"{"restartPolicy": "Never",
        "volumes": [{"name": "v", "hostPath": {"path": "/etc"}}],
        "containers": [{"name": "main", "image": "i",
            "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}"#;
    cluster.run(spec).await;
    assert_eq!(cluster.story(1).await, "00.00 Pending main:ContainerCreating\n");
    expect![[r#"
        Warning FailedMount: MountVolume.SetUp failed for volume "v" : hostPath /etc is not allowed: this node gives pods no path of its host unless its operator allows a folder with --host-path x2
    "#]]
    .assert_eq(&cluster.events());
    assert_eq!(cluster.runtime.run_count(), 0);
}

/// How a container that ends in an odd way reads: state, message and events.
async fn check(play: Play, container: &str, expected: Expect) {
    let mut cluster = Cluster::new(FakeRuntime::default().plays("main", &[play]));
    cluster.run(&spec(container)).await;
    cluster.story(2).await;
    if let Some(pod) = cluster.pod()
        && pod.status.as_ref().unwrap().phase.as_deref() == Some("Running")
    {
        cluster.delete(DeleteOptions::default()).await;
    }
    let story = cluster.story(20).await;
    let message = cluster.pod().and_then(|pod| {
        let state = pod.status.clone()?.container_statuses?[0].state.clone()?;
        state.terminated?.message
    });
    let line = cluster.pod().map_or(story, |pod| line_of(&pod));
    expected.assert_eq(&format!("{line}\n{}\n{}", message.unwrap_or_default(), cluster.events()));
}

#[tokio::test(start_paused = true)]
async fn odd_ends_are_told() {
    check(
        Play::Broken,
        "",
        expect![[r#"
        Failed main:StartError(128)
        it is no module
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Warning Failed: Error: it is no module
    "#]],
    )
    .await;
    check(
        Play::Panics,
        "",
        expect![[r#"
        Failed main:Error(137)
        the runtime panicked
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]],
    )
    .await;
    check(
        Play::Message("why", 3),
        "",
        expect![[r#"
        Failed main:Error(3)
        why
        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]],
    )
    .await;
    let policy = r#", "terminationMessagePolicy": "FallbackToLogsOnError""#;
    check(
        Play::Print("last words\n", 1),
        policy,
        expect![[r#"
        Failed main:Error(1)
        last words

        Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
        Normal Created: Container created
        Normal Started: Container started
    "#]],
    )
    .await;
    check(
        Play::Stubborn,
        "",
        expect![[r#"
            02.00 Running deleting main:running
            02.01 Running deleting main:running
            07.00 Failed deleting main:Error(137)
            07.00 gone


            Normal Pulled: Container image "i" already present on machine and can be accessed by the pod
            Normal Created: Container created
            Normal Started: Container started
            Normal Killing: Stopping container main
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_asks_for_hosts_that_it_may_not_have_does_not_run() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    let mut pod: Pod = serde_json::from_str(&format!("{{\"spec\": {}}}", spec(""))).unwrap();
    pod.metadata.name = Some("p".into());
    pod.metadata.namespace = Some("ns".into());
    pod.metadata.uid = Some("u".into());
    let hosts = ("mayfly.dev/allow-hosts".to_owned(), "example.org".to_owned());
    pod.metadata.annotations = Some([hosts].into());
    pod.spec.as_mut().unwrap().node_name = Some("here".into());
    cluster.create(pod).await;
    let story = cluster.story(5).await;
    assert!(story.contains("Pending main:CreateContainerConfigError"), "{story}");
    let events = cluster.events();
    assert!(events.contains("no host is allowed in namespace \"ns\""), "{events}");
}
