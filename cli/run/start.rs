//! Puts what is to be run into the store, or finds it there from an earlier run.

use std::sync::Arc;

use mayfly_controller::api::{Job, Key, Kind, Object, Resource};
use mayfly_controller::limits::TRANSACTION_OPERATIONS_MAX;
use mayfly_controller::quota::{self, QuotaController, Usage};
use mayfly_controller::store::{Store, Transaction};

use super::board::called;
use super::input::{BadInput, Input};

/// What is to be done with each object.
pub(crate) struct Start {
    create: Vec<Object>,
    replace: Vec<Object>,
    /// Jobs and Pods that are there, as they are.
    continued: Vec<Object>,
}

impl Start {
    /// Compares `input` with what `store` has. One that has another spec by now is refused.
    pub(crate) fn plan(input: &Input, store: &Store) -> Result<Self, BadInput> {
        let mut start = Self { create: Vec::new(), replace: Vec::new(), continued: Vec::new() };
        let mut complaints = Vec::new();
        for (object, place) in &input.objects {
            match store.get_object(object.kind(), &object.key()) {
                None => start.create.push(object.clone()),
                Some(before) if !wants_another(object, &before) => {
                    if is_run(before.kind()) {
                        start.continued.push(before);
                    }
                }
                Some(before) if is_run(before.kind()) || is_immutable(&before) => {
                    let name = called(&(object.kind(), object.key()));
                    complaints.push(format!(
                        "{place}: {name} is in the state folder already and was another: give this \
                         one another name, or another --state-dir, or delete that folder to start \
                         from nothing"
                    ));
                }
                Some(_) => start.replace.push(object.clone()),
            }
        }
        BadInput::if_any(complaints)?;
        Ok(start)
    }

    /// The Jobs and Pods that go on from an earlier run.
    pub(crate) fn continued(&self) -> &[Object] {
        &self.continued
    }

    /// Commits it, and returns the Jobs and Pods.
    pub(crate) async fn commit(mut self, store: &Store) -> anyhow::Result<Vec<Object>> {
        // What Jobs and Pods use is there before they are, and first what bounds them.
        self.create.sort_by_key(|object| (!is_bound(object.kind()), is_run(object.kind())));
        let bounds = self.create.iter().take_while(|object| is_bound(object.kind())).count();
        for bound in self.create.drain(..bounds) {
            store.commit(Transaction::new().create_object(bound)).await?;
        }
        QuotaController::count_all(store).await?;
        let mut running = self.continued;
        let replace = self.replace.into_iter().map(Change::Replace);
        let mut changes = replace.chain(self.create.into_iter().map(Change::Create));
        loop {
            let some = changes.by_ref().take(TRANSACTION_OPERATIONS_MAX / 2);
            let transaction = some.fold(Transaction::new(), |transaction, change| match change {
                Change::Create(object) => transaction.and(creation(store, object)),
                Change::Replace(object) => transaction.replace_object(object),
            });
            if transaction.is_empty() {
                return Ok(running);
            }
            let committed = store.commit(transaction).await?;
            running.extend(committed.objects.into_iter().filter(|object| is_run(object.kind())));
        }
    }
}

/// Makes `object` with the defaults of its namespace, which pays for it.
fn creation(store: &Store, mut object: Object) -> Transaction {
    let key = object.key();
    let bounds = quota::bounds_of(store, &key.namespace);
    if let Object::Pod(pod) = &mut object {
        let pod = Arc::make_mut(pod);
        // Classes are there by now; a pod that says otherwise than its own keeps what it says.
        if let Err(why) = bounds.classes.apply(pod) {
            tracing::warn!(pod = %key, why, "the priority of a pod stays as it is");
        }
        bounds.default(pod);
    }
    if bounds.is_empty() {
        return Transaction::new().create_object(object);
    }
    let usage = Usage::of(&object, store.clock().now());
    quota::charge(&key.namespace, vec![usage]).create_object(object)
}

enum Change {
    Create(Object),
    Replace(Object),
}

/// Jobs and Pods are run; the others are only used.
fn is_run(kind: Kind) -> bool {
    matches!(kind, Kind::Job | Kind::Pod)
}

/// What bounds a namespace, or says what pods are in it.
fn is_bound(kind: Kind) -> bool {
    matches!(kind, Kind::ResourceQuota | Kind::LimitRange | Kind::PriorityClass)
}

fn is_immutable(object: &Object) -> bool {
    match object {
        Object::ConfigMap(map) => map.immutable == Some(true),
        Object::Secret(secret) => secret.immutable == Some(true),
        _ => false,
    }
}

/// Whether `object` asks for something else than `before` did.
fn wants_another(object: &Object, before: &Object) -> bool {
    match (object, before) {
        (Object::Job(object), Object::Job(before)) => object.spec != before.spec,
        (Object::Pod(object), Object::Pod(before)) => {
            // Which node it is on was not asked for.
            let mut spec = object.spec.clone().unwrap_or_default();
            let before = before.spec.clone().unwrap_or_default();
            spec.node_name.clone_from(&before.node_name);
            // And what its class has given it.
            spec.priority = spec.priority.or(before.priority);
            spec.preemption_policy =
                spec.preemption_policy.clone().or(before.preemption_policy.clone());
            spec != before
        }
        (Object::ConfigMap(object), Object::ConfigMap(before)) => {
            (&object.data, &object.binary_data) != (&before.data, &before.binary_data)
        }
        (Object::Secret(object), Object::Secret(before)) => {
            (&object.data, &object.string_data) != (&before.data, &before.string_data)
        }
        (Object::ResourceQuota(object), Object::ResourceQuota(before)) => {
            object.spec != before.spec
        }
        (Object::LimitRange(object), Object::LimitRange(before)) => object.spec != before.spec,
        (Object::PriorityClass(object), Object::PriorityClass(before)) => {
            object.value != before.value
        }
        _ => true,
    }
}

/// The unfinished Jobs of `store` that are not among `running`: they go on, too, as long as we do.
pub(crate) fn others(store: &Store, running: &[Object]) -> Vec<Key> {
    let is_ours = |key: &Key| running.iter().any(|it| it.kind() == Kind::Job && it.key() == *key);
    let is_finished = |job: &Job| {
        let conditions = job.status.iter().flat_map(|it| it.conditions.iter().flatten());
        conditions
            .into_iter()
            .any(|it| matches!(it.type_.as_str(), "Complete" | "Failed") && it.status == "True")
    };
    let jobs = store.list::<Job>(None).items;
    jobs.iter()
        .filter(|job| !is_finished(job))
        .map(|job| job.key())
        .filter(|key| !is_ours(key))
        .collect()
}
