//! Jobs from their creation to their end, in simulated time.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::admission::{self, decode};
use crate::api::{
    Event, Job, Key, Kind, Namespace, Node, Object, ObjectMeta, Pod, Resource, Timestamp,
};
use crate::clock::Clock;
use crate::job::conditions;
use crate::node::{Container, ContainerEnd, Image, Pull, PullError, StartError, Stream};
use crate::podgc::TERMINATED_POD_GC_THRESHOLD;
use crate::store::{ChangeKind, DeleteOptions, Names, Transaction};

mod cron_jobs;
mod namespaces;
mod nodes;
mod podgc;
mod priorities;
mod restarts;

/// Runs that take `seconds` and end with the next exit code, the last one for ever.
struct FakeRuntime {
    seconds: u64,
    exit_codes: Mutex<Vec<i32>>,
}

impl PodRuntime for FakeRuntime {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        Ok(Image { id: pull.image, was_present: true, bytes: 1 })
    }

    async fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        container.output.write(Stream::Stdout, b"hello\n").unwrap();
        let work = tokio::time::sleep(Duration::from_secs(self.seconds));
        let exit_code = match cancel.run_until_cancelled(work).await {
            None => 137,
            Some(()) => {
                let mut exit_codes = self.exit_codes.lock().unwrap();
                if exit_codes.len() > 1 { exit_codes.remove(0) } else { exit_codes[0] }
            }
        };
        let reason = if exit_code == 0 { "Completed" } else { "Error" }.into();
        Ok(ContainerEnd { exit_code, reason, message: None, termination_log: Vec::new() })
    }
}

struct Simulation {
    store: Store,
    runtime: Arc<FakeRuntime>,
    plane: ControlPlane,
    root: tempfile::TempDir,
    terminated_pod_gc_threshold: usize,
}

/// Stands for the authority of a server.
const ROOT_CA: &str = "authority";

impl Simulation {
    fn start(seconds: u64, exit_codes: &[i32]) -> Self {
        Self::start_keeping(TERMINATED_POD_GC_THRESHOLD, seconds, exit_codes)
    }

    /// One that keeps so many finished pods.
    fn start_keeping(finished_max: usize, seconds: u64, exit_codes: &[i32]) -> Self {
        let start = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        let store = Store::in_memory(Clock::simulated(start), Names::seeded(1));
        let root = tempfile::tempdir().unwrap();
        let runtime =
            Arc::new(FakeRuntime { seconds, exit_codes: Mutex::new(exit_codes.to_vec()) });
        let plane = Self::plane(&store, &runtime, root.path(), finished_max);
        Self { store, runtime, plane, root, terminated_pod_gc_threshold: finished_max }
    }

    fn plane(
        store: &Store,
        runtime: &Arc<FakeRuntime>,
        root: &Path,
        finished_max: usize,
    ) -> ControlPlane {
        let mut node = NodeSettings::new("localhost", root);
        // Room for all that is made here, whatever this host has.
        node.capacity.memory_bytes = 1 << 50;
        let settings = Settings {
            backoff: BackoffSettings::default(),
            node,
            root_ca: Some(ROOT_CA.to_owned()),
            terminated_pod_gc_threshold: finished_max,
        };
        ControlPlane::start(store.clone(), Arc::clone(runtime), settings)
    }

    /// As when the process is killed, and started again at once on the same state.
    fn crash(&mut self) {
        let finished_max = self.terminated_pod_gc_threshold;
        self.plane = Self::plane(&self.store, &self.runtime, self.root.path(), finished_max);
    }

