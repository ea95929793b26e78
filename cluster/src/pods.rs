//! The pods of the node: each as the API server shows it, what the node has noted of it, and what is
//! still to be told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mayfly_controller::api::{Pod, PodStatus, Time};
use mayfly_controller::node::PodIdentity;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::journal::Journal;
use crate::recall::recall;
use crate::record::{Begun, Record};
use crate::status;

/// What comes when a note is durable.
pub(crate) type Noted = oneshot::Receiver<io::Result<()>>;

/// All pods of the node that are known.
pub(crate) struct Pods {
    journal: Journal,
    /// By uid.
    entries: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    /// As the API server has last shown it.
    shown: Option<Arc<Pod>>,
    /// The `resourceVersion` of that.
    version: u64,
    record: Option<Arc<Record>>,
    /// How many statuses were said, and up to which of them the API server has been told.
    said: u64,
    told: u64,
    /// What was said has been told, and the API server shows it otherwise all the same, or will not
    /// have it.
    is_disputed: bool,
    /// The API server does not let it be told, for now.
    is_forbidden: bool,
    /// It is to be deleted once everything is told.
    is_removed: bool,
    /// Somebody is telling what there is to tell.
    has_courier: bool,
}

/// What is to be done at the API server for one pod.
pub(crate) enum Errand {
    /// Tell its status; `said` counts what that is.
    Tell { pod: PodIdentity, patch: Value, said: u64 },
    /// Delete it.
    Remove { pod: PodIdentity },
}

impl Pods {
    /// Those of which `journal` has had `records`.
    pub(crate) fn new(journal: Journal, records: Vec<Arc<Record>>) -> Self {
        let entry = |record: Arc<Record>| {
            // Whether it was told is seen when the pod is shown.
            (record.uid.clone(), Entry { record: Some(record), ..Entry::default() })
        };
        Self { journal, entries: Mutex::new(records.into_iter().map(entry).collect()) }
    }

    /// Takes note of `pods`, which are all that there are; gives them as the node knows them.
    pub(crate) fn are(&self, pods: Vec<Pod>) -> Vec<Arc<Pod>> {
        let mut entries = self.lock();
        let uids: HashSet<&str> =
            pods.iter().filter_map(|pod| pod.metadata.uid.as_deref()).collect();
        let gone = entries.keys().filter(|uid| !uids.contains(uid.as_str())).cloned();
        let gone: Vec<String> = gone.collect();
        for uid in gone {
            self.forget(&mut entries, &uid);
        }
        for entry in entries.values_mut() {
            // A state that is older than what was seen is what there is now, and it may be that of a
            // server which has learnt to take what it has refused.
            (entry.version, entry.is_disputed) = (0, false);
        }
        pods.into_iter().map(|pod| show(&mut entries, pod)).collect()
    }

    /// Takes note of `pod`; gives it as the node knows it.
    pub(crate) fn is(&self, pod: Pod) -> Arc<Pod> {
        show(&mut self.lock(), pod)
    }

    /// Takes note that a pod is no more.
    pub(crate) fn gone(&self, uid: &str) {
        self.forget(&mut self.lock(), uid);
    }

    fn forget(&self, entries: &mut HashMap<String, Entry>, uid: &str) {
        if entries.remove(uid).is_some_and(|entry| entry.record.is_some()) {
            // If that is lost, the next process finds it out by itself.
            drop(self.journal.note(uid, None));
        }
    }

    /// Notes that a run of `container` is about to begin.
    pub(crate) fn begins(&self, pod: &PodIdentity, container: &str, begun: Begun) -> Noted {
        self.note(pod, |_, record| {
            record.begun.insert(container.to_owned(), begun);
        })
    }

    /// Notes what was said of `pod`.
    pub(crate) fn said(
        &self,
        pod: &PodIdentity,
        status: PodStatus,
        usage: BTreeMap<String, String>,
    ) -> Noted {
        self.note(pod, |entry, record| {
            record.status = Some(status);
            if !usage.is_empty() {
                record.usage = usage;
            }
            entry.said += 1;
            entry.is_disputed = false;
        })
    }

    fn note(&self, pod: &PodIdentity, change: impl FnOnce(&mut Entry, &mut Record)) -> Noted {
        let mut entries = self.lock();
        let entry = entries.entry(pod.uid.clone()).or_default();
        let mut record = entry.record.take().unwrap_or_else(|| Arc::new(Record::new(pod)));
        change(entry, Arc::make_mut(&mut record));
        entry.record = Some(Arc::clone(&record));
        // Within the lock, so that the newest is the last in the journal, too.
        self.journal.note(&pod.uid, Some(record))
    }

    /// A pod is to be deleted once all of it is told.
    pub(crate) fn remove(&self, pod: &PodIdentity) {
        if let Some(entry) = self.lock().get_mut(&pod.uid) {
            entry.is_removed = true;
        }
    }

