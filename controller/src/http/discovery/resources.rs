//! The table of what is served. Discovery in both its forms and the OpenAPI documents are made from
//! it alone, so that they can't disagree.
//!
//! What stands here must be routed as well; a test sees to that.

use std::borrow::Cow;

use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenReview};
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::events::v1::Event as EventV1;
use k8s_openapi::api::policy::v1::Eviction;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::api::metrics::{self, NodeMetrics, PodMetrics};
use crate::api::{
    CertificateSigningRequest, ConfigMap, CronJob, Event, Job, Lease, LimitRange, Namespace, Node,
    Pod, PriorityClass, ResourceQuota, Secret, ServiceAccount,
};

/// A sort of objects that is served.
pub(in crate::http) struct Resource {
    /// Where it belongs, such as `batch/v1`, or `v1` for the core.
    pub(in crate::http) api_version: &'static str,
    /// Its name in paths.
    pub(in crate::http) plural: &'static str,
    pub(in crate::http) singular: &'static str,
    pub(in crate::http) kind: &'static str,
    pub(in crate::http) is_namespaced: bool,
    /// In the order of the alphabet.
    pub(in crate::http) verbs: &'static [&'static str],
    pub(in crate::http) short_names: &'static [&'static str],
    pub(in crate::http) categories: &'static [&'static str],
    /// In the order of the alphabet.
    pub(in crate::http) subresources: &'static [Subresource],
    /// What describes its fields.
    pub(in crate::http) model: Model,
}

/// A part of an object, or something to be done with it, under a path of its own.
pub(in crate::http) struct Subresource {
    pub(in crate::http) name: &'static str,
    /// What is sent or answered there, with its group and version if they are not the object's.
    pub(in crate::http) kind: &'static str,
    pub(in crate::http) api_version: Option<&'static str>,
    pub(in crate::http) verbs: &'static [&'static str],
    /// `None` for streams.
    pub(in crate::http) model: Option<Model>,
}

/// The type that describes the fields of some objects.
#[derive(Clone, Copy)]
pub(in crate::http) struct Model {
    add: fn(&mut SchemaGenerator) -> Schema,
    name: fn() -> Cow<'static, str>,
}

impl Model {
    pub(in crate::http) const fn of<T: JsonSchema>() -> Self {
        Self { add: SchemaGenerator::subschema_for::<T>, name: T::schema_name }
    }

    /// The name of its schema, such as `io.k8s.api.batch.v1.Job`.
    pub(in crate::http) fn name(self) -> String {
        (self.name)().into_owned()
    }

    /// Adds its schema, and all that this needs, to those that are gathered.
    pub(in crate::http) fn add_to(self, schemas: &mut SchemaGenerator) {
        (self.add)(schemas);
    }
}

impl Resource {
    /// Its group, `""` for the core, and its version.
    pub(in crate::http) fn group_version(&self) -> (&'static str, &'static str) {
        group_version(self.api_version)
    }

    /// Whether there are objects of it to be read, and not only requests to be answered.
    pub(in crate::http) fn is_read(&self) -> bool {
        self.verbs.contains(&"get")
    }

    /// Whether what is read is kept, and not made when it is asked for.
    pub(in crate::http) fn is_stored(&self) -> bool {
        self.is_read() && self.api_version != metrics::API_VERSION
    }
}

/// The two halves of an `apiVersion`.
pub(in crate::http) fn group_version(api_version: &'static str) -> (&'static str, &'static str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Every `apiVersion` that is served, once, in the order of the table.
pub(in crate::http) fn api_versions() -> Vec<&'static str> {
    let mut all: Vec<_> = RESOURCES.iter().map(|it| it.api_version).collect();
    all.dedup();
    all
}

/// Whether anything is served in `group`.
pub(super) fn has_group(group: &str) -> bool {
    RESOURCES.iter().any(|it| it.group_version().0 == group)
}

