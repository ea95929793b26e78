//! The job controller: what was given, to what its public pure functions make of it.

use std::sync::Arc;

use mayfly_controller::api::{Job, Pod, Timestamp};
use mayfly_controller::job::tally::Pods;
use mayfly_controller::job::{BackoffRecord, BackoffSettings, JobView, Observed, PodView, Room};
use serde_json::{Value, json};

use super::compare;
use super::harness::Area;

#[path = "job_hindered.rs"]
mod hindered;
#[path = "job_pure.rs"]
mod pure;
#[path = "job_sync.rs"]
mod sync;

/// The areas of the job controller.
///
/// Everything is compared as it is, but for this:
///
/// | area | what is mapped | why |
/// |---|---|---|
/// | all | `expectedRemovedFinalizerUIDs` lose their finalizer before the pods are observed | here a finalizer that was taken off is gone at once |
/// | sync and its like | `pendingExpectations` that are not met leave out the management of pods | reads never lag behind writes, so here they are always met; what is counted without it is compared |
/// | sync and its like | `faults` show what is attempted, and the first of two status writes | a plan commits as a whole: a call that fails leaves nothing half done to look at |
/// | sync and its like | `SuccessfulDelete` is left out of the events | the pods API of the vectors is a fake that tells nobody |
/// | finalizer-protocol | both status writes are shown, though only the second is ever stored | a plan commits as a whole |
/// | finalizer-protocol | `faults` ends the list of writes after the first | that is where Kubernetes stops; nothing would be stored here |
/// | finalizer-protocol | the two metrics are what the counters have grown by | there are no such metrics here |
/// | adoption | owners of another name get another uid | the vectors give both Jobs the same |
/// | backoff-remaining, create-info-per-index | base and cap are the vector's, else 10 s and 600 s | both are settings here |
/// | delayed-deletion, indexes-failed, index-failed | an absent completion mode is Indexed | the upstream functions are called below the check of the mode |
pub(super) const AREAS: &[Area] = &[
    Area { name: "adoption", entry: pure::adoption, compare: compare::same },
    Area { name: "backoff-never", entry: sync::sync, compare: effects },
    Area { name: "backoff-onfailure", entry: sync::sync, compare: effects },
    Area { name: "backoff-per-index-sync", entry: sync::sync, compare: effects },
    Area { name: "backoff-record", entry: pure::backoff_record, compare: compare::same },
    Area { name: "backoff-remaining", entry: pure::backoff_remaining, compare: compare::same },
    Area {
        name: "backoff-remaining-per-index",
        entry: pure::backoff_remaining_per_index,
        compare: compare::same,
    },
    Area { name: "conditions", entry: pure::conditions, compare: compare::same },
    Area { name: "count-pods", entry: pure::count_pods, compare: compare::same },
    Area {
        name: "create-info-per-index",
        entry: pure::create_info_per_index,
        compare: compare::same,
    },
    Area { name: "deadline", entry: sync::sync, compare: effects },
    Area { name: "delayed-deletion", entry: pure::delayed_deletion, compare: compare::same },
    Area { name: "duplicate-indexes", entry: pure::duplicate_indexes, compare: compare::same },
    Area { name: "finalizer-protocol", entry: sync::finalizer_protocol, compare: compare::same },
    Area { name: "finished-time", entry: pure::finished_time, compare: compare::same },
    Area {
        name: "first-pending-indexes",
        entry: pure::first_pending_indexes,
        compare: compare::same,
    },
    Area { name: "generate-name", entry: pure::generate_name, compare: compare::same },
    Area { name: "index-failed", entry: pure::index_failed, compare: compare::same },
    Area { name: "index-failure-count", entry: pure::index_failure_count, compare: compare::same },
    Area {
        name: "index-failure-count-parse",
        entry: pure::index_failure_count_parse,
        compare: compare::same,
    },
    Area { name: "indexes-failed", entry: pure::indexes_failed, compare: compare::same },
    Area { name: "indexes-succeeded", entry: pure::indexes_succeeded, compare: compare::same },
    Area { name: "intervals-has", entry: pure::intervals_has, compare: compare::same },
    Area { name: "managed-by", entry: sync::managed_by, compare: compare::same },
    Area { name: "orphan-finalizer", entry: pure::orphan_finalizer, compare: compare::same },
    Area { name: "pod-failure-policy", entry: pure::pod_failure_policy, compare: compare::same },
    Area { name: "pod-failure-policy-sync", entry: sync::sync, compare: effects },
    Area { name: "success-policy", entry: pure::success_policy, compare: compare::same },
    Area { name: "success-policy-sync", entry: sync::sync, compare: effects },
    Area { name: "sync", entry: sync::sync, compare: effects },
    Area { name: "ttl", entry: pure::ttl, compare: compare::same },
];

