//! What a store on disk promises: what was acknowledged stays, what was refused never was.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::store::disk::{DiskError, Loaded, Row};

const CRASH_FOLDER: &str = "MAYFLY_TEST_CRASH_FOLDER";

/// A disk that can refuse, and be cut off.
#[derive(Clone, Default)]
pub(super) struct FakeDisk(Arc<Mutex<Platter>>);

#[derive(Default)]
pub(super) struct Platter {
    pub(super) rows: BTreeMap<(Kind, Key), Vec<u8>>,
    pub(super) resource_version: u64,
    pub(super) refusal: Option<Refusal>,
    must_reopen: bool,
    batches: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Refusal {
    /// Nothing of the batch is there.
    Lost,
    /// All of the batch is there all the same.
    KeptAllTheSame,
}

impl FakeDisk {
    pub(super) fn platter(&self) -> std::sync::MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    pub(super) fn store(&self) -> Store {
        Store::on(self.clone(), None, Clock::system(), Names::seeded(1)).unwrap()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.platter().rows.keys().map(|(_, key)| key.name.to_string()).collect()
    }
}

impl Disk for FakeDisk {
    fn folder(&self) -> &Path {
        Path::new("/state")
    }

    fn load(&mut self) -> Result<Loaded<'_>, DiskError> {
        let platter = self.platter();
        let objects = platter.rows.iter().map(|((kind, _), json)| (*kind, json.clone())).collect();
        Ok(Loaded::at_once(objects, platter.resource_version))
    }

    async fn append(&mut self, rows: &[Row], resource_version: u64) -> Result<(), DiskError> {
        let mut platter = self.platter();
        assert!(!platter.must_reopen, "a disk that failed must be opened anew");
        let refusal = platter.refusal;
        platter.must_reopen = refusal.is_some();
        if !matches!(refusal, Some(Refusal::Lost)) {
            platter.batches += 1;
            platter.resource_version = resource_version;
            for row in rows {
                let place = (row.kind, row.key.clone());
                match row.json.clone() {
                    Some(json) => platter.rows.insert(place, json.into()),
                    None => platter.rows.remove(&place),
                };
            }
        }
        match refusal {
            None => Ok(()),
            Some(_) => Err(Arc::new(io::Error::from(io::ErrorKind::StorageFull))),
        }
    }

    fn reopen(&mut self) -> Result<u64, DiskError> {
        self.platter().must_reopen = false;
        Ok(self.platter().resource_version)
    }
}

pub(super) fn names(store: &Store) -> Vec<String> {
    let list = store.list::<ConfigMap>(None);
    list.items.iter().map(|object| object.metadata.name.clone().unwrap()).collect()
}

pub(super) fn create(name: &str) -> Transaction {
    Transaction::new().create(config_map(name))
}

pub(super) fn remove(name: &str) -> Transaction {
    Transaction::new().delete(Kind::ConfigMap, key(name), DeleteOptions::default())
}

#[tokio::test]
async fn a_folder_keeps_its_objects_and_versions() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path(), Clock::system(), Names::seeded(1)).unwrap();
    let store = open();
    store.commit(create("a").and(create("b"))).await.unwrap();
    store.commit(remove("a")).await.unwrap();
    let before = store.get::<ConfigMap>(&key("b")).unwrap();
    let in_use = Store::open(folder.path(), Clock::system(), Names::seeded(1)).err().unwrap();
    assert!(in_use.to_string().contains("is in use by process"), "{in_use}");
    drop(store);

    let store = open();
    assert_eq!(names(&store), ["b"]);
    let after = store.get::<ConfigMap>(&key("b")).unwrap();
    assert_eq!(after.metadata.uid, before.metadata.uid);
    assert_eq!(store.list::<ConfigMap>(None).resource_version, 3);
    assert!(store.watch(Kind::ALL, 2).is_err(), "what was before is not known any more");
    let mut watch = store.watch(Kind::ALL, 3).unwrap();
    store.commit(create("c")).await.unwrap();
    assert_eq!(watch.next().await.unwrap().resource_version, 4);
}

