//! From the credentials of a request to its user.

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::policy::Policy;
use super::user::{ClientCertificate, User};
use crate::api::Timestamp;
use crate::bootstrap;
use crate::store::Store;

/// The user whose credentials the request carries, if they are good: a client certificate, or else a
/// bearer token that has not expired at `now`.
pub(super) fn authenticate(
    policy: &Policy,
    store: &Store,
    parts: &Parts,
    now: Timestamp,
) -> Option<User> {
    if let Some(certificate) = parts.extensions.get::<ClientCertificate>() {
        return Some(User::from(certificate));
    }
    user_of_token(policy, store, bearer_token(parts)?, now)
}

/// Whose `token` is at `now`: a user's of the file, or that of a host which joins.
pub(in crate::http) fn user_of_token(
    policy: &Policy,
    store: &Store,
    token: &str,
    now: Timestamp,
) -> Option<User> {
    let joins = || bootstrap::authenticate(store, token, now).map(User::from);
    policy.user_of(token, now).or_else(joins)
}

/// Whether it carries any, good or bad.
pub(super) fn has_credentials(parts: &Parts) -> bool {
    parts.extensions.get::<ClientCertificate>().is_some()
        || parts.headers.contains_key(AUTHORIZATION)
}

fn bearer_token(parts: &Parts) -> Option<&str> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
