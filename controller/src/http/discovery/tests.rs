use axum::body::to_bytes;
use axum::http::Request;
use axum::http::header::HeaderMap;
use serde_json::Value;
use tower::ServiceExt as _;

use super::resources::{RESOURCES, Resource};
use super::*;
use crate::api::{Kind, Namespace, ObjectMeta, Timestamp};
use crate::clock::Clock;
use crate::http::router;
use crate::store::{Names, Store, Transaction};

/// What `kubectl` accepts when it asks what there is.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

struct Page {
    code: u16,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("must be JSON")
    }
}

fn api() -> Api {
    Api::new(Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1)))
}

async fn send(api: &Api, method: &str, path: &str, headers: &[(&str, &str)]) -> Page {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("must be a request");
    let response = router(api.clone()).oneshot(request).await.expect("the router must answer");
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
    Page { code, headers, text: String::from_utf8(bytes.to_vec()).expect("must be text") }
}

async fn get(path: &str, headers: &[(&str, &str)]) -> Page {
    send(&api(), "GET", path, headers).await
}

#[tokio::test]
async fn groups_come_in_the_form_that_is_liked_best() {
    for (path, kind) in [("/api", "APIVersions"), ("/apis", "APIGroupList")] {
        let all = get(path, &[("accept", AGGREGATED)]).await;
        assert_eq!(all.code, 200);
        assert_eq!(all.header("content-type"), aggregated::CONTENT_TYPE);
        assert_eq!((all.header("vary"), all.header("cache-control")), ("Accept", "public"));
        assert_eq!(all.json()["kind"], "APIGroupDiscoveryList");
        let tag = all.header("etag");
        let again = get(path, &[("accept", AGGREGATED), ("if-none-match", tag)]).await;
        assert_eq!((again.code, again.text.as_str(), again.header("etag")), (304, "", tag));

        let beta = AGGREGATED.split_once(',').map(|(_, beta)| beta).unwrap_or_default();
        for accept in [beta, "application/json, */*", "*/*"] {
            let legacy = get(path, &[("accept", accept)]).await;
            assert_eq!(legacy.json()["kind"], kind, "{accept}");
            assert_eq!(legacy.header("content-type"), "application/json");
        }
        let neither = get(path, &[("accept", "text/html")]).await;
        assert_eq!((neither.code, &neither.json()["reason"]), (406, &"NotAcceptable".into()));
    }
    let address = get("/api/", &[("host", "localhost:6443")]).await.json();
    assert_eq!(address["serverAddressByClientCIDRs"][0]["serverAddress"], "localhost:6443");
}

#[tokio::test]
async fn every_page_that_is_listed_is_there() {
    let paths = get("/", &[]).await.json();
    for path in paths["paths"].as_array().expect("must be a list") {
        let path = path.as_str().expect("must be text");
        assert_eq!(get(path, &[]).await.code, 200, "{path}");
        let posted = send(&api(), "POST", path, &[]).await;
        assert_eq!((posted.code, &posted.json()["reason"]), (405, &"MethodNotAllowed".into()));
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_as_the_api_server_tells_it() {
    for path in
        ["/metrics/slis", "/apis/nothing.io", "/apis/nothing.io/v1/things", "/livez/nothing"]
    {
        let page = get(path, &[]).await;
        assert_eq!((page.code, page.text.as_str()), (404, "404 page not found\n"), "{path}");
        assert_eq!(page.header("content-type"), "text/plain; charset=utf-8");
    }
    for path in ["/api/v2", "/apis/batch/v2", "/apis/batch/v1/foos", "/api/v1/jobs"] {
        let page = get(path, &[]).await;
        assert_eq!((page.code, &page.json()["reason"]), (404, &"NotFound".into()), "{path}");
    }
}

#[tokio::test]
async fn health_is_told_check_by_check() {
    let health = Health::starting();
    let api = api().with_health(health.clone());
    let check = async |path: &str, code: u16, expect: &str| {
        let page = send(&api, "GET", path, &[]).await;
        assert_eq!((page.code, page.text.as_str()), (code, expect), "{path}");
    };
    check("/livez", 200, "ok").await;
    check(
        "/readyz",
        500,
        "[+]ping ok\n[-]poststarthook/start-controllers failed: reason withheld\n\
         [+]shutdown ok\nreadyz check failed\n",
    )
    .await;
    let alone = "/readyz/poststarthook/start-controllers";
    check(alone, 500, "internal server error: not finished\n").await;
    check("/readyz?exclude=poststarthook/start-controllers", 200, "ok").await;
    health.started();
    check(alone, 200, "ok").await;
    check("/livez?verbose", 200, "[+]ping ok\nlivez check passed\n").await;
    check(
        "/livez?verbose&exclude=ping&exclude=b&exclude=a",
        200,
        "[+]ping excluded: ok\nwarn: some health checks cannot be excluded: no matches for \
         \"a\",\"b\"\nlivez check passed\n",
    )
    .await;
    health.shutting_down();
    health.started();
    check("/readyz/shutdown", 500, "internal server error: process is shutting down\n").await;
    check("/livez/ping", 200, "ok").await;
}

/// The paths of `resource`, each with the methods that it should have.
fn routes(resource: &Resource) -> Vec<(String, &'static str)> {
    let (group, _) = resource.group_version();
    let root = if group.is_empty() { "/api" } else { "/apis" };
    let place = if resource.is_namespaced { "/namespaces/default" } else { "" };
    let all = format!("{root}/{}{place}/{}", resource.api_version, resource.plural);
    let of_verb = |verb: &str, path: &str| match verb {
        "get" => (format!("{path}/name"), "GET"),
        "update" => (format!("{path}/name"), "PUT"),
        "patch" => (format!("{path}/name"), "PATCH"),
        "delete" => (format!("{path}/name"), "DELETE"),
        "create" => (path.to_owned(), "POST"),
        "deletecollection" => (path.to_owned(), "DELETE"),
        _ => (path.to_owned(), "GET"),
    };
    let mut routes: Vec<_> = resource.verbs.iter().map(|verb| of_verb(verb, &all)).collect();
    for part in resource.subresources {
        for verb in part.verbs {
            let path = format!("{all}/name/{}", part.name);
            routes.push((path, of_verb(verb, "").1));
        }
    }
    routes
}

#[tokio::test]
async fn what_is_said_to_be_there_is_routed() {
    let api = api();
    let metadata = ObjectMeta { name: Some("default".to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    api.store.commit(Transaction::new().create(namespace)).await.expect("must be created");
    for (path, method) in RESOURCES.iter().flat_map(routes) {
        let page = send(&api, method, &path, &[]).await;
        assert_ne!(page.code, 405, "{method} {path}");
        assert!(!page.text.contains("could not find the requested"), "{method} {path}");
    }
}

#[test]
fn every_kind_that_is_kept_is_said_to_be_there() {
    for kind in Kind::ALL {
        let mut of_kind = resources::of(kind.api_version());
        let found = of_kind.find(|it| it.plural == kind.plural()).expect("must be in the table");
        assert_eq!((found.kind, found.is_namespaced), (kind.name(), kind.is_namespaced()));
    }
    assert!(resources::api_versions().is_sorted_by(|one, other| one != other), "together");
}
