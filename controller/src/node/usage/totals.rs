//! What a node's containers have used since its process began, and how they ended.

use std::collections::BTreeMap;

use super::Usage;

/// Reasons that are told apart. Stops a runtime that makes one up for each end from filling memory;
/// ours has seven.
const REASONS_MAX: usize = 64;

/// What all reasons beyond those are counted as.
const OTHER: &str = "Other";

/// Sums over a node's life, which only grow. Its memory is that of now.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// What was used.
    pub usage: Usage,
    /// Runs of containers that have ended, by the reason.
    pub container_ends: BTreeMap<String, u64>,
    /// Pods that have ended, by phase and reason; the reason is empty where the pod has none.
    pub pod_ends: BTreeMap<(String, String), u64>,
}

impl Totals {
    /// The run of a container is over that used so much.
    pub(super) fn add(&mut self, usage: &Usage) {
        // It has no memory any more.
        self.usage.add(&Usage { memory_bytes: 0, ..*usage });
    }

    /// The run of a container has ended for `reason`.
    pub(super) fn container_ended(&mut self, reason: &str) {
        let is_known = self.container_ends.contains_key(reason);
        let has_room = self.container_ends.len() < REASONS_MAX;
        let reason = if is_known || has_room { reason } else { OTHER };
        *self.container_ends.entry(reason.to_owned()).or_default() += 1;
    }

    /// A pod has ended in `phase` for `reason`.
    pub(super) fn pod_ended(&mut self, phase: &str, reason: &str) {
        *self.pod_ends.entry((phase.to_owned(), reason.to_owned())).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_without_end_are_one() {
        let mut totals = Totals::default();
        for number in 0..1000 {
            totals.container_ended(&format!("Reason{number}"));
        }
        totals.container_ended("Reason0");
        assert_eq!(totals.container_ends.len(), REASONS_MAX + 1);
        assert_eq!((totals.container_ends["Reason0"], totals.container_ends[OTHER]), (2, 936));
    }
}
