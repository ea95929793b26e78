//! What a node has to say of a pod, and its API server will not have.

use super::*;

const STATUS: &str = "PATCH /api/v1/namespaces/{namespace}/pods/{name}/status";

/// How often the status of a pod was sent.
fn sent(api: &RecordedApi) -> usize {
    api.asked().iter().filter(|it| *it == STATUS).count()
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_to_go_does_not_wait_for_a_status_that_is_refused() {
    for code in [400, 403, 405, 406, 413, 415, 422] {
        let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
        // As often as anybody would ask.
        (0..1000).for_each(|_| api.refuse(STATUS, code));
        let pod = api.add_pod("the-pod", "u1");
        let client = start(&api, folder.path()).await;
        let mut watch = client.watch_pods(NODE);
        are(&mut watch).await;
        client.report(&pod, report(&ended())).await.unwrap();
        client.remove(&pod).await.unwrap();
        api.until(|api| api.pod("the-pod").is_none()).await;
        api.until(|api| api.events() == [1]).await;
        // What may be allowed one day is asked for again, and nothing else.
        assert!(sent(&api) == 1 || code == 403, "{code}: {:?}", api.asked());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_told_again_when_it_is_another_or_the_server_is() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let pod = api.add_pod("the-pod", "u1");
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    are(&mut watch).await;
    api.refuse(STATUS, 422);
    let running = status("Running", &json!({"running": {}}));
    client.report(&pod, report(&running)).await.unwrap();
    api.until(|api| api.events() == [1]).await;
    assert_eq!(phase_of(&api, "the-pod"), None);
    // Somebody writes the pod: that makes the status no better.
    let before = sent(&api);
    api.reset_status("the-pod");
    while !matches!(watch.next().await, PodsChange::Is(_)) {}
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(sent(&api), before);
    // It is the same, and the server another.
    api.refuse("GET /api/v1/pods?watch", 410);
    api.until(|api| phase_of(api, "the-pod").as_deref() == Some("Running")).await;
    api.refuse(STATUS, 422);
    client.report(&pod, report(&status("Running", &json!({"waiting": {}})))).await.unwrap();
    api.until(|api| api.refusals() == 0).await;
    client.report(&pod, report(&ended())).await.unwrap();
    api.until(|api| phase_of(api, "the-pod").as_deref() == Some("Succeeded")).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_is_told_when_it_is_allowed() {
    let (api, folder) = (RecordedApi::default(), tempfile::tempdir().unwrap());
    let pod = api.add_pod("the-pod", "u1");
    let client = start(&api, folder.path()).await;
    let mut watch = client.watch_pods(NODE);
    are(&mut watch).await;
    [403, 403, 401, 403].into_iter().for_each(|code| api.refuse(STATUS, code));
    client.report(&pod, report(&ended())).await.unwrap();
    api.until(|api| phase_of(api, "the-pod").as_deref() == Some("Succeeded")).await;
    assert_eq!((api.refusals(), api.events()), (0, vec![1]));
}
