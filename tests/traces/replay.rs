//! A trace played on our own control plane, in simulated time, by clients of its API.

use std::sync::Arc;
use std::time::Duration;

use mayfly_controller::api::{Kind, Pod, Resource, SignedDuration, Timestamp};
use mayfly_controller::clock::Clock;
use mayfly_controller::http::{Api, router};
use mayfly_controller::job::BackoffSettings;
use mayfly_controller::node::{BackoffCurve, NodeSettings};
use mayfly_controller::podgc::TERMINATED_POD_GC_THRESHOLD;
use mayfly_controller::store::{Change, ChangeKind, Names, Store};
use mayfly_controller::{ControlPlane, Settings};
use serde_json::json;
use tokio::time::timeout;

use super::client::Client;
use super::elsewhere;
use super::kubectl::Kubectl;
use super::runtime::ScriptedRuntime;
use super::stage::Stage;
use super::steps::Cluster;
use super::story::{Story, comparable};
use super::trace::Trace;

/// How long the node has to register, and the namespace to be made, before the object comes.
const BEFORE: Duration = Duration::from_secs(1);

/// How long what bounds a namespace has until it holds.
const AT_ONCE: Duration = Duration::from_millis(1);

/// How much later than recorded a pod may come.
const CREATED_WITHIN: Duration = Duration::from_millis(1500);

/// How long after the last thing that was recorded the replay goes on.
const AFTER: f64 = 1.5;

/// Plays `trace`. Gives what came of it, and where answers and texts differ.
pub(super) async fn replay(trace: &Trace) -> (Story, Vec<String>) {
    let clock = Clock::simulated(trace.start() - BEFORE);
    let store = Store::in_memory(clock.clone(), Names::seeded(1));
    let stage = Arc::new(Stage::new(trace.script.clone(), &store));
    let root = tempfile::tempdir().expect("a temporary directory");
    let runtime = ScriptedRuntime { store: store.clone(), stage: stage.clone() };
    let plane = ControlPlane::start(store.clone(), Arc::new(runtime), settings(trace, root.path()));
    let namespace = trace.created_object["metadata"]["namespace"].as_str();
    let namespace = namespace.expect("an object must have its namespace").to_owned();
    let client = Client { router: router(Api::new(store.clone())), namespace };
    let _elsewhere = elsewhere::start(trace, &client, &store, &stage).await;
    let kubectl = Kubectl::new(client.router.clone(), &client.namespace).await;
    make_namespace(&client).await;
    let recorder = tokio::spawn(record(store.clone(), trace.start(), trace.end() + AFTER));

    clock.sleep_until(trace.start()).await;
    let recorded = trace.names();
    let mut cluster = Cluster { client, kubectl, stage, name: String::new(), recorded };
    let (before, after): (Vec<_>, Vec<_>) = trace.actions().iter().partition(|it| it.is_before());
    let mut differences: Vec<String> = Vec::new();
    for action in before {
        differences.extend(cluster.act(action).await.err());
        // The quota is counted by then.
        clock.sleep_until(trace.start() + AT_ONCE).await;
    }
    differences.extend(create(trace, &mut cluster).await);
    for action in after {
        clock.sleep_until(trace.start() + Trace::after(action.t)).await;
        wait_for_pods(trace, &store, action.t).await;
        differences.extend(cluster.act(action).await.err());
    }
    let changes = recorder.await.expect("the recorder must not panic");
    differences.extend(print(trace, &cluster).await);
    plane.shutdown().await;
    (Story::replayed(trace, &changes, &cluster.stage.names()), differences)
}

fn settings(trace: &Trace, root: &std::path::Path) -> Settings {
    let mut node = NodeSettings::new(elsewhere::our_node(trace), root);
    if let Some(seconds) = trace.script.restart_delay() {
        let delay = Duration::from_secs_f64(seconds);
        node.restart_backoff = BackoffCurve { base: delay, cap: delay };
    }
    if elsewhere::is_needed(trace) {
        node.capacity.pods = 0;
    }
    let (base, cap) = (SignedDuration::from_secs(10), SignedDuration::from_mins(10));
    Settings {
        backoff: BackoffSettings { base, cap },
        node,
        root_ca: None,
        terminated_pod_gc_threshold: TERMINATED_POD_GC_THRESHOLD,
    }
}

async fn make_namespace(client: &Client) {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": client.namespace},
    });
    let answer = client.create(&namespace).await;
    assert_eq!(answer.code, 201, "{}", answer.body);
}

/// Creates what the trace is about. Says how it differs from what was created when it was recorded.
async fn create(trace: &Trace, cluster: &mut Cluster) -> Option<String> {
    let answer = cluster.client.create(trace.manifest()).await;
    cluster.name = answer.body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let got = cluster.stage.names().put_into(&comparable(answer.body));
    let expect = cluster.recorded.put_into(&comparable(trace.created_object.clone()));
    (expect != got).then(|| format!("created: expected {expect}\n  got {got}"))
}

/// Waits until the last pod that had been made at `t` is there, for as long as it had been.
///
/// What is done may have waited for it, and back-off, counted from whole seconds there, can end
/// up to a second earlier.
async fn wait_for_pods(trace: &Trace, store: &Store, t: f64) {
    let Some(ordinal) = trace.pods.iter().rposition(|pod| pod.created_t < t) else { return };
    let since = Trace::after(t - trace.pods[ordinal].created_t);
    let mut watch = store.watch(&[Kind::Pod], 0).expect("the history must hold a trace");
    let mut made = 0;
    while made <= ordinal {
        let Ok(Ok(change)) = timeout(CREATED_WITHIN, watch.next()).await else { return };
        made += usize::from(change.what == ChangeKind::Added);
        if made > ordinal {
            let pod = Pod::from_object(&change.object).expect("it must be a pod");
            let created = pod.metadata.creation_timestamp.as_ref().expect("a pod has its time");
            store.clock().sleep_until(created.0 + since).await;
        }
    }
}

/// Prints what was printed in the end, and says how it differs.
async fn print(trace: &Trace, cluster: &Cluster) -> Vec<String> {
    let mut differences = Vec::new();
    for part in trace.get.split("$ kubectl ").skip(1) {
        let (words, expect) = part.split_once('\n').unwrap_or((part, ""));
        // What comes on standard error is that there is nothing.
        let expect = expect.split("[stderr]").next().unwrap_or_default().trim();
        differences.extend(cluster.print(words, expect).await.err());
    }
    let mut parts = vec![(trace.manifest()["kind"].as_str().unwrap_or_default(), String::new())];
    for line in trace.describe.lines() {
        match (line.strip_prefix("--- describe "), parts.last_mut()) {
            (Some(kind), _) => parts.push((kind, String::new())),
            (None, _) if line == "---" => parts.push(("job", String::new())),
            (None, Some((_, text))) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    for (kind, expect) in parts {
        differences.extend(cluster.print(&format!("describe {kind}"), &expect).await.err());
    }
    differences
}

/// Everything that happens until `seconds` after `start`, each with its time.
async fn record(store: Store, start: Timestamp, seconds: f64) -> Vec<(f64, Arc<Change>)> {
    let kinds = &[Kind::CronJob, Kind::Job, Kind::Pod, Kind::Event];
    let mut watch = store.watch(kinds, 0).expect("a new store must have its history");
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
