//! Strategic merge patches: merge patches that know which lists are merged, and by what.
//!
//! Beside the fields of an object, a patch may have directives: `$patch` replaces or deletes what
//! it stands in, `$retainKeys` names the only fields that stay, `$setElementOrder/x` says the order
//! of the list `x`, and `$deleteFromPrimitiveList/x` what is taken from it.
//!
//! Pure.

use serde_json::{Map, Value};

use super::list::{self, Key};
use super::printed;
use crate::api::lists::PatchStrategy;
use crate::http::schema::Type;

pub(super) const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Why a patch can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// A directive is malformed.
    Format(&'static str),
    /// It asks for what no patch can do.
    Unprocessable,
    /// Anything else; Kubernetes answers these as errors of its own.
    Other(String),
}

/// `original`, an object of the type `of`, with `patch` made to it.
pub(super) fn patched(
    of: &Type,
    original: Map<String, Value>,
    patch: Map<String, Value>,
) -> Result<Map<String, Value>, Unfit> {
    merge_maps(Some(of), original, patch)
}

pub(super) fn merge_maps(
    of: Option<&Type>,
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, Unfit> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Map::new()),
            _ => Err(unknown_directive(&directive, patch)),
        };
    }
    if let Some(keys) = patch.remove(RETAIN_KEYS) {
        retain(&mut original, &patch, &keys)?;
    }
    order_lists(of, &mut original, &mut patch)?;
    for (key, change) in patch {
        let (name, is_deletion) = match key.strip_prefix(DELETE) {
            Some(name) => (name, true),
            None => (&*key, false),
        };
        if change.is_null() {
            original.remove(name);
            continue;
        }
        let below = of.and_then(|of| of.field(name)).map(|below| &**below);
        match (original.remove(name), change) {
            (Some(Value::Object(old)), Value::Object(change)) => {
                let merged = merge_maps(below, old, change)?;
                original.insert(name.to_owned(), Value::Object(merged));
            }
            (Some(Value::Array(old)), Value::Array(change)) => {
                let merged = match key_of(below) {
                    Some(key) => list::merged(below, old, change, key, is_deletion)?,
                    None if is_deletion => list::merged(below, old, change, Key::Value, true)?,
                    None => change,
                };
                original.insert(name.to_owned(), Value::Array(merged));
            }
            (old, _) if is_deletion => original.extend(old.map(|old| (name.to_owned(), old))),
            (_, change) => {
                let new = without_directives(without_nulls(change));
                original.extend(new.map(|new| (name.to_owned(), new)));
            }
        }
    }
    Ok(original)
}

/// By what the items of a list are merged; `None` of a list that is replaced, or of none.
fn key_of(of: Option<&Type>) -> Option<Key<'_>> {
    match of {
        Some(Type::List { strategy, .. }) => match strategy {
            PatchStrategy::Replace => None,
            PatchStrategy::MergeValues => Some(Key::Value),
            PatchStrategy::MergeBy(key) | PatchStrategy::MergeByRetaining(key) => {
                Some(Key::Field(key))
            }
        },
        _ => None,
    }
}

pub(super) fn unknown_directive(directive: &Value, mut rest: Map<String, Value>) -> Unfit {
    rest.insert(DIRECTIVE.to_owned(), directive.clone());
    let (directive, rest) = (printed::value(directive), printed::value(&Value::Object(rest)));
    Unfit::Other(format!("unknown patch type: {directive} in map: {rest}"))
}

/// Takes all from `original` but the `keys`, which must name every field of `patch`.
fn retain(
    original: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    keys: &Value,
) -> Result<(), Unfit> {
    let malformed = Unfit::Format("invalid patch format of retainKeys");
    let Some(keys) = keys.as_array() else { return Err(malformed) };
    let is_kept = |name: &str| keys.iter().any(|key| key == name);
    let is_directive = |name: &str| name.starts_with(DELETE) || name.starts_with(ORDER);
    if patch.iter().any(|(name, it)| !it.is_null() && !is_directive(name) && !is_kept(name)) {
        return Err(malformed);
    }
    original.retain(|name, _| is_kept(name));
    Ok(())
}

/// Merges the lists of which `patch` says the order, and takes them from it.
fn order_lists(
    of: Option<&Type>,
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(), Unfit> {
    let ordered: Vec<String> =
        patch.keys().filter_map(|key| key.strip_prefix(ORDER)).map(str::to_owned).collect();
    for name in ordered {
        let order = items(patch.remove(&format!("{ORDER}{name}")))?.unwrap_or_default();
        let old = items(original.get(&name).cloned())?;
        let change = items(patch.get(&name).cloned())?;
        let below = of.and_then(|of| of.field(&name)).map(|below| &**below);
        let Some(below @ Type::List { .. }) = below else { return Err(no_such_list(of, &name)) };
        let key = key_of(Some(below));
        let by = match &key {
            Some(Key::Field(field)) => Key::Field(field),
            _ => Key::Value,
        };
        list::check_order(change.as_deref().unwrap_or_default(), &order, &by)?;
        patch.remove(&name);
        let before = old.clone().unwrap_or_default();
        let merged = match (old, change) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(change)) => change.into_iter().filter_map(without_directives).collect(),
            (Some(old), Some(change)) => match key {
                Some(key) => list::merged(Some(below), old, change, key, false)?,
                None => change,
            },
        };
        let ordered = list::ordered(merged, &order, &before, &by)?;
        original.insert(name, Value::Array(ordered));
    }
    Ok(())
}

fn items(value: Option<Value>) -> Result<Option<Vec<Value>>, Unfit> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(Unfit::Other(format!(
            "expected a []interface {{}}, but received a {}",
            printed::type_name(&other)
        ))),
    }
}

fn no_such_list(of: Option<&Type>, name: &str) -> Unfit {
    let structure = match of {
        Some(Type::Structure(structure)) => structure.name.as_str(),
        _ => "map",
    };
    Unfit::Other(format!(
        "unable to find api field in struct {structure} for the json field {name:?}"
    ))
}

/// `value` as it is kept where nothing was before; `None` if it is itself a directive.
pub(super) fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => None,
        Value::Object(fields) => {
            let kept = fields.into_iter();
            let kept = kept.filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => {
            Some(Value::Array(items.into_iter().filter_map(without_directives).collect()))
        }
        other => Some(other),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
