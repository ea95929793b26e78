//! What the journal promises: what was appended is there, and what is not so any more goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use fastrand::Rng;
use futures_util::FutureExt;

use super::durable::{create, names, remove};
use super::*;
use crate::store::disk::{DiskError, Loaded, Old, Row};
use crate::store::journal::{Journal, Sizes};

const REMEDY: &str = "restore a backup into another state folder";

/// A few records a file.
const SMALL: Sizes = Sizes { file: 2_000, least: 6_000 };

/// What has been appended, with the version of each row.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    objects: BTreeMap<String, (u64, String)>,
    resource_version: u64,
}

fn open(folder: &Path) -> Journal {
    Journal::sized(folder, SMALL).unwrap()
}

fn append(journal: &mut Journal, rows: &[Row], version: u64) -> Result<(), DiskError> {
    journal.append(rows, version).now_or_never().expect("it must block")
}

fn row(name: &str, json: Option<&str>) -> Row {
    let json = json.map(|json| json.as_bytes().to_vec().into());
    Row { kind: Kind::ConfigMap, key: key(name), json }
}

impl Model {
    /// Some rows more, in a journal as well.
    fn append(&mut self, journal: &mut Journal, random: &mut Rng) {
        let (before, mut rows) = (self.objects.clone(), Vec::new());
        for _ in 0..random.usize(1..5) {
            self.resource_version += 1;
            let name = random.usize(0..12).to_string();
            if random.usize(0..4) == 0 {
                self.objects.remove(&name);
                rows.push(row(&name, None));
            } else {
                let version = self.resource_version;
                let json = format!("{{\"{version}\":\"{}\"}}", "x".repeat(random.usize(0..200)));
                rows.push(row(&name, Some(&json)));
                self.objects.insert(name, (version, json));
            }
        }
        // The store writes the last version of each object.
        let mut met = BTreeSet::new();
        rows.reverse();
        rows.retain(|row: &Row| met.insert(row.key.clone()));
        rows.reverse();
        append(journal, &rows, self.resource_version).unwrap();
        let is_gone = |name: &str, old: &u64| {
            self.objects.get(name).is_none_or(|(version, _)| version != old)
        };
        let gone = before.iter().filter(|(name, (old, _))| is_gone(name, old));
        journal.superseded(&gone.map(|(_, (old, _))| *old).collect::<Vec<_>>());
    }

    /// What the store does after each batch.
    fn rewrite_oldest(&self, journal: &mut Journal) {
        let unchanged = journal.oldest().into_iter().filter_map(|old| {
            let (last, json) = self.objects.get(&*old.key.name)?;
            (*last <= old.resource_version).then(|| row(&old.key.name, Some(json)))
        });
        journal.rewrite(&unchanged.collect::<Vec<_>>()).unwrap();
    }

    fn is_in(&self, journal: &mut Journal) {
        let Loaded { objects, resource_version } = journal.load().unwrap();
        assert_eq!(resource_version, self.resource_version);
        let mut found: Vec<_> = objects.map(|it| it.unwrap().1.to_vec()).collect();
        let mut expect: Vec<_> =
            self.objects.values().map(|(_, json)| json.clone().into_bytes()).collect();
        found.sort();
        expect.sort();
        assert_eq!(found, expect);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    files
}

fn size(folder: &Path) -> u64 {
    files(folder).iter().map(|file| file.metadata().unwrap().len()).sum()
}

fn copy(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in files(folder) {
        fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
    }
    copy
}

/// The last file, and what is in it.
fn newest(folder: &Path) -> (PathBuf, Vec<u8>) {
    let file = files(folder).pop().unwrap();
    (file.file_name().unwrap().into(), fs::read(file).unwrap())
}

/// As where the last record did not reach the disk as a whole.
fn tear(folder: &Path) {
    let (name, mut bytes) = newest(folder);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end] ^= 1;
    fs::write(folder.join(name), bytes).unwrap();
}

/// Whenever all stops, whatever of the last record has reached the disk by then.
#[test]
fn what_was_appended_is_there_and_what_is_not_so_any_more_goes() {
    for seed in 1..=3 {
        one_life(seed);
    }
}

