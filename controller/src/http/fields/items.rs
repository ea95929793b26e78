//! What the items of a list are called, so that they are found again in another list.

use serde_json::Value;

use super::path::{Element, Literal};
use crate::api::lists::{self, ListType};

/// An item that can't be told from others; why.
pub(super) type Unnamed = String;

/// The name of each item of a list that is owned item by item, in order.
pub(super) fn named(
    list_type: ListType,
    items: &[Value],
) -> Result<Vec<(Element, &Value)>, Unnamed> {
    let named = items.iter().enumerate().map(|(index, item)| {
        let name = name(list_type, item).map_err(|why| format!("element {index}: {why}"))?;
        Ok((name, item))
    });
    named.collect()
}

fn name(list_type: ListType, item: &Value) -> Result<Element, Unnamed> {
    let keys = match list_type {
        ListType::Map(keys) => keys,
        ListType::Set => return value(item),
        ListType::Atomic => return Err("invalid indexing of non-associative list".to_owned()),
    };
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => {
            return Err("associative list with keys may not have a null element".to_owned());
        }
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let of = |key: &&str| {
        let said = fields.get(*key).map(Literal::of);
        let value = said.or_else(|| lists::key_default(key).map(|it| Literal::Text(it.to_owned())));
        value.map(|value| ((*key).to_owned(), value))
    };
    let found: Vec<_> = keys.iter().filter_map(of).collect();
    if found.is_empty() {
        let quoted: Vec<_> = keys.iter().map(|key| format!("{key:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and \
             doesn't have default values for any key fields)",
            quoted.join(" ")
        ));
    }
    Ok(Element::Keys(found))
}

fn value(item: &Value) -> Result<Element, Unnamed> {
    match item {
        Value::Object(_) => {
            Err("associative list without keys has an element that's a map type".to_owned())
        }
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => {
            Err("associative list without keys has an element that's an explicit null".to_owned())
        }
        plain => Ok(Element::Value(Literal::of(plain))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_called_by_their_keys_or_values() {
        let check = |list_type: ListType, item: Value, expect: &str| {
            let found = match named(list_type, std::slice::from_ref(&item)) {
                Ok(items) => items[0].0.to_string(),
                Err(why) => why,
            };
            assert_eq!(found, expect, "{item}");
        };
        let ports = ListType::Map(&["containerPort", "protocol"]);
        check(ports, json!({"containerPort": 1}), r#"[containerPort=1,protocol="TCP"]"#);
        check(ListType::Map(&["name"]), json!({"name": "a", "x": 1}), r#"[name="a"]"#);
        check(
            ListType::Map(&["name"]),
            json!({"x": 1}),
            "element 0: associative list with keys has an element that omits all key fields \
             [\"name\"] (and doesn't have default values for any key fields)",
        );
        check(ListType::Set, json!("a"), r#"[="a"]"#);
    }
}
