//! Statuses of writes that meet another state, or other owners, than they count on.

use axum::http::StatusCode;

use super::{Cause, Details, Status, named, qualified, qualified_plural};
use crate::api::Kind;

impl Status {
    /// The object has changed since whoever sent the request last saw it.
    pub fn conflict(kind: Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        Self::cannot_be_fulfilled(&qualified_plural(kind), why, named(kind, name))
    }

    /// The object has another uid than the one that is to be written over.
    pub fn uid_conflict(kind: Kind, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
        );
        Self::cannot_be_fulfilled(&qualified_plural(kind), &why, named(kind, name))
    }

    /// What is applied says a uid, and there is no object.
    pub fn no_object_with_uid(kind: Kind, name: &str, uid: &str) -> Self {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        Self::cannot_be_fulfilled(&qualified_plural(kind), &why, named(kind, name))
    }

    /// The object to be deleted has another uid than the one asked for.
    pub fn uid_precondition(kind: Kind, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({found}). \
             The object might have been deleted and then recreated"
        );
        // Here, Kubernetes names the kind where it elsewhere names the resource.
        let details = Details { kind: kind.name().to_owned(), ..named(kind, name) };
        Self::cannot_be_fulfilled(&qualified(kind), &why, details)
    }

    /// The object to be deleted has another resource version than the one asked for.
    pub fn version_precondition(kind: Kind, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion \
             in record ({found}). The object might have been modified"
        );
        let details = Details { kind: kind.name().to_owned(), ..named(kind, name) };
        Self::cannot_be_fulfilled(&qualified(kind), &why, details)
    }

    pub(super) fn cannot_be_fulfilled(what: &str, why: &str, details: Details) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {what} \"{}\": {why}", details.name);
        Self::failure(StatusCode::CONFLICT, "Conflict", message).about(details)
    }

    /// Somebody else owns fields that were to be changed: who, as he is told of, and each field.
    pub fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let message = match conflicts {
            [(who, field)] => format!("Apply failed with 1 conflict: conflict with {who}: {field}"),
            several => {
                let mut lines: Vec<String> = Vec::new();
                let mut last = None;
                for (who, field) in several {
                    if last.replace(who) != Some(who) {
                        lines.push(format!("conflicts with {who}:"));
                    }
                    lines.push(format!("- {field}"));
                }
                format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n"))
            }
        };
        let causes = conflicts.iter().map(|(who, field)| Cause {
            reason: "FieldManagerConflict",
            message: format!("conflict with {who}"),
            field: field.clone(),
        });
        let details = Details { causes: causes.collect(), ..Details::default() };
        Self::failure(StatusCode::CONFLICT, "Conflict", message).about(details)
    }
}
