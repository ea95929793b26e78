//! Hosts that join with a token: what they are given for it, what they are refused, and how they stay.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::{Api, ListParams, LogParams};

use super::kit::{ACTS_MAX, Cluster, ControlPlane, JoinedNode, PATIENCE, node_of};
use crate::harness::{Ended, Running, Stream};

/// The words of the command with which a host joins.
pub(super) struct Invitation {
    words: Vec<String>,
}

impl Invitation {
    pub(super) fn of(cluster: &Cluster, plane: &ControlPlane, options: &[&str]) -> Self {
        let mut command = cluster.home.mayfly();
        plane.server.client(&mut command).args(["token", "create"]).args(options);
        let made = Running::start(&mut command).wait().exits(0);
        let words: Vec<_> = made.stdout.split_whitespace().map(str::to_owned).collect();
        assert_eq!(words[..2], ["mayfly", "node"], "{made:#?}");
        let at = |option: &str| words.iter().position(|word| word == option).expect("it is there");
        assert_eq!(words[at("--join") + 1], plane.server.url());
        assert!(words[at("--ca-cert-hash") + 1].starts_with("sha256:"), "{made:#?}");
        Self { words: words[1..].to_vec() }
    }

    /// The word after `option`.
    fn word(&self, option: &str) -> &str {
        let at = self.words.iter().position(|word| word == option).expect("it is there");
        &self.words[at + 1]
    }

    pub(super) fn without(&self, option: &str) -> Self {
        let mut words = self.words.clone();
        let at = words.iter().position(|word| word == option).expect("it is there");
        words.drain(at..at + 2);
        Self { words }
    }

    fn with(&self, option: &str, value: &str) -> Self {
        let mut it = self.without(option);
        it.words.extend([option.to_owned(), value.to_owned()]);
        it
    }

    /// A host that is to be the node `name`, with its state in `folder`.
    fn host(&self, cluster: &Cluster, name: &str, folder: &str) -> Running {
        let mut command = cluster.home.mayfly();
        command.args(&self.words).args(["--name", name, "--state-dir", folder]);
        Cluster::settled(&mut command, &["--register-with-taints", ""]);
        Running::patiently(&mut command, ACTS_MAX)
    }

    /// The same, once it works.
    pub(super) fn joins(&self, cluster: &Cluster, name: &str, folder: &str) -> JoinedNode {
        let mut running = self.host(cluster, name, folder);
        running.line(|from, line| {
            from == Stream::Stderr && line.starts_with(&format!("mayfly: node {name} works for "))
        });
        JoinedNode { running }
    }

    /// The same of one that is refused.
    fn is_refused(&self, cluster: &Cluster, name: &str, folder: &str, why: &str) -> Ended {
        self.host(cluster, name, folder).wait().exits(2).says(why)
    }
}

