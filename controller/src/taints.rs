//! Taints of nodes, and what of them a pod tolerates. Pure.
//!
//! Source: Kubernetes' `ToleratesTaint`, and the well-known taints of its node controllers.

use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::api::PodSpec;

/// Nothing new comes to the node.
pub const NO_SCHEDULE: &str = "NoSchedule";

/// Nothing new comes to the node that has another.
pub const PREFER_NO_SCHEDULE: &str = "PreferNoSchedule";

/// What is there goes, too.
pub const NO_EXECUTE: &str = "NoExecute";

/// The node says that it is not ready.
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// The node says nothing any more.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// The node is cordoned.
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Its disk is short.
pub const DISK_PRESSURE: &str = "node.kubernetes.io/disk-pressure";

/// Its memory is short.
pub const MEMORY_PRESSURE: &str = "node.kubernetes.io/memory-pressure";

/// It has too many processes.
pub const PID_PRESSURE: &str = "node.kubernetes.io/pid-pressure";

/// One toleration, in a form that can be compared and put in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tolerance {
    /// Of taints with this key; of all if there is none.
    key: Option<String>,
    /// Of those with this value; of any if there is none.
    value: Option<String>,
    /// Of those with this effect; of any if there is none.
    effect: Option<String>,
    /// For so long, if the effect is [`NO_EXECUTE`]; for ever if there is no limit.
    seconds: Option<i64>,
}

impl Tolerance {
    /// Those of a pod, each once.
    pub fn of(spec: &PodSpec) -> Vec<Self> {
        let mut all: Vec<_> = spec.tolerations.iter().flatten().map(Self::from).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Whether `taint` is tolerated, be it for a while.
    pub fn covers(&self, taint: &Taint) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        is(&self.key, &taint.key)
            && is(&self.effect, &taint.effect)
            && is(&self.value, taint.value.as_deref().unwrap_or_default())
    }

    /// For how long such a taint is tolerated, in seconds: not at all if that is negative, and for
    /// ever if it is nothing.
    pub fn seconds(&self) -> Option<i64> {
        self.seconds
    }
}

impl From<&Toleration> for Tolerance {
    fn from(toleration: &Toleration) -> Self {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let is_any = toleration.operator.as_deref() == Some("Exists");
        Self {
            key: said(&toleration.key),
            value: (!is_any).then(|| toleration.value.clone().unwrap_or_default()),
            effect: said(&toleration.effect),
            seconds: toleration.toleration_seconds,
        }
    }
}

/// Whether some of `tolerances` is of `taint`.
pub fn is_tolerated(taint: &Taint, tolerances: &[Tolerance]) -> bool {
    tolerances.iter().any(|it| it.covers(taint))
}

/// A taint without a value.
pub fn taint(key: &str, effect: &str) -> Taint {
    Taint { key: key.to_owned(), effect: effect.to_owned(), value: None, time_added: None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn covers(toleration: Value, key: &str, value: Option<&str>, effect: &str) -> bool {
        let toleration: Toleration = serde_json::from_value(toleration).unwrap();
        let value = value.map(str::to_owned);
        Tolerance::from(&toleration).covers(&Taint { value, ..taint(key, effect) })
    }

    #[test]
    fn a_toleration_is_of_a_key_a_value_and_an_effect_or_of_any() {
        let any = json!({"operator": "Exists"});
        assert!(covers(any, "a", Some("x"), NO_EXECUTE));
        let key = json!({"key": "a", "operator": "Exists"});
        assert!(covers(key.clone(), "a", Some("x"), NO_SCHEDULE));
        assert!(!covers(key, "b", None, NO_SCHEDULE));
        let equal = json!({"key": "a", "operator": "Equal", "value": "x"});
        assert!(covers(equal.clone(), "a", Some("x"), NO_SCHEDULE));
        assert!(!covers(equal, "a", Some("y"), NO_SCHEDULE));
        let unsaid = json!({"key": "a", "effect": "NoSchedule"});
        assert!(covers(unsaid.clone(), "a", None, NO_SCHEDULE), "equal, and both say nothing");
        assert!(!covers(unsaid.clone(), "a", Some("x"), NO_SCHEDULE));
        assert!(!covers(unsaid, "a", None, NO_EXECUTE));
    }

    #[test]
    fn tolerations_that_say_the_same_are_one() {
        let spec = json!({"containers": [], "tolerations": [
            {"key": "b", "operator": "Exists"}, {"key": "a"}, {"key": "a", "operator": "Equal"},
        ]});
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(Tolerance::of(&spec).len(), 2);
    }
}
