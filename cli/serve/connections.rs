//! Takes connections in, each for a while, and answers what is asked over them.
//!
//! ```text
//! TCP ─▶ place? ─▶ TLS ─▶ HTTP/1 or HTTP/2 ─▶ router
//! ```
//!
//! Whoever connects is a stranger until the router has looked at its request: everything here is
//! bounded in number and in time.

mod activity;
mod farewell;
mod lingering;
mod plain;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use mayfly_controller::clock::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::limits;
use super::requests::{self, Record};
use super::tls::{Clients, Proven, Tls};
use crate::descriptors;
use activity::Activity;
use farewell::Farewell;
use lingering::Lingering;

/// Whoever connects, and what answers.
pub(crate) struct Connections {
    acceptor: TlsAcceptor,
    clients: Arc<Clients>,
    router: Router,
    /// What answers when there are too many.
    full: Router,
    places: Arc<Semaphore>,
    places_max: usize,
    last_places: Arc<Semaphore>,
    /// No more are taken in, and those that are there end with what they are at.
    stop: CancellationToken,
    /// They end at once.
    abort: CancellationToken,
    tasks: TaskTracker,
}

impl Connections {
    /// Answers with `router` over connections that are encrypted by `tls`.
    pub(crate) fn new(tls: &Tls, router: Router) -> anyhow::Result<Arc<Self>> {
        let places_max = limits::CONNECTIONS_MAX.min(descriptors::for_connections());
        Ok(Arc::new(Self {
            acceptor: tls.acceptor()?,
            clients: tls.clients(),
            router,
            full: requests::too_many_connections(places_max),
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            last_places: Arc::new(Semaphore::new(limits::REFUSED_CONNECTIONS_MAX)),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Takes in whoever connects to `listener`, until [`Self::stop`].
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Some(accepted) = self.stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    self.tasks.spawn(self.clone().connection(stream, peer));
                }
                Err(error) => {
                    // Such as no more descriptors: some will be free soon.
                    tracing::warn!(%error, "can't take a connection in");
                    sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Takes no more in, and waits until those that are there have ended, `patience` at most.
    pub(crate) async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "clients are still busy: cutting off");
            self.abort.cancel();
            self.tasks.wait().await;
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let Some((place, router)) = self.place() else {
            tracing::warn!(%peer, limit = self.places_max, "too many connections");
            return;
        };
        let encrypted = timeout(limits::HANDSHAKE_MAX, self.encrypt(stream, place));
        let Some(encrypted) = self.stop.run_until_cancelled(encrypted).await else { return };
        let stream = match encrypted {
            Ok(Ok(Some(stream))) => stream,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "no TLS came about"),
            Err(_) => return tracing::debug!(%peer, "no TLS came about in time"),
        };
        let served = self.serve(stream, router, peer);
        if let Some(Err(error)) = self.abort.run_until_cancelled(served).await {
            // Clients go away in many ways, and none is ours to mend.
            tracing::debug!(%peer, %error, "the connection ended");
        }
    }

    /// A place, and what answers there.
    fn place(&self) -> Option<(OwnedSemaphorePermit, Router)> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some((place, self.router.clone()));
        }
        let place = self.last_places.clone().try_acquire_owned().ok()?;
        Some((place, self.full.clone()))
    }

    /// `None` if it was plain HTTP, and has been told.
    async fn encrypt(
        &self,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
    ) -> io::Result<Option<TlsStream<Lingering>>> {
        // What waits to be gathered into larger packets makes small answers late.
        stream.set_nodelay(true)?;
        let is_plain = plain::is_plain(&stream).await?;
        let stream = Lingering::new(stream, place);
        if is_plain {
            plain::refuse(stream).await?;
            return Ok(None);
        }
        self.acceptor.accept(stream).await.map(Some)
    }

    async fn serve(
        &self,
        stream: TlsStream<Lingering>,
        router: Router,
        peer: SocketAddr,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let proven = self.clients.identify(chain, Clock::system().now());
        let activity = Activity::default();
        let client = Client { peer, proven, activity: activity.clone() };
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            answer(router.clone(), request, client.clone())
        });
        let builder = protocol();
        let stream = Farewell::new(stream, activity.clone());
        let mut connection =
            pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let mut pauses = interval(limits::IDLE_MAX / 2);
        let (mut stopping, mut idle) = (false, 0);
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = pauses.tick() => {
                    idle = if activity.is_quiet() { idle + 1 } else { 0 };
                    match idle {
                        // The first comes at once.
                        0..3 => {}
                        3 => connection.as_mut().graceful_shutdown(),
                        _ => return Ok(()),
                    }
                }
            }
        }
    }
}

/// How HTTP is spoken; which one shows in its first bytes.
fn protocol() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_READ_MAX)
        .max_headers(limits::HEADERS_HARD_MAX)
        .max_buf_size(limits::HEADER_BYTES_HARD_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::PING_INTERVAL)
        .keep_alive_timeout(limits::PING_ANSWER_MAX)
        .max_concurrent_streams(limits::STREAMS_MAX)
        .max_header_list_size(
            u32::try_from(limits::HEADER_BYTES_HARD_MAX).expect("the limit must fit into 32 bits"),
        );
    builder
}

/// Who is at the other end.
#[derive(Clone)]
struct Client {
    peer: SocketAddr,
    proven: Option<Proven>,
    activity: Activity,
}

async fn answer(
    mut router: Router,
    mut request: Request<Incoming>,
    client: Client,
) -> Result<Response<Body>, Infallible> {
    let record = Record::begin(&request, client.peer);
    // To HEAD there is no body. In HTTP/2 every answer has an end of its own.
    let end_shows = request.method() == Method::HEAD || request.version() >= Version::HTTP_2;
    let active = client.activity.begin(end_shows);
    // A connection may outlast what was shown when it began.
    let proven = client.proven.filter(|proven| proven.holds_at(Clock::system().now()));
    if let Some(Proven { certificate, .. }) = proven {
        request.extensions_mut().insert(certificate);
    }
    let response = router.call(request).await?;
    let record = record.answered(&response);
    Ok(response.map(|body| activity::until_its_end(body, active, record)))
}

#[cfg(test)]
mod tests;
