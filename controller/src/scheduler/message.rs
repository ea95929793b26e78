//! What is said of a pod that no node takes, in Kubernetes' words. Pure.

use std::collections::BTreeMap;

use super::tally::Refusal;

/// What is said where a node does not take a pod whoever goes.
pub(super) const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
/// What is said where nobody is who could go.
pub(super) const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
/// What is said of a pod that must not have others go.
pub(super) const NEVER: &str = "not eligible due to preemptionPolicy=Never.";
/// What is said of a pod that others go for already.
pub(super) const UNDER_WAY: &str = "not eligible due to a terminating pod on the nominated node.";

/// Why others do not go for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Preemption {
    /// Some do already.
    IsUnderWay,
    /// It would not help, or the pod must not have them go.
    Fails,
}

/// What is said of one where `refusals` are those of each node, and of why others do not go for it;
/// nothing of that if some do.
pub(super) fn unschedulable(refusals: &[Vec<Refusal>], preemption: Option<String>) -> String {
    let reasons = refusals.iter().flatten().map(|refusal| refusal.reason.as_str());
    let why = unavailable(refusals.len(), reasons);
    match preemption {
        Some(preemption) if !refusals.is_empty() => {
            format!("{why} no new claims to deallocate, preemption: {preemption}")
        }
        _ => why,
    }
}

/// What is said of so many nodes that do not take a pod, for these reasons.
pub(super) fn unavailable<'a>(nodes: usize, reasons: impl Iterator<Item = &'a str>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    format!("0/{nodes} nodes are available: {}.", counted(reasons))
}

/// `2 this, 1 that`, in order of the text.
fn counted<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut counts = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_insert(0) += 1;
    }
    let mut counted: Vec<_> =
        counts.iter().map(|(text, count)| format!("{count} {text}")).collect();
    counted.sort();
    counted.join(", ")
}
