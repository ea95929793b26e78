//! What is certain of the metadata of every object that an API keeps, whoever has made it.

use super::Invalid;
use super::error::Errors;
use super::path::Path;
use super::validate::format;
use super::validate::meta::each;
use crate::api::{Kind, ObjectMeta};

/// Checks that `metadata` can be that of an object of `kind` that is kept: it has a name of the right
/// form, a uid, and a time when it was made, and names its owners.
///
/// Less than what a request is held to: what this process adds to an object is not validated.
pub(crate) fn check_kept(kind: Kind, metadata: &ObjectMeta) -> Result<(), Invalid> {
    let (at, mut errors) = (Path::new("metadata"), Errors::default());
    let mut named = |field: &str, text: &str, complaints: Vec<String>| {
        let at = at.child(field);
        each(complaints, |complaint| errors.invalid(&at, text, complaint));
    };
    let name = metadata.name.as_deref().unwrap_or_default();
    match kind {
        Kind::Namespace => named("name", name, format::dns_label(name)),
        // Kubernetes lets an event have any name that can be asked for.
        Kind::Event => {}
        _ => named("name", name, format::dns_subdomain(name)),
    }
    if let Some(namespace) = metadata.namespace.as_deref() {
        named("namespace", namespace, format::dns_label(namespace));
    }
    let mut required = |field: &str, is_there: bool| {
        if !is_there {
            errors.required(&at.child(field), "it is given by the server");
        }
    };
    required("uid", metadata.uid.as_deref().is_some_and(|uid| !uid.is_empty()));
    required("creationTimestamp", metadata.creation_timestamp.is_some());
    for (index, owner) in metadata.owner_references.iter().flatten().enumerate() {
        let at = at.item("ownerReferences", index);
        for (field, text) in [("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)] {
            if text.is_empty() {
                errors.required(&at.child(field), "");
            }
        }
    }
    errors.into_result(kind, Some(name))
}
