//! Which ConfigMaps and Secrets the pods of each node name.
//!
//! ```text
//! a node asks ─▶ what has happened to pods since the last one did ─▶ index ─▶ yes or no
//! ```
//!
//! So a request costs what has changed, not what there is; and where no node asks, nothing at all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::{Key, Kind, Pod, Resource};
use crate::node::Needed;
use crate::store::{Change, ChangeKind, Store, Watch};

/// What pods name, as it is by the time that it is asked for.
#[derive(Default)]
pub(in crate::http) struct References(Mutex<Followed>);

#[derive(Default)]
struct Followed {
    /// What has happened since; `None` if that is not known.
    watch: Option<Watch>,
    index: Index,
}

#[derive(Debug, Default)]
struct Index {
    /// How many pods name it.
    named: HashMap<Named, usize>,
    /// What each pod names that names something.
    pods: HashMap<Key, Vec<Named>>,
}

/// An object that is named, and the node of a pod that names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Named {
    node: String,
    namespace: Arc<str>,
    kind: Kind,
    name: String,
}

impl References {
    /// Whether a pod of `node` names the object of `kind` at `key`.
    pub(super) fn has(&self, store: &Store, node: &str, kind: Kind, key: Key) -> bool {
        let (node, name) = (node.to_owned(), key.name.to_string());
        let named = Named { node, namespace: key.namespace, kind, name };
        self.caught_up(|| Followed::of(store)).index.named.contains_key(&named)
    }

    /// What pods name by now; `list` gives it if it can't be followed from what is known. That takes as
    /// long as there are pods, and holds up nobody who asks meanwhile.
    fn caught_up(&self, list: impl FnOnce() -> Followed) -> MutexGuard<'_, Followed> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut followed = lock();
        if followed.catches_up() {
            return followed;
        }
        drop(followed);
        let listed = list();
        followed = lock();
        // Somebody else may have been quicker.
        if !followed.catches_up() {
            *followed = listed;
            followed.catches_up();
        }
        followed
    }
}

impl Followed {
    fn of(store: &Store) -> Self {
        let pods = store.list::<Pod>(None);
        let mut index = Index::default();
        pods.items.iter().for_each(|pod| index.add(pod));
        // Nothing is missed: what can't be followed is listed again the next time.
        let watch = store.watch(&[Kind::Pod], pods.resource_version).ok();
        Self { watch, index }
    }

    /// Whether all that has happened is known: not for the first time, nor if nobody has asked for so
    /// long that the history does not reach back.
    fn catches_up(&mut self) -> bool {
        let Some(watch) = &mut self.watch else { return false };
        while let Some(change) = watch.try_next() {
            self.index.fold(&change);
        }
        watch.keeps_up().is_ok()
    }
}

impl Index {
    fn fold(&mut self, change: &Change) {
        let Some(pod) = Pod::from_object(&change.object) else { return };
        let before = change.before.as_ref().and_then(Pod::from_object);
        let is_there = change.what != ChangeKind::Deleted;
        // What a pod names is as unchangeable as where it is.
        let is_known = before.is_some_and(|before| {
            before.metadata.uid == pod.metadata.uid && node_of(before) == node_of(pod)
        });
        if is_there && is_known {
            return;
        }
        self.remove(&change.key);
        if is_there {
            self.add(pod);
        }
    }

    fn add(&mut self, pod: &Pod) {
        let (Some(node), Some(spec)) = (node_of(pod), &pod.spec) else { return };
        let (key, needed) = (pod.key(), Needed::by_pod(spec));
        let named = |kind: Kind, name: &String| Named {
            node: node.to_owned(),
            namespace: Arc::clone(&key.namespace),
            kind,
            name: name.clone(),
        };
        let maps = needed.config_maps().map(|name| named(Kind::ConfigMap, name));
        let all: Vec<_> =
            maps.chain(needed.secrets().map(|name| named(Kind::Secret, name))).collect();
        if all.is_empty() {
            return;
        }
        for named in &all {
            *self.named.entry(named.clone()).or_default() += 1;
        }
        self.pods.insert(key, all);
    }

