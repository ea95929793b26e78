//! The wire types in which pods are described: k8s-openapi's, but that specs are [`Shared`].
//!
//! What is read goes through k8s-openapi's own, and its schemas are theirs, so that nothing differs
//! but how they are held.

use std::borrow::Cow;

use k8s_openapi::api::{batch::v1 as batch, core::v1 as core};
use k8s_openapi::{ListableResource, NamespaceResourceScope, Resource};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::quick::{Metadata, Quick};
use super::{
    CronJobStatus, JobStatus, LabelSelector, ManagedFields, ObjectMeta, PodFailurePolicy, PodSpec,
    PodStatus, Shared, SuccessPolicy,
};

/// Containers that run together on a node.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "core::Pod")]
pub struct Pod {
    /// Which object it is.
    pub metadata: ObjectMeta,
    /// What is wanted of it; all pods of a Job may have the same.
    pub spec: Option<Shared<PodSpec>>,
    /// What is known of it.
    pub status: Option<PodStatus>,
    /// Where `metadata.managedFields` is, once it is in a store.
    pub managed_fields: Option<ManagedFields>,
}

/// What the pods are like that something makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "core::PodTemplateSpec")]
pub struct PodTemplateSpec {
    /// Their labels, annotations and finalizers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ObjectMeta>,
    /// What is wanted of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Shared<PodSpec>>,
}

/// Pods that are run to their end.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "batch::Job")]
pub struct Job {
    /// Which object it is.
    pub metadata: ObjectMeta,
    /// What is wanted of it.
    pub spec: Option<Shared<JobSpec>>,
    /// What is known of it.
    pub status: Option<JobStatus>,
    /// Where `metadata.managedFields` is, once it is in a store.
    pub managed_fields: Option<ManagedFields>,
}

/// What is wanted of a Job. What the fields mean is Kubernetes' (batch/v1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "batch::JobSpec", rename_all = "camelCase")]
#[expect(missing_docs, reason = "Kubernetes documents them")]
pub struct JobSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_limit_per_index: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completions: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual_selector: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failed_indexes: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_failure_policy: Option<PodFailurePolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_replacement_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_policy: Option<SuccessPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    pub template: PodTemplateSpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i32>,
}

/// What the Jobs are like that a CronJob makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "batch::JobTemplateSpec")]
pub struct JobTemplateSpec {
    /// Their labels and annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ObjectMeta>,
    /// What is wanted of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Shared<JobSpec>>,
}

/// A Job at certain times, over and over.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "batch::CronJob")]
pub struct CronJob {
    /// Which object it is.
    pub metadata: ObjectMeta,
    /// What is wanted of it.
    pub spec: CronJobSpec,
    /// What is known of it.
    pub status: Option<CronJobStatus>,
}

/// What is wanted of a CronJob. What the fields mean is Kubernetes' (batch/v1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "batch::CronJobSpec", rename_all = "camelCase")]
#[expect(missing_docs, reason = "Kubernetes documents them")]
pub struct CronJobSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_jobs_history_limit: Option<i32>,
    pub job_template: JobTemplateSpec,
    pub schedule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_deadline_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successful_jobs_history_limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// Makes ours of k8s-openapi's: the fields before the semicolon are the same in both, and the one
/// after it becomes ours by what stands there. What ours alone has is not there yet.
macro_rules! from {
    ($($ours:ident of $theirs:path {
        $($same:ident),*; $field:ident = $into:expr $(; $alone:ident)?
    })+) => {
        $(impl From<$theirs> for $ours {
            fn from(theirs: $theirs) -> Self {
                let $theirs { $($same,)* $field } = theirs;
                Self { $($same,)* $field: $into($field) $(, $alone: None)? }
            }
        })+
    };
}

from! {
    Pod of core::Pod { metadata, status; spec = shared; managed_fields }
    PodTemplateSpec of core::PodTemplateSpec { metadata; spec = shared }
    Job of batch::Job { metadata, status; spec = shared; managed_fields }
    JobSpec of batch::JobSpec {
        active_deadline_seconds, backoff_limit, backoff_limit_per_index, completion_mode,
        completions, managed_by, manual_selector, max_failed_indexes, parallelism,
        pod_failure_policy, pod_replacement_policy, selector, success_policy, suspend,
        ttl_seconds_after_finished;
        template = PodTemplateSpec::from
    }
    JobTemplateSpec of batch::JobTemplateSpec { metadata; spec = shared }
    CronJob of batch::CronJob { metadata, status; spec = CronJobSpec::from }
    CronJobSpec of batch::CronJobSpec {
        concurrency_policy, failed_jobs_history_limit, schedule, starting_deadline_seconds,
        successful_jobs_history_limit, suspend, time_zone;
        job_template = JobTemplateSpec::from
    }
}

fn shared<T, S: From<T>>(spec: Option<T>) -> Option<Shared<S>> {
    spec.map(|spec| Shared::new(spec.into()))
}

