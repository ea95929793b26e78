//! A server that does not lead answers as the one that does.

use std::fs;
use std::pin::pin;

use axum::http::Request;
use futures_util::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ListParams, LogParams, PostParams, WatchEvent, WatchParams};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::kit::{Site, client, until};
use crate::harness::{PATIENCE, Running, Server};
use crate::serve::client::{Client, Shows};

fn job(name: &str, words: &[&str]) -> Job {
    let job = json!({"metadata": {"name": name}, "spec": {"template": {"spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "echo", "args": words}],
    }}}});
    serde_json::from_value(job).expect("it must be a Job")
}

#[tokio::test(flavor = "multi_thread")]
async fn any_server_answers() {
    let Some(site) = Site::new() else { return };
    let first = site.server("one");
    let second = site.server("two");
    assert_eq!(site.etcd.leader().await.as_deref(), Some(first.url()));
    // The node's own server is the one that does not lead, too.
    let node = site.node("left", second.kubeconfig());
    let user = client(&second).await;
    let maps = Api::<ConfigMap>::default_namespaced(user.clone());
    let all = maps.list(&ListParams::default()).await.expect("a list");
    let version = all.metadata.resource_version.expect("it must have one");
    let mut events = pin!(maps.watch(&WatchParams::default(), &version).await.expect("a watch"));
    let map = serde_json::from_value(json!({"metadata": {"name": "one"}})).expect("it must be one");
    let own = Api::<ConfigMap>::default_namespaced(client(&first).await);
    own.create(&PostParams::default(), &map).await.expect("it must be made");
    let event = events.try_next().await.expect("a watch").expect("an event");
    assert!(matches!(event, WatchEvent::Added(map) if map.metadata.name.as_deref() == Some("one")));

    let jobs = Api::<Job>::default_namespaced(user.clone());
    jobs.create(&PostParams::default(), &job("words", &["three", "short", "words"]))
        .await
        .expect("it must be made");
    let pods = Api::<Pod>::default_namespaced(user.clone());
    let name = until("the end of the pod", || async {
        let all = pods.list(&ListParams::default().labels("job-name=words")).await.ok()?;
        let pod = all.items.into_iter().next()?;
        let phase = pod.status?.phase?;
        (phase == "Succeeded").then_some(pod.metadata.name?)
    })
    .await;
    let follow = LogParams { follow: true, ..LogParams::default() };
    let mut lines = pods.log_stream(&name, &follow).await.expect("a log").lines();
    let line = lines.try_next().await.expect("a log");
    assert_eq!(line.as_deref(), Some("arg 0: main"));

    who_asks_is_told(&second).await;
    let run = |arguments: &[&str]| {
        let mut command = site.home.mayfly();
        Running::start(second.client(command.args(arguments))).wait()
    };
    // What fails is told as the leader says it.
    run(&["get", "job", "nothing"]).exits(1).says("\"nothing\" not found");
    let shown = run(&["get", "job", "words", "-o", "name"]).exits(0);
    assert_eq!(shown.stdout, "job.batch/words\n");
    tokio::task::spawn_blocking(|| node.stop()).await.expect("it must stop").exits(0);
    second.stop().exits(0);
    first.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_breaks_off_when_the_leader_hangs() {
    let Some(site) = Site::new() else { return };
    let mut first = site.server("one");
    let second = site.server("two");
    let maps = Api::<ConfigMap>::default_namespaced(client(&second).await);
    let all = maps.list(&ListParams::default()).await.expect("a list");
    let version = all.metadata.resource_version.expect("it must have one");
    let mut events = pin!(maps.watch(&WatchParams::default(), &version).await.expect("a watch"));
    // Its system keeps its connections open.
    first.running().signal(Signal::STOP);
    let end =
        timeout(PATIENCE, events.try_next()).await.expect("nothing may be waited for in vain");
    assert!(!matches!(end, Ok(Some(_))), "{end:?}");
    assert_eq!(site.etcd.leader().await.as_deref(), Some(second.url()));
    first.running().signal(Signal::CONT);
    first.stop().exits(0);
    second.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_passed_on_with_its_blanks() {
    let Some(site) = Site::new() else { return };
    let first = site.server("one");
    let second = site.server("two");
    let read = |name: &str| fs::read_to_string(site.home.path(name)).expect("it must be there");
    let authority = CertificateDer::from_pem_slice(read("one/tls/ca.crt").as_bytes()).expect("PEM");
    let key = KeyPair::from_pem(&read("one/tls/ca.key")).expect("a key");
    let issuer = Issuer::from_ca_cert_der(&authority, key).expect("an authority");
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "system:node:left ");
    params.distinguished_name.push(DnType::OrganizationName, "system:masters ");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let shows = Shows::Another(certificate.pem(), key.serialize_pem());
    let review = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"});
    for server in [&first, &second] {
        let answer = Client::connect(server, &shows).request(
            "POST /apis/authentication.k8s.io/v1/selfsubjectreviews",
            "Content-Type: application/json\r\n",
            review.to_string().as_bytes(),
        );
        let user = &answer.json()["status"]["userInfo"];
        assert_eq!(user["username"], "system:node:left ", "{answer:?}");
        assert_eq!(user["groups"], json!(["system:masters ", "system:authenticated"]));
    }
    second.stop().exits(0);
    first.stop().exits(0);
}

/// Who shows a certificate to a server that passes requests on is known to the one that leads, and
/// nobody can say that they are somebody else.
async fn who_asks_is_told(server: &Server) {
    let user = client(server).await;
    let review = |user: &kube::Client, name: Option<&str>| {
        let body = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"});
        let url = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let mut request = Request::post(url).header("content-type", "application/json");
        if let Some(name) = name {
            request =
                request.header("x-remote-user", name).header("x-remote-group", "mayfly:servers");
        }
        let request = request.body(body.to_string().into_bytes()).expect("a request");
        let user = user.clone();
        async move { user.request::<Value>(request).await.expect("an answer") }
    };
    for name in [None, Some("jane")] {
        let answer = review(&user, name).await;
        assert_eq!(answer["status"]["userInfo"]["username"], "admin", "{answer}");
        let groups = answer["status"]["userInfo"]["groups"].as_array().expect("groups");
        assert!(groups.iter().any(|group| group == "system:masters"), "{answer}");
    }
}