    fn remove(&mut self, key: &Key) {
        for named in self.pods.remove(key).into_iter().flatten() {
            if let Entry::Occupied(mut pods) = self.named.entry(named) {
                *pods.get_mut() -= 1;
                if *pods.get() == 0 {
                    pods.remove();
                }
            }
        }
    }
}

fn node_of(pod: &Pod) -> Option<&str> {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    node.filter(|node| !node.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::Timestamp;
    use crate::clock::Clock;
    use crate::limits::WATCH_HISTORY_MAX;
    use crate::store::{DeleteOptions, Names, Transaction};

    fn pod(name: &str, node: &str, map: &str) -> Pod {
        let from = json!([{"configMapRef": {"name": map}}, {"secretRef": {"name": "s"}}]);
        let pod: Value = json!({
            "metadata": {"name": name, "namespace": "ns"},
            "spec": {"nodeName": node, "containers": [{"name": "main", "envFrom": from}]},
        });
        serde_json::from_value(pod).expect("it is a pod")
    }

    fn deletion(name: &str) -> Transaction {
        let options = DeleteOptions { uid: None, grace_period_seconds: Some(0) };
        Transaction::new().delete(Kind::Pod, Key::new("ns", name), options)
    }

    #[tokio::test]
    async fn what_a_node_may_read_follows_its_pods() {
        let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
        let references = References::default();
        let has = |node: &str, map: &str| {
            references.has(&store, node, Kind::ConfigMap, Key::new("ns", map))
        };
        let commit = async |all: Transaction| drop(store.commit(all).await.expect("it must be"));
        commit(Transaction::new().create(pod("a", "n", "m"))).await;
        assert!(has("n", "m") && !has("other", "m") && !has("n", "s"));
        assert!(references.has(&store, "n", Kind::Secret, Key::new("ns", "s")));
        assert!(!references.has(&store, "n", Kind::Secret, Key::new("elsewhere", "s")));
        // Of two that name it, one goes.
        commit(Transaction::new().create(pod("b", "n", "m"))).await;
        commit(deletion("a")).await;
        assert!(has("n", "m"));
        // Another comes in the place of the last, on another node.
        commit(deletion("b").create(pod("b", "other", "m"))).await;
        assert!(!has("n", "m") && has("other", "m"));
        // One is bound after it was made.
        commit(Transaction::new().create(pod("c", "", "late"))).await;
        assert!(!has("n", "late"));
        let bind = |pod: &mut Pod| {
            pod.spec.get_or_insert_default().node_name = Some("n".to_owned());
        };
        commit(Transaction::new().modify(Key::new("ns", "c"), None, bind)).await;
        assert!(has("n", "late"));
        // So much happens that it can't be followed.
        for number in 0..=WATCH_HISTORY_MAX {
            let touch = move |pod: &mut Pod| {
                pod.metadata.labels = Some([("n".to_owned(), number.to_string())].into());
            };
            commit(Transaction::new().modify(Key::new("ns", "c"), None, touch)).await;
        }
        commit(deletion("b")).await;
        assert!(!has("other", "m") && has("n", "late"));
        let index = &references.0.lock().expect("nobody panics").index;
        assert_eq!((index.pods.len(), index.named.len()), (1, 2));
    }

    #[tokio::test]
    async fn whoever_asks_while_pods_are_listed_does_not_wait() {
        let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
        let references = References::default();
        store.commit(Transaction::new().create(pod("a", "n", "m"))).await.expect("it must be");
        let has = |map: &str| references.has(&store, "n", Kind::ConfigMap, Key::new("ns", map));
        let older = Followed::of(&store);
        store.commit(Transaction::new().create(pod("b", "n", "late"))).await.expect("it must be");
        let listed = references.caught_up(|| {
            assert!(references.0.try_lock().is_ok(), "it is held while pods are listed");
            // Somebody else asks, and is done first.
            assert!(has("m") && has("late"));
            older
        });
        assert_eq!(listed.index.pods.len(), 2);
        drop(listed);
        assert!(has("m") && has("late"));
    }
}
