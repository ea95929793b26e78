//! The controller of CronJobs: what was given, to what its public pure functions make of it.

use std::sync::Arc;

use mayfly_controller::api::{CronJob, Job, Key, Resource, SignedDuration, Timestamp};
use mayfly_controller::cronjob::child::cron_job_of;
use mayfly_controller::cronjob::times::{Missed, MostRecent, Reach, Times};
use mayfly_controller::cronjob::{
    ChildJob, CronJobView, Next, Observed, Reaction, Refusal, reconcile, template, update,
};
use mayfly_controller::events::EventType;
use serde_json::{Value, json};

use super::compare;
use super::harness::Area;

/// The areas of the controller of CronJobs.
///
/// Everything is compared as it is, but for this:
///
/// | area | what is mapped | why |
/// |---|---|---|
/// | sync | the active list is the one that the live object has | reads never lag behind writes |
/// | sync | a Job that is not `inLister` is there, but not controlled | the same; no other is missing from the index |
/// | sync | the history limits are left out | the upstream function is called below the clean-up |
/// | sync | `getJobError` is skipped (by the harness) where a Job is read | a read can't fail |
/// | update | nothing queued is a delay of 0, as in the vectors | it has no schedule to wait for |
pub(super) const AREAS: &[Area] = &[
    Area { name: "cronjob-history", entry: history, compare: compare::same },
    Area { name: "cronjob-job-order", entry: job_order, compare: compare::same },
    Area { name: "cronjob-most-recent", entry: most_recent, compare: compare::same },
    Area { name: "cronjob-next", entry: next, compare: some_or_same },
    Area { name: "cronjob-ownership", entry: ownership, compare: compare::same },
    Area { name: "cronjob-requeue", entry: requeue, compare: compare::same },
    Area { name: "cronjob-sync", entry: sync, compare: compare::within },
    Area { name: "cronjob-template", entry: template, compare: compare::same },
    Area { name: "cronjob-update", entry: updated, compare: compare::same },
];

/// The same, where any time will do for one that is only known to be there.
fn some_or_same(expect: &Value, got: &Value) -> Result<(), String> {
    match &expect["nextScheduleTime"] {
        Value::String(text) if text == "NOT-NULL" && got["nextScheduleTime"].is_string() => Ok(()),
        _ => compare::same(expect, got),
    }
}

fn history(given: &Value) -> Value {
    let mut observed = observed(given);
    if given["createFails"] == true {
        observed.refusal = Some(Refusal::Invalid("quota".to_owned()));
    }
    let plan = reconcile(&observed, time(&given["now"]));
    json!({ "deletedJobs": plan.deleted().map(|job| &*job.name).collect::<Vec<_>>() })
}

fn job_order(given: &Value) -> Value {
    let job = |job: &Value| {
        let (name, start) = (&job["name"], &job["startTime"]);
        let job = json!({ "metadata": { "name": name }, "status": { "startTime": start } });
        ChildJob::parse(&wire::<Job>(&job))
    };
    let mut jobs: Vec<_> = array(&given["jobs"]).map(job).collect();
    jobs.sort_by(ChildJob::by_start_time);
    let shown = jobs.iter().map(|job| json!({ "name": &*job.name, "startTime": job.start_time }));
    json!({ "jobs": shown.collect::<Vec<_>>() })
}

fn most_recent(given: &Value) -> Value {
    let reach = match given["includeStartingDeadline"] == true {
        true => Reach::StartingDeadline,
        false => Reach::Everything,
    };
    let cron_job = cron_job_view(&given["cronJob"]);
    match times(&cron_job).most_recent(time(&given["now"]), reach) {
        Err(_) => json!({ "error": true }),
        Ok(MostRecent { earliest, time, missed }) => json!({
            "earliestTime": earliest,
            "mostRecentTime": time,
            "missed": match missed {
                Missed::None => "none",
                Missed::Few => "few",
                Missed::Many => "many",
            },
        }),
    }
}

fn next(given: &Value) -> Value {
    let cron_job = cron_job_view(&json!({
        "metadata": { "creationTimestamp": given["creationTimestamp"] },
        "spec": {
            "schedule": given["schedule"],
            "startingDeadlineSeconds": given["startingDeadlineSeconds"],
        },
        "status": { "lastScheduleTime": given["lastScheduleTime"] },
    }));
    let found = times(&cron_job).most_recent(time(&given["now"]), Reach::StartingDeadline);
    json!({ "nextScheduleTime": found.ok().and_then(|found| found.time) })
}

fn ownership(given: &Value) -> Value {
    let key = wire::<CronJob>(&given["cronJob"]).key();
    let jobs = array(&given["jobs"]).filter(|job| is_of(&key, &wire(job)));
    json!({ "jobs": jobs.map(|job| &job["metadata"]["name"]).collect::<Vec<_>>() })
}

fn requeue(given: &Value) -> Value {
    let cron_job = cron_job_view(&given["cronJob"]);
    let now = time(&given["now"]);
    let at = times(&cron_job).requeue_at(now).expect("it must be due again");
    json!({ "requeueAfterSeconds": seconds(at.duration_since(now)) })
}