/// Whether anything is served under `api_version`.
pub(super) fn has_version(api_version: &str) -> bool {
    of(api_version).next().is_some()
}

/// What is served under `api_version`.
pub(in crate::http) fn of(api_version: &str) -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().filter(move |it| it.api_version == api_version)
}

/// What can be done with most objects.
const ALL: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const CREATE: &[&str] = &["create"];
const STREAM: &[&str] = &["create", "get"];
const PART: &[&str] = &["get", "patch", "update"];

/// A sort of objects that has a namespace and nothing special.
const fn plain(
    api_version: &'static str,
    names: [&'static str; 3],
    short_names: &'static [&'static str],
    model: Model,
) -> Resource {
    let [plural, singular, kind] = names;
    Resource {
        api_version,
        plural,
        singular,
        kind,
        is_namespaced: true,
        verbs: ALL,
        short_names,
        categories: &[],
        subresources: &[],
        model,
    }
}

/// A question about users, which has no namespace.
const fn review(api_version: &'static str, names: [&'static str; 3], model: Model) -> Resource {
    Resource { is_namespaced: false, verbs: CREATE, ..plain(api_version, names, &[], model) }
}

/// What something uses, by the name of what uses it.
const fn measured([plural, kind]: [&'static str; 2], model: Model) -> Resource {
    let names = [plural, "", kind];
    Resource { verbs: &["get", "list"], ..plain(metrics::API_VERSION, names, &[], model) }
}

const fn status(kind: &'static str, model: Model) -> Subresource {
    Subresource { name: "status", kind, api_version: None, verbs: PART, model: Some(model) }
}

const fn stream(name: &'static str, kind: &'static str) -> Subresource {
    Subresource { name, kind, api_version: None, verbs: STREAM, model: None }
}

const POD_PARTS: &[Subresource] = &[
    stream("attach", "PodAttachOptions"),
    Subresource {
        name: "eviction",
        kind: "Eviction",
        api_version: Some("policy/v1"),
        verbs: CREATE,
        model: Some(Model::of::<Eviction>()),
    },
    stream("exec", "PodExecOptions"),
    Subresource { name: "log", kind: "Pod", api_version: None, verbs: &["get"], model: None },
    stream("portforward", "PodPortForwardOptions"),
    status("Pod", Model::of::<Pod>()),
];

const NAMESPACE_PARTS: &[Subresource] = &[
    Subresource {
        name: "finalize",
        kind: "Namespace",
        api_version: None,
        verbs: &["update"],
        model: Some(Model::of::<Namespace>()),
    },
    status("Namespace", Model::of::<Namespace>()),
];

const CERTIFICATE_PARTS: &[Subresource] = &[
    Subresource {
        name: "approval",
        ..status("CertificateSigningRequest", Model::of::<CertificateSigningRequest>())
    },
    status("CertificateSigningRequest", Model::of::<CertificateSigningRequest>()),
];

/// All that is served. Groups are in the order in which Kubernetes prefers them, and what is of one
/// group and version stands together.
pub(in crate::http) const RESOURCES: &[Resource] = &[
    plain("v1", ["configmaps", "configmap", "ConfigMap"], &["cm"], Model::of::<ConfigMap>()),
    plain("v1", ["events", "event", "Event"], &["ev"], Model::of::<Event>()),
    plain(
        "v1",
        ["limitranges", "limitrange", "LimitRange"],
        &["limits"],
        Model::of::<LimitRange>(),
    ),
    Resource {
        is_namespaced: false,
        verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
        subresources: NAMESPACE_PARTS,
        ..plain("v1", ["namespaces", "namespace", "Namespace"], &["ns"], Model::of::<Namespace>())
    },
    Resource {
        is_namespaced: false,
        subresources: &[status("Node", Model::of::<Node>())],
        ..plain("v1", ["nodes", "node", "Node"], &["no"], Model::of::<Node>())
    },
    Resource {
        categories: &["all"],
        subresources: POD_PARTS,
        ..plain("v1", ["pods", "pod", "Pod"], &["po"], Model::of::<Pod>())
    },
    Resource {
        subresources: &[status("ResourceQuota", Model::of::<ResourceQuota>())],
        ..plain(
            "v1",
            ["resourcequotas", "resourcequota", "ResourceQuota"],
            &["quota"],
            Model::of::<ResourceQuota>(),
        )
    },
    plain("v1", ["secrets", "secret", "Secret"], &[], Model::of::<Secret>()),
    plain(
        "v1",
        ["serviceaccounts", "serviceaccount", "ServiceAccount"],
        &["sa"],
        Model::of::<ServiceAccount>(),
    ),
    // There are none, and they can't be made; `kubectl cluster-info` looks for them all the same.
    Resource {
        verbs: &["get", "list"],
        categories: &["all"],
        ..plain("v1", ["services", "service", "Service"], &["svc"], Model::of::<Service>())
    },
    plain("events.k8s.io/v1", ["events", "event", "Event"], &["ev"], Model::of::<EventV1>()),
    review(
        "authentication.k8s.io/v1",
        ["selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview"],
        Model::of::<SelfSubjectReview>(),
    ),
    review(
        "authentication.k8s.io/v1",
        ["tokenreviews", "tokenreview", "TokenReview"],
        Model::of::<TokenReview>(),
    ),
    Resource {
        verbs: CREATE,
        ..plain(
            "authorization.k8s.io/v1",
            ["localsubjectaccessreviews", "localsubjectaccessreview", "LocalSubjectAccessReview"],
            &[],
            Model::of::<LocalSubjectAccessReview>(),
        )
    },
    review(
        "authorization.k8s.io/v1",
        ["selfsubjectaccessreviews", "selfsubjectaccessreview", "SelfSubjectAccessReview"],
        Model::of::<SelfSubjectAccessReview>(),
    ),
    review(
        "authorization.k8s.io/v1",
        ["selfsubjectrulesreviews", "selfsubjectrulesreview", "SelfSubjectRulesReview"],
        Model::of::<SelfSubjectRulesReview>(),
    ),
    review(
        "authorization.k8s.io/v1",
        ["subjectaccessreviews", "subjectaccessreview", "SubjectAccessReview"],
        Model::of::<SubjectAccessReview>(),
    ),
    Resource {
        categories: &["all"],
        subresources: &[status("CronJob", Model::of::<CronJob>())],
        ..plain("batch/v1", ["cronjobs", "cronjob", "CronJob"], &["cj"], Model::of::<CronJob>())
    },
    Resource {
        categories: &["all"],
        subresources: &[status("Job", Model::of::<Job>())],
        ..plain("batch/v1", ["jobs", "job", "Job"], &[], Model::of::<Job>())
    },
    Resource {
        is_namespaced: false,
        subresources: CERTIFICATE_PARTS,
        ..plain(
            "certificates.k8s.io/v1",
            [
                "certificatesigningrequests",
                "certificatesigningrequest",
                "CertificateSigningRequest",
            ],
            &["csr"],
            Model::of::<CertificateSigningRequest>(),
        )
    },
    plain("coordination.k8s.io/v1", ["leases", "lease", "Lease"], &[], Model::of::<Lease>()),
    Resource {
        is_namespaced: false,
        ..plain(
            "scheduling.k8s.io/v1",
            ["priorityclasses", "priorityclass", "PriorityClass"],
            &["pc"],
            Model::of::<PriorityClass>(),
        )
    },
    // As metrics-server has them: `pods` and `nodes` are first of all those of the core.
    Resource {
        is_namespaced: false,
        ..measured(["nodes", "NodeMetrics"], Model::of::<NodeMetrics>())
    },
    measured(["pods", "PodMetrics"], Model::of::<PodMetrics>()),
];
