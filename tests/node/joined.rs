//! Nodes that join, and Jobs that are spread over them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod, Secret};
use kube::api::{Api, ListParams, LogParams, Patch, PatchParams};
use serde_json::json;

use super::kit::{Cluster, LONG, NODES, node_of};
use crate::harness::module::component;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_spread_over_the_nodes_that_have_joined() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let nodes = NODES.map(|name| cluster.node(&plane, name));
    for name in NODES {
        let node = plane.ready(name).await;
        let labels = node.metadata.labels.unwrap_or_default();
        for (label, value) in [
            ("kubernetes.io/arch", "wasm32"),
            ("kubernetes.io/os", "wasi"),
            ("kubernetes.io/hostname", name),
            ("type", "mayfly"),
        ] {
            assert_eq!(labels.get(label).map(String::as_str), Some(value), "{name}");
        }
    }
    // None of them ends before the last one has its node.
    plane.create(&cluster.job("spread", 8, u32::try_from(LONG.as_millis()).unwrap())).await;
    plane.running(8).await;
    let pods = plane.all_pods().await;
    let used: BTreeSet<&str> = pods.iter().map(node_of).collect();
    assert_eq!(used, BTreeSet::from(NODES));
    plane.create(&cluster.job("short", 8, 20)).await;
    let job = plane.completed("short").await;
    assert_eq!(job.status.and_then(|status| status.succeeded), Some(8));
    let ledger = cluster.until(16, 8).await;
    assert_eq!(ledger.len(), 16);
    let of = |runs| ledger.values().filter(|it| **it == runs).count();
    assert_eq!((of((1, 0)), of((1, 1))), (8, 8), "{ledger:?}");
    for node in nodes {
        node.stop().exits(0);
    }
    plane.server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_pods_on_other_hosts_are_read_through_the_control_plane() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let node = cluster.node(&plane, "left");
    plane.ready("left").await;
    plane.create(&cluster.printing("talk", &["one", "two"])).await;
    plane.completed("talk").await;
    let pods = plane.all_pods().await;
    let name = pods[0].metadata.name.clone().expect("it has a name");
    assert_eq!(node_of(&pods[0]), "left");
    let log = |params: LogParams| {
        let (pods, name) = (plane.pods(), name.clone());
        async move { pods.logs(&name, &params).await }
    };
    let whole = log(LogParams::default()).await.expect("a log");
    assert!(whole.contains("arg 1: one\narg 2: two\nenv "), "{whole}");
    let follow = LogParams { follow: true, ..LogParams::default() };
    assert_eq!(log(follow).await.expect("a log"), whole);
    let limited = LogParams { limit_bytes: Some(3), ..LogParams::default() };
    assert_eq!(log(limited).await.expect("a log"), "arg");
    let last = LogParams { tail_lines: Some(1), ..LogParams::default() };
    assert_eq!(Some(&*log(last).await.expect("a log")), whole.split_inclusive('\n').next_back());
    let stamped = LogParams { timestamps: true, ..LogParams::default() };
    let stamped = log(stamped).await.expect("a log");
    assert!(stamped.contains("Z arg 1: one\n"), "{stamped}");
    let previous = LogParams { previous: true, ..LogParams::default() };
    let refused = log(previous).await.expect_err("there was none").to_string();
    assert!(refused.contains("previous terminated container"), "{refused}");
    // Nobody else is told: neither who shows nothing, nor whom the cluster does not know.
    let at = plane.ready("left").await;
    let url = kubelet_of(&at);
    for client in [anonymous(), stranger()] {
        let answer = client.get(format!("{url}/containerLogs/default/{name}/main")).send().await;
        assert_eq!(answer.expect("an answer").status(), 401);
    }
    node.stop().exits(0);
    let gone = log(LogParams::default()).await.expect_err("nobody is there").to_string();
    assert!(gone.contains("asking node left"), "{gone}");
    plane.server.stop().exits(0);
}

/// Where a node answers.
fn kubelet_of(node: &Node) -> String {
    let status = node.status.as_ref().expect("it has one");
    let endpoints = status.daemon_endpoints.as_ref().and_then(|it| it.kubelet_endpoint.as_ref());
    format!("https://127.0.0.1:{}", endpoints.expect("it must answer").port)
}

