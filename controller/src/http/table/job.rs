//! The rows of Jobs and CronJobs.

use serde_json::{Value, json};

use super::age::{age, span, written};
use super::{count, or_none};
use crate::api::{CronJob, Job, JobSpec, JobStatus, LabelSelector, Timestamp};

pub(super) fn job(job: &Job, now: Timestamp) -> Vec<Value> {
    let spec = job.spec.as_deref();
    let status = job.status.clone().unwrap_or_default();
    let mut cells = vec![
        json!(job.metadata.name),
        json!(word(job, &status)),
        json!(completions(spec, &status)),
        json!(duration(&status, now)),
        json!(age(job.metadata.creation_timestamp.as_ref(), now)),
    ];
    cells.extend(template(spec));
    cells
}

pub(super) fn cron_job(cron_job: &CronJob, now: Timestamp) -> Vec<Value> {
    let spec = &cron_job.spec;
    let status = cron_job.status.as_ref();
    let last = status.and_then(|status| status.last_schedule_time.as_ref());
    let active = status.and_then(|status| status.active.as_ref()).map_or(0, Vec::len);
    let suspend = match spec.suspend {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    let mut cells = vec![
        json!(cron_job.metadata.name),
        json!(spec.schedule),
        json!(or_none(spec.time_zone.as_deref())),
        json!(suspend),
        count(active),
        json!(last.map_or_else(|| "<none>".to_owned(), |last| age(Some(last), now))),
        json!(age(cron_job.metadata.creation_timestamp.as_ref(), now)),
    ];
    cells.extend(template(spec.job_template.spec.as_deref()));
    cells
}

/// The one word for how a Job is; the first that applies.
fn word(job: &Job, status: &JobStatus) -> &'static str {
    let holds = |type_: &str| {
        let mut conditions = status.conditions.iter().flatten();
        conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
    };
    for word in ["Complete", "Failed"] {
        if holds(word) {
            return word;
        }
    }
    if job.metadata.deletion_timestamp.is_some() {
        return "Terminating";
    }
    let words = ["Suspended", "FailureTarget", "SuccessCriteriaMet"];
    words.into_iter().find(|word| holds(word)).unwrap_or("Running")
}

fn completions(spec: Option<&JobSpec>, status: &JobStatus) -> String {
    let succeeded = status.succeeded.unwrap_or(0);
    match spec.and_then(|spec| spec.completions) {
        Some(completions) => format!("{succeeded}/{completions}"),
        None => match spec.and_then(|spec| spec.parallelism).unwrap_or(0) {
            parallelism @ 2.. => format!("{succeeded}/1 of {parallelism}"),
            _ => format!("{succeeded}/1"),
        },
    }
}

/// A Job that has failed has no end that is known, so its duration grows on, as in Kubernetes.
fn duration(status: &JobStatus, now: Timestamp) -> String {
    let Some(start) = &status.start_time else { return String::new() };
    let end = status.completion_time.as_ref().map_or(now, written);
    span(end.duration_since(written(start)))
}

/// Containers, images and selector.
fn template(spec: Option<&JobSpec>) -> [Value; 3] {
    let containers = || {
        let pod = spec.and_then(|spec| spec.template.spec.as_ref());
        pod.into_iter().flat_map(|pod| &pod.containers)
    };
    let names: Vec<_> = containers().map(|container| container.name.as_str()).collect();
    let images: Vec<_> =
        containers().map(|container| container.image.as_deref().unwrap_or_default()).collect();
    let selector = spec.and_then(|spec| spec.selector.as_ref()).map(selector_text);
    [json!(names.join(",")), json!(images.join(",")), json!(or_none(selector.as_deref()))]
}

/// `selector` as it is written after `-l`, such as `a=b,c in (d,e),!f`, by key; `""` selects all.
pub fn selector_text(selector: &LabelSelector) -> String {
    let pairs = selector.match_labels.iter().flatten();
    let mut terms: Vec<(&str, String)> =
        pairs.map(|(key, value)| (key.as_str(), format!("{key}={value}"))).collect();
    for term in selector.match_expressions.iter().flatten() {
        let key = &term.key;
        let mut values = term.values.clone().unwrap_or_default();
        values.sort();
        let values = values.join(",");
        let text = match term.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        };
        terms.push((key, text));
    }
    terms.sort();
    terms.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}
