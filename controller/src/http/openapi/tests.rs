use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::HeaderMap;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::api::Timestamp;
use crate::clock::Clock;
use crate::http::discovery::resources::RESOURCES;
use crate::http::router;
use crate::store::{Names, Store};

struct Page {
    code: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("must be JSON")
    }
}

async fn get(path: &str, headers: &[(&str, &str)]) -> Page {
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    let api = Api::new(Store::in_memory(clock, Names::seeded(1)));
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("must be a request");
    let response = router(api).oneshot(request).await.expect("the router must answer");
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
    Page { code, headers, bytes: bytes.to_vec() }
}

/// Every `$ref` in `value`.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.insert(reference.clone());
            }
            fields.values().for_each(|it| references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

fn check_references(document: &Value) {
    let mut found = BTreeSet::new();
    references(document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("must be in the same document");
        assert!(document.pointer(pointer).is_some(), "{reference} must be there");
    }
}

/// The schemas of `schemas` that say they are of `kind`.
fn of_kind<'a>(schemas: &'a Value, kind: &Value) -> Vec<&'a Value> {
    let schemas = schemas.as_object().expect("must be schemas").values();
    let is_of_kind = |it: &&Value| {
        let kinds = it["x-kubernetes-group-version-kind"].as_array();
        kinds.is_some_and(|kinds| kinds.contains(kind))
    };
    schemas.filter(is_of_kind).collect()
}

#[tokio::test]
async fn every_document_of_the_index_is_there_and_whole() {
    let index = get("/openapi/v3", &[("accept", "application/json, */*")]).await;
    assert_eq!(index.header("content-type"), "text/plain; charset=utf-8");
    let index = index.json();
    let paths = index["paths"].as_object().expect("must be paths");
    for name in ["api", "api/v1", "apis", "apis/batch", "apis/batch/v1", "version"] {
        assert!(paths.contains_key(name), "{name}");
    }
    for (name, entry) in paths {
        let url = entry["serverRelativeURL"].as_str().expect("must be text");
        let page = get(url, &[("accept", "application/json")]).await;
        assert_eq!((page.code, page.header("content-type")), (200, "application/json"), "{name}");
        let hash = url.split_once("?hash=").expect("must have a hash").1;
        assert_eq!(page.header("etag"), format!("\"{hash}\""));
        assert_eq!(page.header("cache-control"), "public, immutable");
        assert_eq!(page.header("expires"), "Fri, 01 Jan 1971 00:00:00 GMT");
        check_references(&page.json());
    }
}