#[tokio::test]
async fn what_the_disk_refuses_never_was() {
    for refusal in [Refusal::Lost, Refusal::KeptAllTheSame] {
        let disk = FakeDisk::default();
        let store = disk.store();
        store.commit(create("a")).await.unwrap();
        let mut watch = store.watch(Kind::ALL, 1).unwrap();

        disk.platter().refusal = Some(refusal);
        for _ in 0..3 {
            let error = store.commit(remove("a").and(create("b"))).await.unwrap_err();
            assert_eq!(error.to_string(), "the change can't be kept in /state");
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(source, "no storage space");
            assert_eq!((names(&store), store.resource_version()), (vec!["a".into()], 1));
        }
        assert_eq!(drain(&mut watch), []);

        disk.platter().refusal = None;
        store.commit(create("c")).await.unwrap();
        assert_eq!(drain(&mut watch), [(ChangeKind::Added, "c".into(), 2)]);
        assert_eq!((disk.names(), names(&store)), (vec!["a".into(), "c".into()], names(&store)));
        drop(store);
        assert_eq!(names(&disk.store()), ["a", "c"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_share_batches_and_stay_in_order() {
    let disk = FakeDisk::default();
    let store = disk.store();
    let mut watch = store.watch(Kind::ALL, 0).unwrap();
    // While the disk is held up, everything else gathers behind the first.
    let held = disk.platter();
    let commits: Vec<_> = (0..500)
        .map(|i| {
            let store = store.clone();
            let transaction = create(&format!("{i}")).and(remove(&format!("{i}")));
            tokio::spawn(async move { store.commit(transaction).await })
        })
        .collect();
    drop(held);
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    for expected in 1..=1000 {
        let change = watch.next().await.unwrap();
        let what = if expected % 2 == 1 { ChangeKind::Added } else { ChangeKind::Deleted };
        assert_eq!((change.resource_version, change.what), (expected, what));
    }
    assert!(disk.platter().batches < 500, "{} batches", disk.platter().batches);
    assert!(disk.names().is_empty());
}

#[tokio::test]
async fn a_batch_is_checked_against_what_it_stages() {
    let disk = FakeDisk::default();
    let store = disk.store();
    let (first, second) = tokio::join!(store.commit(create("a")), store.commit(create("a")));
    assert!(first.is_ok());
    assert!(matches!(second, Err(CommitError::AlreadyExists { .. })));
}

#[tokio::test]
async fn a_panic_is_everybodys() {
    let disk = FakeDisk::default();
    let store = disk.store();
    store.commit(create("a")).await.unwrap();
    let bad = Transaction::new().modify::<ConfigMap>(key("a"), None, |_| panic!("as it must"));
    for transaction in [bad, create("b")] {
        let store = store.clone();
        let commit = tokio::spawn(async move { store.commit(transaction).await });
        assert!(commit.await.unwrap_err().is_panic());
    }
    assert_eq!(names(&store), ["a"]);
}

/// Not a promise of its own: the process that the next test kills.
#[tokio::test]
async fn crashing_child() {
    let Some(folder) = std::env::var_os(CRASH_FOLDER).map(PathBuf::from) else { return };
    let store = Store::open(&folder, Clock::system(), Names::random()).unwrap();
    let first = names(&store).len();
    for i in first.. {
        let pair =
            create(&format!("{i:06}")).create(Pod { spec: None, ..bound_pod(&format!("{i:06}")) });
        store.commit(pair).await.unwrap();
        println!("acknowledged {i}");
    }
}

#[test]
fn everything_acknowledged_outlives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = None;
    for round in 1..=3 {
        let mut child = spawn_child(folder.path());
        let output = BufReader::new(child.stdout.take().unwrap());
        let heard = output.lines().map_while(Result::ok);
        let number = |line: String| line.strip_prefix("acknowledged ")?.parse::<usize>().ok();
        // Kills while the child goes on writing, so that it stops anywhere.
        for number in heard.filter_map(number) {
            acknowledged = Some(number);
            if number >= 100 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();

        let store = Store::open(folder.path(), Clock::system(), Names::random()).unwrap();
        let kept = names(&store);
        assert!(kept.len() > acknowledged.unwrap(), "{} < {acknowledged:?}", kept.len());
        assert_eq!(kept.last(), Some(&format!("{:06}", kept.len() - 1)), "there is no gap");
        assert_eq!(store.list::<Pod>(None).items.len(), kept.len(), "no transaction is torn");
        assert_eq!(store.resource_version(), 2 * kept.len() as u64);
    }
}

fn spawn_child(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::durable::crashing_child", "--nocapture"])
        .env(CRASH_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_torn_journal_loses_whole_transactions_from_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| Store::open(path, Clock::system(), Names::seeded(1)).unwrap();
    let store = open(folder.path());
    for i in 0..20 {
        store
            .commit(create(&format!("{i:02}")).and(create(&format!("{i:02}-twin"))))
            .await
            .unwrap();
    }
    let journal = |folder: &Path| folder.join("journal/0000000001");
    // It is copied when nobody writes or removes anything any more.
    let all = names(&store);
    drop(store);
    let bytes = std::fs::read(journal(folder.path())).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for cut in [0, 1, 50, end / 3, end / 2, end] {
        let torn = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), torn.path());
        // A file of the journal has its size in advance, so what was cut off reads as zeros.
        std::fs::write(journal(torn.path()), &bytes[..=end - cut]).unwrap();
        let damaged = std::fs::File::options().write(true).open(journal(torn.path())).unwrap();
        damaged.set_len(bytes.len() as u64).unwrap();
        let kept = names(&open(torn.path()));
        assert_eq!(kept.len() % 2, 0, "cut {cut}: a transaction is torn: {kept:?}");
        assert!(cut == 0 || kept.len() < 40, "cut {cut}");
        assert_eq!(kept, all[..kept.len()], "cut {cut}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn very_many_objects_are_read_as_one() {
    let disk = FakeDisk::default();
    let row = |number: usize| {
        let name = format!("{number:04}");
        let json = format!(r#"{{"metadata": {{"name": "{name}", "namespace": "default"}}}}"#);
        ((Kind::ConfigMap, key(&name)), json.into_bytes())
    };
    disk.platter().rows.extend((0..3_000).map(row));
    let store = disk.store();
    assert_eq!(names(&store), disk.names());
    drop(store);
    for number in [0, 1_499, 2_999] {
        disk.platter().rows.insert((Kind::ConfigMap, key(&format!("{number:04}"))), b"{".into());
        let opened = Store::on(disk.clone(), None, Clock::system(), Names::seeded(1));
        let error = opened.err().expect("it can't be read");
        assert!(matches!(error, OpenError::Unreadable { .. }), "{error}");
        disk.platter().rows.extend([row(number)]);
    }
    assert_eq!(disk.store().count(Kind::ConfigMap), 3_000);
}
