//! Three hosts with addresses of their own, and the control plane on a fourth: one is cut off, one is
//! killed, and so is the control plane; nothing is lost, and nothing is counted twice.

mod network;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, LogParams};
use serde_json::json;

use self::network::Network;
use super::kit::{Cluster, ControlPlane, HOSTS, JoinedNode, LONG, PATIENCE, node_of, phase};
use crate::harness::say;

/// How long a node may be silent. Kubernetes' 40 seconds would only make the test longer; a node says
/// that it is alive four times in it, so that a slow machine does not make one look silent.
const LEASE_SECONDS: u32 = 20;

/// The pods of the Job that goes on all the time.
const LASTING: usize = 6;

#[test]
fn hosts_are_cut_off_and_killed_and_nothing_is_lost_or_counted_twice() {
    let names: Vec<&str> = ["plane"].into_iter().chain(HOSTS).collect();
    let network = match Network::of(&names) {
        Ok(network) => network,
        Err(why) => return say!("skipped: there are no three hosts: {why}"),
    };
    network.on("plane", || {
        // Its threads are on this host, too.
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        threads.expect("threads").block_on(async {
            let mut test = Test::begin(&network).await;
            test.spreads().await;
            test.lasts().await;
            test.is_cut_off("left").await;
            test.is_killed("middle").await;
            test.loses_its_control_plane().await;
            test.end();
        });
    });
}

struct Test<'a> {
    network: &'a Network,
    cluster: Cluster,
    plane: ControlPlane,
    /// In the order of [`HOSTS`].
    nodes: Vec<JoinedNode>,
    /// How many guests must have begun and ended by now.
    begun: usize,
    ended: usize,
    /// How many pods of the lasting Job must have failed by now.
    failed: usize,
}

impl<'a> Test<'a> {
    async fn begin(network: &'a Network) -> Self {
        let cluster = Cluster::new();
        let plane = cluster.serve_at(&format!("{}:0", network.address("plane"))).await;
        let nodes = HOSTS.map(|name| start(network, &cluster, &plane, name));
        for name in HOSTS {
            let node = plane.ready(name).await;
            let addresses = node.status.and_then(|status| status.addresses).unwrap_or_default();
            let own = addresses.iter().find(|it| it.type_ == "InternalIP");
            assert_eq!(own.map(|it| it.address.clone()), Some(network.address(name)));
        }
        let (begun, ended, failed) = (0, 0, 0);
        Self { network, cluster, plane, nodes: nodes.into(), begun, ended, failed }
    }

