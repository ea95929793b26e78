//! The disk: one fjall database. Nothing else knows which database it is.
//!
//! `benches/database` says why this one. A batch goes to its journal with a checksum and one
//! `fdatasync`; a batch that was cut off in the middle is dropped as a whole when it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::fjall::compaction::Leveled;
use ::fjall::config::FilterPolicy;
use ::fjall::{Database, Error, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::disk::{Disk, DiskError, Loaded, Row};
use crate::api::{Key, Kind};
use crate::limits::{
    DATABASE_CACHE_BYTES_MAX, DATABASE_JOURNAL_BYTES_MAX, DATABASE_MEMTABLE_BYTES_MAX,
    DATABASE_TABLES_MAX,
};

const RESOURCE_VERSION: &str = "resourceVersion";

/// Objects by `Kind/namespace/name`, and the version of the state that they are.
pub(super) struct Fjall {
    folder: PathBuf,
    /// `None` between a failed reopening and the next.
    open: Option<Open>,
}

struct Open {
    // Fields are dropped in order, and the database last, which gives the folder free.
    objects: Keyspace,
    state: Keyspace,
    database: Database,
}

impl Fjall {
    pub(super) fn open(folder: &Path) -> Result<Self, DiskError> {
        Ok(Self { folder: folder.into(), open: Some(Open::at(folder).map_err(in_words)?) })
    }

    fn opened(&self) -> Result<&Open, DiskError> {
        // What fjall itself says of a database that failed and must be opened anew.
        self.open.as_ref().ok_or_else(|| shared(Error::Poisoned))
    }
}

impl Disk for Fjall {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn load(&mut self) -> Result<Loaded, DiskError> {
        let open = self.opened()?;
        let mut objects = Vec::new();
        for row in open.objects.iter() {
            let (key, json) = row.into_inner().map_err(in_words)?;
            let kind = kind_of(&key).ok_or_else(|| shared(UnknownKind(lossy(&key))))?;
            objects.push((kind, json.to_vec()));
        }
        Ok(Loaded { objects, resource_version: open.resource_version()? })
    }

    async fn append(&mut self, rows: &[Row], resource_version: u64) -> Result<(), DiskError> {
        let open = self.opened()?;
        let mut batch = open.database.batch().durability(Some(PersistMode::SyncData));
        for row in rows {
            let key = row_key(row.kind, &row.key);
            match &row.json {
                Some(json) => batch.insert(&open.objects, key, &json[..]),
                None => batch.remove(&open.objects, key),
            }
        }
        batch.insert(&open.state, RESOURCE_VERSION, resource_version.to_be_bytes());
        batch.commit().map_err(in_words)
    }

    fn reopen(&mut self) -> Result<u64, DiskError> {
        self.open = None;
        let open = self.open.insert(Open::at(&self.folder).map_err(in_words)?);
        open.resource_version()
    }
}

impl Open {
    fn at(folder: &Path) -> Result<Self, Error> {
        let database = Database::builder(folder)
            .cache_size(DATABASE_CACHE_BYTES_MAX)
            .max_journaling_size(DATABASE_JOURNAL_BYTES_MAX)
            // Of several, the first does not compact: while another does, it takes its own message
            // out of their queue and puts it back without pause.
            .worker_threads(1)
            .open()?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(DATABASE_MEMTABLE_BYTES_MAX)
                // It is only read as a whole, when it is opened.
                .filter_policy(FilterPolicy::disabled())
                .compaction_strategy(Arc::new(
                    Leveled::default().with_l0_threshold(DATABASE_TABLES_MAX),
                ))
        };
        let objects = database.keyspace("objects", options)?;
        let state = database.keyspace("state", options)?;
        Ok(Self { objects, state, database })
    }

    fn resource_version(&self) -> Result<u64, DiskError> {
        let kept = self.state.get(RESOURCE_VERSION).map_err(in_words)?;
        let bytes = kept.as_deref().and_then(|bytes| bytes.try_into().ok());
        Ok(bytes.map_or(0, u64::from_be_bytes))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("there is an object of an unknown kind at \"{0}\"")]
struct UnknownKind(String);

fn row_key(kind: Kind, key: &Key) -> String {
    [kind.name(), &key.namespace, &key.name].join("/")
}

fn kind_of(row_key: &[u8]) -> Option<Kind> {
    let name = row_key.split(|byte| *byte == b'/').next()?;
    Kind::ALL.iter().copied().find(|kind| kind.name().as_bytes() == name)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The operating system's own words where they are the reason.
fn in_words(error: Error) -> DiskError {
    match error {
        Error::Io(source) => shared(source),
        error => shared(error),
    }
}

fn shared(error: impl std::error::Error + Send + Sync + 'static) -> DiskError {
    Arc::new(error)
}
