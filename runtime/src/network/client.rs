//! Sends a request over HTTP on a guest's behalf, and gives it the answer.
//!
//! ```text
//! request ─▶ where to? ─▶ permitted addresses ─▶ TCP, counted ─▶ TLS ─▶ HTTP/1.1 ─▶ answer
//! ```
//!
//! Each request has a connection of its own. There are no proxies, whatever the environment says,
//! and nobody is followed elsewhere: a redirection is an answer like any other.

mod answer;
mod counted;
mod place;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper::header::HeaderName;
use hyper::{Method, Request, Response, Uri};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use self::answer::Answer;
use self::counted::Counted;
use self::place::{Place, Where};
use super::lookup::LookupError;
use super::session::{OpenSocket, Session};
use crate::limits::{
    ANSWER_TIME_MAX, CONNECT_TIME_MAX, HEADER_BYTES_MAX, HTTP_BUFFER_BYTES_MAX,
    SOCKET_BUFFER_BYTES_MAX,
};

/// What a request over HTTP comes to: the answer, and what must be polled for its body to come.
pub(crate) type Answered = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// A connection, with TLS or without.
trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// Sends requests for one run.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    session: Arc<Session>,
}

impl Client {
    /// One that reaches what `session` lets it.
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// Sends `request`, and waits for the head of the answer.
    pub(crate) async fn send(
        self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Answered, Error> {
        let place = Place::of(request.uri())?;
        if *request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let until = Instant::now() + at_most(options.connect_timeout, CONNECT_TIME_MAX);
        let connected = timeout_at(until, self.connect(&place)).await;
        let (line, open) = connected.map_err(|_| Error::ConnectionTimeout)??;
        let mut http = http1::Builder::new();
        http.max_header_size(HEADER_BYTES_MAX).max_buf_size(HTTP_BUFFER_BYTES_MAX);
        let handshake = http.handshake(TokioIo::new(line)).await;
        let (mut sender, connection) = handshake.map_err(Error::from)?;
        // It goes with whatever waits for it: the answer, and then its body.
        let in_use = Arc::clone(&open);
        let connection = spawn(async move {
            let _in_use = in_use;
            connection.await
        });
        let first_byte = at_most(options.first_byte_timeout, ANSWER_TIME_MAX);
        let answer =
            timeout(first_byte, sender.send_request(self.complete(to_host(request)?))).await;
        let answer = answer.map_err(|_| Error::ConnectionReadTimeout)??;
        let idle = at_most(options.between_bytes_timeout, ANSWER_TIME_MAX);
        let answer = answer.map(|body| Answer::new(body, idle, open).boxed_unsync());
        Ok((answer, Box::new(async move { connection.await.map_err(Error::from) })))
    }

    /// `request` with what all requests of the run carry.
    fn complete(&self, mut request: Request<WasiBody>) -> Request<WasiBody> {
        for (name, value) in self.session.request_headers() {
            // What is none was never meant for a request.
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) else {
                continue;
            };
            request.headers_mut().entry(name).or_insert(value);
        }
        request
    }

    /// A connection to `place`, by the first of its addresses that is permitted and answers.
    async fn connect(&self, place: &Place) -> Result<(Box<dyn Line>, Arc<OpenSocket>), Error> {
        let addresses = self.addresses(place).await?;
        // Without memory for it the run is over, whatever the guest would be told.
        let open = self.session.socket().map_err(|_| Error::ConnectionLimitReached)?;
        let mut failed = Error::DestinationNotFound;
        for address in addresses {
            match connect(address).await {
                Ok(stream) => {
                    let line = self.secure(Counted::new(stream, self.session.clone()), place);
                    return Ok((line.await?, Arc::new(open)));
                }
                Err(error) => failed = Error::Connect(error),
            }
        }
        Err(failed)
    }

    /// Where `place` may be reached.
    async fn addresses(&self, place: &Place) -> Result<Vec<SocketAddr>, Error> {
        let (name, addresses) = match &place.host {
            Where::Address(address) => (None, vec![*address]),
            Where::Name(name) => (Some(name), self.look_up(name).await?),
        };
        let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, place.port));
        let permitted: Vec<_> =
            sockets.filter(|address| self.session.permits_as(name, *address)).collect();
        if permitted.is_empty() { Err(Error::HttpRequestDenied) } else { Ok(permitted) }
    }

    async fn look_up(&self, name: &super::HostName) -> Result<Vec<std::net::IpAddr>, Error> {
        self.session.look_up(name).await.map_err(|error| match error {
            LookupError::Denied => Error::HttpRequestDenied,
            LookupError::Timeout => Error::DnsTimeout,
            LookupError::Unknown => {
                Error::DnsError { rcode: Some("address not available".to_owned()), info_code: None }
            }
        })
    }

    /// `stream`, or TLS over it.
    async fn secure(&self, stream: Counted, place: &Place) -> Result<Box<dyn Line>, Error> {
        if !place.is_secure {
            return Ok(Box::new(stream));
        }
        let server = match &place.host {
            Where::Address(address) => ServerName::from(*address),
            Where::Name(name) => ServerName::try_from(name.as_str().to_owned())
                .map_err(|_| Error::HttpRequestUriInvalid)?,
        };
        let connector = TlsConnector::from(self.session.authorities().config());
        Ok(Box::new(connector.connect(server, stream).await.map_err(Error::Tls)?))
    }
}

/// A connection whose buffers are no larger than those of a guest's own.
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    let bytes = u32::try_from(SOCKET_BUFFER_BYTES_MAX).unwrap_or(u32::MAX);
    socket.set_recv_buffer_size(bytes)?;
    socket.set_send_buffer_size(bytes)?;
    socket.connect(address).await
}

/// What the guest wants, within our own limit.
fn at_most(wanted: Option<Duration>, limit: Duration) -> Duration {
    wanted.map_or(limit, |wanted| wanted.min(limit))
}

/// `request` as a host is asked and not a proxy: with the path alone.
fn to_host(mut request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(request)
}
