//! When each request for a certificate is over, which wait for a decision, and for which node.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::kubelet::{Purpose, node_of};
use super::request::Request;
use super::{clean, is_pending};
use crate::api::{CertificateSigningRequest, Key, Timestamp};
use crate::limits::CERTIFICATE_REQUESTS_OVER_MAX;

/// What is known of all requests.
#[derive(Default)]
pub(super) struct Index {
    due: HashMap<Key, Timestamp, RandomState>,
    by_time: BTreeSet<(Timestamp, Key)>,
    /// Those that are signed or refused.
    over: BTreeSet<(Timestamp, Key)>,
    /// Those that nobody has decided on, and that have been looked at.
    pending: HashMap<Key, Pending, RandomState>,
    /// Those of them that name a node.
    by_node: HashMap<String, BTreeSet<Key>, RandomState>,
}

struct Pending {
    uid: Option<String>,
    /// What is asked for, if that is for a node.
    asked: Option<Arc<Request>>,
}

impl Pending {
    fn node(&self) -> Option<&str> {
        self.asked.as_ref().and_then(|it| node_of(&it.common_name))
    }
}

impl Index {
    pub(super) fn set(&mut self, key: &Key, request: &CertificateSigningRequest) {
        self.forget_time(key);
        let is_another = |it: &Pending| it.uid != request.metadata.uid;
        if !is_pending(request) || self.pending.get(key).is_some_and(is_another) {
            self.forget_pending(key);
        }
        // One that is deleted already waits for whoever holds it.
        let is_going = request.metadata.deletion_timestamp.is_some();
        let Some(due) = clean::due_at(request).filter(|_| !is_going) else { return };
        self.due.insert(key.clone(), due);
        self.by_time.insert((due, key.clone()));
        if clean::is_over(request) {
            self.over.insert((due, key.clone()));
        }
    }

    pub(super) fn forget(&mut self, key: &Key) {
        self.forget_time(key);
        self.forget_pending(key);
    }

    fn forget_time(&mut self, key: &Key) {
        if let Some(due) = self.due.remove(key) {
            let at = (due, key.clone());
            self.by_time.remove(&at);
            self.over.remove(&at);
        }
    }

    fn forget_pending(&mut self, key: &Key) {
        let Some(pending) = self.pending.remove(key) else { return };
        let Some(node) = pending.node() else { return };
        if let Some(keys) = self.by_node.get_mut(node) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_node.remove(node);
            }
        }
    }

    /// What `request` asks for, if that is for a node. It is read once for as long as nobody has decided
    /// on it: its signature takes time to check.
    pub(super) fn asked(
        &mut self,
        key: &Key,
        request: &CertificateSigningRequest,
    ) -> Option<Arc<Request>> {
        let uid = &request.metadata.uid;
        if let Some(known) = self.pending.get(key).filter(|it| it.uid == *uid) {
            return known.asked.clone();
        }
        let is_for_node = Purpose::of_signer(&request.spec.signer_name).is_some();
        // What is no request was refused when it was made.
        let read = || Request::parse(&request.spec.request.0).ok().map(Arc::new);
        let asked = if is_for_node { read() } else { None };
        self.forget_pending(key);
        if is_pending(request) {
            let pending = Pending { uid: uid.clone(), asked: asked.clone() };
            if let Some(node) = pending.node() {
                self.by_node.entry(node.to_owned()).or_default().insert(key.clone());
            }
            self.pending.insert(key.clone(), pending);
        }
        asked
    }

    /// Those that wait for a decision, which may depend on the node called `name`, that they are for.
    pub(super) fn of_node(&self, name: &str) -> impl Iterator<Item = &Key> {
        self.by_node.get(name).into_iter().flatten()
    }

    /// Takes out those that are over at `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Key> {
        let due = self.by_time.iter().take_while(|(at, _)| *at <= now);
        let due: Vec<Key> = due.map(|(_, key)| key.clone()).collect();
        due.iter().for_each(|key| self.forget(key));
        due
    }

    /// Takes out the oldest one that is signed or refused, if there are too many of them.
    pub(super) fn take_crowded_out(&mut self) -> Option<Key> {
        if self.over.len() <= CERTIFICATE_REQUESTS_OVER_MAX {
            return None;
        }
        let (_, key) = self.over.first()?.clone();
        self.forget(&key);
        Some(key)
    }

    /// When the next one is over.
    pub(super) fn next_due(&self) -> Timestamp {
        self.by_time.first().map_or(Timestamp::MAX, |(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::pem;
    use super::*;
    use crate::api::names::KUBELET_SERVING_SIGNER;

    fn request(uid: &str, pem: &str, condition: &str) -> CertificateSigningRequest {
        let time = "2026-03-01T00:00:00Z";
        let condition = json!({"type": condition, "status": "True", "lastUpdateTime": time});
        let conditions = if condition["type"] == "" { vec![] } else { vec![condition] };
        let mut request = json!({
            "metadata": {"name": "csr", "uid": uid, "creationTimestamp": time},
            "spec": {"request": "", "signerName": KUBELET_SERVING_SIGNER, "usages": []},
            "status": {"conditions": conditions},
        });
        request["spec"]["request"] =
            serde_json::to_value(k8s_openapi::ByteString(pem.as_bytes().to_vec())).expect("base64");
        serde_json::from_value(request).expect("a request")
    }

    #[test]
    fn what_waits_is_read_once_and_found_by_its_node() {
        let mut index = Index::default();
        let (first, second) = (Key::new("", "first"), Key::new("", "second"));
        let of = |node: &str| pem("system:nodes", &format!("system:node:{node}"), &["10.0.0.1"]);
        let (a, b) = (of("a"), of("b"));
        let found = |index: &Index, node: &str| {
            index.of_node(node).map(|key| key.name.to_string()).collect::<Vec<_>>()
        };
        let waiting = request("1", &a, "");
        index.set(&first, &waiting);
        index.set(&second, &request("2", &b, ""));
        let asked = index.asked(&first, &waiting).expect("it is for a node");
        index.asked(&second, &request("2", &b, ""));
        // Somebody has labelled it.
        index.set(&first, &waiting);
        let again = index.asked(&first, &waiting).expect("it is for a node");
        assert!(Arc::ptr_eq(&asked, &again), "it was read again");
        assert_eq!(found(&index, "a"), ["first"]);
        assert_eq!(found(&index, "b"), ["second"]);
        assert!(found(&index, "c").is_empty());
        // Another one has its name.
        index.set(&first, &request("3", &b, ""));
        assert!(found(&index, "a").is_empty());
        index.asked(&first, &request("3", &b, ""));
        assert_eq!(found(&index, "b"), ["first", "second"]);
        index.set(&first, &request("3", &b, "Approved"));
        assert!(index.asked(&first, &request("3", &b, "Approved")).is_some());
        index.forget(&second);
        assert!(index.by_node.is_empty() && index.pending.is_empty());
    }
}
