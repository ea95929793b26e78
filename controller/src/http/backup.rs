//! The whole state as one file, out and in: for who may do everything.
//!
//! ```text
//! GET /mayfly/backup ◀─ snapshot of the store        POST /mayfly/restore ─▶ checked whole ─▶ who serves
//! ```
//!
//! A backup is of one moment, and holds up nobody. To put one in the place of what there is takes
//! stopping whoever acts on the store, which is not known here: it is asked of who serves.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, Response};
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::answer;
use super::refusal::Refusal;
use super::router::Api;
use super::sent::{self, Patience};
use super::status::Status;
use crate::backup::{Depth, Read, Reader, Unreadable, Writer};
use crate::limits::{BACKUP_STALL_SECONDS, BACKUPS_AT_ONCE_MAX, RESTORE_STALL_SECONDS};
use crate::store::Snapshot;

const BACKUP: &str = "/mayfly/backup";
/// Where a backup is posted to that is to be restored.
pub const RESTORE: &str = "/mayfly/restore";

/// JSON lines.
const LINES: HeaderValue = HeaderValue::from_static("application/jsonl");

/// Somebody wants a snapshot in the place of everything there is.
#[derive(Debug)]
pub struct Restore {
    /// It.
    pub snapshot: Snapshot,
    /// For the resource version that it has become, or why nothing has changed.
    pub answer: oneshot::Sender<Result<u64, String>>,
}

/// Where restores are asked for, one at a time.
#[derive(Clone, Debug)]
pub(super) struct Restores {
    asked: mpsc::Sender<Restore>,
    alone: Arc<Semaphore>,
}

impl Restores {
    pub(super) fn new(asked: mpsc::Sender<Restore>) -> Self {
        Self { asked, alone: Arc::new(Semaphore::new(1)) }
    }
}

/// Whether the request is about the whole state.
pub(super) fn is_meant(parts: &Parts) -> bool {
    matches!(parts.uri.path(), BACKUP | RESTORE)
}

/// The answer to a request about the whole state.
pub(super) async fn answer(
    api: &Api,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    match (parts.uri.path(), &parts.method) {
        (BACKUP, &Method::GET) => backup(api),
        (RESTORE, &Method::POST) => restore(api, body).await,
        _ => Err(Status::method_not_allowed().into()),
    }
}

fn backup(api: &Api) -> Result<Response<Body>, Refusal> {
    let permit = Arc::clone(&api.backups).try_acquire_owned().map_err(|_| {
        Status::too_many_requests(&format!("no more than {BACKUPS_AT_ONCE_MAX} backups at once"))
    })?;
    let pieces = Writer::new(api.store.snapshot(), api.store.clock().now());
    let patience = Patience { piece: Duration::from_secs(BACKUP_STALL_SECONDS), whole: None };
    let mut response = Response::new(sent::body(pieces, permit, patience));
    response.headers_mut().insert(CONTENT_TYPE, LINES);
    Ok(response)
}

async fn restore(api: &Api, body: Body) -> Result<Response<Body>, Refusal> {
    let Some(Restores { asked, alone }) = &api.restores else {
        return Err(Status::not_implemented("restoring").into());
    };
    let _alone = alone
        .try_acquire()
        .map_err(|_| Status::too_many_requests("no more than one restore at once"))?;
    // Nothing is done before all of it is known to be whole.
    let Read { snapshot, header } = read(api, body).await?;
    let (answer, answered) = oneshot::channel();
    let stopping = || Status::unavailable("it is stopping; nothing of the backup was restored");
    asked.send(Restore { snapshot, answer }).await.map_err(|_| stopping())?;
    let stopped =
        || Status::in_doubt("it is stopping; either all of the backup was restored or nothing");
    match answered.await.map_err(|_| stopped())? {
        Ok(version) => Ok(answer::value(&json!({
            "objects": header.objects, "resourceVersion": version.to_string(),
        }))),
        Err(why) => Err(Status::internal(&format!(
            "{why}; no object was changed, and pods were started anew"
        ))
        .into()),
    }
}

async fn read(api: &Api, body: Body) -> Result<Read, Refusal> {
    let refused = |error: Unreadable| Status::bad_request(error.to_string());
    let mut reader = Reader::new(Depth::Objects).with_sharing(api.store.sharing());
    let mut pieces = body.into_data_stream();
    let patience = Duration::from_secs(RESTORE_STALL_SECONDS);
    while let Some(piece) =
        timeout(patience, pieces.next()).await.map_err(|_| Status::timed_out())?
    {
        // A client that goes away in the middle doesn't read the answer either.
        let piece = piece.map_err(|_| Status::bad_request("the backup broke off on its way"))?;
        reader.feed(&piece).map_err(refused)?;
    }
    Ok(reader.finish().map_err(refused)?)
}
