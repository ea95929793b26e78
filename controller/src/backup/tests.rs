//! What is read is what was written, or it is said what is wrong.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::api::{
    ConfigMap, Container, Namespace, Object, ObjectMeta, Pod, PodSpec, Resource, Timestamp,
};
use crate::limits::BACKUP_VERSION_MAX;
use crate::store::{Sharing, Snapshot, schema};

fn named(namespace: Option<&str>, name: &str) -> ObjectMeta {
    let namespace = namespace.map(str::to_owned);
    ObjectMeta {
        namespace,
        name: Some(name.to_owned()),
        uid: Some(format!("u-{name}")),
        resource_version: Some("56".to_owned()),
        creation_timestamp: Some(Time(Timestamp::UNIX_EPOCH)),
        ..ObjectMeta::default()
    }
}

fn snapshot(count: usize) -> Snapshot {
    let namespace = Namespace { metadata: named(None, "default"), ..Namespace::default() };
    let config_map = |number: usize| ConfigMap {
        metadata: named(Some("default"), &format!("c-{number:05}")),
        data: Some([("key".to_owned(), "line\nline \u{2028} \"".to_owned())].into()),
        ..ConfigMap::default()
    };
    let maps = (0..count).map(|number| Object::ConfigMap(Arc::new(config_map(number))));
    let objects = std::iter::once(Object::Namespace(Arc::new(namespace))).chain(maps).collect();
    Snapshot { objects, resource_version: 57 }
}

fn written(snapshot: Snapshot) -> Vec<u8> {
    Writer::new(snapshot, Timestamp::UNIX_EPOCH).flatten().collect()
}

fn read(bytes: &[u8], piece: usize) -> Result<Read, Unreadable> {
    let mut reader = Reader::new(Depth::Objects);
    bytes.chunks(piece).try_for_each(|piece| reader.feed(piece))?;
    reader.finish()
}

fn complaint(bytes: &[u8]) -> String {
    read(bytes, 1000).expect_err("it must be refused").to_string()
}

#[test]
fn what_is_read_is_what_was_written() {
    for count in [0, 1, 3_000] {
        let before = snapshot(count);
        let bytes = written(before.clone());
        for piece in [7, 4096, usize::MAX] {
            let read = read(&bytes, piece).expect("it must be whole");
            assert_eq!(read.snapshot.objects, before.objects);
            assert_eq!(read.snapshot.resource_version, 57);
            assert_eq!(
                (read.header.objects, &*read.header.time),
                (count + 1, "1970-01-01T00:00:00Z")
            );
        }
    }
    let lines = written(snapshot(2)).iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, 1 + 3 + 1, "an object is a line, whatever it holds");
}

/// A pod with a spec that many have.
fn pod(name: &str) -> Object {
    let container = Container { name: "main".to_owned(), ..Container::default() };
    let spec = PodSpec { containers: vec![container], ..PodSpec::default() };
    let metadata = named(Some("default"), name);
    Object::Pod(Arc::new(Pod { metadata, spec: Some(spec.into()), ..Pod::default() }))
}

#[test]
fn what_pods_have_in_common_is_held_once_from_when_it_is_read() {
    let before = snapshot(0).objects.into_iter().chain([pod("a"), pod("b")]).collect();
    let bytes = written(Snapshot { objects: before, resource_version: 57 });
    let sharing = Sharing::default();
    let read = || {
        let mut reader = Reader::new(Depth::Objects).with_sharing(sharing.clone());
        reader.feed(&bytes).expect("it must be whole");
        reader.finish().expect("it must be whole").snapshot.objects
    };
    let twice = [read(), read()].concat();
    let specs = twice.iter().filter_map(Pod::from_object).filter_map(|pod| pod.spec.clone());
    let specs: Vec<_> = specs.collect();
    assert_eq!(specs.len(), 4);
    assert!(specs.iter().all(|spec| spec.is_one_with(&specs[0])));
}

#[test]
fn a_piece_is_bounded() {
    let pieces: Vec<_> = Writer::new(snapshot(3_000), Timestamp::UNIX_EPOCH).collect();
    let longest = pieces.iter().map(bytes::Bytes::len).max();
    assert!(pieces.len() > 2 && longest < Some(crate::limits::LIST_PIECE_BYTES + 1024));
}

/// Wherever it is cut or changed, it is refused, whole.
#[test]
fn nothing_is_taken_of_what_is_not_whole() {
    let bytes = written(snapshot(3));
    for cut in 0..bytes.len() {
        assert!(read(&bytes[..cut], 64).is_err(), "cut at {cut}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(read(&changed, 64).is_err(), "changed at {at}");
    }
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"{}\n");
    assert_eq!(complaint(&longer), "this backup is damaged: line 7 comes after the end");
}

