//! What a store does that has little to do, in simulated time.

use std::time::Duration;

use super::*;
use crate::api::Event;
use crate::limits::{WATCH_HISTORY_IDLE, WATCH_HISTORY_MAX, WATCH_HISTORY_SECONDS};
use crate::store::disk::{DiskError, Loaded, Row};
use crate::store::slot::Slot;

/// Keeps nothing, and says that it does.
struct NoDisk;

impl Disk for NoDisk {
    fn folder(&self) -> &Path {
        Path::new("nowhere")
    }

    fn load(&mut self) -> Result<Loaded<'_>, DiskError> {
        Ok(Loaded::at_once(Vec::new(), 0))
    }

    async fn append(&mut self, _: &[Row], _: u64) -> Result<(), DiskError> {
        Ok(())
    }

    fn reopen(&mut self) -> Result<u64, DiskError> {
        Ok(0)
    }
}

fn store_on_disk() -> Store {
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    Store::simulated(NoDisk, clock, Names::seeded(1)).expect("it starts")
}

fn event(number: usize) -> Event {
    let metadata = ObjectMeta {
        labels: Some([("number".to_owned(), number.to_string())].into()),
        ..named(&format!("event-{number}"))
    };
    Event { metadata, message: Some("Created container main".into()), ..Event::default() }
}

async fn make(store: &Store, numbers: std::ops::Range<usize>) {
    for number in numbers {
        store.commit(Transaction::new().create(event(number))).await.expect("it is made");
    }
}

