//! The kinds of object that we hold, and what is true of all of them.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json;
use super::quick::Quick;
use super::{
    CertificateSigningRequest, ConfigMap, CronJob, Event, Job, Lease, LimitRange, ManagedFields,
    Namespace, Node, ObjectMeta, Pod, PriorityClass, ResourceQuota, Secret, ServiceAccount,
};

/// Most objects are no larger than this as JSON.
const JSON_BYTES_USUAL: usize = 4096;

/// Where an object is: its namespace (empty for kinds that have none) and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The namespace, or `""`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Arc<str>,
}

impl Key {
    /// The key of `name` in `namespace`.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key that `metadata` says.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self::new(
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A wire type that is kept as an object of its own.
pub trait Resource: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;

    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// Its metadata, to write.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;

    /// `object`, if it is of this kind.
    fn from_object(object: &Object) -> Option<&Arc<Self>>;

    /// As an object of any kind.
    fn into_object(this: Arc<Self>) -> Object;

    /// Its key.
    fn key(&self) -> Key {
        Key::of(self.metadata())
    }

    /// `metadata.uid`, or `""` before it is created.
    fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }
}

macro_rules! kinds {
    ($($kind:ident: $api_version:literal $plural:literal $scope:ident,)+) => {
        /// A kind of object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = concat!("`", $plural, "` of `", $api_version, "`.")] $kind,)+
        }

        impl Kind {
            /// Every kind, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The name in `kind:`, such as `Job`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)+ }
            }

            /// The `apiVersion:` it is served under, such as `batch/v1`.
            pub fn api_version(self) -> &'static str {
                match self { $(Self::$kind => $api_version,)+ }
            }

            /// The resource name in URLs, such as `jobs`.
            pub fn plural(self) -> &'static str {
                match self { $(Self::$kind => $plural,)+ }
            }

            /// The resource name with its group, as quotas and messages have it: `jobs.batch`,
            /// `pods`.
            pub fn resource(self) -> String {
                match self.api_version().split_once('/') {
                    Some((group, _)) => format!("{}.{group}", self.plural()),
                    None => self.plural().to_owned(),
                }
            }

            /// Whether its objects live in a namespace.
            pub fn is_namespaced(self) -> bool {
                match self { $(Self::$kind => kinds!(@$scope),)+ }
            }
        }

        /// One object of any kind, shared and never changed in place.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $(#[doc = concat!("A ", stringify!($kind), ".")] $kind(Arc<$kind>),)+
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)+ }
            }

            /// Its metadata.
            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Self::$kind(object) => &object.metadata,)+ }
            }

            /// Its metadata, to write; the object is copied first if it is shared.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Self::$kind(object) => &mut Arc::make_mut(object).metadata,)+ }
            }

            /// Appends the object as JSON to `out`. It begins with `apiVersion` and `kind`.
            pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
                if let Self::Event(event) = self {
                    return json::write(&Quick(&**event), out);
                }
                match self { $(Self::$kind(object) => json::write(&**object, out),)+ }
            }

            /// The same as a tree.
            pub fn to_value(&self) -> serde_json::Value {
                let value = match self {
                    $(Self::$kind(object) => serde_json::to_value(&**object),)+
                };
                value.expect("a wire type must be writable as JSON")
            }

            /// The object of `kind` that `json` holds.
            pub fn from_json(kind: Kind, json: &[u8]) -> Result<Self, serde_json::Error> {
                Ok(match kind {
                    $(Kind::$kind => Self::$kind(Arc::new(serde_json::from_slice(json)?)),)+
                })
            }
        }

        $(impl Resource for $kind {
            const KIND: Kind = Kind::$kind;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }

            fn from_object(object: &Object) -> Option<&Arc<Self>> {
                match object {
                    Object::$kind(object) => Some(object),
                    _ => None,
                }
            }

            fn into_object(this: Arc<Self>) -> Object {
                Object::$kind(this)
            }
        })+
    };
    (@namespaced) => { true };
    (@cluster) => { false };
}

