//! Servers of one state: one leads, the others pass on to it what they are asked.
//!
//! ```text
//! client ─▶ a server ─▶ the leader: the same request, over a connection that only servers have,
//!                                   with the user whom the client's certificate has proven
//! ```
//!
//! As Kubernetes' API server takes a user from a front proxy (`X-Remote-User`, `X-Remote-Group`). What
//! is not proven by a certificate, such as a token, is passed on as it is, and looked at by the leader.

mod identity;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use futures_util::stream::{self, Stream};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use mayfly_controller::clock::Clock;
use mayfly_controller::http::access::ClientCertificate;
use mayfly_etcd::Leader;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};
use tokio::io::copy_bidirectional;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::tls::Tls;
use super::{doubt, limits, renewal};
use identity::{GROUP, USER};

pub(super) use identity::take_identity;

/// What is between two ends of a connection, and said anew over the next one.
const OF_CONNECTION: &[HeaderName] = &[CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// What a browser says of the page that asks, which has been looked at here.
const OF_BROWSER: &[&str] = &["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"];

/// Another server, which leads.
pub(super) struct Peer {
    leader: Leader,
    tls: Arc<Tls>,
    /// What asks it, and since when: what it shows is made anew in time.
    made: Mutex<(Timestamp, Client)>,
    /// Whatever was passed on ends: another server leads, or nobody.
    over: CancellationToken,
}

impl Peer {
    /// The server that `leader` says it is, to which this one is known by `tls`.
    pub(super) fn new(leader: &Leader, tls: &Arc<Tls>) -> anyhow::Result<Self> {
        let now = Clock::system().now();
        let made = Mutex::new((now, client(leader, tls, now)?));
        let over = CancellationToken::new();
        Ok(Self { leader: leader.clone(), tls: Arc::clone(tls), made, over })
    }

    /// Whether it is `leader`, elected once.
    pub(super) fn is(&self, leader: &Leader) -> bool {
        self.leader == *leader
    }

    /// Ends whatever was passed on, since it does not lead any more. One that hangs, or whose host is
    /// gone, would not end it: who watches would hear nothing for ever.
    pub(super) fn end(&self) {
        self.over.cancel();
    }

    fn client(&self) -> Client {
        let now = Clock::system().now();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if renewal::is_due(made.0, now) {
            match client(&self.leader, &self.tls, now) {
                Ok(client) => *made = (now, client),
                // There are months left to try again in.
                Err(error) => {
                    tracing::error!("can't renew what other servers are shown: {error:#}");
                }
            }
        }
        made.1.clone()
    }

    /// What the leader answers to `request`, as it comes. It breaks off when that one leads no more, and
    /// has its `place` until its end.
    pub(super) async fn forward(
        &self,
        request: Request,
        place: OwnedSemaphorePermit,
    ) -> Response<Body> {
        let may_be_repeated = doubt::may_be_repeated(&request);
        let asked = self.over.run_until_cancelled(self.ask(request, place)).await;
        let (is_unasked, why) = match asked {
            Some(Ok(answer)) => return answer,
            Some(Err(error)) => {
                // Then nothing was sent.
                let is_unasked = error.is_connect();
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(leader = self.leader.url, error, "the leader can't be asked");
                (is_unasked, "the server that leads can't be asked")
            }
            None => (false, "the server that was asked does not lead any more"),
        };
        doubt::broken_off(may_be_repeated || is_unasked, why).into_response()
    }

    async fn ask(
        &self,
        mut request: Request,
        place: OwnedSemaphorePermit,
    ) -> Result<Response<Body>, reqwest::Error> {
        let upgrade = is_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |it| it.as_str());
        let mut headers = parts.headers;
        between(&mut headers, upgrade.is_some());
        [HOST, ORIGIN, USER, GROUP].iter().for_each(|name| drop(headers.remove(name)));
        OF_BROWSER.iter().for_each(|name| drop(headers.remove(*name)));
        if let Some(certificate) = parts.extensions.get::<ClientCertificate>() {
            identity::say(&mut headers, certificate);
        }
        let asked = self.client().request(parts.method, format!("{}{path}", self.leader.url));
        let mut asked = asked.headers(headers);
        if !axum::body::HttpBody::is_end_stream(&body) {
            asked = asked.body(reqwest::Body::wrap_stream(body.into_data_stream()));
        }
        let answer = asked.send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        let is_upgraded = status == StatusCode::SWITCHING_PROTOCOLS;
        between(&mut headers, is_upgraded);
        let body = match upgrade {
            Some(client) if is_upgraded => {
                let over = self.over.clone();
                tokio::spawn(async move {
                    let passed_on = over.run_until_cancelled(pass_on(client, answer)).await;
                    if let Some(Err(error)) = passed_on {
                        tracing::debug!(%error, "a stream that was passed on ended");
                    }
                    drop(place);
                });
                Body::empty()
            }
            _ => Body::from_stream(pieces(answer, self.over.clone(), place)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// What asks `leader`, and shows it a certificate of `now`.
fn client(leader: &Leader, tls: &Tls, now: Timestamp) -> anyhow::Result<Client> {
    // Whoever was first has chosen the same.
    let _is_first = rustls::crypto::ring::default_provider().install_default();
    let own = tls.peer(now)?;
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(limits::PEER_CONNECT_MAX)
        .pool_idle_timeout(limits::PEER_IDLE_MAX)
        .pool_max_idle_per_host(limits::PEER_IDLE_AT_ONCE_MAX)
        // Over HTTP/2 all watches would share one connection, which has room for so many.
        .http1_only()
        .identity(Identity::from_pem(own.as_bytes())?);
    if let Some(authority) = &leader.authority {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(authority.as_bytes())?);
    }
    Ok(builder.build()?)
}

/// What `answer` consists of. When it is `over` first it fails, so that nobody takes it for whole.
fn pieces(
    answer: reqwest::Response,
    over: CancellationToken,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((answer, over, place), async |(mut answer, over, place)| {
        let piece = over.run_until_cancelled(answer.chunk()).await;
        let piece = piece.ok_or_else(|| io::Error::other("the server does not lead any more"))?;
        Ok(piece.map_err(io::Error::other)?.map(|piece| (piece, (answer, over, place))))
    })
}

/// Passes on what either end says, once both speak another protocol than HTTP.
async fn pass_on(client: hyper::upgrade::OnUpgrade, leader: reqwest::Response) -> io::Result<()> {
    let mut leader = leader.upgrade().await.map_err(io::Error::other)?;
    let mut client = TokioIo::new(client.await.map_err(io::Error::other)?);
    copy_bidirectional(&mut client, &mut leader).await.map(drop)
}

/// Leaves of `headers` what is meant for the other end; with an upgrade, that, too.
fn between(headers: &mut HeaderMap, with_upgrade: bool) {
    let upgrade = headers.get(UPGRADE).cloned().filter(|_| with_upgrade);
    OF_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    if let Some(upgrade) = upgrade {
        headers.insert(UPGRADE, upgrade);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
}

/// Whether they ask for another protocol than HTTP.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    let connection = headers.get(CONNECTION).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let mut words = connection.split(',');
    headers.contains_key(UPGRADE) && words.any(|word| word.trim().eq_ignore_ascii_case("upgrade"))
}

#[cfg(test)]
mod tests;
