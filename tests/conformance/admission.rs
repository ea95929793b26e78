//! Defaults, validation, and what is done to an object before it is stored.

use mayfly_controller::admission::{self, Invalid, JobOptions, JobStatusOptions, JobUpdateOptions};
use mayfly_controller::api::names::CONTROLLER_UID;
use mayfly_controller::api::{CronJob, Job};
use mayfly_controller::job::indexes::{self, Indexes};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::compare;
use super::harness::Area;

/// The areas of admission.
pub(super) const AREAS: &[Area] = &[
    Area { name: "defaults-cronjob", entry: defaults_cron_job, compare: compare::within },
    Area { name: "defaults-job", entry: defaults_job, compare: same_but_template },
    Area { name: "strategy-create-validate", entry: validate_job, compare: compare::complaints },
    Area { name: "strategy-prepare", entry: prepare, compare: compare::same },
    Area { name: "strategy-status", entry: validate_status, compare: compare::complaints },
    Area { name: "strategy-update", entry: update, compare: compare::complaints },
    Area { name: "strategy-update-pod-resources", entry: update, compare: compare::complaints },
    Area { name: "strategy-update-scheduling", entry: update, compare: compare::complaints },
    Area { name: "validate-cronjob", entry: validate_cron_job, compare: cron_complaints },
    Area { name: "validate-indexes", entry: validate_indexes, compare: compare::same },
    Area { name: "validate-job", entry: validate_job, compare: compare::complaints },
    Area { name: "validate-job-status", entry: validate_status, compare: compare::complaints },
    Area { name: "validate-job-update", entry: validate_update, compare: compare::complaints },
    Area { name: "validate-schedule", entry: validate_schedule, compare: valid_or_text },
    Area { name: "validate-timezone", entry: validate_time_zones, compare: compare::same },
];

fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).expect("a vector must hold what its area says")
}

fn write<T: serde::Serialize>(object: &T) -> Value {
    serde_json::to_value(object).expect("an object must have a JSON form")
}

/// Every complaint of `result`, by field, type, detail and message.
fn complaints(result: &Result<(), Invalid>) -> Value {
    let causes = result.as_ref().err().map(|invalid| &invalid.causes[..]).unwrap_or_default();
    let errors: Vec<_> = causes
        .iter()
        .map(|cause| {
            json!({
                "field": cause.field,
                "type": format!("{:?}", cause.kind),
                "detail": cause.detail,
                "message": cause.message(),
            })
        })
        .collect();
    json!({ "valid": errors.is_empty(), "errors": errors })
}

fn defaults_job(given: &Value) -> Value {
    let mut job: Job = read(&given["job"]);
    let had_labels = job.metadata.labels.clone();
    admission::default_job(&mut job);
    let mut spec = write(&job.spec);
    let fields = spec.as_object_mut().expect("a spec must be an object");
    fields.remove("template");
    let copied = had_labels.is_none() && job.metadata.labels.is_some();
    json!({ "job": { "spec": spec }, "labelsCopiedFromTemplate": copied })
}

/// The spec is the same; some expectations repeat the template as it was given, and some do not say
/// whether the labels were copied.
fn same_but_template(expect: &Value, got: &Value) -> Result<(), String> {
    let mut spec = expect["job"]["spec"].clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("template");
    }
    compare::same(&spec, &got["job"]["spec"])?;
    let copied = "labelsCopiedFromTemplate";
    expect.get(copied).map_or(Ok(()), |expect| compare::same(expect, &got[copied]))
}

fn validate_job(given: &Value) -> Value {
    let job: Job = read(&given["job"]);
    let mut options = JobOptions::default();
    if let Some(set) = given.get("options") {
        options.require_prefixed_labels = set["requirePrefixedLabels"] == true;
    }
    complaints(&admission::validate_job(&job, options))
}

fn validate_update(given: &Value) -> Value {
    let (old, new): (Job, Job) = (read(&given["old"]), read(&given["new"]));
    let set = &given["options"];
    // Which labels of the template are generated, only a create looks at.
    let options = JobUpdateOptions {
        mutable_scheduling_directives: set["allowMutableSchedulingDirectives"] == true,
        mutable_pod_resources: set["allowMutablePodResources"] == true,
        ..JobUpdateOptions::default()
    };
    complaints(&admission::validate_job_update(&new, &old, options))
}

fn validate_status(given: &Value) -> Value {
    let (old, new): (Job, Job) = (read(&given["old"]), read(&given["new"]));
    // Vectors of the area of the status alone say which rules are on; others have all of them.
    let options = given.get("options").map_or_else(JobStatusOptions::default, |set| {
        let keep_start_time = set["rejectStartTimeUpdateForUnsuspendedJob"] == true;
        JobStatusOptions { consistent: false, keep_start_time }
    });
    complaints(&admission::validate_job_status(&new, &old, options))
}

/// An update as a whole. The objects are as they are stored, so no defaults are set.
fn update(given: &Value) -> Value {
    let (old, new): (Job, Job) = (read(&given["old"]), read(&given["new"]));
    let options = JobUpdateOptions::of(&old);
    let created = admission::validate_job(&new, options.job);
    let changed = admission::validate_job_update(&new, &old, options);
    match (created, changed) {
        (Err(mut all), Err(more)) => {
            all.causes.extend(more.causes);
            complaints(&Err(all))
        }
        (created, changed) => complaints(&created.and(changed)),
    }
}