/// The effects of a sync. A derived expectation may have a note.
fn effects(expect: &Value, got: &Value) -> Result<(), String> {
    let mut expect = expect.clone();
    if let Some(fields) = expect.as_object_mut() {
        fields.remove("note");
    }
    compare::within(&expect, got)
}

/// `value` as a wire object; one without metadata or spec is completed first.
fn wire<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    let mut value = if value.is_null() { json!({}) } else { value.clone() };
    let object = value.as_object_mut().expect("an object must be an object");
    object.entry("metadata").or_insert(json!({}));
    serde_json::from_value(value).expect("a vector's object must be of its kind")
}

fn time(value: &Value) -> Timestamp {
    value.as_str().expect("a time must be a string").parse().expect("a time must be RFC 3339")
}

/// The time of the case: midnight of a new year, where it does not say otherwise.
fn now(given: &Value) -> Timestamp {
    time(given.get("now").unwrap_or(&json!("2024-01-01T00:00:00Z")))
}

fn job_view(value: &Value) -> JobView {
    JobView::parse(Arc::new(wire::<Job>(value)))
}

/// The same, with an absent completion mode read as Indexed.
fn indexed_job_view(value: &Value) -> JobView {
    let mut job: Job = wire(value);
    job.spec.get_or_insert_default().completion_mode = Some("Indexed".to_owned());
    JobView::parse(Arc::new(job))
}

/// The given pods, those whose finalizer is known to be gone without it.
fn pod_views(given: &Value) -> Vec<PodView> {
    let gone = given["expectedRemovedFinalizerUIDs"].as_array().cloned().unwrap_or_default();
    let pods = given["pods"].as_array().cloned().unwrap_or_default();
    let view = |(number, pod): (usize, &Value)| {
        let mut view = PodView::parse(&wire::<Pod>(pod));
        view.tracked &= !gone.contains(&pod["metadata"]["uid"]);
        if view.uid.is_empty() {
            // Upstream builds pods without uid where nothing asks for it; here it tells them apart.
            view.uid = format!("pod-without-uid-{number}").into();
        }
        view
    };
    pods.iter().enumerate().map(view).collect()
}

fn observed(job: JobView, pods: Vec<PodView>, given: &Value) -> Observed {
    let record = &given["backoffRecord"];
    Observed {
        room: Room::default(),
        job: Arc::new(job),
        pods: pods.into_iter().collect::<Pods>(),
        claims: Vec::new(),
        backoff: BackoffRecord {
            failures_after_last_success: number(&record["failuresAfterLastSuccess"]),
            last_failure: record["lastFailureTime"]
                .is_string()
                .then(|| time(&record["lastFailureTime"])),
        },
        settings: settings(given),
    }
}

fn settings(given: &Value) -> BackoffSettings {
    let seconds = |value: &Value, default: f64| {
        mayfly_controller::api::SignedDuration::from_secs_f64(value.as_f64().unwrap_or(default))
    };
    BackoffSettings {
        base: seconds(&given["baseSeconds"], 10.0),
        cap: seconds(&given["maxSeconds"], 600.0),
    }
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}
