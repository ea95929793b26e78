//! A control plane with nodes, each a process, and what they run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Config};
use rustix::process::Signal;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::harness::{Ended, Home, Running, Server, Stream, guest};

/// The image of every container: it leaves a file when it begins, and one when it ends.
const IMAGE: &str = "ledger";

/// The image of what prints its arguments.
const PRINTING: &str = "printing";

/// The image of what prints what it reads.
pub(super) const TYPING: &str = "typing";

/// The nodes of most tests.
pub(super) const NODES: [&str; 2] = ["left", "right"];

/// The nodes that may join; each one's token is its name.
pub(super) const HOSTS: [&str; 3] = ["left", "middle", "right"];

/// How long anything may take that a test of nodes waits for; only a fault takes as long. Longer than
/// elsewhere: a node notices after 135 seconds that its watch was cut without a word.
pub(super) const PATIENCE: Duration = Duration::from_secs(240);

/// How long a process of such a test may live: longer than its test waits, in all of its acts.
pub(super) const ACTS_MAX: Duration = Duration::from_secs(1800);

/// A home with a folder that all guests see.
pub(super) struct Cluster {
    pub(super) home: Home,
}

impl Cluster {
    /// With nodes that may join.
    pub(super) fn new() -> Self {
        let home = Home::new();
        fs::create_dir(home.path("shared")).expect("the volume must be made");
        // Where a server finds it by itself.
        home.write_nodes(".local/state/mayfly/users.yaml", &HOSTS);
        Self { home }
    }

    /// Starts the control plane, which runs nothing itself.
    pub(super) async fn serve(&self) -> ControlPlane {
        self.serve_with(&[]).await
    }

    /// The same with `options`.
    pub(super) async fn serve_with(&self, options: &[&str]) -> ControlPlane {
        self.serve_by("127.0.0.1:0", options).await
    }

    /// The same at `address`.
    pub(super) async fn serve_at(&self, address: &str) -> ControlPlane {
        self.serve_by(address, &[]).await
    }

    async fn serve_by(&self, address: &str, options: &[&str]) -> ControlPlane {
        let mut command = self.home.mayfly();
        command.args(["serve", "--listen", address, "--backoff-base=5ms", "--backoff-max=20ms"]);
        command.args(options);
        ControlPlane::of(Server::started(Running::patiently(&mut command, ACTS_MAX))).await
    }

    /// Starts it again where it was.
    pub(super) async fn serve_again(&self, address: &str) -> ControlPlane {
        let unused = format!("unused={}", guest("job_ledger"));
        let again = Server::start_again_patiently(&self.home, address, &unused, ACTS_MAX);
        ControlPlane::of(again).await
    }

    /// Starts the node `name` of `plane`, open to all pods.
    pub(super) fn node(&self, plane: &ControlPlane, name: &str) -> JoinedNode {
        self.node_with(plane, name, &["--register-with-taints", ""])
    }

    /// The same with `options`.
    pub(super) fn node_with(
        &self,
        plane: &ControlPlane,
        name: &str,
        options: &[&str],
    ) -> JoinedNode {
        self.node_by(&self.kubeconfig(plane, name), name, options)
    }

    /// The same by its kubeconfig.
    pub(super) fn node_by(&self, kubeconfig: &Path, name: &str, options: &[&str]) -> JoinedNode {
        let mut command = self.home.mayfly();
        command.args(["node", "--name", name, "--state-dir", name]);
        command.arg("--kubeconfig").arg(kubeconfig);
        Self::settled(&mut command, options);
        let mut running = Running::patiently(&mut command, ACTS_MAX);
        running.line(|from, line| {
            from == Stream::Stderr && line.starts_with(&format!("mayfly: node {name} works for "))
        });
        JoinedNode { running }
    }

    /// Starts the nodes of most tests, and has four pods of the Job `long` run on them.
    pub(super) async fn nodes_at_work(&self, plane: &ControlPlane) -> [JoinedNode; 2] {
        self.nodes_at_work_with(plane, &[]).await
    }

    /// The same with `options`.
    pub(super) async fn nodes_at_work_with(
        &self,
        plane: &ControlPlane,
        options: &[&str],
    ) -> [JoinedNode; 2] {
        let options = [&["--register-with-taints", ""], options].concat();
        let nodes = NODES.map(|name| self.node_with(plane, name, &options));
        for name in NODES {
            plane.ready(name).await;
        }
        let milliseconds = u32::try_from(LONG.as_millis()).expect("it is no more than an hour");
        plane.create(&self.job("long", 4, milliseconds)).await;
        plane.running(4).await;
        nodes
    }