fn prepare(given: &Value) -> Value {
    let mut job: Job = read(&given["job"]);
    if let Some(updated) = given.get("updatedJob") {
        let mut updated: Job = read(updated);
        admission::prepare_job_update(&mut updated, &job);
        return json!({ "job": strip(write(&updated)) });
    }
    admission::prepare_job(&mut job);
    // The test that these come from uses one selector for what it gives and what it expects, so
    // that what is added to it does not show.
    let selector = job.spec.as_mut().and_then(|spec| spec.selector.as_mut());
    let labels = selector.and_then(|selector| selector.match_labels.as_mut());
    if let Some(labels) = labels.filter(|labels| labels.len() > 1) {
        assert!(labels.remove(CONTROLLER_UID).is_some(), "the selector must name the uid");
    }
    json!({ "job": strip(write(&job)) })
}

/// An object without what every object has, and without an empty status.
fn strip(mut object: Value) -> Value {
    let fields = object.as_object_mut().expect("an object must be a map");
    fields.retain(|key, value| {
        key != "apiVersion" && key != "kind" && !(key == "status" && *value == json!({}))
    });
    object
}

fn validate_indexes(given: &Value) -> Value {
    let completions = u32::try_from(given["completions"].as_u64().unwrap_or_default())
        .expect("completions must be a count");
    if let Some(text) = given["indexes"].as_str() {
        return match indexes::check(text, completions) {
            Ok(total) => json!({ "total": total, "error": null }),
            Err(error) => json!({ "total": 0, "error": error.to_string() }),
        };
    }
    let set = |key: &str| Indexes::parse(given[key].as_str().unwrap_or_default(), completions);
    let overlap = set("completedIndexes").overlap(&set("failedIndexes"));
    let error = overlap
        .map(|index| format!("failedIndexes and completedIndexes overlap at index: {index}"));
    json!({ "error": error })
}

fn defaults_cron_job(given: &Value) -> Value {
    let mut cron_job: CronJob = read(&given["cronJob"]);
    admission::default_cron_job(&mut cron_job);
    json!({ "cronJob": write(&cron_job) })
}

/// A create, an update, or the change of a spec, by what is given.
fn validate_cron_job(given: &Value) -> Value {
    if let Some(spec) = given.get("newSpec") {
        let of = |spec: &Value| read(&json!({"metadata": {"name": "a"}, "spec": spec}));
        let (old, new): (CronJob, CronJob) = (of(&given["oldSpec"]), of(spec));
        return complaints(&admission::validate_cron_job_update(&new, &old));
    }
    let cron_job: CronJob = read(&given["cronJob"]);
    let created = admission::validate_cron_job(&cron_job);
    let updated = given.get("updated").map_or_else(|| cron_job.clone(), read);
    let changed = admission::validate_cron_job_update(&updated, &cron_job);
    // Some are made of nothing, and then of an old one that was good.
    let from_nothing = match given.get("updated") {
        Some(_) => changed.clone(),
        None => admission::validate_cron_job_update(
            &cron_job,
            &CronJob { metadata: cron_job.metadata.clone(), ..CronJob::default() },
        ),
    };
    let mut answer = complaints(&created);
    answer["createError"] = text(&created);
    answer["updateError"] = text(&changed);
    answer["noopUpdateValid"] = changed.is_ok().into();
    answer["updateAlsoInvalid"] = from_nothing.is_err().into();
    answer
}

fn text(result: &Result<(), Invalid>) -> Value {
    result.as_ref().err().map(ToString::to_string).into()
}

fn cron_complaints(expect: &Value, got: &Value) -> Result<(), String> {
    for (pinned, told) in
        [("createErrorContains", "createError"), ("updateErrorContains", "updateError")]
    {
        if let Some(expect) = expect.get(pinned) {
            compare::text(expect, &got[told])?;
        }
    }
    for flag in ["noopUpdateValid", "updateAlsoInvalid"] {
        if let Some(expect) = expect.get(flag) {
            compare::same(expect, &got[flag])?;
        }
    }
    if expect.get("valid").is_some() { compare::complaints(expect, got) } else { Ok(()) }
}

fn validate_schedule(given: &Value) -> Value {
    let schedule = given["schedule"].as_str().expect("a schedule must be a text");
    let may_name_zone = given["allowTZInSchedule"] == true;
    let result = admission::validate_schedule(schedule, may_name_zone, given["timeZone"].as_str());
    json!({ "valid": result.is_ok(), "error": text(&result) })
}

fn valid_or_text(expect: &Value, got: &Value) -> Result<(), String> {
    compare::same(&expect["valid"], &got["valid"])?;
    compare::text(&expect["errorContains"], &got["error"])
}

fn validate_time_zones(given: &Value) -> Value {
    let names = given["timeZones"].as_array().expect("time zones must be a list");
    let mut names = names.iter().filter_map(Value::as_str);
    json!({ "allValid": names.all(|name| admission::validate_time_zone(name).is_ok()) })
}
