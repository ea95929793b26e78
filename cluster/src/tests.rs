//! The client against a recorded API server: what it asks, and what it makes of each answer.

mod api;
mod refusals;
mod weather;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mayfly_controller::api::{Node, Pod, Timestamp};
use mayfly_controller::clock::Clock;
use mayfly_controller::events::EventType;
use mayfly_controller::node::{ClusterClient, PodEvent, PodIdentity, PodWatch, PodsChange, Report};
use serde_json::{Value, json};

use self::api::{NODE, RecordedApi};
use crate::{ClusterSettings, Introduction, JournalError, KubeClient, LEASE_SECONDS, requests};

/// The document that says all that is asked.
const DOCUMENT: &str = include_str!("../../examples/kubernetes/README.md");

/// A client of `api`, which notes what it does in `folder`; its predecessor lets go of that.
async fn start(api: &RecordedApi, folder: &Path) -> KubeClient {
    let settings = ClusterSettings {
        node: NODE.to_owned(),
        journal: folder.join("journal"),
        introduction: Introduction::default(),
        lease_seconds: LEASE_SECONDS,
    };
    loop {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        match KubeClient::start(api.client(), &settings, clock) {
            Err(JournalError::InUse { .. }) => tokio::task::yield_now().await,
            started => return started.unwrap(),
        }
    }
}

/// It comes to its end as if it had been killed.
async fn kill(client: KubeClient) {
    client.stop(Duration::ZERO).await;
}

fn report(status: &Value) -> Report {
    Report { status: serde_json::from_value(status.clone()).unwrap(), ..Report::default() }
}

fn status(phase: &str, state: &Value) -> Value {
    let container = json!({
        "name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": state,
    });
    json!({"phase": phase, "containerStatuses": [container]})
}

fn ended() -> Value {
    status("Succeeded", &json!({"terminated": {"exitCode": 0}}))
}

fn names(pods: &[Arc<Pod>]) -> Vec<&str> {
    pods.iter().filter_map(|pod| pod.metadata.name.as_deref()).collect()
}

/// The next change, which must be of all pods.
async fn are(watch: &mut impl PodWatch) -> Vec<Arc<Pod>> {
    match watch.next().await {
        PodsChange::Are(pods) => pods,
        other => panic!("all pods must be told of, not {other:?}"),
    }
}

