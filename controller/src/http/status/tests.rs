//! How failures are told.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::admission::ErrorKind;
use crate::api::Key;

fn check(status: &Status, expect: &Value) {
    assert_eq!(serde_json::to_value(status).unwrap(), *expect);
}

#[test]
fn what_is_not_there_is_named_with_its_group() {
    check(
        &Status::not_found(Kind::Job, "pi"),
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "jobs.batch \"pi\" not found", "reason": "NotFound",
            "details": {"name": "pi", "group": "batch", "kind": "jobs"}, "code": 404,
        }),
    );
    let of_the_core = Status::not_found(Kind::Pod, "pi");
    assert_eq!(of_the_core.message, "pods \"pi\" not found");
    check(
        &Status::no_such_resource(),
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "the server could not find the requested resource",
            "reason": "NotFound", "details": {}, "code": 404,
        }),
    );
}

#[test]
fn a_success_has_neither_code_nor_reason() {
    check(
        &Status::deleted(Kind::Job, "pi", "u"),
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "pi", "group": "batch", "kind": "jobs", "uid": "u"},
        }),
    );
}

#[test]
fn a_refusal_has_every_cause_and_names_the_kind() {
    let error = |field: &str| FieldError {
        kind: ErrorKind::Required,
        field: field.to_owned(),
        value: None,
        detail: String::new(),
    };
    let causes = vec![error("spec.a"), error("spec.b")];
    let status = Status::from(Invalid { kind: Kind::Job, name: "pi".to_owned(), causes });
    let cause = |field: &str| json!({"reason": "FieldValueRequired", "message": "Required value", "field": field});
    check(
        &status,
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Job.batch \"pi\" is invalid: [spec.a: Required value, spec.b: Required value]",
            "reason": "Invalid", "code": 422,
            "details": {"name": "pi", "group": "batch", "kind": "Job",
                "causes": [cause("spec.a"), cause("spec.b")]},
        }),
    );
}

#[test]
fn a_failed_commit_is_told_as_kubernetes_tells_it() {
    let key = Key::new("default", "pi");
    let of = |error| {
        let status = Status::of_commit(&error);
        (status.code, status.reason, status.message)
    };
    assert_eq!(
        of(CommitError::AlreadyExists { kind: Kind::Job, key: key.clone() }),
        (Some(409), "AlreadyExists", "jobs.batch \"pi\" already exists".to_owned())
    );
    let (code, reason, message) = of(CommitError::Conflict { kind: Kind::Job, key });
    assert_eq!((code, reason), (Some(409), "Conflict"));
    assert!(message.starts_with("Operation cannot be fulfilled on jobs.batch \"pi\": "));
    let (code, reason, _) = of(CommitError::TooLarge { operations: 9 });
    assert_eq!((code, reason), (Some(500), "InternalError"));
}

#[test]
fn a_full_disk_is_told_without_its_folder() {
    let full = std::io::Error::other("No space left on device");
    let error = CommitError::Disk { folder: "secret/state".into(), source: Arc::new(full) };
    let status = Status::of_commit(&error);
    assert_eq!(status.http_status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        status.message,
        "Internal error occurred: the change can't be kept: No space left on device"
    );
}
