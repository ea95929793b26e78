//! What a volume is to hold: keys, paths and modes of its files, and its size.

use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::{DownwardAPIVolumeFile, KeyToPath, Volume};
use crate::quantity::Amount;

use super::resources::NO_AMOUNT;

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";

/// The fields of a pod that a file can show, besides those of its metadata by key.
const FIELD_PATHS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

/// Validates what `volume`, which is at `at`, is to hold.
pub(super) fn files(volume: &Volume, at: &Path<'_>, errors: &mut Errors) {
    if let Some(source) = &volume.config_map {
        let at = at.child("configMap");
        mode(source.default_mode, &at.child("defaultMode"), errors);
        keys(source.items.as_deref(), &at.child("items"), errors);
    }
    if let Some(source) = &volume.secret {
        let at = at.child("secret");
        mode(source.default_mode, &at.child("defaultMode"), errors);
        keys(source.items.as_deref(), &at.child("items"), errors);
    }
    if let Some(source) = &volume.downward_api {
        let at = at.child("downwardAPI");
        mode(source.default_mode, &at.child("defaultMode"), errors);
        downward(source.items.as_deref(), &at.child("items"), errors);
    }
    if let Some(source) = &volume.projected {
        let at = at.child("projected");
        mode(source.default_mode, &at.child("defaultMode"), errors);
        for (index, source) in source.sources.iter().flatten().enumerate() {
            let at = at.item("sources", index);
            if let Some(source) = &source.config_map {
                keys(source.items.as_deref(), &at.child("configMap").child("items"), errors);
            }
            if let Some(source) = &source.secret {
                keys(source.items.as_deref(), &at.child("secret").child("items"), errors);
            }
            if let Some(source) = &source.downward_api {
                downward(source.items.as_deref(), &at.child("downwardAPI").child("items"), errors);
            }
        }
    }
    let size = volume.empty_dir.as_ref().and_then(|source| source.size_limit.as_ref());
    if let Some(size) = size {
        let at = at.child("emptyDir.sizeLimit");
        match Amount::parse(&size.0) {
            None => errors.invalid(&at, size.0.as_str(), NO_AMOUNT),
            Some(amount) if amount.is_negative() => {
                errors.forbidden(&at, "SizeLimit field must be a valid resource quantity");
            }
            Some(_) => {}
        }
    }
}

fn keys(items: Option<&[KeyToPath]>, at: &Path<'_>, errors: &mut Errors) {
    for (index, item) in items.into_iter().flatten().enumerate() {
        let at = at.index(index);
        if item.key.is_empty() {
            errors.required(&at.child("key"), "");
        }
        path(&item.path, &at.child("path"), errors);
        mode(item.mode, &at.child("mode"), errors);
    }
}

fn downward(items: Option<&[DownwardAPIVolumeFile]>, at: &Path<'_>, errors: &mut Errors) {
    for (index, item) in items.into_iter().flatten().enumerate() {
        let at = at.index(index);
        path(&item.path, &at.child("path"), errors);
        mode(item.mode, &at.child("mode"), errors);
        match (&item.field_ref, &item.resource_field_ref) {
            (Some(_), Some(_)) => errors.invalid(
                &at,
                "resource",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            ),
            (None, None) => {
                errors.required(&at, "one of fieldRef and resourceFieldRef is required");
            }
            (Some(field), None) => {
                let at = at.child("fieldRef.fieldPath");
                let named = field.field_path.as_str();
                let is_by_key = ["metadata.annotations['", "metadata.labels['"]
                    .iter()
                    .any(|map| named.starts_with(map) && named.ends_with("']"));
                if named.is_empty() {
                    errors.required(&at, "");
                } else if !is_by_key && !FIELD_PATHS.contains(&named) {
                    errors.not_supported(&at, named, &FIELD_PATHS);
                }
            }
            (None, Some(resource)) => {
                let at = at.child("resourceFieldRef");
                if resource.container_name.as_deref().unwrap_or_default().is_empty() {
                    errors.required(&at.child("containerName"), "");
                }
                if resource.resource.is_empty() {
                    errors.required(&at.child("resource"), "");
                }
            }
        }
    }
}

/// A path in a volume must stay in it, and leave alone what a volume keeps for itself.
fn path(path: &str, at: &Path<'_>, errors: &mut Errors) {
    if path.is_empty() {
        errors.required(at, "");
    }
    if path.starts_with('/') {
        errors.invalid(at, path, "must be a relative path");
    }
    if path.split('/').any(|part| part == "..") {
        errors.invalid(at, path, "must not contain '..'");
    } else if path.starts_with("..") {
        errors.invalid(at, path, "must not start with '..'");
    }
}

fn mode(mode: Option<i32>, at: &Path<'_>, errors: &mut Errors) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        errors.invalid(at, mode, MODE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_keys_paths_within_the_volume_and_modes() {
        let check = |volume: &str, expected: &str| {
            let volume = serde_json::from_str(volume).expect("must be a volume");
            let mut errors = Errors::default();
            files(&volume, &Path::new("v"), &mut errors);
            let refused = errors.into_result(crate::api::Kind::Pod, Some("p"));
            let shown = refused.map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(shown.replace("Pod \"p\" is invalid: v.", ""), expected);
        };
        let config_map = |items: &str| format!(r#"{{"name": "v", "configMap": {{{items}}}}}"#);
        check(&config_map(r#""items": [{"key": "a", "path": "b/..c", "mode": 256}]"#), "");
        check(
            &config_map(r#""defaultMode": 512"#),
            "configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), \
             both inclusive",
        );
        check(
            &config_map(r#""items": [{"key": "a", "path": "../b"}]"#),
            "configMap.items[0].path: Invalid value: \"../b\": must not contain '..'",
        );
        check(
            &config_map(r#""items": [{"key": "a", "path": "..data"}]"#),
            "configMap.items[0].path: Invalid value: \"..data\": must not start with '..'",
        );
        check(
            &config_map(r#""items": [{"key": "a", "path": "/b"}]"#),
            "configMap.items[0].path: Invalid value: \"/b\": must be a relative path",
        );
        check(
            &config_map(r#""items": [{"key": "", "path": "b"}]"#),
            "configMap.items[0].key: Required value",
        );
        let downward = |item: &str| {
            format!(r#"{{"name": "v", "downwardAPI": {{"items": [{{"path": "a" {item}}}]}}}}"#)
        };
        check(&downward(r#", "fieldRef": {"fieldPath": "metadata.labels['a']"}"#), "");
        check(
            &downward(""),
            "downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required",
        );
        check(
            &downward(r#", "resourceFieldRef": {"resource": "limits.cpu"}"#),
            "downwardAPI.items[0].resourceFieldRef.containerName: Required value",
        );
        check(
            r#"{"name": "v", "emptyDir": {"sizeLimit": "-1"}}"#,
            "emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity",
        );
    }
}
