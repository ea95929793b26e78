//! Backups of, and into, a state folder that nobody serves.

use std::path::Path;

use anyhow::{Context, ensure};
use mayfly_controller::backup::{Depth, Read, Reader, Writer};
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{Names, OpenError, Store};

use super::Restored;
use crate::state::StateFolder;

/// Gives the backup of what is in `folder` to `write`, a piece at a time.
pub(super) fn backup(
    folder: &Path,
    write: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let path = folder.join("store");
    ensure!(path.is_dir(), "{} is no state folder of a server", folder.display());
    let store = open(folder)?;
    Writer::new(store.snapshot(), Clock::system().now()).try_for_each(|piece| write(&piece))
}

/// Puts the backup in `bytes` in the place of what is in `folder`, which must be nothing unless it may
/// `replace` it.
pub(super) fn restore(folder: &Path, bytes: &[u8], replace: bool) -> anyhow::Result<Restored> {
    let mut reader = Reader::new(Depth::Objects);
    reader.feed(bytes)?;
    let Read { header, snapshot } = reader.finish()?;
    let store = open(folder)?;
    let there = store.snapshot().objects.len();
    ensure!(
        there == 0 || replace,
        "{} has {there} objects already; say --replace to put the backup in their place",
        folder.display()
    );
    let threads = tokio::runtime::Builder::new_current_thread().build();
    let restored = threads.context("can't start")?.block_on(store.restore(snapshot))?;
    Ok(Restored { objects: header.objects, resource_version: restored })
}

fn open(folder: &Path) -> anyhow::Result<Store> {
    let state = StateFolder::open(Some(folder))?;
    let path = state.store().context("state must be in a folder")?;
    Store::open(&path, Clock::system(), Names::random()).map_err(|error| {
        let is_in_use = matches!(error, OpenError::InUse { .. });
        let error = anyhow::Error::new(error);
        match is_in_use {
            true => error.context("a server is at work there: ask it, without --state-dir"),
            false => error,
        }
    })
}
