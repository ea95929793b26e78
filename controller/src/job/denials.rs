//! How long a Job waits after it was denied pods, which its namespace has no room for.
//!
//! Kubernetes' controller returns an error then, and its queue tries again after a second, doubling
//! up to a minute. Kubernetes differs: there every change of a pod is a try as well, a second later;
//! here one is made that soon only if a pod has ended, since nothing else makes room.

use crate::api::{SignedDuration, Timestamp};

/// The wait after the first denial, and after the end of a pod; Kubernetes' number.
const BASE: SignedDuration = SignedDuration::from_secs(1);

/// The longest wait; Kubernetes' number.
const CAP: SignedDuration = SignedDuration::from_secs(60);

/// How often in a row a Job was denied pods, and what follows from that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Denials {
    count: u32,
    until: Option<Timestamp>,
    /// Which spec of the Job it was: another is tried at once.
    generation: i64,
}

/// What came of a plan, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether pods are made.
    pub created: bool,
    /// Whether pods were denied.
    pub denied: bool,
    /// Whether pods that have ended are counted.
    pub ended: bool,
}

impl Denials {
    /// Until when no pod is tried for the Job in this `generation`; none if one may be `now`.
    pub fn until(&self, generation: i64, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| generation == self.generation && now < *until)
    }

    /// The record after what happened in `generation` at `now`.
    pub fn after(self, outcome: Outcome, generation: i64, now: Timestamp) -> Self {
        let Outcome { created, denied, ended } = outcome;
        let after = |wait: SignedDuration| now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        if denied {
            let is_first = created || ended || generation != self.generation;
            let count = if is_first { 1 } else { self.count.saturating_add(1) };
            // Six doublings are beyond the cap.
            let wait = BASE.checked_mul(1 << (count - 1).min(6)).map_or(CAP, |wait| wait.min(CAP));
            return Self { count, until: Some(after(wait)), generation };
        }
        if created {
            return Self::default();
        }
        match self.until(generation, now).filter(|_| ended) {
            Some(until) => Self { count: 0, until: Some(until.min(after(BASE))), generation },
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("must be a time")
    }

    const DENIED: Outcome = Outcome { created: false, denied: true, ended: false };

    #[test]
    fn waits_double_up_to_a_minute() {
        let mut denials = Denials::default();
        let mut waits = Vec::new();
        for _ in 0..9 {
            denials = denials.after(DENIED, 1, at(0));
            waits.push(denials.until(1, at(0)).map(Timestamp::as_second));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Some));
    }

    #[test]
    fn what_changes_the_prospects_shortens_the_wait() {
        let mut denials = Denials::default();
        for _ in 0..5 {
            denials = denials.after(DENIED, 1, at(0));
        }
        assert_eq!(denials.until(1, at(15)), Some(at(16)));
        assert_eq!(denials.until(1, at(16)), None);
        assert_eq!(denials.until(2, at(15)), None, "another spec is tried at once");
        let ended = Outcome { created: false, denied: false, ended: true };
        assert_eq!(denials.after(ended, 1, at(5)).until(1, at(5)), Some(at(6)));
        let some = Outcome { created: true, ..DENIED };
        assert_eq!(denials.after(some, 1, at(16)).until(1, at(16)), Some(at(17)));
        let ended = Outcome { ended: true, ..DENIED };
        assert_eq!(denials.after(ended, 1, at(16)).until(1, at(16)), Some(at(17)));
        let all = Outcome { created: true, denied: false, ended: false };
        assert_eq!(denials.after(all, 1, at(16)), Denials::default());
    }
}
