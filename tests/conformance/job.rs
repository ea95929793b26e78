//! Entry points for the vectors of the job controller: what was given, to what came out.
//!
//! Each gives a value with at least the fields that its vectors expect, from the public pure
//! functions of `mayfly_controller::job` and nothing else.

use std::sync::Arc;

use mayfly_controller::api::{Job, Pod, Timestamp};
use mayfly_controller::job::tally::Pods;
use mayfly_controller::job::{BackoffRecord, BackoffSettings, JobView, Observed, PodView};
use serde_json::{Value, json};

#[path = "job_pure.rs"]
mod pure;
#[path = "job_sync.rs"]
mod sync;

/// Where the answer is mapped or none is given, and why. Everything else is compared as it is.
///
/// | area | what is mapped | why |
/// |---|---|---|
/// | all | `expectedRemovedFinalizerUIDs` lose their finalizer before the pods are observed | here a finalizer that was taken off is gone at once |
/// | sync | `pendingExpectations` is skipped | reads never lag behind writes, so there are no expectations |
/// | sync | `faults` is skipped | a plan commits as a whole: a call that fails leaves nothing half done to look at |
/// | finalizer-protocol | both status writes are shown though only the second is ever stored | a plan commits as a whole |
/// | finalizer-protocol | `faults` cuts the list of writes after the first | that is where Kubernetes stops; nothing would be stored here |
/// | backoff-remaining, create-info-per-index | base and cap are the vector's, else 10 s and 600 s | both are settings here |
/// | delayed-deletion, indexes-failed, index-failed | an absent completion mode is Indexed | the upstream functions are called below the check of the mode |
/// | managed-by | a Job without a template's restart policy and selector is taken as it is | admission would refuse it |
pub(crate) fn run(area: &str, given: &Value) -> Option<Result<Value, &'static str>> {
    let answer = match area {
        "sync"
        | "deadline"
        | "backoff-onfailure"
        | "backoff-never"
        | "backoff-per-index-sync"
        | "pod-failure-policy-sync"
        | "success-policy-sync" => return Some(sync::sync(given)),
        "managed-by" => sync::managed_by(given),
        "finalizer-protocol" => sync::finalizer_protocol(given),
        "adoption" => pure::adoption(given),
        "backoff-record" => pure::backoff_record(given),
        "backoff-remaining" => pure::backoff_remaining(given),
        "backoff-remaining-per-index" => pure::backoff_remaining_per_index(given),
        "conditions" => pure::conditions(given),
        "count-pods" => pure::count_pods(given),
        "create-info-per-index" => pure::create_info_per_index(given),
        "delayed-deletion" => pure::delayed_deletion(given),
        "duplicate-indexes" => pure::duplicate_indexes(given),
        "finished-time" => pure::finished_time(given),
        "first-pending-indexes" => pure::first_pending_indexes(given),
        "generate-name" => pure::generate_name(given),
        "index-failed" => pure::index_failed(given),
        "index-failure-count" => pure::index_failure_count(given),
        "index-failure-count-parse" => pure::index_failure_count_parse(given),
        "indexes-failed" => pure::indexes_failed(given),
        "indexes-succeeded" => pure::indexes_succeeded(given),
        "intervals-has" => pure::intervals_has(given),
        "orphan-finalizer" => pure::orphan_finalizer(given),
        "pod-failure-policy" => pure::pod_failure_policy(given),
        "success-policy" => pure::success_policy(given),
        "ttl" => pure::ttl(given),
        _ => return None,
    };
    Some(Ok(answer))
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
    let view = |pod: &Value| {
        let mut view = PodView::parse(&wire::<Pod>(pod));
        view.tracked &= !gone.contains(&pod["metadata"]["uid"]);
        view
    };
    pods.iter().map(view).collect()
}

fn observed(job: JobView, pods: Vec<PodView>, given: &Value) -> Observed {
    let record = &given["backoffRecord"];
    Observed {
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