fn one_life(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Rng::with_seed(seed);
    let (mut model, mut journal) = (Model::default(), open(folder.path()));
    for step in 0..500 {
        let before = model.clone();
        model.append(&mut journal, &mut random);
        let appended = copy(folder.path());
        model.rewrite_oldest(&mut journal);
        if step % 10 == 0 {
            let stopped = copy(folder.path());
            let mut found = open(stopped.path());
            model.is_in(&mut found);
            // It can be gone on with.
            let mut other = model.clone();
            other.append(&mut found, &mut random);
            other.is_in(&mut open(stopped.path()));
        }
        let rewritten = copy(folder.path());
        if newest(rewritten.path()) != newest(appended.path()) {
            tear(rewritten.path());
            model.is_in(&mut open(rewritten.path()));
        }
        tear(appended.path());
        before.is_in(&mut open(appended.path()));
        // What was rewritten is not durable yet.
        if step % 7 == 6 {
            assert_eq!(journal.reopen().unwrap(), model.resource_version);
        }
        if step % 100 == 99 {
            journal = open(folder.path());
        }
        // Twelve objects of some 150 bytes are kept.
        assert!(size(folder.path()) < 30_000, "{step}: {}", size(folder.path()));
    }
    assert!(!files(folder.path())[0].ends_with("0000000001"));
}

/// Appends and rewrites until the oldest of some files has gone, which is given as it was.
fn until_one_is_gone(
    model: &mut Model,
    journal: &mut Journal,
    random: &mut Rng,
) -> (PathBuf, Vec<u8>) {
    let folder = journal.folder().to_owned();
    loop {
        let oldest = files(&folder).remove(0);
        let before = fs::read(&oldest).unwrap();
        model.append(journal, random);
        model.rewrite_oldest(journal);
        if !oldest.exists() {
            return (oldest, before);
        }
    }
}

/// As where the system has not noted that it was removed.
#[test]
fn what_is_there_again_makes_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Rng::with_seed(7);
    let (mut model, mut journal) = (Model::default(), open(folder.path()));
    for _ in 0..3 {
        let (gone, bytes) = until_one_is_gone(&mut model, &mut journal, &mut random);
        fs::write(&gone, bytes).unwrap();
        model.is_in(&mut open(folder.path()));
        fs::remove_file(&gone).unwrap();
    }
    // Only the last that was removed can be.
    let (first, _) = until_one_is_gone(&mut model, &mut journal, &mut random);
    let (second, bytes) = until_one_is_gone(&mut model, &mut journal, &mut random);
    fs::write(&first, bytes).unwrap();
    let error = Journal::sized(folder.path(), SMALL).err().unwrap().to_string();
    assert_eq!(error, format!("{} is missing; {REMEDY}", second.display()));
}

/// Without a look at it.
#[test]
fn what_has_nothing_that_is_newest_goes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    let json = format!("{{\"a\":\"{}\"}}", "x".repeat(500));
    let kept = ["a", "b", "c"].map(|name| row(name, Some(&json)));
    append(&mut journal, &kept, 3).unwrap();
    for version in 4..=9 {
        append(&mut journal, &[row("d", Some(&json))], version).unwrap();
        journal.superseded(&[version - 1].into_iter().filter(|it| *it > 3).collect::<Vec<_>>());
    }
    let first = files(folder.path()).remove(0);
    fs::write(&first, "nobody looks at it").unwrap();
    assert_eq!(journal.oldest(), []);
    assert!(first.exists());
    append(&mut journal, &["a", "b", "c"].map(|name| row(name, None)), 12).unwrap();
    journal.superseded(&[1, 2]);
    assert_eq!(journal.oldest(), []);
    assert!(first.exists());
    journal.superseded(&[3]);
    assert_eq!(journal.oldest(), []);
    assert!(!first.exists());
    assert_eq!(open(folder.path()).load().unwrap().objects.count(), 1);
}

#[test]
fn what_was_refused_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    append(&mut journal, &[row("a", Some("{}"))], 1).unwrap();
    // What is not durable yet goes, too: it is still where it was.
    journal.rewrite(&[row("a", Some("{}"))]).unwrap();
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();
    let error = journal.reopen().unwrap_err();
    assert_eq!(error.to_string(), "No such file or directory (os error 2)");
    fs::rename(&away, folder.path()).unwrap();
    assert_eq!(journal.reopen().unwrap(), 1);
    append(&mut journal, &[row("b", Some("{}"))], 2).unwrap();
    let mut journal = open(folder.path());
    let loaded = journal.load().unwrap();
    assert_eq!((loaded.objects.count(), loaded.resource_version), (2, 2));
}

#[test]
fn damage_is_told_and_nothing_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Rng::with_seed(7);
    let (mut model, mut journal) = (Model::default(), open(folder.path()));
    while files(folder.path()).len() < 3 {
        model.append(&mut journal, &mut random);
    }
    let oldest = files(folder.path()).remove(0);
    let whole = fs::read(&oldest).unwrap();
    for place in [0, 20, 100, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&oldest, bytes).unwrap();
        let mut journal = open(folder.path());
        let error = journal.load().unwrap().objects.find_map(Result::err).unwrap().to_string();
        assert_eq!(error, format!("{} is damaged; {REMEDY}", oldest.display()));
        // Nor does it go.
        for _ in 0..100 {
            model.clone().append(&mut journal, &mut random);
            drop(journal.oldest());
        }
        assert!(oldest.exists());
        fs::remove_dir_all(folder.path()).unwrap();
        fs::create_dir(folder.path()).unwrap();
        model = Model::default();
        let mut journal = open(folder.path());
        while files(folder.path()).len() < 3 {
            model.append(&mut journal, &mut random);
        }
        fs::write(&oldest, &whole).unwrap();
    }
}

