//! Follows the namespaces, and carries out what they need.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::reconcile::{Content, Observed, Plan, reconcile};
use super::{CLUSTER_INFO, CLUSTER_INFO_KEY, FINALIZER, ROOT_CA, ROOT_CA_KEY, SERVICE_ACCOUNT};
use crate::admission;
use crate::api::{ConfigMap, Key, Kind, Namespace, Object, ObjectMeta, Resource, ServiceAccount};
use crate::limits::NAMESPACE_OBJECTS_MAX;
use crate::priority;
use crate::store::{
    Change, ChangeKind, CommitError, DeleteOptions, Gone, Store, Transaction, Watch, in_order,
};

/// Namespaces that there always are, as in Kubernetes.
const INITIAL: &[&str] = &["default", "kube-system", "kube-public", "kube-node-lease"];

/// What is followed while no namespace terminates.
const KINDS: &[Kind] = &[Kind::Namespace, Kind::ServiceAccount, Kind::ConfigMap];

/// How long after an attempt that has failed there is another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Gives namespaces what each one has, and ends those that are deleted.
pub struct NamespaceController {
    store: Store,
    root_ca: Option<String>,
    /// To be looked at.
    queue: BTreeSet<Arc<str>>,
    terminating: BTreeSet<Arc<str>>,
}

impl NamespaceController {
    /// For the namespaces in `store`. Each one gets `root_ca` (PEM) to know the server by, if there
    /// is one.
    pub fn new(store: Store, root_ca: Option<String>) -> Self {
        let (queue, terminating) = (BTreeSet::new(), BTreeSet::new());
        Self { store, root_ca, queue, terminating }
    }

