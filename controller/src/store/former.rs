//! What kept the objects of a folder up to schema 2: a fjall database, from which they are taken over.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions};
use futures_util::FutureExt;

use super::disk::{Disk, DiskError, Row, shared};
use super::journal::Journal;
use crate::api::{Key, Kind};

const RESOURCE_VERSION: &str = "resourceVersion";

/// A new journal in the folder `journal`, with all that the database in the folder `former` has. If that
/// is cut off, it can be done again.
pub(super) fn taken_over(former: &Path, journal: &Path) -> Result<Journal, DiskError> {
    let (rows, resource_version) = read(former)?;
    match fs::remove_dir_all(journal) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(shared(error)),
        _ => {}
    }
    let mut journal = Journal::open(journal)?;
    let appended = journal.append(&rows, resource_version).now_or_never();
    appended.expect("a journal must block")?;
    Ok(journal)
}

/// Everything that the database in `folder` has, and the version of the state that it is.
fn read(folder: &Path) -> Result<(Vec<Row>, u64), DiskError> {
    let (_database, objects, state) = opened(folder).map_err(shared)?;
    let kept = state.get(RESOURCE_VERSION).map_err(shared)?;
    let resource_version = kept.as_deref().and_then(|bytes| bytes.try_into().ok());
    let mut rows = Vec::new();
    for row in objects.iter() {
        let (key, json) = row.into_inner().map_err(shared)?;
        let key = String::from_utf8_lossy(&key);
        let (kind, key) =
            place(&key).ok_or_else(|| shared(UnknownKind(key.clone().into_owned())))?;
        rows.push(Row { kind, key, json: Some(json.into()) });
    }
    Ok((rows, resource_version.map_or(0, u64::from_be_bytes)))
}

fn opened(folder: &Path) -> Result<(Database, Keyspace, Keyspace), ::fjall::Error> {
    let database = Database::builder(folder).worker_threads(1).open()?;
    let objects = database.keyspace("objects", KeyspaceCreateOptions::default)?;
    let state = database.keyspace("state", KeyspaceCreateOptions::default)?;
    Ok((database, objects, state))
}

/// What `Kind/namespace/name` means.
fn place(text: &str) -> Option<(Kind, Key)> {
    let (kind, rest) = text.split_once('/')?;
    let (namespace, name) = rest.split_once('/')?;
    let kind = Kind::ALL.iter().copied().find(|known| known.name() == kind)?;
    Some((kind, Key::new(namespace, name)))
}

#[derive(Debug, thiserror::Error)]
#[error("there is an object of an unknown kind at \"{0}\"")]
struct UnknownKind(String);

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes `rows` into the database in `folder`, as an older mayfly has.
    pub(in crate::store) fn write(folder: &Path, rows: &[Row], resource_version: u64) {
        let (database, objects, state) = opened(folder).expect("it must open");
        let mut batch = database.batch().durability(Some(::fjall::PersistMode::SyncData));
        for Row { kind, key, json } in rows {
            let key = [kind.name(), &key.namespace, &key.name].join("/");
            batch.insert(&objects, key, json.clone().expect("it must be kept"));
        }
        batch.insert(&state, RESOURCE_VERSION, resource_version.to_be_bytes());
        batch.commit().expect("it must be written");
    }
}
