//! What the path of a request names: a kind, where, and what of it.
//!
//! Pure.

use super::versions::Version;
use crate::api::{Key, Kind};

/// The objects, or the one object, that a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// `None` for all namespaces, and for kinds that have none.
    pub(super) namespace: Option<String>,
    /// `None` for all of them.
    pub(super) name: Option<String>,
    /// The part of it that is meant, if not the whole.
    pub(super) subresource: Option<Subresource>,
    /// In which version it is meant.
    pub(super) version: Version,
    /// Whether the path itself says that it is to be watched, as it did before there was a query
    /// for that. A name is then a choice from a collection.
    pub(super) is_watch: bool,
}

/// A part of an object that is served apart from it, or something that can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subresource {
    /// What has come of it.
    Status,
    /// What a pod's container prints.
    Log,
    /// A request to evict a pod.
    Eviction,
    /// The streams of a pod's container.
    Attach,
    /// A second process in a container.
    Exec,
    /// A connection to a port of a pod.
    PortForward,
    /// Containers that are added to a pod while it runs.
    EphemeralContainers,
    /// The last finalizers of a namespace.
    Finalize,
    /// Whether a certificate is to be signed.
    Approval,
    /// What a node answers by itself, under paths of its own.
    Proxy,
}

impl Subresource {
    /// Every one, with the kinds that have it.
    const ALL: &[(Self, &[Kind])] = &[
        (
            Self::Status,
            &[
                Kind::Job,
                Kind::CronJob,
                Kind::Pod,
                Kind::Namespace,
                Kind::Node,
                Kind::ResourceQuota,
                Kind::CertificateSigningRequest,
            ],
        ),
        (Self::Log, &[Kind::Pod]),
        (Self::Eviction, &[Kind::Pod]),
        (Self::Attach, &[Kind::Pod]),
        (Self::Exec, &[Kind::Pod]),
        (Self::PortForward, &[Kind::Pod]),
        (Self::EphemeralContainers, &[Kind::Pod]),
        (Self::Finalize, &[Kind::Namespace]),
        (Self::Approval, &[Kind::CertificateSigningRequest]),
        (Self::Proxy, &[Kind::Node]),
    ];

    /// As it stands in a path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Log => "log",
            Self::Eviction => "eviction",
            Self::Attach => "attach",
            Self::Exec => "exec",
            Self::PortForward => "portforward",
            Self::EphemeralContainers => "ephemeralcontainers",
            Self::Finalize => "finalize",
            Self::Approval => "approval",
            Self::Proxy => "proxy",
        }
    }

    /// The one that `name` means for objects of `kind`.
    fn of(kind: Kind, name: &str) -> Option<Self> {
        let all = Self::ALL.iter();
        let mut has = all.filter(|(_, kinds)| kinds.contains(&kind)).map(|(it, _)| *it);
        has.find(|it| it.name() == name)
    }
}

impl Target {
    /// What `path` names, if it names something that is served.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (api_version, rest) = match &segments[..] {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return None,
        };
        if let ["watch", rest @ ..] = rest {
            let target = Self::of_kinds(&api_version, rest)?;
            return target.subresource.is_none().then_some(Self { is_watch: true, ..target });
        }
        Self::of_kinds(&api_version, rest)
    }

    /// What `rest` names among the kinds of `api_version`.
    fn of_kinds(api_version: &str, rest: &[&str]) -> Option<Self> {
        let kind = |plural: &str| {
            let mut kinds = Kind::ALL.iter().copied().filter(|kind| kind.plural() == plural);
            kinds.find_map(|kind| Some((kind, Version::of(kind, api_version)?)))
        };
        // What a namespace has itself comes before what is in it.
        if let ["namespaces", namespace, part] = rest
            && Subresource::of(Kind::Namespace, part).is_some()
        {
            return Self::of((Kind::Namespace, Version::Kept), None, &[namespace, part]);
        }
        if let ["namespaces", namespace, plural, rest @ ..] = rest
            && let Some(kind) = kind(plural).filter(|(kind, _)| kind.is_namespaced())
        {
            return Self::of(kind, Some(namespace), rest);
        }
        let (plural, rest) = rest.split_first()?;
        let kind = kind(plural)?;
        // Across namespaces there are only collections.
        if kind.0.is_namespaced() && !rest.is_empty() {
            return None;
        }
        Self::of(kind, None, rest)
    }

    fn of(
        (kind, version): (Kind, Version),
        namespace: Option<&str>,
        rest: &[&str],
    ) -> Option<Self> {
        let (name, subresource) = match rest {
            [] => (None, None),
            [name] => (Some((*name).to_owned()), None),
            [name, part] => (Some((*name).to_owned()), Some(Subresource::of(kind, part)?)),
            // What follows is the node's own business.
            [name, "proxy", ..] if kind == Kind::Node => {
                (Some((*name).to_owned()), Some(Subresource::Proxy))
            }
            _ => return None,
        };
        if namespace == Some("") || name.as_deref() == Some("") {
            return None;
        }
        let namespace = namespace.map(str::to_owned);
        Some(Self { kind, namespace, name, subresource, version, is_watch: false })
    }

    /// The key of the one object.
    pub(super) fn key(&self, name: &str) -> Key {
        Key::new(self.namespace.as_deref().unwrap_or_default(), name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_what_kubernetes_says_it_names() {
        let check = |path: &str, expect: &str| {
            let found = Target::parse(path).map(|target| {
                let at = target.key(target.name.as_deref().unwrap_or("*"));
                let part = target.subresource.map(|it| format!(" {}", it.name()));
                let watch = if target.is_watch { " watch" } else { "" };
                format!("{} {at}{}{watch}", target.kind.name(), part.unwrap_or_default())
            });
            assert_eq!(found.as_deref().unwrap_or("nothing"), expect, "{path}");
        };
        check("/apis/batch/v1/jobs", "Job *");
        check("/apis/batch/v1/namespaces/a/jobs", "Job a/*");
        check("/apis/batch/v1/namespaces/a/jobs/b", "Job a/b");
        check("/apis/batch/v1/namespaces/a/jobs/b/status", "Job a/b status");
        check("/api/v1/namespaces/a/pods/b/log", "Pod a/b log");
        check("/api/v1/namespaces/a/finalize", "Namespace a finalize");
        check("/api/v1/namespaces", "Namespace *");
        check("/api/v1/namespaces/a", "Namespace a");
        check("/api/v1/namespaces/pods", "Namespace pods");
        check("/api/v1/nodes/n", "Node n");
        check("/apis/events.k8s.io/v1/namespaces/a/events/b", "Event a/b");
        check("/api/v1/watch/namespaces/a/pods", "Pod a/* watch");
        check("/apis/batch/v1/watch/namespaces/a/jobs/b", "Job a/b watch");
        check("/api/v1/watch/namespaces", "Namespace * watch");
        check("/api/v1/nodes/n/proxy", "Node n proxy");
        check("/api/v1/nodes/n:10250/proxy/pods", "Node n:10250 proxy");
        for path in [
            "/",
            "/api/v1",
            "/api/v1/jobs",
            "/apis/batch/v1/jobs/b",
            "/apis/batch/v1/namespaces/a/foos",
            "/api/v1/namespaces/a/nodes",
            "/api/v1/namespaces/a/pods/b/shell",
            "/api/v1/namespaces/a/secrets/b/status",
            "/api/v1/namespaces//pods",
            "/api/v1/watch/namespaces/a/pods/b/log",
            "/api/v1/watch",
        ] {
            check(path, "nothing");
        }
    }
}
