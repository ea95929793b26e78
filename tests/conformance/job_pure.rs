//! The leaves: one function of the controller each.

use std::collections::BTreeMap;
use std::sync::Arc;

use mayfly_controller::api::{Job, JobCondition, Pod};
use mayfly_controller::job::PodView;
use mayfly_controller::job::backoff::BackoffRecord;
use mayfly_controller::job::claim::{self, Belonging, belonging, is_orphan};
use mayfly_controller::job::conditions::set;
use mayfly_controller::job::indexes::Indexes;
use mayfly_controller::job::pod_failure_policy::{FailureAction, PodFailurePolicy};
use mayfly_controller::job::progress::{self, Progress};
use mayfly_controller::job::removal::split_misplaced;
use mayfly_controller::job::scale::{pending_indexes, ready_indexes};
use mayfly_controller::job::success_policy::SuccessPolicy;
use mayfly_controller::job::tally::Pods;
use mayfly_controller::job::template::{self, FailureCounts};
use mayfly_controller::ttl::expires_at;
use serde_json::{Value, json};

use super::{indexed_job_view, job_view, now, number, observed, pod_views, settings, time, wire};

pub(super) fn adoption(given: &Value) -> Value {
    let job = job_view(&json!({
        "metadata": { "name": "test_job", "namespace": "default", "uid": "test_job-uid" },
        "spec": { "selector": { "matchLabels": { "foo": "bar" } } },
    }));
    let (mut own, mut tracked) = (Vec::new(), Vec::new());
    for pod in given["pods"].as_array().expect("pods are a list") {
        let mut pod: Pod = wire(pod);
        // The vectors give both Jobs the same uid and tell them apart by name.
        for owner in pod.metadata.owner_references.iter_mut().flatten() {
            owner.uid = format!("{}-uid", owner.name);
        }
        match belonging(&job, &pod.metadata) {
            Belonging::Own => {}
            Belonging::Adoptable => claim::adopt(&job, &mut pod),
            Belonging::Stray | Belonging::Foreign => continue,
        }
        let name = pod.metadata.name.clone();
        if PodView::parse(&pod).tracked {
            tracked.push(name.clone());
        }
        own.push(name);
    }
    json!({ "wantPods": own, "wantPodsFinalizer": tracked })
}

pub(super) fn backoff_record(given: &Value) -> Value {
    let times = |name: &str| -> Vec<_> {
        given[name].as_array().expect("times are a list").iter().map(time).collect()
    };
    let record = &given["record"];
    let record = BackoffRecord {
        failures_after_last_success: number(&record["failuresAfterLastSuccess"]),
        last_failure: record["lastFailureTime"]
            .is_string()
            .then(|| time(&record["lastFailureTime"])),
    };
    let after = record.after(&times("newSucceededFinishedAt"), &times("newFailedFinishedAt"));
    json!({
        "failuresAfterLastSuccess": after.failures_after_last_success,
        "lastFailureTime": after.last_failure.map(|time| time.to_string()),
    })
}

pub(super) fn backoff_remaining(given: &Value) -> Value {
    let last = given["lastFailureTime"].is_string().then(|| time(&given["lastFailureTime"]));
    let failures = number(&given["failures"]);
    let left = settings(given).remaining(failures, last, now(given));
    json!({ "remainingSeconds": left.as_secs_f64() })
}

pub(super) fn backoff_remaining_per_index(given: &Value) -> Value {
    let pod = &given["lastFailedPod"];
    let pod = (!pod.is_null()).then(|| PodView::parse(&wire(pod)));
    let left = settings(given).remaining_for_index(pod.as_ref(), now(given));
    json!({ "remainingSeconds": left.as_secs_f64() })
}

pub(super) fn conditions(given: &Value) -> Value {
    let mut conditions: Vec<JobCondition> =
        serde_json::from_value(given["conditions"].clone()).expect("conditions are conditions");
    let condition = serde_json::from_value(given["set"].clone()).expect("one is one");
    let changed = set(&mut conditions, condition);
    json!({ "conditions": conditions, "changed": changed })
}

pub(super) fn count_pods(given: &Value) -> Value {
    let progress = Progress::of(&observed(job_view(&given["job"]), pod_views(given), given));
    json!({ "succeeded": progress.succeeded, "failed": progress.failed })
}

