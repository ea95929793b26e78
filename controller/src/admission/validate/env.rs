//! Environment variables of a container.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource};

use super::format;
use super::meta::each;
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::Container;

/// The fields of a pod that a variable can show.
pub(crate) const FIELD_PATHS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// The resources that a variable can show.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// Validates `env` and `envFrom` of the container at `at`.
pub(super) fn variables(container: &Container, at: &Path<'_>, errors: &mut Errors) {
    for (index, variable) in container.env.iter().flatten().enumerate() {
        self::variable(variable, &at.child("env").index(index), errors);
    }
    for (index, source) in container.env_from.iter().flatten().enumerate() {
        let at = at.item("envFrom", index);
        let prefix = source.prefix.as_deref().filter(|prefix| !prefix.is_empty());
        each(prefix.map(format::env_var_name).unwrap_or_default(), |complaint| {
            errors.invalid(&at.child("prefix"), prefix.unwrap_or_default(), complaint);
        });
        let config_map =
            source.config_map_ref.as_ref().map(|source| ("configMapRef", &source.name));
        let secret = source.secret_ref.as_ref().map(|source| ("secretRef", &source.name));
        for (field, name) in config_map.into_iter().chain(secret) {
            if name.is_empty() {
                errors.required(&at.child(field).child("name"), "");
            } else {
                each(format::dns_subdomain(name), |complaint| {
                    errors.invalid(&at.child(field).child("name"), name, complaint);
                });
            }
        }
        match (config_map, secret) {
            (None, None) => {
                errors.invalid(&at, "", "must specify one of: `configMapRef` or `secretRef`");
            }
            (Some(_), Some(_)) => errors.invalid(&at, "", MORE_THAN_ONE),
            _ => {}
        }
    }
}

const MORE_THAN_ONE: &str = "may not have more than one field specified at a time";

fn variable(variable: &EnvVar, at: &Path<'_>, errors: &mut Errors) {
    if variable.name.is_empty() {
        errors.required(&at.child("name"), "");
    } else {
        each(format::env_var_name(&variable.name), |complaint| {
            errors.invalid(&at.child("name"), &variable.name, complaint);
        });
    }
    if let Some(source) = &variable.value_from {
        let has_value = variable.value.as_deref().is_some_and(|value| !value.is_empty());
        self::source(source, has_value, &at.child("valueFrom"), errors);
    }
}

fn source(source: &EnvVarSource, has_value: bool, at: &Path<'_>, errors: &mut Errors) {
    let mut count = 0;
    if let Some(field) = &source.field_ref {
        count += 1;
        field_path(&field.field_path, &at.child("fieldRef"), errors);
    }
    if let Some(resource) = &source.resource_field_ref {
        count += 1;
        let at = at.child("resourceFieldRef.resource");
        let name = resource.resource.as_str();
        if name.is_empty() {
            errors.required(&at, "");
        } else if !RESOURCES.contains(&name) && !name.contains(".hugepages-") {
            errors.not_supported(&at, name, &RESOURCES);
        }
    }
    let config_map =
        source.config_map_key_ref.as_ref().map(|key| ("configMapKeyRef", &key.name, &key.key));
    let secret = source.secret_key_ref.as_ref().map(|key| ("secretKeyRef", &key.name, &key.key));
    for (field, name, key) in config_map.into_iter().chain(secret) {
        count += 1;
        let at = at.child(field);
        if name.is_empty() {
            errors.required(&at.child("name"), "");
        }
        if key.is_empty() {
            errors.required(&at.child("key"), "");
        } else {
            each(format::config_key(key), |complaint| {
                errors.invalid(&at.child("key"), key, complaint);
            });
        }
    }
    count += usize::from(source.file_key_ref.is_some());
    if count == 0 {
        errors.invalid(
            at,
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or \
             `secretKeyRef`",
        );
    } else if has_value {
        errors.invalid(at, "", "may not be specified when `value` is not empty");
    } else if count > 1 {
        errors.invalid(at, "", MORE_THAN_ONE);
    }
}

/// Validates the path of a field of a pod, in the reference at `at`.
fn field_path(path: &str, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("fieldPath");
    if path.is_empty() {
        return errors.required(&at, "");
    }
    let key = path.split_once('[').and_then(|(map, rest)| {
        let key = rest.strip_suffix(']')?.trim_matches('\'');
        ["metadata.labels", "metadata.annotations"].contains(&map).then_some(key)
    });
    if let Some(key) = key {
        each(format::qualified_name(key), |complaint| errors.invalid(&at, key, complaint));
    } else if !FIELD_PATHS.contains(&path) {
        let detail = format!("error converting fieldPath: field label not supported: {path}");
        errors.invalid(&at, path, &detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::error::quoted;

    #[test]
    fn a_variable_shows_one_thing() {
        let check = |json: serde_json::Value, expect: &str| {
            let variable = serde_json::from_value(json).expect("must be a variable");
            let mut errors = Errors::default();
            self::variable(&variable, &Path::new("v"), &mut errors);
            let kind = crate::api::Kind::Pod;
            let shown = errors.into_result(kind, None).err().map(|error| error.to_string());
            let shown = shown.unwrap_or_default();
            let prefix = format!("Pod {} is invalid: ", quoted(""));
            assert_eq!(shown.strip_prefix(&prefix).unwrap_or(&shown), expect);
        };
        use serde_json::json;
        check(json!({"name": "A", "value": "b"}), "");
        check(json!({"name": ""}), "v.name: Required value");
        check(
            json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a.b/c']"}}}),
            "",
        );
        check(
            json!({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}),
            "",
        );
        check(
            json!({"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
            r#"v.valueFrom: Invalid value: "": may not be specified when `value` is not empty"#,
        );
        check(
            json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.nope"}}}),
            r#"v.valueFrom.fieldRef.fieldPath: Invalid value: "metadata.nope": error converting fieldPath: field label not supported: metadata.nope"#,
        );
    }
}
