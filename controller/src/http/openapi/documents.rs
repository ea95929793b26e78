//! The documents themselves, made once and kept.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{JSON, PROTOBUF, paths, protobuf, schemas, v2};
use crate::api::names::VERSION;
use crate::http::discovery::resources::{RESOURCES, Resource, api_versions, of};
use crate::http::document::Document;

/// How Kubernetes' aggregator labels the index, which is JSON nonetheless.
const INDEX_TYPE: &str = "text/plain; charset=utf-8";

/// The documents of the third version.
pub(super) struct Documents {
    /// Where each of them is.
    pub(super) index: Document,
    /// By the path that it is about, such as `apis/batch/v1`.
    pub(super) third: BTreeMap<String, Document>,
}

impl Documents {
    /// All of them; the first call takes some milliseconds.
    pub(super) fn get() -> &'static Self {
        static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
        DOCUMENTS.get_or_init(Self::make)
    }

    /// The document of the second version, which is about everything.
    pub(super) fn second() -> &'static Document {
        static SECOND: OnceLock<Document> = OnceLock::new();
        SECOND.get_or_init(|| Document::new(JSON, v2::document(&whole()).to_string().into_bytes()))
    }

    /// The same as protobuf.
    pub(super) fn second_as_protobuf() -> &'static Document {
        static SECOND: OnceLock<Document> = OnceLock::new();
        SECOND.get_or_init(|| {
            let bytes = protobuf::encode(&v2::document(&whole()));
            Self::second().in_form(PROTOBUF[1], bytes)
        })
    }

    fn make() -> Self {
        let third: BTreeMap<String, Document> = parts()
            .into_iter()
            .map(|(name, value)| (name, Document::new(JSON, value.to_string().into_bytes())))
            .collect();
        let addresses = third.iter().map(|(name, document)| {
            (name.clone(), json!({"serverRelativeURL": url_of(name, &document.hash)}))
        });
        let index = json!({"paths": addresses.collect::<BTreeMap<_, _>>()});
        let index = Document::new(INDEX_TYPE, index.to_string().into_bytes());
        Self { index, third }
    }
}

/// The address of the document of `name` while its hash is this.
pub(super) fn url_of(name: &str, hash: &str) -> String {
    format!("/openapi/v3/{name}?hash={hash}")
}

/// Each document of the third version, with what it is about.
pub(super) fn parts() -> Vec<(String, Value)> {
    let mut parts: Vec<(String, Value)> = api_versions()
        .into_iter()
        .map(|api_version| {
            let resources: Vec<&Resource> = of(api_version).collect();
            let root = paths::root(api_version);
            let mut all = paths::of(&resources);
            all.extend(paths::list_of_resources(api_version));
            (root.trim_start_matches('/').to_owned(), document(&resources, &all))
        })
        .collect();
    for (path, operation) in paths::of_discovery() {
        let name = path.trim_matches('/').to_owned();
        parts.push((name, document(&[], &BTreeMap::from([(path, operation)]))));
    }
    parts
}

/// All of it in one document of the third version.
fn whole() -> Value {
    let resources: Vec<&Resource> = RESOURCES.iter().collect();
    let mut all = paths::of(&resources);
    all.extend(api_versions().into_iter().flat_map(paths::list_of_resources));
    all.extend(paths::of_discovery());
    document(&resources, &all)
}

fn document(resources: &[&Resource], paths: &BTreeMap<String, Value>) -> Value {
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": schemas::of(resources),
            "securitySchemes": {"BearerToken": {
                "type": "apiKey", "in": "header", "name": "authorization",
                "description": "Bearer Token authentication",
            }},
        },
    })
}
