//! A file of our own, in the YAML of manifests and with the same complaints.

use serde::de::DeserializeOwned;

use super::tree::Value;
use super::{Problem, parse, reader};

/// Reads `text` as one `T`, strictly; else every problem, with its line (0 if that is not known). An
/// empty text is an empty map.
pub fn decode_file<T: DeserializeOwned>(text: &str) -> Result<T, Vec<(usize, Problem)>> {
    let (read, problems) = salvage_file(text);
    read.filter(|_| problems.is_empty()).ok_or(problems)
}

/// What can be read of `text`, and every problem with the rest of it: so that whoever finds more wrong
/// with what it means can tell all at once.
pub fn salvage_file<T: DeserializeOwned>(text: &str) -> (Option<T>, Vec<(usize, Problem)>) {
    let (mut trees, error) = parse(text);
    if let Some((line, message)) = error {
        return (None, vec![(line, Problem::Syntax(message))]);
    }
    if let Some(second) = trees.get(1) {
        return (None, vec![(second.line, Problem::Syntax("more than one document".to_owned()))]);
    }
    let mut tree = trees.pop().unwrap_or(super::tree::Tree { line: 0, value: Value::Null });
    if matches!(tree.value, Value::Null) {
        tree.value = Value::Map(Vec::new());
    }
    let (read, mut problems) = reader::salvage(&tree);
    problems.sort_by_key(|(line, _)| *line);
    (read, problems)
}