fn sync(given: &Value) -> Value {
    let now = time(&given["now"]);
    let mut observed = observed(&live(given));
    observed.refusal = match given["faults"]["createJobError"].as_str() {
        None => None,
        Some("AlreadyExists") => Some(Refusal::NameTaken),
        Some("NamespaceTerminating") => Some(Refusal::NamespaceTerminating),
        Some(other) => Some(Refusal::Invalid(other.to_owned())),
    };
    let plan = reconcile(&observed, now);
    let warnings = plan.events().filter(|event| event.event_type == EventType::Warning);
    let status = plan.status();
    let last_success = status.and_then(|status| status.last_successful_time.as_ref());
    let mut got = json!({
        "createJob": plan.created().is_some(),
        "deleteJob": plan.deleted().next().is_some(),
        "sawCompletedJobEvent": plan.events().any(|event| event.reason == "SawCompletedJob"),
        "warningEvents": warnings.count(),
        "totalEvents": plan.events().count(),
        "updateStatus": status.is_some(),
        "error": plan.next == Next::Retry,
        "lastSuccessfulTime": last_success.map(|time| time.0),
    });
    if let Next::At(at) = plan.next {
        got["requeueAfterSeconds"] = seconds(at.duration_since(now));
    }
    got
}

/// Whether a read of a Job fails: one that is replaced, or one that is not where it should be.
pub(super) fn fails_to_read_a_job(given: &Value) -> bool {
    let is_replaced = given["cronJob"]["spec"]["concurrencyPolicy"] == "Replace";
    let mut jobs = array(&given["jobs"]);
    let is_read = is_replaced || jobs.any(|job| job["inLister"] != true);
    is_read && !given["faults"]["getJobError"].is_null()
}

/// What `given` says, as it is in a store that does not lag.
fn live(given: &Value) -> Value {
    let mut given = given.clone();
    let owner = json!([{ "name": given["cronJob"]["metadata"]["name"],
        "uid": given["cronJob"]["metadata"]["uid"], "controller": true }]);
    let is_live = given["apiServerActiveList"] == "job";
    let mut jobs = given["jobs"].as_array().cloned().unwrap_or_default();
    for job in &mut jobs {
        let metadata = &job["metadata"];
        let (name, uid) = (metadata["name"].clone(), metadata["uid"].clone());
        let active = &mut given["cronJob"]["status"]["active"];
        if is_live && !array(active).any(|reference| reference["uid"] == uid) {
            *active = json!([{ "name": name, "uid": uid }]);
        }
        if metadata["controlledByThisCronJob"] == true && job["inLister"] == true {
            job["metadata"]["ownerReferences"] = owner.clone();
        }
    }
    given["jobs"] = Value::Array(jobs);
    if let Some(spec) = given["cronJob"]["spec"].as_object_mut() {
        spec.remove("successfulJobsHistoryLimit");
        spec.remove("failedJobsHistoryLimit");
    }
    given
}

fn template(given: &Value) -> Value {
    let cron_job = cron_job_view(&json!({
        "metadata": { "name": given["cronJobName"] },
        "spec": {
            "timeZone": given["timeZone"],
            "jobTemplate": { "metadata": {
                "annotations": given["templateAnnotations"],
                "labels": given["templateLabels"],
            } },
        },
    }));
    let metadata = template::job(&cron_job, time(&given["scheduledTime"])).metadata;
    let annotations = metadata.annotations.unwrap_or_default();
    json!({
        "jobName": metadata.name,
        "annotationCount": annotations.len(),
        "labelCount": metadata.labels.unwrap_or_default().len(),
        "scheduledTimestampAnnotation":
            annotations.get("batch.kubernetes.io/cronjob-scheduled-timestamp"),
    })
}

fn updated(given: &Value) -> Value {
    let now = time(&given["now"]);
    let (old, new) = (cron_job_view(&given["old"]), cron_job_view(&given["new"]));
    let delay = match update(&old, &new, now) {
        Reaction::WhenDue(at) => at.duration_since(now),
        Reaction::Now | Reaction::Never(_) => SignedDuration::ZERO,
    };
    json!({ "queueDelaySeconds": seconds(delay) })
}

/// The given CronJob with the given Jobs: those that are its own, and the names of the others.
fn observed(given: &Value) -> Observed {
    let cron_job = Arc::new(cron_job_view(&given["cronJob"]));
    let jobs = array(&given["jobs"]).map(wire::<Job>);
    let (own, others): (Vec<_>, Vec<_>) = jobs.partition(|job| is_of(&cron_job.key, job));
    let own = own.iter().map(|job| Arc::new(ChildJob::parse(job)));
    Observed {
        jobs: own.map(|job| (job.name.clone(), job)).collect(),
        strays: others.iter().map(|job| job.key().name).collect(),
        refusal: None,
        cron_job,
    }
}

fn is_of(cron_job: &Key, job: &Job) -> bool {
    cron_job_of(job).as_ref() == Some(cron_job)
}

fn times(cron_job: &CronJobView) -> Times<'_> {
    let schedule = cron_job.schedule.as_ref().expect("a vector's schedule must be one");
    cron_job.times(schedule, &cron_job.status())
}

fn cron_job_view(value: &Value) -> CronJobView {
    CronJobView::parse(Arc::new(wire(value)))
}

/// `value` as a wire object; one without metadata or spec is completed first.
fn wire<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    let mut value = value.clone();
    let object = value.as_object_mut().expect("an object must be an object");
    object.entry("metadata").or_insert(json!({}));
    object.entry("spec").or_insert(json!({}));
    serde_json::from_value(value).expect("a vector's object must be of its kind")
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().expect("a time must be a string").parse().expect("a time must be RFC 3339")
}

/// Seconds to the tenth, as the vectors have them.
fn seconds(duration: SignedDuration) -> Value {
    json!((duration.as_secs_f64() * 10.0).round() / 10.0)
}
