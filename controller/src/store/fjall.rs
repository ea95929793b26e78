//! The disk: one fjall database. Nothing else knows which database it is.
//!
//! `benches/database` says why this one. A batch goes to its journal with a checksum and one
//! `fdatasync`; a batch that was cut off in the middle is dropped as a whole when it is opened.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::fjall::compaction::Leveled;
use ::fjall::config::FilterPolicy;
use ::fjall::{Database, Error, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::disk::{Disk, DiskError, Loaded, Row};
use crate::api::{Key, Kind};
use crate::limits::{
    DATABASE_CACHE_BYTES_MAX, DATABASE_JOURNAL_BYTES_MAX, DATABASE_MEMTABLE_BYTES_MAX,
    DATABASE_ROWS_AT_REST_MAX, DATABASE_TABLES_MAX,
};

/// What an earlier process has left in the journal is read into memory when it is opened.
const UNKNOWN_MANY: usize = usize::MAX;

const RESOURCE_VERSION: &str = "resourceVersion";

/// Objects by `Kind/namespace/name`, and the version of the state that they are.
pub(super) struct Fjall {
    folder: PathBuf,
    /// `None` between a failed reopening and the next.
    open: Option<Open>,
    /// Rows that it may hold in memory because they are in its journal alone.
    in_journal: usize,
}

struct Open {
    // Fields are dropped in order, and the database last, which gives the folder free.
    objects: Keyspace,
    state: Keyspace,
    database: Database,
}

impl Fjall {
    pub(super) fn open(folder: &Path) -> Result<Self, DiskError> {
        let open = Some(Open::at(folder).map_err(in_words)?);
        Ok(Self { folder: folder.into(), open, in_journal: UNKNOWN_MANY })
    }

    fn opened(&self) -> Result<&Open, Error> {
        // What fjall itself says of a database that failed and must be opened anew.
        self.open.as_ref().ok_or(Error::Poisoned)
    }

    fn write(&self, rows: &[Row], resource_version: u64) -> Result<(), Error> {
        let open = self.opened()?;
        let mut batch = open.database.batch().durability(Some(PersistMode::SyncData));
        for row in rows {
            let key = row_key(row.kind, &row.key);
            match &row.json {
                // The same bytes, not a copy.
                Some(json) => batch.insert(&open.objects, key, json.clone()),
                None => batch.remove(&open.objects, key),
            }
        }
        batch.insert(&open.state, RESOURCE_VERSION, resource_version.to_be_bytes());
        batch.commit()
    }
}

impl Disk for Fjall {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn load(&mut self) -> Result<Loaded<'_>, DiskError> {
        let open = self.opened().map_err(in_words)?;
        let objects = open.objects.iter().map(|row| {
            let (key, json) = row.into_inner().map_err(in_words)?;
            let kind = kind_of(&key).ok_or_else(|| shared(UnknownKind(lossy(&key))))?;
            Ok((kind, json.into()))
        });
        Ok(Loaded { objects: Box::new(objects), resource_version: open.resource_version()? })
    }

    async fn append(&mut self, rows: &[Row], resource_version: u64) -> Result<(), DiskError> {
        let written = match self.write(rows, resource_version) {
            // The thread that writes tables has failed since the last batch, and only its log says
            // of what. Nothing of this one was written: opened anew, the database takes it, or says
            // why not.
            Err(Error::Poisoned) => {
                self.reopen()?;
                self.write(rows, resource_version)
            }
            written => written,
        };
        self.in_journal = self.in_journal.saturating_add(rows.len());
        written.map_err(in_words)
    }

    fn rest(&mut self) {
        let Some(open) = self.open.as_ref() else { return };
        if self.in_journal <= DATABASE_ROWS_AT_REST_MAX {
            return;
        }
        // Its own thread writes them, and says in the next batch where it could not.
        for keyspace in [&open.objects, &open.state] {
            if let Err(error) = keyspace.rotate_memtable() {
                tracing::debug!(%error, "what was written stays in memory for now");
            }
        }
        self.in_journal = 0;
    }

    fn reopen(&mut self) -> Result<u64, DiskError> {
        self.open = None;
        self.in_journal = UNKNOWN_MANY;
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

#[derive(Debug, thiserror::Error)]
#[error("the database can't write its tables; its disk may be full")]
struct TablesFailed;

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
        Error::Poisoned => shared(TablesFailed),
        error => match of_the_system(&error) {
            Some(source) => shared(source),
            None => shared(error),
        },
    }
}

