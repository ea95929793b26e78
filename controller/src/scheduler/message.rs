//! What is said of a pod that no node takes, in Kubernetes' words. Pure.

use std::collections::BTreeMap;

use super::nodes::Refusal;

/// What is said of one where `refusals` are those of each node, and that may have others go for it or
/// not; nothing of that if some do.
pub(super) fn unschedulable(refusals: &[Vec<Refusal>], preempts: Option<bool>) -> String {
    let nodes = refusals.len();
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let reasons = refusals.iter().flatten().map(|refusal| refusal.reason.as_str());
    let reasons = counted(reasons);
    let preemption = match preempts {
        Some(true) => format!("0/{nodes} nodes are available: {}.", counted(preemption(refusals))),
        Some(false) => "not eligible due to preemptionPolicy=Never.".to_owned(),
        None => return format!("0/{nodes} nodes are available: {reasons}."),
    };
    format!(
        "0/{nodes} nodes are available: {reasons}. no new claims to deallocate, \
         preemption: {preemption}"
    )
}

fn preemption(refusals: &[Vec<Refusal>]) -> impl Iterator<Item = &'static str> {
    refusals.iter().map(|refusals| {
        if refusals.iter().all(|refusal| refusal.is_for_now) {
            "No preemption victims found for incoming pod"
        } else {
            "Preemption is not helpful for scheduling"
        }
    })
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
