//! Which pods belong to which Job.
//!
//! A pod is a Job's if the Job is its controller and the Job's selector matches it. Pods that match
//! and have no controller are adopted, those of its own that match no more are let go.

use crate::api::names::JOB_TRACKING_FINALIZER;
use crate::api::{Job, LabelSelector, ObjectMeta, OwnerReference, Pod};

use super::conditions;
use super::job_view::JobView;
use super::pod_view::{PodRef, is_tracked};
use super::template::owner_reference;

/// A pod that has to change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The Job takes it in.
    Adopt(PodRef),
    /// The Job lets it go.
    Disown(PodRef),
}

impl Claim {
    /// Whether it is about the pod with `uid`.
    pub fn is_about(&self, uid: &str) -> bool {
        let (Self::Adopt(pod) | Self::Disown(pod)) = self;
        *pod.uid == *uid
    }
}

/// What a pod is to a Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// One of its own.
    Own,
    /// Nobody's, and the Job takes it in.
    Adoptable,
    /// Its own by reference, but no more by its labels.
    Stray,
    /// None of its business.
    Foreign,
}

/// What the pod with `metadata` is to `job`, which is in the same namespace.
pub fn belonging(job: &JobView, metadata: &ObjectMeta) -> Belonging {
    let selector = job.object.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let matches = selector.is_some_and(|selector| selects(selector, metadata));
    match controller(metadata) {
        Some(owner) if *owner.uid != *job.uid => Belonging::Foreign,
        Some(_) if matches || job.deleting => Belonging::Own,
        Some(_) => Belonging::Stray,
        None if matches && !job.deleting && metadata.deletion_timestamp.is_none() => {
            Belonging::Adoptable
        }
        None => Belonging::Foreign,
    }
}

/// The owner that manages the object with `metadata`.
pub fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Whether a pod that still carries the tracking finalizer has no Job that would ever take it off.
///
/// `owner` is the Job of the name and namespace in the pod's controller reference, if it exists.
pub fn is_orphan(pod: &ObjectMeta, owner: Option<&Job>) -> bool {
    let Some(reference) = controller(pod) else { return true };
    if reference.api_version != "batch/v1" || reference.kind != "Job" {
        return false;
    }
    let same = |job: &&Job| job.metadata.uid.as_deref() == Some(reference.uid.as_str());
    let Some(job) = owner.filter(same) else { return true };
    let managed_by_us = JobView::is_managed_by_us(job);
    let written = job.status.as_ref().and_then(|status| status.conditions.as_deref());
    let finished = written.is_some_and(conditions::say_finished);
    managed_by_us && finished
}

/// Makes `job` the controller of `pod`, and tracks the pod.
pub fn adopt(job: &JobView, pod: &mut Pod) {
    pod.metadata.owner_references.get_or_insert_default().push(owner_reference(job));
    if !is_tracked(&pod.metadata) {
        let finalizers = pod.metadata.finalizers.get_or_insert_default();
        finalizers.push(JOB_TRACKING_FINALIZER.to_owned());
    }
}

/// Ends that the Job with `uid` is the controller of `pod`, and that the pod is tracked.
pub fn disown(uid: &str, pod: &mut Pod) {
    if let Some(owners) = &mut pod.metadata.owner_references {
        owners.retain(|owner| owner.uid != uid);
    }
    pod.metadata.owner_references.take_if(|owners| owners.is_empty());
    release(pod);
}

/// Takes the tracking finalizer off `pod`.
pub fn release(pod: &mut Pod) {
    if let Some(finalizers) = &mut pod.metadata.finalizers {
        finalizers.retain(|finalizer| finalizer != JOB_TRACKING_FINALIZER);
    }
    pod.metadata.finalizers.take_if(|finalizers| finalizers.is_empty());
}