#[tokio::test]
async fn who_has_a_document_is_not_sent_it() {
    let url = "/openapi/v3/apis/batch/v1";
    let page = get(url, &[]).await;
    assert_eq!((page.code, page.header("cache-control")), (200, "no-cache, private"));
    let again = get(url, &[("if-none-match", page.header("etag"))]).await;
    assert_eq!((again.code, again.bytes.len()), (304, 0));
    let old = get(&format!("{url}?hash=OLD"), &[]).await;
    assert_eq!(old.code, 301);
    assert_eq!(
        old.header("location"),
        format!("{url}?hash={}", page.header("etag").trim_matches('"'))
    );
    assert_eq!(get(url, &[("accept", "application/yaml")]).await.code, 406);

    let index = get("/openapi/v3", &[]).await;
    let date = index.header("last-modified");
    assert_eq!(date, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(get("/openapi/v3", &[("if-modified-since", date)]).await.code, 304);
    let before = "Wed, 31 Dec 1969 00:00:00 GMT";
    assert_eq!(get("/openapi/v3", &[("if-modified-since", before)]).await.code, 200);
    assert_eq!(get("/openapi/v3/apis/nothing.io/v1", &[]).await.code, 404);
}

#[tokio::test]
async fn every_kind_has_a_schema_that_says_so() {
    for resource in RESOURCES {
        let url = format!("/openapi/v3{}", paths::root(resource.api_version));
        let document = get(&url, &[]).await.json();
        let schemas = &document["components"]["schemas"];
        let kind = schemas::kind(resource.api_version, resource.kind);
        let found = of_kind(schemas, &kind);
        assert_eq!(found.len(), 1, "{kind}");
        assert!(found[0]["properties"]["kind"].is_object(), "{kind}");
        let required = found[0]["required"].as_array().cloned().unwrap_or_default();
        assert!(!required.contains(&json!("metadata")), "{kind}");
        if resource.is_read() {
            let list = schemas::kind(resource.api_version, &format!("{}List", resource.kind));
            assert_eq!(of_kind(schemas, &list).len(), 1, "{list}");
        }
    }
}

#[tokio::test]
async fn a_patch_says_of_what_and_how_it_is_validated() {
    let document = get("/openapi/v3/apis/batch/v1", &[]).await.json();
    let path = "/apis/batch/v1/namespaces/{namespace}/jobs/{name}";
    let patch = &document["paths"][path]["patch"];
    let kind = json!({"group": "batch", "version": "v1", "kind": "Job"});
    assert_eq!(patch["x-kubernetes-group-version-kind"], kind);
    assert_eq!(
        (&patch["x-kubernetes-action"], &patch["operationId"]),
        (&json!("patch"), &json!("patchBatchV1NamespacedJob"))
    );
    let has = |name: &str| {
        let mut parameters = patch["parameters"].as_array().expect("must be a list").iter();
        parameters.any(|it| it["name"] == name && it["in"] == "query")
    };
    for name in ["dryRun", "fieldManager", "fieldValidation", "force"] {
        assert!(has(name), "{name}");
    }
    let strategic = "application/strategic-merge-patch+json";
    assert!(patch["requestBody"]["content"].get(strategic).is_some());
    for (path, method, id) in [
        ("/apis/batch/v1/", "get", "getBatchV1APIResources"),
        ("/apis/batch/v1/jobs", "get", "listBatchV1JobForAllNamespaces"),
        ("/apis/batch/v1/namespaces/{namespace}/jobs", "get", "listBatchV1NamespacedJob"),
        (
            "/apis/batch/v1/namespaces/{namespace}/jobs",
            "delete",
            "deleteBatchV1CollectionNamespacedJob",
        ),
        (
            "/apis/batch/v1/namespaces/{namespace}/jobs/{name}/status",
            "get",
            "readBatchV1NamespacedJobStatus",
        ),
    ] {
        assert_eq!(document["paths"][path][method]["operationId"], id, "{method} {path}");
    }
    let core = get("/openapi/v3/api/v1", &[]).await.json();
    for (path, method, id) in [
        ("/api/v1/nodes/{name}", "put", "replaceCoreV1Node"),
        ("/api/v1/namespaces/{namespace}/pods/{name}/log", "get", "readCoreV1NamespacedPodLog"),
        (
            "/api/v1/namespaces/{namespace}/pods/{name}/exec",
            "get",
            "connectCoreV1GetNamespacedPodExec",
        ),
        (
            "/api/v1/namespaces/{namespace}/pods/{name}/eviction",
            "post",
            "createCoreV1NamespacedPodEviction",
        ),
    ] {
        assert_eq!(core["paths"][path][method]["operationId"], id, "{method} {path}");
    }
}

#[tokio::test]
async fn a_field_is_described_as_explain_shows_it() {
    let document = get("/openapi/v3/apis/batch/v1", &[]).await.json();
    let schemas = &document["components"]["schemas"];
    let policy = &schemas["io.k8s.api.batch.v1.JobSpec"]["properties"]["podFailurePolicy"];
    assert_eq!(
        policy["allOf"],
        json!([{"$ref": "#/components/schemas/io.k8s.api.batch.v1.PodFailurePolicy"}])
    );
    assert!(policy["description"].is_string());
    let rule = &schemas["io.k8s.api.batch.v1.PodFailurePolicyRule"];
    assert_eq!(
        rule["properties"]["action"]["enum"],
        json!(["Count", "FailIndex", "FailJob", "Ignore"])
    );
    assert_eq!(rule["required"], json!(["action"]));
    let quantity = &schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"];
    assert_eq!(quantity["oneOf"], json!([{"type": "string"}, {"type": "number"}]));
}

#[tokio::test]
async fn lists_say_how_they_are_merged() {
    let document = get("/openapi/v3/api/v1", &[]).await.json();
    let check = |of: &str, field: &str, expect: Value| {
        let found = &document["components"]["schemas"][of]["properties"][field];
        let fields = found.as_object().expect("must be there").iter();
        let marks = fields.filter_map(|(name, value)| {
            Some((name.strip_prefix("x-kubernetes-")?.to_owned(), value.clone()))
        });
        assert_eq!(marks.collect::<Value>(), expect, "{of}.{field}");
    };
    check(
        "io.k8s.api.core.v1.Container",
        "ports",
        json!({
            "list-type": "map", "list-map-keys": ["containerPort", "protocol"],
            "patch-strategy": "merge", "patch-merge-key": "containerPort",
        }),
    );
    check(
        "io.k8s.api.core.v1.PodSpec",
        "volumes",
        json!({
            "list-type": "map", "list-map-keys": ["name"],
            "patch-strategy": "merge,retainKeys", "patch-merge-key": "name",
        }),
    );
    check("io.k8s.api.core.v1.PodSpec", "tolerations", json!({"list-type": "atomic"}));
    check("io.k8s.api.core.v1.PodSpec", "nodeSelector", json!({"map-type": "atomic"}));
    check(
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        "finalizers",
        json!({"list-type": "set", "patch-strategy": "merge"}),
    );
    let selector = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector";
    assert_eq!(document["components"]["schemas"][selector]["x-kubernetes-map-type"], "atomic");
}

#[tokio::test]
async fn the_second_version_says_the_same_in_its_own_way() {
    let page = get("/openapi/v2", &[("accept", "application/json")]).await;
    assert_eq!((page.code, page.header("vary")), (200, "Accept"));
    let document = page.json();
    assert_eq!(document["swagger"], "2.0");
    check_references(&document);
    assert!(!document.to_string().contains("oneOf"));
    let post = &document["paths"]["/apis/batch/v1/namespaces/{namespace}/jobs"]["post"];
    let schema = json!({"$ref": "#/definitions/io.k8s.api.batch.v1.Job"});
    assert_eq!(
        post["parameters"][0],
        json!({"name": "body", "in": "body", "required": true, "schema": schema})
    );
    assert_eq!(post["parameters"][1]["type"], "string");
    assert_eq!(post["responses"]["200"], json!({"description": "OK", "schema": schema}));
    let policy =
        &document["definitions"]["io.k8s.api.batch.v1.JobSpec"]["properties"]["podFailurePolicy"];
    assert_eq!(policy["$ref"], "#/definitions/io.k8s.api.batch.v1.PodFailurePolicy");
    let known = get("/openapi/v2", &[("if-none-match", page.header("etag"))]).await;
    assert_eq!(known.code, 304);
}

#[tokio::test]
async fn old_clients_get_protobuf() {
    for accept in PROTOBUF {
        let page = get("/openapi/v2", &[("accept", accept)]).await;
        assert_eq!((page.code, page.header("content-type")), (200, PROTOBUF[1]));
        assert!(!page.bytes.is_empty());
    }
    assert_eq!(get("/openapi/v2", &[("accept", "application/yaml")]).await.code, 406);
}
