//! The end of an object, and what becomes of those that it owns.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::deletion::{Propagation, Wish};
use crate::api::{Kind, Object};
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::status::Status;
use crate::http::{access, answer};

/// Namespaces that Kubernetes keeps.
const NAMESPACES_KEPT: &[&str] = &["default", "kube-system", "kube-public"];

/// Kinds of which the object itself is the answer, also when it is gone, as in Kubernetes.
const ANSWERED_AS_OBJECTS: &[Kind] = &[Kind::Pod, Kind::ServiceAccount, Kind::Namespace];

pub(in crate::http) async fn delete(call: Call, name: &str) -> Result<Response<Body>, Refusal> {
    let Call { api, user, target, query, form, headers, body } = call;
    let store = &api.store;
    let wish = Wish::read(&query, &headers, body).await?;
    let warnings = wish.warnings(target.kind);
    let (kind, key) = (target.kind, target.key(name));
    let old = store.get_object(kind, &key).ok_or_else(|| Status::not_found(kind, name))?;
    let allowed = access::restrict_deletion(&api, &user, "delete", &old)?;
    wish.holds_for(&old).map_err(|refusal| refusal.warning(&warnings))?;
    if kind == Kind::Namespace {
        may_go(&old, name)?;
    }
    let is_dry_run = wish.is_dry_run()?;
    let is_waited_for = wish.propagation(&old) != Propagation::Background;
    let ended = if is_dry_run {
        old
    } else {
        let committed = store.commit(allowed.and(wish.transaction(&old))).await?;
        // Somebody else may have deleted it at the same time: then it is gone, as was wanted.
        committed.objects.into_iter().next_back().unwrap_or(old)
    };
    let is_left = is_waited_for || !is_gone(&ended, is_dry_run);
    if is_left || ANSWERED_AS_OBJECTS.contains(&kind) {
        let now = store.clock().now();
        return Ok(answer::object(StatusCode::OK, form, &ended, now, &warnings));
    }
    let uid = ended.metadata().uid.as_deref().unwrap_or_default();
    Ok(answer::status(&Status::deleted(kind, name, uid), &warnings))
}

/// Whether nothing holds `object` back; of one that was only to be tried, whether anything would.
fn is_gone(object: &Object, is_dry_run: bool) -> bool {
    let metadata = object.metadata();
    metadata.finalizers.as_ref().is_none_or(Vec::is_empty)
        && metadata.deletion_grace_period_seconds.unwrap_or(0) == 0
        && (is_dry_run || metadata.deletion_timestamp.is_some())
}

/// Some namespaces stay, and one that is on its way out need not be told again.
fn may_go(namespace: &Object, name: &str) -> Result<(), Refusal> {
    if NAMESPACES_KEPT.contains(&name) {
        let why = "this namespace may not be deleted";
        return Err(Status::forbidden(Kind::Namespace, name, why).into());
    }
    if namespace.metadata().deletion_timestamp.is_some() {
        return Err(Status::being_terminated(name).into());
    }
    Ok(())
}
