//! Which resource a word means: `jobs`, `job`, `job.batch`, `po`, `Pod`, `jobs.v1.batch`.
//!
//! The kinds that mayfly serves are known; for any other word the server is asked what it has.

use mayfly_controller::api::Kind;
use serde_json::Value;

use super::complaint::Complaint;
use super::request::{As, Server};

/// A resource of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// `""` for the core.
    pub(super) group: String,
    pub(super) version: String,
    /// As in `kind:`.
    pub(super) kind: String,
    /// As in paths.
    pub(super) plural: String,
    pub(super) is_namespaced: bool,
    short: Vec<String>,
}

impl Resource {
    /// That of a kind we know.
    pub(super) fn of(kind: Kind) -> Self {
        let (group, version) = kind.api_version().split_once('/').unwrap_or(("", "v1"));
        let short: &[&str] = match kind {
            Kind::CronJob => &["cj"],
            Kind::Pod => &["po"],
            Kind::ConfigMap => &["cm"],
            Kind::Event => &["ev"],
            Kind::Node => &["no"],
            Kind::Namespace => &["ns"],
            Kind::ServiceAccount => &["sa"],
            Kind::ResourceQuota => &["quota"],
            Kind::LimitRange => &["limits"],
            Kind::CertificateSigningRequest => &["csr"],
            Kind::PriorityClass => &["pc"],
            _ => &[],
        };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.name().to_owned(),
            plural: kind.plural().to_owned(),
            is_namespaced: kind.is_namespaced(),
            short: short.iter().map(|&short| short.to_owned()).collect(),
        }
    }

    /// That of the same name under another `api_version`, such as that of metrics.
    pub(super) fn in_version(self, api_version: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), ..self }
    }

    /// As in `apiVersion:`.
    pub(super) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Group and version with a slash between, even if there is no group: `/v1`.
    pub(super) fn group_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// `job.batch`, `pod`.
    pub(super) fn singular(&self) -> String {
        self.with_group(&self.kind.to_lowercase())
    }

    /// `jobs.batch`, `pods`.
    pub(super) fn with_group(&self, word: &str) -> String {
        match self.group.as_str() {
            "" => word.to_owned(),
            group => format!("{word}.{group}"),
        }
    }

    /// Where its objects are: in `namespace`, or in all if there is none.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let root = match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        match namespace {
            Some(namespace) if self.is_namespaced => {
                format!("{root}/namespaces/{}/{}", escaped(namespace), self.plural)
            }
            _ => format!("{root}/{}", self.plural),
        }
    }

    /// Where the object `name` is.
    pub(super) fn path_of(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.path(Some(namespace)), escaped(name))
    }

    /// Whether `word` means it.
    fn is_meant_by(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let (name, rest) = word.split_once('.').unwrap_or((&word, ""));
        let is_named = name == self.plural
            || name == self.kind.to_lowercase()
            || self.short.iter().any(|short| short == name);
        is_named && (rest.is_empty() || self.is_in(rest))
    }

    /// Whether `rest`, what stands after the name, is its group, with or without a version.
    fn is_in(&self, rest: &str) -> bool {
        rest == self.group
            || rest == self.version
            || rest.strip_prefix(&self.version).and_then(|rest| rest.strip_prefix('.'))
                == Some(&self.group)
    }
}

/// What there is to ask for, as far as it is known yet.
pub(super) struct Resources<'a> {
    server: &'a Server,
    known: Vec<Resource>,
    is_server_asked: bool,
}

impl<'a> Resources<'a> {
    /// Those of mayfly, and whatever else `server` has.
    pub(super) fn new(server: &'a Server) -> Self {
        let known = Kind::ALL.iter().map(|kind| Resource::of(*kind)).collect();
        Self { server, known, is_server_asked: false }
    }

    /// The resource that `word` means.
    pub(super) async fn meant(&mut self, word: &str) -> anyhow::Result<Resource> {
        let found = self.find(|resource| resource.is_meant_by(word)).await?;
        found.ok_or_else(|| {
            Complaint::failed(format!("the server doesn't have a resource type \"{word}\""))
        })
    }

    /// The resource of an object that says its `api_version` and `kind`.
    pub(super) async fn of_kind(
        &mut self,
        api_version: &str,
        kind: &str,
    ) -> anyhow::Result<Resource> {
        let found = self
            .find(|resource| resource.kind == kind && resource.api_version() == api_version)
            .await?;
        found.ok_or_else(|| {
            Complaint::failed(format!(
                "no matches for kind \"{kind}\" in version \"{api_version}\""
            ))
        })
    }

