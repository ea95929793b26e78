//! What those who play the pods of a trace share: the script, and who is who.

use std::collections::HashMap;
use std::sync::Mutex;

use mayfly_controller::api::names::JOB_COMPLETION_INDEX;
use mayfly_controller::api::{Kind, Pod, Resource};
use mayfly_controller::store::{ChangeKind, Store, Watch};
use tokio_util::sync::CancellationToken;

use super::script::{Place, Play, Script};

/// Where a trace is played.
pub(super) struct Stage {
    script: Script,
    roster: Mutex<Roster>,
    /// Pods that are told to finish early.
    finish: Mutex<HashMap<String, CancellationToken>>,
}

struct Roster {
    watch: Watch,
    places: HashMap<String, Place>,
    uids: Vec<String>,
}

/// Nobody panics while holding a lock here.
const UNPOISONED: &str = "a lock must not be poisoned";

impl Stage {
    /// For the pods that will come to `store`.
    pub(super) fn new(script: Script, store: &Store) -> Self {
        let watch = store.watch(&[Kind::Pod], 0).expect("a new store must have its history");
        let roster = Roster { watch, places: HashMap::new(), uids: Vec::new() };
        Self { script, roster: Mutex::new(roster), finish: Mutex::default() }
    }

    /// How the pod with `uid` goes.
    pub(super) fn play(&self, uid: &str) -> Play {
        let mut roster = self.roster.lock().expect(UNPOISONED);
        roster.catch_up();
        self.script.play(roster.places.get(uid).expect("a pod that runs must have been made"))
    }

    /// The uid of the pod that was made as number `ordinal`.
    pub(super) fn uid(&self, ordinal: usize) -> Option<String> {
        let mut roster = self.roster.lock().expect(UNPOISONED);
        roster.catch_up();
        roster.uids.get(ordinal).cloned()
    }

    /// Fires when the pod with `uid` is to finish with exit code 0, whatever the script says.
    pub(super) fn finish(&self, uid: &str) -> CancellationToken {
        self.finish.lock().expect(UNPOISONED).entry(uid.to_owned()).or_default().clone()
    }
}

impl Roster {
    fn catch_up(&mut self) {
        while let Some(change) = self.watch.try_next() {
            let Some(pod) = Pod::from_object(&change.object) else { continue };
            if change.what != ChangeKind::Added {
                continue;
            }
            let index = index(pod);
            let attempt = self.places.values().filter(|place| place.index == index).count();
            let ordinal = u32::try_from(self.uids.len()).expect("a trace must be small");
            self.uids.push(pod.uid().to_owned());
            self.places.insert(pod.uid().to_owned(), Place { ordinal, index, attempt });
        }
    }
}

/// The completion index of `pod`, if it has one.
pub(super) fn index(pod: &Pod) -> Option<String> {
    pod.metadata.annotations.as_ref()?.get(JOB_COMPLETION_INDEX).cloned()
}
