//! Which Jobs to look at, and when.
//!
//! One Job is never looked at twice at once. Knows uids and times, nothing else.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::api::{SignedDuration, Timestamp};

/// How long to wait after the first error of a Job; doubled with each that follows.
const RETRY_BASE: SignedDuration = SignedDuration::from_secs(1);

/// The longest wait after errors. It stops a Job that can't be helped from keeping us busy, and one
/// that can from waiting much longer than the error lasts. Both numbers are Kubernetes'.
const RETRY_CAP: SignedDuration = SignedDuration::from_secs(60);

/// Jobs to look at.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Arc<str>>,
    queued: HashSet<Arc<str>>,
    busy: HashSet<Arc<str>>,
    timers: BTreeSet<(Timestamp, Arc<str>)>,
    due: HashMap<Arc<str>, Timestamp>,
    errors: HashMap<Arc<str>, u32>,
}

impl Queue {
    /// Something about the Job has changed.
    pub(super) fn push(&mut self, uid: Arc<str>) {
        if self.queued.insert(uid.clone()) && !self.busy.contains(&uid) {
            self.ready.push_back(uid);
        }
    }

    /// The Job is to be looked at at `at`, whatever was said before; not at all if `None`.
    pub(super) fn set_timer(&mut self, uid: &Arc<str>, at: Option<Timestamp>) {
        if let Some(due) = self.due.remove(uid) {
            self.timers.remove(&(due, uid.clone()));
        }
        if let Some(at) = at {
            self.due.insert(uid.clone(), at);
            self.timers.insert((at, uid.clone()));
        }
    }

    /// When the next timer goes off.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A Job to look at, which is busy from now on.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Arc<str>> {
        while let Some((_, uid)) = self.timers.first().filter(|(at, _)| *at <= now).cloned() {
            self.set_timer(&uid, None);
            self.push(uid);
        }
        let uid = self.ready.pop_front()?;
        self.queued.remove(&uid);
        self.busy.insert(uid.clone());
        Some(uid)
    }

    /// The Job is not busy any more. It comes again if it has changed in the meantime.
    pub(super) fn done(&mut self, uid: &Arc<str>) {
        self.busy.remove(uid);
        if self.queued.contains(uid) {
            self.ready.push_back(uid.clone());
        }
    }

    /// What was done for the Job has succeeded.
    pub(super) fn forgive(&mut self, uid: &str) {
        self.errors.remove(uid);
    }

    /// What was to be done for the Job has failed: it is tried again after a while.
    pub(super) fn retry(&mut self, uid: &Arc<str>, now: Timestamp) {
        let errors = self.errors.entry(uid.clone()).or_default();
        let wait = RETRY_BASE * (1 << (*errors).min(6));
        *errors = errors.saturating_add(1);
        self.set_timer(uid, now.saturating_add(wait.min(RETRY_CAP)).ok());
    }

    /// The Job is gone.
    pub(super) fn forget(&mut self, uid: &Arc<str>) {
        self.set_timer(uid, None);
        self.errors.remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a second")
    }

    #[test]
    fn a_busy_job_waits_until_it_is_done() {
        let (mut queue, uid) = (Queue::default(), Arc::<str>::from("a"));
        queue.push(uid.clone());
        queue.push(uid.clone());
        assert_eq!(queue.pop(at(0)), Some(uid.clone()));
        queue.push(uid.clone());
        assert_eq!(queue.pop(at(0)), None);
        queue.done(&uid);
        assert_eq!(queue.pop(at(0)), Some(uid));
        assert_eq!(queue.pop(at(0)), None);
    }

    #[test]
    fn a_timer_is_replaced_and_goes_off_once() {
        let (mut queue, uid) = (Queue::default(), Arc::<str>::from("a"));
        queue.set_timer(&uid, Some(at(5)));
        queue.set_timer(&uid, Some(at(7)));
        assert_eq!((queue.pop(at(6)), queue.next_due()), (None, Some(at(7))));
        assert_eq!((queue.pop(at(7)), queue.next_due()), (Some(uid), None));
    }

    #[test]
    fn errors_double_the_wait_up_to_a_minute() {
        let (mut queue, uid) = (Queue::default(), Arc::<str>::from("a"));
        let waits: Vec<_> = (0..8)
            .map(|_| {
                queue.retry(&uid, at(0));
                queue.next_due().expect("a timer").as_second()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
