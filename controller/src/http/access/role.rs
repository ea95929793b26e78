//! Roles, as lists of rules: what may be done to which resources.
//!
//! `view`, `edit` and `admin` are Kubernetes' ClusterRoles of these names, for what is served here.
//! Where Kubernetes lets a role read events, it may read both of their forms.

use serde::{Deserialize, Serialize};

use super::attributes::Attributes;

/// What a user may do in some namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Role {
    /// Reads everything but secrets.
    View,
    /// Reads everything, and makes, changes and ends what a namespace holds.
    Edit,
    /// As edit; for all namespaces, everything, so nodes and namespaces as well.
    Admin,
    /// What a node needs, for itself and its own pods: Kubernetes' `system:node`, with its Node
    /// authorizer. Its rules are those of everyone who is a node.
    Node,
}

impl Role {
    /// Its rules; `is_for_all` says that it is for all namespaces.
    pub(super) fn rules(self, is_for_all: bool) -> impl Iterator<Item = &'static Rule> {
        let parts: &[&'static [Rule]] = match self {
            Self::View => &[VIEW],
            Self::Edit => &[VIEW, EDIT],
            Self::Admin if is_for_all => &[EVERYTHING],
            Self::Admin => &[VIEW, EDIT, ADMIN],
            Self::Node => &[],
        };
        parts.iter().copied().flatten()
    }
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "view" => Ok(Self::View),
            "edit" => Ok(Self::Edit),
            "admin" => Ok(Self::Admin),
            "node" => Ok(Self::Node),
            _ => Err(format!("there is no role \"{name}\"; roles are view, edit, admin and node")),
        }
    }
}

/// Verbs that may be used on resources, or on paths. `*` stands for all.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Rule {
    pub(in crate::http) verbs: &'static [&'static str],
    #[serde(rename = "apiGroups", skip_serializing_if = "<[_]>::is_empty")]
    pub(in crate::http) groups: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(in crate::http) resources: &'static [&'static str],
    /// Paths; one that ends in `*` stands for all that begin so.
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "<[_]>::is_empty")]
    pub(in crate::http) paths: &'static [&'static str],
}

impl Rule {
    /// Whether it lets what is asked be done.
    pub(super) fn allows(&self, asked: &Attributes) -> bool {
        let has = |all: &[&str], one: &str| all.contains(&"*") || all.contains(&one);
        if !has(self.verbs, &asked.verb) {
            return false;
        }
        if asked.is_for_resource() {
            return has(self.groups, &asked.group)
                && has(self.resources, &asked.qualified_resource());
        }
        self.paths.iter().any(|path| match path.strip_suffix('*') {
            Some(beginning) => asked.path.starts_with(beginning),
            None => *path == asked.path,
        })
    }
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

const fn on(
    verbs: &'static [&'static str],
    groups: &'static [&'static str],
    resources: &'static [&'static str],
) -> Rule {
    Rule { verbs, groups, resources, paths: &[] }
}

const fn at(verbs: &'static [&'static str], paths: &'static [&'static str]) -> Rule {
    Rule { verbs, groups: &[], resources: &[], paths }
}

const VIEW: &[Rule] = &[
    on(
        READ,
        &[""],
        &[
            "configmaps",
            "events",
            "limitranges",
            "namespaces",
            "namespaces/status",
            "pods",
            "pods/log",
            "pods/status",
            "replicationcontrollers",
            "resourcequotas",
            "resourcequotas/status",
            "serviceaccounts",
            "services",
        ],
    ),
    on(READ, &["batch"], &["cronjobs", "cronjobs/status", "jobs", "jobs/status"]),
    on(READ, &["apps"], &["daemonsets", "replicasets"]),
    on(READ, &["events.k8s.io"], &["events"]),
    on(READ, &["metrics.k8s.io"], &["nodes", "pods"]),
];

