//! What the operator can bound, and what is bounded anyway.

use serde_json::Value;

use super::constants::{constants, number};
use super::{check, code, page, prose, table};
use crate::limits::{Asked, Unit, keys, schema};

/// Keys whose default is what the host has.
const OF_THE_HOST: &[&str] = &["node.cpu", "node.memory", "node.ephemeral-storage"];

#[test]
fn limits() {
    let introduction = "`mayfly serve --limits FILE` and `mayfly run --limits FILE` take a file of \
                        YAML with these keys; `examples/operator/limits.yaml` is one that says \
                        everything.\n\
                        [SECURITY.md](../../../SECURITY.md#limits) says what becomes of whoever \
                        goes over a limit.\n\
                        A key that there is not, a value in another unit and a default above its \
                        maximum are refused, all at once.\n\
                        Numbers are quantities as in Kubernetes: `64Mi`, `100k`, `250m`; seconds \
                        are whole numbers.";
    let mut text = page("Limits", introduction);
    let (schema, keys) = (schema(), keys());
    for (section, what) in properties(&schema, &schema) {
        text += &format!("\n## `{section}`\n\n{}\n\n", prose(&said(what)));
        let mut rows = Vec::new();
        rows_of(&schema, what, &section, &keys, &mut rows);
        table(&mut text, ["key", "what", "default", "at most"], rows);
    }
    text += "\n## What is fixed\n\n\
             These bounds of a server are the same everywhere; each says what it stops.\n\n";
    let fixed = constants(include_str!("../../controller/src/limits.rs"));
    let rows = fixed.iter().map(|constant| {
        let value = number(&constant.value, &fixed);
        let value = if constant.name.contains("BYTES") { bytes(value) } else { value.to_string() };
        [code(&constant.name), value, prose(&constant.said.replace(['[', ']'], ""))]
    });
    table(&mut text, ["constant", "value", "what"], rows);
    check("limits", &text);
}

/// Adds a row for each key below `key`. One with a default and a maximum is one row.
fn rows_of(root: &Value, what: &Value, key: &str, keys: &[Asked], rows: &mut Vec<[String; 4]>) {
    for (name, what) in properties(root, what) {
        let key = format!("{key}.{name}");
        let asked = keys.iter().find(|it| it.key == key);
        let has_both = properties(root, what).iter().any(|(name, _)| name == "max");
        let (default, most) = match asked {
            _ if OF_THE_HOST.contains(&key.as_str()) => ("what the host has".to_owned(), None),
            Some(asked) => {
                let default = asked.default.map(|it| amount(it, asked.unit));
                (
                    default.unwrap_or_else(|| "none".to_owned()),
                    asked.most.map(|it| amount(it, asked.unit)),
                )
            }
            None => (String::new(), None),
        };
        let keys_told = match has_both {
            true => format!("{}, {}", code(&format!("{key}.default")), code(".max")),
            false => code(&key),
        };
        rows.push([keys_told, prose(&said(what)), default, most.unwrap_or_default()]);
        if has_both {
            let others = properties(root, what);
            let others = others.iter().filter(|(name, _)| name != "default" && name != "max");
            rows.extend(others.map(|(name, what)| {
                [code(&format!("{key}.{name}")), prose(&said(what)), String::new(), String::new()]
            }));
        }
    }
}

/// The properties of a schema, which may stand elsewhere in `root`, in the order of their names.
fn properties<'a>(root: &'a Value, schema: &'a Value) -> Vec<(String, &'a Value)> {
    let reference = schema["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    let schema = reference.and_then(|it| root.pointer(it)).unwrap_or(schema);
    let found = schema["properties"].as_object().into_iter().flatten();
    found.map(|(name, what)| (name.clone(), what)).collect()
}

fn said(schema: &Value) -> String {
    schema["description"].as_str().expect("every key must have a comment").to_owned()
}

fn amount(number: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(number),
        Unit::Cores => format!("{number}m"),
        Unit::Seconds => format!("{number} s"),
        Unit::Count => number.to_string(),
    }
}

fn bytes(number: u64) -> String {
    let units = [(30, "Gi"), (20, "Mi"), (10, "Ki")];
    let unit = units.iter().find(|(bits, _)| number > 0 && number.is_multiple_of(1 << bits));
    unit.map_or_else(|| number.to_string(), |(bits, unit)| format!("{}{unit}", number >> bits))
}
