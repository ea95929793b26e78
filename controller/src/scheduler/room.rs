//! What of a node is left beside a pod, as it would be if others went or came. Pure.

use std::collections::BTreeMap;

use super::request::Request;
use super::tally::{PODS, insufficient};
use crate::quantity::Amount;

/// What is left of each resource that a pod asks for once the pod is there; less than nothing of what
/// is missing.
#[derive(Clone, Debug)]
pub(super) struct Room<'a>(Vec<(&'a str, Amount)>);

/// What some pods take together.
#[derive(Debug, Default)]
pub(super) struct Sum<'a> {
    pods: u64,
    resources: BTreeMap<&'a str, Amount>,
}

impl<'a> Room<'a> {
    pub(super) fn new(left: impl Iterator<Item = (&'a str, Amount)>) -> Self {
        Self(left.collect())
    }

    /// As it would be without one that asks for this.
    pub(super) fn leave(&mut self, other: &Request) {
        for (name, left) in &mut self.0 {
            *left = *left + taken(name, other);
        }
    }

    /// As it would be with one that asks for this.
    pub(super) fn come(&mut self, other: &Request) {
        for (name, left) in &mut self.0 {
            *left = *left - taken(name, other);
        }
    }

    /// As it would be without all of these.
    pub(super) fn leave_all(&mut self, others: &Sum<'_>) {
        for (name, left) in &mut self.0 {
            *left = *left + others.taken(name);
        }
    }

    /// Whether there is enough of everything.
    pub(super) fn is_enough(&self) -> bool {
        self.0.iter().all(|(_, left)| !left.is_negative())
    }

    /// What is said of what is missing.
    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        let missing = self.0.iter().filter(|(_, left)| left.is_negative());
        missing.map(|(name, _)| insufficient(name))
    }
}

impl<'a> Sum<'a> {
    /// One more that asks for this.
    pub(super) fn add(&mut self, request: &'a Request) {
        self.pods += 1;
        for (name, amount) in &request.resources {
            let sum = self.resources.entry(name).or_default();
            *sum = *sum + *amount;
        }
    }

    /// Whether there are none.
    pub(super) fn is_nothing(&self) -> bool {
        self.pods == 0
    }

    fn taken(&self, resource: &str) -> Amount {
        match resource {
            PODS => Amount::from_units(self.pods),
            other => self.resources.get(other).copied().unwrap_or_default(),
        }
    }
}

/// What one that asks for this takes of a resource.
fn taken(resource: &str, request: &Request) -> Amount {
    match resource {
        PODS => Amount::from_units(1),
        other => request.resources.get(other).copied().unwrap_or_default(),
    }
}