#[test]
fn it_is_told_what_is_wrong() {
    let bytes = written(snapshot(3));
    let text = String::from_utf8(bytes.clone()).expect("it must be text");
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n").into_bytes();

    assert_eq!(complaint(b""), "this is no backup of mayfly");
    assert_eq!(complaint(b"apiVersion: v1\nkind: Job\n"), "this is no backup of mayfly");
    assert_eq!(complaint(&[0; 100_000]), "this is no backup of mayfly");
    assert_eq!(
        complaint(&joined(&lines[..3])),
        "this backup is cut off: 1 of its 4 objects are there, and no checksum"
    );
    let damaged = |from: &str, to: &str| complaint(text.replacen(from, to, 1).as_bytes());
    assert_eq!(
        damaged("c-00001", "c-99999"),
        "this backup is damaged: the checksum is of something else"
    );
    assert_eq!(
        damaged("c-00001", "c-00000"),
        "this backup is damaged: line 4 is ConfigMap default/c-00000 once more"
    );
    assert_eq!(
        damaged("\"kind\":\"Namespace\"", "\"kind\":\"Nothing\""),
        "this backup is damaged: line 2 is of an unknown kind, \"Nothing\""
    );
    let none_up_to = |line: u32, version: &str, newest: u64| {
        format!(
            "this backup is damaged: line {line} has the resourceVersion \"{version}\", which is none \
             up to {newest}"
        )
    };
    for version in ["18446744073709551615", "4503599627370497", "-1", "", "x"] {
        let to = format!("\"resourceVersion\":\"{version}\"");
        let expect = none_up_to(1, version, BACKUP_VERSION_MAX);
        assert_eq!(damaged("\"resourceVersion\":\"57\"", &to), expect);
    }
    let newer = damaged("\"resourceVersion\":\"56\"", "\"resourceVersion\":\"58\"");
    assert_eq!(newer, none_up_to(2, "58", 57));
    for (from, to, expect) in [
        ("\"c-00000\"", "\"../c\"", "line 3 has a name that none can be"),
        ("\"c-00000\"", "\"..\"", "line 3 has a name that none can be"),
        ("\"c-00000\"", "\"\"", "line 3 has a name that none can be"),
        (
            "\"namespace\":\"default\"",
            "\"namespace\":\"a/b\"",
            "line 3 has a namespace that none can be",
        ),
        ("\"namespace\":\"default\"", "\"namespace\":\"\"", "line 3 is nowhere"),
        ("\"u-c-00000\"", "\"\"", "line 3 has a uid that none can be"),
        ("\"u-c-00000\"", "\"../../store\"", "line 3 has a uid that none can be"),
        (
            "\"c-00000\"",
            "\"C 0\"",
            "line 3 can't have been kept: ConfigMap \"C 0\" is invalid: metadata.name: Invalid value",
        ),
        (
            "\"creationTimestamp\":\"1970-01-01T00:00:00Z\",",
            "",
            "line 2 can't have been kept: Namespace \"default\" is invalid: \
             metadata.creationTimestamp: Required value: it is given by the server",
        ),
        (
            "\"data\":{",
            "\"dato\":{",
            "line 3 is no ConfigMap: unknown field \"dato\", did you mean",
        ),
        (
            "\"data\":{",
            "\"data\":{\"key\":\"other\",",
            "line 3 is no ConfigMap: duplicate field \"data.key\"",
        ),
        ("\"data\":{\"key\":\"", "\"data\":{\"key\":7,\"x\":\"", "line 3 can't be read: "),
        (
            "\"u-c-00001\"",
            "\"u-c-00000\"",
            "line 4 has the uid u-c-00000, which another object has",
        ),
    ] {
        let (said, expect) = (damaged(from, to), format!("this backup is damaged: {expect}"));
        assert!(said.starts_with(&expect), "{said} is not {expect}");
    }
    let newest = schema::CURRENT.version();
    let said =
        damaged(&format!("\"schema\":{newest},\"mayfly\":\""), "\"schema\":99,\"mayfly\":\"9.");
    assert!(said.starts_with("this backup was made by mayfly 9."), "{said}");
    for part in ["is of schema 99", &format!("up to {newest}"), "restore it with that one"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(damaged("\"mayflyBackup\":1", "\"mayflyBackup\":2").contains("was made by mayfly"));
}

#[test]
fn a_checksum_can_be_looked_at_alone() {
    let bytes = written(snapshot(3));
    let check = |bytes: &[u8]| {
        let mut reader = Reader::new(Depth::Checksum);
        reader.feed(bytes)?;
        reader.finish()
    };
    let read = check(&bytes).expect("it must be whole");
    assert_eq!((read.header.objects, read.snapshot.objects.len()), (4, 0));
    assert!(check(&bytes[..bytes.len() - 1]).is_err());
}
