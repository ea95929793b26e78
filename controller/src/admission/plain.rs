//! Objects that only hold something: ConfigMaps, Secrets, Namespaces; Nodes,
//! ServiceAccounts and Leases, of which the names alone are looked at.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::NamespaceStatus;

use super::error::Errors;
use super::path::Path;
use super::validate::format;
use super::validate::meta::{each, object_meta};
use super::{Admitted, Invalid};
use crate::api::names::NAMESPACE_FINALIZER as FINALIZER;
use crate::api::{ConfigMap, Kind, Lease, Namespace, Node, Secret, ServiceAccount};

/// The most bytes that the values of one ConfigMap or Secret may have together: the API server's
/// own limit, so that every object fits its database.
const DATA_BYTES_MAX: usize = 1024 * 1024;

/// Keys that a Secret of some types must have.
const SECRET_KEYS: &[(&str, &str)] = &[
    ("kubernetes.io/dockercfg", ".dockercfg"),
    ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
    ("kubernetes.io/ssh-auth", "ssh-privatekey"),
    ("kubernetes.io/tls", "tls.crt"),
    ("kubernetes.io/tls", "tls.key"),
];

/// Admits a ConfigMap that is to be created with this uid. Its name must have been made.
pub fn admit_config_map(mut object: ConfigMap, uid: &str) -> Result<Admitted<ConfigMap>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    let data = object.data.iter().flatten();
    let binary = object.binary_data.iter().flatten();
    for (field, key) in data.clone().map(|(key, _)| ("data", key)) {
        config_key(key, field, &mut errors);
        if object.binary_data.as_ref().is_some_and(|binary| binary.contains_key(key)) {
            let at = Path::new("data");
            let at = at.key(key);
            errors.invalid(&at, key, "duplicate of key present in binaryData");
        }
    }
    for (key, _) in binary.clone() {
        config_key(key, "binaryData", &mut errors);
    }
    let bytes: usize = data.map(|(_, value)| value.len()).sum();
    let bytes = bytes + binary.map(|(_, value)| value.0.len()).sum::<usize>();
    if bytes > DATA_BYTES_MAX {
        errors.too_long(&Path::new(""), DATA_BYTES_MAX);
    }
    errors.into_result(Kind::ConfigMap, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings: Vec::new() })
}

/// The first step of admission alone: sets the defaults of a Secret, and puts its `stringData` into
/// `data`.
pub fn default_secret(object: &mut Secret) {
    if object.type_.as_deref().unwrap_or_default().is_empty() {
        object.type_ = Some("Opaque".to_owned());
    }
    for (key, text) in object.string_data.take().into_iter().flatten() {
        let data = object.data.get_or_insert_default();
        data.insert(key, ByteString(text.into_bytes()));
    }
}

/// Admits a Secret that is to be created with this uid; what its `stringData` says becomes `data`.
/// Its name must have been made.
pub fn admit_secret(mut object: Secret, uid: &str) -> Result<Admitted<Secret>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    default_secret(&mut object);
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    let empty = BTreeMap::new();
    let data = object.data.as_ref().unwrap_or(&empty);
    for key in data.keys() {
        config_key(key, "data", &mut errors);
    }
    if data.values().map(|value| value.0.len()).sum::<usize>() > DATA_BYTES_MAX {
        errors.too_long(&Path::new("data"), DATA_BYTES_MAX);
    }
    for (type_, key) in SECRET_KEYS {
        if object.type_.as_deref() == Some(type_) && !data.contains_key(*key) {
            errors.required(&Path::new("data").key(key), "");
        }
    }
    errors.into_result(Kind::Secret, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings: Vec::new() })
}

/// Admits a Namespace that is to be created with this uid. Its name must have been made.
pub fn admit_namespace(mut object: Namespace, uid: &str) -> Result<Admitted<Namespace>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    let name = object.metadata.name.clone().unwrap_or_default();
    let labels = object.metadata.labels.get_or_insert_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), name);
    let finalizers = object.spec.get_or_insert_default().finalizers.get_or_insert_default();
    if !finalizers.iter().any(|it| it == FINALIZER) {
        finalizers.push(FINALIZER.to_owned());
    }
    object.status =
        Some(NamespaceStatus { phase: Some("Active".to_owned()), ..NamespaceStatus::default() });
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_label, &Path::new("metadata"), &mut errors);
    errors.into_result(Kind::Namespace, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings: Vec::new() })
}

/// Admits a Node that is to be created with this uid. Its name must have been made.
pub fn admit_node(mut object: Node, uid: &str) -> Result<Admitted<Node>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    errors.into_result(Kind::Node, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings: Vec::new() })
}

/// Admits a ServiceAccount that is to be created with this uid. Its name must have been made.
pub fn admit_service_account(
    mut object: ServiceAccount,
    uid: &str,
) -> Result<Admitted<ServiceAccount>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    errors.into_result(Kind::ServiceAccount, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings: Vec::new() })
}

/// Admits a Lease that is to be created with this uid. Its name must have been made.
pub fn admit_lease(mut object: Lease, uid: &str) -> Result<Admitted<Lease>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    errors.into_result(Kind::Lease, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings: Vec::new() })
}

fn config_key(key: &str, field: &str, errors: &mut Errors) {
    let at = Path::new(field);
    let at = at.key(key);
    each(format::config_key(key), |complaint| errors.invalid(&at, key, complaint));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secrets_text_becomes_its_data() {
        let secret = json!({"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"a": "y", "b": "z"}});
        let secret = serde_json::from_value(secret).expect("must be a Secret");
        let admitted = admit_secret(secret, "u").expect("must be admitted").object;
        let data = serde_json::to_value(&admitted.data).expect("must have a JSON form");
        assert_eq!(data, json!({"a": "eQ==", "b": "eg=="}));
        assert_eq!((admitted.type_.as_deref(), admitted.string_data), (Some("Opaque"), None));
    }

    #[test]
    fn denies_keys_that_are_no_file_names_and_too_much_data() {
        let denied = |data: serde_json::Value| {
            let object = json!({"metadata": {"name": "c"}, "data": data});
            let object = serde_json::from_value(object).expect("must be a ConfigMap");
            let refusal = admit_config_map(object, "u").expect_err("must be denied");
            refusal.causes.iter().map(|cause| cause.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(denied(json!({"a/b": "", "..": ""})), ["data[..]", "data[a/b]"]);
        assert_eq!(denied(json!({"a": "x".repeat(DATA_BYTES_MAX + 1)})), [""]);
    }
}
