//! Writes that are tried again when somebody else was quicker.
//!
//! A change is made to the newest version there is, held against it, and committed if it still is
//! the newest. A Job at full speed has a new one in every group of commits.

use axum::http::StatusCode;

use super::update::write;
use crate::api::Object;
use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::target::Target;
use crate::limits::WRITE_ATTEMPTS_MAX;

/// An attempt that failed.
pub(super) struct Failed {
    pub(super) refusal: Refusal,
    /// Whether that may be because somebody else wrote the object at the same time.
    pub(super) is_worth_another: bool,
}

impl<T: Into<Refusal>> From<T> for Failed {
    fn from(refusal: T) -> Self {
        Self { refusal: refusal.into(), is_worth_another: false }
    }
}

/// A write that can be made again.
pub(super) trait Write: Sync {
    /// Makes it to the newest version there is: the answer's code, what is stored, and warnings.
    fn attempt(&self) -> impl Future<Output = Result<Done, Failed>> + Send;
}

/// The answer's code, what is stored, and warnings.
pub(super) type Done = (StatusCode, Object, Vec<String>);

/// Attempts `write` until it is done, or is refused for another reason.
pub(super) async fn repeated(write: &impl Write) -> Result<Done, Refusal> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match write.attempt().await {
            Ok(done) => return Ok(done),
            Err(failed) if failed.is_worth_another && attempts < WRITE_ATTEMPTS_MAX => {}
            Err(failed) => return Err(failed.refusal),
        }
    }
}

/// Writes `new` over `old`, of which the client has said that it knows the version, or has not.
pub(super) async fn replace(
    api: &Api,
    target: &Target,
    new: Object,
    old: &Object,
    is_version_said: bool,
    is_dry_run: bool,
) -> Result<(Object, Vec<String>), Failed> {
    let written = write(api, target, new, old, is_dry_run).await;
    written.map_err(|refusal| {
        let version = |object: &Object| object.metadata().resource_version.clone();
        let newest = api.store.get_object(target.kind, &old.key());
        let has_moved = newest.is_some_and(|newest| version(&newest) != version(old));
        let is_conflict = refusal.status.reason == "Conflict";
        Failed { refusal, is_worth_another: is_conflict && has_moved && !is_version_said }
    })
}
