//! The pods that a Job makes: its template, and what marks them as the Job's.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector};

use crate::api::names::{
    JOB_COMPLETION_INDEX, JOB_COMPLETION_INDEX_ENV, JOB_INDEX_FAILURE_COUNT,
    JOB_INDEX_IGNORED_FAILURE_COUNT, JOB_TRACKING_FINALIZER, TRACEPARENT,
};
use crate::api::{Container, ObjectMeta, OwnerReference, Pod, PodSpec, PodStatus};

use super::job_view::JobView;
use super::pod_view::PodView;

/// What of a generated name is not random: 63 characters without the suffix of five.
const GENERATED_NAME_BASE_MAX: usize = 58;

/// How often an index has failed before a pod of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts {
    /// Failures that count.
    pub counted: u32,
    /// Failures that the pod failure policy ignores.
    pub ignored: u32,
}

impl FailureCounts {
    /// The counts of the pod that replaces `replaced`, or of the first of its index.
    pub fn after(job: &JobView, replaced: Option<&PodView>) -> Self {
        let Some(replaced) = replaced else { return Self::default() };
        let counts =
            Self { counted: replaced.failure_count, ignored: replaced.ignored_failure_count };
        match job.counts_failure(replaced) {
            true => Self { counted: counts.counted + 1, ..counts },
            false => Self { ignored: counts.ignored + 1, ..counts },
        }
    }
}

/// The next pod of `job`, which has no indexes.
pub fn pod(job: &JobView) -> Pod {
    from_template(job, format!("{}-", job.key.name))
}

/// The next pod of `job` for `index`. It carries `failures` where the Job limits them by index.
pub fn indexed_pod(job: &JobView, index: u32, failures: Option<FailureCounts>) -> Pod {
    let mut pod = from_template(job, generate_name(&job.key.name, index));
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(JOB_COMPLETION_INDEX.to_owned(), index.to_string());
    let annotations = pod.metadata.annotations.get_or_insert_default();
    annotations.insert(JOB_COMPLETION_INDEX.to_owned(), index.to_string());
    if let Some(failures) = failures {
        annotate(annotations, failures);
    }
    let spec: &mut PodSpec = pod.spec.get_or_insert_default();
    spec.hostname = Some(format!("{}-{index}", job.key.name));
    tell_index(spec);
    pod
}

/// The name that pods of `index` have before their random suffix; the Job's part is cut so that
/// the index is not.
pub fn generate_name(job_name: &str, index: u32) -> String {
    let index = format!("-{index}-");
    let mut kept = job_name.len().min(GENERATED_NAME_BASE_MAX - index.len());
    while !job_name.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}{index}", &job_name[..kept])
}

/// Whether the template has labels. A pod without any could not be found again; one of an Indexed
/// Job has at least that of its index.
pub fn has_labels(job: &JobView) -> bool {
    let template = job.object.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    let labels = template.and_then(|metadata| metadata.labels.as_ref());
    labels.is_some_and(|labels| !labels.is_empty())
}

fn from_template(job: &JobView, generate_name: String) -> Pod {
    let template = job.object.spec.as_ref().and_then(|spec| spec.template.metadata.clone());
    let metadata = template.unwrap_or_default();
    let mut finalizers = metadata.finalizers.unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == JOB_TRACKING_FINALIZER) {
        finalizers.push(JOB_TRACKING_FINALIZER.to_owned());
    }
    let mut annotations = metadata.annotations;
    // What a Job is a part of, its pods are.
    if let Some(parent) =
        job.object.metadata.annotations.as_ref().and_then(|it| it.get(TRACEPARENT))
    {
        annotations.get_or_insert_default().insert(TRACEPARENT.to_owned(), parent.clone());
    }
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(generate_name),
            namespace: Some(job.key.namespace.to_string()),
            labels: metadata.labels,
            annotations,
            finalizers: Some(finalizers),
            owner_references: Some(vec![owner_reference(job)]),
            ..ObjectMeta::default()
        },
        // Its namespace's quotas are held against that.
        spec: Some(job.pod_spec()),
        // As the API server has every pod begin.
        status: Some(PodStatus { phase: Some("Pending".to_owned()), ..PodStatus::default() }),
        managed_fields: None,
    }
}