    /// Gives a node, which `command` starts, what every node of a test has, and `options`.
    pub(super) fn settled(command: &mut Command, options: &[&str]) {
        let images = [(IMAGE, "job_ledger"), (PRINTING, "job_echo"), (TYPING, "job_stdin")];
        let images = images.map(|(image, file)| format!("--image={image}={}", guest(file)));
        command.args(["--host-path", "shared", "--kubelet-port", "0"]).args(images).args(options);
    }

    /// A client with the rights of the node `name`.
    pub(super) async fn as_node(&self, plane: &ControlPlane, name: &str) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig(plane, name)).expect("a kubeconfig");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        Client::try_from(config.expect("must be usable")).expect("a client")
    }

    /// The kubeconfig of the node `name`.
    pub(super) fn kubeconfig(&self, plane: &ControlPlane, name: &str) -> PathBuf {
        let mut config = Kubeconfig::read_from(plane.server.kubeconfig()).expect("a kubeconfig");
        for user in &mut config.auth_infos {
            let token = Some(name.to_owned().into());
            user.auth_info = Some(AuthInfo { token, ..AuthInfo::default() });
        }
        // What holds the token is left out of what is printed, so it is written by hand.
        let mut value = serde_json::to_value(&config).expect("a value");
        value["users"][0]["user"] = json!({"token": name});
        self.home.write(&format!("{name}.kubeconfig"), value.to_string())
    }

    /// A Job of `completions` pods, all at once, whose guests take so many milliseconds.
    pub(super) fn job(&self, name: &str, completions: u32, milliseconds: u32) -> Job {
        let uid = json!({"fieldRef": {"fieldPath": "metadata.uid"}});
        let shared = self.home.path("shared");
        let job = json!({
            "metadata": {"name": name},
            "spec": {
                "completions": completions, "parallelism": completions, "backoffLimit": 100,
                "template": {"spec": {
                    "restartPolicy": "Never",
                    "volumes": [{"name": "ledger", "hostPath": {"path": shared}}],
                    "containers": [{
                        "name": "main", "image": IMAGE,
                        "args": ["/ledger", "$(UID)", milliseconds.to_string(), "0"],
                        "env": [{"name": "UID", "valueFrom": uid}],
                        "volumeMounts": [{"name": "ledger", "mountPath": "/ledger"}],
                    }],
                }},
            },
        });
        serde_json::from_value(job).expect("must be a Job")
    }

    /// A Job of one pod, which prints `words` on a line.
    pub(super) fn printing(&self, name: &str, words: &[&str]) -> Job {
        let job = json!({
            "metadata": {"name": name},
            "spec": {"template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": PRINTING, "args": words}],
            }}},
        });
        serde_json::from_value(job).expect("must be a Job")
    }

    /// How often the guests of each pod, by its uid, have begun, and how often they have ended.
    pub(super) fn ledger(&self) -> BTreeMap<String, (usize, usize)> {
        let mut runs: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for entry in fs::read_dir(self.home.path("shared")).expect("the ledger must be readable") {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            let (uid, rest) = name.split_once('.').expect("it must name a pod");
            let of_pod = runs.entry(uid.to_owned()).or_default();
            match rest.ends_with(".start") {
                true => of_pod.0 += 1,
                false => of_pod.1 += 1,
            }
        }
        runs
    }
}

