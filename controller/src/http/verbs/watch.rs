//! The changes of a collection, one JSON line each, for as long as somebody listens.
//!
//! ```text
//! history ─▶ feed: selects, forms ─▶ a few frames ─▶ body ─▶ client
//! ```
//!
//! A client that is slow holds up its own watch and nothing else: what waits for it is bounded, the
//! history moves on meanwhile, and a watch that has fallen behind it says so (410) and ends.

mod feed;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::feed::{Feed, Start, Wish};
use super::list_options;
use crate::http::answer;
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::selector::Selector;
use crate::http::status::Status;
use crate::limits::{WATCH_FRAMES_MAX, WATCHES_MAX};

/// How long a watch lasts that says nothing: this, and up to as much again, so that those which
/// were begun together don't all come back together. Kubernetes' own.
const TIMEOUT: Duration = Duration::from_mins(30);

pub(in crate::http) fn watch(call: &Call) -> Result<Response<Body>, Refusal> {
    let wish = wish(call)?;
    let permit = Arc::clone(&call.api.watches).try_acquire_owned().map_err(|_| {
        Status::too_many_requests(&format!("no more than {WATCHES_MAX} watches at once"))
    })?;
    let (frames, received) = mpsc::channel(WATCH_FRAMES_MAX);
    let beginning = wish.begin(call.store());
    let feed = Feed::new(call.store().clone(), wish, frames);
    let shutdown = call.api.shutdown.clone();
    tokio::spawn(async move {
        let _ = shutdown.run_until_cancelled(feed.run(beginning)).await;
        drop(permit);
    });
    let frames = stream::unfold(received, |mut received| async {
        let frame = received.recv().await?;
        Some((Ok::<_, Infallible>(frame), received))
    });
    Ok(answer::events(Body::from_stream(frames)))
}

/// What a request wants to be told, and for how long.
fn wish(call: &Call) -> Result<Wish, Refusal> {
    let (target, query) = (&call.target, &call.query);
    let timeout = query.number("timeoutSeconds")?.and_then(|it| u32::try_from(it).ok());
    let timeout = match timeout {
        None | Some(0) => TIMEOUT + call.store().names().jitter(TIMEOUT),
        Some(seconds) => Duration::from_secs(seconds.into()),
    };
    list_options::check_watch(query)?;
    let selector = Selector::parse(target.kind, query)?;
    let selector = match &target.name {
        Some(name) => selector.named(name),
        None => selector,
    };
    let version = query.get("resourceVersion").unwrap_or("0");
    let version = version.parse().map_err(|_| Status::no_version(version))?;
    let start = match (query.flag("sendInitialEvents"), version) {
        (Some(true), at_least) => Start::State { at_least },
        (None, 0) => Start::State { at_least: 0 },
        (Some(false), 0) => Start::Now,
        (_, after) => Start::After(after),
    };
    Ok(Wish {
        kind: target.kind,
        namespace: target.namespace.clone(),
        selector,
        start,
        form: call.form,
        has_bookmarks: query.is_set("allowWatchBookmarks"),
        deadline: Instant::now() + timeout,
    })
}
