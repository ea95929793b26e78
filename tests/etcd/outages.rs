//! etcd is slow, away, back, and back with an older state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{Api, PostParams};
use serde_json::json;

use super::gate::Gate;
use super::kit::{Etcd, LEDGER, Site, client, until};
use super::leaders::{make, names};
use crate::harness::{Home, Server};

async fn status_of(server: &Server, name: &str) -> Option<u16> {
    let maps = Api::<ConfigMap>::default_namespaced(client(server).await);
    match maps.get(name).await {
        Ok(_) => Some(200),
        Err(kube::Error::Api(status)) => Some(status.code),
        Err(_) => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_etcd_delays_what_is_written_and_nothing_else() {
    let home = Home::new();
    let Some(etcd) = Etcd::start(&home) else { return };
    let key = BASE64.encode("/mayfly/objects/ConfigMap/default/slow");
    let is_slow = Arc::new(AtomicBool::new(false));
    // From that write on it answers nothing.
    let gate = Gate::before(&etcd, move |asked| {
        is_slow.fetch_or(asked.to_string().contains(&key), Ordering::SeqCst);
        is_slow.load(Ordering::SeqCst)
    });
    let gate = gate.await;
    let server = Server::start(&home, &[&gate.store(), "--leader-lease=600"]);
    make(&server, "before").await;
    let maps = Api::<ConfigMap>::default_namespaced(client(&server).await);
    let map =
        serde_json::from_value(json!({"metadata": {"name": "slow"}})).expect("it must be one");
    let making = tokio::spawn(async move { maps.create(&PostParams::default(), &map).await });
    gate.reached().await;
    // Reads go on; what is not durable is not seen.
    assert_eq!(names(&server).await, ["before"]);
    assert!(!making.is_finished(), "nothing is acknowledged that is not durable");
    gate.open();
    making.await.expect("it must not panic").expect("it must be made after all");
    assert_eq!(names(&server).await, ["before", "slow"]);
    server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_etcd_nobody_answers_and_with_it_all_goes_on() {
    let Some(mut site) = Site::new() else { return };
    let server = site.server("one");
    make(&server, "before").await;
    site.etcd.stop();
    // Who leads can't be told, so nobody says anything of a state that may be another's by now.
    until("a refusal", || async { status_of(&server, "before").await.filter(|code| *code == 503) })
        .await;
    site.etcd.start_again();
    make(&server, "after").await;
    assert_eq!(names(&server).await, ["after", "before"]);
    server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_restarts_at_once_is_not_noticed() {
    let Some(mut site) = Site::with_lease(600) else { return };
    let mut server = site.server("one");
    make(&server, "before").await;
    site.etcd.stop();
    let maps = Api::<ConfigMap>::default_namespaced(client(&server).await);
    let map =
        serde_json::from_value(json!({"metadata": {"name": "after"}})).expect("it must be one");
    let making = tokio::spawn(async move { maps.create(&PostParams::default(), &map).await });
    server.running().line(|_, line| line.contains("trying again"));
    site.etcd.start_again();
    making.await.expect("it must not panic").expect("it must be made after all");
    assert_eq!(names(&server).await, ["after", "before"]);
    server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_etcd_is_what_counts_and_is_no_other_time() {
    let Some(mut site) = Site::with_lease(600) else { return };
    let mut server = site.server("one");
    let node = site.node("left", server.kubeconfig());
    let user = client(&server).await;
    let jobs = Api::<Job>::default_namespaced(user.clone());
    let job = |name: &str| -> Job {
        let shared = site.home.path("shared");
        let job = json!({"metadata": {"name": name}, "spec": {
            "completions": 3, "parallelism": 3, "template": {"spec": {
                "restartPolicy": "Never",
                "volumes": [{"name": "ledger", "hostPath": {"path": shared}}],
                "containers": [{
                    "name": "main", "image": LEDGER, "args": ["/ledger", "$(UID)", "1", "0"],
                    "env": [{"name": "UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}],
                    "volumeMounts": [{"name": "ledger", "mountPath": "/ledger"}],
                }],
            }},
        }});
        serde_json::from_value(job).expect("it must be a Job")
    };
    let succeeded = async |name: &str| {
        until(name, || async {
            let status = jobs.get(name).await.ok()?.status?;
            status.completion_time.and(status.succeeded)
        })
        .await
    };
    jobs.create(&PostParams::default(), &job("kept")).await.expect("it must be made");
    assert_eq!(succeeded("kept").await, 3);
    site.etcd.stop();
    let old = site.home.path("old-etcd");
    site.etcd.save(&old);
    site.etcd.start_again();
    jobs.create(&PostParams::default(), &job("lost")).await.expect("it must be made");
    assert_eq!(succeeded("lost").await, 3);
    let newest = jobs.get("lost").await.expect("it is there").resource_version();
    site.etcd.stop();
    site.etcd.load(&old);
    site.etcd.start_again();
    server.running().line(|_, line| line.contains("does not lead any more"));
    // It leads again, with the state that there is: that of then.
    let gone = || async { (status_of(&server, "x").await? == 404).then_some(()) };
    until("a leader", gone).await;
    let kept = jobs.get("kept").await.expect("it must be there");
    assert_eq!(kept.status.and_then(|status| status.succeeded), Some(3));
    let found = jobs.get_opt("lost").await.expect("an answer");
    assert!(found.is_none(), "it was made later");
    // It is made again, and nobody takes it for the other one.
    let again = jobs.create(&PostParams::default(), &job("lost")).await.expect("it must be made");
    let number = |version: Option<String>| version.and_then(|it| it.parse::<u64>().ok());
    assert!(number(again.resource_version()) > number(newest), "versions only go on");
    assert_eq!(succeeded("lost").await, 3);
    tokio::time::timeout(Duration::from_secs(120), tokio::task::spawn_blocking(|| node.stop()))
        .await
        .expect("it must stop")
        .expect("it must not panic");
    server.stop().exits(0);
}