kinds! {
    Job: "batch/v1" "jobs" namespaced,
    CronJob: "batch/v1" "cronjobs" namespaced,
    Pod: "v1" "pods" namespaced,
    ConfigMap: "v1" "configmaps" namespaced,
    Secret: "v1" "secrets" namespaced,
    Event: "v1" "events" namespaced,
    Node: "v1" "nodes" cluster,
    Namespace: "v1" "namespaces" cluster,
    ServiceAccount: "v1" "serviceaccounts" namespaced,
    Lease: "coordination.k8s.io/v1" "leases" namespaced,
    ResourceQuota: "v1" "resourcequotas" namespaced,
    LimitRange: "v1" "limitranges" namespaced,
    CertificateSigningRequest: "certificates.k8s.io/v1" "certificatesigningrequests" cluster,
    PriorityClass: "scheduling.k8s.io/v1" "priorityclasses" cluster,
}

impl Object {
    /// Its key.
    pub fn key(&self) -> Key {
        Key::of(self.metadata())
    }

    /// The object as JSON, with `apiVersion` and `kind`.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(JSON_BYTES_USUAL);
        self.write_json(&mut json);
        json
    }

    /// Who owns which of its fields, as `metadata.managedFields` says it.
    pub(crate) fn managed_fields(&self) -> Option<Vec<ManagedFieldsEntry>> {
        let kept = match self {
            Self::Job(job) => job.managed_fields.as_ref(),
            Self::Pod(pod) => pod.managed_fields.as_ref(),
            _ => None,
        };
        match kept {
            Some(kept) => Some(kept.entries()),
            None => self.metadata().managed_fields.clone(),
        }
    }

    /// Has `entries` say it.
    pub(crate) fn set_managed_fields(&mut self, entries: Option<Vec<ManagedFieldsEntry>>) {
        self.metadata_mut().managed_fields = entries;
        match self {
            Self::Job(job) => Arc::make_mut(job).managed_fields = None,
            Self::Pod(pod) => Arc::make_mut(pod).managed_fields = None,
            _ => {}
        }
    }

    /// Keeps what is said of it in less memory, where there are many of a kind.
    pub(crate) fn pack_managed_fields(&mut self) {
        if self.metadata().managed_fields.is_none() {
            return;
        }
        match self {
            Self::Job(job) => {
                let job = Arc::make_mut(job);
                job.managed_fields = ManagedFields::take_from(&mut job.metadata);
            }
            Self::Pod(pod) => {
                let pod = Arc::make_mut(pod);
                pod.managed_fields = ManagedFields::take_from(&mut pod.metadata);
            }
            _ => {}
        }
    }

    /// Appends its metadata as JSON to `out`.
    pub(crate) fn write_metadata(&self, out: &mut Vec<u8>) {
        match self {
            Self::Job(job) => json::write(&job.metadata_as_shown(), out),
            Self::Pod(pod) => json::write(&pod.metadata_as_shown(), out),
            other => json::write(&Quick(other.metadata()), out),
        }
    }

    /// Whether `other` wants the same as this: of the kinds whose generations are counted, the same
    /// `spec`. Binding a pod to a node is not another wish.
    pub(crate) fn same_spec(&self, other: &mut Self) -> bool {
        match (self, other) {
            (Self::Job(one), Self::Job(other)) => one.spec == other.spec,
            (Self::CronJob(one), Self::CronJob(other)) => one.spec == other.spec,
            (Self::Pod(one), Self::Pod(other)) if is_bound_variant(one, other) => true,
            (Self::Pod(one), Self::Pod(other)) if one.spec != other.spec => {
                let (Some(one), Some(other)) = (&one.spec, &mut Arc::make_mut(other).spec) else {
                    return false;
                };
                if one.node_name.is_some() {
                    return false;
                }
                // Without a copy: it has no node for as long as they are compared.
                let node = other.node_name.take();
                let is_same = other == one;
                other.node_name = node;
                is_same
            }
            (one, other) => one.kind() == other.kind(),
        }
    }
}

/// Whether `other` is `one` with a node, and known to be nothing else.
fn is_bound_variant(one: &Pod, other: &Pod) -> bool {
    let specs = one.spec.as_ref().zip(other.spec.as_ref());
    specs.is_some_and(|(one, other)| one.node_name.is_none() && other.is_variant_of(one))
}
