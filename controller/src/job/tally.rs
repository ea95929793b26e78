//! The pods of one Job that still matter, with a running tally.
//!
//! A change of one pod changes the tally by one; nothing is rescanned, and a pod that ended and is
//! counted has left. So what a sync costs follows from what happened, not from what there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::pod_view::{Phase, PodView};

/// The pods of a Job, in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    by_arrival: BTreeMap<u64, Arc<PodView>>,
    arrivals: HashMap<Arc<str>, u64>,
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
