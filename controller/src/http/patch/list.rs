//! Lists in strategic merge patches: merged by a field of their items or by value, deleted from,
//! put in order.

use serde_json::{Map, Value};

use super::printed;
use super::strategic::{DIRECTIVE, Unfit, merge_maps, unknown_directive};
use crate::http::schema::Type;

/// What tells items apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// They are their own keys.
    Value,
    /// A field of theirs.
    Field(&'a str),
}

impl Key<'_> {
    /// What `item` is told from others by.
    fn of<'v>(&self, item: &'v Value) -> Result<&'v Value, Unfit> {
        let Self::Field(field) = self else { return Ok(item) };
        item.get(field).ok_or_else(|| {
            let item = printed::value(item);
            Unfit::Other(format!("map: {item} does not contain declared merge key: {field}"))
        })
    }

    fn place(&self, item: &Value, list: &[Value]) -> Option<usize> {
        let key = self.of(item).ok()?;
        list.iter().position(|other| self.of(other).is_ok_and(|other| other == key))
    }
}

/// `old`, a list of the type `of`, with the items of `change` merged into it or deleted from it.
pub(super) fn merged(
    of: Option<&Type>,
    old: Vec<Value>,
    change: Vec<Value>,
    key: Key<'_>,
    is_deletion: bool,
) -> Result<Vec<Value>, Unfit> {
    if old.is_empty() && change.is_empty() {
        return Ok(old);
    }
    if !are_maps(&old, &change)? {
        if is_deletion {
            return Ok(old.into_iter().filter(|item| !change.contains(item)).collect());
        }
        let mut both: Vec<Value> = Vec::new();
        for item in old.iter().chain(&change) {
            if !both.contains(item) {
                both.push(item.clone());
            }
        }
        return ordered(both, &change, &old, &Key::Value);
    }
    let Key::Field(field) = key else {
        return Err(Unfit::Other("cannot merge lists without merge key".to_owned()));
    };
    let (mut items, change) = directed(old, change, field)?;
    let before = items.clone();
    let item_type = match of {
        Some(Type::List { item, .. }) => Some(&**item),
        _ => None,
    };
    for new in &change {
        key.of(new)?;
        match key.place(new, &items) {
            Some(place) => {
                let (old, new) = (fields(&items[place]), fields(new));
                items[place] = Value::Object(merge_maps(item_type, old, new)?);
            }
            None => items.push(new.clone()),
        }
    }
    ordered(items, &change, &before, &key)
}

/// Whether the items of both lists are maps; they must all be alike, and no lists.
fn are_maps(old: &[Value], change: &[Value]) -> Result<bool, Unfit> {
    let mut all = old.iter().chain(change);
    let Some(first) = all.next() else { return Ok(false) };
    if first.is_array() || all.clone().any(Value::is_array) {
        return Err(Unfit::Unprocessable);
    }
    if all.any(|item| std::mem::discriminant(item) != std::mem::discriminant(first)) {
        return Err(Unfit::Other("list element types are not identical".to_owned()));
    }
    Ok(first.is_object())
}

/// Carries out what stands among the items of `change` as directives; the list that it is to be
/// merged into, and what of it is to be merged.
fn directed(
    mut old: Vec<Value>,
    change: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Unfit> {
    let mut plain = Vec::new();
    let mut is_replaced = false;
    for item in change {
        match item.get(DIRECTIVE) {
            None => plain.push(item),
            Some(Value::String(directive)) if directive == "delete" => {
                let key = Key::Field(key);
                let gone = key.of(&item)?;
                old.retain(|other| !key.of(other).is_ok_and(|other| other == gone));
            }
            Some(Value::String(directive)) if directive == "replace" => is_replaced = true,
            Some(Value::String(directive)) if directive == "merge" => {
                let why = "merging lists cannot yet be specified in the patch";
                return Err(Unfit::Other(why.to_owned()));
            }
            Some(directive) => return Err(unknown_directive(directive, fields(&item))),
        }
    }
    Ok(if is_replaced { (plain, Vec::new()) } else { (old, plain) })
}

fn fields(item: &Value) -> Map<String, Value> {
    item.as_object().cloned().unwrap_or_default()
}

/// `items` in the order of `wanted`, those that it does not name where they were in `before`.
pub(super) fn ordered(
    items: Vec<Value>,
    wanted: &[Value],
    before: &[Value],
    key: &Key<'_>,
) -> Result<Vec<Value>, Unfit> {
    for item in &items {
        key.of(item)?;
    }
    let (mut named, mut others): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|item| key.place(item, wanted).is_some());
    named.sort_by_key(|item| key.place(item, wanted));
    others.sort_by_key(|item| key.place(item, before));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    for other in others {
        let place = key.place(&other, before);
        // It stays before the first of the named ones that it was before.
        let is_first = |next: &Value| {
            let next = key.place(next, before);
            place.is_some() && next.is_some() && place < next
        };
        while let Some(next) = named.next_if(|next| !is_first(next)) {
            out.push(next);
        }
        out.push(other);
    }
    out.extend(named);
    Ok(out)
}

/// Whether `order` names every item of `change`, in the same order.
pub(super) fn check_order(change: &[Value], order: &[Value], key: &Key<'_>) -> Result<(), Unfit> {
    if change.is_empty() || order.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = change.iter().filter(|item| item.get(DIRECTIVE).is_none()).collect();
    let mut rest = order.iter();
    for item in named {
        let wanted = key.of(item)?;
        let is_there = rest.any(|other| key.of(other).is_ok_and(|other| other == wanted));
        if !is_there {
            let printed = |list: &[Value]| printed::value(&Value::from(list));
            return Err(Unfit::Other(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                printed(change),
                printed(order)
            )));
        }
    }
    Ok(())
}
