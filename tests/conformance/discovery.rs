//! What a real API server says there is, held against what ours says: less, and otherwise the same.

use std::fs;
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, HeaderMap};
use axum::http::{Request, StatusCode};
use mayfly_controller::clock::Clock;
use mayfly_controller::http::{Api, router};
use mayfly_controller::store::{Names, Store};
use serde_json::Value;
use tower::ServiceExt as _;

use super::harness;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A group that in a cluster is metrics-server's, which was not there when this was recorded.
const UNRECORDED: &str = "metrics.k8s.io";

/// A page as it was recorded.
struct Recorded {
    headers: Vec<(String, String)>,
    body: Value,
}

impl Recorded {
    fn load(folder: &Path, name: &str) -> Self {
        let headers =
            fs::read_to_string(folder.join(format!("{name}.headers"))).expect("must be readable");
        let headers = headers.lines().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { headers, body: json(folder, name) }
    }

    /// Fails if one of some headers is another in `ours`.
    fn check_headers(&self, ours: &HeaderMap, names: &[&str]) {
        for name in names {
            let recorded = self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value);
            let found = ours.get(*name).and_then(|it| it.to_str().ok());
            assert_eq!(found, recorded.map(String::as_str), "{name}");
        }
    }
}

fn json(folder: &Path, name: &str) -> Value {
    let text = fs::read(folder.join(format!("{name}.json"))).expect("must be readable");
    serde_json::from_slice(&text).expect("must be JSON")
}

async fn get(path: &str, accept: &str) -> (HeaderMap, Value) {
    let api = Api::new(Store::in_memory(Clock::system(), Names::random()));
    let request = Request::builder().uri(path).header(ACCEPT, accept).body(Body::empty());
    let request = request.expect("must be a request");
    let response = router(api).oneshot(request).await.expect("the router must answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let headers = response.headers().clone();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
    (headers, serde_json::from_slice(&bytes).expect("must be JSON"))
}

/// The item of a list whose `field` is that of `like`.
fn like<'a>(list: &'a Value, field: &str, like: &Value) -> &'a Value {
    let mut items = list.as_array().into_iter().flatten();
    let found = items.find(|it| it.pointer(field) == like.pointer(field));
    found.unwrap_or_else(|| {
        panic!("nobody else has a {}", like.pointer(field).expect("must be as recorded"))
    })
}

/// `value` without its `field`.
fn without(value: &Value, field: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().expect("must be as recorded").remove(field);
    value
}

#[tokio::test]
async fn what_is_served_is_told_in_the_api_servers_words() {
    let Some(folder) = harness::shared().map(|it| it.join("spec/wire")) else { return };
    for path in ["api", "apis"] {
        let recorded = Recorded::load(&folder, &format!("{path}-aggregated"));
        let (headers, ours) = get(&format!("/{path}"), AGGREGATED).await;
        recorded.check_headers(&headers, &["content-type", "vary", "cache-control"]);
        assert_eq!(without(&ours, "items"), without(&recorded.body, "items"));
        let groups = ours["items"].as_array().expect("must be as recorded");
        assert!(!groups.is_empty());
        for group in groups.iter().filter(|it| it["metadata"]["name"] != UNRECORDED) {
            let theirs = like(&recorded.body["items"], "/metadata/name", group);
            let (ours, theirs) = (&group["versions"][0], &theirs["versions"][0]);
            assert_eq!(without(ours, "resources"), without(theirs, "resources"));
            check_resources(&ours["resources"], &theirs["resources"]);
        }
    }
}

fn check_resources(ours: &Value, theirs: &Value) {
    for resource in ours.as_array().expect("must be as recorded") {
        let recorded = like(theirs, "/resource", resource);
        let words = |it: &Value| without(&without(it, "subresources"), "verbs");
        assert_eq!(words(resource), words(recorded));
        for verb in resource["verbs"].as_array().expect("must be as recorded") {
            assert!(
                recorded["verbs"].as_array().expect("must be as recorded").contains(verb),
                "{verb} {resource}"
            );
        }
        for part in resource["subresources"].as_array().into_iter().flatten() {
            assert_eq!(part, like(&recorded["subresources"], "/subresource", part));
        }
    }
}

#[tokio::test]
async fn the_version_has_the_api_servers_fields() {
    let Some(folder) = harness::shared().map(|it| it.join("spec/wire")) else { return };
    let recorded = json(&folder, "version");
    let (_, ours) = get("/version", "application/json, */*").await;
    let fields = |it: &Value| {
        it.as_object().expect("must be as recorded").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(fields(&ours), fields(&recorded));
    for field in ["major", "minor", "emulationMinor", "minCompatibilityMinor"] {
        assert_eq!(ours[field], recorded[field], "{field}");
    }
    let (ours, recorded) = (ours["gitVersion"].as_str(), recorded["gitVersion"].as_str());
    assert!(
        ours.expect("must be as recorded")
            .starts_with(&format!("{}+", recorded.expect("must be as recorded")))
    );
}

#[tokio::test]
async fn documents_are_listed_as_the_api_server_lists_them() {
    let Some(folder) = harness::shared().map(|it| it.join("spec/wire")) else { return };
    let recorded = Recorded::load(&folder, "openapi-v3-index");
    let (headers, ours) = get("/openapi/v3", "application/json, */*").await;
    recorded.check_headers(&headers, &["content-type", "cache-control"]);
    assert!(headers.contains_key("last-modified"));
    let paths = ours["paths"].as_object().expect("must be as recorded").iter();
    for (name, entry) in paths.filter(|(name, _)| !name.contains(UNRECORDED)) {
        let theirs = recorded.body["paths"][name]["serverRelativeURL"].as_str();
        let (theirs, _) = theirs.and_then(|it| it.split_once("?hash=")).expect("must be there too");
        let (ours, hash) = entry["serverRelativeURL"]
            .as_str()
            .and_then(|it| it.split_once("?hash="))
            .expect("must be as recorded");
        assert_eq!((ours, hash.len()), (theirs, 128));
    }
}