/// The reference that makes `job` the controller of a pod.
pub fn owner_reference(job: &JobView) -> OwnerReference {
    OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        name: job.key.name.to_string(),
        uid: job.uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn annotate(annotations: &mut BTreeMap<String, String>, failures: FailureCounts) {
    annotations.insert(JOB_INDEX_FAILURE_COUNT.to_owned(), failures.counted.to_string());
    if failures.ignored > 0 {
        annotations
            .insert(JOB_INDEX_IGNORED_FAILURE_COUNT.to_owned(), failures.ignored.to_string());
    }
}

/// Gives every container that has no variable of that name its index.
fn tell_index(spec: &mut PodSpec) {
    let variable = EnvVar {
        name: JOB_COMPLETION_INDEX_ENV.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: format!("metadata.labels['{JOB_COMPLETION_INDEX}']"),
            }),
            ..EnvVarSource::default()
        }),
    };
    let tell = |container: &mut Container| {
        let env = container.env.get_or_insert_default();
        if !env.iter().any(|known| known.name == variable.name) {
            env.push(variable.clone());
        }
    };
    spec.init_containers.iter_mut().flatten().for_each(tell);
    spec.containers.iter_mut().for_each(tell);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::super::PodView;
    use super::*;

    fn job(spec: &Value) -> JobView {
        let job =
            json!({ "metadata": { "name": "job", "namespace": "ns", "uid": "u" }, "spec": spec });
        JobView::parse(Arc::new(serde_json::from_value(job).expect("a Job")))
    }

    /// A template with what `metadata` says.
    fn template(metadata: &Value) -> JobView {
        let env = json!([{ "name": "JOB_COMPLETION_INDEX", "value": "mine" }]);
        let spec = json!({
            "initContainers": [{ "name": "first" }],
            "containers": [{ "name": "main" }, { "name": "own", "env": env }],
        });
        job(&json!({ "template": { "metadata": metadata, "spec": spec } }))
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that a case ends in `expect![..]`")]
    fn check(pod: &Pod, expect: Expect) {
        let spec = pod.spec.as_ref().expect("a spec");
        let all = spec.init_containers.iter().flatten().chain(&spec.containers);
        let env: Vec<_> = all.map(|container| json!([container.name, container.env])).collect();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let lines = json!([pod.metadata, spec.hostname, phase, env]);
        let lines: Vec<_> =
            lines.as_array().expect("a list").iter().map(Value::to_string).collect();
        expect.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_pod_is_what_the_template_says_and_tracked() {
        let metadata = json!({
            "labels": { "a": "b" }, "annotations": { "c": "d" }, "finalizers": ["example.com/f"],
        });
        check(
            &pod(&template(&metadata)),
            expect![[r#"
            {"annotations":{"c":"d"},"finalizers":["example.com/f","batch.kubernetes.io/job-tracking"],"generateName":"job-","labels":{"a":"b"},"namespace":"ns","ownerReferences":[{"apiVersion":"batch/v1","blockOwnerDeletion":true,"controller":true,"kind":"Job","name":"job","uid":"u"}]}
            null
            "Pending"
            [["first",null],["main",null],["own",[{"name":"JOB_COMPLETION_INDEX","value":"mine"}]]]"#]],
        );
        let tracked = json!({ "finalizers": [JOB_TRACKING_FINALIZER] });
        let pod = pod(&template(&tracked));
        assert_eq!(pod.metadata.finalizers, Some(vec![JOB_TRACKING_FINALIZER.to_owned()]));
    }

    #[test]
    fn a_pod_knows_its_index() {
        let failures = FailureCounts { counted: 2, ignored: 1 };
        check(
            &indexed_pod(&template(&json!({})), 7, Some(failures)),
            expect![[r#"
            {"annotations":{"batch.kubernetes.io/job-completion-index":"7","batch.kubernetes.io/job-index-failure-count":"2","batch.kubernetes.io/job-index-ignored-failure-count":"1"},"finalizers":["batch.kubernetes.io/job-tracking"],"generateName":"job-7-","labels":{"batch.kubernetes.io/job-completion-index":"7"},"namespace":"ns","ownerReferences":[{"apiVersion":"batch/v1","blockOwnerDeletion":true,"controller":true,"kind":"Job","name":"job","uid":"u"}]}
            "job-7"
            "Pending"
            [["first",[{"name":"JOB_COMPLETION_INDEX","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.labels['batch.kubernetes.io/job-completion-index']"}}}]],["main",[{"name":"JOB_COMPLETION_INDEX","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.labels['batch.kubernetes.io/job-completion-index']"}}}]],["own",[{"name":"JOB_COMPLETION_INDEX","value":"mine"}]]]"#]],
        );
        let none = indexed_pod(&template(&json!({})), 7, Some(FailureCounts::default()));
        let annotations: Vec<_> = none.metadata.annotations.iter().flatten().collect();
        expect![[r#"[("batch.kubernetes.io/job-completion-index", "7"), ("batch.kubernetes.io/job-index-failure-count", "0")]"#]].assert_eq(&format!("{annotations:?}"));
    }

    #[test]
    fn a_failure_adds_to_the_counts_of_its_index() {
        let codes = json!({ "operator": "In", "values": [3] });
        let rules = json!([{ "action": "Ignore", "onExitCodes": codes }]);
        let job = job(&json!({ "template": {}, "podFailurePolicy": { "rules": rules } }));
        let replaced = |code: i32| {
            let ended = json!({ "name": "main", "state": { "terminated": { "exitCode": code } } });
            let pod = json!({
                "metadata": { "annotations": {
                    JOB_INDEX_FAILURE_COUNT: "4", JOB_INDEX_IGNORED_FAILURE_COUNT: "2",
                } },
                "spec": { "containers": [{ "name": "main" }] },
                "status": { "phase": "Failed", "containerStatuses": [ended] },
            });
            PodView::parse(&serde_json::from_value(pod).expect("a pod"))
        };
        let counts = |code| FailureCounts::after(&job, Some(&replaced(code)));
        assert_eq!(FailureCounts::after(&job, None), FailureCounts::default());
        assert_eq!(counts(1), FailureCounts { counted: 5, ignored: 2 });
        assert_eq!(counts(3), FailureCounts { counted: 4, ignored: 3 });
    }

    #[test]
    fn a_name_is_cut_before_its_index() {
        assert_eq!(generate_name("job", 12), "job-12-");
        let long = generate_name(&"j".repeat(63), 12);
        assert_eq!((long.len(), &long[52..]), (58, "jj-12-"));
        let odd = format!("j{}", "\u{e9}".repeat(30));
        assert_eq!(
            generate_name(&odd, 12),
            format!("j{}-12-", "\u{e9}".repeat(26)),
            "in no letter"
        );
    }
}
