//! Protobuf bodies, which Kubernetes' own clients send: read as the JSON that means the same.
//!
//! ```text
//! k8s\0 ▶ Unknown {apiVersion, kind, raw} ──▶ message ──▶ wire type ──▶ JSON, as any other body
//! ```
//!
//! Kubernetes' Go writes every field that is no pointer, empty or not; [`wire`] says what then counts
//! as not there. Answers stay JSON: whoever sends protobuf accepts that.

mod batch;
mod core;
mod groups;
mod leaf;
mod meta;
mod pod;
mod status;
mod volume;
mod wire;

use k8s_openapi::api::{
    authentication, authorization, batch as api_batch, certificates, coordination,
    core as api_core, events, policy, scheduling,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use k8s_pb::api as pb;
use k8s_pb::apimachinery::pkg::apis::meta::v1 as pb_meta;
use k8s_pb::apimachinery::pkg::runtime::{TypeMeta, Unknown};
use prost::{DecodeError, Message};
use serde::Serialize;
use serde_json::json;

use self::wire::{Corrupt, Wire};

/// The media type of such bodies.
pub(super) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// What they begin with.
const MAGIC: &[u8] = b"k8s\0";

/// Why a body is not an object in protobuf.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It has no envelope that says what is in it.
    Envelope(String),
    /// What is in it is no such object.
    Object {
        /// The version that it says it is of.
        api_version: String,
        /// The kind that it says it is.
        kind: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The object in `bytes` as JSON; of `kind`, unless they say otherwise. One of a kind that is not
/// known here says only what it is.
pub(super) fn to_json(bytes: &[u8], api_version: &str, kind: &str) -> Result<Vec<u8>, Unreadable> {
    let envelope = |why: &str| Unreadable::Envelope(why.to_owned());
    if bytes.is_empty() {
        return Err(envelope("empty data"));
    }
    let Some(message) = bytes.strip_prefix(MAGIC) else {
        let why = "provided data does not appear to be a protobuf message, expected prefix \
                   [107 56 115 0]";
        return Err(envelope(why));
    };
    if message.is_empty() {
        return Err(envelope("empty body"));
    }
    let unknown = Unknown::decode(message).map_err(|error| envelope(&in_words(&error)))?;
    let TypeMeta { api_version: says_version, kind: says_kind } =
        unknown.type_meta.unwrap_or_default();
    let or = |says: Option<String>, default: &str| {
        says.filter(|says| !says.is_empty()).unwrap_or_else(|| default.to_owned())
    };
    let (api_version, kind) = (or(says_version, api_version), or(says_kind, kind));
    let raw = unknown.raw.unwrap_or_default();
    object(&api_version, &kind, &raw).map_err(|Corrupt(why)| Unreadable::Object {
        api_version,
        kind,
        why,
    })
}

/// The object of `kind` that `raw` holds, as JSON.
fn object(api_version: &str, kind: &str, raw: &[u8]) -> Result<Vec<u8>, Corrupt> {
    match (api_version, kind) {
        ("batch/v1", "Job") => json::<pb::batch::v1::Job, api_batch::v1::Job>(raw),
        ("batch/v1", "CronJob") => json::<pb::batch::v1::CronJob, api_batch::v1::CronJob>(raw),
        ("v1", "Pod") => json::<pb::core::v1::Pod, api_core::v1::Pod>(raw),
        ("v1", "ConfigMap") => json::<pb::core::v1::ConfigMap, api_core::v1::ConfigMap>(raw),
        ("v1", "Secret") => json::<pb::core::v1::Secret, api_core::v1::Secret>(raw),
        ("v1", "Event") => json::<pb::core::v1::Event, api_core::v1::Event>(raw),
        ("v1", "Node") => json::<pb::core::v1::Node, api_core::v1::Node>(raw),
        ("v1", "Namespace") => json::<pb::core::v1::Namespace, api_core::v1::Namespace>(raw),
        ("v1", "ServiceAccount") => {
            json::<pb::core::v1::ServiceAccount, api_core::v1::ServiceAccount>(raw)
        }
        ("v1", "ResourceQuota") => {
            json::<pb::core::v1::ResourceQuota, api_core::v1::ResourceQuota>(raw)
        }
        ("v1", "LimitRange") => json::<pb::core::v1::LimitRange, api_core::v1::LimitRange>(raw),
        ("certificates.k8s.io/v1", "CertificateSigningRequest") => json::<
            pb::certificates::v1::CertificateSigningRequest,
            certificates::v1::CertificateSigningRequest,
        >(raw),
        ("scheduling.k8s.io/v1", "PriorityClass") => {
            json::<pb::scheduling::v1::PriorityClass, scheduling::v1::PriorityClass>(raw)
        }
        ("coordination.k8s.io/v1", "Lease") => {
            json::<pb::coordination::v1::Lease, coordination::v1::Lease>(raw)
        }
        ("events.k8s.io/v1", "Event") => json::<pb::events::v1::Event, events::v1::Event>(raw),
        ("policy/v1", "Eviction") => json::<pb::policy::v1::Eviction, policy::v1::Eviction>(raw),
        ("authentication.k8s.io/v1" | "authorization.k8s.io/v1", _) => {
            review(api_version, kind, raw)
        }
        // Every group has these options.
        (_, "DeleteOptions") => json::<pb_meta::DeleteOptions, DeleteOptions>(raw),
        _ => Ok(json!({"apiVersion": api_version, "kind": kind}).to_string().into_bytes()),
    }
}

fn review(api_version: &str, kind: &str, raw: &[u8]) -> Result<Vec<u8>, Corrupt> {
    use self::pb::authentication::v1 as pb_authentication;
    use self::pb::authorization::v1 as pb_authorization;
    use authentication::v1 as authentication;
    use authorization::v1 as authorization;
    match kind {
        "SelfSubjectReview" => {
            json::<pb_authentication::SelfSubjectReview, authentication::SelfSubjectReview>(raw)
        }
        "TokenReview" => json::<pb_authentication::TokenReview, authentication::TokenReview>(raw),
        "SelfSubjectAccessReview" => json::<
            pb_authorization::SelfSubjectAccessReview,
            authorization::SelfSubjectAccessReview,
        >(raw),
        "SelfSubjectRulesReview" => json::<
            pb_authorization::SelfSubjectRulesReview,
            authorization::SelfSubjectRulesReview,
        >(raw),
        "SubjectAccessReview" => {
            json::<pb_authorization::SubjectAccessReview, authorization::SubjectAccessReview>(raw)
        }
        "LocalSubjectAccessReview" => json::<
            pb_authorization::LocalSubjectAccessReview,
            authorization::LocalSubjectAccessReview,
        >(raw),
        _ => Ok(json!({"apiVersion": api_version, "kind": kind}).to_string().into_bytes()),
    }
}

/// The `T` that the message of `raw` means, as JSON. prost bounds how deep messages nest.
fn json<M: Message + Default, T: Wire<M> + Serialize>(raw: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let message = M::decode(raw).map_err(|error| Corrupt(in_words(&error)))?;
    let object = T::wire(message)?;
    Ok(serde_json::to_vec(&object).expect("a wire type must have a JSON form"))
}

/// What a Go decoder says where it is known.
fn in_words(error: &DecodeError) -> String {
    let text = error.to_string();
    if text.contains("buffer underflow") {
        "unexpected EOF".to_owned()
    } else {
        format!("proto: {text}")
    }
}

#[cfg(test)]
mod tests;
