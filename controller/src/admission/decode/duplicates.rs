//! Keys that are there twice in documents of no particular type, such as patches.

use super::parse;
use super::tree::{Tree, Value};

/// A key that is there again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    /// Its path, such as `spec.containers[0].name`.
    pub(crate) field: String,
    /// The key itself.
    pub(crate) key: String,
    /// The line that it is there again in, from 1.
    pub(crate) line: usize,
}

/// Every key of `bytes` that is there twice; none if they can't be read, which is told elsewhere.
pub(crate) fn duplicates(bytes: &[u8]) -> Vec<Duplicate> {
    let mut found = Vec::new();
    if let Ok(text) = std::str::from_utf8(bytes) {
        parse(text).0.iter().for_each(|tree| gather(tree, "", &mut found));
    }
    found
}

fn gather(tree: &Tree, at: &str, found: &mut Vec<Duplicate>) {
    match &tree.value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                gather(item, &format!("{at}[{index}]"), found);
            }
        }
        Value::Map(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                let dot = if at.is_empty() { "" } else { "." };
                let field = format!("{at}{dot}{}", entry.key);
                if entries[..index].iter().any(|other| other.key == entry.key) {
                    let (key, line) = (entry.key.clone(), entry.line.max(1));
                    found.push(Duplicate { field: field.clone(), key, line });
                }
                gather(&entry.value, &field, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_there_again_are_found_wherever_they_are() {
        let check = |text: &str, expect: &[(&str, usize)]| {
            let found = duplicates(text.as_bytes());
            let found: Vec<_> = found.iter().map(|it| (it.field.as_str(), it.line)).collect();
            assert_eq!(found, expect, "{text}");
        };
        check(r#"{"a": 1, "b": [{"c": 1, "c": 2}], "a": 3}"#, &[("b[0].c", 1), ("a", 1)]);
        check("a: 1\nb:\n  c: 2\n  c: 3\n", &[("b.c", 4)]);
        check(r#"{"a": {"b": 1}, "c": {"b": 1}}"#, &[]);
        check("a: [", &[]);
    }
}