fn packed(store: &Store) -> usize {
    let state = store.inner.shared.read();
    state.entries(Kind::Event, None).filter(|(_, slot)| matches!(slot, Slot::Packed(_))).count()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_writes_is_packed_and_is_the_same_for_all_who_read_it() {
    let store = store_on_disk();
    make(&store, 0..300).await;
    let before = store.list::<Event>(None);
    assert_eq!(packed(&store), 0);
    pass(30).await;
    assert_eq!(packed(&store), 300);
    let after = store.list::<Event>(None);
    assert_eq!(after.items, before.items);
    assert_eq!(after.resource_version, before.resource_version);
    let key = key("event-7");
    let wanted = before.items.iter().find(|event| event.key() == key);
    assert_eq!(store.get::<Event>(&key).as_ref(), wanted);
    assert_eq!(store.count(Kind::Event), 300);

    let mut watch =
        store.watch(&[Kind::Event], store.resource_version()).expect("it is the newest");
    let edit = |event: &mut Event| event.message = Some("again".into());
    store.commit(Transaction::new().modify(key.clone(), None, edit)).await.expect("it is there");
    let modified = watch.next().await.expect("it keeps up");
    let message = |object: Option<&Object>| Event::from_object(object?)?.message.clone();
    assert_eq!(message(modified.before.as_ref()).as_deref(), Some("Created container main"));
    assert_eq!(message(Some(&modified.object)).as_deref(), Some("again"));
    assert_eq!(packed(&store), 299);

    let gone =
        Transaction::new().delete(Kind::Event, self::key("event-8"), DeleteOptions::default());
    store.commit(gone).await.expect("it is there");
    let deleted = watch.next().await.expect("it keeps up");
    assert_eq!(message(deleted.before.as_ref()).as_deref(), Some("Created container main"));
    assert_eq!((packed(&store), store.count(Kind::Event)), (298, 299));
}

#[tokio::test(start_paused = true)]
async fn old_changes_are_forgotten_but_the_latest_stay() {
    let store = store_on_disk();
    make(&store, 0..WATCH_HISTORY_IDLE + 300).await;
    pass(WATCH_HISTORY_SECONDS - 60).await;
    assert!(store.watch(&[Kind::Event], 0).is_ok());
    pass(120).await;
    assert!(store.watch(&[Kind::Event], 299).is_err());
    let mut watch = store.watch(&[Kind::Event], 300).expect("it is one of the latest");
    let last = std::iter::from_fn(|| watch.try_next()).last().expect("there are changes");
    assert_eq!(last.resource_version, store.resource_version());
    let before = store.find_at(Kind::Event, None, 300).expect("it is known");
    assert_eq!(before.len(), 300);
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_changing_is_not_packed() {
    let store = store_on_disk();
    make(&store, 0..300).await;
    for round in 0..10 {
        for number in 0..300 {
            let edit = move |event: &mut Event| event.count = Some(round);
            let key = key(&format!("event-{number}"));
            let edited = store.commit(Transaction::new().modify(key, None, edit)).await;
            edited.expect("it is there");
        }
        pass(3).await;
        assert_eq!(packed(&store), 0);
    }
}

#[tokio::test]
async fn what_was_packed_and_is_written_holds_what_others_hold() {
    let store = store();
    store.commit(Transaction::new().create(bound_pod("a"))).await.expect("it is made");
    store.commit(Transaction::new().create(bound_pod("b"))).await.expect("it is made");
    store.pack_all();
    let mut watch = store.watch(&[Kind::Pod], store.resource_version()).expect("it is the newest");
    let edit = |pod: &mut Pod| pod.metadata.labels = Some([].into());
    store.commit(Transaction::new().modify(key("a"), None, edit)).await.expect("it is there");
    store.commit(delete("b", Some(0))).await.expect("it is there");
    let spec = |object: &Object| Pod::from_object(object)?.spec.clone();
    let mut specs: Vec<Shared<PodSpec>> = Vec::new();
    while let Some(change) = watch.try_next() {
        specs.extend(change.before.as_ref().and_then(spec));
        specs.extend(spec(&change.object));
    }
    assert_eq!(specs.len(), 4);
    assert!(specs.iter().all(|it| it.is_one_with(&specs[0])), "the history holds it as well");

    store.commit(Transaction::new().create(bound_pod("b"))).await.expect("it is made");
    store.pack_all();
    store.restore(store.snapshot()).await.expect("it is restored");
    let [a, b] = ["a", "b"].map(|name| store.get::<Pod>(&key(name)).expect("it is there"));
    let [a, b] = [&a, &b].map(|pod| pod.spec.as_ref().expect("it has one"));
    assert!(a.is_one_with(b));
}

#[tokio::test]
async fn whoever_looks_at_one_after_the_other_unpacks_no_more_than_that() {
    let store = store();
    make(&store, 0..10).await;
    store.pack_all();
    let mut each = store.each::<Event>();
    for _ in 0..2 {
        let (event, unpacked) = unpacked_by(async { each.next() }).await;
        assert_eq!((event.is_some(), unpacked), (true, 1));
    }
    assert_eq!(each.count(), 8);
}

#[tokio::test]
async fn whoever_holds_all_holds_what_they_have_in_common_once() {
    let store = store();
    for name in ["a", "b"] {
        store.commit(Transaction::new().create(bound_pod(name))).await.expect("it is made");
    }
    store.pack_all();
    let pods = store.list::<Pod>(None).items;
    let [a, b] = [&pods[0], &pods[1]].map(|pod| pod.spec.as_ref().expect("it has one"));
    assert!(a.is_one_with(b));
}

#[tokio::test]
async fn a_watch_misses_nothing_while_its_list_is_unpacked() {
    let store = store();
    make(&store, 0..600).await;
    store.pack_all();
    let version = store.resource_version();
    // While they are unpacked, more changes than the history holds.
    let many = WATCH_HISTORY_MAX / 2 + 100;
    let rounds = std::cell::Cell::new(0);
    let (all, mut watch) = store.list_and_watch_while(&[Kind::Event], || {
        rounds.set(rounds.get() + 1);
        for count in 0..many {
            let edit = move |event: &mut Event| event.count = i32::try_from(count).ok();
            let edited = Transaction::new().modify(key("event-7"), None, edit);
            store.commit_here(edited).expect("it is there");
        }
    });
    assert_eq!((all.len(), rounds.get()), (600, 2));
    assert!(store.watch(&[Kind::Event], version).is_err(), "the history is shorter");
    assert!(watch.keeps_up().is_ok());
    let told = std::iter::from_fn(|| watch.try_next()).map(|change| change.resource_version);
    assert!(told.eq(version + 1..=version + 2 * many as u64));
}
