//! `metadata`, the same for every kind.

use std::collections::BTreeMap;

use crate::admission::error::{Errors, Json};
use crate::admission::path::Path;
use crate::admission::validate::format;
use crate::api::ObjectMeta;

/// The most bytes that the keys and values of an object's annotations may have together.
const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

/// Validates the metadata of an object that has a namespace and whose name keeps to `name_format`.
pub(crate) fn object_meta(
    meta: &ObjectMeta,
    name_format: fn(&str) -> Vec<String>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    if let Some(prefix) = meta.generate_name.as_deref().filter(|prefix| !prefix.is_empty()) {
        // What follows the prefix mends a hyphen at its end.
        let base = prefix.strip_suffix('-').unwrap_or(prefix);
        let masked = if base.len() < prefix.len() { format!("{base}a") } else { base.to_owned() };
        each(name_format(&masked), |complaint| {
            errors.invalid(&at.child("generateName"), prefix, complaint);
        });
    }
    let name = meta.name.as_deref().unwrap_or_default();
    if name.is_empty() {
        errors.required(&at.child("name"), "name or generateName is required");
    } else {
        each(name_format(name), |complaint| errors.invalid(&at.child("name"), name, complaint));
    }
    if let Some(namespace) = meta.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
        each(format::dns_label(namespace), |complaint| {
            errors.invalid(&at.child("namespace"), namespace, complaint);
        });
    }
    if meta.generation.is_some_and(|generation| generation < 0) {
        let generation = meta.generation.unwrap_or_default();
        errors.invalid(&at.child("generation"), generation, NON_NEGATIVE);
    }
    labels(meta.labels.as_ref(), &at.child("labels"), errors);
    annotations(meta.annotations.as_ref(), &at.child("annotations"), errors);
    owner_references(meta, &at.child("ownerReferences"), errors);
    finalizers(meta, &at.child("finalizers"), errors);
}

/// Validates the metadata of an object that is written over `old`.
pub(crate) fn object_meta_update(
    meta: &ObjectMeta,
    old: &ObjectMeta,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let mut immutable = |name: &str, new: Option<&str>, old: Option<&str>| {
        if new != old {
            errors.invalid(&at.child(name), new.unwrap_or_default(), IMMUTABLE);
        }
    };
    immutable("name", meta.name.as_deref(), old.name.as_deref());
    immutable("namespace", meta.namespace.as_deref(), old.namespace.as_deref());
    immutable("uid", meta.uid.as_deref(), old.uid.as_deref());
    labels(meta.labels.as_ref(), &at.child("labels"), errors);
    annotations(meta.annotations.as_ref(), &at.child("annotations"), errors);
    owner_references(meta, &at.child("ownerReferences"), errors);
    finalizers(meta, &at.child("finalizers"), errors);
}

/// What is said of a number below zero.
pub(crate) const NON_NEGATIVE: &str = "must be greater than or equal to 0";
/// What is said of a field that may not change.
pub(crate) const IMMUTABLE: &str = "field is immutable";

/// Validates labels.
pub(crate) fn labels(map: Option<&BTreeMap<String, String>>, at: &Path<'_>, errors: &mut Errors) {
    for (key, value) in map.into_iter().flatten() {
        each(format::qualified_name(key), |complaint| errors.invalid(at, key, complaint));
        each(format::label_value(value), |complaint| errors.invalid(at, value, complaint));
    }
}

/// Validates annotations, whose values may be any text.
pub(crate) fn annotations(
    map: Option<&BTreeMap<String, String>>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let mut bytes = 0;
    for (key, value) in map.into_iter().flatten() {
        // Unlike that of a label, the key of an annotation may be in upper case throughout.
        let lower = key.to_lowercase();
        each(format::qualified_name(&lower), |complaint| errors.invalid(at, key, complaint));
        bytes += key.len() + value.len();
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        errors.too_long(at, ANNOTATIONS_BYTES_MAX);
    }
}

fn owner_references(meta: &ObjectMeta, at: &Path<'_>, errors: &mut Errors) {
    let mut controller: Option<&str> = None;
    for (index, owner) in meta.owner_references.iter().flatten().enumerate() {
        let at = at.index(index);
        for (field, value) in [
            ("apiVersion", &owner.api_version),
            ("kind", &owner.kind),
            ("name", &owner.name),
            ("uid", &owner.uid),
        ] {
            if value.is_empty() {
                errors.invalid(&at.child(field), value, "must not be empty");
            }
        }
        if owner.controller != Some(true) {
            continue;
        }
        if let Some(first) = controller {
            let detail = format!(
                "Only one reference can have Controller set to true. Found \"true\" in references \
                 for {first} and {}",
                owner.name
            );
            errors.invalid(&at, Json(owner), &detail);
        }
        controller = controller.or(Some(&owner.name));
    }
}

fn finalizers(meta: &ObjectMeta, at: &Path<'_>, errors: &mut Errors) {
    // Those that Kubernetes itself gives may do without a domain.
    const STANDARD: [&str; 2] = ["foregroundDeletion", "orphan"];
    for (index, finalizer) in meta.finalizers.iter().flatten().enumerate() {
        each(format::qualified_name(finalizer), |complaint| {
            errors.invalid(at, finalizer, complaint);
        });
        let has_domain = finalizer.contains('/');
        if !has_domain && !STANDARD.contains(&&**finalizer) {
            errors.invalid(
                &at.index(index),
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            );
        }
    }
}

/// Tells each of `complaints`.
pub(crate) fn each(complaints: Vec<String>, mut tell: impl FnMut(&str)) {
    for complaint in complaints {
        tell(&complaint);
    }
}
