//! The defaults of batch/v1.

use super::set;
use crate::api::{CronJob, CronJobSpec, Job, JobSpec};

/// Sets the defaults of a Job.
pub(crate) fn job(job: &mut Job) {
    let spec: &mut JobSpec = job.spec.get_or_insert_default();
    // A Job with neither runs one pod once; with parallelism alone it is a work queue.
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
        spec.parallelism = Some(1);
    }
    set(&mut spec.parallelism, 1);
    let backoff_limit = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { 6 };
    set(&mut spec.backoff_limit, backoff_limit);
    let template_labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    if job.metadata.labels.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
        && let Some(labels) = template_labels
    {
        job.metadata.labels = Some(labels.clone());
    }
    set(&mut spec.completion_mode, "NonIndexed");
    set(&mut spec.suspend, false);
    let replacement =
        if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
    set(&mut spec.pod_replacement_policy, replacement);
    set(&mut spec.manual_selector, false);
    nested(spec);
}

/// Sets the defaults of a CronJob. Its job template gets only those of its pod template and of its
/// pod failure policy; the others come when a Job is made of it.
pub(crate) fn cron_job(cron_job: &mut CronJob) {
    let spec: &mut CronJobSpec = &mut cron_job.spec;
    if spec.concurrency_policy.as_deref().unwrap_or_default().is_empty() {
        spec.concurrency_policy = Some("Allow".to_owned());
    }
    set(&mut spec.suspend, false);
    set(&mut spec.successful_jobs_history_limit, 3);
    set(&mut spec.failed_jobs_history_limit, 1);
    // Always there, as a Job's template always has its own.
    spec.job_template.metadata.get_or_insert_default();
    nested(spec.job_template.spec.get_or_insert_default());
}

fn nested(spec: &mut JobSpec) {
    let rules = spec.pod_failure_policy.iter_mut().flat_map(|policy| &mut policy.rules);
    for pattern in rules.flat_map(|rule| rule.on_pod_conditions.iter_mut().flatten()) {
        if pattern.status.as_deref().unwrap_or_default().is_empty() {
            pattern.status = Some("True".to_owned());
        }
    }
    super::pod_template(&mut spec.template);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(job: serde_json::Value, expect: &str) {
        let mut job: Job = serde_json::from_value(job).expect("must be a Job");
        super::job(&mut job);
        let spec = job.spec.expect("must have a spec").into_inner();
        let shown = format!(
            "{:?} of {:?}, limit {:?}, {}, labels {:?}",
            spec.parallelism.expect("must be set"),
            spec.completions,
            spec.backoff_limit.expect("must be set"),
            spec.pod_replacement_policy.expect("must be set"),
            job.metadata.labels.unwrap_or_default(),
        );
        assert_eq!(shown, expect);
    }

    #[test]
    fn counts_limits_and_labels_follow_from_each_other() {
        check(json!({}), "1 of Some(1), limit 6, TerminatingOrFailed, labels {}");
        check(
            json!({"spec": {"parallelism": 3, "podFailurePolicy": {"rules": []}, "template": {"metadata": {"labels": {"a": "b"}}}}}),
            r#"3 of None, limit 6, Failed, labels {"a": "b"}"#,
        );
        check(
            json!({"metadata": {"labels": {"c": "d"}}, "spec": {"completions": 3, "backoffLimitPerIndex": 1, "template": {"metadata": {"labels": {"a": "b"}}}}}),
            r#"1 of Some(3), limit 2147483647, TerminatingOrFailed, labels {"c": "d"}"#,
        );
    }
}
