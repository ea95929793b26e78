//! Asks the nodes on other hosts for what only they know, as Kubernetes' API server asks kubelets.
//!
//! A node says in its own object where it answers, and by which authority it is known there if not by
//! the server's own; nobody else can write that but an admin. It is shown a certificate of the server's
//! authority, which is made anew in time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use mayfly_controller::api::Node;
use mayfly_controller::api::names::KUBELET_AUTHORITY;
use mayfly_controller::clock::Clock;
use mayfly_controller::http::kubelet::Answer;
use mayfly_controller::http::{Kubelets, Switched};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};

use super::renewal;
use super::tls::Tls;

/// How long a node may take to be connected to. Stops one that has gone silent from keeping whoever
/// asks.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a connection may be silent before the system asks whether the node is still there, and how
/// often it asks in vain. Stops one whose node has gone without a word from keeping who follows a log,
/// who are told after 45 seconds: about as long as it takes the node to be found silent.
const SILENCE_MAX: Duration = Duration::from_secs(15);
const SILENT_PROBES_MAX: u32 = 2;

/// Clients that are kept, one for each authority of a node; beyond, they are made anew.
const CLIENTS_MAX: usize = 256;

/// The nodes on other hosts.
pub(super) struct Nodes {
    tls: Arc<Tls>,
    kept: Mutex<Kept>,
}

/// Clients, by the authority of the node.
#[derive(Default)]
struct Kept {
    /// Since when; what they show is no older.
    since: Timestamp,
    clients: HashMap<String, Client>,
}

impl Nodes {
    pub(super) fn new(tls: Arc<Tls>) -> Self {
        Self { tls, kept: Mutex::default() }
    }

    /// The client for `node`, and the beginning of what it is asked.
    fn client(&self, node: &Node) -> anyhow::Result<(Client, String)> {
        let status = node.status.as_ref().context("it has no status")?;
        let mut addresses = status.addresses.iter().flatten();
        let address = addresses.find(|address| address.type_ == "InternalIP");
        let address: IpAddr = address.context("it has no InternalIP")?.address.parse()?;
        let endpoints = status.daemon_endpoints.as_ref();
        let port = endpoints.and_then(|it| it.kubelet_endpoint.as_ref()).map(|it| it.port);
        let port = u16::try_from(port.context("it answers nothing")?)?;
        ensure!(!address.is_unspecified(), "{address} is no address");
        let annotations = node.metadata.annotations.as_ref();
        let authority = annotations.and_then(|it| it.get(KUBELET_AUTHORITY));
        let authority = authority.map(String::as_str).filter(|it| !it.is_empty());
        let authority = authority.or_else(|| self.tls.serving_authority());
        let authority = authority.context("it does not say by which authority it is known")?;
        let host = std::net::SocketAddr::new(address, port);
        Ok((self.client_of(authority)?, format!("https://{host}")))
    }

    fn client_of(&self, authority: &str) -> anyhow::Result<Client> {
        let now = Clock::system().now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = kept.good_at(now).get(authority) {
            return Ok(client.clone());
        }
        // Whoever was first has chosen the same.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let own = self.tls.kubelet_client(now)?;
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            // Another protocol can only be switched to from that.
            .http1_only()
            .connect_timeout(CONNECT_MAX)
            .tcp_keepalive(SILENCE_MAX)
            .tcp_keepalive_interval(SILENCE_MAX)
            .tcp_keepalive_retries(SILENT_PROBES_MAX)
            .tls_certs_only([Certificate::from_pem(authority.as_bytes())?])
            .identity(Identity::from_pem(own.as_bytes())?)
            .build()?;
        if CLIENTS_MAX <= kept.clients.len() {
            kept.clients.clear();
        }
        kept.clients.insert(authority.to_owned(), client.clone());
        Ok(client)
    }
}

impl Kept {
    /// Those that show what is good for long at `now`.
    fn good_at(&mut self, now: Timestamp) -> &HashMap<String, Client> {
        if renewal::is_due(self.since, now) {
            (self.since, self.clients) = (now, HashMap::new());
        }
        &self.clients
    }
}

impl Nodes {
    /// What the kubelet of `node` answers to a `GET` of `path` with `headers`, or why there is none.
    fn ask(
        &self,
        node: &Node,
        path: String,
        headers: HeaderMap,
    ) -> impl Future<Output = Result<reqwest::Response, String>> + use<> {
        let found = self.client(node);
        async move {
            let asked = async {
                let (client, url) = found?;
                anyhow::Ok(client.get(format!("{url}{path}")).headers(headers).send().await?)
            };
            asked.await.map_err(|error| format!("{error:#}"))
        }
    }
}

impl Kubelets for Nodes {
    fn get(&self, node: Arc<Node>, path: String) -> Answer<Result<Response<Body>, String>> {
        let asked = self.ask(&node, path, HeaderMap::new());
        Box::pin(async { shown(asked.await?) })
    }

    fn switch(
        &self,
        node: Arc<Node>,
        path: String,
        headers: HeaderMap,
    ) -> Answer<Result<Switched, String>> {
        let asked = self.ask(&node, path, headers);
        Box::pin(async {
            let answer = asked.await?;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Switched { answer: shown(answer)?, stream: None });
            }
            let mut switched = Response::new(Body::empty());
            *switched.status_mut() = answer.status();
            *switched.headers_mut() = answer.headers().clone();
            let stream = answer.upgrade().await.map_err(|error| error.to_string())?;
            Ok(Switched { answer: switched, stream: Some(Box::new(stream)) })
        })
    }
}

/// What is shown of `answer`: what it is, and what it says.
fn shown(answer: reqwest::Response) -> Result<Response<Body>, String> {
    let mut response = Response::builder().status(answer.status());
    if let Some(content_type) = answer.headers().get(CONTENT_TYPE) {
        response = response.header(CONTENT_TYPE, content_type);
    }
    let body = Body::from_stream(answer.bytes_stream());
    response.body(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_shows_is_made_anew_long_before_its_end() {
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let at = |text: &str| text.parse().expect("a time");
        let mut kept = Kept::default();
        assert!(kept.good_at(at("2026-03-01T00:00:00Z")).is_empty());
        kept.clients.insert("a".to_owned(), Client::new());
        assert_eq!(kept.good_at(at("2026-05-29T00:00:00Z")).len(), 1);
        assert!(kept.good_at(at("2026-05-30T00:00:00Z")).is_empty());
    }
}
