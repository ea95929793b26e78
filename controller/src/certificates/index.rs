//! When each request for a certificate is over, and which wait for a decision.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::clean;
use crate::api::{CertificateSigningRequest, Key, Timestamp};

/// What is known of all requests.
#[derive(Default)]
pub(super) struct Index {
    due: HashMap<Key, Timestamp, RandomState>,
    by_time: BTreeSet<(Timestamp, Key)>,
    /// Those that nobody has decided on.
    pending: BTreeSet<Key>,
}

impl Index {
    pub(super) fn set(&mut self, key: &Key, request: &CertificateSigningRequest) {
        self.forget(key);
        if let Some(due) = clean::due_at(request) {
            self.due.insert(key.clone(), due);
            self.by_time.insert((due, key.clone()));
        }
        let conditions = request.status.as_ref().and_then(|it| it.conditions.as_ref());
        if conditions.is_none_or(Vec::is_empty) {
            self.pending.insert(key.clone());
        }
    }

    pub(super) fn forget(&mut self, key: &Key) {
        if let Some(due) = self.due.remove(key) {
            self.by_time.remove(&(due, key.clone()));
        }
        self.pending.remove(key);
    }

    /// Those that wait for a decision, which may depend on their node.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Key> {
        self.pending.iter()
    }

    /// Takes out those that are over at `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Key> {
        let due = self.by_time.iter().take_while(|(at, _)| *at <= now);
        let due: Vec<Key> = due.map(|(_, key)| key.clone()).collect();
        due.iter().for_each(|key| self.forget(key));
        due
    }

    /// When the next one is over.
    pub(super) fn next_due(&self) -> Timestamp {
        self.by_time.first().map_or(Timestamp::MAX, |(at, _)| *at)
    }
}
