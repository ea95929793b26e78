//! How much of a node pods ask for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use mayfly_controller::quantity::Amount;

/// What a pod, or several, request and are limited to.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    requests: BTreeMap<String, Amount>,
    limits: BTreeMap<String, Amount>,
}

impl Usage {
    /// The sum over a pod's containers.
    pub(super) fn of(pod: &Pod) -> Self {
        let mut usage = Self::default();
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            let Some(resources) = &container.resources else { continue };
            add_all(&mut usage.requests, resources.requests.as_ref());
            add_all(&mut usage.limits, resources.limits.as_ref());
        }
        usage
    }

    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        for (to, from) in [(&mut self.requests, &other.requests), (&mut self.limits, &other.limits)]
        {
            for (name, amount) in from {
                add(to, name, *amount);
            }
        }
    }

    pub(super) fn requests(&self, resource: &str) -> Amount {
        self.requests.get(resource).copied().unwrap_or_default()
    }

    pub(super) fn limits(&self, resource: &str) -> Amount {
        self.limits.get(resource).copied().unwrap_or_default()
    }
}

fn add_all(to: &mut BTreeMap<String, Amount>, from: Option<&BTreeMap<String, Quantity>>) {
    for (name, quantity) in from.into_iter().flatten() {
        add(to, name, Amount::of(quantity));
    }
}

fn add(to: &mut BTreeMap<String, Amount>, name: &str, amount: Amount) {
    // The first of a sum says how the sum is written.
    let sum = to.get(name).map_or(amount, |known| *known + amount);
    to.insert(name.to_owned(), sum);
}

/// `100m (5%)`, of what the node has.
pub(super) fn share(part: Amount, of: Option<&Quantity>) -> String {
    let whole = of.map_or(0, |of| Amount::of(of).millis());
    let percent = if whole == 0 { 0 } else { part.millis().saturating_mul(100) / whole };
    format!("{part} ({percent}%)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let check = |parts: &[&str], of: &str, expect: &str| {
            let mut map = BTreeMap::new();
            for part in parts {
                let one = BTreeMap::from([("r".to_owned(), Quantity((*part).to_owned()))]);
                add_all(&mut map, Some(&one));
            }
            let part = map.remove("r").unwrap_or_default();
            assert_eq!(share(part, Some(&Quantity(of.to_owned()))), expect, "{parts:?}");
        };
        check(&[], "2", "0 (0%)");
        check(&["100m"], "2", "100m (5%)");
        check(&["100m", "900m"], "2", "1 (50%)");
        check(&["128Mi"], "1Gi", "128Mi (12%)");
        check(&["128Mi", "128Mi"], "1Gi", "256Mi (25%)");
        check(&["1", "0.5"], "0", "1500m (0%)");
    }
}