pub(super) fn create_info_per_index(given: &Value) -> Value {
    let job =
        indexed_job_view(&json!({ "spec": { "completions": 100, "backoffLimitPerIndex": 9 } }));
    let observed = observed(job, Vec::new(), given);
    let delayed = given["podsWithDelayedDeletionPerIndex"].as_object().expect("pods by index");
    let delayed: BTreeMap<u32, Arc<PodView>> = delayed
        .iter()
        .map(|(index, pod)| {
            (index.parse().expect("a number"), Arc::new(PodView::parse(&wire(pod))))
        })
        .collect();
    let progress = Progress { delayed, ..Progress::of(&observed) };
    let wanted: Vec<u32> =
        given["indexesToAdd"].as_array().expect("indexes").iter().map(number).collect();
    let (ready, wait) = ready_indexes(&observed, &progress, &wanted, now(given));
    let wait = wait.filter(|_| ready.is_empty()).map_or(0.0, |wait| wait.as_secs_f64());
    json!({ "indexesToAdd": ready, "remainingSeconds": wait })
}

pub(super) fn delayed_deletion(given: &Value) -> Value {
    let job = indexed_job_view(&given["job"]);
    let progress = Progress::of(&observed(job, pod_views(given), given));
    let mut kept: Vec<String> = progress.delayed.values().map(|pod| pod.uid.to_string()).collect();
    kept.sort();
    json!({ "keptPodUIDs": kept })
}

pub(super) fn duplicate_indexes(given: &Value) -> Value {
    let pods = short_pods(&given["pods"]);
    let texts: BTreeMap<_, _> =
        pods.iter().map(|(pod, short)| (pod.uid.clone(), short.clone())).collect();
    let shown = |pods: Vec<Arc<PodView>>| -> Vec<_> {
        pods.iter().map(|pod| texts[&pod.uid].clone()).collect()
    };
    let pods = pods.into_iter().map(|(pod, _)| Arc::new(pod)).collect();
    let (remove, keep) = split_misplaced(pods, number(&given["completions"]));
    json!({ "remove": shown(remove), "keep": shown(keep) })
}

pub(super) fn finished_time(given: &Value) -> Value {
    json!({ "finishedTime": PodView::parse(&wire(&given["pod"])).finished_at.to_string() })
}

pub(super) fn first_pending_indexes(given: &Value) -> Value {
    let spec = json!({ "spec": { "completions": given["completions"], "parallelism": 1 } });
    let job = indexed_job_view(&spec);
    let pods = short_pods(&given["activePods"]).into_iter().map(|(pod, _)| pod).collect();
    let observed = observed(job, pods, given);
    let progress = Progress {
        completed_indexes: intervals(&given["succeededIndexes"]),
        failed_indexes: intervals(&given["failedIndexes"]),
        ..Progress::of(&observed)
    };
    let tally = observed.pods.tally();
    json!({ "indexes": pending_indexes(&observed.job, tally, &progress, number(&given["count"])) })
}

pub(super) fn generate_name(given: &Value) -> Value {
    let job = given["jobName"].as_str().expect("a name is a string");
    json!({ "generateName": template::generate_name(job, number(&given["index"])) })
}

pub(super) fn index_failed(given: &Value) -> Value {
    let pod = PodView::parse(&wire(&given["pod"]));
    json!({ "indexFailed": indexed_job_view(&given["job"]).fails_index(&pod) })
}

pub(super) fn index_failure_count(given: &Value) -> Value {
    let replaced = &given["podBeingReplaced"];
    let replaced = (!replaced.is_null()).then(|| PodView::parse(&wire(replaced)));
    let counts = FailureCounts::after(&job_view(&given["job"]), replaced.as_ref());
    json!({ "failureCount": counts.counted, "ignoredFailureCount": counts.ignored })
}

pub(super) fn index_failure_count_parse(given: &Value) -> Value {
    json!({ "count": PodView::parse(&wire(&given["pod"])).failure_count })
}

pub(super) fn indexes_failed(given: &Value) -> Value {
    let pods: Pods = pod_views(given).into_iter().collect();
    json!({ "failedIndexes": progress::failed_indexes(&indexed_job_view(&given["job"]), &pods).intervals() })
}