    async fn create(&self, spec: &str) {
        let manifest = format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: job, namespace: default}}, \
             spec: {{{spec}, template: {{spec: {{restartPolicy: Never, \
             containers: [{{name: main, image: any}}]}}}}}}}}"
        );
        self.create_manifest(&manifest).await;
    }

    async fn create_manifest(&self, manifest: &str) {
        let documents = decode::decode(manifest.as_bytes(), "-", Default::default()).unwrap();
        let Object::Job(job) = &documents[0].object else { panic!("not a Job") };
        let job = admission::admit_job((**job).clone(), &self.store.names().uid()).unwrap().object;
        self.store.commit(Transaction::new().create(job)).await.unwrap();
    }

    /// Waits for the Job to end.
    async fn end(&self) -> Arc<Job> {
        let mut watch = self.store.watch(&[Kind::Job], 0).unwrap();
        loop {
            let change = watch.next().await.unwrap();
            let Some(job) = Job::from_object(&change.object) else { continue };
            let status = job.status.as_ref().and_then(|status| status.conditions.as_deref());
            if status.is_some_and(conditions::say_finished) {
                return Arc::clone(job);
            }
        }
    }

    /// When each pod was made, in seconds since the Job was.
    fn pods_made_at(&self) -> Vec<i64> {
        let created = |metadata: &ObjectMeta| metadata.creation_timestamp.as_ref().unwrap().0;
        let job = created(&self.store.get::<Job>(&Key::new("default", "job")).unwrap().metadata);
        let pods = self.store.list::<Pod>(None).items;
        let mut seconds: Vec<_> =
            pods.iter().map(|pod| created(&pod.metadata).duration_since(job).as_secs()).collect();
        seconds.sort_unstable();
        seconds
    }
}

#[tokio::test(start_paused = true)]
async fn what_clients_expect_is_there_once_it_is_ready() {
    let simulation = Simulation::start(1, &[]);
    simulation.plane.ready().await;
    let has = |kind, key: Key| simulation.store.get_object(kind, &key).is_some();
    assert!(has(Kind::Namespace, Key::new("", "default")));
    assert!(has(Kind::ServiceAccount, Key::new("default", "default")));
    assert!(has(Kind::Node, Key::new("", "localhost")));
    assert!(has(Kind::ConfigMap, Key::new("kube-public", "cluster-info")));
}

