//! What a template prints of a value.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Node, Operand, Path, Step, Test, shown};

/// The text that `nodes` print of `value`.
pub(super) fn text(nodes: &[Node], value: &Value) -> Result<String, String> {
    let mut printed = String::new();
    print(nodes, value, value, &mut printed)?;
    Ok(printed)
}

fn print(nodes: &[Node], root: &Value, here: &Value, to: &mut String) -> Result<(), String> {
    for node in nodes {
        match node {
            Node::Text(text) => to.push_str(text),
            Node::Path(path) => {
                let found = find(path, root, here)?;
                let texts: Vec<String> = found.into_iter().map(shown).collect();
                to.push_str(&texts.join(" "));
            }
            Node::Range(over, inner) => {
                for value in find(over, root, here)? {
                    print(inner, root, value, to)?;
                }
            }
        }
    }
    Ok(())
}

/// What `path` finds from `here`, or from `root`.
pub(super) fn find<'a>(
    path: &Path,
    root: &'a Value,
    here: &'a Value,
) -> Result<Vec<&'a Value>, String> {
    let mut found = vec![if path.from_root { root } else { here }];
    for step in &path.steps {
        let mut next = Vec::new();
        for value in found {
            take(step, root, value, &mut next)?;
        }
        found = next;
    }
    Ok(found)
}

fn take<'a>(
    step: &Step,
    root: &'a Value,
    value: &'a Value,
    to: &mut Vec<&'a Value>,
) -> Result<(), String> {
    match step {
        Step::Field(name) => to.extend(value.get(name)),
        Step::All => to.extend(children(value)),
        Step::Descend => descend(value, to),
        Step::Index(index) => to.extend(indexed(value, *index)?),
        Step::Slice { from, to: end, by } => to.extend(sliced(value, *from, *end, *by)?),
        Step::Union(paths) => {
            for path in paths {
                to.extend(find(path, root, value)?);
            }
        }
        Step::Filter { left, test } => {
            let items = match value {
                Value::Null => return Ok(()),
                _ => list(value, "and cannot be filtered")?,
            };
            for item in items {
                if passes(left, test.as_ref(), root, item)? {
                    to.push(item);
                }
            }
        }
    }
    Ok(())
}

/// The values of a map, or the items of a list.
fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// `value` and every map and list below it that is not empty, parents first.
fn descend<'a>(value: &'a Value, to: &mut Vec<&'a Value>) {
    let below = children(value);
    if !below.is_empty() {
        to.push(value);
        for child in below {
            descend(child, to);
        }
    }
}

fn list<'a>(value: &'a Value, so: &str) -> Result<&'a [Value], String> {
    match value {
        Value::Array(items) => Ok(items),
        other => {
            let what = match other {
                Value::Object(_) => "a map",
                Value::String(_) => "a string",
                _ => "a value",
            };
            Err(format!("{what} is not array or slice {so}").trim_end().to_owned())
        }
    }
}

fn indexed(value: &Value, index: i64) -> Result<Option<&Value>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let items = list(value, "")?;
    let length = items.len() as i64;
    let at = if index < 0 { index + length } else { index };
    if at < 0 || at >= length {
        return Err(format!("array index out of bounds: index {index}, length {length}"));
    }
    Ok(items.get(at as usize))
}

fn sliced(
    value: &Value,
    from: Option<i64>,
    to: Option<i64>,
    by: i64,
) -> Result<Vec<&Value>, String> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let items = list(value, "")?;
    let length = items.len() as i64;
    let place =
        |index: i64| (if index < 0 { index + length } else { index }).clamp(0, length) as usize;
    let (from, to) = (place(from.unwrap_or(0)), place(to.unwrap_or(length)));
    let within = items.get(from..to).unwrap_or_default();
    Ok(within.iter().step_by(usize::try_from(by).unwrap_or(usize::MAX)).collect())
}

fn passes(
    left: &Operand,
    test: Option<&(Test, Operand)>,
    root: &Value,
    item: &Value,
) -> Result<bool, String> {
    let left = values(left, root, item)?;
    let Some((test, right)) = test else { return Ok(!left.is_empty()) };
    let right = values(right, root, item)?;
    match (left.as_slice(), right.as_slice()) {
        ([], _) | (_, []) => Ok(false),
        ([left], [right]) => compare(left, *test, right),
        _ => Err("can only compare one element at a time".to_owned()),
    }
}

fn values<'a>(
    operand: &'a Operand,
    root: &'a Value,
    item: &'a Value,
) -> Result<Vec<&'a Value>, String> {
    match operand {
        Operand::Literal(value) => Ok(vec![value]),
        Operand::Path(path) => find(path, root, item),
    }
}

fn compare(left: &Value, test: Test, right: &Value) -> Result<bool, String> {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (left, right) if left == right => Some(Ordering::Equal),
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    let Some(order) = order else { return Ok(false) };
    Ok(match test {
        Test::Equal => order.is_eq(),
        Test::NotEqual => order.is_ne(),
        Test::Less => order.is_lt(),
        Test::LessOrEqual => order.is_le(),
        Test::Greater => order.is_gt(),
        Test::GreaterOrEqual => order.is_ge(),
    })
}