/// Nothing says that it has changed.
#[test]
fn what_has_no_version_is_kept() {
    let mut object = config_map("a");
    let mut has = |resource_version: Option<&str>| {
        object.metadata.resource_version = resource_version.map(str::to_owned);
        let state = State::of(vec![Object::ConfigMap(Arc::new(object.clone()))], 9);
        state.unchanged_since(5, Kind::ConfigMap, &key("a")).is_some()
    };
    assert!(has(None) && has(Some("5")) && !has(Some("6")));
}

/// Another process's file, or another version of this.
#[test]
fn what_is_no_journal_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("0000000001");
    fs::write(&file, "mayfly journal2\nwhat this does not know").unwrap();
    let error = Journal::open(folder.path()).err().unwrap().to_string();
    assert_eq!(error, format!("{} is damaged; {REMEDY}", file.display()));
    // What was cut off while it was made has nothing yet.
    for begun in ["", "mayfly jour", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
        fs::write(&file, begun).unwrap();
        let mut journal = open(folder.path());
        append(&mut journal, &[row("a", Some("{}"))], 1).unwrap();
        assert_eq!(open(folder.path()).load().unwrap().objects.count(), 1);
    }
}

/// Hands out what it is given, and notes what of it is rewritten.
#[derive(Clone, Default)]
struct OldDisk(Arc<Mutex<Given>>);

#[derive(Default)]
struct Given {
    /// What it hands out after the next batch, and what it does now.
    next: Vec<Old>,
    oldest: Vec<Old>,
    rewritten: Vec<String>,
    is_full: bool,
    reopened: usize,
}

impl Disk for OldDisk {
    fn folder(&self) -> &Path {
        Path::new("/state")
    }

    fn load(&mut self) -> Result<Loaded<'_>, DiskError> {
        Ok(Loaded::at_once(Vec::new(), 0))
    }

    async fn append(&mut self, _: &[Row], _: u64) -> Result<(), DiskError> {
        let mut old = self.0.lock().unwrap();
        old.oldest = std::mem::take(&mut old.next);
        Ok(())
    }

    fn oldest(&mut self) -> Vec<Old> {
        std::mem::take(&mut self.0.lock().unwrap().oldest)
    }

    fn rewrite(&mut self, rows: &[Row]) -> Result<(), DiskError> {
        let mut old = self.0.lock().unwrap();
        old.rewritten.extend(rows.iter().map(|row| row.key.name.to_string()));
        match old.is_full {
            true => Err(Arc::new(std::io::Error::from(std::io::ErrorKind::StorageFull))),
            false => Ok(()),
        }
    }

    fn reopen(&mut self) -> Result<u64, DiskError> {
        self.0.lock().unwrap().reopened += 1;
        Ok(7)
    }
}

#[tokio::test]
async fn only_what_is_newest_is_rewritten() {
    let disk = OldDisk::default();
    let store = Store::on(disk.clone(), None, Clock::system(), Names::seeded(1)).unwrap();
    for name in ["changed", "gone", "kept"] {
        store.commit(create(name)).await.unwrap();
    }
    let old =
        |name, resource_version| Old { kind: Kind::ConfigMap, key: key(name), resource_version };
    disk.0.lock().unwrap().next = vec![old("changed", 1), old("gone", 2), old("kept", 3)];
    let changed = |it: &mut ConfigMap| it.immutable = Some(true);
    let transaction = Transaction::new().modify(key("changed"), None, changed);
    store.commit(transaction.and(remove("gone"))).await.unwrap();

    // Who can't write it goes on as after any other refusal.
    let rewritten = || std::mem::take(&mut disk.0.lock().unwrap().rewritten);
    store.commit(create("other")).await.unwrap();
    assert_eq!(rewritten(), ["kept"]);
    (disk.0.lock().unwrap().next, disk.0.lock().unwrap().is_full) = (vec![old("kept", 3)], true);
    store.commit(create("more")).await.unwrap();
    store.commit(create("most")).await.unwrap();
    assert_eq!((rewritten(), disk.0.lock().unwrap().reopened), (vec!["kept".to_owned()], 1));
    assert_eq!(names(&store), ["changed", "kept", "more", "most", "other"]);
}
