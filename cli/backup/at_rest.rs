//! Backups of, and into, a state folder that nobody serves.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, ensure};
use mayfly_controller::backup::{Depth, Read, Reader, Writer};
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{Names, OpenError, Store};
use rustix::process::geteuid;

use super::Restored;
use crate::state::StateFolder;

/// Bytes of a backup that are read at once. Its objects are kept, and nothing of the file beside them.
const PIECE_BYTES: usize = 64 << 10;

/// Gives the backup of what is in `folder` to `write`, a piece at a time.
pub(super) fn backup(
    folder: &Path,
    write: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let path = folder.join("store");
    ensure_own(folder)?;
    ensure!(path.is_dir(), "{} is no state folder of a server", folder.display());
    let store = open(folder, Store::open_as_it_is)?;
    Writer::new(store.snapshot(), Clock::system().now()).try_for_each(|piece| write(&piece))
}

/// Puts the backup that comes `from` somewhere in the place of what is in `folder`, which must be
/// nothing unless it may `replace` it.
pub(super) fn restore(
    folder: &Path,
    from: &mut dyn io::Read,
    replace: bool,
) -> anyhow::Result<Restored> {
    let mut reader = Reader::new(Depth::Objects);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => reader.feed(&piece[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("it can't be read"),
        }
    }
    let Read { header, snapshot } = reader.finish()?;
    ensure_own(folder)?;
    // What is not replaced stays what it is, whatever mayfly it is of.
    let store = open(folder, if replace { Store::open } else { Store::open_as_it_is })?;
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

/// A way of opening a store.
type Open = fn(&Path, Clock, Names) -> Result<Store, OpenError>;

fn open(folder: &Path, how: Open) -> anyhow::Result<Store> {
    let state = StateFolder::open(folder)?;
    let path = state.store().context("state must be in a folder")?;
    how(&path, Clock::system(), Names::random()).map_err(|error| {
        let is_in_use = matches!(error, OpenError::InUse { .. });
        let error = anyhow::Error::new(error);
        match is_in_use {
            true => error.context("a server is at work there: ask it, without --state-dir"),
            false => error,
        }
    })
}

/// An error if another user owns `folder`, or what it would be made in: whoever serves it could not
/// open what we leave there.
fn ensure_own(folder: &Path) -> anyhow::Result<()> {
    let path = std::path::absolute(folder).with_context(|| cant_use(folder))?;
    let nearest = path.ancestors().find_map(|it| Some((it, fs::metadata(it).ok()?)));
    let (nearest, found) = nearest.with_context(|| cant_use(folder))?;
    let (own, owner) = (geteuid().as_raw(), found.uid());
    // What is new in a folder of the system's, such as /tmp, belongs to who makes it.
    let is_new = nearest != path && owner == 0;
    ensure!(
        own == owner || is_new,
        "{} belongs to another user, who could not open what is written there; run this as that \
         user: sudo -u {} mayfly …",
        nearest.display(),
        name_of(owner)
    );
    Ok(())
}

/// The name of the user `uid` as sudo takes it.
fn name_of(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("'#{uid}'"))
}

fn cant_use(folder: &Path) -> String {
    format!("can't use {}", folder.display())
}
