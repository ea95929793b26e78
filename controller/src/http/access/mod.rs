//! Who sends a request, and whether they may.
//!
//! ```text
//! ClientCertificate ─┐
//! bearer token ──────┴▶ User ──┐
//! method, path, query ▶ Attributes ──▶ Policy ──▶ yes, or 401, or 403
//! ```
//!
//! Users are known by a file ([`Policy::parse`] says how it is written); whoever serves reads it, and
//! hands a newer one to [`Access::replace`]. Nothing here reads a clock, a file or a socket.

mod attributes;
mod authenticate;
mod file;
mod impersonate;
mod own;
mod policy;
mod references;
mod requested;
mod role;
mod user;

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::request::Parts;

pub(super) use self::attributes::Attributes;
pub(super) use self::authenticate::user_of_token;
pub use self::file::{InvalidPolicy, Mistake};
pub use self::policy::{Policy, TokenHash};
pub(super) use self::references::References;
pub(super) use self::role::Rule;
pub use self::user::{ClientCertificate, User};
use super::options::Query;
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;
use crate::api::{Kind, Object, Timestamp};
use crate::bootstrap;
use crate::store::{Store, Transaction};

/// Who may do what, as it is now.
#[derive(Debug, Default)]
pub struct Access(RwLock<Arc<Policy>>);

impl Access {
    /// What `policy` says.
    pub fn new(policy: Policy) -> Self {
        Self(RwLock::new(Arc::new(policy)))
    }

    /// From now on, what `policy` says. What was let in stays in: a watch goes on to its end.
    pub fn replace(&self, policy: Policy) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// What is said now.
    pub fn policy(&self) -> Arc<Policy> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Refuses `user` what is asked, unless they may do it; for what follows from a request that they
/// were let in with.
pub(super) fn require(api: &Api, user: &User, asked: &Attributes) -> Result<(), Refusal> {
    match &api.access {
        Some(access) if !access.policy().allows(user, asked) => {
            Err(Status::denied(user, asked).into())
        }
        _ => Ok(()),
    }
}

/// Who sends the request of `parts`, if they may.
///
/// An API without access control is served to its owner alone, who may do everything.
pub(super) fn admit(api: &Api, parts: &Parts) -> Result<Arc<User>, Refusal> {
    let Some(access) = &api.access else { return Ok(Arc::new(User::system_admin())) };
    let policy = access.policy();
    let user = admit_by(&policy, &api.store, parts, api.store.clock().now())?;
    let asked = Attributes::of(&parts.method, &parts.uri);
    if let Some(node) = policy.node_of(&user)
        && !policy.allows_beside(&user, &asked)
    {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        if !own::may(api, node, &asked, &query) {
            return Err(Status::denied(&user, &asked).into());
        }
    }
    Ok(user)
}

/// Whether `user` may do everything.
pub(super) fn may_do_everything(api: &Api, user: &User) -> bool {
    let access = api.access.as_ref();
    access.is_none_or(|it| it.policy().allows(user, &Attributes::everything()))
}

/// Refuses what `user` must not write, as a node or as somebody who may write Secrets or asks for a
/// certificate: `new` over `old`, or new.
pub(super) fn restrict(
    api: &Api,
    user: &User,
    old: Option<&Object>,
    new: &Object,
) -> Result<(), Refusal> {
    if let Object::Secret(secret) = new
        && secret.type_.as_deref() == Some(bootstrap::SECRET_TYPE)
        && !may_do_everything(api, user)
    {
        // Kubernetes differs: there, whoever may write Secrets may let hosts join.
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        let why = "only who may do everything may let hosts join";
        return Err(Status::forbidden(Kind::Secret, name, why).into());
    }
    if let Object::CertificateSigningRequest(request) = new
        && !may_do_everything(api, user)
    {
        requested::restrict(old.map(Object::metadata), &request.metadata)?;
    }
    match restricted(api, user) {
        Some(node) => own::restrict(node, old, new),
        None => Ok(()),
    }
}

/// Refuses `user` to `verb` (delete, evict) `old`, if it is a node and `old` a pod of another: that it
/// was its own when the request came, before its body, says nothing. Gives what has to hold when it is
/// done.
pub(super) fn restrict_deletion(
    api: &Api,
    user: &User,
    verb: &str,
    old: &Object,
) -> Result<Transaction, Refusal> {
    match restricted(api, user) {
        Some(node) => own::restrict_deletion(node, verb, old),
        None => Ok(Transaction::new()),
    }
}

/// The node that `user` is, if it may write only what is a node's.
fn restricted<'a>(api: &Api, user: &'a User) -> Option<&'a str> {
    let node = api.access.as_ref()?.policy().node_of(user);
    node.filter(|_| !user.is_in(User::MASTERS))
}

fn admit_by(
    policy: &Policy,
    store: &Store,
    parts: &Parts,
    now: Timestamp,
) -> Result<Arc<User>, Refusal> {
    let asked = Attributes::of(&parts.method, &parts.uri);
    let user = match authenticate::authenticate(policy, store, parts, now) {
        Some(user) => user,
        None if asked.is_for_anybody() && !authenticate::has_credentials(parts) => {
            return Ok(Arc::new(User::anonymous()));
        }
        None => return Err(Status::unauthorized().into()),
    };
    let user = impersonate::act_as(policy, parts, user)?;
    if !policy.allows(&user, &asked) {
        return Err(Status::denied(&user, &asked).into());
    }
    Ok(Arc::new(user))
}

#[cfg(test)]
mod tests;
