//! Which objects to look at, and when.
//!
//! One object is never looked at twice at once. Knows uids and times, nothing else; each controller
//! has its own.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::api::{SignedDuration, Timestamp};
use crate::meter::QueueMeter;

/// How long to wait after errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    /// After the first error of an object; doubled with each that follows.
    pub(crate) base: SignedDuration,
    /// The longest wait. It stops an object that can't be helped from keeping us busy, and one that
    /// can from waiting much longer than the error lasts.
    pub(crate) cap: SignedDuration,
}

/// Objects to look at, by uid.
#[derive(Debug)]
pub(crate) struct Workqueue {
    retry: Retry,
    ready: VecDeque<Arc<str>>,
    queued: HashSet<Arc<str>, RandomState>,
    busy: HashSet<Arc<str>, RandomState>,
    timers: BTreeSet<(Timestamp, Arc<str>)>,
    due: HashMap<Arc<str>, Timestamp, RandomState>,
    errors: HashMap<Arc<str>, u32, RandomState>,
    meter: Arc<QueueMeter>,
}

impl Workqueue {
    /// Nothing to look at yet; what there is will be counted by `meter`.
    pub(crate) fn new(retry: Retry, meter: Arc<QueueMeter>) -> Self {
        meter.depth.set(0);
        Self {
            meter,
            retry,
            ready: VecDeque::new(),
            queued: HashSet::default(),
            busy: HashSet::default(),
            timers: BTreeSet::new(),
            due: HashMap::default(),
            errors: HashMap::default(),
        }
    }

    /// Something about the object has changed.
    pub(crate) fn push(&mut self, uid: Arc<str>) {
        if self.queued.insert(uid.clone()) {
            self.meter.adds.add(1);
            self.meter.depth.set(self.queued.len() as u64);
            if !self.busy.contains(&uid) {
                self.ready.push_back(uid);
            }
        }
    }

    /// The object is to be looked at at `at`, whatever was said before; not at all if `None`.
    pub(crate) fn set_timer(&mut self, uid: &Arc<str>, at: Option<Timestamp>) {
        if let Some(due) = self.due.remove(uid) {
            self.timers.remove(&(due, uid.clone()));
        }
        if let Some(at) = at {
            self.due.insert(uid.clone(), at);
            self.timers.insert((at, uid.clone()));
        }
    }

    /// When the next timer goes off.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// An object to look at, which is busy from now on.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Arc<str>> {
        while let Some((_, uid)) = self.timers.first().filter(|(at, _)| *at <= now).cloned() {
            self.set_timer(&uid, None);
            self.push(uid);
        }
        let uid = self.ready.pop_front()?;
        self.queued.remove(&uid);
        self.meter.depth.set(self.queued.len() as u64);
        self.busy.insert(uid.clone());
        Some(uid)
    }

    /// The object is not busy any more. It comes again if it has changed in the meantime.
    pub(crate) fn done(&mut self, uid: &Arc<str>) {
        self.busy.remove(uid);
        if self.queued.contains(uid) {
            self.ready.push_back(uid.clone());
        }
    }

    /// What was done for the object has succeeded.
    pub(crate) fn forgive(&mut self, uid: &str) {
        self.errors.remove(uid);
    }

    /// What was to be done for the object has failed: it is tried again after a while, or when it is
    /// to be looked at anyway, if that is sooner.
    pub(crate) fn retry(&mut self, uid: &Arc<str>, now: Timestamp) {
        self.meter.retries.add(1);
        let errors = self.errors.entry(uid.clone()).or_default();
        let Retry { base, cap } = self.retry;
        let wait = base.checked_mul(1 << (*errors).min(30)).unwrap_or(cap).min(cap);
        *errors = errors.saturating_add(1);
        let due = self.due.get(uid).copied().filter(|due| *due > now);
        let again = now.saturating_add(wait).ok();
        self.set_timer(uid, again.into_iter().chain(due).min());
    }

    /// The object is gone.
    pub(crate) fn forget(&mut self, uid: &Arc<str>) {
        self.set_timer(uid, None);
        self.errors.remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> (Workqueue, Arc<str>) {
        let retry = Retry { base: SignedDuration::from_secs(1), cap: SignedDuration::from_mins(1) };
        (Workqueue::new(retry, Arc::new(QueueMeter::new("test"))), Arc::from("a"))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a second")
    }

    #[test]
    fn a_busy_object_waits_until_it_is_done() {
        let (mut queue, uid) = queue();
        queue.push(uid.clone());
        queue.push(uid.clone());
        assert_eq!(queue.pop(at(0)), Some(uid.clone()));
        queue.push(uid.clone());
        assert_eq!(queue.pop(at(0)), None);
        assert_eq!((queue.meter.depth.get(), queue.meter.adds.get()), (1, 2));
        queue.done(&uid);
        assert_eq!(queue.pop(at(0)), Some(uid));
        assert_eq!(queue.pop(at(0)), None);
        assert_eq!((queue.meter.depth.get(), queue.meter.adds.get()), (0, 2));
    }

    #[test]
    fn a_timer_is_replaced_and_goes_off_once() {
        let (mut queue, uid) = queue();
        queue.set_timer(&uid, Some(at(5)));
        queue.set_timer(&uid, Some(at(7)));
        assert_eq!((queue.pop(at(6)), queue.next_due()), (None, Some(at(7))));
        assert_eq!((queue.pop(at(7)), queue.next_due()), (Some(uid), None));
    }

    #[test]
    fn errors_double_the_wait_up_to_the_cap() {
        let (mut queue, uid) = queue();
        let waits: Vec<_> = (0..8)
            .map(|_| {
                queue.set_timer(&uid, None);
                queue.retry(&uid, at(0));
                queue.next_due().expect("a timer").as_second()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn an_error_does_not_put_off_what_is_due_sooner() {
        let (mut queue, uid) = queue();
        for _ in 0..3 {
            queue.set_timer(&uid, Some(at(2)));
            queue.retry(&uid, at(0));
        }
        assert_eq!(queue.next_due(), Some(at(2)), "the third wait would be four seconds");
        queue.retry(&uid, at(2));
        assert_eq!(queue.next_due(), Some(at(10)), "what is past is no reason to hurry");
    }
}
