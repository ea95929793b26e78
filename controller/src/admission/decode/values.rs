//! Documents as what they say, of whatever kind: for a client, whose server knows the kinds.

use serde_json::{Map, Number, Value as Json};

use super::tree::{Entry, Tree, Value};
use super::{Decoding, FieldValidation, Malformed, Place, Problem, list_items};

/// Reads every document of `bytes`, which came from `source`, as a plain value.
///
/// As in [`decode`](super::decode), empty documents are skipped and the items of a `List` taken out
/// of it. Each value is a map that says its `apiVersion` and `kind`; nothing else is known of it.
pub fn values(
    bytes: &[u8],
    source: &str,
    validation: FieldValidation,
) -> Result<Vec<(Place, Json)>, Malformed> {
    let mut decoding = Decoding {
        source: source.into(),
        validation,
        documents: Vec::new(),
        complaints: Vec::new(),
    };
    let mut found = Vec::new();
    for (index, tree) in decoding.trees(bytes).iter().enumerate() {
        let items = list_items(tree).unwrap_or(std::slice::from_ref(tree));
        for item in items {
            decoding.value(item, index + 1, &mut found);
        }
    }
    if decoding.complaints.is_empty() { Ok(found) } else { Err(Malformed(decoding.complaints)) }
}

impl Decoding {
    fn value(&mut self, tree: &Tree, document: usize, found: &mut Vec<(Place, Json)>) {
        let missing = match &tree.value {
            Value::Null => return,
            Value::Map(_) => ["apiVersion", "kind"]
                .into_iter()
                .find(|key| tree.get(key).and_then(Tree::text).is_none_or(str::is_empty)),
            _ => {
                let message =
                    format!("expected an object with apiVersion and kind, got {}", tree.describe());
                return self.complain(document, tree.line, Problem::Kind(message));
            }
        };
        if let Some(missing) = missing {
            return self.complain(
                document,
                tree.line,
                Problem::Kind(format!("{missing} is not set")),
            );
        }
        let json = self.json(tree, document, "");
        found.push((self.place(document, tree.line), json));
    }

    /// `tree`, which stands at `path`, as JSON. The last of several values of a key counts.
    fn json(&mut self, tree: &Tree, document: usize, path: &str) -> Json {
        match &tree.value {
            Value::Null => Json::Null,
            Value::Bool(value, _) => Json::Bool(*value),
            Value::Integer(value, text) => {
                let number = i64::try_from(*value).map(Number::from).ok();
                let number = number.or_else(|| u64::try_from(*value).map(Number::from).ok());
                number.map_or_else(|| Json::String(text.clone()), Json::Number)
            }
            Value::Float(value, text) => {
                Number::from_f64(*value).map_or_else(|| Json::String(text.clone()), Json::Number)
            }
            Value::String(text) => Json::String(text.clone()),
            Value::List(items) => {
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.json(item, document, &format!("{path}[{index}]")));
                Json::Array(items.collect())
            }
            Value::Map(entries) => self.map(entries, document, path),
        }
    }

    fn map(&mut self, entries: &[Entry], document: usize, path: &str) -> Json {
        let mut map = Map::new();
        for entry in entries {
            let field = match path {
                "" => entry.key.clone(),
                path => format!("{path}.{}", entry.key),
            };
            let value = self.json(&entry.value, document, &field);
            let is_again = map.insert(entry.key.clone(), value).is_some();
            if is_again && self.validation == FieldValidation::Strict {
                self.complain(document, entry.line, Problem::DuplicateField { field });
            }
        }
        Json::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expect: Result<Json, &str>) {
        let read = values(text.as_bytes(), "a.yaml", FieldValidation::Strict);
        match (read, expect) {
            (Ok(found), Ok(expect)) => {
                let found: Vec<Json> = found.into_iter().map(|(_, value)| value).collect();
                assert_eq!(Json::Array(found), expect, "{text}");
            }
            (Err(error), Err(expect)) => assert_eq!(error.to_string(), expect, "{text}"),
            (read, expect) => panic!("{text}: {read:?}, wanted {expect:?}"),
        }
    }

    #[test]
    fn any_kind_is_read_as_kubernetes_reads_yaml() {
        check(
            "apiVersion: x/v1\nkind: Any\nspec: {a: yes, b: 0644, c: [1.5, ~, \"on\"], d: {}}\n---\n---\n",
            Ok(json!([{"apiVersion": "x/v1", "kind": "Any",
                "spec": {"a": true, "b": 420, "c": [1.5, null, "on"], "d": {}}}])),
        );
        check(
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod}\n- {apiVersion: v1, kind: Other}\n",
            Ok(json!([{"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": "v1", "kind": "Other"}])),
        );
        check(
            "{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}",
            Ok(json!([{"apiVersion": "v1", "kind": "Pod"}])),
        );
    }

    #[test]
    fn what_is_no_object_is_told() {
        check("kind: Pod\n", Err("a.yaml:1: apiVersion is not set"));
        check(
            "a: b\n---\n- c\n",
            Err(
                "a.yaml:1: apiVersion is not set\na.yaml:3 (document 2): expected an object with apiVersion and kind, got a list",
            ),
        );
        check("apiVersion: v1\nkind: Pod\nkind: Job\n", Err("a.yaml:3: duplicate field \"kind\""));
    }
}
