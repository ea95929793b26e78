//! An API server that is slow, or has another state than before.

use tokio::time::Instant;

use super::*;
use crate::limits::ANSWER_MAX;

const STATUS: &str = "PATCH /api/v1/namespaces/{namespace}/pods/{name}/status";
const DELETE: &str = "DELETE /api/v1/namespaces/{namespace}/pods/{name}";
const WATCH: &str = "GET /api/v1/pods?watch";
const EVENTS: &str = "POST /api/v1/namespaces/{namespace}/events";
const LEASE: &str = "PUT /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}";

fn node() -> Node {
    let node = json!({"metadata": {"name": NODE}, "status": {
        "nodeInfo": {}, "conditions": [{"type": "Ready", "status": "True"}],
    }});
    serde_json::from_value(node).unwrap()
}

fn asked(api: &RecordedApi, request: &str) -> usize {
    api.asked().iter().filter(|it| *it == request).count()
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_too_late_is_asked_again_and_done_once() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let late = ["POST /api/v1/nodes", "GET /api/v1/pods", WATCH, STATUS, DELETE, EVENTS];
    late.into_iter().for_each(|request| api.delay(request, 2 * ANSWER_MAX));
    let pod = api.add_pod("the-pod", "u1");
    let client = start(&api, folder.path()).await;
    client.register(node()).await.unwrap();
    let mut watch = client.watch_pods(NODE);
    assert_eq!(names(&are(&mut watch).await), ["the-pod"]);
    let event = PodEvent {
        event_type: EventType::Normal,
        reason: "Started",
        message: "it has begun".to_owned(),
        field_path: None,
    };
    client.report(&pod, Report { events: vec![event], ..report(&ended()) }).await.unwrap();
    client.remove(&pod).await.unwrap();
    // It went with the first request: whether there is a second depends on who hears of that first.
    let twice = late.map(|request| if request == DELETE { 1 } else { 2 });
    let all = || late.into_iter().zip(twice);
    api.until(|api| all().all(|(request, times)| asked(api, request) >= times)).await;
    loop {
        match watch.next().await {
            PodsChange::Are(pods) if pods.is_empty() => break,
            PodsChange::Gone(gone) => break assert_eq!(gone, pod),
            _ => {}
        }
    }
    assert_eq!(api.events(), [1]);
    client.stop(Duration::from_secs(60)).await;
    assert_eq!(api.ready(), "True");
}

#[tokio::test(start_paused = true)]
async fn a_node_is_alive_at_a_server_that_is_slow() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let client = start(&api, folder.path()).await;
    client.register(node()).await.unwrap();
    api.until(|api| api.renewals() == 1).await;
    for renewals in 2..10 {
        // As slow as it may be, each request that is needed for it.
        for request in [LEASE, "GET /api/v1/nodes/{node}"] {
            api.delay(request, ANSWER_MAX - Duration::from_secs(1));
        }
        let since = Instant::now();
        api.until(|api| api.renewals() == renewals).await;
        let silent = since.elapsed().as_secs();
        assert!(silent < u64::from(LEASE_SECONDS), "{silent} seconds without a word");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_of_an_older_state_is_told_what_it_has_forgotten() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let (runs, goes) = (api.add_pod("the-one", "u1"), api.add_pod("the-other", "u2"));
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    are(&mut watch).await;
    let running = status("Running", &json!({"running": {}}));
    client.report(&goes, report(&running)).await.unwrap();
    api.until(|api| phase_of(api, "the-other").as_deref() == Some("Running")).await;
    let backup = api.backup();
    // What it forgets: that one runs and then ends, that another has gone, and that there is a third.
    for status in [running, ended()] {
        client.begins(&runs, "main", 0).await.unwrap();
        client.report(&runs, report(&status)).await.unwrap();
    }
    client.report(&goes, report(&ended())).await.unwrap();
    client.remove(&goes).await.unwrap();
    api.until(|api| phase_of(api, "the-one").as_deref() == Some("Succeeded")).await;
    api.until(|api| api.pod("the-other").is_none()).await;
    api.add_pod("the-third", "u3");
    loop {
        match watch.next().await {
            PodsChange::Is(pod) if names(&[Arc::clone(&pod)]) == ["the-third"] => break,
            _ => {}
        }
    }
    let before = asked(&api, WATCH);
    api.is_down(true);
    api.until(|api| asked(api, WATCH) > before).await;
    api.restore(backup);
    api.is_down(false);
    let pods = loop {
        match watch.next().await {
            PodsChange::Are(pods) => break pods,
            PodsChange::Is(_) | PodsChange::Gone(_) => {}
        }
    };
    // The agent must not begin the one again, must end the third, and finds the other as it was.
    let phases = pods.iter().map(|pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()));
    assert_eq!(names(&pods), ["the-one", "the-other"]);
    assert_eq!(phases.collect::<Vec<_>>(), [Some("Succeeded"), Some("Running")]);
    api.until(|api| phase_of(api, "the-one").as_deref() == Some("Succeeded")).await;
}