fn phase_of(api: &RecordedApi, pod: &str) -> Option<String> {
    api.pod(pod).and_then(|pod| pod["status"]["phase"].as_str().map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_told_of_from_its_beginning_to_its_end() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    assert!(are(&mut watch).await.is_empty());
    let pod = api.add_pod("the-pod", "u1");
    let PodsChange::Is(shown) = watch.next().await else { panic!("it must be told of") };
    assert_eq!(names(&[shown]), ["the-pod"]);
    client.begins(&pod, "main", 0).await.unwrap();
    let event = PodEvent {
        event_type: EventType::Normal,
        reason: "Started",
        message: "it has begun".to_owned(),
        field_path: None,
    };
    let running = status("Running", &json!({"running": {}}));
    let told = Report { events: vec![event.clone(), event], ..report(&running) };
    client.report(&pod, told).await.unwrap();
    api.until(|api| phase_of(api, "the-pod").as_deref() == Some("Running")).await;
    client.report(&pod, report(&ended())).await.unwrap();
    client.remove(&pod).await.unwrap();
    api.until(|api| api.pod("the-pod").is_none()).await;
    let deleted = api.asked().into_iter().position(|it| it.starts_with("DELETE")).unwrap();
    let patched = api.asked().into_iter().rposition(|it| it.contains("/status")).unwrap();
    assert!(patched < deleted, "it goes when all is told: {:?}", api.asked());
    api.until(|api| api.events() == [2]).await;
    loop {
        if let PodsChange::Gone(gone) = watch.next().await {
            break assert_eq!(gone, pod);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    for (request, code) in [
        ("GET /api/v1/pods", 500),
        ("GET /api/v1/pods", 0),
        ("GET /api/v1/pods?watch", 503),
        ("PATCH /api/v1/namespaces/{namespace}/pods/{name}/status", 500),
        ("PATCH /api/v1/namespaces/{namespace}/pods/{name}/status", 0),
        ("PATCH /api/v1/namespaces/{namespace}/pods/{name}/status", 429),
        // It is the same pod: somebody else wrote it all the time.
        ("PATCH /api/v1/namespaces/{namespace}/pods/{name}/status", 409),
        ("DELETE /api/v1/namespaces/{namespace}/pods/{name}", 0),
    ] {
        api.refuse(request, code);
    }
    let pod = api.add_pod("the-pod", "u1");
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    assert_eq!(names(&are(&mut watch).await), ["the-pod"]);
    client.report(&pod, report(&ended())).await.unwrap();
    client.remove(&pod).await.unwrap();
    api.until(|api| api.pod("the-pod").is_none()).await;
    assert_eq!(api.refusals(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_the_same_name_is_left_alone() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let pod = api.add_pod("the-pod", "u1");
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    are(&mut watch).await;
    // Nobody has told us yet that it is another one.
    api.refuse("GET /api/v1/pods?watch", 503);
    api.remove_pod("the-pod");
    api.add_pod("the-pod", "u2");
    client.report(&pod, report(&ended())).await.unwrap();
    client.stop(Duration::from_secs(60)).await;
    assert_eq!(phase_of(&api, "the-pod"), None);
}

#[tokio::test(start_paused = true)]
async fn pods_are_listed_anew_when_their_history_is_too_old() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    assert!(are(&mut watch).await.is_empty());
    api.refuse("GET /api/v1/pods?watch", 410);
    api.forget_history();
    api.add_pod("the-pod", "u1");
    loop {
        match watch.next().await {
            PodsChange::Are(pods) => break assert_eq!(names(&pods), ["the-pod"]),
            PodsChange::Is(_) => {}
            PodsChange::Gone(pod) => panic!("{pod:?} is there"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_had_begun_before_a_crash_is_known_after_it() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let pod = api.add_pod("the-pod", "u1");
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    are(&mut watch).await;
    client.begins(&pod, "main", 0).await.unwrap();
    drop(watch);
    kill(client).await;
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    let pods = are(&mut watch).await;
    let statuses = pods[0].status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let state = statuses.and_then(|it| it[0].state.as_ref()).unwrap();
    assert!(state.running.is_some(), "{state:?}");
    assert_eq!(phase_of(&api, "the-pod"), None, "nobody has been told");
}

#[tokio::test(start_paused = true)]
async fn what_was_said_during_an_outage_is_told_after_a_crash() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let (pod, gone) = (api.add_pod("the-pod", "u1"), api.add_pod("the-other", "u2"));
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    are(&mut watch).await;
    api.is_down(true);
    for pod in [&pod, &gone] {
        client.report(pod, report(&ended())).await.unwrap();
    }
    drop(watch);
    kill(client).await;
    api.is_down(false);
    api.remove_pod("the-other");
    assert_eq!(phase_of(&api, "the-pod"), None);
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    let pods = are(&mut watch).await;
    let phase = pods[0].status.as_ref().and_then(|status| status.phase.as_deref());
    assert_eq!(phase, Some("Succeeded"), "the agent must not begin it again");
    api.until(|api| phase_of(api, "the-pod").as_deref() == Some("Succeeded")).await;
    // A server that comes back with an older state is told once more.
    api.reset_status("the-pod");
    api.until(|api| phase_of(api, "the-pod").as_deref() == Some("Succeeded")).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_registers_itself_and_says_that_it_is_alive() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    api.refuse("POST /api/v1/nodes", 500);
    let client = start(&api, folder.path()).await;
    let node = json!({"metadata": {"name": NODE}, "status": {
        "nodeInfo": {}, "conditions": [{"type": "Ready", "status": "True"}],
    }});
    client.register(serde_json::from_value(node).unwrap()).await.unwrap();
    api.until(|api| api.renewals() == 3).await;
    let node = api.node().unwrap();
    assert_eq!(node["metadata"]["labels"]["type"], "mayfly");
    assert_eq!(node["status"]["nodeInfo"]["architecture"], "wasm32");
    // The control plane had given up on it.
    api.set_ready("Unknown");
    api.until(|api| api.ready() == "True").await;
    // Somebody else has written the lease, and somebody has deleted the node.
    let lease = "PUT /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}";
    api.refuse(lease, 409);
    let before = api.renewals();
    api.until(|api| api.refusals() == 0 && api.renewals() > before).await;
    api.remove_node();
    api.until(|api| api.node().is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_shuts_down_says_so_before_anything_else() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let client = start(&api, folder.path()).await;
    let node = json!({"metadata": {"name": NODE}, "status": {
        "nodeInfo": {}, "conditions": [{"type": "Ready", "status": "True"}],
    }});
    let node: Node = serde_json::from_value(node).unwrap();
    client.register(node.clone()).await.unwrap();
    api.until(|api| api.ready() == "True").await;
    api.refuse("PATCH /api/v1/nodes/{node}/status", 500);
    client.leave(Duration::from_secs(60)).await;
    let said = &api.node().unwrap()["status"]["conditions"][0];
    assert_eq!(
        (&said["status"], &said["reason"], &said["message"]),
        (&json!("False"), &json!("KubeletNotReady"), &json!("node is shutting down"))
    );
    // Its agent does not know, and describes it once more.
    client.register(node).await.unwrap();
    let before = api.renewals();
    api.until(|api| api.renewals() >= before + 2).await;
    assert_eq!(api.ready(), "False");
    // Nobody is waited for in vain.
    api.is_down(true);
    client.leave(Duration::from_secs(3)).await;
    kill(client).await;
    api.is_down(false);
    // Its next process is ready.
    let client = start(&api, folder.path()).await;
    let node = json!({"metadata": {"name": NODE}, "status": {
        "nodeInfo": {}, "conditions": [{"type": "Ready", "status": "True"}],
    }});
    client.register(serde_json::from_value(node).unwrap()).await.unwrap();
    api.until(|api| api.ready() == "True").await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_shuts_down_does_not_come_back_when_it_is_deleted() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let client = start(&api, folder.path()).await;
    let node = json!({"metadata": {"name": NODE}, "status": {
        "nodeInfo": {}, "conditions": [{"type": "Ready", "status": "True"}],
    }});
    client.register(serde_json::from_value(node).unwrap()).await.unwrap();
    api.until(|api| api.ready() == "True").await;
    api.remove_node();
    client.leave(Duration::from_secs(60)).await;
    let before = api.asked().len();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(api.asked().len() > before, "it must go on to ask");
    assert_eq!(api.node(), None);
    // Its next process is there again.
    kill(client).await;
    let client = start(&api, folder.path()).await;
    let node = json!({"metadata": {"name": NODE}, "status": {
        "nodeInfo": {}, "conditions": [{"type": "Ready", "status": "True"}],
    }});
    client.register(serde_json::from_value(node).unwrap()).await.unwrap();
    api.until(|api| api.ready() == "True").await;
}

#[test]
fn every_request_is_in_the_document() {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let told: Vec<String> = rows.map(str::to_owned).collect();
    let made: Vec<String> = every_request().iter().map(api::shape).collect();
    for request in &made {
        assert!(told.contains(request), "{request} is not told of");
    }
    for request in &told {
        assert!(made.contains(request), "{request} is told of, and never made");
    }
}

/// One of each that there is a function for.
fn every_request() -> Vec<hyper::Request<Vec<u8>>> {
    let pod = PodIdentity {
        namespace: "the-namespace".to_owned(),
        name: "the-pod".to_owned(),
        uid: "u".to_owned(),
    };
    let metadata = json!({"name": "the-event", "namespace": "the-namespace"});
    let event = json!({"metadata": metadata, "involvedObject": {}});
    let event = serde_json::from_value(event).unwrap();
    let lease = serde_json::from_value(json!({"metadata": {"name": NODE}})).unwrap();
    let node = serde_json::from_value(json!({"metadata": {"name": NODE}})).unwrap();
    let all = [
        requests::list_pods(NODE, None),
        requests::list_pods(NODE, Some("next")),
        requests::watch_pods(NODE, "1"),
        requests::get_pod(&pod),
        requests::patch_pod_status(&pod, &json!({})),
        requests::delete_pod(&pod),
        requests::get_config_map("the-namespace", "the-map"),
        requests::get_secret("the-namespace", "the-secret"),
        requests::create_event(&event),
        requests::patch_event(&event),
        requests::create_node(&node),
        requests::get_node(NODE),
        requests::patch_node_status(NODE, &json!({})),
        requests::review_access(&json!({})),
        requests::get_lease(NODE),
        requests::create_lease(&lease),
        requests::update_lease(&lease),
    ];
    // One that is missing here is missing there.
    let functions = include_str!("requests.rs").matches("\npub(crate) fn ").count();
    assert_eq!(functions + 1, all.len(), "the list is asked for twice, and every other once");
    all.into_iter().map(Result::unwrap).collect()
}
