//! How nodes that would all take a pod are compared. Pure.
//!
//! Each measure gives from nothing to [`FULL`]; they are added with the weights of Kubernetes'
//! default profile. Kubernetes gives whole points from 0 to 100 and chooses among equals at random;
//! here points have fractions, and what is still equal is decided by the fewest pods, then by name,
//! so that the same pods and nodes lead to the same places.

/// All points that one measure gives: Kubernetes' 100, in ten-thousandths.
pub(super) const FULL: i64 = 1_000_000;

/// What taints that are to be avoided weigh (`TaintToleration`).
pub(super) const TAINTS: i64 = 3;
/// What preferred nodes weigh (`NodeAffinity`).
pub(super) const AFFINITY: i64 = 2;
/// What an even spread weighs (`PodTopologySpread`).
pub(super) const SPREAD: i64 = 2;
/// What other pods nearby weigh (`InterPodAffinity`).
pub(super) const COMPANY: i64 = 2;

/// The part of `whole` that `part` is, of [`FULL`]; nothing if there is no whole.
pub(super) fn share(part: impl Into<i128>, whole: i64) -> Option<i64> {
    if whole <= 0 {
        return None;
    }
    let share = part.into().max(0) * i128::from(FULL) / i128::from(whole);
    Some(i64::try_from(share).unwrap_or(FULL).min(FULL))
}

/// `NodeResourcesLeastAllocated` and `NodeResourcesBalancedAllocation`, each of weight 1, of a node of
/// which these parts of CPU and memory are taken.
pub(super) fn room(cpu: Option<i64>, memory: Option<i64>) -> i64 {
    match (cpu, memory) {
        (Some(cpu), Some(memory)) => {
            let least = FULL - (cpu + memory) / 2;
            // The standard deviation of two is half of what is between them.
            let balanced = FULL - (cpu - memory).abs() / 2;
            least + balanced
        }
        (Some(one), None) | (None, Some(one)) => FULL - one + FULL,
        (None, None) => 0,
    }
}

/// The more the better: the most of all gets everything.
pub(super) fn most(value: i64, max: i64) -> i64 {
    share(value, max).unwrap_or_default()
}

/// The fewer the better: none gets everything.
pub(super) fn fewest(value: i64, max: i64) -> i64 {
    share(value, max).map_or(FULL, |share| FULL - share)
}

/// The most gets everything and the least nothing.
pub(super) fn between(value: i64, min: i64, max: i64) -> i64 {
    share(value.saturating_sub(min), max.saturating_sub(min)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_with_more_room_and_one_that_is_even_is_better() {
        let half = FULL / 2;
        assert_eq!(room(Some(0), Some(0)), 2 * FULL);
        assert_eq!(room(Some(half), Some(half)), FULL + half);
        assert_eq!(room(Some(FULL), Some(0)), FULL);
        assert!(room(Some(half), Some(half)) > room(Some(FULL), Some(0)));
        assert_eq!(room(None, None), 0);
    }

    #[test]
    fn shares_are_of_a_whole_that_is_there() {
        assert_eq!(share(1, 2), Some(FULL / 2));
        assert_eq!(share(3, 2), Some(FULL), "no more than all");
        assert_eq!(share(1, 0), None);
        assert_eq!(share(i64::MAX, i64::MAX), Some(FULL));
        assert_eq!([most(1, 4), most(0, 0)], [FULL / 4, 0]);
        assert_eq!([fewest(1, 4), fewest(0, 0)], [FULL / 4 * 3, FULL]);
        assert_eq!([between(-1, -3, 1), between(2, 2, 2)], [FULL / 2, 0]);
    }
}