    async fn find(
        &mut self,
        is_wanted: impl Fn(&Resource) -> bool,
    ) -> anyhow::Result<Option<Resource>> {
        if let Some(found) = self.known.iter().find(|resource| is_wanted(resource)) {
            return Ok(Some(found.clone()));
        }
        if !self.is_server_asked {
            self.is_server_asked = true;
            self.known.extend(discovered(self.server).await?);
        }
        Ok(self.known.iter().find(|resource| is_wanted(resource)).cloned())
    }
}

/// Everything that `server` says it has.
async fn discovered(server: &Server) -> anyhow::Result<Vec<Resource>> {
    let mut found = Vec::new();
    let core = server.get("/api/v1", &Vec::new(), As::Objects).await?;
    found.extend(listed(&core));
    let groups = server.get("/apis", &Vec::new(), As::Objects).await?;
    for group in groups["groups"].as_array().into_iter().flatten() {
        if let Some(version) = group["preferredVersion"]["groupVersion"].as_str() {
            // A group whose own server is down hides only itself.
            let list = server.get(&format!("/apis/{version}"), &Vec::new(), As::Objects).await;
            found.extend(list.iter().flat_map(listed));
        }
    }
    Ok(found)
}

/// The resources of an `APIResourceList`, without their parts.
fn listed(list: &Value) -> Vec<Resource> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let api_version = text(&list["groupVersion"]);
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let resources = list["resources"].as_array().into_iter().flatten();
    let whole = resources.filter(|it| !text(&it["name"]).contains('/'));
    let resource = |it: &Value| Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text(&it["kind"]),
        plural: text(&it["name"]),
        is_namespaced: it["namespaced"].as_bool().unwrap_or(false),
        short: it["shortNames"].as_array().into_iter().flatten().map(text).collect(),
    };
    whole.map(resource).collect()
}

/// `text` as one segment of a path, whatever is in it.
fn escaped(text: &str) -> String {
    if matches!(text, "." | "..") {
        return text.replace('.', "%2E");
    }
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_mean_resources() {
        let check = |word: &str, expect: Option<Kind>| {
            let found = Kind::ALL.iter().find(|kind| Resource::of(**kind).is_meant_by(word));
            assert_eq!(found.copied(), expect, "{word}");
        };
        for word in ["jobs", "job", "Job", "job.batch", "jobs.batch", "jobs.v1.batch", "job.v1"] {
            check(word, Some(Kind::Job));
        }
        for word in ["pods", "po", "pod", "pods.v1", "pods.v1."] {
            check(word, Some(Kind::Pod));
        }
        check("cj", Some(Kind::CronJob));
        check("cm", Some(Kind::ConfigMap));
        check("ns", Some(Kind::Namespace));
        check("no", Some(Kind::Node));
        check("ev", Some(Kind::Event));
        check("sa", Some(Kind::ServiceAccount));
        check("secret", Some(Kind::Secret));
        check("lease", Some(Kind::Lease));
        check("quota", Some(Kind::ResourceQuota));
        check("limits", Some(Kind::LimitRange));
        check("jo", None);
        check("job.apps", None);
        check("jobs.v2.batch", None);
        check("", None);
    }

    #[test]
    fn paths() {
        let job = Resource::of(Kind::Job);
        assert_eq!(job.path(Some("default")), "/apis/batch/v1/namespaces/default/jobs");
        assert_eq!(job.path(None), "/apis/batch/v1/jobs");
        assert_eq!(job.path_of("a", "../x"), "/apis/batch/v1/namespaces/a/jobs/..%2Fx");
        assert_eq!(job.path_of("a", ".."), "/apis/batch/v1/namespaces/a/jobs/%2E%2E");
        assert_eq!(Resource::of(Kind::Node).path_of("a", "n"), "/api/v1/nodes/n");
        assert_eq!(
            (job.singular(), job.with_group("jobs")),
            ("job.batch".into(), "jobs.batch".into())
        );
    }

    #[test]
    fn what_a_server_lists() {
        let list = json!({"groupVersion": "apps/v1", "resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": true, "shortNames": ["deploy"]},
            {"name": "deployments/scale", "kind": "Scale", "namespaced": true},
        ]});
        let found = listed(&list);
        assert_eq!(found.len(), 1);
        assert!(found[0].is_meant_by("deploy.apps"));
        assert_eq!(found[0].path(Some("x")), "/apis/apps/v1/namespaces/x/deployments");
    }
}
