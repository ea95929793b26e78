//! What a namespace needs next. Pure.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_openapi::api::core::v1::NamespaceCondition;
use serde_json::json;

use super::conditions;
use super::{
    CLUSTER_INFO, CLUSTER_INFO_KEY, FINALIZER, PUBLIC, ROOT_CA, ROOT_CA_KEY, SERVICE_ACCOUNT,
};
use crate::api::{ConfigMap, Key, Kind, Namespace, Object, ObjectMeta, ServiceAccount, Timestamp};
use crate::limits::NAMESPACE_OBJECTS_MAX;

/// Who makes pods, and the pods: they go first, since what is made while others go is never done.
const FIRST: &[Kind] = &[Kind::CronJob, Kind::Job, Kind::Pod];

/// A namespace and what matters of what is in it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The namespace itself.
    pub namespace: Arc<Namespace>,
    /// All that is in it, if it terminates; who makes pods before pods.
    pub contents: Vec<Content>,
    /// Whether it has its ServiceAccount.
    pub has_service_account: bool,
    /// The certificate that it has.
    pub root_ca: Option<String>,
    /// What it tells hosts that join.
    pub cluster_info: Option<String>,
    /// The certificate that it should have, if any.
    pub root_ca_wanted: Option<String>,
}

/// Something that is in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its kind.
    pub kind: Kind,
    /// Its key.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// Whether it is on its way out.
    pub is_ending: bool,
    /// What holds it back.
    pub finalizers: Vec<String>,
}

/// What is to be done about a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Objects that it should have: to be made, or written over those of the same name.
    pub make: Vec<Object>,
    /// What is to be deleted of it.
    pub delete: Vec<Content>,
    /// What is to be told of its end; nothing new if `None`.
    pub conditions: Option<Vec<NamespaceCondition>>,
    /// Whether nothing holds it any more.
    pub release: bool,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Decides what a namespace needs next. At the same time and of the same observation it is always
/// the same, and once it is done there is nothing more until something changes.
pub fn reconcile(observed: &Observed, now: Timestamp) -> Plan {
    if observed.namespace.metadata.deletion_timestamp.is_some() {
        return terminate(observed, now);
    }
    let mut plan = Plan::default();
    let namespace = observed.namespace.metadata.name.as_deref().unwrap_or_default();
    let named = |name: &str| ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ObjectMeta::default()
    };
    if !observed.has_service_account {
        let metadata = named(SERVICE_ACCOUNT);
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        plan.make.push(Object::ServiceAccount(Arc::new(account)));
    }
    let Some(authority) = &observed.root_ca_wanted else { return plan };
    let mut publish = |name: &str, key: &str, text: &str| {
        let data = Some([(key.to_owned(), text.to_owned())].into());
        let map = ConfigMap { metadata: named(name), data, ..ConfigMap::default() };
        plan.make.push(Object::ConfigMap(Arc::new(map)));
    };
    if observed.root_ca.as_ref() != Some(authority) {
        publish(ROOT_CA, ROOT_CA_KEY, authority);
    }
    let info = (namespace == PUBLIC).then(|| cluster_info(authority));
    if let Some(info) = info.filter(|info| observed.cluster_info.as_ref() != Some(info)) {
        publish(CLUSTER_INFO, CLUSTER_INFO_KEY, &info);
    }
    plan
}

/// A kubeconfig of which only the authority (PEM) is said; as JSON, which is YAML.
fn cluster_info(authority: &str) -> String {
    let cluster = json!({"certificate-authority-data": BASE64.encode(authority)});
    json!({
        "apiVersion": "v1", "kind": "Config", "clusters": [{"name": "", "cluster": cluster}],
    })
    .to_string()
}

fn terminate(observed: &Observed, now: Timestamp) -> Plan {
    let contents = &observed.contents;
    let is_first = |content: &&Content| FIRST.contains(&content.kind);
    let has_first = contents.iter().any(|content| is_first(&content));
    let is_due = |content: &&Content| !content.is_ending && (!has_first || is_first(content));
    let delete = contents.iter().filter(is_due).take(NAMESPACE_OBJECTS_MAX).cloned().collect();
    let spec = observed.namespace.spec.as_ref();
    let is_held = spec.is_some_and(|it| it.finalizers.iter().flatten().any(|it| it == FINALIZER));
    Plan {
        make: Vec::new(),
        delete,
        conditions: conditions::told(observed, now),
        release: contents.is_empty() && is_held,
    }
}
