//! Old events go: an hour after they were last written, and sooner when there are too many.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::{Event, Key, Kind, Resource, Timestamp};
use crate::clock::nanoseconds;
use crate::limits::{EVENT_TTL_SECONDS, EVENTS_EXPIRED_AT_ONCE_MAX, EVENTS_MAX};
use crate::store::{Change, ChangeKind, DeleteOptions, Gone, Store, Transaction, Watch};

const TTL: Duration = Duration::from_secs(EVENT_TTL_SECONDS);

/// Deletes old events until `cancel` fires.
pub async fn expire(store: Store, cancel: CancellationToken) {
    let _ = cancel.run_until_cancelled(expire_forever(&store)).await;
}

async fn expire_forever(store: &Store) {
    loop {
        let (events, mut watch) = store.list_and_watch(&[Kind::Event]);
        let mut ages = Ages::default();
        for event in events.iter().filter_map(Event::from_object) {
            ages.0.insert((written_at(event), event.key()));
        }
        drop(events);
        // Ends when it has fallen behind, and begins again with what there is.
        let Err(Gone { .. }) = follow(store, &mut ages, &mut watch).await;
    }
}

async fn follow(
    store: &Store,
    ages: &mut Ages,
    watch: &mut Watch,
) -> Result<std::convert::Infallible, Gone> {
    loop {
        while let Some(change) = watch.try_next() {
            ages.fold(&change);
        }
        watch.keeps_up()?;
        let now = store.clock().now();
        let due = ages.due(now);
        if !due.is_empty() {
            delete(store, &due).await;
            continue;
        }
        tokio::select! {
            biased;
            change = watch.next() => ages.fold(&*change?),
            () = store.clock().sleep_until(ages.next_due()) => {}
        }
    }
}

async fn delete(store: &Store, due: &[Key]) {
    let transaction = due.iter().fold(Transaction::new(), |all, key| {
        all.collect(Kind::Event, key.clone(), DeleteOptions::default())
    });
    if let Err(error) = store.commit(transaction).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "can't delete old events");
        // What can't be written now is tried again after a while.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The events, by when each was last written, in [`nanoseconds`].
#[derive(Default)]
struct Ages(BTreeSet<(i64, Key)>);

impl Ages {
    fn fold(&mut self, change: &Change) {
        if let Some(before) = change.before.as_ref().and_then(Event::from_object) {
            self.0.remove(&(written_at(before), change.key.clone()));
        }
        if change.what != ChangeKind::Deleted
            && let Some(event) = Event::from_object(&change.object)
        {
            self.0.insert((written_at(event), change.key.clone()));
        }
    }

    /// The oldest ones that must go at `now`.
    fn due(&self, now: Timestamp) -> Vec<Key> {
        let excess = self.0.len().saturating_sub(EVENTS_MAX);
        // Some at a time: one transaction for each event would double the cost of all.
        let excess = if excess < EVENTS_EXPIRED_AT_ONCE_MAX { 0 } else { excess };
        let old = now.checked_sub(TTL).map_or(i64::MIN, nanoseconds);
        let oldest = self.0.iter().enumerate();
        oldest
            .take_while(|(place, (at, _))| *place < excess || *at <= old)
            .take(EVENTS_EXPIRED_AT_ONCE_MAX)
            .map(|(_, (_, key))| key.clone())
            .collect()
    }

    fn next_due(&self) -> Timestamp {
        let first = self.0.first();
        let at = first.and_then(|(at, _)| Timestamp::from_nanosecond((*at).into()).ok());
        at.and_then(|at| at.checked_add(TTL).ok()).unwrap_or(Timestamp::MAX)
    }
}

fn written_at(event: &Event) -> i64 {
    let counted = event.last_timestamp.as_ref().map(|time| time.0);
    let timed = event.event_time.as_ref().map(|time| time.0);
    let created = event.metadata.creation_timestamp.as_ref().map(|time| time.0);
    nanoseconds(counted.or(timed).or(created).unwrap_or(Timestamp::UNIX_EPOCH))
}
