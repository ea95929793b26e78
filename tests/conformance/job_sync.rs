//! Whole syncs: a Job and its pods in, the plan's effects out.

use mayfly_controller::api::{JobCondition, JobStatus};
use mayfly_controller::job::count::{Counting, count};
use mayfly_controller::job::indexes::Indexes;
use mayfly_controller::job::progress::Progress;
use mayfly_controller::job::verdict::{Ending, Verdict};
use mayfly_controller::job::{Observed, Plan, reconcile};
use serde_json::{Value, json};

use super::hindered::{Hindrance, hindered};
use super::{job_view, now, observed, pod_views};

pub(super) fn sync(given: &Value) -> Value {
    let now = now(given);
    let observed = observed(job_view(&given["job"]), pod_views(given), given);
    let plan = reconcile(&observed, now);
    if let Some(hindrance) = Hindrance::of(given) {
        return hindered(&observed, &plan, hindrance, now);
    }
    let mut answer = effects(&status(&observed, &plan), &plan);
    if let Some(at) = plan.requeue_at {
        answer["requeueAfterSeconds"] = json!(at.duration_since(now).as_secs_f64());
    }
    answer
}

pub(super) fn managed_by(given: &Value) -> Value {
    let observed = observed(job_view(&given["job"]), pod_views(given), given);
    let plan = reconcile(&observed, now(given));
    json!({ "status": serde_json::to_value(status(&observed, &plan)).expect("a status is JSON") })
}

pub(super) fn finalizer_protocol(given: &Value) -> Value {
    let observed = observed(job_view(&given["job"]), pod_views(given), given);
    let progress = Progress::of(&observed);
    let stored = observed.job.status();
    let condition = &given["finishedCondition"];
    let verdict = condition["type"].as_str().map(|type_| verdict(type_, condition));
    let counted = count(Counting {
        observed: &observed,
        progress: &progress,
        verdict: verdict.as_ref(),
        status: stored.clone(),
        terminating: observed.pods.tally().terminating,
        active: 0,
        deleted: &[],
        uncounted: false,
        now: now(given),
    });
    let fails = |fault: &str| given["faults"][fault] == true;
    let mut writes = Vec::new();
    if counted.listed != stored || given["needsFlush"] == true {
        writes.push(&counted.listed);
    }
    let stopped = !writes.is_empty() && fails("statusUpdateFails");
    let error = stopped || fails("podPatchFails");
    if !error && counted.status != counted.listed {
        writes.push(&counted.status);
    }
    let grown = |counter: fn(&JobStatus) -> Option<i32>| match error {
        true => 0,
        false => counter(&counted.status).unwrap_or(0) - counter(&stored).unwrap_or(0),
    };
    let succeeded = match observed.job.is_indexed() {
        // What has succeeded before and is out of range by now is no loss.
        true if error => 0,
        true => {
            let completed = counted.status.completed_indexes.as_deref().unwrap_or_default();
            let completions = observed.job.completions.unwrap_or(0);
            let before = i64::from(observed.job.completed_indexes.count());
            i64::from(Indexes::parse(completed, completions).count()) - before
        }
        false => i64::from(grown(|status| status.succeeded)),
    };
    json!({
        "podPatches": if stopped { 0 } else { counted.release.len() },
        "statusUpdates": writes.into_iter().map(|write| written(&stored, write)).collect::<Vec<_>>(),
        "error": error,
        "succeededPodsMetric": succeeded,
        "failedPodsMetric": grown(|status| status.failed),
    })
}

/// A status as the vectors print it: conditions always there, zeros only where a counter or text
/// was taken away.
fn written(stored: &JobStatus, status: &JobStatus) -> Value {
    let json = |status: &JobStatus| serde_json::to_value(status).expect("a status is JSON");
    let mut value = json(status);
    for (name, before) in json(stored).as_object().expect("a status is an object") {
        if value[name].is_null() {
            value[name] = if before.is_number() { json!(0) } else { json!("") };
        }
    }
    value["conditions"] = conditions(status);
    value
}

fn verdict(type_: &str, condition: &Value) -> Verdict {
    let text = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
    let ending = match type_ {
        "Complete" | "SuccessCriteriaMet" => Ending::Complete,
        _ => Ending::Failed,
    };
    Verdict {
        ending,
        reason: text("reason"),
        message: text("message"),
        announced: type_ == ending.terminal_condition(),
    }
}

fn status(observed: &Observed, plan: &Plan) -> JobStatus {
    plan.status().cloned().unwrap_or_else(|| observed.job.status())
}

/// What `plan` does, and `status`, as the vectors print them.
pub(super) fn effects(status: &JobStatus, plan: &Plan) -> Value {
    let mut created: Vec<u64> = plan
        .created()
        .filter_map(|pod| {
            pod.metadata.labels.as_ref()?.get("batch.kubernetes.io/job-completion-index")
        })
        .map(|index| index.parse().expect("an index must be a number"))
        .collect();
    created.sort_unstable();
    let events: Vec<Value> = plan
        .events()
        // The pods API of the vectors is a fake that tells nobody.
        .filter(|event| event.reason != "SuccessfulDelete")
        .map(|event| json!([event.event_type.as_str(), event.reason, event.message]))
        .collect();
    json!({
        "creates": plan.created().count(),
        "deletes": plan.deleted().count(),
        "podPatches": plan.released().count(),
        "active": status.active.unwrap_or(0),
        "ready": status.ready,
        "terminating": status.terminating,
        "succeeded": status.succeeded.unwrap_or(0),
        "failed": status.failed.unwrap_or(0),
        "completedIndexes": status.completed_indexes.as_deref().unwrap_or_default(),
        "failedIndexes": status.failed_indexes,
        "uncountedTerminatedPods": status.uncounted_terminated_pods,
        "conditions": conditions(status),
        "createdIndexes": created,
        "events": events,
        "startTimeSet": status.start_time.is_some(),
    })
}

fn conditions(status: &JobStatus) -> Value {
    let shown = |condition: &JobCondition| {
        json!({
            "type": condition.type_,
            "status": condition.status,
            "reason": condition.reason.as_deref().unwrap_or_default(),
            "message": condition.message.as_deref().unwrap_or_default(),
        })
    };
    status.conditions.iter().flatten().map(shown).collect()
}
