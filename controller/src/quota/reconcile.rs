//! What the status of a quota should say. Pure.

use std::sync::Arc;

use crate::api::{Quantity, ResourceQuota};
use crate::quantity::Amount;
use crate::resources::{Amounts, amounts};

/// What is known of one quota, all of it of the same moment.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The quota.
    pub quota: Arc<ResourceQuota>,
    /// What is there of what it bounds.
    pub tally: Amounts,
}

/// How the status of a quota is to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// By how much more or less is used than the status says, by resource. What has not been
    /// counted before is there with all that is used of it.
    pub differences: Amounts,
    /// Whether the status repeats another spec, or nothing yet.
    pub is_stale: bool,
}

impl Plan {
    /// Whether the status is right.
    pub fn is_empty(&self) -> bool {
        !self.is_stale && self.differences.is_empty()
    }
}

/// Decides what the status of a quota needs next.
///
/// It is a difference, because whoever creates something charges the same status meanwhile: those
/// charges are no part of what was observed, and stay.
pub fn reconcile(observed: &Observed) -> Plan {
    let spec = observed.quota.spec.clone().unwrap_or_default();
    let status = observed.quota.status.clone().unwrap_or_default();
    let (hard, used) = (amounts(spec.hard.as_ref()), amounts(status.used.as_ref()));
    let differences = hard.keys().filter_map(|name| {
        let counted = observed.tally.get(name).copied().unwrap_or_default();
        match used.get(name) {
            None => Some((name.clone(), counted)),
            Some(used) if *used == counted => None,
            Some(used) => Some((name.clone(), counted - *used)),
        }
    });
    let differences = differences.collect();
    let is_stale = status.hard.unwrap_or_default() != spec.hard.unwrap_or_default()
        || used.keys().any(|name| !hard.contains_key(name));
    Plan { differences, is_stale }
}

/// Carries out `plan` on `quota`, the newest version of what was observed. Nothing happens if its
/// bounds have changed since: then there is another plan to come.
pub fn settle(plan: &Plan, observed: &ResourceQuota, quota: &mut ResourceQuota) {
    if quota.spec != observed.spec {
        return;
    }
    let hard = quota.spec.as_ref().and_then(|spec| spec.hard.clone()).unwrap_or_default();
    let status = quota.status.get_or_insert_default();
    let used = status.used.get_or_insert_default();
    used.retain(|name, _| hard.contains_key(name));
    for (name, difference) in &plan.differences {
        let before = used.get(name).map(Amount::of).unwrap_or_default();
        let after = (before + *difference).max(Amount::ZERO);
        used.insert(name.clone(), Quantity(after.to_string()));
    }
    status.hard = Some(hard).filter(|hard| !hard.is_empty());
    status.used.take_if(|used| used.is_empty());
}
