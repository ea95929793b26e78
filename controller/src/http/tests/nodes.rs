//! What nodes may do to pods by the time that it is done.

use std::io;

use axum::body::Bytes;
use axum::http::StatusCode;
use futures_util::stream;
use tokio::sync::oneshot;

use super::*;
use crate::api::{Key, Kind, Node, Pod};
use crate::http::access::{Access, ClientCertificate, Policy};
use crate::store::DeleteOptions;

const POD: &str = "/api/v1/namespaces/default/pods/p";

/// An API with access control, and the pod `p` bound to `node`.
async fn with_pod_of(node: &str) -> Api {
    let served = Api::new().await.served;
    let api = Api::of(served.with_access(Arc::new(Access::new(Policy::default()))));
    bind(&api, node).await;
    api
}

/// Has a pod `p` bound to `node`, in the place of any before it.
async fn bind(api: &Api, node: &str) {
    let pod = json!({
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "i"}]},
        "status": {"phase": "Running"},
    });
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let at_once = DeleteOptions { uid: None, grace_period_seconds: Some(0) };
    let all = Transaction::new().delete(Kind::Pod, key(), at_once).create(pod);
    api.store.commit(all).await.unwrap();
}

fn key() -> Key {
    Key::new("default", "p")
}

fn uid(api: &Api) -> Option<String> {
    api.store.get::<Pod>(&key()).and_then(|pod| pod.metadata.uid.clone())
}

/// What is answered to the node `a`, whose body comes when `meanwhile` is done.
async fn as_node(
    api: &Api,
    request: (&str, &str, &'static str),
    meanwhile: impl Future<Output = ()>,
) -> StatusCode {
    send_as_node(api, request, "application/json", meanwhile).await
}

/// The same with a body of some type.
async fn send_as_node(
    api: &Api,
    (method, path, body): (&str, &str, &'static str),
    content_type: &str,
    meanwhile: impl Future<Output = ()>,
) -> StatusCode {
    let (asked, is_asked) = oneshot::channel();
    let (send, sent) = oneshot::channel::<()>();
    let body = stream::once(async move {
        asked.send(()).unwrap();
        sent.await.map_err(io::Error::other)?;
        Ok::<_, io::Error>(Bytes::from_static(body.as_bytes()))
    });
    let certificate = ClientCertificate {
        common_name: "system:node:a".to_owned(),
        organizations: vec!["system:nodes".to_owned()],
    };
    let request = Request::builder().method(method).uri(path).extension(certificate);
    let request = request.header("content-type", content_type);
    let request = request.body(Body::from_stream(body)).unwrap();
    let answer = tokio::spawn(api.router.clone().oneshot(request));
    // It was let in, and waits for its body.
    is_asked.await.unwrap();
    meanwhile.await;
    send.send(()).unwrap();
    answer.await.unwrap().unwrap().status()
}

#[tokio::test]
async fn a_pod_that_is_another_nodes_by_then_is_not_deleted() {
    let delete = ("DELETE", POD, "{\"gracePeriodSeconds\":0}");
    let evict = ("POST", &*format!("{POD}/eviction"), "{\"metadata\":{\"name\":\"p\"}}");
    for request in [delete, evict] {
        let api = with_pod_of("a").await;
        let refused = as_node(&api, request, bind(&api, "b")).await;
        assert_eq!(refused, StatusCode::FORBIDDEN, "{request:?}");
        let pod = api.store.get::<Pod>(&key()).unwrap();
        assert_eq!(pod.metadata.deletion_timestamp, None);
        assert_eq!(pod.status.as_ref().unwrap().conditions, None);
        // Of its own it may be rid.
        bind(&api, "a").await;
        let before = uid(&api);
        assert!(as_node(&api, request, async {}).await.is_success(), "{request:?}");
        let is_going = api.store.get::<Pod>(&key()).is_none_or(|pod| {
            pod.metadata.uid == before && pod.metadata.deletion_timestamp.is_some()
        });
        assert!(is_going, "{request:?}");
    }
}

#[tokio::test]
async fn a_node_that_was_given_up_may_say_that_it_is_there_again() {
    let api = with_pod_of("a").await;
    let taint = |at: &str| json!({"key": "k", "effect": "NoExecute", "timeAdded": at});
    let node = json!({
        "metadata": {"name": "a"}, "spec": {"taints": [taint("2026-01-02T03:04:05.678901234Z")]},
    });
    let node: Node = serde_json::from_value(node).unwrap();
    api.store.commit(Transaction::new().create(node)).await.unwrap();
    let merge = "application/merge-patch+json";
    let status = r#"{"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#;
    let spec = r#"{"spec":{"taints":null}}"#;
    for (path, patch, expect) in [
        ("/api/v1/nodes/a/status", status, StatusCode::OK),
        ("/api/v1/nodes/a", r#"{"metadata":{"labels":{"l":"v"}}}"#, StatusCode::OK),
        ("/api/v1/nodes/a", spec, StatusCode::FORBIDDEN),
    ] {
        let answer = send_as_node(&api, ("PATCH", path, patch), merge, async {}).await;
        assert_eq!(answer, expect, "{path} {patch}");
    }
    let node = api.store.get::<Node>(&Key::new("", "a")).unwrap();
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    assert_eq!(taints.map(Vec::len), Some(1));
}
