//! Objects for the tests of this room, written as a user writes them.

use k8s_openapi::ByteString;

use crate::api::{ConfigMap, Container, ObjectMeta, Pod, Secret};

/// The pod that `json` writes.
pub(crate) fn pod_from(json: &str) -> Pod {
    serde_json::from_str(json).unwrap()
}

/// The container that `json` writes.
pub(crate) fn container_from(json: &str) -> Container {
    serde_json::from_str(json).unwrap()
}

/// A ConfigMap with these entries.
pub(crate) fn config_map(name: &str, entries: &[(&str, &str)]) -> ConfigMap {
    let data = entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    ConfigMap { metadata: named(name), data: Some(data), ..ConfigMap::default() }
}

/// A Secret with these entries.
pub(crate) fn secret(name: &str, entries: &[(&str, &str)]) -> Secret {
    let bytes = |value: &str| ByteString(value.as_bytes().to_vec());
    let data = entries.iter().map(|(key, value)| ((*key).into(), bytes(value))).collect();
    Secret { metadata: named(name), data: Some(data), ..Secret::default() }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.into()), namespace: Some("ns".into()), ..ObjectMeta::default() }
}
