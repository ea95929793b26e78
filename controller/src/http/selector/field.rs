//! Field selectors: `metadata.name=a,status.phase!=Failed`, of the few fields that Kubernetes has
//! for each kind.

use crate::api::{Event, Job, Kind, Node, Object, Pod};

/// What the fields of an object must be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSelector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    field: String,
    value: String,
    is_equal: bool,
}

impl FieldSelector {
    pub(super) fn parse(kind: Kind, text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let unequal = term.split_once("!=").map(|pair| (pair, false));
            let equal = || term.split_once("==").or_else(|| term.split_once('='));
            let Some(((field, value), is_equal)) = unequal.or_else(|| Some((equal()?, true)))
            else {
                return Err(format!("invalid selector: '{text}'; can't understand '{term}'"));
            };
            if !COMMON.contains(&field) && !fields(kind).contains(&field) {
                return Err(unsupported(kind, field));
            }
            let (field, value) = (field.to_owned(), value.to_owned());
            requirements.push(Requirement { field, value, is_equal });
        }
        Ok(Self(requirements))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name that an object must have, if it must have one.
    pub(super) fn name(&self) -> Option<&str> {
        let mut names = self.0.iter().filter(|it| it.field == NAME && it.is_equal);
        names.next().map(|it| it.value.as_str())
    }

    pub(super) fn require_name(&mut self, name: &str) {
        let (field, value) = (NAME.to_owned(), name.to_owned());
        self.0.push(Requirement { field, value, is_equal: true });
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.0.iter().all(|it| (value(object, &it.field) == it.value) == it.is_equal)
    }
}

const NAME: &str = "metadata.name";
const COMMON: &[&str] = &[NAME, "metadata.namespace"];

fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Job => &["status.successful"],
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::Node => &["spec.unschedulable"],
        Kind::Secret => &["type"],
        Kind::Namespace => &["status.phase"],
        Kind::CertificateSigningRequest => &["spec.signerName"],
        Kind::CronJob
        | Kind::ConfigMap
        | Kind::ServiceAccount
        | Kind::Lease
        | Kind::ResourceQuota
        | Kind::LimitRange
        | Kind::PriorityClass => &[],
    }
}

fn unsupported(kind: Kind, field: &str) -> String {
    match kind {
        Kind::Job => format!("field label \"{field}\" not supported for Job"),
        Kind::CronJob
        | Kind::ConfigMap
        | Kind::ServiceAccount
        | Kind::Lease
        | Kind::ResourceQuota
        | Kind::LimitRange
        | Kind::PriorityClass => format!(
            "\"{field}\" is not a known field selector: only \"metadata.name\", \
             \"metadata.namespace\""
        ),
        _ => format!("field label not supported: {field}"),
    }
}

/// What `field` of `object` is; `""` if it is not set.
fn value(object: &Object, field: &str) -> String {
    let metadata = object.metadata();
    let found = match (object, field) {
        (_, NAME) => metadata.name.clone(),
        (_, "metadata.namespace") => metadata.namespace.clone(),
        (Object::Job(job), _) => Some(successful(job)),
        (Object::Pod(pod), _) => of_pod(pod, field),
        (Object::Event(event), _) => of_event(event, field),
        (Object::Node(node), _) => Some(unschedulable(node)),
        (Object::Secret(secret), _) => secret.type_.clone(),
        (Object::CertificateSigningRequest(it), _) => Some(it.spec.signer_name.clone()),
        (Object::Namespace(it), _) => it.status.as_ref().and_then(|status| status.phase.clone()),
        _ => None,
    };
    found.unwrap_or_default()
}

fn successful(job: &Job) -> String {
    job.status.as_ref().and_then(|status| status.succeeded).unwrap_or(0).to_string()
}

fn unschedulable(node: &Node) -> String {
    node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false).to_string()
}

fn of_pod(pod: &Pod, field: &str) -> Option<String> {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    match field {
        "spec.nodeName" => spec?.node_name.clone(),
        "spec.restartPolicy" => spec?.restart_policy.clone(),
        "spec.schedulerName" => spec?.scheduler_name.clone(),
        "spec.serviceAccountName" => spec?.service_account_name.clone(),
        "status.phase" => status?.phase.clone(),
        "status.podIP" => status?.pod_ip.clone(),
        _ => status?.nominated_node_name.clone(),
    }
}

fn of_event(event: &Event, field: &str) -> Option<String> {
    let about = &event.involved_object;
    match field {
        "involvedObject.kind" => about.kind.clone(),
        "involvedObject.namespace" => about.namespace.clone(),
        "involvedObject.name" => about.name.clone(),
        "involvedObject.uid" => about.uid.clone(),
        "involvedObject.apiVersion" => about.api_version.clone(),
        "involvedObject.resourceVersion" => about.resource_version.clone(),
        "involvedObject.fieldPath" => about.field_path.clone(),
        "reason" => event.reason.clone(),
        "type" => event.type_.clone(),
        "source" => event
            .source
            .as_ref()
            .and_then(|source| source.component.clone())
            .or_else(|| event.reporting_component.clone()),
        _ => event.reporting_component.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::{JobStatus, ObjectMeta};

    #[test]
    fn fields_are_selected_if_kubernetes_has_them() {
        let job = Job {
            metadata: ObjectMeta { name: Some("pi".to_owned()), ..ObjectMeta::default() },
            status: Some(JobStatus { succeeded: Some(1), ..JobStatus::default() }),
            ..Job::default()
        };
        let object = Object::Job(Arc::new(job));
        let check = |text: &str, expect: Result<bool, &str>| {
            let found = FieldSelector::parse(Kind::Job, text).map(|it| it.matches(&object));
            assert_eq!(found, expect.map_err(str::to_owned), "{text}");
        };
        check("metadata.name=pi,status.successful==1", Ok(true));
        check("metadata.name!=pi", Ok(false));
        check("metadata.namespace=", Ok(true));
        check("spec.nope=1", Err("field label \"spec.nope\" not supported for Job"));
        check("a", Err("invalid selector: 'a'; can't understand 'a'"));
    }
}
