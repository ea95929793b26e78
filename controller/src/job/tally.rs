//! The pods of one Job that still matter, with a running tally.
//!
//! A change of one pod changes the tally by one; nothing is rescanned, and a pod that ended and is
//! counted has left. So what a sync costs follows from what happened, not from what there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::pod_view::{Phase, PodView};

/// The pods of a Job, in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    by_arrival: BTreeMap<u64, Arc<PodView>>,
    arrivals: HashMap<Arc<str>, u64, RandomState>,
    arrived: u64,
    active: BTreeSet<u64>,
    ended: BTreeSet<u64>,
    tally: Tally,
}

/// How many of the pods are what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not ended, and not being deleted.
    pub active: u32,
    /// Active, and ready.
    pub ready: u32,
    /// Not ended, and being deleted.
    pub terminating: u32,
    /// Container restarts of those that are pending or running.
    pub restarts: u32,
    /// Active pods by index.
    pub active_by_index: BTreeMap<u32, u32>,
    /// Terminating pods by index.
    pub terminating_by_index: BTreeMap<u32, u32>,
}

impl Pods {
    /// Takes `pod` in, in place of what was known of it. It keeps its place in the order.
    pub fn insert(&mut self, pod: Arc<PodView>) {
        let arrival = self.arrivals.get(&pod.uid).copied();
        self.remove(&pod.uid);
        if !pod.matters() {
            return;
        }
        let arrival = arrival.unwrap_or_else(|| {
            self.arrived += 1;
            self.arrived
        });
        self.tally.add(&pod);
        if pod.is_active() {
            self.active.insert(arrival);
        }
        if pod.tracked && (pod.is_terminal() || pod.deleting) {
            self.ended.insert(arrival);
        }
        self.arrivals.insert(pod.uid.clone(), arrival);
        self.by_arrival.insert(arrival, pod);
    }

    /// Forgets the pod with `uid`, and says whether it was there.
    pub fn remove(&mut self, uid: &str) -> bool {
        let Some(arrival) = self.arrivals.remove(uid) else { return false };
        let pod = self.by_arrival.remove(&arrival).expect("an arrival must have its pod");
        self.active.remove(&arrival);
        self.ended.remove(&arrival);
        self.tally.subtract(&pod);
        true
    }

