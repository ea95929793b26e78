//! Collections that are always empty, since nothing of the kind runs here, but into which clients
//! look that expect a cluster.
//!
//! Nothing is ever in them, but for the Service by which a pod would know the API server.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response};
use serde_json::json;

use super::answer::{self, Form};
use super::options::Query;
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;

/// What there is none of.
struct Absent {
    api_version: &'static str,
    plural: &'static str,
    kind: &'static str,
}

const ABSENT: &[Absent] = &[
    absent("v1", "services", "Service"),
    absent("v1", "replicationcontrollers", "ReplicationController"),
    absent("v1", "endpoints", "Endpoints"),
    absent("v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    // `kubectl` asks for these before it sends an object of a kind that can't be patched.
    absent("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition"),
    absent("apps/v1", "daemonsets", "DaemonSet"),
    absent("apps/v1", "deployments", "Deployment"),
    absent("apps/v1", "replicasets", "ReplicaSet"),
    absent("apps/v1", "statefulsets", "StatefulSet"),
];

const fn absent(api_version: &'static str, plural: &'static str, kind: &'static str) -> Absent {
    Absent { api_version, plural, kind }
}

/// The answer to a request for something of which there is none; `None` if it is about anything
/// else.
pub(super) fn answer(api: &Api, parts: &Parts) -> Option<Result<Response<Body>, Refusal>> {
    let path = parts.uri.path().trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    let (api_version, rest) = match &segments[..] {
        ["api", version, rest @ ..] => ((*version).to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return None,
    };
    let (namespace, plural, name) = match rest {
        ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
        ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, Some(*name)),
        [plural] => (None, *plural, None),
        _ => return None,
    };
    let mut all = ABSENT.iter();
    let absent = all.find(|it| it.plural == plural && it.api_version == api_version)?;
    Some(absent.answer(api, parts, namespace, name))
}

impl Absent {
    fn answer(
        &self,
        api: &Api,
        parts: &Parts,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<Response<Body>, Refusal> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        if parts.method != Method::GET || query.is_set("watch") {
            return Err(Status::nothing_of_the_kind(self.plural).into());
        }
        let form = Form::wanted(&parts.headers, &query)?;
        let version = api.store.resource_version().to_string();
        match (namespace, name) {
            (_, None) => Ok(answer::empty_list(form, self.api_version, self.kind, &version)),
            (Some("default"), Some("kubernetes")) if self.kind == "Service" => {
                Ok(answer::value(&json!({
                    "kind": "Service",
                    "apiVersion": "v1",
                    "metadata": {
                        "name": "kubernetes",
                        "namespace": "default",
                        "labels": {"component": "apiserver", "provider": "kubernetes"},
                        "resourceVersion": version,
                    },
                    "spec": {
                        "type": "ClusterIP",
                        // Guests have no network that it could have an address in.
                        "clusterIP": "None",
                        "ports": [
                            {"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443},
                        ],
                    },
                    "status": {"loadBalancer": {}},
                })))
            }
            (_, Some(name)) => {
                let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
                Err(Status::not_found_in(group, self.plural, name).into())
            }
        }
    }
}
