//! What the pods of a node take of it, and whether one more fits. Pure.
//!
//! The scheduler sees to that for the pods that it binds. Whoever names a node in a pod's spec comes
//! past it, so the node counts for itself, as the kubelet does.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::stop::Stop;
use crate::api::Pod;
use crate::quantity::Amount;
use crate::quota::OperatorLimits;
use crate::resources::{Amounts, add};

/// The room of a node, of which some is taken.
#[derive(Debug, Default)]
pub(crate) struct Room {
    allocatable: Amounts,
    operator: OperatorLimits,
    taken: Amounts,
    /// By uid.
    pods: HashMap<String, Amounts, RandomState>,
}

impl Room {
    /// The room of a node that has so much for its pods.
    pub(crate) fn new(cpu: Amount, memory: Amount, operator: OperatorLimits) -> Self {
        let allocatable = [("cpu".to_owned(), cpu), ("memory".to_owned(), memory)];
        Self { allocatable: Amounts::from(allocatable), operator, ..Self::default() }
    }

    /// Takes the room of `pod`, whether it is there or not; why it should be rejected, if it is not.
    pub(crate) fn take(&mut self, pod: &Pod) -> Option<Stop> {
        let requests = pod.spec.as_ref().map(|spec| self.operator.requests(spec));
        let mut requests = requests.unwrap_or_default();
        requests.retain(|name, _| self.allocatable.contains_key(name));
        let is_short = |(name, requested): (&String, &Amount)| {
            let capacity = self.allocatable.get(name).copied().unwrap_or_default();
            let used = self.taken.get(name).copied().unwrap_or_default();
            let is_more = *requested > Amount::ZERO && used + *requested > capacity;
            is_more.then(|| match name.as_str() {
                "cpu" => Stop::OutOfCpu {
                    requested: requested.millis(),
                    used: used.millis(),
                    capacity: capacity.millis(),
                },
                _ => Stop::OutOfMemory {
                    requested: requested.units(),
                    used: used.units(),
                    capacity: capacity.units(),
                },
            })
        };
        let short = requests.iter().find_map(is_short);
        add(&mut self.taken, &requests);
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        if let Some(before) = self.pods.insert(uid, requests) {
            self.give_back(&before);
        }
        short
    }

    /// Gives back what the pod had taken; nothing if that was done.
    pub(crate) fn release(&mut self, uid: &str) {
        if let Some(requests) = self.pods.remove(uid) {
            self.give_back(&requests);
        }
    }

    fn give_back(&mut self, requests: &Amounts) {
        for (name, amount) in requests {
            let taken = self.taken.entry(name.clone()).or_default();
            *taken = *taken - *amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::fixtures::pod_from;

    fn pod(uid: &str, requests: &str) -> Pod {
        pod_from(&format!(
            r#"{{"metadata": {{"uid": "{uid}"}}, "spec": {{"containers": [
                {{"name": "c", "resources": {{"requests": {requests}}}}}]}}}}"#
        ))
    }

    #[test]
    fn a_pod_is_rejected_that_does_not_fit() {
        let units = Amount::from_units;
        let mut room = Room::new(units(2), units(100), OperatorLimits::default());
        assert_eq!(room.take(&pod("a", r#"{"cpu": "1500m", "memory": "60"}"#)), None);
        let told = room.take(&pod("b", r#"{"memory": "50"}"#));
        assert_eq!(told, Some(Stop::OutOfMemory { requested: 50, used: 60, capacity: 100 }));
        room.release("b");
        let told = room.take(&pod("c", r#"{"cpu": "1", "memory": "10"}"#));
        assert_eq!(told, Some(Stop::OutOfCpu { requested: 1000, used: 1500, capacity: 2000 }));
        room.release("c");
        room.release("a");
        room.release("a");
        assert_eq!(room.take(&pod("d", r#"{"cpu": "2", "memory": "100"}"#)), None);
        // It says nothing, so it is counted with what it may take.
        let told = room.take(&pod("e", "{}"));
        assert!(matches!(told, Some(Stop::OutOfMemory { requested: 268_435_456, .. })), "{told:?}");
    }
}
