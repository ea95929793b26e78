//! What `describe` says of a kind that it knows nothing of: every field, in words.

use serde_json::{Map, Value};

use super::events;
use super::sheet::{Seen, Sheet};
use k8s_openapi::api::core::v1::Event;

/// What is written once at the top, or for nobody.
const HIDDEN: &[&str] = &["name", "namespace", "labels", "annotations", "managedFields"];

/// Any object and its events.
pub(super) fn any(object: &Value, events: Option<&[Event]>, seen: &Seen) -> String {
    let mut sheet = Sheet::default();
    let metadata = serde_json::from_value(object["metadata"].clone()).unwrap_or_default();
    head(&mut sheet, &metadata, object);
    if let Some(fields) = object.as_object() {
        for (name, value) in fields {
            match name.as_str() {
                "apiVersion" | "kind" => {}
                "metadata" => {
                    let shown = value.as_object().into_iter().flatten();
                    let shown = shown.filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
                    let shown = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
                    field(&mut sheet, 0, name, &Value::Object(shown));
                }
                _ => field(&mut sheet, 0, name, value),
            }
        }
    }
    events::block(&mut sheet, events, seen);
    sheet.finish()
}

fn head(
    sheet: &mut Sheet,
    metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    object: &Value,
) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    sheet.field(0, "Namespace", metadata.namespace.as_deref().unwrap_or_default());
    sheet.labels(0, "Labels", metadata.labels.as_ref());
    sheet.annotations(0, metadata.annotations.as_ref());
    sheet.field(0, "API Version", text(&object["apiVersion"]));
    sheet.field(0, "Kind", text(&object["kind"]));
}

fn field(sheet: &mut Sheet, level: usize, name: &str, value: &Value) {
    let title = in_words(name);
    match value {
        Value::Object(fields) => {
            sheet.line(level, format_args!("{title}:"));
            map(sheet, level + 1, fields);
        }
        Value::Array(items) => {
            sheet.line(level, format_args!("{title}:"));
            for item in items {
                match item {
                    Value::Object(fields) => map(sheet, level + 1, fields),
                    other => sheet.line(level + 1, bare(other)),
                }
            }
        }
        other => sheet.field(level, &title, bare(other)),
    }
}

fn map(sheet: &mut Sheet, level: usize, fields: &Map<String, Value>) {
    for (name, value) in fields {
        field(sheet, level, name, value);
    }
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// `holderIdentity` as `Holder Identity`, `uid` as `UID`.
fn in_words(name: &str) -> String {
    if name.contains(['.', '/', '-']) {
        return name.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut was_lower = false;
    for character in name.chars() {
        if words.is_empty() || (character.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = character.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    let shown = words.iter().map(|word| match word.to_ascii_uppercase().as_str() {
        upper @ ("ID" | "UID" | "API" | "URL" | "IP" | "OS" | "TLS" | "DNS") => upper.to_owned(),
        _ => {
            let mut rest = word.chars();
            let first = rest.next().map(|first| first.to_uppercase().to_string());
            first.unwrap_or_default() + rest.as_str()
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_words() {
        let check = |name: &str, expect: &str| assert_eq!(in_words(name), expect);
        check("holderIdentity", "Holder Identity");
        check("leaseDurationSeconds", "Lease Duration Seconds");
        check("uid", "UID");
        check("a.b/c", "a.b/c");
    }
}