    /// A Job is spread over all hosts, and what its pods print can be read.
    async fn spreads(&mut self) {
        // None of them ends before the last one has its host.
        let milliseconds = u32::try_from(LONG.as_millis()).expect("it is an hour");
        self.plane.create(&self.cluster.job("spread", 9, milliseconds)).await;
        self.plane.running(9).await;
        let pods = self.plane.all_pods().await;
        let used: BTreeSet<&str> = pods.iter().map(node_of).collect();
        assert_eq!(used, BTreeSet::from(HOSTS));
        self.begun = 9;
        self.cluster.until(self.begun, self.ended).await;
        let all = DeleteParams::background();
        self.plane.jobs().delete("spread", &all).await.expect("it must be there");
        let since = Instant::now();
        while !self.of("spread").await.is_empty() {
            assert!(since.elapsed() < PATIENCE, "pods of a Job that is deleted must go");
            // Only a look that is repeated.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.plane.create(&self.cluster.printing("talk", &["over", "there"])).await;
        self.plane.completed("talk").await;
        let pods = self.of("talk").await;
        let name = pods[0].metadata.name.as_deref().expect("it has a name");
        let log = self.plane.pods().logs(name, &LogParams::default()).await.expect("a log");
        assert!(log.contains("arg 1: over\narg 2: there\n"), "{log}");
    }

    /// A Job begins whose pods run to the end of the test, and leave a lost host after a second.
    async fn lasts(&mut self) {
        let milliseconds = u32::try_from(LONG.as_millis()).expect("it is an hour");
        let mut job =
            self.cluster.job("lasting", u32::try_from(LASTING).expect("it is small"), milliseconds);
        let spec = job.spec.as_mut().and_then(|it| it.template.spec.as_mut()).expect("it has one");
        let leaves = ["unreachable", "not-ready"].map(|why| {
            json!({
                "key": format!("node.kubernetes.io/{why}"), "operator": "Exists",
                "effect": "NoExecute", "tolerationSeconds": 1,
            })
        });
        spec.tolerations = serde_json::from_value(json!(leaves)).expect("tolerations");
        self.plane.create(&job).await;
        self.begun += LASTING;
        self.settles(&[]).await;
    }

    async fn is_cut_off(&mut self, host: &str) {
        let lost = self.running_on(host).await;
        assert!(!lost.is_empty(), "nothing runs on {host}");
        self.network.cut_off(host);
        let node = self.plane.wait(self.plane.nodes(), |node| is_silent(node, host)).await;
        self.was_silent_for_long_enough(&node).await;
        // Others are made in the place of those that are there, of which nobody knows how they are.
        self.begun += lost.len();
        self.settles(&[host]).await;
        let there = self.of("lasting").await;
        let there = there.iter().filter(|pod| node_of(pod) == host);
        for pod in there.clone() {
            assert!(pod.metadata.deletion_timestamp.is_some(), "{pod:#?}");
        }
        assert_eq!(uids(there), lost, "nobody has said that they have ended");
        // It learns what has become of them, and ends them.
        self.network.mend(host);
        self.plane.ready(host).await;
        self.failed += lost.len();
        self.counts().await;
        self.settles(&[]).await;
        let since = Instant::now();
        while !uids(&self.of("lasting").await).is_disjoint(&lost) {
            assert!(since.elapsed() < PATIENCE, "{lost:?} have ended, and must go");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn is_killed(&mut self, host: &str) {
        let lost = self.running_on(host).await;
        assert!(!lost.is_empty(), "nothing runs on {host}");
        let place = HOSTS.iter().position(|it| *it == host).expect("it is a host");
        self.nodes.remove(place).kill();
        let node = start(self.network, &self.cluster, &self.plane, host);
        self.nodes.insert(place, node);
        self.plane.ready(host).await;
        self.begun += lost.len();
        self.failed += lost.len();
        self.counts().await;
        self.settles(&[]).await;
    }

    async fn loses_its_control_plane(&mut self) {
        let before = uids(&self.of("lasting").await);
        self.plane.create(&self.cluster.job("away", 6, 3000)).await;
        self.begun += 6;
        self.ended += 6;
        self.cluster.until(self.begun, 0).await;
        let address = self.plane.server.address().to_owned();
        self.plane.server.cut_off();
        // It goes on without.
        self.cluster.until(self.begun, self.ended).await;
        self.plane = self.cluster.serve_again(&address).await;
        let job = self.plane.completed("away").await;
        let status = job.status.expect("it has one");
        assert_eq!((status.succeeded, status.failed), (Some(6), None));
        for host in HOSTS {
            self.plane.ready(host).await;
        }
        self.counts().await;
        self.settles(&[]).await;
        assert_eq!(uids(&self.of("lasting").await), before, "none was made anew");
    }

    fn end(self) {
        for node in self.nodes {
            node.stop().exits(0);
        }
        self.plane.server.stop().exits(0);
    }

    /// Waits until all pods of the lasting Job run, none of them on the `lost` hosts; and no guest has
    /// begun or ended that should not have.
    async fn settles(&self, lost: &[&str]) {
        let since = Instant::now();
        loop {
            let pods = self.of("lasting").await;
            let runs = |pod: &&Pod| {
                phase(pod) == "Running"
                    && pod.metadata.deletion_timestamp.is_none()
                    && !lost.contains(&node_of(pod))
            };
            if pods.iter().filter(runs).count() == LASTING {
                break;
            }
            assert!(since.elapsed() < PATIENCE, "{pods:#?}");
            // Only a look that is repeated.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let ledger = self.cluster.until(self.begun, self.ended).await;
        let sum = |of: fn(&(usize, usize)) -> usize| ledger.values().map(of).sum::<usize>();
        assert_eq!((sum(|it| it.0), sum(|it| it.1)), (self.begun, self.ended), "{ledger:?}");
        assert!(ledger.values().all(|runs| runs.0 == 1), "one ran twice: {ledger:?}");
    }

    /// Waits until the lasting Job has counted what has failed, each once.
    async fn counts(&self) {
        let expect = (i32::try_from(LASTING).ok(), i32::try_from(self.failed).ok());
        let of = |job: &Job| {
            let status = job.status.clone().unwrap_or_default();
            (status.active, status.failed)
        };
        let named = |job: &Job| job.metadata.name.as_deref() == Some("lasting");
        let job = self.plane.wait(self.plane.jobs(), |job| {
            let (_, failed) = of(job);
            assert!(!named(job) || failed <= expect.1, "one was counted twice: {job:#?}");
            named(job) && of(job) == expect
        });
        assert_eq!(job.await.status.and_then(|status| status.succeeded), None);
    }

    /// Whether the control plane has given up on `node`, which it has just done, not before its time.
    async fn was_silent_for_long_enough(&self, node: &Node) {
        let name = node.metadata.name.as_deref().expect("it has a name");
        let leases = Api::<Lease>::namespaced(self.plane.client.clone(), "kube-node-lease");
        let spec = leases.get(name).await.expect("its lease").spec.expect("it says so");
        assert_eq!(spec.lease_duration_seconds, i32::try_from(LEASE_SECONDS).ok());
        let renewed = spec.renew_time.expect("it says when").0;
        let since = ready(node).and_then(|it| it.last_transition_time.clone()).expect("it has one");
        // Of the latter, only whole seconds are told.
        let silent = since.0.duration_since(renewed).as_secs() + 1;
        assert!(silent >= i64::from(LEASE_SECONDS), "given up after {silent} seconds");
    }

    async fn of(&self, job: &str) -> Vec<Pod> {
        let is_its = |pod: &Pod| {
            let labels = pod.metadata.labels.as_ref();
            labels.and_then(|it| it.get("job-name")).is_some_and(|it| it == job)
        };
        self.plane.all_pods().await.into_iter().filter(is_its).collect()
    }

    async fn running_on(&self, host: &str) -> BTreeSet<String> {
        let pods = self.of("lasting").await;
        uids(pods.iter().filter(|pod| node_of(pod) == host && phase(pod) == "Running"))
    }
}

fn start(network: &Network, cluster: &Cluster, plane: &ControlPlane, name: &str) -> JoinedNode {
    let lease = LEASE_SECONDS.to_string();
    let options = ["--register-with-taints", "", "--node-lease-duration-seconds", &lease];
    let kubeconfig = cluster.kubeconfig(plane, name);
    network.on(name, || cluster.node_by(&kubeconfig, name, &options))
}

fn uids<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> BTreeSet<String> {
    pods.into_iter().filter_map(|pod| pod.metadata.uid.clone()).collect()
}

fn ready(node: &Node) -> Option<&k8s_openapi::api::core::v1::NodeCondition> {
    let mut conditions = node.status.iter().flat_map(|it| it.conditions.iter().flatten());
    conditions.find(|it| it.type_ == "Ready")
}

/// Whether nobody knows how the node `name` is, and it is tainted for that.
fn is_silent(node: &Node, name: &str) -> bool {
    let taints = node.spec.iter().flat_map(|it| it.taints.iter().flatten());
    let mut taints = taints.map(|it| (&*it.key, &*it.effect));
    node.metadata.name.as_deref() == Some(name)
        && ready(node).is_some_and(|it| it.status == "Unknown")
        && taints.any(|it| it == ("node.kubernetes.io/unreachable", "NoExecute"))
}
