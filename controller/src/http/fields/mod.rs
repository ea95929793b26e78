//! Who owns which fields of an object, and what follows from it: `metadata.managedFields`,
//! server-side apply, conflicts.
//!
//! ```text
//! create, update, patch ──▶ track ─┐                 ┌─▶ Managers ──▶ managedFields
//!                                  ├─▶ compare ──────┤
//! apply ──▶ config ──▶ merge, prune┘   (by schema)   └─▶ Conflict
//! ```
//!
//! Pure: it sees two states of an object and who made the second one of the first. Only what comes
//! over HTTP is tracked; our own controllers' writes are not, so they cost nothing, and a field
//! that has changed or gone without a note is simply owned by whoever owned it.

mod apply;
mod blank;
mod compare;
mod config;
mod items;
mod managers;
mod merge;
mod path;
#[cfg(test)]
mod properties;
mod set;
mod track;
mod writer;

use std::sync::LazyLock;

use self::set::FieldSet;
use crate::api::Kind;

pub(in crate::http) use self::apply::{Refused, apply};
pub(in crate::http) use self::track::{settled, track};
pub(in crate::http) use self::writer::Writer;

/// What is never owned: it says which object it is, or is written by the store.
fn stripped() -> &'static FieldSet {
    static STRIPPED: LazyLock<FieldSet> = LazyLock::new(|| {
        let metadata = [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        ];
        let metadata = metadata.map(|name| ["metadata", name]);
        let mut paths: Vec<&[&str]> = vec![&["apiVersion"], &["kind"], &["metadata"]];
        paths.extend(metadata.iter().map(|path| &path[..]));
        FieldSet::of_fields(&paths)
    });
    &STRIPPED
}

/// What `writer` can't change, whatever it says: through the whole object its status, through
/// the status all else that is not metadata.
fn unwritable(writer: &Writer) -> FieldSet {
    let paths: &[&[&str]] = match (writer.subresource, writer.kind) {
        (Some("status"), Kind::Pod) => {
            &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]]
        }
        (Some(_), _) => &[&["spec"]],
        (
            None,
            Kind::Job
            | Kind::CronJob
            | Kind::Pod
            | Kind::Namespace
            | Kind::Node
            | Kind::ResourceQuota,
        ) => &[&["status"]],
        (None, _) => &[],
    };
    FieldSet::of_fields(paths)
}