    /// Makes the namespaces that there always are, and runs until `cancel` fires.
    pub async fn run(mut self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.run_forever()).await;
    }

    async fn run_forever(&mut self) {
        while let Err(error) = self.store.commit(self.initial()).await {
            tracing::warn!(error = &error as &dyn Error, "can't make the first namespaces");
            tokio::time::sleep(RETRY_DELAY).await;
        }
        loop {
            let list = self.store.list::<Namespace>(None);
            self.terminating.clear();
            for namespace in list.items {
                self.note_namespace(&namespace);
            }
            let Ok(watch) = self.store.watch(self.kinds(), list.resource_version) else { continue };
            // Ends when it has fallen behind, and begins again with what there is.
            let Err(Gone { .. }) = self.follow(watch).await;
        }
    }

    /// What makes those of the first namespaces that are not there.
    fn initial(&self) -> Transaction {
        // What else there always is.
        let first = priority::initial(&self.store);
        INITIAL.iter().fold(first, |all, name| {
            let metadata = ObjectMeta { name: Some((*name).to_owned()), ..ObjectMeta::default() };
            let namespace = Namespace { metadata, ..Namespace::default() };
            let admitted = admission::admit_namespace(namespace, &self.store.names().uid());
            let namespace = admitted.expect("a name that is known to be good must be admitted");
            all.create_or_modify(namespace.object, |_| {})
        })
    }

    async fn follow(&mut self, mut watch: Watch) -> Result<Infallible, Gone> {
        let mut sees_all = !self.terminating.is_empty();
        loop {
            while let Some(change) = watch.try_next() {
                self.note(&change);
            }
            // What is in a namespace matters only while it terminates.
            if sees_all == self.terminating.is_empty() {
                sees_all = !sees_all;
                watch = self.store.watch(self.kinds(), watch.resource_version())?;
                continue;
            }
            match self.queue.pop_first() {
                Some(name) => self.sync(name).await,
                None => self.note(&*watch.next().await?),
            }
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        if self.terminating.is_empty() { KINDS } else { Kind::ALL }
    }

    fn note(&mut self, change: &Change) {
        match &change.object {
            Object::Namespace(_) if change.what == ChangeKind::Deleted => {
                self.terminating.remove(&change.key.name);
                // What came too late to be seen by its end goes after it.
                self.queue.insert(Arc::clone(&change.key.name));
            }
            Object::Namespace(namespace) => self.note_namespace(namespace),
            _ => {
                let is_given =
                    [SERVICE_ACCOUNT, ROOT_CA, CLUSTER_INFO].contains(&&*change.key.name);
                if is_given || self.terminating.contains(&change.key.namespace) {
                    self.queue.insert(Arc::clone(&change.key.namespace));
                }
            }
        }
    }

    fn note_namespace(&mut self, namespace: &Namespace) {
        let name = namespace.key().name;
        if namespace.metadata.deletion_timestamp.is_some() {
            self.terminating.insert(Arc::clone(&name));
        }
        self.queue.insert(name);
    }

    /// Does what the namespace `name` needs.
    async fn sync(&mut self, name: Arc<str>) {
        let transaction = match self.observe(&name) {
            Some(observed) => {
                let plan = reconcile(&observed, self.store.clock().now());
                if plan.is_empty() {
                    return;
                }
                transaction(&observed.namespace, plan)
            }
            None => self.sweep(&name),
        };
        if transaction.is_empty() {
            return;
        }
        match self.store.commit(transaction).await {
            // Of one that is no more, nothing that changes is followed.
            Ok(_) if self.store.get::<Namespace>(&Key::new("", &name)).is_none() => {
                self.queue.insert(name);
            }
            Ok(_) => {}
            // It has changed since it was looked at: the change comes by.
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => {
                let namespace = &*name;
                tracing::warn!(error = &error as &dyn Error, namespace, "can't do what it needs");
                self.queue.insert(name);
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }

    fn observe(&self, name: &str) -> Option<Observed> {
        let namespace = self.store.get::<Namespace>(&Key::new("", name))?;
        let is_terminating = namespace.metadata.deletion_timestamp.is_some();
        let contents = if is_terminating { self.contents(name) } else { Vec::new() };
        let account = self.store.get::<ServiceAccount>(&Key::new(name, SERVICE_ACCOUNT));
        let of_map = |map: &str, key: &str| {
            let map = self.store.get::<ConfigMap>(&Key::new(name, map))?;
            map.data.as_ref()?.get(key).cloned()
        };
        Some(Observed {
            namespace,
            contents,
            has_service_account: account.is_some(),
            root_ca: of_map(ROOT_CA, ROOT_CA_KEY),
            cluster_info: of_map(CLUSTER_INFO, CLUSTER_INFO_KEY),
            root_ca_wanted: self.root_ca.clone(),
        })
    }

    /// All that is in the namespace `name`, who makes pods before pods.
    fn contents(&self, name: &str) -> Vec<Content> {
        let mut kinds: Vec<Kind> =
            Kind::ALL.iter().copied().filter(|kind| kind.is_namespaced()).collect();
        kinds.sort_by_key(|kind| *kind != Kind::CronJob);
        let of_kind = |kind| in_order(self.store.find(kind, Some(name)).0);
        kinds.into_iter().flat_map(of_kind).map(|slot| content(&slot.into_object())).collect()
    }

    /// What deletes what is in a namespace that is no more.
    fn sweep(&self, name: &str) -> Transaction {
        let left = self.contents(name).into_iter();
        let left = left.filter(|content| !content.is_ending).take(NAMESPACE_OBJECTS_MAX);
        left.fold(Transaction::new(), delete)
    }
}

fn content(object: &Object) -> Content {
    let metadata = object.metadata();
    Content {
        kind: object.kind(),
        key: object.key(),
        uid: metadata.uid.clone().unwrap_or_default(),
        is_ending: metadata.deletion_timestamp.is_some(),
        finalizers: metadata.finalizers.clone().unwrap_or_default(),
    }
}

/// What carries out `plan`, unless `namespace` has changed since it was looked at.
fn transaction(namespace: &Namespace, plan: Plan) -> Transaction {
    let key = namespace.key();
    let version = namespace.metadata.resource_version.clone().unwrap_or_default();
    let mut all = Transaction::new().guard(Kind::Namespace, key.clone(), version);
    for object in plan.make {
        all = match object {
            Object::ConfigMap(map) => {
                let data = map.data.clone();
                all.create_or_modify((*map).clone(), |map: &mut ConfigMap| map.data = data)
            }
            object => all.create_object(object),
        };
    }
    all = plan.delete.into_iter().fold(all, delete);
    if plan.conditions.is_none() && !plan.release {
        return all;
    }
    all.modify(key, None, move |namespace: &mut Namespace| {
        if let Some(conditions) = plan.conditions {
            namespace.status.get_or_insert_default().conditions = Some(conditions);
        }
        if plan.release
            && let Some(finalizers) = namespace.spec.as_mut().and_then(|it| it.finalizers.as_mut())
        {
            finalizers.retain(|finalizer| finalizer != FINALIZER);
        }
    })
}

fn delete(all: Transaction, content: Content) -> Transaction {
    let options = DeleteOptions { uid: Some(content.uid), grace_period_seconds: None };
    all.delete(content.kind, content.key, options)
}
