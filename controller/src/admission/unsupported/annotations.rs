//! mayfly's own annotations of a pod: those that say nothing are refused, those that there are not
//! are told.

use super::Findings;
use crate::admission::decode::nearest;
use crate::admission::path::Path;
use crate::annotations::Annotations;
use crate::api::ObjectMeta;
use crate::api::names::{
    ALLOW_HOSTS, DETERMINISTIC, FUEL, NETWORK_BYTES, OPEN_FILES, OUTPUT_BYTES,
};

/// What the names of mayfly's own annotations begin with.
const PREFIX: &str = "mayfly.dev/";

/// What the names of those begin with that the node writes.
const WRITTEN: &str = "mayfly.dev/usage-";

/// Those that a pod may have.
const KNOWN: [&str; 6] =
    [ALLOW_HOSTS, DETERMINISTIC, FUEL, NETWORK_BYTES, OPEN_FILES, OUTPUT_BYTES];

/// Looks at the annotations in `metadata`, which is at `at`.
pub(super) fn annotations(metadata: &ObjectMeta, at: &Path<'_>, findings: &mut Findings<'_>) {
    let at = at.child("annotations");
    for wrong in Annotations::parse(metadata.annotations.as_ref()).1 {
        findings.refused.invalid(&at.key(wrong.name), &*wrong.value, wrong.wanted);
    }
    for name in metadata.annotations.iter().flatten().map(|(name, _)| name) {
        if !name.starts_with(PREFIX) || name.starts_with(WRITTEN) || KNOWN.contains(&&**name) {
            continue;
        }
        let meant = nearest(name, &KNOWN).map(|near| format!(", did you mean {near}?"));
        let meant = meant.unwrap_or_default();
        findings.warn(&at.key(name), &format!("mayfly has no such annotation{meant}"));
    }
}
