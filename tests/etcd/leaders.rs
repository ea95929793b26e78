//! Who leads: one server at a time, and the next one soon after.

use std::time::Instant;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};
use rustix::process::Signal;
use serde_json::json;

use super::gate::Gate;
use super::kit::{Etcd, Site, client, until};
use crate::harness::{Home, PATIENCE, Running, Server};

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).expect("it must be one")
}

/// Makes a ConfigMap as soon as somebody leads.
pub(super) async fn make(server: &Server, name: &str) {
    let maps = Api::<ConfigMap>::default_namespaced(client(server).await);
    let begun = Instant::now();
    loop {
        match maps.create(&PostParams::default(), &config_map(name)).await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if status.code == 409 => return,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// The ConfigMaps that there are, as soon as `server` leads or knows who does.
pub(super) async fn names(server: &Server) -> Vec<String> {
    let maps = Api::<ConfigMap>::default_namespaced(client(server).await);
    let begun = Instant::now();
    let all = loop {
        match maps.list(&ListParams::default()).await {
            Ok(all) => break all,
            Err(kube::Error::Api(status)) if status.code == 503 => {
                assert!(begun.elapsed() < PATIENCE, "{status:?}");
            }
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let names = all.items.into_iter().filter_map(|map| map.metadata.name);
    names.filter(|name| name != "kube-root-ca.crt").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_leads_when_one_has_gone() {
    let Some(site) = Site::new() else { return };
    let first = site.server("one");
    let second = site.server("two");
    assert_eq!(site.etcd.leader().await.as_deref(), Some(first.url()));
    make(&first, "before").await;
    // One kubeconfig is good for both, since they have one authority.
    let root = |server: &Server| server.credential("certificate-authority-data");
    assert_eq!(root(&first), root(&second));
    let url = first.url().to_owned();
    let address = first.address().to_owned();
    first.kill();
    make(&second, "after").await;
    assert_eq!(site.etcd.leader().await.as_deref(), Some(second.url()));
    let first = site.server_again("one", &address);
    assert_eq!(names(&first).await, ["after", "before"], "it passes on what it is asked");
    // In order, it takes no time.
    second.stop().exits(0);
    make(&first, "last").await;
    assert_eq!(site.etcd.leader().await, Some(url));
    assert_eq!(names(&first).await, ["after", "before", "last"]);
    first.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_again_is_not_taken_for_another() {
    let Some(site) = Site::new() else { return };
    let server = site.server("one");
    make(&server, "before").await;
    let address = server.address().to_owned();
    server.kill();
    // Its earlier run leads until the lease ends.
    let server = site.server_again("one", &address);
    assert_eq!(names(&server).await, ["before"]);
    let ended = server.stop().exits(0);
    assert!(!ended.stderr.contains("--advertise"), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_while_it_reads_lets_others_lead() {
    let home = Home::new();
    let Some(etcd) = Etcd::start(&home) else { return };
    // All objects are asked for, page by page.
    let gate = Gate::before(&etcd, |asked| asked.get("range_end").is_some()).await;
    let mut command = home.mayfly();
    command.args(["serve", "--listen=127.0.0.1:0", "--leader-lease=600"]);
    let server = Running::start(command.arg(gate.store()));
    gate.reached().await;
    server.signal(Signal::TERM);
    let stopped = tokio::task::spawn_blocking(|| server.wait()).await;
    stopped.expect("it must not panic").exits(0);
    assert_eq!(etcd.leader().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_of_one_address_are_told_of() {
    let Some(site) = Site::new() else { return };
    let first = site.server("one");
    // As on two hosts that both listen where servers listen by default.
    let mut command = site.server_command("two", "127.0.0.1:0");
    let mut second = Running::start(command.args(["--advertise", first.address()]));
    second.line(|_, line| {
        line.contains("another server leads that says it is reached where this one is")
            && line.contains("--advertise")
    });
    // Once that one has gone, all is well.
    first.stop().exits(0);
    let second = Server::started(second);
    make(&second, "after").await;
    second.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_another_authority_does_not_start() {
    let Some(site) = Site::new() else { return };
    let first = site.server("one");
    // A server of its own has been there.
    Server::start(&site.home, &["--state-dir", "two"]).stop().exits(0);
    let mut command = site.server_command("two", "127.0.0.1:0");
    Running::start(&mut command)
        .wait()
        .exits(2)
        .says("is not that of the servers of etcd://")
        .says("delete ca.crt and ca.key in");
    // The folder of one that runs is nobody else's.
    let mut command = site.server_command("one", "127.0.0.1:0");
    Running::start(&mut command).wait().exits(2).says("is in use by another mayfly");
    first.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_slept_through_its_lease_does_not_lead() {
    let Some(site) = Site::new() else { return };
    let mut first = site.server("one");
    let second = site.server("two");
    make(&first, "before").await;
    first.running().signal(Signal::STOP);
    make(&second, "meanwhile").await;
    let leader = site.etcd.leader().await;
    assert_eq!(leader.as_deref(), Some(second.url()));
    first.running().signal(Signal::CONT);
    // Whatever it answers first, it answers nothing of an older state, and changes nothing.
    make(&first, "after").await;
    assert_eq!(names(&first).await, ["after", "before", "meanwhile"]);
    assert_eq!(names(&second).await, ["after", "before", "meanwhile"]);
    assert_eq!(site.etcd.leader().await, leader);
    first.running().line(|_, line| line.contains("does not lead any more"));
    first.stop().exits(0);
    second.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_of_the_leaders_key_can_not_write() {
    let Some(site) = Site::new() else { return };
    let mut first = site.server("one");
    make(&first, "before").await;
    site.etcd.usurp(&mut first).await;
    let state = until("a state", || site.etcd.get("/mayfly/state")).await;
    let maps = Api::<ConfigMap>::default_namespaced(client(&first).await);
    maps.create(&PostParams::default(), &config_map("late")).await.expect_err("it does not lead");
    first.running().line(|_, line| line.contains("does not lead any more"));
    assert_eq!(site.etcd.get("/mayfly/state").await, Some(state), "nothing was written");
    assert_eq!(site.etcd.get("/mayfly/objects/ConfigMap/default/late").await, None);
    // Once that one has gone, it leads again, with what there was.
    site.etcd.abdicate().await;
    make(&first, "after").await;
    assert_eq!(names(&first).await, ["after", "before"]);
    first.stop().exits(0);
}
