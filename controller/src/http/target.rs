//! What the path of a request names: a kind, where, and what of it.
//!
//! Pure. A name with an escape in it is none that an object can have, so nothing is unescaped.

use crate::api::{Key, Kind};

/// The objects, or the one object, that a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// `None` for all namespaces, and for kinds that have none.
    pub(super) namespace: Option<String>,
    /// `None` for all of them.
    pub(super) name: Option<String>,
    /// Whether only the status is meant.
    pub(super) is_status: bool,
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
        let kind = |plural: &str| {
            let mut kinds = Kind::ALL.iter().copied();
            kinds.find(|kind| kind.plural() == plural && kind.api_version() == api_version)
        };
        if let ["namespaces", namespace, plural, rest @ ..] = rest
            && let Some(kind) = kind(plural).filter(|kind| kind.is_namespaced())
        {
            return Self::of(kind, Some(namespace), rest);
        }
        let (plural, rest) = rest.split_first()?;
        let kind = kind(plural)?;
        // Across namespaces there are only collections.
        if kind.is_namespaced() && !rest.is_empty() {
            return None;
        }
        Self::of(kind, None, rest)
    }

    fn of(kind: Kind, namespace: Option<&str>, rest: &[&str]) -> Option<Self> {
        let (name, is_status) = match rest {
            [] => (None, false),
            [name] => (Some((*name).to_owned()), false),
            [name, "status"] if kind == Kind::Job => (Some((*name).to_owned()), true),
            _ => return None,
        };
        if namespace == Some("") || name.as_deref() == Some("") {
            return None;
        }
        Some(Self { kind, namespace: namespace.map(str::to_owned), name, is_status })
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
                let status = if target.is_status { " status" } else { "" };
                format!("{} {at}{status}", target.kind.name())
            });
            assert_eq!(found.as_deref().unwrap_or("nothing"), expect, "{path}");
        };
        check("/apis/batch/v1/jobs", "Job *");
        check("/apis/batch/v1/namespaces/a/jobs", "Job a/*");
        check("/apis/batch/v1/namespaces/a/jobs/b", "Job a/b");
        check("/apis/batch/v1/namespaces/a/jobs/b/status", "Job a/b status");
        check("/api/v1/namespaces", "Namespace *");
        check("/api/v1/namespaces/a", "Namespace a");
        check("/api/v1/namespaces/pods", "Namespace pods");
        check("/api/v1/nodes/n", "Node n");
        for path in [
            "/",
            "/api/v1",
            "/api/v1/jobs",
            "/apis/batch/v1/jobs/b",
            "/apis/batch/v1/namespaces/a/foos",
            "/api/v1/namespaces/a/nodes",
            "/api/v1/namespaces/a/pods/b/exec",
            "/api/v1/namespaces//pods",
        ] {
            check(path, "nothing");
        }
    }
}