/// Whether `selector` matches the labels in `metadata`. One that asks for nothing matches all.
fn selects(selector: &LabelSelector, metadata: &ObjectMeta) -> bool {
    let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let equal = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    equal.clone().all(|(key, value)| label(key) == Some(value))
        && expressions.clone().all(|requirement| {
            let values = requirement.values.as_deref().unwrap_or_default();
            let listed = label(&requirement.key).map(|value| values.contains(value));
            match requirement.operator.as_str() {
                "In" => listed == Some(true),
                "NotIn" => listed != Some(true),
                "Exists" => listed.is_some(),
                "DoesNotExist" => listed.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::super::PodView;
    use super::*;

    fn job(metadata: &Value, status: &Value) -> Job {
        let mut job = json!({
            "metadata": { "name": "job", "namespace": "ns", "uid": "u" },
            "spec": { "selector": { "matchLabels": { "a": "b" } }, "template": {} },
            "status": status,
        });
        let more = metadata.as_object().expect("an object").clone();
        job["metadata"].as_object_mut().expect("an object").extend(more);
        serde_json::from_value(job).expect("a Job")
    }

    fn pod(metadata: &Value) -> Pod {
        let mut pod = json!({ "metadata": { "name": "pod", "namespace": "ns", "uid": "p" } });
        let more = metadata.as_object().expect("an object").clone();
        pod["metadata"].as_object_mut().expect("an object").extend(more);
        serde_json::from_value(pod).expect("a pod")
    }

    fn owner(kind: &str, uid: &str) -> Value {
        let (api_version, kind) = kind.rsplit_once('/').expect("a version and a kind");
        json!({
            "apiVersion": api_version, "kind": kind, "name": "job", "uid": uid, "controller": true,
            "blockOwnerDeletion": true,
        })
    }

    const GONE: &str = "2026-01-01T00:00:00Z";

    #[test]
    fn a_pod_belongs_by_its_controller_and_its_labels() {
        let check = |owner_uid: Option<&str>, label: &str, going: (bool, bool), expect| {
            let (job_goes, pod_goes) = going;
            let job = job(&json!({ "deletionTimestamp": job_goes.then_some(GONE) }), &json!({}));
            let pod = pod(&json!({
                "labels": { "a": label }, "deletionTimestamp": pod_goes.then_some(GONE),
                "ownerReferences": owner_uid.map(|uid| [owner("batch/v1/Job", uid)]),
            }));
            let found = belonging(&JobView::parse(Arc::new(job)), &pod.metadata);
            assert_eq!(found, expect, "{owner_uid:?} {label} {going:?}");
        };
        let (stay, job_goes, pod_goes) = ((false, false), (true, false), (false, true));
        check(Some("u"), "b", stay, Belonging::Own);
        check(Some("u"), "b", pod_goes, Belonging::Own);
        check(Some("u"), "c", stay, Belonging::Stray);
        check(Some("u"), "c", job_goes, Belonging::Own);
        check(Some("other"), "b", stay, Belonging::Foreign);
        check(None, "b", stay, Belonging::Adoptable);
        check(None, "c", stay, Belonging::Foreign);
        check(None, "b", job_goes, Belonging::Foreign);
        check(None, "b", pod_goes, Belonging::Foreign);
    }

    #[test]
    fn a_claim_is_about_one_pod() {
        let pod = PodView::parse(&pod(&json!({}))).reference();
        for claim in [Claim::Adopt(pod.clone()), Claim::Disown(pod)] {
            assert!(claim.is_about("p") && !claim.is_about("q"));
        }
    }

    #[test]
    fn a_selector_asks_all_it_asks() {
        let check = |selector: Value, expect: bool| {
            let pod = pod(&json!({ "labels": { "a": "b" } }));
            let asked = serde_json::from_value(selector.clone()).expect("a selector");
            assert_eq!(selects(&asked, &pod.metadata), expect, "{selector}");
        };
        check(json!({}), true);
        check(json!({ "matchLabels": { "a": "b", "z": "y" } }), false);
        let check = |key: &str, operator: &str, values: &[&str], expect: bool| {
            let asked = json!({ "key": key, "operator": operator, "values": values });
            check(json!({ "matchLabels": { "a": "b" }, "matchExpressions": [asked] }), expect);
        };
        check("a", "In", &["b", "c"], true);
        check("a", "In", &["c"], false);
        check("z", "In", &["b"], false);
        check("a", "NotIn", &["c"], true);
        check("a", "NotIn", &["b"], false);
        check("z", "NotIn", &["b"], true);
        check("a", "Exists", &[], true);
        check("z", "Exists", &[], false);
        check("a", "DoesNotExist", &[], false);
        check("z", "DoesNotExist", &[], true);
        check("a", "Like", &["b"], false);
    }

    #[test]
    fn an_orphan_has_no_job_that_would_count_it() {
        let check = |kind: &str, job: Option<Job>, expect: bool| {
            let pod = pod(&json!({ "ownerReferences": [owner(kind, "u")] }));
            assert_eq!(is_orphan(&pod.metadata, job.as_ref()), expect, "{kind} {job:?}");
        };
        let (runs, none) = (job(&json!({}), &json!({})), json!({}));
        assert!(is_orphan(&pod(&json!({})).metadata, Some(&runs)), "nobody controls it");
        check("batch/v1/Job", Some(runs), false);
        check("batch/v1/Job", None, true);
        check("batch/v1/Job", Some(job(&json!({ "uid": "namesake" }), &none)), true);
        check("batch/v1/Other", None, false);
        check("example.com/v1/Job", None, false);
        let ended = json!({ "conditions": [{ "type": "Failed", "status": "True" }] });
        let mut ended = job(&json!({}), &ended);
        check("batch/v1/Job", Some(ended.clone()), true);
        ended.spec.get_or_insert_default().managed_by = Some("example.com/other".to_owned());
        check("batch/v1/Job", Some(ended), false);
    }

    #[test]
    fn what_is_taken_in_and_let_go_again_is_as_it_was() {
        let job = JobView::parse(Arc::new(job(&json!({}), &json!({}))));
        let others = json!({
            "finalizers": ["example.com/other"], "ownerReferences": [{
                "apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "other",
            }],
        });
        for before in [pod(&json!({})), pod(&others)] {
            let mut pod = before.clone();
            adopt(&job, &mut pod);
            assert_eq!(controller(&pod.metadata), Some(&owner_reference(&job)));
            assert!(is_tracked(&pod.metadata));
            assert_eq!(belonging(&job, &pod.metadata), Belonging::Stray, "it has no labels");
            disown("u", &mut pod);
            assert_eq!(pod, before);
        }
        let mut tracked = pod(&json!({ "finalizers": [JOB_TRACKING_FINALIZER] }));
        adopt(&job, &mut tracked);
        assert_eq!(tracked.metadata.finalizers.as_deref().map(<[_]>::len), Some(1));
    }
}
