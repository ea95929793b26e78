//! What it promises of a state that another mayfly has left.

use std::fs;

use futures_util::FutureExt;
use serde_json::Value;

use super::durable::{FakeDisk, Refusal};
use super::*;
use crate::store::disk::Row;
use crate::store::schema::{CURRENT, FORMAT_FILE, Schema, Step};

/// Two steps beyond schema 1: nothing changes, and then an annotation is called otherwise.
const STEPS: Schema = Schema(&[Step { object: |_| {} }, Step { object: rename }]);

fn rename(object: &mut Value) {
    let Some(annotations) = object["metadata"]["annotations"].as_object_mut() else { return };
    if let Some(value) = annotations.remove("old") {
        annotations.insert("new".into(), value);
    }
}

/// An object as an older mayfly has written it.
fn json(name: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"annotations":{{"old":"{name}"}},
            "name":"{name}","namespace":"default","resourceVersion":"7","uid":"u-{name}"}},
            "data":{{"key":"value"}}}}"#
    )
}

fn rows(names: &[&str]) -> Vec<Row> {
    let row = |name: &&str| Row {
        kind: Kind::ConfigMap,
        key: key(name),
        json: Some(json(name).into_bytes().into()),
    };
    names.iter().map(row).collect()
}

/// A folder as a mayfly of schema 1 leaves it.
fn folder_of_schema_1() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FORMAT_FILE), "1\n").unwrap();
    former::tests::write(&folder.path().join("objects"), &rows(&["a", "b"]), 7);
    folder
}

fn open(folder: &Path, schema: Schema) -> Result<Store, OpenError> {
    Store::open_as(schema, folder, Clock::system(), Names::seeded(1))
}

fn annotations(store: &Store) -> Vec<(String, String)> {
    let all = store.list::<ConfigMap>(None).items;
    let annotations = all.iter().flat_map(|it| it.metadata.annotations.clone().unwrap());
    annotations.collect()
}

fn pairs(name: &str) -> Vec<(String, String)> {
    ["a", "b"].map(|value| (name.to_owned(), value.to_owned())).to_vec()
}

fn said(folder: &Path) -> String {
    fs::read_to_string(folder.join(FORMAT_FILE)).unwrap()
}

#[tokio::test]
async fn what_an_older_mayfly_has_left_is_taken_over() {
    let folder = folder_of_schema_1();
    let store = open(folder.path(), CURRENT).unwrap();
    assert_eq!((annotations(&store), store.resource_version()), (pairs("old"), 7));
    store.commit(Transaction::new().create(config_map("c"))).await.unwrap();
    assert_eq!(store.resource_version(), 8);
    let ours = format!("{} mayfly/{}\n", CURRENT.version(), env!("CARGO_PKG_VERSION"));
    assert_eq!(said(folder.path()), ours);
}

#[test]
fn every_step_is_taken_once() {
    let folder = folder_of_schema_1();
    for schema in [Schema(&STEPS.0[..1]), STEPS, STEPS] {
        let store = open(folder.path(), schema).unwrap();
        let expect = if schema.version() == 3 { "new" } else { "old" };
        assert_eq!(annotations(&store), pairs(expect));
        assert_eq!(store.get::<ConfigMap>(&key("a")).unwrap().metadata.uid.as_deref(), Some("u-a"));
        assert!(said(folder.path()).starts_with(&format!("{} mayfly/", schema.version())));
    }
    let error = open(folder.path(), Schema(&STEPS.0[..1])).err().unwrap().to_string();
    for part in ["is of schema 3, written by mayfly", "knows schemas up to 2", "start that one"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(annotations(&open(folder.path(), STEPS).unwrap()), pairs("new"), "it is unharmed");
}

/// Whether the objects were written or not when everything stopped, the next start makes it whole,
/// and until then no older mayfly takes the folder.
#[test]
fn an_upgrade_that_is_cut_off_is_taken_up_again() {
    for refusal in [Refusal::Lost, Refusal::KeptAllTheSame] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FORMAT_FILE), "1\n").unwrap();
        let mut disk = FakeDisk::default();
        disk.append(&rows(&["a", "b"]), 7).now_or_never().unwrap().unwrap();
        disk.platter().refusal = Some(refusal);
        STEPS.upgrade(folder.path(), 1, &mut disk).unwrap_err();
        assert!(said(folder.path()).starts_with("from 1 to 3 mayfly/"));
        let older = Schema(&STEPS.0[..1]).of_folder(folder.path());
        assert!(older.unwrap_err().to_string().contains("is of schema 3"));

        disk.platter().refusal = None;
        disk.reopen().unwrap();
        let from = STEPS.of_folder(folder.path()).unwrap().schema;
        STEPS.upgrade(folder.path(), from, &mut disk).unwrap();
        assert_eq!(STEPS.of_folder(folder.path()).unwrap().schema, 3);
        let store = disk.store();
        assert_eq!((annotations(&store), store.resource_version()), (pairs("new"), 7));
    }
}

/// Whoever reads it only, such as a backup, has no say in who can read it afterwards.
#[test]
fn it_can_be_asked_to_stay_as_it_is() {
    let folder = folder_of_schema_1();
    let as_it_is = || Store::open_as_it_is(folder.path(), Clock::system(), Names::seeded(1));
    let refused = |schema: &str| {
        let error = as_it_is().err().unwrap().to_string();
        for part in [schema, "back it up with the mayfly that wrote it", "start this mayfly"] {
            assert!(error.contains(part), "{error}");
        }
    };
    refused("is of schema 1, written by an older mayfly");
    assert_eq!(said(folder.path()), "1\n");
    let cut_off = "from 1 to 2 mayfly/0.1.0\n";
    fs::write(folder.path().join(FORMAT_FILE), cut_off).unwrap();
    refused("is of schema 1, written by mayfly 0.1.0");
    assert_eq!(said(folder.path()), cut_off);

    drop(open(folder.path(), CURRENT).unwrap());
    assert_eq!(annotations(&as_it_is().unwrap()), pairs("old"));
}

#[test]
fn what_cant_be_read_stays_the_older_mayflys() {
    let no_json = b"{".to_vec();
    // Of JSON, but no object of its kind.
    let no_object = br#"{"metadata":{"namespace":"default","name":"c"},"data":7}"#.to_vec();
    for bad in [no_json, no_object] {
        let folder = folder_of_schema_1();
        let row = Row { kind: Kind::ConfigMap, key: key("c"), json: Some(bad.into()) };
        former::tests::write(&folder.path().join("objects"), &[row], 8);
        let error = open(folder.path(), STEPS).err().unwrap().to_string();
        assert!(error.contains("can't be read"), "{error}");
        assert_eq!(said(folder.path()), "1\n");
    }
}
