//! Recorded answers to updates, held against admission alone, in the order they were asked in.
//!
//! Each is a merge of a patch into the object as it has become; patches in other languages, and
//! answers about the request rather than the object, are the HTTP server's.

use crate::harness::say;
use std::collections::BTreeMap;

use mayfly_controller::admission::{self, Invalid};
use mayfly_controller::api::Job;
use serde_json::Value;

use super::harness;
use super::requests::{Request, UID, recorded, refusal_differs};

/// What happened to the object before a request, without being asked for in a recorded one.
const BETWEEN: &[(&str, &str)] = &[
    ("running-immutable-nodeSelector", r#"{"spec": {"suspend": false}}"#),
    (
        "status-remove-terminal",
        r#"{"status": {"startTime": "2026-01-01T00:00:00Z", "conditions": [
            {"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}]}}"#,
    ),
];

#[test]
fn updates_are_answered_as_recorded() {
    let Some(shared) = harness::shared() else { return };
    let mut jobs: BTreeMap<String, Job> = BTreeMap::new();
    let mut failed = Vec::new();
    let mut passed = 0;
    for request in recorded(&shared) {
        let Some(name) = subject(&request) else { continue };
        let between = BETWEEN.iter().find(|(before, _)| *before == request.name);
        if let (Some((_, patch)), Some(job)) = (between, jobs.get_mut(&name)) {
            let patch = serde_json::from_str(patch).expect("a patch must be JSON");
            *job = patched(job, &patch);
        }
        let old = jobs.get(&name);
        let answer = match (request.method.as_str(), old) {
            ("POST", _) => admission::admit_job(read(&request.manifest), UID),
            ("PATCH", Some(old)) => update(&request, old),
            _ => continue,
        };
        match check(&request, answer.map(|admitted| admitted.object)) {
            Ok(stored) => {
                passed += 1;
                jobs.extend(stored.map(|job| (name, job)));
            }
            Err(why) => failed.push(format!("{}: {why}", request.name)),
        }
    }
    say!("updates: {passed} answered as recorded, {} otherwise", failed.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// The Job that is made or changed, if the answer is about the object that would come of it.
fn subject(request: &Request) -> Option<String> {
    let is_merge = ["merge-patch", "strategic-merge-patch", "json"]
        .iter()
        .any(|kind| request.content_type.contains(kind))
        && !request.content_type.contains("json-patch");
    let is_about_object = matches!(request.http_status, 200 | 201) || request.is_refusal();
    let (_, rest) = request.path.split_once("/jobs")?;
    if !is_merge || !is_about_object || !request.manifest.is_object() {
        return None;
    }
    let name = rest.trim_start_matches('/').split('/').next().filter(|name| !name.is_empty());
    let made = request.manifest["metadata"]["name"].as_str();
    name.or(made.filter(|_| request.http_status == 201)).map(str::to_owned)
}

fn update(request: &Request, old: &Job) -> Result<admission::Admitted<Job>, Invalid> {
    let job = patched(old, &request.manifest);
    if request.path.ends_with("/status") {
        return admission::admit_job_status(job, old);
    }
    admission::admit_job_update(job, old)
}

/// Whether the answer is the one recorded; what is then stored.
fn check(request: &Request, answer: Result<Job, Invalid>) -> Result<Option<Job>, String> {
    match answer {
        Err(refusal) if request.http_status == 422 => {
            refusal_differs(request, &refusal).map_or(Ok(None), Err)
        }
        Err(refusal) => Err(format!("refused: {refusal}")),
        Ok(_) if request.http_status == 422 => Err("admitted".to_owned()),
        Ok(job) => Ok(Some(job)),
    }
}

fn read(object: &Value) -> Job {
    serde_json::from_value(object.clone()).expect("what is recorded must be a Job")
}

fn patched(job: &Job, patch: &Value) -> Job {
    let mut object = serde_json::to_value(job).expect("a Job must have a JSON form");
    merge(&mut object, patch);
    read(&object)
}

/// Merges a patch into an object, as RFC 7386 has it.
fn merge(object: &mut Value, patch: &Value) {
    let (Some(fields), Some(changes)) = (object.as_object_mut(), patch.as_object()) else {
        *object = patch.clone();
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
            continue;
        }
        let field = fields.entry(key.clone()).or_insert_with(|| Value::Object(Default::default()));
        if change.is_object() && !field.is_object() {
            *field = Value::Object(Default::default());
        }
        merge(field, change);
    }
}
