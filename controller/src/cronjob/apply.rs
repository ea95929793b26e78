//! Makes a transaction of a plan, and finds out whether its Job can be made. Decides nothing.

use std::sync::Arc;

use crate::admission;
use crate::api::{CronJob, CronJobStatus, Job, Key, Kind, Namespace, Object, Resource, Timestamp};
use crate::events::{Recorder, reference};
use crate::quota::{Usage, bounds_of, charge};
use crate::store::{DeleteOptions, Store, Transaction};

use super::plan::{Action, CronJobEvent, JobRef};
use super::reconcile::active_reference;
use super::{CronJobView, Refusal};

/// `job` as it is created, with a uid of its own, as if somebody had sent it.
pub(super) fn admit(store: &Store, job: &Job) -> Result<Job, Refusal> {
    let key = job.key();
    if store.get::<Job>(&key).is_some() {
        return Err(Refusal::NameTaken);
    }
    let namespace = store.get::<Namespace>(&Key::new("", &key.namespace));
    if namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some()) {
        return Err(Refusal::NamespaceTerminating);
    }
    admission::admit_job(job.clone(), &store.names().uid())
        .map(|admitted| admitted.object)
        .map_err(|invalid| Refusal::Invalid(invalid.to_string()))
        .and_then(|job| bounded(store, job))
}

/// `job`, if its namespace has room for it.
fn bounded(store: &Store, job: Job) -> Result<Job, Refusal> {
    let (key, job) = (job.key(), Arc::new(job));
    let mut bounds = bounds_of(store, &key.namespace);
    let taken = bounds.take(&Object::Job(Arc::clone(&job)), store.clock().now());
    taken.map_err(|why| {
        let (jobs, name) = (Kind::Job.resource(), &key.name);
        Refusal::Invalid(format!("{jobs} \"{name}\" is forbidden: {why}"))
    })?;
    Ok(Arc::unwrap_or_clone(job))
}

/// What turns plans into transactions.
pub(super) struct Applier<'a> {
    /// Where events come from.
    pub(super) recorder: &'a Recorder,
    /// The CronJob of the plan.
    pub(super) cron_job: &'a Arc<CronJobView>,
    /// The time of events.
    pub(super) now: Timestamp,
}

impl Applier<'_> {
    /// All of `actions`, if the CronJob is still the one that they were planned for. A Job among
    /// them must have been admitted.
    pub(super) fn transaction(&self, actions: Vec<Action>) -> Transaction {
        let version = self.cron_job.object.metadata.resource_version.clone().unwrap_or_default();
        let guard = Transaction::new().guard(Kind::CronJob, self.cron_job.key.clone(), version);
        let mut created = None;
        actions.into_iter().fold(guard, |transaction, action| {
            transaction.and(match action {
                Action::Delete(job) => self.delete(&job),
                Action::Create(job) => {
                    created = Some((job.key(), job.uid().to_owned()));
                    let namespace = &*self.cron_job.key.namespace;
                    let object = Object::Job(Arc::from(job));
                    let usage = Usage::of(&object, self.now);
                    charge(namespace, vec![usage]).create_object(object)
                }
                Action::WriteStatus(status) => self.write_status(*status, created.take()),
                Action::Record(event) => self.record(&event),
            })
        })
    }

    fn delete(&self, job: &JobRef) -> Transaction {
        let key = Key::new(&self.cron_job.key.namespace, &job.name);
        let options = DeleteOptions { uid: Some(job.uid.to_string()), grace_period_seconds: None };
        Transaction::new().delete(Kind::Job, key, options)
    }

    fn write_status(
        &self,
        mut status: CronJobStatus,
        created: Option<(Key, String)>,
    ) -> Transaction {
        if let Some((key, uid)) = created {
            let reference = active_reference(&key.namespace, &key.name, &uid);
            status.active.get_or_insert_default().push(reference);
        }
        let (key, uid) = (self.cron_job.key.clone(), self.cron_job.uid.to_string());
        let write = |cron_job: &mut CronJob| cron_job.status = Some(status);
        Transaction::new().modify(key, Some(uid), write)
    }

    /// Tells people of `event`.
    pub(super) fn record(&self, event: &CronJobEvent) -> Transaction {
        let about = reference(&*self.cron_job.object);
        self.recorder.record(&about, event.event_type, event.reason, &event.message, self.now)
    }
}
