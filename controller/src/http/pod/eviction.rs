//! A request to be rid of a pod: granted, since nothing here says how many must stay.
//!
//! As Kubernetes' eviction of a pod that no PodDisruptionBudget covers: the pod says why it goes,
//! and is deleted.

use axum::body::Body;
use axum::http::{Method, Response};
use k8s_openapi::api::policy::v1::Eviction;

use crate::api::{Kind, Object, Pod, PodCondition, Time, Timestamp};
use crate::http::access::{self, User};
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::router::Api;
use crate::http::status::Status;
use crate::http::target::Target;
use crate::http::verbs::Wish;
use crate::http::{answer, body};
use crate::store::Transaction;

use axum::http::request::Parts;

const OPTIONS: &str = "CreateOptions";

/// Evicts the pod that `target` names, as `user` asks.
pub(super) async fn evict(
    api: &Api,
    user: &User,
    target: &Target,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    if parts.method != Method::POST {
        return Err(Status::method_not_allowed().into());
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let validation = query.field_validation(OPTIONS)?;
    let (eviction, warnings) = body::value::<Eviction>(&parts.headers, body, validation).await?;
    let name = target.name.as_deref().unwrap_or_default();
    if eviction.metadata.name.as_deref().is_some_and(|named| named != name) {
        return Err(
            Status::bad_request("name in URL does not match name in Eviction object").into()
        );
    }
    let wish = Wish::of(eviction.delete_options.unwrap_or_default())?;
    let is_dry_run = query.is_dry_run(OPTIONS)? || wish.is_dry_run()?;
    let store = &api.store;
    let key = target.key(name);
    let pod =
        store.get_object(Kind::Pod, &key).ok_or_else(|| Status::not_found(Kind::Pod, name))?;
    let allowed = access::restrict_deletion(api, user, "evict", &pod)?;
    wish.holds_for(&pod)?;
    if !is_dry_run {
        let mut transaction = allowed.and(wish.guard(&pod));
        if is_disruption(&pod) {
            transaction = transaction.and(disrupt(&pod, store.clock().now()));
        }
        store.commit(transaction.and(wish.deletion(&pod))).await?;
    }
    Ok(answer::status(&Status::created(), &warnings))
}

/// Whether evicting `pod` ends something: one that has not begun, has ended or is going anyway is
/// just deleted, as in Kubernetes.
fn is_disruption(pod: &Object) -> bool {
    let Object::Pod(pod) = pod else { return false };
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && phase == Some("Running")
}

/// What makes `pod` say that it is evicted.
fn disrupt(pod: &Object, now: Timestamp) -> Transaction {
    let condition = PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("EvictionByEvictionAPI".to_owned()),
        message: Some("Eviction API: evicting".to_owned()),
        last_transition_time: Some(Time(now)),
        observed_generation: pod.metadata().generation,
        ..PodCondition::default()
    };
    let uid = pod.metadata().uid.clone();
    Transaction::new().modify(pod.key(), uid, move |pod: &mut Pod| {
        let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
        conditions.retain(|it| it.type_ != condition.type_);
        conditions.push(condition);
    })
}
