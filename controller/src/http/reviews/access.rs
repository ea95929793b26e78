//! Whether a user may do something, and what they may do.

use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, NonResourceAttributes, ResourceAttributes, SelfSubjectAccessReview,
    SelfSubjectRulesReview, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
};
use serde_json::{Value, json};

use super::Asked;
use crate::admission::{ErrorKind, FieldError};
use crate::api::ObjectMeta;
use crate::http::access::{Attributes, Rule, User};
use crate::http::refusal::Refusal;
use crate::http::status::Status;

pub(super) fn of_self(
    asked: &Asked<'_>,
    review: SelfSubjectAccessReview,
) -> Result<SelfSubjectAccessReview, Refusal> {
    let spec = &review.spec;
    let mut errors =
        one_of(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref());
    errors.extend(empty(&review.metadata, "must be empty"));
    refuse(&errors)?;
    let attributes =
        attributes(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref());
    let status = Some(status(asked, asked.user, &attributes));
    Ok(SelfSubjectAccessReview { status, ..review })
}

pub(super) fn of_subject(
    asked: &Asked<'_>,
    review: SubjectAccessReview,
) -> Result<SubjectAccessReview, Refusal> {
    let mut errors = subject_errors(&review.spec);
    errors.extend(empty(&review.metadata, "must be empty"));
    refuse(&errors)?;
    let status = Some(subject_status(asked, &review.spec));
    Ok(SubjectAccessReview { status, ..review })
}

pub(super) fn of_local(
    asked: &Asked<'_>,
    mut review: LocalSubjectAccessReview,
    namespace: &str,
) -> Result<LocalSubjectAccessReview, Refusal> {
    let says = review.metadata.namespace.get_or_insert_with(|| namespace.to_owned()).clone();
    let mut errors = subject_errors(&review.spec);
    let metadata = ObjectMeta { namespace: None, ..review.metadata.clone() };
    errors.extend(empty(&metadata, "must be empty except for namespace"));
    let inner = review.spec.resource_attributes.as_ref();
    let inner = inner.map(|it| it.namespace.clone().unwrap_or_default());
    if let Some(inner) = inner.filter(|inner| *inner != says) {
        let field = "spec.resourceAttributes.namespace";
        errors.push(invalid(field, &json!(inner), "must match metadata.namespace"));
    }
    if let Some(path) = &review.spec.non_resource_attributes {
        let what = "disallowed on this kind of request";
        errors.push(invalid("spec.nonResourceAttributes", &json!(path), what));
    }
    refuse(&errors)?;
    if says != namespace {
        return Err(Status::bad_request(format!(
            "spec.resourceAttributes.namespace must match namespace: {namespace}"
        ))
        .into());
    }
    let status = Some(subject_status(asked, &review.spec));
    Ok(LocalSubjectAccessReview { status, ..review })
}

/// What the user may do in a namespace, as Kubernetes answers it: without what was asked.
pub(super) fn rules(asked: &Asked<'_>, review: SelfSubjectRulesReview) -> Result<Value, Refusal> {
    let namespace = review.spec.namespace.unwrap_or_default();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request").into());
    }
    let rules = asked.policy.rules(asked.user, &namespace);
    let (for_paths, for_resources): (Vec<&Rule>, Vec<&Rule>) =
        rules.partition(|rule| rule.resources.is_empty());
    Ok(json!({
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {},
        "status": {
            "resourceRules": for_resources,
            "nonResourceRules": for_paths,
            "incomplete": false,
        },
    }))
}

fn subject_status(asked: &Asked<'_>, spec: &SubjectAccessReviewSpec) -> SubjectAccessReviewStatus {
    let user = User {
        name: spec.user.clone().unwrap_or_default(),
        uid: spec.uid.clone().unwrap_or_default(),
        groups: spec.groups.clone().unwrap_or_default(),
    };
    let attributes =
        attributes(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref());
    status(asked, &user, &attributes)
}

fn status(asked: &Asked<'_>, user: &User, attributes: &Attributes) -> SubjectAccessReviewStatus {
    let allowed = asked.policy.allows(user, attributes);
    SubjectAccessReviewStatus { allowed, ..SubjectAccessReviewStatus::default() }
}

fn attributes(
    resource: Option<&ResourceAttributes>,
    path: Option<&NonResourceAttributes>,
) -> Attributes {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if let Some(it) = path {
        return Attributes { verb: text(&it.verb), path: text(&it.path), ..Attributes::default() };
    }
    let Some(it) = resource else { return Attributes::default() };
    Attributes {
        verb: text(&it.verb),
        group: text(&it.group),
        resource: text(&it.resource),
        subresource: text(&it.subresource),
        namespace: text(&it.namespace),
        name: text(&it.name),
        path: String::new(),
    }
}

fn subject_errors(spec: &SubjectAccessReviewSpec) -> Vec<FieldError> {
    let mut errors =
        one_of(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref());
    let is_named = spec.user.as_ref().is_some_and(|user| !user.is_empty());
    if !is_named && spec.groups.as_ref().is_none_or(Vec::is_empty) {
        let what = "at least one of user or group must be specified";
        errors.push(invalid("spec.user", &json!(""), what));
    }
    errors
}

/// What is asked about is one thing.
fn one_of(
    resource: Option<&ResourceAttributes>,
    path: Option<&NonResourceAttributes>,
) -> Vec<FieldError> {
    match (resource, path) {
        (Some(_), Some(path)) => {
            let what = "cannot be specified in combination with resourceAttributes";
            vec![invalid("spec.nonResourceAttributes", &json!(path), what)]
        }
        (None, None) => {
            let what = "exactly one of nonResourceAttributes or resourceAttributes must be \
                        specified";
            vec![invalid("spec.resourceAttributes", &Value::Null, what)]
        }
        _ => Vec::new(),
    }
}

fn empty(metadata: &ObjectMeta, what: &str) -> Option<FieldError> {
    let is_empty = *metadata == ObjectMeta::default();
    (!is_empty).then(|| invalid("metadata", &json!(metadata), what))
}

fn invalid(field: &str, value: &Value, detail: &str) -> FieldError {
    FieldError {
        kind: ErrorKind::Invalid,
        field: field.to_owned(),
        value: Some(value.to_string()),
        detail: detail.to_owned(),
    }
}

fn refuse(errors: &[FieldError]) -> Result<(), Refusal> {
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid_review(errors).into()) }
}
