//! Pods by their labels, so that who is selected is found without looking through all. Pure.
//!
//! Kept from the moment on when somebody asks by labels for the first time: mostly nobody does.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::api::Pod;

type ByValue = HashMap<String, BTreeSet<Arc<str>>, RandomState>;

/// The uids of pods, by key and value of their labels.
#[derive(Debug, Default)]
pub(super) struct Labels {
    by_key: HashMap<String, ByValue, RandomState>,
    is_kept: bool,
}

impl Labels {
    /// Whether they are kept.
    pub(super) fn are_kept(&self) -> bool {
        self.is_kept
    }

    /// Keeps them from now on; `pods` are all that are there.
    pub(super) fn keep<'a>(&mut self, pods: impl Iterator<Item = (&'a Arc<str>, &'a Pod)>) {
        self.is_kept = true;
        for (uid, pod) in pods {
            self.add(uid, pod);
        }
    }

    /// A pod is there.
    pub(super) fn add(&mut self, uid: &Arc<str>, pod: &Pod) {
        if !self.is_kept {
            return;
        }
        for (key, value) in pod.metadata.labels.iter().flatten() {
            let by_value = match self.by_key.get_mut(key) {
                Some(known) => known,
                None => self.by_key.entry(key.clone()).or_default(),
            };
            match by_value.get_mut(value) {
                Some(known) => drop(known.insert(Arc::clone(uid))),
                None => drop(by_value.insert(value.clone(), BTreeSet::from([Arc::clone(uid)]))),
            }
        }
    }

    /// A pod is gone, which had these labels.
    pub(super) fn remove(&mut self, uid: &str, pod: &Pod) {
        if !self.is_kept {
            return;
        }
        for (key, value) in pod.metadata.labels.iter().flatten() {
            let Some(by_value) = self.by_key.get_mut(key) else { continue };
            if let Some(known) = by_value.get_mut(value) {
                known.remove(uid);
                if known.is_empty() {
                    by_value.remove(value);
                }
            }
            if by_value.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    /// Those that have this label.
    pub(super) fn with(&self, key: &str, value: &str) -> impl Iterator<Item = &Arc<str>> {
        self.by_key.get(key).and_then(|by_value| by_value.get(value)).into_iter().flatten()
    }
}