const EDIT: &[Rule] = &[
    on(READ, &[""], &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets"]),
    on(
        WRITE,
        &[""],
        &[
            "configmaps",
            "events",
            "pods",
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
            "replicationcontrollers",
            "secrets",
            "serviceaccounts",
            "services",
        ],
    ),
    on(&["create"], &[""], &["pods/eviction", "serviceaccounts/token"]),
    on(WRITE, &["batch"], &["cronjobs", "jobs"]),
    on(WRITE, &["apps"], &["daemonsets", "replicasets"]),
    on(WRITE, &["events.k8s.io"], &["events"]),
    on(READ, &["coordination.k8s.io"], &["leases"]),
    on(WRITE, &["coordination.k8s.io"], &["leases"]),
];

const ADMIN: &[Rule] =
    &[on(&["create"], &["authorization.k8s.io"], &["localsubjectaccessreviews"])];

/// What nodes may do, of which each has what is its own: `own` says what that is.
pub(super) const NODE: &[Rule] = &[
    on(&["create", "get", "list", "patch", "update", "watch"], &[""], &["nodes", "nodes/status"]),
    on(&["delete", "get", "list", "watch"], &[""], &["pods"]),
    on(&["patch", "update"], &[""], &["pods/status"]),
    on(&["create"], &[""], &["pods/eviction"]),
    on(&["get"], &[""], &["configmaps", "secrets"]),
    on(&["create", "patch", "update"], &[""], &["events"]),
    on(&["create", "delete", "get", "patch", "update"], &["coordination.k8s.io"], &["leases"]),
    on(
        &["create", "get", "list", "watch"],
        &["certificates.k8s.io"],
        &["certificatesigningrequests"],
    ),
    on(&["create"], &["certificates.k8s.io"], &["certificatesigningrequests/selfnodeclient"]),
    on(&["create"], &["authentication.k8s.io"], &["tokenreviews"]),
    on(
        &["create"],
        &["authorization.k8s.io"],
        &["localsubjectaccessreviews", "subjectaccessreviews"],
    ),
];

/// What those may do who come with a bootstrap token: ask for the certificate of a node, and look whether
/// its name is taken. Kubernetes' `system:node-bootstrapper` with the right to have it signed, and
/// kubeadm's `kubeadm:get-nodes`.
pub(super) const BOOTSTRAP: &[Rule] = &[
    on(
        &["create", "get", "list", "watch"],
        &["certificates.k8s.io"],
        &["certificatesigningrequests"],
    ),
    on(&["create"], &["certificates.k8s.io"], &["certificatesigningrequests/nodeclient"]),
    on(&["get"], &[""], &["nodes"]),
];

/// What an API server may do where it asks kubelets: read what they answer. Kubernetes'
/// `system:kubelet-api-admin`, without what nobody here has to ask them.
pub(super) const KUBELET_API: &[Rule] = &[on(
    &["get"],
    &[""],
    &["nodes/healthz", "nodes/log", "nodes/metrics", "nodes/pods", "nodes/proxy", "nodes/stats"],
)];

/// What Kubernetes' `cluster-admin` may do, and the group `system:masters`.
pub(super) const EVERYTHING: &[Rule] = &[on(&["*"], &["*"], &["*"]), at(&["*"], &["*"])];

/// What the group `system:monitoring` may do: read the page of metrics, and ask whether we are well.
/// Kubernetes' role of that name.
pub(super) const MONITORING: &[Rule] = &[at(
    &["get"],
    &["/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/readyz", "/readyz/*"],
)];

/// What everyone may do who is known: ask about themselves, and what there is. Kubernetes'
/// `system:basic-user` and `system:discovery`.
pub(super) const EVERYONE: &[Rule] = &[
    on(&["create"], &["authentication.k8s.io"], &["selfsubjectreviews"]),
    on(
        &["create"],
        &["authorization.k8s.io"],
        &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    ),
    at(
        &["get"],
        &[
            "/api",
            "/api/*",
            "/apis",
            "/apis/*",
            "/healthz",
            "/livez",
            "/openapi",
            "/openapi/*",
            "/readyz",
            "/version",
            "/version/",
        ],
    ),
];