/// Has ours be of the kind that k8s-openapi's is of, and be described as that is.
macro_rules! kind {
    ($($ours:ident of $theirs:path: $spec:ident)+) => {
        $(impl Resource for $ours {
            const API_VERSION: &'static str = <$theirs>::API_VERSION;
            const GROUP: &'static str = <$theirs>::GROUP;
            const KIND: &'static str = <$theirs>::KIND;
            const VERSION: &'static str = <$theirs>::VERSION;
            const URL_PATH_SEGMENT: &'static str = <$theirs>::URL_PATH_SEGMENT;
            type Scope = NamespaceResourceScope;
        }

        impl ListableResource for $ours {
            const LIST_KIND: &'static str = <$theirs>::LIST_KIND;
        }

        impl k8s_openapi::Metadata for $ours {
            type Ty = ObjectMeta;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl $ours {
            /// All of its metadata, to be written.
            pub(super) fn metadata_as_shown(&self) -> impl Serialize {
                Metadata(&self.metadata, kind!(@$spec self.managed_fields))
            }
        }

        impl Serialize for $ours {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = serializer.serialize_struct(Self::KIND, 5)?;
                fields.serialize_field("apiVersion", Self::API_VERSION)?;
                fields.serialize_field("kind", Self::KIND)?;
                fields.serialize_field("metadata", &self.metadata_as_shown())?;
                kind!(@$spec self.spec, fields);
                if let Some(status) = &self.status {
                    fields.serialize_field("status", &kind!(@$spec status))?;
                }
                fields.end()
            }
        }

        impl JsonSchema for $ours {
            fn schema_name() -> Cow<'static, str> {
                <$theirs>::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$theirs>::json_schema(generator)
            }
        })+
    };
    (@required $self:ident.managed_fields) => { None };
    (@optional $self:ident.managed_fields) => { $self.managed_fields.as_ref() };
    // Nothing is told of a CronJob often.
    (@required $status:ident) => { $status };
    (@optional $status:ident) => { Quick($status) };
    (@optional $self:ident.spec, $fields:ident) => {
        if let Some(spec) = &$self.spec {
            $fields.serialize_field("spec", spec)?;
        }
    };
    (@required $self:ident.spec, $fields:ident) => {
        $fields.serialize_field("spec", &$self.spec)?;
    };
}

kind! {
    Pod of core::Pod: optional
    Job of batch::Job: optional
    CronJob of batch::CronJob: required
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    /// Whether `Ours` reads and writes `json` as `Theirs` does.
    fn check<Ours, Theirs>(json: &Value)
    where
        Ours: Serialize + DeserializeOwned + Default,
        Theirs: Serialize + DeserializeOwned + Default,
    {
        let text = json.to_string();
        let read = |text: &str| {
            let ours = serde_json::from_str::<Ours>(text).map(|it| serde_json::to_string(&it));
            let theirs = serde_json::from_str::<Theirs>(text).map(|it| serde_json::to_string(&it));
            let shown = |it: Result<Result<String, _>, serde_json::Error>| match it {
                Ok(json) => json.expect("it has a JSON form"),
                Err(error) => error.to_string(),
            };
            (shown(ours), shown(theirs))
        };
        // All of it, and without each of its parts.
        let (ours, theirs) = read(&text);
        assert_eq!(ours, theirs);
        assert_eq!(ours, text, "nothing is lost");
        for pointer in pointers(json) {
            for instead in [json!(null), json!("text"), json!({}), json!(7)] {
                let mut other = json.clone();
                *other.pointer_mut(&pointer).expect("it is there") = instead;
                let (ours, theirs) = read(&other.to_string());
                assert_eq!(ours, theirs, "{pointer}");
            }
        }
    }

    /// Where something stands in `json`.
    fn pointers(json: &Value) -> Vec<String> {
        let Value::Object(fields) = json else { return vec![String::new()] };
        let below = |(name, value): (&String, &Value)| {
            pointers(value).into_iter().map(|rest| format!("/{name}{rest}")).collect::<Vec<_>>()
        };
        std::iter::once(String::new()).chain(fields.iter().flat_map(below)).collect()
    }

    fn template() -> Value {
        json!({
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "1"}}}]},
        })
    }

    fn job_spec() -> Value {
        json!({
            "activeDeadlineSeconds": 1, "backoffLimit": 2, "backoffLimitPerIndex": 3,
            "completionMode": "Indexed", "completions": 4, "managedBy": "a/b",
            "manualSelector": true, "maxFailedIndexes": 5, "parallelism": 6,
            "podFailurePolicy": {"rules": []}, "podReplacementPolicy": "Failed",
            "selector": {"matchLabels": {"a": "b"}}, "successPolicy": {"rules": []},
            "suspend": false, "template": template(), "ttlSecondsAfterFinished": 7,
        })
    }

    #[test]
    fn ours_are_read_and_written_as_theirs_are() {
        let metadata = json!({"name": "a", "namespace": "b"});
        let template = template();
        check::<Pod, core::Pod>(&json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"],
            "status": {"phase": "Pending"},
        }));
        check::<Job, batch::Job>(&json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job_spec(),
            "status": {"active": 1},
        }));
        check::<CronJob, batch::CronJob>(&json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata,
            "spec": {
                "concurrencyPolicy": "Forbid", "failedJobsHistoryLimit": 1,
                "jobTemplate": {"metadata": {"labels": {"c": "d"}}, "spec": job_spec()},
                "schedule": "* * * * *", "startingDeadlineSeconds": 2,
                "successfulJobsHistoryLimit": 3, "suspend": true, "timeZone": "Etc/UTC",
            },
            "status": {"lastScheduleTime": "2026-01-01T00:00:00Z"},
        }));
    }
}