    /// A pod was deleted; what holds it now is not the node's.
    pub(crate) fn removed(&self, uid: &str) {
        if let Some(entry) = self.lock().get_mut(uid) {
            entry.is_removed = false;
        }
    }

    /// Whether there is something to do for a pod that nobody does. Whoever asks does it.
    pub(crate) fn take_up(&self, uid: &str) -> bool {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(uid) else { return false };
        let is_due = (entry.told < entry.said && entry.shown.is_some()) || entry.is_removed;
        is_due && !std::mem::replace(&mut entry.has_courier, true)
    }

    /// What is to be done next for a pod; nothing any more if there is nothing.
    pub(crate) fn next_errand(&self, uid: &str) -> Option<Errand> {
        let mut entries = self.lock();
        let entry = entries.get_mut(uid)?;
        let identity = entry.shown.as_ref().map(|pod| PodIdentity::of(pod));
        let (Some(pod), record) = (identity, entry.record.as_ref()) else {
            entry.has_courier = false;
            return None;
        };
        let is_untold = entry.told < entry.said && !(entry.is_forbidden && entry.is_removed);
        let patch = record.filter(|_| is_untold);
        let patch = patch.and_then(|record| status::patch(record, entry.shown.as_deref()));
        match patch {
            Some(patch) => Some(Errand::Tell { pod, patch, said: entry.said }),
            None if entry.is_removed => Some(Errand::Remove { pod }),
            None => {
                entry.has_courier = false;
                None
            }
        }
    }

    /// The API server does not take what was said of a pod up to `said`, and will not.
    pub(crate) fn given_up(&self, uid: &str, said: u64) {
        if let Some(entry) = self.lock().get_mut(uid) {
            entry.told = entry.told.max(said);
            entry.is_disputed = entry.told == entry.said;
        }
    }

    /// The API server does not let a pod be told of. Whether that is news.
    pub(crate) fn forbidden(&self, uid: &str) -> bool {
        let mut entries = self.lock();
        entries.get_mut(uid).is_some_and(|entry| !std::mem::replace(&mut entry.is_forbidden, true))
    }

    /// Everything up to `said` is told of `pod`, which is like this now.
    pub(crate) fn told(&self, said: u64, pod: Pod) {
        let mut entries = self.lock();
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let Some(entry) = entries.get_mut(&uid) else { return };
        entry.told = entry.told.max(said);
        entry.is_forbidden = false;
        let record = entry.record.as_ref().and_then(|record| record.status.as_ref());
        if entry.told == entry.said
            && let Some(own) = record
            && !status::agrees(own, pod.status.as_ref())
        {
            entry.is_disputed = true;
            tracing::warn!(pod = %uid, "the API server shows a pod otherwise than it was told");
        }
        show(&mut entries, pod);
    }

    /// The pod `name` as the node knows it, and its API server may not yet.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        let entries = self.lock();
        let mut shown = entries.values().filter_map(|entry| Some((entry, entry.shown.as_ref()?)));
        let found = shown.find(|(_, pod)| {
            let metadata = &pod.metadata;
            metadata.name.as_deref() == Some(name)
                && metadata.namespace.as_deref() == Some(namespace)
        });
        found.map(|(entry, pod)| recall(pod, entry.record.as_deref()))
    }

    /// All of them, as the node knows them.
    pub(crate) fn all(&self) -> Vec<Arc<Pod>> {
        let entries = self.lock();
        let shown = entries.values().filter_map(|entry| Some((entry, entry.shown.as_ref()?)));
        shown.map(|(entry, pod)| recall(pod, entry.record.as_deref())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes note of `pod`, unless something newer is known; gives it as the node knows it.
fn show(entries: &mut HashMap<String, Entry>, mut pod: Pod) -> Arc<Pod> {
    // Who owns which field is nothing to a node, and a good part of the whole.
    pod.metadata.managed_fields = None;
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let entry = entries.entry(uid).or_default();
    let version = pod.metadata.resource_version.as_deref().and_then(|it| it.parse().ok());
    let is_newer = version.is_none_or(|version: u64| entry.version <= version);
    if is_newer || entry.shown.is_none() {
        entry.version = version.unwrap_or_default();
        let own = entry.record.as_ref().and_then(|record| record.status.as_ref());
        let is_told = own.is_none_or(|own| status::agrees(own, pod.status.as_ref()));
        if !is_told && !entry.is_disputed && entry.told == entry.said {
            // An earlier process was cut off, somebody else has written it, or a server has come
            // back with a state that is older.
            entry.said += 1;
        }
        entry.shown = Some(Arc::new(pod));
    }
    let shown = entry.shown.as_ref().expect("it must be shown by now");
    recall(shown, entry.record.as_deref())
}

/// The time at which something begins, as it is noted.
pub(crate) fn begun(restart: u32, at: mayfly_controller::api::Timestamp) -> Begun {
    Begun { restart, at: Time(at) }
}
