//! Servers that are known by another authority than their clients: hosts join them all the same, and what
//! pods print there is read.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::json;

use super::join::{Invitation, prints};
use super::kit::{ACTS_MAX, Cluster, PATIENCE};
use crate::harness::{Ended, PATIENTLY, Running, Server, Stream};

/// The options of a server for what [`certify`] writes.
const GIVEN: [&str; 4] = ["--tls-cert", "server.crt", "--tls-key", "server.key"];

/// Writes a certificate for 127.0.0.1 with its key, in front of those that vouch for it: all of them, or
/// all but the root, which is in `root.crt`.
fn certify(cluster: &Cluster, has_root: bool) {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        (params, KeyPair::generate().expect("a key"))
    };
    let (params, key) = authority("root");
    let root = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    let (params, key) = authority("between");
    let between = CertifiedIssuer::signed_by(params, key, &root).expect("a certificate");
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "server");
    let key = KeyPair::generate().expect("a key");
    let own = params.signed_by(&key, &between).expect("a certificate");
    let last = if has_root { root.pem() } else { String::new() };
    cluster.home.write("server.crt", own.pem() + &between.pem() + &last);
    cluster.home.write("server.key", key.serialize_pem());
    cluster.home.write("root.crt", root.pem());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_join_a_server_of_a_private_authority() {
    let cluster = Cluster::new();
    certify(&cluster, true);
    let plane = cluster.serve_with(&GIVEN).await;
    let invitation = Invitation::of(&cluster, &plane, &[]);
    let node = invitation.joins(&cluster, "edge", "edge");
    plane.ready("edge").await;
    prints(&plane, &cluster, "first", "edge").await;
    let kept = fs::read_to_string(cluster.home.path("edge/pki/ca.crt")).expect("it is there");
    let root = fs::read_to_string(cluster.home.path("root.crt")).expect("it is there");
    assert_eq!(kept, root, "it believes the root alone");
    node.stop().exits(0);
    let node = invitation.without("--token").joins(&cluster, "edge", "edge");
    plane.ready("edge").await;
    prints(&plane, &cluster, "second", "edge").await;
    node.stop().exits(0);
    plane.server.stop().exits(0);
}

#[test]
fn hosts_join_a_server_that_their_systems_know() {
    let cluster = Cluster::new();
    certify(&cluster, false);
    let root = cluster.home.path("root.crt");
    // What it names is what the system believes.
    let start =
        |command: &mut Command| Running::patiently(command.env("SSL_CERT_FILE", &root), ACTS_MAX);
    let mut command = cluster.home.mayfly();
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(GIVEN);
    let server = Server::started(start(&mut command));
    let client = |words: &[&str]| -> Ended {
        let mut command = cluster.home.mayfly();
        start(server.client(&mut command).args(words)).wait()
    };
    let made = client(&["token", "create"]).exits(0).says("no ConfigMap kube-public/cluster-info");
    assert!(!made.stdout.contains("--ca-cert-hash"), "{made:#?}");

    let mut command = cluster.home.mayfly();
    command.args(made.stdout.split_whitespace().skip(1));
    command.args(["--name", "edge", "--state-dir", "edge"]);
    Cluster::settled(&mut command, &["--register-with-taints", ""]);
    let mut node = start(&mut command);
    node.line(|from, line| from == Stream::Stderr && line.starts_with("mayfly: node edge works"));
    let mut job = cluster.printing("talk", &["hello"]);
    let spec = job.spec.as_mut().and_then(|it| it.template.spec.as_mut()).expect("it has one");
    spec.node_selector = Some([("kubernetes.io/hostname".to_owned(), "edge".to_owned())].into());
    cluster.home.write("job.json", json!(job).to_string());
    client(&["apply", "-f", "job.json"]).exits(0);
    client(&["wait", PATIENTLY, "--for=condition=complete", "job/talk"]).exits(0);
    let begun = Instant::now();
    loop {
        // The node's port has its certificate once the control plane knows where the node is.
        let read = client(&["logs", "job/talk"]);
        if read.status.success() {
            break assert!(read.stdout.contains("arg 1: hello\n"), "{read:#?}");
        }
        assert!(begun.elapsed() < PATIENCE, "{read:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    node.signal(rustix::process::Signal::TERM);
    node.wait().exits(0);
    server.stop().exits(0);
}
