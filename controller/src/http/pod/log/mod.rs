//! `GET pods/x/log`: what a container has printed, and what it prints.
//!
//! ```text
//! query ─▶ Options ─┐
//! pod ─▶ run ───────┴▶ Follower ─▶ Print ─▶ chunks of text
//! ```

mod options;
mod print;

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use self::options::Options;
use self::print::Print;
use super::{Request, container};
use crate::api::{Pod, Timestamp};
use crate::http::elsewhere;
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::status::Status;
use crate::limits::LOG_CHUNK_BYTES;
use crate::node::PodIdentity;
use crate::node::logs::{Follower, Logs, Run};

/// What is to be printed, and where it is.
pub(in crate::http) struct Printed<'a> {
    pub(in crate::http) pod: &'a Pod,
    /// Which container, if the query does not say it.
    pub(in crate::http) container: Option<&'a str>,
    pub(in crate::http) query: &'a Query,
    pub(in crate::http) logs: &'a Logs,
    pub(in crate::http) now: Timestamp,
    /// One permit for each log that is sent.
    pub(in crate::http) streams: &'a Arc<Semaphore>,
    pub(in crate::http) shutdown: &'a CancellationToken,
}

/// Answers with the log of a container of a pod; what another node has of it, that one answers.
pub(super) async fn answer(request: &Request) -> Result<Response<Body>, Refusal> {
    let Request { api, pod, query, parts } = request;
    let now = api.store.clock().now();
    if let Some(node) = elsewhere::node_of(api, pod) {
        let identity = PodIdentity::of(pod);
        // What is wrong with the request is told here.
        let options = Options::parse(query, &identity.name, now)?;
        let container = container::name(pod, options.container.as_deref())?;
        let PodIdentity { namespace, name, .. } = identity;
        let query = parts.uri.query().unwrap_or_default();
        let path = format!("/containerLogs/{namespace}/{name}/{container}?{query}");
        let place = request.place()?;
        let answer = elsewhere::ask(api, node, path).await?;
        return Ok(elsewhere::pass_on(api, answer, place, options.follows));
    }
    let Some(logs) = &api.logs else { return Err(Status::not_implemented("log").into()) };
    let (streams, shutdown) = (&api.streams, &api.shutdown);
    of(Printed { pod, container: None, query, logs, now, streams, shutdown }).await
}

/// Answers with a log that is on this host.
pub(in crate::http) async fn of(printed: Printed<'_>) -> Result<Response<Body>, Refusal> {
    let Printed { pod, container, query, logs, now, streams, shutdown } = printed;
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let options = Options::parse(query, name, now)?;
    let container = container::name(pod, container.or(options.container.as_deref()))?;
    if pod.spec.as_ref().is_none_or(|spec| spec.node_name.as_deref().is_none_or(str::is_empty)) {
        let mut nothing = Response::new(Body::empty());
        *nothing.status_mut() = StatusCode::NO_CONTENT;
        return Ok(nothing);
    }
    let logs = logs.clone();
    let run = container::logged(pod, &container, options.is_previous);
    // What a run had printed when it was lost is the log before its own, though none was restarted.
    let latest = container::logged(pod, &container, false);
    let identity = PodIdentity::of(pod);
    let run_of = |restart| Run { pod: identity.clone(), container: container.clone(), restart };
    let lost = latest.ok().filter(|_| options.is_previous).map(run_of);
    let run = run.map(run_of);
    let print = Print::new(&options);
    let place = super::place(streams)?;
    let shown = container.clone();
    let opened = tokio::task::spawn_blocking(move || open(&logs, lost, run, &options)).await;
    let follower = opened.map_err(|error| Status::internal(&error.to_string()))?;
    let follower = follower.map_err(|failure| match failure {
        Failure::None(message) => Status::bad_request(message),
        Failure::Read(error) if error.kind() == io::ErrorKind::NotFound => {
            Status::bad_request(format!(
                "unable to retrieve container logs for container \"{shown}\" in pod \"{name}\""
            ))
        }
        Failure::Read(error) => Status::internal(&format!("reading the log: {error}")),
    })?;
    let chunks = chunks(follower, print, shutdown.clone(), place);
    let mut response = Response::new(Body::from_stream(chunks));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

/// Why there is no log.
enum Failure {
    /// There was no run.
    None(String),
    Read(io::Error),
}

/// Opens the log of `run`; or, if there is one, that of the `lost` run. Reads files.
fn open(
    logs: &Logs,
    lost: Option<Run>,
    run: Result<Run, String>,
    options: &Options,
) -> Result<Follower, Failure> {
    if let Some(Ok(log)) = lost.map(|lost| logs.read_lost(&lost, &options.read)) {
        return Ok(log);
    }
    let run = run.map_err(Failure::None)?;
    let log = if options.follows {
        logs.follow(&run, &options.read)
    } else {
        logs.read(&run, &options.read)
    };
    let log = match log {
        // The latest run may have been killed before it printed anything, of which nothing is left.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !options.is_previous => {
            Ok(Follower::nothing())
        }
        log => log,
    };
    log.map_err(Failure::Read)
}

/// The log as text. It breaks off when the server shuts down, so that nobody takes that for its end.
fn chunks(
    follower: Follower,
    print: Print,
    shutdown: CancellationToken,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((follower, print, place), move |(mut follower, mut print, place)| {
        let shutdown = shutdown.clone();
        async move {
            let mut text = Vec::new();
            while !print.is_over() && text.len() < LOG_CHUNK_BYTES {
                let line = if text.is_empty() {
                    let next = shutdown.run_until_cancelled(follower.next()).await;
                    next.ok_or_else(|| io::Error::other("the server is shutting down"))??
                } else {
                    follower.take_next()
                };
                let Some(line) = line else { break };
                print.line(&line, &mut text);
            }
            Ok((!text.is_empty()).then(|| (Bytes::from(text), (follower, print, place))))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::http::options::Query;
    use crate::node::logs::LogLimits;

    #[tokio::test]
    async fn a_run_that_was_killed_before_it_printed_has_an_empty_log() {
        let root = tempfile::tempdir().unwrap();
        let logs = Logs::new(root.path(), Clock::system(), LogLimits::default());
        let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: "u".into() };
        let run = Run { pod, container: "main".into(), restart: 0 };
        let open = |query: &str| {
            let options = Options::parse(&Query::parse(query), "p", Clock::system().now()).unwrap();
            open(&logs, None, Ok(run.clone()), &options)
        };
        for query in ["", "follow=true", "tailLines=1"] {
            let Ok(mut log) = open(query) else { panic!("{query:?} must find a log") };
            assert_eq!(log.next().await.unwrap(), None, "{query:?}");
        }
        assert!(matches!(
            open("previous=true"),
            Err(Failure::Read(error)) if error.kind() == io::ErrorKind::NotFound
        ));
    }
}
