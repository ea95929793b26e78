//! What a pod costs the control plane, with a store on disk and a runtime that does nothing.
//!
//! ```text
//! cargo bench -p mayfly-controller --bench pods -- [one|many|scrape] [COUNT]
//! ```
//!
//! `one` is one Job of COUNT pods, 200 at a time; `many` is COUNT Jobs of one pod each, 200 at a
//! time; `scrape` is as `one`, and says afterwards what a scrape of the metrics costs. It says how long that took, and how much processor time. All of it runs on one thread and
//! the store's own, so that `benches/instructions` can count what it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mayfly_controller::admission;
use mayfly_controller::api::{Job, Kind, Resource};
use mayfly_controller::clock::Clock;
use mayfly_controller::job::BackoffSettings;
use mayfly_controller::limits::METRICS_OBJECTS_MAX;
use mayfly_controller::metrics::{Pieces, Requests, Snapshot, Sources};
use mayfly_controller::node::{self, NodeSettings, PodRuntime, Pull, Stream};
use mayfly_controller::podgc::TERMINATED_POD_GC_THRESHOLD;
use mayfly_controller::store::{Names, Store, Transaction, Watch};
use mayfly_controller::{ControlPlane, Settings};
use mimalloc::MiMalloc;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// The one that the `mayfly` command has.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const AT_ONCE: usize = 200;
const COUNT: usize = 10_000;

/// Prints one line for each container.
struct OneLine;

impl PodRuntime for OneLine {
    async fn pull(&self, _: Pull) -> Result<node::Image, node::PullError> {
        Ok(node::Image { id: format!("sha256:{:064}", 0), was_present: true, bytes: 1 })
    }

    async fn run(
        &self,
        container: node::Container,
        _: CancellationToken,
    ) -> Result<node::ContainerEnd, node::StartError> {
        let written = container.output.write(Stream::Stdout, b"done\n");
        written.map_err(|error| node::StartError(error.to_string()))?;
        Ok(node::ContainerEnd {
            exit_code: 0,
            reason: "Completed".into(),
            message: None,
            termination_log: Vec::new(),
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Cargo adds an option of its own.
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let kind = words.next().unwrap_or_else(|| "one".to_owned());
    let (is_one, is_scrape) = (kind != "many", kind == "scrape");
    let count = words.next().map_or(COUNT, |word| word.parse().expect("a number"));

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let store = Store::open(&folder.path().join("store"), Clock::system(), Names::seeded(1));
    let store = store.expect("the store opens");
    let settings = Settings {
        backoff: BackoffSettings::default(),
        node: NodeSettings::new("localhost", folder.path()),
        root_ca: None,
        // A scrape is to meet all of them.
        terminated_pod_gc_threshold: if is_scrape { 0 } else { TERMINATED_POD_GC_THRESHOLD },
    };
    let plane = ControlPlane::start(store.clone(), Arc::new(OneLine), settings);
    plane.ready().await;

    let mut jobs = store.watch(&[Kind::Job], store.resource_version()).expect("a watch");
    let (started, before) = (Instant::now(), processor_time());
    if is_one {
        create(&store, "many".to_owned(), count).await;
        completed(&mut jobs, 1).await;
    } else {
        for first in (0..count).step_by(AT_ONCE) {
            let some = first..count.min(first + AT_ONCE);
            let made = some.clone().map(|number| create(&store, format!("job-{number}"), 1));
            join_all(made).await;
            completed(&mut jobs, some.len()).await;
        }
    }
    let (wall, cpu) = (started.elapsed(), processor_time() - before);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!("{count} pods: {:.1} µs each, {:.1} µs of processor time", each(wall), each(cpu));
    if is_scrape {
        scrape(&store, &plane);
    }
    plane.shutdown().await;
}

/// Says what a scrape takes that begins now: until there is something to send, and in all.
fn scrape(store: &Store, plane: &ControlPlane) {
    let begun = Instant::now();
    let snapshot = Snapshot::of(&Sources {
        store,
        usages: plane.usages(),
        requests: &Requests::default(),
        queues: plane.queues(),
        since: store.clock().now(),
        objects_max: METRICS_OBJECTS_MAX,
    });
    let taken = begun.elapsed();
    let bytes: usize = Pieces::all(snapshot).map(|piece| piece.len()).sum();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (first, all, megabytes) = (millis(taken), millis(begun.elapsed()), bytes >> 20);
    println!("a scrape: {first:.1} ms until it is sent, {all:.1} ms in all for {megabytes} MiB");
}

async fn create(store: &Store, name: String, completions: usize) {
    let resources = json!({"requests": {"memory": "64Ki"}, "limits": {"memory": "4Mi"}});
    let container = json!({"name": "main", "image": "line", "resources": resources});
    let job = json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "completions": completions, "parallelism": AT_ONCE.min(completions),
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    });
    let job: Job = serde_json::from_value(job).expect("a Job");
    let admitted = admission::admit_job(job, &store.names().uid()).expect("a good Job");
    store.commit(Transaction::new().create(admitted.object)).await.expect("it is made");
}

/// Waits until so many more Jobs are complete.
async fn completed(jobs: &mut Watch, mut count: usize) {
    while count > 0 {
        let change = jobs.next().await.expect("the watch keeps up");
        let Some(job) = Job::from_object(&change.object) else { continue };
        let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
        count -= conditions.into_iter().filter(|condition| condition.type_ == "Complete").count();
    }
}

/// Of all threads, in user and system mode. From /proc, since valgrind hides the vDSO, which rustix
/// would ask.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc is mounted");
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = after_name.split(' ').skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.map(|ticks| ticks.expect("a number")).sum();
    // The kernel's unit, on every Linux.
    Duration::from_millis(ticks * 10)
}
