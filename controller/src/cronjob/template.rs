//! The Jobs that a CronJob makes: its template, and what marks them as the CronJob's.

use jiff::tz::TimeZone;

use crate::api::names::{CRONJOB_INSTANTIATE, CRONJOB_SCHEDULED_TIMESTAMP};
use crate::api::{CronJob, Job, ObjectMeta, OwnerReference, Timestamp};

use super::cron_job_view::CronJobView;

/// The name of the Job that is due at `scheduled`. The same for the same minute, so that no time is
/// ever started for twice.
pub fn job_name(cron_job: &CronJobView, scheduled: Timestamp) -> String {
    format!("{}-{}", cron_job.key.name, scheduled.as_second() / 60)
}

/// The Job that is due at `scheduled`, not yet admitted.
pub fn job(cron_job: &CronJobView, scheduled: Timestamp) -> Job {
    let template = cron_job.object.spec.job_template.clone();
    let metadata = template.metadata.unwrap_or_default();
    let zone = cron_job.zone.clone().unwrap_or(TimeZone::UTC);
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.insert(CRONJOB_SCHEDULED_TIMESTAMP.to_owned(), rfc3339(scheduled, &zone));
    Job {
        metadata: ObjectMeta {
            name: Some(job_name(cron_job, scheduled)),
            namespace: Some(cron_job.key.namespace.to_string()),
            labels: metadata.labels,
            annotations: Some(annotations),
            owner_references: Some(vec![owner_reference(cron_job)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        ..Job::default()
    }
}

/// A Job of the template of `cron_job` that somebody wants now, not yet admitted. It is nobody's:
/// whoever keeps the CronJob, too, says who owns it.
pub fn manual_job(cron_job: &CronJob, name: String) -> Job {
    let template = cron_job.spec.job_template.clone();
    let metadata = template.metadata.unwrap_or_default();
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.insert(CRONJOB_INSTANTIATE.to_owned(), "manual".to_owned());
    Job {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: cron_job.metadata.namespace.clone(),
            labels: metadata.labels,
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        ..Job::default()
    }
}

/// The reference that makes `cron_job` the controller of a Job.
fn owner_reference(cron_job: &CronJobView) -> OwnerReference {
    OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "CronJob".to_owned(),
        name: cron_job.key.name.to_string(),
        uid: cron_job.uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// `time` in `zone`, with `Z` wherever its offset is that of UTC.
fn rfc3339(time: Timestamp, zone: &TimeZone) -> String {
    if zone.to_offset(time).is_zero() {
        return time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn cron_job() -> CronJob {
        let metadata = json!({ "labels": { "a": "b" }, "annotations": { "c": "d" } });
        serde_json::from_value(json!({
            "metadata": { "name": "cron", "namespace": "ns", "uid": "u" },
            "spec": {
                "schedule": "* * * * *",
                "jobTemplate": { "metadata": metadata, "spec": { "parallelism": 2, "template": {} } },
            },
        }))
        .expect("a CronJob")
    }

    #[test]
    fn a_job_is_what_the_template_says_and_the_cron_jobs() {
        let due = "2026-01-01T00:01:00Z".parse().expect("a time");
        let job = job(&CronJobView::parse(Arc::new(cron_job())), due);
        expect![[r#"
            {
              "apiVersion": "batch/v1",
              "kind": "Job",
              "metadata": {
                "annotations": {
                  "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T00:01:00Z",
                  "c": "d"
                },
                "labels": {
                  "a": "b"
                },
                "name": "cron-29453761",
                "namespace": "ns",
                "ownerReferences": [
                  {
                    "apiVersion": "batch/v1",
                    "blockOwnerDeletion": true,
                    "controller": true,
                    "kind": "CronJob",
                    "name": "cron",
                    "uid": "u"
                  }
                ]
              },
              "spec": {
                "parallelism": 2,
                "template": {}
              }
            }"#]]
        .assert_eq(&format!("{:#}", json!(job)));
    }

    #[test]
    fn a_manual_job_is_what_the_template_says_and_nobodys() {
        let job = manual_job(&cron_job(), "now".to_owned());
        expect![[r#"
            {
              "apiVersion": "batch/v1",
              "kind": "Job",
              "metadata": {
                "annotations": {
                  "c": "d",
                  "cronjob.kubernetes.io/instantiate": "manual"
                },
                "labels": {
                  "a": "b"
                },
                "name": "now",
                "namespace": "ns"
              },
              "spec": {
                "parallelism": 2,
                "template": {}
              }
            }"#]]
        .assert_eq(&format!("{:#}", json!(job)));
    }
}
