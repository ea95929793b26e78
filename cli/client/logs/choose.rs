//! Which pods and containers a log is read of.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use mayfly_controller::api::Kind;
use mayfly_controller::http::table::selector_text;
use serde_json::Value;

use crate::client::complaint::Complaint;
use crate::client::request::{As, Pairs, Server};
use crate::client::resource::Resource;
use crate::client::select::Target;
use crate::client::watch::Watching;

/// How long a Job's first pod is waited for, as in kubectl.
const FIRST_POD: Duration = Duration::from_secs(20);

/// A pod may say which container is meant if none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// One container of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) container: String,
    /// How often it had been restarted when it was chosen.
    pub(super) restarts: i64,
}

/// The containers of `pod` that are meant, and what is to be said of the choice.
pub(super) fn sources(
    pod: &Value,
    container: Option<&str>,
    all: bool,
) -> Result<(Vec<Source>, Option<String>), String> {
    let metadata = &pod["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = |key: &str| -> Vec<String> {
        pod["spec"][key].as_array().into_iter().flatten().map(|it| text(&it["name"])).collect()
    };
    let (init, main) = (names("initContainers"), names("containers"));
    let source = |container: &String| Source {
        namespace: text(&metadata["namespace"]),
        pod: text(&metadata["name"]),
        container: container.clone(),
        restarts: status_of(pod, container)["restartCount"].as_i64().unwrap_or(0),
    };
    if all {
        return Ok((init.iter().chain(&main).map(source).collect(), None));
    }
    let is_there = |name: &str| init.iter().chain(&main).any(|known| known == name);
    if let Some(name) = container {
        if !is_there(name) {
            return Err(format!(
                "container {name} is not valid for pod {}",
                text(&metadata["name"])
            ));
        }
        return Ok((vec![source(&name.to_owned())], None));
    }
    let said = metadata["annotations"][DEFAULT_CONTAINER].as_str();
    if let Some(name) = said.filter(|name| is_there(name)) {
        return Ok((vec![source(&name.to_owned())], None));
    }
    let Some(first) = main.first() else { return Err("the pod has no container".to_owned()) };
    let others = main.iter().cloned().chain(init.iter().map(|name| format!("{name} (init)")));
    let others: Vec<String> = others.collect();
    let note = (others.len() > 1)
        .then(|| format!("Defaulted container \"{first}\" out of: {}", others.join(", ")));
    Ok((vec![source(first)], note))
}

/// The status of a container of `pod`; `Null` if it has none yet.
pub(super) fn status_of<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let lists = ["containerStatuses", "initContainerStatuses"].map(|key| &pod["status"][key]);
    let mut all = lists.into_iter().filter_map(Value::as_array).flatten();
    all.find(|status| status["name"] == *container).unwrap_or(&Value::Null)
}

/// The pods of `job`, the one whose log says most first. Waits for one if there is none yet.
pub(super) async fn pods_of_job(
    server: &Server,
    namespace: &str,
    job: &Value,
) -> anyhow::Result<Vec<Value>> {
    let selector: LabelSelector =
        serde_json::from_value(job["spec"]["selector"].clone()).unwrap_or_default();
    let query: Pairs = vec![("labelSelector", selector_text(&selector))];
    let target = Target {
        resource: Resource::of(Kind::Pod),
        namespace: Some(namespace.to_owned()),
        names: Vec::new(),
    };
    let mut watching = Watching::of(&target, &query, As::Objects);
    let mut pods = watching.begin(server).await?;
    if pods.is_empty() {
        let first = tokio::time::timeout(FIRST_POD, watching.next(server)).await;
        let Ok(first) = first else {
            return Err(Complaint::failed("timed out waiting for the condition"));
        };
        pods.push(first?.object);
    }
    pods.sort_by_cached_key(rank);
    Ok(pods)
}

/// Running pods first, then those that wait for nothing; of alike ones the oldest.
fn rank(pod: &Value) -> (bool, u8, String, String) {
    let phase = match pod["status"]["phase"].as_str() {
        Some("Running") => 0,
        Some("Unknown") => 1,
        _ => 2,
    };
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
    let has_no_node = pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    (has_no_node, phase, text("creationTimestamp"), text("name"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Value {
        json!({"metadata": {"name": "p", "namespace": "n"}, "spec": {
            "initContainers": [{"name": "i"}], "containers": [{"name": "a"}, {"name": "b"}]}})
    }

    #[test]
    fn which_container_is_meant() {
        let check = |container: Option<&str>, all: bool, expect: &[&str], note: Option<&str>| {
            let (found, said) = sources(&pod(), container, all).unwrap();
            let names: Vec<_> = found.iter().map(|source| source.container.as_str()).collect();
            assert_eq!((names.as_slice(), said.as_deref()), (expect, note));
        };
        check(None, false, &["a"], Some("Defaulted container \"a\" out of: a, b, i (init)"));
        check(Some("b"), false, &["b"], None);
        check(Some("i"), false, &["i"], None);
        check(None, true, &["i", "a", "b"], None);
        let error = sources(&pod(), Some("x"), false).unwrap_err();
        assert_eq!(error, "container x is not valid for pod p");
    }

    #[test]
    fn which_pod_comes_first() {
        let pod = |name: &str, phase: &str, created: &str| {
            json!({"metadata": {"name": name, "creationTimestamp": created},
                "spec": {"nodeName": "n"}, "status": {"phase": phase}})
        };
        let mut pods =
            [pod("c", "Succeeded", "2"), pod("b", "Succeeded", "1"), pod("a", "Running", "3")];
        pods.sort_by_cached_key(rank);
        let names: Vec<_> = pods.iter().map(|pod| pod["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
