//! What bounds a namespace, as somebody saw it who is about to make something there. Pure.

use std::sync::Arc;

use super::{Ledger, OperatorLimits, Usage, limits};
use crate::admission::{self, Invalid};
use crate::api::{LimitRange, Object, Pod, Timestamp};
use crate::priority::{Classes, Made};

/// What bounds a namespace. Nothing, in most.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Its LimitRanges, by name.
    pub ranges: Vec<Arc<LimitRange>>,
    /// Its quotas, by name.
    pub quotas: Vec<Ledger>,
    /// What the operator lets the pods of every namespace have.
    pub operator: OperatorLimits,
    /// The priorities of the pods of all namespaces.
    pub classes: Classes,
}

/// Why an object may not be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Denial {
    /// The namespace has no room for it, or it is not as its LimitRanges want it.
    Forbidden(String),
    /// With the defaults of its namespace, it is not right in itself.
    Invalid(Box<Invalid>),
}

impl Denial {
    /// What is said of the pod `name`.
    pub fn of_pod(&self, name: &str) -> String {
        match self {
            Self::Forbidden(why) => format!("pods \"{name}\" is forbidden: {why}"),
            Self::Invalid(invalid) => {
                Invalid { name: name.to_owned(), ..(**invalid).clone() }.to_string()
            }
        }
    }
}

/// What becomes of pods that somebody wants to make.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Those that may be made, with the defaults of their namespace.
    pub admitted: Vec<Pod>,
    /// Those that were tried and may not.
    pub denied: Vec<(Pod, Denial)>,
}

impl Bounds {
    /// The same, with what the operator lets every pod have.
    #[must_use]
    pub fn within(self, operator: OperatorLimits) -> Self {
        Self { operator, ..self }
    }

