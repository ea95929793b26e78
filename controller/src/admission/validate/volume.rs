//! Volumes of a pod.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Volume;

use super::format;
use super::meta::each;
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::PodSpec;

/// Validates the volumes of `spec`, and returns the names of those that have one.
pub(super) fn volumes<'a>(spec: &'a PodSpec, at: &Path, errors: &mut Errors) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = at.index(index);
        let name = volume.name.as_str();
        sources(volume, &at, errors);
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
fn sources(volume: &Volume, at: &Path, errors: &mut Errors) {
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
}