#[tokio::test(start_paused = true)]
async fn what_hosts_know_it_by_is_there_once_it_is_ready() {
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    let root = tempfile::tempdir().unwrap();
    let runtime = FakeRuntime { seconds: 1, exit_codes: Mutex::new(vec![0]) };
    let settings = Settings {
        backoff: BackoffSettings::default(),
        node: NodeSettings::new("localhost", root.path()),
        root_ca: Some(ROOT_CA.to_owned()),
        terminated_pod_gc_threshold: TERMINATED_POD_GC_THRESHOLD,
    };
    // No node is waited for, which takes longer than that.
    let plane = ControlPlane::start_without_node(store.clone(), Arc::new(runtime), settings);
    plane.ready().await;
    let key = Key::new("kube-public", "cluster-info");
    assert!(store.get_object(Kind::ConfigMap, &key).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_job_completes_and_no_more_pods_are_active_than_it_says() {
    let simulation = Simulation::start(5, &[0]);
    simulation.create("completions: 1000, parallelism: 100").await;
    let job = simulation.end().await;
    assert_eq!(job.status.as_ref().unwrap().succeeded, Some(1000));
    let rounds = (0..10).flat_map(|round| [round * 5; 100]);
    assert_eq!(simulation.pods_made_at(), rounds.collect::<Vec<_>>());

    let mut watch = simulation.store.watch(&[Kind::Pod], 0).unwrap();
    let mut active = BTreeSet::new();
    while let Some(change) = watch.try_next() {
        let pod = Pod::from_object(&change.object).unwrap();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) || change.what == ChangeKind::Deleted {
            active.remove(&change.key);
        } else {
            active.insert(change.key.clone());
        }
        assert!(active.len() <= 100, "{active:?}");
    }
    let store = simulation.store.clone();
    simulation.plane.shutdown().await;
    assert!(store.get::<Namespace>(&Key::new("", "default")).is_some());
    assert!(store.get::<Node>(&Key::new("", "localhost")).is_some());
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_after_ten_and_twenty_seconds() {
    let simulation = Simulation::start(0, &[1, 1, 0]);
    simulation.create("backoffLimit: 6").await;
    let job = simulation.end().await;
    let status = job.status.as_ref().unwrap();
    assert_eq!((status.failed, status.succeeded), (Some(2), Some(1)));
    assert_eq!(simulation.pods_made_at(), [0, 10, 30]);
    let store = simulation.store.clone();
    simulation.plane.shutdown().await;
    let told: BTreeSet<_> =
        store.list::<Event>(None).items.iter().filter_map(|it| it.reason.clone()).collect();
    let expect = ["SuccessfulCreate", "Scheduled", "Started", "Completed"];
    assert!(expect.iter().all(|reason| told.contains(*reason)), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_job_takes_its_pods_with_it() {
    let simulation = Simulation::start(1000, &[0]);
    simulation.create("parallelism: 3").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(simulation.store.list::<Pod>(None).items.len(), 3);
    let key = Key::new("default", "job");
    let delete = Transaction::new().delete(Kind::Job, key, DeleteOptions::default());
    simulation.store.commit(delete).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(simulation.store.list::<Pod>(None).items.is_empty());
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_goes_when_its_time_has_come() {
    let simulation = Simulation::start(5, &[0]);
    simulation.create("completions: 2, ttlSecondsAfterFinished: 30").await;
    simulation.end().await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(simulation.store.list::<Pod>(None).items.len(), 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(simulation.store.list::<Job>(None).items.is_empty());
    assert!(simulation.store.list::<Pod>(None).items.is_empty());
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_what_runs() {
    let simulation = Simulation::start(1000, &[0]);
    simulation.create("parallelism: 2, completions: 2, activeDeadlineSeconds: 7").await;
    let job = simulation.end().await;
    let conditions = job.status.as_ref().unwrap().conditions.as_ref().unwrap();
    let failed = conditions.iter().find(|condition| condition.type_ == "Failed").unwrap();
    assert_eq!(failed.reason.as_deref(), Some("DeadlineExceeded"));
    simulation.plane.shutdown().await;
}

/// Checks on the whole history that what was counted stays counted, and is what the pods say.
fn check_counts(simulation: &Simulation, seed: u64) -> (i32, i32) {
    let mut watch = simulation.store.watch(&[Kind::Job, Kind::Pod], 0).unwrap();
    let mut ended = [BTreeSet::new(), BTreeSet::new()];
    let mut counted = (0, 0);
    while let Some(change) = watch.try_next() {
        if let Some(pod) = Pod::from_object(&change.object) {
            match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
                Some("Succeeded") => ended[0].insert(change.key.clone()),
                Some("Failed") => ended[1].insert(change.key.clone()),
                _ => false,
            };
        }
        if let Some(job) = Job::from_object(&change.object) {
            let status = job.status.clone().unwrap_or_default();
            let now = (status.succeeded.unwrap_or(0), status.failed.unwrap_or(0));
            assert!(now.0 >= counted.0 && now.1 >= counted.1, "seed {seed}: {counted:?}, {now:?}");
            assert!(now.0 as usize <= ended[0].len(), "seed {seed}: {now:?}, {ended:?}");
            assert!(now.1 as usize <= ended[1].len(), "seed {seed}: {now:?}, {ended:?}");
            counted = now;
        }
    }
    assert_eq!(
        (counted.0 as usize, counted.1 as usize),
        (ended[0].len(), ended[1].len()),
        "seed {seed}"
    );
    counted
}

#[tokio::test(start_paused = true)]
async fn whatever_crashes_nothing_is_lost_or_counted_twice() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let exit_codes: Vec<_> = (0..8).map(|_| i32::from(random.bool())).chain([0]).collect();
        let mut simulation = Simulation::start(random.u64(0..4), &exit_codes);
        simulation.create("completions: 12, parallelism: 3, backoffLimit: 1000").await;
        for _ in 0..random.u32(1..12) {
            tokio::time::sleep(Duration::from_millis(random.u64(0..5000))).await;
            // Also in the middle of what happens at one instant.
            for _ in 0..random.u32(0..200) {
                tokio::task::yield_now().await;
            }
            simulation.crash();
        }
        let end = tokio::time::timeout(Duration::from_hours(24), simulation.end()).await;
        assert!(end.is_ok(), "seed {seed}: the Job never ends");
        let (succeeded, _) = check_counts(&simulation, seed);
        assert_eq!(succeeded, 12, "seed {seed}");
        simulation.plane.shutdown().await;
    }
}