pub(super) fn indexes_succeeded(given: &Value) -> Value {
    let job = indexed_job_view(&json!({
        "spec": { "completions": given["completions"] },
        "status": { "completedIndexes": given["completedIndexes"] },
    }));
    let pods: Pods = short_pods(&given["pods"]).into_iter().map(|(pod, _)| pod).collect();
    json!({
        "fromStatus": job.completed_indexes.intervals(),
        "all": progress::completed_indexes(&job, &pods).intervals(),
    })
}

pub(super) fn intervals_has(given: &Value) -> Value {
    json!({ "has": intervals(&given["intervals"]).has(number(&given["index"])) })
}

pub(super) fn orphan_finalizer(given: &Value) -> Value {
    let mut pod = Pod::default();
    if !given["owner"].is_null() {
        let owner = serde_json::from_value(given["owner"].clone()).expect("an owner reference");
        pod.metadata.owner_references = Some(vec![owner]);
    }
    let job = (!given["job"].is_null()).then(|| wire::<Job>(&given["job"]));
    json!({ "wantFinalizerRemoved": is_orphan(&pod.metadata, job.as_ref()) })
}

pub(super) fn pod_failure_policy(given: &Value) -> Value {
    let policy = &given["podFailurePolicy"];
    let policy = (!policy.is_null()).then(|| {
        PodFailurePolicy::parse(&serde_json::from_value(policy.clone()).expect("a policy"))
    });
    let pod = PodView::parse(&wire(&given["pod"]));
    let found = policy.and_then(|policy| policy.judge(&pod));
    let action = found.as_ref().map(|found| found.action);
    let message = found.filter(|found| found.action == FailureAction::FailJob);
    json!({
        "jobFailureMessage": message.map(|found| found.message),
        "countFailed": action != Some(FailureAction::Ignore),
        "action": action.map(|action| format!("{action:?}")),
    })
}

pub(super) fn success_policy(given: &Value) -> Value {
    let policy = &given["successPolicy"];
    let rule = (!policy.is_null()).then(|| {
        let wire = serde_json::from_value(policy.clone()).expect("a policy");
        let policy = SuccessPolicy::parse(&wire, number(&given["completions"]));
        policy.matching_rule(&intervals(&given["succeededIndexes"]))
    });
    let rule = rule.flatten();
    let message = rule.map(|rule| format!("Matched rules at index {rule}")).unwrap_or_default();
    json!({ "met": rule.is_some(), "message": message })
}

pub(super) fn ttl(given: &Value) -> Value {
    let mut conditions = Vec::new();
    for (field, type_) in [("completeAt", "Complete"), ("failedAt", "Failed")] {
        if given[field].is_string() {
            let since = &given[field];
            conditions
                .push(json!({ "type": type_, "status": "True", "lastTransitionTime": since }));
        }
    }
    let job: Job = wire(&json!({
        "spec": { "ttlSecondsAfterFinished": given["ttlSecondsAfterFinished"] },
        "status": { "conditions": conditions },
    }));
    match expires_at(&job) {
        None => json!({ "error": true }),
        Some(at) => {
            let left = at.duration_since(now(given)).as_secs_f64();
            json!({ "timeLeftSeconds": left, "expireAt": at.to_string() })
        }
    }
}

fn intervals(value: &Value) -> Indexes {
    let bounds = value.as_array().expect("intervals are a list");
    Indexes::of(bounds.iter().map(|bound| (number(&bound[0]), number(&bound[1]))))
}

/// Pods given as index and phase. They are tracked.
fn short_pods(value: &Value) -> Vec<(PodView, Value)> {
    let pods = value.as_array().expect("pods are a list").iter().enumerate();
    pods.map(|(number, short)| {
        let mut metadata = json!({
            "uid": number.to_string(),
            "finalizers": ["batch.kubernetes.io/job-tracking"],
        });
        if short[0].is_string() {
            metadata["annotations"] =
                json!({ "batch.kubernetes.io/job-completion-index": short[0] });
        }
        let pod: Pod = wire(&json!({ "metadata": metadata, "status": { "phase": short[1] } }));
        (PodView::parse(&pod), short.clone())
    })
    .collect()
}
