//! What objects say, as numbers.

use crate::api::{ObjectMeta, OwnerReference, Quantity, Time};
use crate::quantity::Amount;

/// A time as Kubernetes shows it: in whole seconds since the epoch.
pub(super) fn seconds(time: Option<&Time>) -> Option<f64> {
    // Every time there is lies far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers so")]
    time.map(|time| time.0.as_second() as f64)
}

/// 1 if so, else 0.
pub(super) fn yes(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// How much of `resource` that is, in cores or bytes; and which of the two. Others are not told.
pub(super) fn amount(resource: &str, quantity: &Quantity) -> Option<(&'static str, f64)> {
    let amount = Amount::of(quantity);
    #[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers so")]
    match resource {
        "cpu" => Some(("core", amount.millis() as f64 / 1000.0)),
        "memory" | "storage" | "ephemeral-storage" => Some(("byte", amount.units() as f64)),
        "pods" => Some(("integer", amount.units() as f64)),
        _ => None,
    }
}

/// A name as a label's value has it in kube-state-metrics.
pub(super) fn sanitized(resource: &str) -> String {
    resource.replace(|it: char| !it.is_ascii_alphanumeric(), "_")
}

/// The labels `owner_kind`, `owner_name` and `owner_is_controller` of each owner; empty ones if there
/// is none.
pub(super) fn owners(metadata: &ObjectMeta) -> Vec<[&str; 3]> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let is_controller =
        |it: &OwnerReference| if it.controller == Some(true) { "true" } else { "false" };
    match owners {
        [] => vec![[""; 3]],
        _ => owners.iter().map(|it| [&*it.kind, &*it.name, is_controller(it)]).collect(),
    }
}

/// The states of a condition, as its label has them.
pub(super) const CONDITION: &[&str] = &["true", "false", "unknown"];

/// The same as the API has it.
pub(super) fn condition(status: &str) -> &'static str {
    match status {
        "True" => "true",
        "False" => "false",
        _ => "unknown",
    }
}
