//! A trace played on our own control plane, in simulated time.

use std::sync::Arc;
use std::time::Duration;

use mayfly_controller::admission;
use mayfly_controller::admission::decode::{self, FieldValidation};
use mayfly_controller::api::{Job, Kind, Object, Pod, Resource, SignedDuration, Timestamp};
use mayfly_controller::clock::Clock;
use mayfly_controller::job::BackoffSettings;
use mayfly_controller::node::{BackoffCurve, NodeSettings};
use mayfly_controller::podgc::TERMINATED_POD_GC_THRESHOLD;
use mayfly_controller::store::{Change, ChangeKind, Names, Store, Transaction};
use mayfly_controller::ttl::TtlController;
use mayfly_controller::{ControlPlane, Settings};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::elsewhere;
use super::runtime::ScriptedRuntime;
use super::stage::Stage;
use super::steps::Cluster;
use super::story::{Story, stored};
use super::trace::Trace;

/// How long the node has to register before the Job comes.
const BEFORE: Duration = Duration::from_secs(1);

/// How much later than recorded a pod may come.
const CREATED_WITHIN: Duration = Duration::from_millis(1500);

/// How long after the last thing that was recorded the replay goes on.
const AFTER: f64 = 1.5;

/// Plays `trace`. Gives what came of it, and where the answers of the API differ.
pub(super) async fn replay(trace: &Trace) -> (Story, Vec<String>) {
    let clock = Clock::simulated(trace.start() - BEFORE);
    let store = Store::in_memory(clock.clone(), Names::seeded(1));
    let stage = Arc::new(Stage::new(trace.script.clone(), &store));
    let root = tempfile::tempdir().expect("a temporary directory");
    let runtime = ScriptedRuntime { store: store.clone(), stage: stage.clone() };
    let plane = ControlPlane::start(store.clone(), Arc::new(runtime), settings(trace, root.path()));
    let mut others = JoinSet::new();
    others.spawn(TtlController::new(store.clone()).run(CancellationToken::new()));
    others.spawn(elsewhere::run(store.clone(), stage.clone()));
    let recorder = tokio::spawn(record(store.clone(), trace.start(), trace.end() + AFTER));

    let mut differences = Vec::new();
    clock.sleep_until(trace.start()).await;
    let (job, differs) = admit(trace);
    differences.extend(differs);
    let namespace = job.metadata.namespace.clone().unwrap_or_default();
    store.commit(Transaction::new().create(job)).await.expect("a Job must be made");
    let cluster = Cluster { store, stage, namespace };
    for action in trace.actions() {
        clock.sleep_until(trace.start() + Duration::from_secs_f64(action.t)).await;
        wait_for_pods(trace, &cluster, action.t).await;
        differences.extend(cluster.act(action).await.err());
    }
    let changes = recorder.await.expect("the recorder must not panic");
    plane.shutdown().await;
    (Story::replayed(trace, &changes), differences)
}

/// Waits until the last pod that had been made at `t` is there, for as long as it had been.
///
/// What is done may have waited for it, and back-off, counted from whole seconds there, can end
/// up to a second earlier.
async fn wait_for_pods(trace: &Trace, cluster: &Cluster, t: f64) {
    let Some(ordinal) = trace.pods.iter().rposition(|pod| pod.created_t < t) else { return };
    let since = Duration::from_secs_f64(t - trace.pods[ordinal].created_t);
    let mut watch = cluster.store.watch(&[Kind::Pod], 0).expect("the history must hold a trace");
    let mut made = 0;
    while made <= ordinal {
        let Ok(Ok(change)) = timeout(CREATED_WITHIN, watch.next()).await else { return };
        made += usize::from(change.what == ChangeKind::Added);
        if made > ordinal {
            let pod = Pod::from_object(&change.object).expect("it must be a pod");
            let created = pod.metadata.creation_timestamp.as_ref().expect("a pod has its time");
            cluster.store.clock().sleep_until(created.0 + since).await;
        }
    }
}

fn settings(trace: &Trace, root: &std::path::Path) -> Settings {
    let mut node = NodeSettings::new("fake", root);
    if let Some(seconds) = trace.script.restart_delay() {
        let delay = Duration::from_secs_f64(seconds);
        node.restart_backoff = BackoffCurve { base: delay, cap: delay };
    }
    let (base, cap) = (SignedDuration::from_secs(10), SignedDuration::from_mins(10));
    let terminated_pod_gc_threshold = TERMINATED_POD_GC_THRESHOLD;
    Settings {
        backoff: BackoffSettings { base, cap },
        node,
        root_ca: None,
        terminated_pod_gc_threshold,
    }
}

/// The Job of `trace` as it is stored, and how it differs from the answer to the POST.
fn admit(trace: &Trace) -> (Job, Option<String>) {
    let expect = &trace.created_object;
    let text = |name: &str| expect["metadata"][name].as_str().map(str::to_owned);
    let manifest = trace.job.to_string();
    let documents = decode::decode(manifest.as_bytes(), "-", FieldValidation::Strict);
    let documents = documents.expect("a recorded manifest must be read");
    let Object::Job(job) = &documents[0].object else { panic!("a trace must be of a Job") };
    let mut job = Job::clone(job);
    job.metadata.namespace = text("namespace");
    admission::name(&mut job.metadata, || {
        let name = text("name").expect("a Job must have a name");
        name[name.len() - 5..].to_owned()
    });
    let uid = text("uid").expect("a Job must have a uid");
    let mut job = admission::admit_job(job, &uid).expect("a recorded Job must be admitted").object;
    let got = stored(serde_json::to_value(&job).expect("a Job must have a wire form"));
    let expect = stored(expect.clone());
    let differs = (expect != got).then(|| format!("created: expected {expect}\n  got {got}"));
    if trace.script.is_beyond_our_node() {
        let spec = job.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
        spec.expect("a Job must have a template").node_name = Some(elsewhere::NAME.to_owned());
    }
    (job, differs)
}

/// Everything that happens until `seconds` after `start`, each with its time.
async fn record(store: Store, start: Timestamp, seconds: f64) -> Vec<(f64, Change)> {
    let mut watch = store.watch(&[Kind::Job, Kind::Pod, Kind::Event], 0).expect("a new store");
    let mut changes = Vec::new();
    let end = store.clock().sleep_until(start + Duration::from_secs_f64(seconds));
    tokio::pin!(end);
    loop {
        tokio::select! {
            biased;
            change = watch.next() => {
                let change = change.expect("the history must hold a trace");
                let t = store.clock().now().duration_since(start).as_secs_f64();
                changes.push((t, change));
            }
            () = &mut end => return changes,
        }
    }
}
