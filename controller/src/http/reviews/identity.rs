//! Who somebody is.

use k8s_openapi::api::authentication::v1::{
    SelfSubjectReview, SelfSubjectReviewStatus, TokenReview, TokenReviewStatus, UserInfo,
};

use super::Asked;
use crate::api::{ObjectMeta, Time};
use crate::http::access::{User, user_of_token};
use crate::http::refusal::Refusal;
use crate::http::status::Status;

pub(super) fn of_self(
    asked: &Asked<'_>,
    _review: SelfSubjectReview,
) -> Result<SelfSubjectReview, Refusal> {
    let creation_timestamp = Some(Time(asked.api.store.clock().now()));
    Ok(SelfSubjectReview {
        metadata: ObjectMeta { creation_timestamp, ..ObjectMeta::default() },
        status: Some(SelfSubjectReviewStatus { user_info: Some(info(asked.user)) }),
    })
}

/// Whose a token is. The token itself is not repeated.
pub(super) fn of_token(asked: &Asked<'_>, mut review: TokenReview) -> Result<TokenReview, Refusal> {
    let token = std::mem::take(&mut review.spec.token);
    if token.is_empty() {
        return Err(
            Status::bad_request("token is required for TokenReview in authentication").into()
        );
    }
    let store = &asked.api.store;
    let user = user_of_token(&asked.policy, store, &token, store.clock().now());
    let status = match user {
        Some(user) => TokenReviewStatus {
            authenticated: Some(true),
            user: Some(info(&user)),
            ..TokenReviewStatus::default()
        },
        None => TokenReviewStatus {
            authenticated: Some(false),
            error: Some("invalid bearer token".to_owned()),
            ..TokenReviewStatus::default()
        },
    };
    Ok(TokenReview { status: Some(status), ..review })
}

fn info(user: &User) -> UserInfo {
    UserInfo {
        username: Some(user.name.clone()),
        uid: Some(user.uid.clone()).filter(|uid| !uid.is_empty()),
        groups: Some(user.groups.clone()),
        extra: None,
    }
}
