//! Deletes tokens that have expired, as Kubernetes' `tokencleaner` does.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{EXPIRATION, NAMESPACE, SECRET_TYPE, has_expired, value};
use crate::api::{Key, Kind, Resource, Secret, Timestamp};
use crate::store::{DeleteOptions, Gone, Store, Transaction, Watch};

/// How long after an attempt that has failed there is another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Deletes what has expired.
pub struct TokenCleaner {
    store: Store,
}

impl TokenCleaner {
    /// For the tokens in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Works until `cancel` fires.
    pub async fn run(self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.run_forever()).await;
    }

    async fn run_forever(&self) {
        loop {
            let version = self.store.resource_version();
            // There are few, and they change seldom: all are looked at whenever one does.
            let next_due = self.clean().await;
            let Ok(watch) = self.store.watch(&[Kind::Secret], version) else { continue };
            tokio::select! {
                biased;
                _ = changed(watch) => {}
                () = self.store.clock().sleep_until(next_due) => {}
            }
        }
    }

    /// Deletes those that are over; when the next one is.
    async fn clean(&self) -> Timestamp {
        let now = self.store.clock().now();
        let all = self.store.list::<Secret>(Some(NAMESPACE)).items;
        let tokens = all.iter().filter(|it| it.type_.as_deref() == Some(SECRET_TYPE));
        let (over, good): (Vec<_>, Vec<_>) = tokens.partition(|it| has_expired(it, now));
        if !over.is_empty() {
            let delete = |all: Transaction, token: &&std::sync::Arc<Secret>| {
                let options =
                    DeleteOptions { uid: token.metadata.uid.clone(), ..DeleteOptions::default() };
                all.delete(Kind::Secret, token.key(), options)
            };
            let transaction = over.iter().fold(Transaction::new(), delete);
            if let Err(error) = self.store.commit(transaction).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "can't delete old tokens");
                tokio::time::sleep(RETRY_DELAY).await;
                return now;
            }
        }
        let ends = good.iter().filter_map(|it| value(it, EXPIRATION)?.parse().ok());
        ends.min().unwrap_or(Timestamp::MAX)
    }
}

/// Waits until a Secret has changed that may be a token.
async fn changed(mut watch: Watch) -> Result<(), Gone> {
    loop {
        let change = watch.next().await?;
        let Key { namespace, .. } = &change.key;
        if &**namespace == NAMESPACE {
            return Ok(());
        }
    }
}
