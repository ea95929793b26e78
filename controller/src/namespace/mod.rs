//! The life of a namespace: what each one has from its beginning, and how it ends.
//!
//! ```text
//! change ─▶ observed (the namespace, what is in it) ─▶ reconcile (pure) ─▶ plan ─▶ transaction
//! ```
//!
//! A namespace that is deleted terminates: who makes pods goes first, then the pods with the time
//! they have for it, then everything else, and the namespace last. Kubernetes does the same in
//! three controllers (`namespace`, `serviceaccount`, `root-ca-cert-publisher`).

mod conditions;
mod controller;
mod reconcile;

pub use self::controller::NamespaceController;
pub use self::reconcile::{Content, Observed, Plan, reconcile};

use crate::api::names::NAMESPACE_FINALIZER as FINALIZER;

/// The ServiceAccount that every namespace has.
const SERVICE_ACCOUNT: &str = "default";

/// The ConfigMap by which the pods of every namespace know the server, and the key in it.
const ROOT_CA: &str = "kube-root-ca.crt";
const ROOT_CA_KEY: &str = "ca.crt";

/// The ConfigMap by which hosts that join know the server, where it is, and the key in it; Kubernetes'
/// own.
const PUBLIC: &str = "kube-public";
const CLUSTER_INFO: &str = "cluster-info";
const CLUSTER_INFO_KEY: &str = "kubeconfig";

#[cfg(test)]
mod tests;
