//! The candidates behind one face: write a group durably, read everything.

use std::path::Path;

/// Key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A database that has been opened.
pub trait Candidate {
    /// Returns when all of `rows` would survive a power cut.
    fn write(&mut self, rows: &[Row]);

    /// Reads every row.
    fn count(&mut self) -> usize;
}

/// The candidate called `name` in `folder`, as it would be set up for the store.
pub fn open(name: &str, folder: &Path) -> Box<dyn Candidate> {
    match name {
        "redb" => Box::new(Redb(redb::Database::create(folder.join("db")).unwrap())),
        "fjall" => Box::new(Fjall::open(folder)),
        "sqlite" => Box::new(Sqlite::open(folder)),
        "heed" => Box::new(Heed::open(folder)),
        _ => panic!("unknown database {name}"),
    }
}

struct Redb(redb::Database);

const TABLE: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("rows");

impl Candidate for Redb {
    fn write(&mut self, rows: &[Row]) {
        let mut transaction = self.0.begin_write().unwrap();
        // Without it, opening after a crash walks the whole file.
        transaction.set_quick_repair(true);
        {
            let mut table = transaction.open_table(TABLE).unwrap();
            for (key, value) in rows {
                table.insert(&key[..], &value[..]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn count(&mut self) -> usize {
        use redb::ReadableDatabase;
        let transaction = self.0.begin_read().unwrap();
        let table = transaction.open_table(TABLE).unwrap();
        table
            .range::<&[u8]>(..)
            .unwrap()
            .filter(|row| !row.as_ref().unwrap().1.value().is_empty())
            .count()
    }
}

struct Fjall {
    database: fjall::Database,
    rows: fjall::Keyspace,
}

impl Fjall {
    fn open(folder: &Path) -> Self {
        let database = fjall::Database::builder(folder).open().unwrap();
        let rows = database.keyspace("rows", fjall::KeyspaceCreateOptions::default).unwrap();
        Self { database, rows }
    }
}

impl Candidate for Fjall {
    fn write(&mut self, rows: &[Row]) {
        let mut batch = self.database.batch().durability(Some(fjall::PersistMode::SyncData));
        for (key, value) in rows {
            batch.insert(&self.rows, &key[..], &value[..]);
        }
        batch.commit().unwrap();
    }

    fn count(&mut self) -> usize {
        self.rows.iter().filter(|_| true).map(|row| row.into_inner().unwrap()).count()
    }
}

struct Sqlite(rusqlite::Connection);

impl Sqlite {
    fn open(folder: &Path) -> Self {
        let connection = rusqlite::Connection::open(folder.join("db")).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
                 CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;",
            )
            .unwrap();
        Self(connection)
    }
}

impl Candidate for Sqlite {
    fn write(&mut self, rows: &[Row]) {
        let transaction = self.0.transaction().unwrap();
        {
            let mut insert =
                transaction.prepare_cached("INSERT OR REPLACE INTO rows VALUES (?1, ?2)").unwrap();
            for (key, value) in rows {
                insert.execute((key, value)).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn count(&mut self) -> usize {
        let mut all = self.0.prepare("SELECT key, value FROM rows").unwrap();
        let rows = all.query_map((), |row| row.get::<_, Vec<u8>>(1)).unwrap();
        rows.filter(|row| !row.as_ref().unwrap().is_empty()).count()
    }
}

struct Heed {
    environment: heed::Env,
    rows: heed::Database<heed::types::Bytes, heed::types::Bytes>,
}

impl Heed {
    fn open(folder: &Path) -> Self {
        // SAFETY: nobody else opens this folder, so the map is not changed under us.
        let environment =
            unsafe { heed::EnvOpenOptions::new().map_size(8 << 30).open(folder).unwrap() };
        let mut transaction = environment.write_txn().unwrap();
        let rows = environment.create_database(&mut transaction, None).unwrap();
        transaction.commit().unwrap();
        Self { environment, rows }
    }
}

impl Candidate for Heed {
    fn write(&mut self, rows: &[Row]) {
        let mut transaction = self.environment.write_txn().unwrap();
        for (key, value) in rows {
            self.rows.put(&mut transaction, key, value).unwrap();
        }
        transaction.commit().unwrap();
    }

    fn count(&mut self) -> usize {
        let transaction = self.environment.read_txn().unwrap();
        self.rows
            .iter(&transaction)
            .unwrap()
            .filter(|row| !row.as_ref().unwrap().1.is_empty())
            .count()
    }
}
