//! Deletes finished Jobs when `spec.ttlSecondsAfterFinished` says so.
//!
//! [`expires_at`] is pure; [`TtlController`] watches and waits.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::api::names::FOREGROUND_DELETION;
use crate::api::{Job, Key, Kind, Resource, SignedDuration, Timestamp};
use crate::store::{
    Change, ChangeKind, CommitError, DeleteOptions, Gone, Store, Transaction, Watch,
};

/// How long to wait before a deletion that the store refused is tried again: a full disk may have
/// room by then.
const RETRY: SignedDuration = SignedDuration::from_secs(1);

/// When `job` is to be deleted; none if it has not ended, is kept, or is being deleted already.
pub fn expires_at(job: &Job) -> Option<Timestamp> {
    if job.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    let finished = conditions.iter().find(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    })?;
    let at = finished.last_transition_time.as_ref()?.0;
    at.checked_add(SignedDuration::from_secs(i64::from(seconds))).ok()
}

/// Deletes finished Jobs when their time has come.
pub struct TtlController {
    store: Store,
}

impl TtlController {
    /// A controller of the Jobs in `store`. It does nothing until it [runs](Self::run).
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Runs until `cancel` fires.
    pub async fn run(self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.run_forever()).await;
    }

    async fn run_forever(&self) {
        loop {
            let (jobs, mut watch) = self.store.list_and_watch(&[Kind::Job]);
            let mut timers = Timers::default();
            for job in jobs.iter().filter_map(Job::from_object) {
                timers.set(&job.key(), expires_at(job));
            }
            drop(jobs);
            while let Ok(()) = self.step(&mut watch, &mut timers).await {}
        }
    }

    /// Takes note of one change, or deletes what is due.
    async fn step(&self, watch: &mut Watch, timers: &mut Timers) -> Result<(), Gone> {
        let next = timers.next();
        let timer = async {
            match &next {
                Some((at, _)) => self.store.clock().sleep_until(*at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // A change may concern what is due.
            biased;
            change = watch.next() => timers.note(&*change?),
            () = timer => {
                if let Some((_, key)) = next {
                    let again = self.delete(&key).await;
                    timers.set(&key, again);
                }
            }
        }
        Ok(())
    }

    /// Deletes the Job at `key` if it is due by the store, its pods before it. Gives when to try
    /// again, if it could not.
    async fn delete(&self, key: &Key) -> Option<Timestamp> {
        let now = self.store.clock().now();
        let job = self.store.get::<Job>(key)?;
        let at = expires_at(&job)?;
        if at > now {
            return Some(at);
        }
        let uid = Some(job.uid().to_owned());
        let version = job.metadata.resource_version.clone().unwrap_or_default();
        let options = DeleteOptions { uid: uid.clone(), grace_period_seconds: None };
        let transaction = Transaction::new()
            .guard(Kind::Job, key.clone(), version)
            .modify(key.clone(), uid, |job: &mut Job| {
                let finalizers = job.metadata.finalizers.get_or_insert_default();
                finalizers.push(FOREGROUND_DELETION.to_owned());
            })
            .delete(Kind::Job, key.clone(), options);
        match self.store.commit(transaction).await {
            Ok(_) => None,
            // The change comes by and sets the timer anew.
            Err(error @ CommitError::Conflict { .. }) => {
                debug!(job = %key, %error, "a Job has changed when its time had come");
                None
            }
            Err(error) => {
                warn!(job = %key, %error, "a Job could not be deleted when its time had come");
                Some(now.saturating_add(RETRY).unwrap_or(Timestamp::MAX))
            }
        }
    }
}

/// When which Job is due.
#[derive(Default)]
struct Timers {
    by_time: BTreeSet<(Timestamp, Key)>,
    by_key: HashMap<Key, Timestamp>,
}

impl Timers {
    fn set(&mut self, key: &Key, at: Option<Timestamp>) {
        if let Some(at) = self.by_key.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
        if let Some(at) = at {
            self.by_key.insert(key.clone(), at);
            self.by_time.insert((at, key.clone()));
        }
    }

    fn next(&self) -> Option<(Timestamp, Key)> {
        self.by_time.first().cloned()
    }

    fn note(&mut self, change: &Change) {
        let Some(job): Option<&Arc<Job>> = Job::from_object(&change.object) else { return };
        let at = expires_at(job).filter(|_| change.what != ChangeKind::Deleted);
        self.set(&change.key, at);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::store::Names;

    #[tokio::test(start_paused = true)]
    async fn a_finished_job_goes_when_its_time_has_come() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let store = Store::in_memory(Clock::simulated(start), Names::seeded(1));
        let job = json!({
            "metadata": { "name": "job", "namespace": "ns" },
            "spec": { "ttlSecondsAfterFinished": 30, "template": {} },
            "status": { "conditions": [{
                "type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z",
            }] },
        });
        let job: Job = serde_json::from_value(job).expect("a Job");
        let key = Key::of(&job.metadata);
        tokio::spawn(TtlController::new(store.clone()).run(CancellationToken::new()));
        store.commit(Transaction::new().create(job)).await.expect("is made");
        let deleting = || {
            let job = store.get::<Job>(&key).expect("waits for its finalizer");
            job.metadata.deletion_timestamp.is_some()
        };
        tokio::time::sleep(Duration::from_secs(34)).await;
        assert!(!deleting());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(deleting());
    }

    #[test]
    fn only_what_has_ended_and_is_not_kept_expires() {
        let check = |seconds: Option<i32>, condition: (&str, &str), deleting: bool, expect| {
            let (type_, status) = condition;
            let ended = "2026-01-01T00:00:05Z";
            let job = json!({
                "metadata": { "deletionTimestamp": deleting.then_some(ended) },
                "spec": { "ttlSecondsAfterFinished": seconds, "template": {} },
                "status": { "conditions": [
                    { "type": "Suspended", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z" },
                    { "type": type_, "status": status, "lastTransitionTime": ended },
                ] },
            });
            let at = expires_at(&serde_json::from_value(job.clone()).expect("a Job"));
            assert_eq!(at.map(|at| at.to_string()).as_deref(), expect, "{job}");
        };
        check(Some(30), ("Complete", "True"), false, Some("2026-01-01T00:00:35Z"));
        check(Some(0), ("Failed", "True"), false, Some("2026-01-01T00:00:05Z"));
        check(None, ("Complete", "True"), false, None);
        check(Some(30), ("Complete", "False"), false, None);
        check(Some(30), ("FailureTarget", "True"), false, None);
        check(Some(30), ("Complete", "True"), true, None);
    }
}
