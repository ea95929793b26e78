//! What is refused of requests for certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::*;

fn pem() -> String {
    let key = KeyPair::generate().expect("a key");
    let made = CertificateParams::default().serialize_request(&key);
    made.and_then(|it| it.pem()).expect("a request")
}

fn certificate() -> String {
    let key = KeyPair::generate().expect("a key");
    BASE64.encode(CertificateParams::default().self_signed(&key).expect("a certificate").pem())
}

fn request(spec: &Value, status: &Value) -> CertificateSigningRequest {
    let mut object = json!({
        "metadata": {"name": "Any name", "uid": "u"},
        "spec": {
            "request": BASE64.encode(pem()), "signerName": "example.org/s",
            "usages": ["client auth"], "username": "jane",
        },
        "status": status,
    });
    for (key, value) in spec.as_object().expect("a map") {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).expect("must be one")
}

#[test]
fn admits_and_denies_what_kubernetes_does() {
    let check = |spec: Value, expect: &[&str]| {
        let found = admit_certificate_signing_request(request(&spec, &json!({})), "u");
        let found = found.err().map(|it| it.causes).unwrap_or_default();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.starts_with(expect), "{found}");
        }
    };
    check(json!({}), &[]);
    check(json!({"expirationSeconds": 600}), &[]);
    check(json!({"request": ""}), &["spec.request: Invalid value"]);
    // What follows the request counts as well, though nobody reads it.
    let padded = |bytes: usize| json!({"request": BASE64.encode(format!("{:bytes$}", pem()))});
    check(padded(16 * 1024), &[]);
    check(padded(16 * 1024 + 1), &["spec.request: Too long: may not be more than 16384 bytes"]);
    check(json!({"usages": []}), &["spec.usages: Required value"]);
    check(json!({"usages": ["fun"]}), &["spec.usages[0]: Unsupported value: \"fun\""]);
    check(json!({"usages": ["any", "any"]}), &["spec.usages[1]: Duplicate value: \"any\""]);
    check(json!({"signerName": ""}), &["spec.signerName: Required value"]);
    check(
        json!({"signerName": "kubernetes.io/legacy-unknown"}),
        &["spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the legacy"],
    );
    check(json!({"signerName": "plain"}), &["spec.signerName: Invalid value: \"plain\": must be"]);
    check(json!({"signerName": "a/b"}), &["spec.signerName: Invalid value: \"a\": should be"]);
    check(
        json!({"expirationSeconds": 599}),
        &["spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600"],
    );
}

#[test]
fn who_asks_decides_nothing() {
    let status = json!({"conditions": [{"type": "Approved", "status": "True"}]});
    let admitted = admit_certificate_signing_request(request(&json!({}), &status), "u");
    let admitted = admitted.expect("it must be admitted");
    assert_eq!(admitted.object.status, None);
    assert_eq!(admitted.warnings.len(), 1, "nobody signs for it: {:?}", admitted.warnings);
}

#[test]
fn each_part_is_written_by_those_who_may() {
    use CertificatePart::{Approval, Status, Whole};
    let now = "2026-03-01T00:00:00Z".parse().expect("a time");
    let is = |type_: &str| json!({"type": type_, "status": "True"});
    let check = |part: CertificatePart, old: Value, new: Value, expect: &str| {
        let (old, mut new) = (request(&json!({}), &old), request(&json!({}), &new));
        new.spec.username = Some("admin".to_owned());
        let found = admit_certificate_signing_request_update(new, &old, part, now);
        match found {
            Ok(admitted) => {
                assert_eq!(expect, "", "it was admitted");
                assert_eq!(admitted.object.spec, old.spec, "nobody changes what is asked for");
                let conditions = admitted.object.status.and_then(|it| it.conditions);
                for condition in conditions.iter().flatten() {
                    assert!(condition.last_update_time.is_some(), "{condition:?}");
                }
            }
            Err(refused) => {
                let found = refused.to_string();
                assert!(!expect.is_empty() && found.contains(expect), "{found}");
            }
        }
    };
    let none = || json!({});
    let has =
        |types: &[&str]| json!({"conditions": types.iter().map(|it| is(it)).collect::<Vec<_>>()});
    let signed = |certificate: &str| json!({"certificate": certificate});
    check(Approval, none(), has(&["Approved"]), "");
    check(Approval, none(), has(&["Denied"]), "");
    check(Approval, has(&["Approved"]), has(&["Approved", "Denied"]), "mutually exclusive");
    check(Approval, has(&["Denied"]), none(), "updates may not remove a condition of type");
    check(
        Approval,
        none(),
        json!({"conditions": [{"type": "Approved", "status": "False"}]}),
        "True",
    );
    check(Approval, none(), has(&["Approved", "Approved"]), "Duplicate value");
    check(Status, none(), has(&["Approved"]), "updates may not add a condition of type");
    check(Status, none(), has(&["Failed"]), "");
    let (one, other) = (certificate(), certificate());
    check(Status, none(), signed(&one), "");
    check(Status, none(), signed("eA=="), "must contain at least one CERTIFICATE PEM block");
    check(Status, signed(&one), signed(&other), "may not modify existing certificate content");
    // What is not written there stays.
    check(Approval, signed(&one), signed(&other), "");
    check(Whole, none(), has(&["Approved"]), "");
}
