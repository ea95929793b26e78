//! What a request asks to do, in the terms in which permission is given.
//!
//! Source: Kubernetes' authorization documentation, "Request attributes" and "Determine the request
//! verb". Made from the path alone, so that it is there for resources that are not served, too.

use axum::http::{Method, Uri};

use crate::http::options::Query;
use crate::http::target::Target;

/// The ConfigMap that says by which authority the server is known; Kubernetes' own.
const CLUSTER_INFO: (&str, &str) = ("kube-public", "cluster-info");

/// What is to be done to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Attributes {
    /// `get`, `list`, `create` …
    pub(in crate::http) verb: String,
    /// The group, `""` for the core.
    pub(in crate::http) group: String,
    /// The plural; `""` if it is not about a resource but about a path.
    pub(in crate::http) resource: String,
    pub(in crate::http) subresource: String,
    /// `""` at the scope of the cluster.
    pub(in crate::http) namespace: String,
    /// `""` if it is not about one object.
    pub(in crate::http) name: String,
    /// The whole path.
    pub(in crate::http) path: String,
}

impl Attributes {
    /// What a request asks for.
    pub(in crate::http) fn of(method: &Method, uri: &Uri) -> Self {
        let path = uri.path();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match &segments[..] {
            ["api", _version, rest @ ..] if !rest.is_empty() => ("", rest),
            ["apis", group, _version, rest @ ..] if !rest.is_empty() => (*group, rest),
            _ => {
                let verb = method.as_str().to_ascii_lowercase();
                return Self { verb, path: path.to_owned(), ..Self::default() };
            }
        };
        // A path itself may say that it is to be watched.
        let (rest, is_watch) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (rest, true),
            rest => (rest, false),
        };
        let (namespace, rest) = match rest {
            // What a namespace has itself is no resource within it.
            ["namespaces", namespace, "status" | "finalize", ..] | ["namespaces", namespace] => {
                (*namespace, rest)
            }
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let part = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
        let mut asked = Self {
            verb: String::new(),
            group: group.to_owned(),
            resource: part(0),
            subresource: part(2),
            namespace: namespace.to_owned(),
            name: part(1),
            path: path.to_owned(),
        };
        let query = Query::parse(uri.query().unwrap_or_default());
        let verb = if is_watch { "watch" } else { asked.verb_of(method, &query) };
        asked.verb = verb.to_owned();
        if is_watch && !asked.name.is_empty() {
            return asked;
        }
        if matches!(asked.verb.as_str(), "list" | "watch") {
            asked.name = only_name(&query);
        }
        asked
    }

    /// To create the object `name` of what `target` means.
    pub(in crate::http) fn to_create(target: &Target, name: &str) -> Self {
        let api_version = target.version.api_version(target.kind);
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self {
            verb: "create".to_owned(),
            group: group.to_owned(),
            resource: target.kind.plural().to_owned(),
            namespace: target.namespace.clone().unwrap_or_default(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    fn verb_of(&self, method: &Method, query: &Query) -> &'static str {
        let is_one = !self.name.is_empty();
        match *method {
            Method::GET | Method::HEAD if is_one => "get",
            Method::GET | Method::HEAD if query.is_set("watch") => "watch",
            Method::GET | Method::HEAD => "list",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if is_one => "delete",
            Method::DELETE => "deletecollection",
            _ => "",
        }
    }

    /// Whether it is about objects, not about a path.
    pub(in crate::http) fn is_for_resource(&self) -> bool {
        !self.resource.is_empty()
    }

    /// What only who may do everything may do.
    pub(super) fn everything() -> Self {
        let any = || "*".to_owned();
        Self { verb: any(), group: any(), resource: any(), ..Self::default() }
    }

    /// Whether it needs no credentials: it only asks if we are well, or by which authority we are
    /// known, which a host that joins compares with what it was told.
    pub(super) fn is_for_anybody(&self) -> bool {
        let is_health = matches!(self.path.as_str(), "/healthz" | "/livez" | "/readyz");
        let is_cluster_info = self.group.is_empty()
            && self.qualified_resource() == "configmaps"
            && (self.namespace.as_str(), self.name.as_str()) == CLUSTER_INFO;
        self.verb == "get" && (is_health || is_cluster_info)
    }

    /// The resource with its part, as `pods/log`.
    pub(in crate::http) fn qualified_resource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            part => format!("{}/{part}", self.resource),
        }
    }
}

/// The name that a field selector restricts a collection to, or `""`.
fn only_name(query: &Query) -> String {
    let selector = query.get("fieldSelector").unwrap_or_default();
    let name = selector.split(',').find_map(|term| term.strip_prefix("metadata.name="));
    name.unwrap_or_default().trim_start_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_for_what_kubernetes_says_it_asks_for() {
        let check = |method: &str, uri: &str, expect: &str| {
            let method: Method = method.parse().expect("must be a method");
            let asked = Attributes::of(&method, &uri.parse().expect("must be a URI"));
            let shown = if asked.is_for_resource() {
                let Attributes { verb, group, namespace, name, .. } = &asked;
                format!("{verb} {group}/{} {namespace}/{name}", asked.qualified_resource())
            } else {
                format!("{} {}", asked.verb, asked.path)
            };
            assert_eq!(shown, expect, "{method} {uri}");
        };
        check("GET", "/apis/batch/v1/jobs", "list batch/jobs /");
        check("GET", "/apis/batch/v1/namespaces/a/jobs?watch=true", "watch batch/jobs a/");
        check("GET", "/apis/batch/v1/namespaces/a/jobs/b?watch=1", "get batch/jobs a/b");
        check("POST", "/apis/batch/v1/namespaces/a/jobs", "create batch/jobs a/");
        check("PUT", "/apis/batch/v1/namespaces/a/jobs/b/status", "update batch/jobs/status a/b");
        check("PATCH", "/api/v1/namespaces/a/pods/b", "patch /pods a/b");
        check("DELETE", "/api/v1/namespaces/a/pods/b", "delete /pods a/b");
        check("DELETE", "/api/v1/namespaces/a/pods", "deletecollection /pods a/");
        check("POST", "/api/v1/namespaces/a/pods/b/eviction", "create /pods/eviction a/b");
        check("GET", "/api/v1/namespaces/a/pods/b/log?follow=true", "get /pods/log a/b");
        check("GET", "/api/v1/namespaces/a", "get /namespaces a/a");
        check("PUT", "/api/v1/namespaces/a/finalize", "update /namespaces/finalize a/a");
        check("POST", "/api/v1/namespaces", "create /namespaces /");
        check("GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dn&watch=1", "watch /nodes /n");
        check("GET", "/apis/batch/v1/watch/namespaces/a/jobs/b", "watch batch/jobs a/b");
        check("GET", "/apis/foo/v1/bars", "list foo/bars /");
        check("GET", "/apis/batch/v1", "get /apis/batch/v1");
        check("GET", "/api/v1", "get /api/v1");
        check("POST", "/metrics", "post /metrics");
    }
}
