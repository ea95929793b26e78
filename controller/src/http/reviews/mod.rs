//! Reviews: questions about users, their credentials and what they may do. None of them is kept.
//!
//! Kubernetes calls asking "creating a review", so each is a `POST` whose answer is what was asked
//! with a status. Everyone may ask about themselves; access control sees to who else may be asked
//! about by whom.

mod access;
mod identity;

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode};
use k8s_openapi::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::{Policy, User};
use super::answer::{self, Form};
use super::body;
use super::options::Query;
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;

const OPTIONS: &str = "CreateOptions";

/// A review that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Review {
    /// May I do this?
    SelfAccess,
    /// What may I do?
    SelfRules,
    /// May this user do this?
    Access,
    /// May this user do this here?
    LocalAccess(String),
    /// Who am I?
    SelfSubject,
    /// Whose token is this?
    Token,
}

impl Review {
    /// The one that `path` asks for.
    pub(super) fn at(path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        if let Some(name) = path.strip_prefix("/apis/authentication.k8s.io/v1/") {
            return match name {
                "selfsubjectreviews" => Some(Self::SelfSubject),
                "tokenreviews" => Some(Self::Token),
                _ => None,
            };
        }
        let name = path.strip_prefix("/apis/authorization.k8s.io/v1/")?;
        match name.split('/').collect::<Vec<_>>()[..] {
            ["selfsubjectaccessreviews"] => Some(Self::SelfAccess),
            ["selfsubjectrulesreviews"] => Some(Self::SelfRules),
            ["subjectaccessreviews"] => Some(Self::Access),
            ["namespaces", namespace, "localsubjectaccessreviews"] if !namespace.is_empty() => {
                Some(Self::LocalAccess(namespace.to_owned()))
            }
            _ => None,
        }
    }
}

/// What a review is answered from.
struct Asked<'a> {
    api: &'a Api,
    policy: Arc<Policy>,
    user: &'a User,
    parts: &'a Parts,
}

/// Answers `review`, asked by `user`.
pub(super) async fn answer(
    api: &Api,
    review: Review,
    user: &User,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    if parts.method != Method::POST {
        return Err(Status::method_not_allowed().into());
    }
    let policy = api.access.as_ref().map(|access| access.policy()).unwrap_or_default();
    let asked = Asked { api, policy, user, parts };
    match review {
        Review::SelfAccess => asked.answer(body, access::of_self).await,
        Review::SelfRules => asked.answer(body, access::rules).await,
        Review::Access => asked.answer(body, access::of_subject).await,
        Review::LocalAccess(namespace) => {
            asked.answer(body, |asked, review| access::of_local(asked, review, &namespace)).await
        }
        Review::SelfSubject => asked.answer(body, identity::of_self).await,
        Review::Token => asked.answer(body, identity::of_token).await,
    }
}

impl Asked<'_> {
    /// Answers the review in `body` with what `review` makes of it.
    async fn answer<T, A>(
        &self,
        body: Body,
        review: impl FnOnce(&Self, T) -> Result<A, Refusal>,
    ) -> Result<Response<Body>, Refusal>
    where
        T: Resource + DeserializeOwned,
        A: Serialize,
    {
        let Parts { headers, uri, .. } = self.parts;
        let query = Query::parse(uri.query().unwrap_or_default());
        Form::wanted(headers, &query)?;
        let validation = query.field_validation(OPTIONS)?;
        query.is_dry_run(OPTIONS)?;
        let (asked, warnings) = body::value(headers, body, validation).await?;
        let answered = review(self, asked).map_err(|refusal| refusal.warning(&warnings))?;
        let json = serde_json::to_value(answered).expect("a review must have a JSON form");
        Ok(answer::json(StatusCode::CREATED, &json, &warnings))
    }
}

#[cfg(test)]
mod tests;
