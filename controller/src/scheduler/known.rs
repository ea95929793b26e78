//! What is made of a pod's spec once, for all pods that share it. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::request::{Class, Request};
use crate::api::{Pod, PodSpec, Shared};
use crate::limits::SCHEDULER_SPECS_MAX;
use crate::quota::OperatorLimits;

/// Specs by where they are in memory. Each is held, so that nothing else comes to be there.
type BySpec<K, V> = HashMap<K, (Shared<PodSpec>, V), RandomState>;

/// What pods ask for, by their spec.
#[derive(Debug, Default)]
pub(super) struct Requests {
    known: BySpec<usize, Arc<Class>>,
    operator: OperatorLimits,
}

/// Specs of pods that have a node, by the one that had none, and the node.
#[derive(Debug, Default)]
pub(super) struct BoundSpecs {
    known: BySpec<(usize, Arc<str>), Shared<PodSpec>>,
}

impl Requests {
    pub(super) fn new(operator: OperatorLimits) -> Self {
        Self { operator, ..Self::default() }
    }

    /// What `pod` asks for; of who asks for it nothing is said.
    pub(super) fn of(&mut self, pod: &Pod) -> Arc<Class> {
        let make = || {
            let request = Arc::new(Request::of(pod, &self.operator));
            Arc::new(Class { request, selected_by: Vec::new() })
        };
        let Some(spec) = pod.spec.as_ref().filter(|spec| Request::is_of_spec(spec)) else {
            return make();
        };
        if let Some((_, class)) = self.known.get(&spec.address()) {
            return Arc::clone(class);
        }
        let class = make();
        insert(&mut self.known, spec.address(), (spec.clone(), Arc::clone(&class)));
        class
    }
}

impl BoundSpecs {
    /// `spec` on `node`: one for all pods that share it there.
    pub(super) fn on(&mut self, spec: &Shared<PodSpec>, node: &Arc<str>) -> Shared<PodSpec> {
        let key = (spec.address(), Arc::clone(node));
        if let Some((_, bound)) = self.known.get(&key) {
            return bound.clone();
        }
        let bound = PodSpec { node_name: Some(node.to_string()), ..(**spec).clone() };
        let bound = Shared::variant(bound, spec);
        insert(&mut self.known, key, (spec.clone(), bound.clone()));
        bound
    }
}

fn insert<K: std::hash::Hash + Eq, V>(
    known: &mut BySpec<K, V>,
    key: K,
    value: (Shared<PodSpec>, V),
) {
    if known.len() >= SCHEDULER_SPECS_MAX {
        known.clear();
    }
    known.insert(key, value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Pod {
        let container = json!({"name": "c", "resources": {"requests": {"cpu": "1"}}});
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [container]}});
        serde_json::from_value(pod).expect("must be a pod")
    }

    #[test]
    fn pods_that_share_a_spec_are_read_and_bound_once() {
        let (one, other) = (pod(), pod());
        let mut requests = Requests::default();
        let first = requests.of(&one);
        assert!(Arc::ptr_eq(&first, &requests.of(&one.clone())));
        assert!(!Arc::ptr_eq(&first, &requests.of(&other)), "it is equal, but not the same");
        let mut bound = BoundSpecs::default();
        let spec = one.spec.as_ref().expect("it has a spec");
        let (here, there): (Arc<str>, Arc<str>) = ("here".into(), "there".into());
        let first = bound.on(spec, &here);
        assert!(first.is_one_with(&bound.on(spec, &here)));
        assert_eq!(first.node_name.as_deref(), Some("here"));
        assert_eq!(bound.on(spec, &there).node_name.as_deref(), Some("there"));
        assert_eq!(spec.node_name, None);
    }

    #[test]
    fn no_more_are_known_than_the_limit() {
        let mut requests = Requests::default();
        for _ in 0..=SCHEDULER_SPECS_MAX {
            requests.of(&pod());
        }
        assert_eq!(requests.known.len(), 1);
    }
}
