//! Reads what bounds a namespace, and makes a creation pay. Decides nothing.

use std::sync::Arc;

use super::{Bounds, Ledger, OperatorLimits, Usage};
use crate::api::{LimitRange, ResourceQuota};
use crate::priority::Classes;
use crate::store::{Store, Transaction};

/// What bounds `namespace` now.
pub fn bounds_of(store: &Store, namespace: &str) -> Bounds {
    let quotas = store.list::<ResourceQuota>(Some(namespace)).items;
    Bounds {
        ranges: store.list::<LimitRange>(Some(namespace)).items,
        quotas: quotas.iter().map(|quota| Ledger::of(quota)).collect(),
        operator: OperatorLimits::default(),
        classes: Classes::of(store),
    }
}

/// Charges the quotas of `namespace`, as they are when it is committed, with all `usages`; fails the
/// transaction if they have no room for them.
pub fn charge(namespace: &str, usages: Vec<Usage>) -> Transaction {
    let usages: Arc<[Usage]> = usages.into();
    Transaction::new().each(namespace, move |quota: &ResourceQuota| {
        let mut ledger = [Ledger::of(quota)];
        for usage in usages.iter() {
            Ledger::charge(&mut ledger, usage)?;
        }
        let [ledger] = ledger;
        Ok(ledger.write(quota))
    })
}

/// Fails the transaction if `namespace` has a quota by then, of which whoever made it did not know.
pub fn only_these(namespace: &str) -> Transaction {
    Transaction::new().each(namespace, |quota: &ResourceQuota| {
        let name = quota.metadata.name.as_deref().unwrap_or_default();
        Err(format!("quota {name} has come between"))
    })
}