/// Runs a Job that prints, and reads its log through the control plane.
pub(super) async fn prints(plane: &ControlPlane, cluster: &Cluster, job: &str, node: &str) {
    plane.create(&cluster.printing(job, &[job])).await;
    plane.completed(job).await;
    let pods = plane.pods().list(&ListParams::default().labels(&format!("job-name={job}"))).await;
    let pod = pods.expect("a list").items.pop().expect("it has one");
    assert_eq!(node_of(&pod), node);
    let name = pod.metadata.name.as_deref().expect("it has a name");
    let begun = Instant::now();
    loop {
        // The node's port has its certificate once the control plane knows where the node is.
        match plane.pods().logs(name, &LogParams::default()).await {
            Ok(log) => return assert!(log.contains(&format!("arg 1: {job}\n")), "{log}"),
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn requests(plane: &ControlPlane) -> Vec<CertificateSigningRequest> {
    let all = Api::<CertificateSigningRequest>::all(plane.client.clone());
    all.list(&ListParams::default()).await.expect("a list").items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_joins_with_a_token_and_stays_without_it() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let invitation = Invitation::of(&cluster, &plane, &["--description", "a rack"]);
    let node = invitation.joins(&cluster, "edge", "edge");
    plane.ready("edge").await;
    prints(&plane, &cluster, "first", "edge").await;
    let of_client = cluster.home.path("edge/pki/kubelet-client-current.pem");
    let of_server = cluster.home.path("edge/pki/kubelet-server-current.pem");
    for path in [&of_client, &of_server] {
        let mode = fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let id = &invitation.word("--token")[..6];
    let asked = requests(&plane).await;
    let users: Vec<_> = asked.iter().filter_map(|it| it.spec.username.as_deref()).collect();
    assert!(users.contains(&&*format!("system:bootstrap:{id}")), "{users:?}");
    assert!(users.contains(&"system:node:edge"), "{users:?}");

    let client = |words: &[&str]| {
        let mut command = cluster.home.mayfly();
        plane.server.client(&mut command).args(words);
        Running::start(&mut command).wait().exits(0).stdout
    };
    let listed = client(&["token", "list"]);
    assert!(listed.contains(id) && listed.contains("a rack"), "{listed}");
    assert!(!listed.contains(invitation.word("--token")), "{listed}");
    let kept = client(&["get", "secret", "-n", "kube-system", "-o", "json"]);
    assert!(!kept.contains("token-secret"), "{kept}");
    assert!(client(&["get", "csr"]).contains("Approved,Issued"));
    client(&["token", "delete", id]);
    assert_eq!(client(&["token", "list"]), "");

    node.stop().exits(0);
    let before = fs::read(&of_client).expect("it is there");
    let node = invitation.without("--token").joins(&cluster, "edge", "edge");
    plane.ready("edge").await;
    prints(&plane, &cluster, "second", "edge").await;
    assert_eq!(fs::read(&of_client).expect("it is there"), before, "it is still good");
    node.stop().exits(0);

    let refused = |it: &Invitation, name: &str, folder: &str, why: &str| {
        it.is_refused(&cluster, name, folder, why);
    };
    refused(&invitation, "late", "late", "expired, was deleted");
    refused(&invitation.without("--token"), "late", "late", "no --token");
    refused(&invitation, "other", "edge", "is of system:node:edge");
    plane.server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_meant_does_not_join() {
    let cluster = Cluster::new();
    let plane = cluster.serve().await;
    let good = Invitation::of(&cluster, &plane, &[]);
    let other_hash = format!("sha256:{}", "0".repeat(64));
    let check = |invitation: &Invitation, name: &str, why: &str| {
        invitation.is_refused(&cluster, name, &format!("refused-{name}"), why);
    };
    check(&good.with("--ca-cert-hash", &other_hash), "a", "is not known by the authority");
    check(&good.with("--token", "abcdef.0123456789abcdef"), "b", "expired, was deleted");
    check(&good.with("--token", "password"), "c", "six and sixteen small letters");
    // It is over before it is shown.
    let over = Invitation::of(&cluster, &plane, &["--ttl", "1ms"]);
    check(&over, "d", "expired, was deleted");
    // Without the hash, nobody vouches for the server.
    check(&good.without("--ca-cert-hash"), "e", "can't join");
    let node = good.joins(&cluster, "edge", "edge");
    plane.ready("edge").await;
    check(&good, "edge", "another host is the node edge");
    node.stop().exits(0);
    plane.server.stop().exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_renews_its_certificates_while_it_works() {
    let cluster = Cluster::new();
    // They begin five minutes before they are signed, and are renewed at 70 to 90 % of all that time:
    // within 78 seconds, and 42 at least before they are over, which a busy machine may need.
    let plane = cluster.serve_with(&["--cluster-signing-duration=120s"]).await;
    let node = Invitation::of(&cluster, &plane, &[]).joins(&cluster, "edge", "edge");
    plane.ready("edge").await;
    prints(&plane, &cluster, "first", "edge").await;
    let paths = ["client", "server"]
        .map(|it| cluster.home.path(&format!("edge/pki/kubelet-{it}-current.pem")));
    let kept = || paths.each_ref().map(|path| fs::read(path).expect("it is there"));
    let (first, begun) = (kept(), Instant::now());
    while kept().iter().zip(&first).any(|(now, before)| now == before) {
        assert!(begun.elapsed() < PATIENCE, "certificates are not renewed");
        // Nobody tells of files; it is only a look that is repeated.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    prints(&plane, &cluster, "second", "edge").await;
    let asked = requests(&plane).await;
    let own = asked.iter().filter(|it| it.spec.username.as_deref() == Some("system:node:edge"));
    assert!(own.count() >= 3, "one to serve, and one of each that is new");
    node.stop().exits(0);
    plane.server.stop().exits(0);
}
