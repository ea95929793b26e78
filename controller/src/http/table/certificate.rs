//! The rows of CertificateSigningRequests.

use serde_json::{Value, json};

use super::age::{age, span};
use super::or_none;
use crate::api::{CertificateSigningRequest, SignedDuration, Timestamp};

pub(super) fn cells(object: &CertificateSigningRequest, now: Timestamp) -> Vec<Value> {
    let spec = &object.spec;
    let duration = spec.expiration_seconds.map(|it| span(SignedDuration::from_secs(it.into())));
    vec![
        json!(object.metadata.name),
        json!(age(object.metadata.creation_timestamp.as_ref(), now)),
        json!(or_none(Some(&spec.signer_name))),
        json!(spec.username.as_deref().unwrap_or_default()),
        json!(or_none(duration.as_deref())),
        json!(condition(object)),
    ]
}

/// `Pending`, or what was decided, and what came of that.
fn condition(object: &CertificateSigningRequest) -> String {
    let status = object.status.as_ref();
    let has = |type_: &str| {
        let mut conditions = status.iter().flat_map(|it| it.conditions.iter().flatten());
        conditions.any(|condition| condition.type_ == type_)
    };
    let mut word = match (has("Denied"), has("Approved")) {
        (true, _) => "Denied",
        (_, true) => "Approved",
        _ => "Pending",
    }
    .to_owned();
    if has("Failed") {
        word += ",Failed";
    }
    if status.and_then(|it| it.certificate.as_ref()).is_some_and(|it| !it.0.is_empty()) {
        word += ",Issued";
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_with_what_was_decided() {
        let check = |status: Value, expect: &str| {
            let object = json!({
                "metadata": {"name": "c", "creationTimestamp": "2026-03-01T00:00:00Z"},
                "spec": {
                    "request": "", "signerName": "example.org/s", "username": "jane",
                    "expirationSeconds": 3600,
                },
                "status": status,
            });
            let object = serde_json::from_value(object).expect("it must be one");
            let now = "2026-03-01T00:00:05Z".parse().expect("a time");
            assert_eq!(
                cells(&object, now),
                ["c", "5s", "example.org/s", "jane", "60m", expect],
                "{expect}"
            );
        };
        let is = |type_: &str| json!({"type": type_, "status": "True"});
        check(json!({}), "Pending");
        check(json!({"conditions": [is("Denied")]}), "Denied");
        check(json!({"conditions": [is("Approved"), is("Failed")]}), "Approved,Failed");
        check(json!({"conditions": [is("Approved")], "certificate": "eA=="}), "Approved,Issued");
    }
}