    /// How many of them are what.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_arrival.is_empty()
    }

    /// The pod with `uid`.
    pub fn get(&self, uid: &str) -> Option<&Arc<PodView>> {
        self.by_arrival.get(self.arrivals.get(uid)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<PodView>> {
        self.by_arrival.values()
    }

    /// Those that are active.
    pub fn active(&self) -> impl Iterator<Item = &Arc<PodView>> {
        self.active.iter().map(|arrival| &self.by_arrival[arrival])
    }

    /// Those that have ended or are being deleted, and are not counted yet.
    pub fn ended(&self) -> impl Iterator<Item = &Arc<PodView>> {
        self.ended.iter().map(|arrival| &self.by_arrival[arrival])
    }

    /// Those that are being deleted, have not ended, and are not counted yet.
    pub fn leaving(&self) -> impl Iterator<Item = &Arc<PodView>> {
        self.ended().filter(|pod| pod.is_terminating())
    }

    /// Whether the pod with `uid` is here and its end not counted yet.
    pub fn is_tracked(&self, uid: &str) -> bool {
        self.get(uid).is_some_and(|pod| pod.tracked)
    }
}

impl FromIterator<PodView> for Pods {
    fn from_iter<T: IntoIterator<Item = PodView>>(pods: T) -> Self {
        let mut all = Self::default();
        for pod in pods {
            all.insert(Arc::new(pod));
        }
        all
    }
}

impl Tally {
    fn add(&mut self, pod: &PodView) {
        if pod.is_active() {
            self.active += 1;
            self.ready += u32::from(pod.ready);
            if let Some(index) = pod.index {
                *self.active_by_index.entry(index).or_default() += 1;
            }
        }
        if pod.is_terminating() {
            self.terminating += 1;
            if let Some(index) = pod.index {
                *self.terminating_by_index.entry(index).or_default() += 1;
            }
        }
        self.restarts += counted_restarts(pod);
    }

    fn subtract(&mut self, pod: &PodView) {
        if pod.is_active() {
            self.active -= 1;
            self.ready -= u32::from(pod.ready);
            take_one(&mut self.active_by_index, pod.index);
        }
        if pod.is_terminating() {
            self.terminating -= 1;
            take_one(&mut self.terminating_by_index, pod.index);
        }
        self.restarts -= counted_restarts(pod);
    }
}

fn counted_restarts(pod: &PodView) -> u32 {
    match pod.phase {
        Phase::Pending | Phase::Running => pod.restarts,
        Phase::Unknown | Phase::Succeeded | Phase::Failed => 0,
    }
}

fn take_one(counts: &mut BTreeMap<u32, u32>, index: Option<u32>) {
    let Some(index) = index else { return };
    let count = counts.get_mut(&index).expect("a counted index must have a count");
    *count -= 1;
    if *count == 0 {
        counts.remove(&index);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::api::names::{JOB_COMPLETION_INDEX, JOB_TRACKING_FINALIZER};

    /// The pod `number`, its phase, whether it is being deleted, tracked and ready, its index if
    /// that is not 0, and its restarts.
    fn any_pod() -> impl Strategy<Value = PodView> {
        let phase = prop::sample::select(&["Pending", "Unknown", "Running", "Succeeded", "Failed"]);
        (0..6u8, phase, any::<(bool, bool, bool)>(), 0..3u8, 0..3u32).prop_map(
            |(number, phase, (deleting, tracked, ready), index, restarts)| {
                let index = (index > 0).then(|| index.to_string());
                let pod = json!({
                    "metadata": {
                        "name": number.to_string(), "namespace": "ns", "uid": number.to_string(),
                        "deletionTimestamp": deleting.then_some("2026-01-01T00:00:00Z"),
                        "finalizers": tracked.then_some([JOB_TRACKING_FINALIZER]),
                        "annotations": index.map(|index| json!({ JOB_COMPLETION_INDEX: index })),
                    },
                    "spec": { "containers": [{ "name": "main" }] },
                    "status": {
                        "phase": phase,
                        "conditions": ready.then_some([json!({ "type": "Ready", "status": "True" })]),
                        "containerStatuses": [{ "name": "main", "restartCount": restarts }],
                    },
                });
                PodView::parse(&serde_json::from_value(pod).expect("a pod"))
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn changes_add_up_to_what_there_is(
            changes in prop::collection::vec((any_pod(), any::<bool>()), 0..24),
        ) {
            let (mut pods, mut last) = (Pods::default(), BTreeMap::new());
            for (pod, stays) in changes {
                let there = last.remove(&pod.uid).is_some();
                if stays {
                    if pod.tracked || !pod.is_terminal() {
                        last.insert(pod.uid.clone(), pod.clone());
                    }
                    pods.insert(Arc::new(pod));
                } else {
                    prop_assert_eq!(pods.remove(&pod.uid), there);
                }
                prop_assert_eq!(pods.is_empty(), last.is_empty());
                let mut active = BTreeMap::<u32, u32>::new();
                for index in last.values().filter(|pod| pod.is_active()).filter_map(|pod| pod.index) {
                    *active.entry(index).or_default() += 1;
                }
                prop_assert_eq!(&pods.tally().active_by_index, &active);
                let fresh: Pods = last.values().cloned().collect();
                prop_assert_eq!(pods.tally(), fresh.tally());
                let names = |pods: &Pods| -> [BTreeSet<Arc<str>>; 3] {
                    [
                        pods.iter().map(|pod| pod.uid.clone()).collect(),
                        pods.active().map(|pod| pod.uid.clone()).collect(),
                        pods.ended().map(|pod| pod.uid.clone()).collect(),
                    ]
                };
                prop_assert_eq!(names(&pods), names(&fresh));
            }
        }
    }
}
