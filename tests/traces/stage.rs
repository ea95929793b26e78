//! What those who play the pods of a trace share: the script, and who is who.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mayfly_controller::api::names::JOB_COMPLETION_INDEX;
use mayfly_controller::api::{Kind, Pod, Resource};
use mayfly_controller::store::{ChangeKind, Store, Watch};
use serde_json::json;
use tokio::sync::watch;

use super::names::Names;
use super::script::{Place, Play, Script};

/// Where a trace is played.
pub(super) struct Stage {
    script: Script,
    roster: Mutex<Roster>,
    /// How pods end that are told to finish early.
    finish: Mutex<HashMap<String, watch::Sender<Option<Play>>>>,
}

struct Roster {
    watch: Watch,
    places: HashMap<String, Place>,
    names: Names,
    /// By what they are called.
    pods: HashMap<String, Arc<Pod>>,
}

/// Nobody panics while holding a lock here.
const UNPOISONED: &str = "a lock must not be poisoned";

impl Stage {
    /// For the pods that will come to `store`.
    pub(super) fn new(script: Script, store: &Store) -> Self {
        let kinds = &[Kind::CronJob, Kind::Job, Kind::Pod];
        let watch = store.watch(kinds, 0).expect("a new store must have its history");
        let roster =
            Roster { watch, places: HashMap::new(), names: Names::default(), pods: HashMap::new() };
        Self { script, roster: Mutex::new(roster), finish: Mutex::default() }
    }

    /// How the pod with `uid` goes.
    pub(super) fn play(&self, uid: &str) -> Play {
        let mut roster = self.roster.lock().expect(UNPOISONED);
        roster.catch_up();
        self.script.play(roster.places.get(uid).expect("a pod that runs must have been made"))
    }

    /// The pod that is called so, as it was made.
    pub(super) fn pod(&self, called: &str) -> Option<Arc<Pod>> {
        let mut roster = self.roster.lock().expect(UNPOISONED);
        roster.catch_up();
        roster.pods.get(called).cloned()
    }

    /// What everything is called by now.
    pub(super) fn names(&self) -> Names {
        let mut roster = self.roster.lock().expect(UNPOISONED);
        roster.catch_up();
        roster.names.clone()
    }

    /// Has the pod with `uid` end now, as `outcome` says.
    pub(super) fn finish(&self, uid: &str, outcome: Play) {
        self.sender(uid).send_replace(Some(outcome));
    }

    /// Waits until the pod with `uid` is to end early. Says how it goes then.
    pub(super) async fn finished(&self, uid: &str) -> Play {
        let mut outcome = self.sender(uid).subscribe();
        let outcome = outcome.wait_for(Option::is_some).await.expect("the stage keeps it");
        outcome.clone().unwrap_or_default().or(self.play(uid))
    }

    fn sender(&self, uid: &str) -> watch::Sender<Option<Play>> {
        self.finish.lock().expect(UNPOISONED).entry(uid.to_owned()).or_default().clone()
    }
}

impl Roster {
    fn catch_up(&mut self) {
        while let Some(change) = self.watch.try_next() {
            if change.what != ChangeKind::Added {
                continue;
            }
            let metadata = change.object.metadata();
            let Some(pod) = Pod::from_object(&change.object) else {
                self.names.call_object(&json!(metadata));
                continue;
            };
            let index = metadata.annotations.as_ref().and_then(|it| it.get(JOB_COMPLETION_INDEX));
            let index = index.cloned();
            let attempt = self.places.values().filter(|place| place.index == index).count();
            let ordinal = u32::try_from(self.places.len()).expect("a trace must be small");
            self.places.insert(pod.uid().to_owned(), Place { ordinal, index, attempt });
            let (owners, annotations) = (&metadata.owner_references, &metadata.annotations);
            let name = metadata.name.as_deref().unwrap_or_default();
            let called = self.names.call_pod(name, &json!(owners), &json!(annotations));
            self.pods.insert(called, pod.clone());
        }
    }
}