/// What the operating system said, where `error` is of a table.
fn of_the_system(error: &Error) -> Option<io::Error> {
    let Error::Storage(of_table) = error else { return None };
    let source = of_table.source()?.downcast_ref::<io::Error>()?;
    source.raw_os_error().map(io::Error::from_raw_os_error)
}

fn shared(error: impl std::error::Error + Send + Sync + 'static) -> DiskError {
    Arc::new(error)
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    fn row(name: &str) -> Row {
        Row { kind: Kind::ConfigMap, key: Key::new("default", name), json: Some("{}".into()) }
    }

    fn names(fjall: &Fjall) -> Vec<String> {
        let open = fjall.opened().unwrap();
        open.objects.iter().map(|row| lossy(&row.into_inner().unwrap().0)).collect()
    }

    /// Has the memtable written, which fails, and waits until the database says so.
    fn fail_in_the_background(fjall: &Fjall) {
        let open = fjall.opened().unwrap();
        open.objects.rotate_memtable().unwrap();
        while open.database.persist(PersistMode::Buffer).is_ok() {
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn what_fails_in_the_background_is_tried_anew_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut fjall = Fjall::open(folder.path()).unwrap();
        fjall.append(&[row("a")], 1).await.unwrap();
        let tables = fjall.opened().unwrap().objects.path().join("tables");
        let aside = folder.path().join("aside");

        // It was for a time.
        fs::rename(&tables, &aside).unwrap();
        fail_in_the_background(&fjall);
        fs::rename(&aside, &tables).unwrap();
        fjall.append(&[row("b")], 2).await.unwrap();
        assert_eq!(names(&fjall), ["ConfigMap/default/a", "ConfigMap/default/b"]);

        // It lasts.
        fs::rename(&tables, &aside).unwrap();
        fail_in_the_background(&fjall);
        fs::write(&tables, "no folder").unwrap();
        for version in [3, 4] {
            let error = fjall.append(&[row("c")], version).await.unwrap_err();
            assert_eq!(error.to_string(), "Not a directory (os error 20)");
        }

        fs::remove_file(&tables).unwrap();
        fs::rename(&aside, &tables).unwrap();
        assert_eq!(fjall.reopen().unwrap(), 2);
        fjall.append(&[row("d")], 3).await.unwrap();
        drop(fjall);
        let mut fjall = Fjall::open(folder.path()).unwrap();
        assert_eq!(fjall.load().unwrap().resource_version, 3);
        assert_eq!(names(&fjall).len(), 3);
    }
    #[tokio::test]
    async fn at_rest_it_holds_nothing_that_a_table_has() {
        let folder = tempfile::tempdir().unwrap();
        let mut fjall = Fjall::open(folder.path()).unwrap();
        let rows = |from: usize, count| -> Vec<Row> {
            (from..from + count).map(|number| row(&format!("{number:06}"))).collect()
        };
        let has_tables = |fjall: &Fjall, count| {
            let open = fjall.opened().unwrap();
            while open.objects.table_count() < count || open.state.table_count() < count {
                thread::yield_now();
            }
        };
        fjall.append(&rows(0, DATABASE_ROWS_AT_REST_MAX), 1).await.unwrap();
        fjall.rest();
        has_tables(&fjall, 1);
        assert_eq!(fjall.in_journal, 0);

        fjall.append(&rows(DATABASE_ROWS_AT_REST_MAX, DATABASE_ROWS_AT_REST_MAX), 2).await.unwrap();
        fjall.rest();
        assert_eq!(fjall.in_journal, DATABASE_ROWS_AT_REST_MAX, "too few for a table");
        fjall.append(&[row("z")], 3).await.unwrap();
        fjall.rest();
        has_tables(&fjall, 2);

        drop(fjall);
        let fjall = Fjall::open(folder.path()).unwrap();
        assert_eq!(fjall.opened().unwrap().resource_version().unwrap(), 3);
        assert_eq!(names(&fjall).len(), 2 * DATABASE_ROWS_AT_REST_MAX + 1);
    }
}