impl Cluster {
    /// Waits until so many guests have begun, and so many of them have ended.
    pub(super) async fn until(
        &self,
        begun: usize,
        ended: usize,
    ) -> BTreeMap<String, (usize, usize)> {
        let since = Instant::now();
        loop {
            let ledger = self.ledger();
            let sum = |of: fn(&(usize, usize)) -> usize| ledger.values().map(of).sum::<usize>();
            if begun <= sum(|it| it.0) && ended <= sum(|it| it.1) {
                return ledger;
            }
            assert!(since.elapsed() < PATIENCE, "{ledger:?}");
            // Nobody tells of files; it is only a look that is repeated.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Cluster {
    /// Waits until the node `name` has noted of so many pods that they have succeeded.
    pub(super) async fn noted(&self, name: &str, count: usize) {
        let since = Instant::now();
        loop {
            let journal = fs::read_to_string(self.home.path(name).join("journal"));
            let journal = journal.expect("the node must have one");
            let ended = journal.lines().filter(|line| line.contains("\"phase\":\"Succeeded\""));
            let uids = ended.filter_map(|line| line.split('"').nth(3));
            if uids.collect::<BTreeSet<_>>().len() == count {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{journal}");
            // Only a look that is repeated.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The control plane, and a user of it.
pub(super) struct ControlPlane {
    pub(super) server: Server,
    pub(super) client: Client,
}

impl ControlPlane {
    async fn of(server: Server) -> Self {
        let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).expect("must be a kubeconfig");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let client = Client::try_from(config.expect("must be usable")).expect("a client");
        let plane = Self { server, client };
        // Its own node takes no pods.
        plane.cordon("mayfly").await;
        plane
    }

    /// Has no more pods bound to the node `name`.
    pub(super) async fn cordon(&self, name: &str) {
        let cordon = Patch::Merge(json!({"spec": {"unschedulable": true}}));
        let done = self.nodes().patch(name, &PatchParams::default(), &cordon).await;
        done.expect("it must be there");
    }

    pub(super) fn jobs(&self) -> Api<Job> {
        Api::default_namespaced(self.client.clone())
    }

    pub(super) fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.client.clone())
    }

    pub(super) fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    pub(super) async fn create(&self, job: &Job) {
        self.jobs().create(&PostParams::default(), job).await.expect("it must be made");
    }

    /// All pods that there are.
    pub(super) async fn all_pods(&self) -> Vec<Pod> {
        self.pods().list(&ListParams::default()).await.expect("a list").items
    }

    /// Waits until some object of `api` `is_wanted`, and gives it.
    pub(super) async fn wait<K>(&self, api: Api<K>, is_wanted: impl Fn(&K) -> bool) -> K
    where
        K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned,
        K: std::fmt::Debug + Send + 'static,
    {
        let found = async {
            let objects = watcher(api, watcher::Config::default()).default_backoff();
            let mut objects = pin!(objects.applied_objects());
            while let Some(object) = objects.try_next().await.transpose() {
                if let Ok(object) = object
                    && is_wanted(&object)
                {
                    return object;
                }
            }
            panic!("a watch must not end")
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it must come about")
    }

    /// Waits until so many pods have been seen running.
    pub(super) async fn running(&self, count: usize) {
        let seen = Mutex::new(BTreeSet::new());
        self.wait(self.pods(), |pod| {
            let mut seen = seen.lock().expect("nobody panics");
            if phase(pod) == "Running" {
                seen.insert(pod.metadata.uid.clone());
            }
            seen.len() == count
        })
        .await;
    }

    /// Waits until the Job `name` is complete.
    pub(super) async fn completed(&self, name: &str) -> Job {
        self.wait(self.jobs(), |job| {
            let status = job.status.iter();
            let mut conditions = status.flat_map(|it| it.conditions.iter().flatten());
            job.metadata.name.as_deref() == Some(name)
                && conditions.any(|it| it.type_ == "Complete" && it.status == "True")
        })
        .await
    }

    /// Waits until the node `name` is ready.
    pub(super) async fn ready(&self, name: &str) -> Node {
        self.wait(self.nodes(), |node| {
            let status = node.status.iter();
            let mut conditions = status.flat_map(|it| it.conditions.iter().flatten());
            node.metadata.name.as_deref() == Some(name)
                && conditions.any(|it| it.type_ == "Ready" && it.status == "True")
        })
        .await
    }
}

/// A node, as a process.
pub(super) struct JoinedNode {
    pub(super) running: Running,
}

impl JoinedNode {
    /// Asks it to stop, and waits until it has.
    pub(super) fn stop(self) -> Ended {
        self.running.signal(Signal::TERM);
        self.running.wait()
    }

    /// Ends it as a power cut would.
    pub(super) fn kill(self) -> Ended {
        self.running.kill()
    }
}

/// The phase of a pod.
pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// The node that a pod is bound to.
pub(super) fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default()
}

/// How long a guest takes that is to be caught in the middle.
pub(super) const LONG: Duration = Duration::from_secs(3600);
