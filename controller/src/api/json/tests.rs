//! Nothing that is written differs from what serde_json writes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::write;
use crate::api::{Kind, Object};

fn written<T: serde::Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::new();
    write(value, &mut out);
    String::from_utf8(out).expect("JSON must be text")
}

fn check<T: serde::Serialize + ?Sized>(value: &T) {
    assert_eq!(written(value), serde_json::to_string(value).expect("it must have a JSON form"));
}

#[derive(serde::Serialize)]
enum Shape {
    Unit,
    New(u8),
    Tuple(i16, f32),
    Struct { a: char },
}

#[test]
fn every_shape_is_written() {
    check(&[Shape::Unit, Shape::New(1), Shape::Tuple(-2, 1.5), Shape::Struct { a: 'é' }]);
    check(&((), Some(1u64), None::<u32>, true, i64::MIN, u64::MAX, 0.1f64, f64::NAN));
    check(&json!({"empty": {}, "none": [], "null": null, "nested": [[1], {"a": [2, 3]}]}));
    check(&BTreeMap::from([(String::from("a\"b"), 1)]));
}

#[test]
fn every_character_is_escaped_or_stands_for_itself() {
    for code in (0..0x180).chain([0x2028, 0xd7ff, 0xe000, 0x10_ffff]) {
        let char = char::from_u32(code).expect("no surrogate is among them");
        // At each place of a word of eight bytes, before and after it.
        for before in 0..18 {
            let text = format!("{}{char}{char}after", "x".repeat(before));
            check(&text);
        }
    }
}

#[test]
#[should_panic(expected = "key must be a string")]
fn a_key_that_is_no_text_is_refused() {
    written(&BTreeMap::from([(1, 2)]));
}

#[test]
fn an_object_is_written_with_its_kind_first() {
    for kind in Kind::ALL {
        let object = Object::from_json(*kind, b"{\"metadata\":{\"name\":\"a\"}}").expect("it");
        let (version, name) = (kind.api_version(), kind.name());
        let begin = format!("{{\"apiVersion\":\"{version}\",\"kind\":\"{name}\",");
        let json = String::from_utf8(object.to_json()).expect("JSON must be text");
        assert!(json.starts_with(&begin), "{json}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_written_as_serde_json_does(value in value()) {
        prop_assert_eq!(written(&value), value.to_string());
    }
}
