//! One server on etcd: what it has acknowledged is there again, and what is wrong is told.

use jiff::{ToSpan, Zoned};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::json;

use super::kit::{Etcd, Site, answered};
use crate::harness::{Home, Running, Server};

fn config_map(name: &str, text: &str) -> ConfigMap {
    let map = json!({"metadata": {"name": name}, "data": {"text": text}});
    serde_json::from_value(map).expect("it must be one")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_again() {
    let Some(site) = Site::new() else { return };
    let server = site.server("one");
    let maps = Api::<ConfigMap>::default_namespaced(answered(&server).await);
    // Larger than one value of etcd's is meant to be, escaped as it is.
    let large = "\u{1}".repeat(400_000);
    let mut versions = Vec::new();
    for (name, text) in [("small", "one"), ("large", &*large), ("gone", "two")] {
        let made = maps.create(&PostParams::default(), &config_map(name, text)).await;
        versions.push(made.expect("it must be made").resource_version());
    }
    maps.delete("gone", &DeleteParams::default()).await.expect("it must be deleted");
    server.kill();
    let server = site.server("one");
    let maps = Api::<ConfigMap>::default_namespaced(answered(&server).await);
    let all = maps.list(&ListParams::default()).await.expect("a list");
    let names: Vec<_> = all.items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["kube-root-ca.crt", "large", "small"]);
    let found = maps.get("large").await.expect("it must be there");
    assert_eq!(found.data.unwrap_or_default()["text"], large);
    assert_eq!(found.metadata.resource_version, versions[1], "it is the same version");
    server.stop().exits(0);
    assert_eq!(site.etcd.leader().await, None, "who stops in order lets others lead");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_can_not_be_used_is_told() {
    let home = Home::new();
    let check = |options: &[&str], words: &[&str]| {
        let mut command = home.mayfly();
        command.arg("serve").args(options);
        if !options.iter().any(|option| option.starts_with("--listen")) {
            command.arg("--listen=127.0.0.1:0");
        }
        let ended = Running::start(&mut command).wait().exits(2);
        words.iter().for_each(|word| assert!(ended.stderr.contains(word), "{word}: {ended:#?}"));
    };
    // The port of nobody: it is ours, and nobody listens there.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    drop(taken);
    let store = format!("--store=etcd://{address}");
    check(&[&store], &["can't use --store etcd://", &address.to_string(), "Connection refused"]);
    check(&["--store=http://127.0.0.1:2379"], &["etcd://HOST:PORT"]);
    check(&["--etcd-prefix=/x/"], &["--store"]);
    let Some(etcd) = Etcd::start(&home) else { return };
    check(&[&etcd.store(), "--etcd-prefix=/"], &["such as /mayfly/"]);
    check(&[&etcd.store(), "--listen=0.0.0.0:0"], &["--advertise HOST:PORT"]);
    etcd.ask(
        "/v3/kv/put",
        json!({"key": "L21heWZseS9mb3JtYXQ=", "value": "OTAwIG1heWZseS85LjAuMA=="}),
    )
    .await;
    check(&[&etcd.store()], &["is of schema 900, written by mayfly 9.0.0", "--etcd-prefix"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_can_read_or_not_reach_is_told_once() {
    let home = Home::new();
    let Some(etcd) = Etcd::start(&home) else { return };
    let warnings =
        ["etcd is spoken to in the clear", "servers on other hosts do not reach this one"];
    // The same one, by an address that is not known to be of this host.
    let remote = etcd.store().replace("127.0.0.1", "0.0.0.0");
    for (store, expect) in [(remote, 1), (etcd.store(), 0)] {
        let ended = Server::start(&home, &[&store]).stop().exits(0);
        for warning in warnings {
            assert_eq!(ended.stderr.matches(warning).count(), expect, "{warning}: {ended:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_in_its_last_year_is_told_of_and_kept() {
    let Some(site) = Site::new() else { return };
    // As it is nine years and a half after the first server has made it.
    let end = Zoned::now().date().saturating_add(180.days());
    let [month, day] = [end.month(), end.day()].map(i8::unsigned_abs);
    let mut params = CertificateParams::default();
    params.not_after = date_time_ymd(end.year().into(), month, day);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate().expect("a key");
    let made = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let authority = json!({"certificate": made.pem(), "key": made.key().serialize_pem()});
    site.etcd.put("/mayfly/agreed/authority", &authority.to_string()).await;
    for _ in 0..2 {
        let server = site.server("one");
        answered(&server).await;
        assert_eq!(server.credential("certificate-authority-data"), made.pem().as_bytes());
        server.stop().exits(0).says("near its end").says("delete ca.crt and ca.key in");
    }
    assert_eq!(site.etcd.get("/mayfly/agreed/authority").await, Some(authority.to_string()));
}

/// Writes an authority and a certificate that it has signed to `home`: `ca.pem`, `own.pem`, `own.key`.
fn certify(home: &Home) {
    let params = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        CertificateParams::new(names).expect("names")
    };
    let mut authority = params(&[]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = || KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority");
    let own = key();
    // Good for both ends: the gateway of etcd shows it to etcd.
    let certificate = params(&["127.0.0.1"]).signed_by(&own, &authority).expect("a certificate");
    home.write("ca.pem", authority.pem());
    home.write("own.pem", certificate.pem());
    home.write("own.key", own.serialize_pem());
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_may_want_to_be_spoken_to_by_tls() {
    let home = Home::new();
    certify(&home);
    let [ca, certificate, key] =
        ["ca.pem", "own.pem", "own.key"].map(|name| home.path(name).display().to_string());
    let options = [
        "--client-cert-auth",
        "--trusted-ca-file",
        &ca,
        "--cert-file",
        &certificate,
        "--key-file",
        &key,
    ];
    let Some(etcd) = Etcd::start_with(&home, "https", &options) else { return };
    let store = etcd.store();
    let known = ["--etcd-ca", "ca.pem", "--etcd-cert", "own.pem", "--etcd-key", "own.key"];
    let options = [&[&*store][..], &known[..]].concat();
    let server = Server::start(&home, &options);
    let maps = Api::<ConfigMap>::default_namespaced(answered(&server).await);
    maps.create(&PostParams::default(), &config_map("one", "x")).await.expect("it must be made");
    server.stop().exits(0);
    let server = Server::start(&home, &options);
    let maps = Api::<ConfigMap>::default_namespaced(answered(&server).await);
    maps.get("one").await.expect("it must be there");
    server.stop().exits(0);
    // Without a certificate, or without TLS, nothing starts.
    for options in [&options[..3], &options[..1]] {
        let mut command = home.mayfly();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(options);
        Running::start(&mut command).wait().exits(2).says("can't use --store etcd://");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_restored_in_etcd() {
    let Some(site) = Site::new() else { return };
    let server = site.server("one");
    let maps = Api::<ConfigMap>::default_namespaced(answered(&server).await);
    // So many that no transaction of etcd's has room for all, nor one record.
    let text = "x".repeat(10_000);
    for number in 0..150 {
        let map = config_map(&format!("map-{number}"), &text);
        maps.create(&PostParams::default(), &map).await.expect("it must be made");
    }
    let run = |server: &Server, arguments: &[&str]| {
        let mut command = site.home.mayfly();
        Running::start(server.client(command.args(arguments))).wait().exits(0)
    };
    run(&server, &["backup", "backup.file"]);
    for number in 0..150 {
        let name = format!("map-{number}");
        maps.delete(&name, &DeleteParams::default()).await.expect("it must be deleted");
    }
    run(&server, &["restore", "--replace", "backup.file"]);
    let count = async |server: &Server| {
        let maps = Api::<ConfigMap>::default_namespaced(answered(server).await);
        maps.list(&ListParams::default()).await.expect("a list").items.len()
    };
    assert_eq!(count(&server).await, 151);
    server.kill();
    let server = site.server("one");
    assert_eq!(count(&server).await, 151);
    server.stop().exits(0);
}
