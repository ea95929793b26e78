//! What a vector of each area may be given.
//!
//! An entry reads its fields by name, so one that it does not know would be ignored, and the vector
//! would be compared with something else than it describes. Such a vector is skipped, and its line
//! names the field.

use serde_json::Value;

/// The fields that the entry of each area honours, with those inside of switches.
const GIVEN: &[(&str, &[&str])] = &[
    ("adoption", &["pods"]),
    ("backoff-record", &["record", "newSucceededFinishedAt", "newFailedFinishedAt"]),
    ("backoff-remaining", &["failures", "lastFailureTime", "now", "baseSeconds", "maxSeconds"]),
    ("backoff-remaining-per-index", &["lastFailedPod", "now", "baseSeconds", "maxSeconds"]),
    ("conditions", &["conditions", "set"]),
    ("count-pods", &["job", "pods", "now", "expectedRemovedFinalizerUIDs"]),
    (
        "create-info-per-index",
        &["indexesToAdd", "podsWithDelayedDeletionPerIndex", "now", "baseSeconds", "maxSeconds"],
    ),
    ("cronjob-history", &["cronJob", "jobs", "now", "createFails"]),
    ("cronjob-job-order", &["jobs"]),
    ("cronjob-most-recent", &["cronJob", "now", "includeStartingDeadline"]),
    (
        "cronjob-next",
        &["creationTimestamp", "lastScheduleTime", "now", "startingDeadlineSeconds", "schedule"],
    ),
    ("cronjob-ownership", &["cronJob", "jobs"]),
    ("cronjob-requeue", &["cronJob", "now"]),
    (
        "cronjob-sync",
        &[
            "cronJob",
            "jobs",
            "now",
            "apiServerActiveList",
            "faults",
            "faults.createJobError",
            "faults.getJobError",
        ],
    ),
    (
        "cronjob-template",
        &["scheduledTime", "timeZone", "templateAnnotations", "templateLabels", "cronJobName"],
    ),
    ("cronjob-update", &["now", "old", "new"]),
    ("defaults-cronjob", &["cronJob"]),
    ("defaults-job", &["job"]),
    ("delayed-deletion", &["job", "pods", "now", "expectedRemovedFinalizerUIDs"]),
    ("duplicate-indexes", &["completions", "pods"]),
    (
        "finalizer-protocol",
        &[
            "job",
            "pods",
            "now",
            "finishedCondition",
            "needsFlush",
            "expectedRemovedFinalizerUIDs",
            "faults",
            "faults.statusUpdateFails",
            "faults.podPatchFails",
        ],
    ),
    ("finished-time", &["pod"]),
    (
        "first-pending-indexes",
        &["count", "completions", "activePods", "succeededIndexes", "failedIndexes"],
    ),
    ("generate-name", &["jobName", "index"]),
    ("index-failed", &["job", "pod"]),
    ("index-failure-count", &["job", "podBeingReplaced"]),
    ("index-failure-count-parse", &["pod"]),
    ("indexes-failed", &["job", "pods", "expectedRemovedFinalizerUIDs"]),
    ("indexes-succeeded", &["completedIndexes", "completions", "pods"]),
    ("intervals-has", &["intervals", "index"]),
    ("managed-by", &["job", "pods", "now"]),
    // Where a Job was found, in a cache or by asking, is one here; so is by which selector an
    // orphan was found.
    ("orphan-finalizer", &["owner", "job", "inCache", "podSelector"]),
    ("pod-failure-policy", &["podFailurePolicy", "pod"]),
    ("strategy-create-validate", &["job", "options", "options.requirePrefixedLabels"]),
    ("strategy-prepare", &["job", "updatedJob"]),
    ("strategy-status", &["old", "new"]),
    ("strategy-update", &["old", "new"]),
    ("strategy-update-pod-resources", &["old", "new"]),
    ("strategy-update-scheduling", &["old", "new"]),
    ("success-policy", &["successPolicy", "completions", "succeededIndexes"]),
    ("ttl", &["completeAt", "failedAt", "ttlSecondsAfterFinished", "now"]),
    ("validate-cronjob", &["cronJob", "updated", "oldSpec", "newSpec"]),
    ("validate-indexes", &["indexes", "completions", "completedIndexes", "failedIndexes"]),
    ("validate-job", &["job", "options", "options.requirePrefixedLabels"]),
    (
        "validate-job-status",
        &["old", "new", "options", "options.rejectStartTimeUpdateForUnsuspendedJob"],
    ),
    (
        "validate-job-update",
        &[
            "old",
            "new",
            "options",
            "options.requirePrefixedLabels",
            "options.allowMutableSchedulingDirectives",
            "options.allowMutablePodResources",
        ],
    ),
    ("validate-schedule", &["schedule", "allowTZInSchedule", "timeZone"]),
    ("validate-timezone", &["timeZones"]),
];

/// The fields that every area honours which looks at a whole sync.
const GIVEN_TO_SYNC: &[&str] = &[
    "job",
    "pods",
    "now",
    "backoffRecord",
    "backoffRecord.failuresAfterLastSuccess",
    "backoffRecord.lastFailureTime",
    "expectedRemovedFinalizerUIDs",
    "pendingExpectations",
    "pendingExpectations.creations",
    "pendingExpectations.deletions",
    "faults",
    "faults.everyPodApiCallFails",
];

/// The first field of `given` that says something, and that the entry of `area` does not know.
pub(super) fn unknown(area: &str, given: &Value) -> Option<String> {
    let known = GIVEN.iter().find(|(name, _)| *name == area).map_or(GIVEN_TO_SYNC, |(_, it)| it);
    let is_known = |field: &str| known.contains(&field);
    for (name, value) in given.as_object()?.iter().filter(|(_, value)| says_something(value)) {
        if !is_known(name) {
            return Some(name.clone());
        }
        let prefix = format!("{name}.");
        if !known.iter().any(|field| field.starts_with(&prefix)) {
            continue;
        }
        let mut inner = value.as_object()?.iter().filter(|(_, value)| says_something(value));
        if let Some((inner, _)) = inner.find(|(inner, _)| !is_known(&format!("{prefix}{inner}"))) {
            return Some(format!("{name}.{inner}"));
        }
    }
    None
}

/// Whether a field can change anything: one that is empty or off is as good as absent.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

#[test]
fn tells_what_it_does_not_know() {
    let check = |area: &str, given: Value, expect: Option<&str>| {
        assert_eq!(unknown(area, &given).as_deref(), expect, "{area}: {given}");
    };
    check("ttl", serde_json::json!({ "now": "x", "leap": null }), None);
    check("ttl", serde_json::json!({ "leap": 1 }), Some("leap"));
    check("sync", serde_json::json!({ "faults": { "everyPodApiCallFails": true } }), None);
    check("deadline", serde_json::json!({ "faults": { "other": 3 } }), Some("faults.other"));
    check("validate-job", serde_json::json!({ "options": { "other": false } }), None);
}
