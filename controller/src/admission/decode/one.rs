//! One object of a kind that is known beforehand, as the body of a request holds it.

use k8s_openapi::Resource;
use serde::de::DeserializeOwned;

use super::reader::{self, Found};
use super::tree::{Entry, Tree, Value};
use super::{Complaint, Document, FieldValidation, Malformed, Place, Problem, parse, read};
use crate::api::Kind;

/// Why bytes are not one object of a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// They are no JSON or YAML, or end too early.
    #[error("{0}")]
    Syntax(String),
    /// They hold a value that is no object; its sort.
    #[error("an object is expected, not {0}")]
    NotAnObject(&'static str),
    /// The object says that it is something else.
    #[error("no kind {kind:?} in version {api_version:?} belongs here")]
    OtherKind {
        /// Its `apiVersion`, or that of the kind if it says none.
        api_version: String,
        /// Its `kind`, or that of the kind if it says none.
        kind: String,
    },
    /// Something in the object is wrong.
    #[error(transparent)]
    Malformed(Malformed),
}

/// Reads `bytes` as one object of `kind`, which it need not say itself.
pub fn decode_as(
    bytes: &[u8],
    kind: Kind,
    validation: FieldValidation,
) -> Result<Document, Unreadable> {
    let tree = tree_of(bytes, kind.api_version(), kind.name())?;
    let (object, warnings) =
        judged(read(kind, &tree), validation).map_err(Unreadable::Malformed)?;
    Ok(Document { object, place: place(tree.line), warnings })
}

/// Reads `bytes` as one `T`, which need not say what it is, and is no kind that is kept; with what
/// was overlooked in it.
pub(crate) fn decode_value<T: Resource + DeserializeOwned>(
    bytes: &[u8],
    validation: FieldValidation,
) -> Result<(T, Vec<Complaint>), Unreadable> {
    let tree = tree_of(bytes, T::API_VERSION, T::KIND)?;
    judged(reader::read(&tree), validation).map_err(Unreadable::Malformed)
}

/// What `bytes` hold, as JSON: one value, of whatever kind; of a key that is there twice, the last.
pub fn value_of(bytes: &[u8]) -> Result<serde_json::Value, Unreadable> {
    Ok(json_of(one(bytes)?.value))
}

fn json_of(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value, _) => value.into(),
        Value::Integer(number, _) => match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) => number.into(),
            // It is larger than any field's.
            _ => (number as f64).into(),
        },
        Value::Float(number, _) => number.into(),
        Value::String(text) => text.into(),
        Value::List(items) => items.into_iter().map(|item| json_of(item.value)).collect(),
        Value::Map(entries) => {
            entries.into_iter().map(|entry| (entry.key, json_of(entry.value.value))).collect()
        }
    }
}

/// The one document of `bytes`.
fn one(bytes: &[u8]) -> Result<Tree, Unreadable> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Unreadable::Syntax("not UTF-8 text".to_owned()))?;
    let (mut trees, error) = parse(text);
    if let Some((_, message)) = error {
        return Err(Unreadable::Syntax(message));
    }
    if trees.len() > 1 {
        return Err(Unreadable::Syntax("more than one document".to_owned()));
    }
    trees.pop().ok_or_else(|| Unreadable::Syntax("EOF: nothing is there".to_owned()))
}

/// What `bytes` hold, if it is one object that is not of another kind.
fn tree_of(bytes: &[u8], api_version: &str, kind: &str) -> Result<Tree, Unreadable> {
    let mut tree = one(bytes)?;
    let sort = match &mut tree.value {
        Value::Map(entries) => {
            // What is `null` here is left out; the reader would take it for a wrong type.
            entries.retain(|entry| {
                let says_kind = ["apiVersion", "kind"].contains(&entry.key.as_str());
                !says_kind || !matches!(entry.value.value, Value::Null)
            });
            None
        }
        Value::List(_) => Some("array"),
        Value::String(_) => Some("string"),
        Value::Bool(..) => Some("bool"),
        Value::Integer(..) | Value::Float(..) => Some("number"),
        Value::Null => Some("null"),
    };
    if let Some(sort) = sort {
        return Err(Unreadable::NotAnObject(sort));
    }
    let says = |key: &str| tree.get(key).and_then(Tree::text).filter(|text| !text.is_empty());
    let said = (says("apiVersion").unwrap_or(api_version), says("kind").unwrap_or(kind));
    if said != (api_version, kind) {
        let (api_version, kind) = (said.0.to_owned(), said.1.to_owned());
        return Err(Unreadable::OtherKind { api_version, kind });
    }
    state(&mut tree, api_version, kind);
    Ok(tree)
}

/// What was read, and what is to be warned of; or what is wrong with it.
fn judged<T>(
    (object, problems): (Option<T>, Vec<Found>),
    validation: FieldValidation,
) -> Result<(T, Vec<Complaint>), Malformed> {
    let mut complaints: Vec<Complaint> = problems
        .into_iter()
        .map(|(line, problem)| Complaint { place: place(line), problem })
        .collect();
    let is_wrong = |complaint: &Complaint| matches!(complaint.problem, Problem::WrongType { .. });
    if complaints.iter().any(is_wrong) {
        complaints.retain(is_wrong);
        return Err(Malformed(complaints));
    }
    match (validation, object) {
        (FieldValidation::Strict, _) if !complaints.is_empty() => Err(Malformed(complaints)),
        (FieldValidation::Ignore, Some(object)) => Ok((object, Vec::new())),
        (_, Some(object)) => Ok((object, complaints)),
        (_, None) => Err(Malformed(complaints)),
    }
}

fn place(line: usize) -> Place {
    Place { source: "-".into(), document: 1, line: (line > 0).then_some(line) }
}

/// Has `tree` say what it is.
fn state(tree: &mut Tree, api_version: &str, kind: &str) {
    for (key, text) in [("apiVersion", api_version), ("kind", kind)] {
        let is_said = tree.get(key).and_then(Tree::text).is_some_and(|text| !text.is_empty());
        if let (false, Value::Map(entries)) = (is_said, &mut tree.value) {
            entries.retain(|entry| entry.key != key);
            let value = Tree { line: 0, value: Value::String(text.to_owned()) };
            entries.push(Entry { key: key.to_owned(), line: 0, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let found = match decode_as(text.as_bytes(), Kind::ConfigMap, FieldValidation::Strict) {
            Ok(document) => format!("{:?}", document.object.metadata().name),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn an_object_need_not_say_what_it_is_but_must_not_say_otherwise() {
        check(r#"{"metadata": {"name": "a"}}"#, r#"Some("a")"#);
        check("kind: ConfigMap\nmetadata: {name: a}", r#"Some("a")"#);
        check("kind: Secret", r#"no kind "Secret" in version "v1" belongs here"#);
        check("apiVersion: v2", r#"no kind "ConfigMap" in version "v2" belongs here"#);
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        check("[]", "an object is expected, not array");
        check("", "EOF: nothing is there");
        check("a: b\n---\nc: d", "more than one document");
        check(r#"{"foo": 1}"#, r#"-: unknown field "foo""#);
    }
}