    /// Whether the namespace bounds nothing.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.quotas.is_empty()
    }

    /// Gives `pod` the defaults of its namespace.
    pub fn default(&self, pod: &mut Pod) {
        self.ranges.iter().for_each(|range| limits::default(range, pod));
    }

    /// Whether `object`, which has its defaults, may be made; if so, it takes its room.
    pub fn take(&mut self, object: &Object, now: Timestamp) -> Result<(), String> {
        if let Object::Pod(pod) = object {
            self.operator.check(pod)?;
            self.ranges.iter().try_for_each(|range| limits::check(range, pod))?;
        }
        if self.quotas.is_empty() {
            return Ok(());
        }
        Ledger::charge(&mut self.quotas, &Usage::of(object, now))
    }

    /// Tries `pods` as Kubernetes' controllers do: one, then two, then four, and no more after a
    /// denial, so that what can't be is not tried five hundred times.
    pub fn admit(&self, pods: Vec<Pod>, now: Timestamp) -> Admission {
        let is_plain =
            |pod: &Pod| self.operator.check(pod).is_ok() && self.classes.are_needless_for(pod);
        if self.is_empty() && pods.iter().all(is_plain) {
            return Admission { admitted: pods, denied: Vec::new() };
        }
        let mut left = self.clone();
        let mut admission = Admission::default();
        let (mut tried, mut batch_ends, mut last) = (0, 1, None);
        for mut pod in pods {
            if tried == batch_ends {
                if !admission.denied.is_empty() {
                    break;
                }
                // A batch is twice the one before.
                batch_ends = 2 * batch_ends + 1;
            }
            tried += 1;
            match left.admit_one(&mut pod, &mut last, now) {
                Ok(()) => admission.admitted.push(pod),
                Err(denial) => admission.denied.push((pod, denial)),
            }
        }
        admission
    }

    fn admit_one(
        &mut self,
        pod: &mut Pod,
        last: &mut Option<Made>,
        now: Timestamp,
    ) -> Result<(), Denial> {
        self.classes.apply_as(pod, last).map_err(Denial::Forbidden)?;
        if !self.ranges.is_empty() {
            self.default(pod);
            let mut named = pod.clone();
            // The name comes later, and is good.
            named.metadata.name = Some("pod".to_owned());
            admission::admit_pod(named, "")
                .map_err(|invalid| Denial::Invalid(Box::new(invalid)))?;
        }
        let object = Object::Pod(Arc::new(std::mem::take(pod)));
        let taken = self.take(&object, now);
        if let Object::Pod(taken) = object {
            *pod = Arc::unwrap_or_clone(taken);
        }
        taken.map_err(Denial::Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bounds(quotas: &[Value], ranges: &[Value]) -> Bounds {
        let quota =
            |it: &Value| Ledger::of(&serde_json::from_value(it.clone()).expect("must be a quota"));
        let range = |it: &Value| {
            Arc::new(serde_json::from_value(it.clone()).expect("must be a LimitRange"))
        };
        Bounds {
            quotas: quotas.iter().map(quota).collect(),
            ranges: ranges.iter().map(range).collect(),
            operator: OperatorLimits::default(),
            classes: Classes::default(),
        }
    }

    fn pods(count: usize) -> Vec<Pod> {
        let pod = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
        vec![serde_json::from_value(pod).expect("must be a pod"); count]
    }

    #[test]
    fn pods_are_tried_in_growing_batches_until_one_is_denied() {
        let check = |room: i32, wanted: usize, expect: (usize, usize)| {
            let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": room.to_string()}}, "status": {"used": {"pods": "0"}}});
            let Admission { admitted, denied } =
                bounds(&[quota], &[]).admit(pods(wanted), Timestamp::UNIX_EPOCH);
            assert_eq!((admitted.len(), denied.len()), expect, "{room} of {wanted}");
        };
        check(0, 3, (0, 1));
        check(1, 3, (1, 2));
        check(1, 9, (1, 2));
        check(2, 9, (2, 1));
        check(3, 9, (3, 4));
        check(4, 9, (4, 3));
        check(9, 9, (9, 0));
    }

    #[test]
    fn defaults_count_and_may_be_wrong() {
        let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "3"}}, "status": {"used": {"limits.cpu": "0"}}});
        let range = |limit: Value| json!({"spec": {"limits": [limit]}});
        let two = range(
            json!({"type": "Container", "default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}}),
        );
        let admission =
            bounds(std::slice::from_ref(&quota), &[two]).admit(pods(2), Timestamp::UNIX_EPOCH);
        assert_eq!((admission.admitted.len(), admission.denied.len()), (1, 1));
        assert_eq!(
            admission.denied[0].1.of_pod("x"),
            "pods \"x\" is forbidden: exceeded quota: q, requested: limits.cpu=2, used: limits.cpu=2, limited: limits.cpu=3"
        );
        let odd = range(json!({"type": "Container", "defaultRequest": {"cpu": "2"}}));
        let mut all = pods(1);
        let containers = &mut all[0].spec.as_mut().expect("a spec").containers;
        containers[0].resources =
            serde_json::from_value(json!({"requests": {"memory": "2"}, "limits": {"memory": "1"}}))
                .expect("must be resources");
        let denied = bounds(&[], &[odd]).admit(all, Timestamp::UNIX_EPOCH).denied;
        assert!(
            denied[0]
                .1
                .of_pod("x")
                .starts_with("Pod \"x\" is invalid: spec.containers[0].resources.requests"),
            "{denied:?}"
        );
    }

    #[test]
    fn what_is_above_the_operators_maximum_is_denied() {
        let most = Some(1 << 30);
        let operator = OperatorLimits {
            memory_bytes: crate::quota::Bound { default: None, max: most },
            ..OperatorLimits::default()
        };
        let bounds = bounds(&[], &[]).within(operator);
        assert_eq!(bounds.admit(pods(2), Timestamp::UNIX_EPOCH).admitted.len(), 2);
        let mut large = pods(2);
        for pod in &mut large {
            let container = &mut pod.spec.as_mut().expect("a spec").containers[0];
            let resources = json!({"limits": {"memory": "2Gi"}});
            container.resources = serde_json::from_value(resources).expect("must be resources");
        }
        let denied = bounds.admit(large, Timestamp::UNIX_EPOCH).denied;
        assert_eq!(denied.len(), 1);
        assert_eq!(
            denied[0].1.of_pod("x"),
            "pods \"x\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi"
        );
    }
}
