//! `mayfly backup` and `mayfly restore`: every object in one file, and back.
//!
//! ```text
//! a server that runs ── GET /mayfly/backup ──▶ file ── POST /mayfly/restore ──▶ a server that runs
//! a state folder ────── its store ───────────▶      ── its store ─────────────▶ a state folder
//! ```
//!
//! A file appears whole or not at all, for its owner alone: Secrets are in it. What is restored has
//! been read to its end before anything changes.

mod at_rest;
mod file;

use anyhow::Context;

use crate::args::{BackupArguments, RestoreArguments};
use crate::client;
use crate::exit::Exit;
use file::Target;

/// Makes a backup, of a server or of a folder that nobody serves.
pub(crate) fn backup(arguments: &BackupArguments) -> anyhow::Result<Exit> {
    let mut target = Target::open(&arguments.file)?;
    match &arguments.state_dir {
        Some(folder) => at_rest::backup(folder, &mut |piece| target.write(piece))?,
        None => {
            let loss = target.loss();
            client::backup(&arguments.server, loss, &mut |piece| target.write(piece))?;
        }
    }
    let header = target.finish()?;
    eprintln!(
        "mayfly: {} objects at resource version {} are in {}",
        header.objects,
        header.resource_version,
        arguments.file.display()
    );
    Ok(Exit::Done)
}

/// Puts a backup in the place of what a server, or a folder that nobody serves, has.
pub(crate) fn restore(arguments: &RestoreArguments) -> anyhow::Result<Exit> {
    let mut from = file::open(&arguments.file)?;
    let restored = match &arguments.state_dir {
        Some(folder) => at_rest::restore(folder, &mut from, arguments.replace)
            .with_context(|| format!("can't restore {}", arguments.file.display()))?,
        None => {
            let bytes = file::read(&arguments.file, from)?;
            client::restore(&arguments.server, bytes, arguments.replace)?
        }
    };
    eprintln!(
        "mayfly: restored {} objects; the resource version is {}",
        restored.objects, restored.resource_version
    );
    Ok(Exit::Done)
}

/// What was restored.
pub(crate) struct Restored {
    pub(crate) objects: usize,
    pub(crate) resource_version: u64,
}
