//! What all servers of one state must have alike: whoever is first says what.

use crate::client::Client;
use crate::error::Result;
use crate::wire::{Compare, Operation, transaction};

/// Something that servers agree on, which is kept under a name.
pub struct Agreement<'a> {
    client: &'a Client,
    key: String,
}

impl<'a> Agreement<'a> {
    /// The one called `name`, which is a word.
    pub fn on(client: &'a Client, name: &str) -> Self {
        Self { client, key: client.layout().agreed(name) }
    }

    /// What has been agreed on, if anybody has said anything.
    pub async fn get(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.client.key(&self.key).await?.map(|found| found.value))
    }

    /// What all have from now on: `ours` if nobody has said anything, or else what was there.
    pub async fn propose(&self, ours: &[u8]) -> Result<Vec<u8>> {
        let propose = transaction(
            &[Compare::MadeAt(&self.key, 0)],
            vec![Operation::put(&self.key, ours)],
            vec![Operation::get(&self.key)],
        );
        let answer = self.client.transact(&propose).await?;
        let theirs = answer.found(0).filter(|_| !answer.succeeded).map(|found| found.value.clone());
        Ok(theirs.unwrap_or_else(|| ours.to_vec()))
    }

    /// Where it is kept.
    pub fn key(&self) -> &str {
        &self.key
    }
}
