//! What a namespace says of its end while it waits for it, in the words of Kubernetes' namespace
//! controller. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::NamespaceCondition;

use super::reconcile::Observed;
use crate::api::{Kind, Time, Timestamp};

/// The conditions of a namespace that waits for some of what is in it; `None` if it does not, or
/// says so already.
pub(super) fn told(observed: &Observed, now: Timestamp) -> Option<Vec<NamespaceCondition>> {
    let old = observed.namespace.status.as_ref().and_then(|status| status.conditions.as_ref());
    let lingers = observed.contents.iter().any(|content| content.is_ending);
    if !lingers && old.is_none() {
        return None;
    }
    let old = old.cloned().unwrap_or_default();
    let conditions = wanted(observed).into_iter().map(|mut condition| {
        let before = old.iter().find(|it| it.type_ == condition.type_);
        condition.last_transition_time = match before {
            Some(before) if before.status == condition.status => {
                before.last_transition_time.clone()
            }
            _ => Some(Time(now)),
        };
        condition
    });
    let conditions: Vec<_> = conditions.collect();
    (conditions != old).then_some(conditions)
}

fn wanted(observed: &Observed) -> [NamespaceCondition; 5] {
    let mut remaining: BTreeMap<&str, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<&str, usize> = BTreeMap::new();
    for content in observed.contents.iter().filter(|content| content.is_ending) {
        *remaining.entry(resource(content.kind)).or_default() += 1;
        for finalizer in &content.finalizers {
            *finalizers.entry(finalizer).or_default() += 1;
        }
    }
    let count = |all: &BTreeMap<&str, usize>, what: &str| {
        let each =
            all.iter().map(|(name, count)| format!("{name}{what}{count} resource instances"));
        each.collect::<Vec<_>>().join(", ")
    };
    let instances = count(&remaining, " has ");
    let holders = count(&finalizers, " in ");
    [
        condition(
            "NamespaceDeletionDiscoveryFailure",
            None,
            ("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            None,
            ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ),
        condition(
            "NamespaceDeletionContentFailure",
            None,
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        condition(
            "NamespaceContentRemaining",
            (!remaining.is_empty()).then(|| {
                ("SomeResourcesRemain", format!("Some resources are remaining: {instances}"))
            }),
            ("ContentRemoved", "All content successfully removed"),
        ),
        condition(
            "NamespaceFinalizersRemaining",
            (!finalizers.is_empty()).then(|| {
                let message =
                    format!("Some content in the namespace has finalizers remaining: {holders}");
                ("SomeFinalizersRemain", message)
            }),
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    ]
}

/// A condition that holds for `reason`, or else does not, for `otherwise`.
fn condition(
    type_: &str,
    reason: Option<(&str, String)>,
    otherwise: (&str, &str),
) -> NamespaceCondition {
    let (status, (reason, message)) = match reason {
        Some(reason) => ("True", reason),
        None => ("False", (otherwise.0, otherwise.1.to_owned())),
    };
    NamespaceCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: None,
    }
}

/// A kind as the messages have it: `pods.`, `jobs.batch`.
fn resource(kind: Kind) -> &'static str {
    match kind {
        Kind::Job => "jobs.batch",
        Kind::CronJob => "cronjobs.batch",
        Kind::Pod => "pods.",
        Kind::ConfigMap => "configmaps.",
        Kind::Secret => "secrets.",
        Kind::Event => "events.",
        Kind::Node => "nodes.",
        Kind::Namespace => "namespaces.",
        Kind::ServiceAccount => "serviceaccounts.",
        Kind::Lease => "leases.coordination.k8s.io",
        Kind::ResourceQuota => "resourcequotas.",
        Kind::LimitRange => "limitranges.",
        Kind::CertificateSigningRequest => "certificatesigningrequests.certificates.k8s.io",
        Kind::PriorityClass => "priorityclasses.scheduling.k8s.io",
    }
}