fn anonymous() -> reqwest::Client {
    let _is_first = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().expect("a client")
}

/// Somebody whose certificate is of an authority that is nobody's.
fn stranger() -> reqwest::Client {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "kube-apiserver-kubelet-client");
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
    let certificate = params.self_signed(&key).expect("a certificate");
    let pem = certificate.pem() + &key.serialize_pem();
    let identity = reqwest::Identity::from_pem(pem.as_bytes()).expect("an identity");
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
    client.identity(identity).build().expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tainted_node_is_for_those_who_tolerate_it_and_a_node_has_only_what_is_its_own() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let tainted = ["--register-with-taints", "mayfly.dev/wasm:NoSchedule"];
    let node = cluster.node_with(&plane, "left", &tainted);
    plane.ready("left").await;
    let mut job = cluster.job("picky", 1, 10);
    plane.create(&job).await;
    plane
        .wait(plane.pods(), |pod| {
            let conditions = pod.status.iter().flat_map(|it| it.conditions.iter().flatten());
            let mut messages = conditions.filter_map(|it| it.message.as_deref());
            messages.any(|it| it.contains("untolerated taint(s)"))
        })
        .await;
    job.metadata.name = Some("tolerant".to_owned());
    let spec = job.spec.as_mut().and_then(|spec| spec.template.spec.as_mut()).expect("it has one");
    let tolerated = json!([{"key": "mayfly.dev/wasm", "operator": "Exists"}]);
    spec.tolerations = serde_json::from_value(tolerated).expect("tolerations");
    plane.create(&job).await;
    plane.completed("tolerant").await;
    let client = cluster.as_node(&plane, "right").await;
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let all = pods.list(&ListParams::default()).await;
    let own = Api::<Pod>::all(client.clone());
    let own = own.list(&ListParams::default().fields("spec.nodeName=right")).await;
    assert_eq!(own.expect("its own").items.len(), 0);
    let theirs = plane.all_pods().await;
    let theirs = theirs.iter().find(|pod| node_of(pod) == "left").expect("it has run");
    let name = theirs.metadata.name.as_deref().expect("it has a name");
    let params = PatchParams::default();
    let merge = Patch::Merge(json!({"status": {"phase": "Failed"}}));
    let nodes = Api::<Node>::all(client.clone());
    let refused = [
        ("all pods", all.err()),
        ("another node's pod", pods.get(name).await.err()),
        ("its status", pods.patch_status(name, &params, &merge).await.err()),
        ("another node", nodes.get("left").await.err()),
        ("its status", nodes.patch_status("left", &params, &merge).await.err()),
        (
            "a Secret that no pod names",
            Api::<Secret>::default_namespaced(client).get("x").await.err(),
        ),
    ];
    for (what, error) in refused {
        let error = error.unwrap_or_else(|| panic!("{what} must be refused"));
        assert!(matches!(&error, kube::Error::Api(it) if it.code == 403), "{what}: {error}");
    }
    node.stop().exits(0);
    plane.server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_does_not_reach_the_port_of_its_own_node() {
    let cluster = Cluster::new();
    cluster.home.write("own.wasm", component("escape_own_port"));
    let reach = ["--allow-hosts", "127.0.0.0/8"];
    let plane = cluster.serve_with(&reach).await;
    let options = ["--register-with-taints", "", "--image", "own=own.wasm"];
    let node = cluster.node_with(&plane, "left", &[&options[..], &reach[..]].concat());
    let url = kubelet_of(&plane.ready("left").await);
    let address = url.trim_start_matches("https://");
    let job = json!({
        "metadata": {"name": "own"},
        "spec": {"backoffLimit": 0, "template": {
            "metadata": {"annotations": {"mayfly.dev/allow-hosts": "127.0.0.0/8"}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "own", "args": [address]}],
            },
        }},
    });
    plane.create(&serde_json::from_value(job).expect("must be a Job")).await;
    let pod = plane.wait(plane.pods(), has_ended).await;
    let name = pod.metadata.name.expect("it has a name");
    let log = plane.pods().logs(&name, &LogParams::default()).await.expect("a log");
    assert!(log.starts_with(&format!("denied tcp {address} ")), "{log}");
    node.stop().exits(0);
    plane.server.stop().exits(0);
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
