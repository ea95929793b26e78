//! What it promises when one state is put in the place of another.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Command, Stdio};

use futures_util::FutureExt;

use super::durable::{FakeDisk, Refusal, create, names, remove};
use super::*;
use crate::store::restore::VERSIONS_LEFT_OUT;

/// A state with `kept`, `changed` and `deleted`, and what became of it.
async fn lived(store: &Store) -> Snapshot {
    store.commit(create("kept").and(create("changed")).and(create("deleted"))).await.unwrap();
    let snapshot = store.snapshot();
    let change = |it: &mut ConfigMap| it.immutable = Some(true);
    let changed = Transaction::new().modify::<ConfigMap>(key("changed"), None, change);
    store.commit(changed.and(remove("deleted")).and(create("later"))).await.unwrap();
    snapshot
}

fn version(store: &Store, name: &str) -> u64 {
    let found = store.get::<ConfigMap>(&key(name)).expect(name);
    found.metadata.resource_version.as_ref().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_snapshot_takes_the_place_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path(), Clock::system(), Names::seeded(1)).unwrap();
    for store in [store(), open()] {
        let snapshot = lived(&store).await;
        let before = snapshot.objects.clone();
        let newest = store.resource_version();
        let mut watch = store.watch(Kind::ALL, newest).unwrap();
        let restored = store.restore(snapshot).await.unwrap();

        assert_eq!(names(&store), ["changed", "deleted", "kept"]);
        assert_eq!(store.get::<ConfigMap>(&key("changed")).unwrap().immutable, None);
        for object in before {
            let found = store.get_object(object.kind(), &object.key()).unwrap();
            assert_eq!(found.metadata().uid, object.metadata().uid);
        }
        assert_eq!(version(&store, "kept"), 1, "what is the same has not changed");
        assert!(version(&store, "changed") > newest && version(&store, "deleted") > newest);
        assert!(watch.next().await.is_err(), "who watches must list again");
        assert_eq!(store.resource_version(), restored);
        let mut watch = store.watch(Kind::ALL, restored).unwrap();
        store.commit(create("after")).await.unwrap();
        assert_eq!(drain(&mut watch), [(ChangeKind::Added, "after".into(), restored + 1)]);
    }
    assert_eq!(names(&open()), ["after", "changed", "deleted", "kept"]);
}

#[tokio::test]
async fn versions_go_on_above_those_of_both_states() {
    let old = store();
    for i in 0..50 {
        old.commit(create(&format!("{i:02}"))).await.unwrap();
    }
    let new = store();
    let restored = new.restore(old.snapshot()).await.unwrap();
    assert_eq!(restored, 50 + VERSIONS_LEFT_OUT + 50 + 1);
    assert!(version(&new, "00") > 50 + VERSIONS_LEFT_OUT, "what was given since is not known here");
    assert_eq!(new.snapshot().objects.len(), 50);
    // The same once more changes nothing but the version.
    let versions = |store: &Store| (0..50).map(|i| version(store, &format!("{i:02}"))).max();
    let before = versions(&new);
    let again = new.restore(new.snapshot()).await.unwrap();
    assert_eq!((again, versions(&new)), (restored + VERSIONS_LEFT_OUT + 1, before));
}

#[tokio::test]
async fn a_snapshot_that_the_disk_refuses_never_was() {
    for refusal in [Refusal::Lost, Refusal::KeptAllTheSame] {
        let disk = FakeDisk::default();
        let store = disk.store();
        let snapshot = lived(&store).await;
        let (there, newest) = (names(&store), store.resource_version());
        let mut watch = store.watch(Kind::ALL, newest).unwrap();
        disk.platter().refusal = Some(refusal);
        let error = store.restore(snapshot.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), "the change can't be kept in /state");
        assert_eq!((names(&store), store.resource_version()), (there.clone(), newest));

        disk.platter().refusal = None;
        store.commit(create("after")).await.unwrap();
        assert_eq!(drain(&mut watch), [(ChangeKind::Added, "after".into(), newest + 1)]);
        let mut kept = there;
        kept.insert(0, "after".into());
        assert_eq!((disk.names(), names(&disk.store())), (kept.clone(), kept));
        store.restore(snapshot).await.unwrap();
        assert_eq!(disk.names(), ["changed", "deleted", "kept"]);
    }
}

#[tokio::test]
async fn commits_come_before_it_or_after() {
    let disk = FakeDisk::default();
    let store = disk.store();
    store.commit(create("kept")).await.unwrap();
    let mut before = pin!(store.commit(create("before")));
    let mut restore = pin!(store.restore(store.snapshot()));
    let mut after = pin!(store.commit(create("after")));
    {
        // The disk stands still until all three are in the queue, in this order.
        let _held = disk.platter();
        assert!(before.as_mut().now_or_never().is_none());
        assert!(restore.as_mut().now_or_never().is_none());
        assert!(after.as_mut().now_or_never().is_none());
    }
    let (before, after) = (before.await.unwrap(), after.await.unwrap());
    let restored = restore.await.unwrap();
    assert!(before.resource_version < restored && restored < after.resource_version);
    assert_eq!(names(&store), ["after", "kept"]);
    assert_eq!(disk.names(), names(&store));
}

const CRASH_FOLDER: &str = "MAYFLY_TEST_RESTORE_FOLDER";

/// A state of many objects, all of which say whose they are; half of the names are in both.
async fn state_of(whose: &str, from: usize) -> Snapshot {
    let store = store();
    for number in from..from + 400 {
        let metadata = ObjectMeta {
            labels: Some([("whose".into(), whose.into())].into()),
            ..named(&format!("{number:03}"))
        };
        let object = ConfigMap { metadata, ..ConfigMap::default() };
        store.commit(Transaction::new().create(object)).await.unwrap();
    }
    store.snapshot()
}

/// Not a promise of its own: the process that the next test kills.
#[tokio::test]
async fn restoring_child() {
    let Some(folder) = std::env::var_os(CRASH_FOLDER).map(PathBuf::from) else { return };
    let store = Store::open(&folder, Clock::system(), Names::random()).unwrap();
    let states = [state_of("one", 0).await, state_of("other", 200).await];
    for number in 0.. {
        store.restore(states[number % 2].clone()).await.unwrap();
        println!("restored {number}");
    }
}

#[test]
fn a_kill_leaves_one_state_or_the_other() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::restore::restoring_child", "--nocapture"])
            .env(CRASH_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let restored = output.lines().map_while(Result::ok).filter(|it| it.starts_with("restored"));
        // Killed while it goes on restoring, so that it stops anywhere.
        for _ in restored.take(round) {}
        child.kill().unwrap();
        child.wait().unwrap();

        let store = Store::open(folder.path(), Clock::system(), Names::random()).unwrap();
        let all = store.list::<ConfigMap>(None).items;
        let whose: BTreeSet<_> =
            all.iter().map(|it| it.metadata.labels.as_ref().unwrap()["whose"].clone()).collect();
        assert_eq!((all.len(), whose.len()), (400, 1), "{whose:?}");
        let first = if whose.contains("one") { "000" } else { "200" };
        assert_eq!(all[0].metadata.name.as_deref(), Some(first));
    }
}
