//! Something between servers and etcd that holds up what it is told to, as a slow etcd does.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::kit::Etcd;
use crate::harness::PATIENCE;

/// A gate that is closed for some of what is asked.
pub(super) struct Gate {
    address: String,
    reached: Arc<Notify>,
    opened: CancellationToken,
}

impl Gate {
    /// One before `etcd`, that holds up each request whose body it should.
    pub(super) async fn before(
        etcd: &Etcd,
        holds: impl Fn(&Value) -> bool + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it must have one").to_string();
        let (reached, opened) = (Arc::new(Notify::new()), CancellationToken::new());
        let (etcd, told, open) = (etcd.address.clone(), Arc::clone(&reached), opened.clone());
        // Whoever was first has chosen the same.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let router = Router::new().fallback(async move |request: Request| {
            let url = format!("http://{etcd}{}", request.uri().path());
            let body = to_bytes(request.into_body(), usize::MAX).await.expect("all of it");
            if holds(&serde_json::from_slice(&body).expect("JSON")) {
                told.notify_one();
                open.cancelled().await;
            }
            let answer = http.post(url).body(body).send().await.expect("an answer");
            (answer.status(), answer.bytes().await.expect("all of it"))
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, reached, opened }
    }

    /// The option of a server.
    pub(super) fn store(&self) -> String {
        format!("--store=etcd://{}", self.address)
    }

    /// Waits until something is held up.
    pub(super) async fn reached(&self) {
        timeout(PATIENCE, self.reached.notified()).await.expect("it must be asked");
    }

    /// Holds nothing up any more.
    pub(super) fn open(&self) {
        self.opened.cancel();
    }
}
