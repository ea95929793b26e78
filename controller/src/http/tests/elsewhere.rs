//! Logs of pods on other hosts, whose nodes do what a test tells them.

use std::io;
use std::sync::Mutex;

use axum::body::Bytes;
use axum::http::{HeaderMap, Response};
use futures_util::{StreamExt as _, stream};
use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::api::{Node, Pod};
use crate::http::kubelet::Answer;
use crate::http::{Kubelets, Switched};

const LOG: &str = "/api/v1/namespaces/default/pods/p/log";

type Pieces = mpsc::UnboundedReceiver<&'static str>;

/// A node that answers once, with what is sent; and never otherwise.
struct Told(Mutex<Option<Pieces>>);

impl Kubelets for Told {
    fn get(&self, _: Arc<Node>, _: String) -> Answer<Result<Response<Body>, String>> {
        let pieces = self.0.lock().unwrap().take();
        Box::pin(async {
            let Some(pieces) = pieces else { return std::future::pending().await };
            let pieces = stream::unfold(pieces, |mut pieces| async {
                let piece = pieces.recv().await?;
                Some((Ok::<_, io::Error>(Bytes::from(piece)), pieces))
            });
            Ok(Response::new(Body::from_stream(pieces)))
        })
    }

    fn switch(&self, _: Arc<Node>, _: String, _: HeaderMap) -> Answer<Result<Switched, String>> {
        unreachable!("only logs are asked for")
    }
}

/// Makes the pod `p`, which is on the node `other`.
pub(super) async fn pod_elsewhere(api: &Api) {
    let node = json!({"metadata": {"name": "other"}});
    let pod = json!({
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeName": "other", "containers": [{"name": "main", "image": "i"}]},
    });
    let node: Node = serde_json::from_value(node).unwrap();
    let pod: Pod = serde_json::from_value(pod).unwrap();
    api.store.commit(Transaction::new().create(node).create(pod)).await.unwrap();
}

/// An API with a pod on another host, one place for streams, and what ends it.
struct Elsewhere {
    api: Api,
    say: mpsc::UnboundedSender<&'static str>,
    places: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Elsewhere {
    async fn new() -> Self {
        let (say, pieces) = mpsc::unbounded_channel();
        let (places, shutdown) = (Arc::new(Semaphore::new(1)), CancellationToken::new());
        let told = Arc::new(Told(Mutex::new(Some(pieces))));
        let mut served = Api::new().await.served.with_kubelets("own", told);
        served.streams = Arc::clone(&places);
        let api = Api::of(served.with_shutdown(shutdown.clone()));
        pod_elsewhere(&api).await;
        Self { api, say, places, shutdown }
    }

    /// The answer to a request for the log, with `query`.
    async fn log(&self, query: &str) -> Response<Body> {
        let request = Request::builder().uri(format!("{LOG}?{query}")).body(Body::empty());
        self.api.router.clone().oneshot(request.unwrap()).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn it_has_a_place_until_all_of_it_was_read() {
    let there = Elsewhere::new().await;
    let log = there.log("follow=true").await;
    assert_eq!(there.log("").await.status(), 429);
    let mut pieces = log.into_body().into_data_stream();
    there.say.send("one").unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "one");
    // Nothing happens for long, and that is no failure.
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    there.say.send("two").unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "two");
    assert_eq!(there.places.available_permits(), 0);
    drop(there.say);
    assert!(pieces.next().await.is_none());
    assert_eq!(there.places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_breaks_off_when_the_server_stops() {
    for query in ["", "follow=true"] {
        let there = Elsewhere::new().await;
        let log = there.log(query).await;
        there.shutdown.cancel();
        let mut pieces = log.into_body().into_data_stream();
        assert!(pieces.next().await.unwrap().is_err(), "{query}");
        assert_eq!(there.places.available_permits(), 1);
        assert_eq!(there.log("").await.status(), 503);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_says_nothing_is_not_waited_for() {
    let there = Elsewhere::new().await;
    let log = there.log("").await;
    let mut pieces = log.into_body().into_data_stream();
    assert!(pieces.next().await.unwrap().is_err());
    assert_eq!(there.places.available_permits(), 1);
    // Nor one that never begins.
    assert_eq!(there.log("follow=true").await.status(), 500);
}
