//! Volumes of a pod.

use std::collections::BTreeSet;

use super::meta::each;
use super::{format, volume_files};
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::{HostPathVolumeSource, PodSpec, Volume};

/// What `hostPath.type` can be.
const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];

/// Validates the volumes of `spec`, and returns the names of those that have one.
pub(super) fn volumes<'a>(
    spec: &'a PodSpec,
    at: &Path<'_>,
    errors: &mut Errors,
) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = at.index(index);
        let name = volume.name.as_str();
        sources(volume, &at, errors);
        volume_files::files(volume, &at, errors);
        if name.is_empty() {
            errors.required(&at.child("name"), "");
            continue;
        }
        let complaints = format::dns_label(name);
        let is_well_formed = complaints.is_empty();
        each(complaints, |complaint| errors.invalid(&at.child("name"), name, complaint));
        if names.contains(name) {
            errors.duplicate(&at.child("name"), name);
        } else if is_well_formed {
            names.insert(name);
        }
    }
    names
}

/// A volume has one source.
fn sources(volume: &Volume, at: &Path<'_>, errors: &mut Errors) {
    // Each source is a field of its own, so what is set besides the name is the sources.
    let fields = serde_json::to_value(volume).unwrap_or_default();
    let names = fields.as_object().into_iter().flat_map(|fields| fields.keys());
    let mut set = names.filter(|name| *name != "name");
    if set.next().is_none() {
        errors.required(at, "must specify a volume type");
    }
    for extra in set {
        errors.forbidden(&at.child(extra), "may not specify more than 1 volume type");
    }
    if let Some(source) = &volume.config_map
        && source.name.is_empty()
    {
        errors.required(&at.child("configMap").child("name"), "");
    }
    if let Some(source) = &volume.secret
        && source.secret_name.as_deref().unwrap_or_default().is_empty()
    {
        errors.required(&at.child("secret").child("secretName"), "");
    }
    if let Some(source) = &volume.host_path {
        host_path(source, &at.child("hostPath"), errors);
    }
}

fn host_path(source: &HostPathVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    if source.path.is_empty() {
        errors.required(&at.child("path"), "");
        return;
    }
    if source.path.split('/').any(|part| part == "..") {
        errors.invalid(&at.child("path"), &source.path, "must not contain '..'");
    }
    let type_ = source.type_.as_deref().unwrap_or_default();
    if !HOST_PATH_TYPES.contains(&type_) {
        errors.not_supported(&at.child("type"), type_, &HOST_PATH_TYPES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_path_has_a_path_without_detours_and_a_known_type() {
        let check = |source: serde_json::Value, expected: &str| {
            let spec = serde_json::json!({
                "containers": [], "volumes": [{"name": "v", "hostPath": source}],
            });
            let spec = serde_json::from_value(spec).expect("must be a spec");
            let mut errors = Errors::default();
            volumes(&spec, &Path::new("spec").child("volumes"), &mut errors);
            let refused = errors.into_result(crate::api::Kind::Pod, Some("p"));
            let shown = refused.map_or_else(|error| error.to_string(), |()| String::new());
            let shown = shown.replace("Pod \"p\" is invalid: spec.volumes[0].hostPath.", "");
            assert_eq!(shown, expected, "{source}");
        };
        check(serde_json::json!({"path": "/a/b..c", "type": ""}), "");
        check(serde_json::json!({"path": "/a", "type": "DirectoryOrCreate"}), "");
        check(serde_json::json!({"path": ""}), "path: Required value");
        check(
            serde_json::json!({"path": "/a/../b"}),
            "path: Invalid value: \"/a/../b\": must not contain '..'",
        );
        check(
            serde_json::json!({"path": "/a", "type": "Folder"}),
            "type: Unsupported value: \"Folder\": supported values: \"\", \"BlockDevice\", \
             \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \
             \"Socket\"",
        );
    }
}
