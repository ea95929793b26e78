//! Where in an object something is: a path, one element a level.

use std::fmt;

use serde_json::{Map, Value};

/// One step down: a field, or an item of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) enum Element {
    /// A field of a structure, or a key of a map.
    Field(String),
    /// The item of a list in which these fields have these values; in the order of their names.
    Keys(Vec<(String, Literal)>),
    /// The item of a list that is this value.
    Value(Literal),
    /// The item of a list at this place.
    Index(i64),
}

/// A single value, by which an item is told from others. Numbers come first, as in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) enum Literal {
    Number(i64),
    Text(String),
    Boolean(bool),
    /// Anything else, as JSON; no list of ours has such items.
    Other(String),
}

impl Element {
    /// The field `name`.
    pub(super) fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// As it stands in `fieldsV1`, such as `f:spec`.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Keys(keys) => {
                let keys: Map<String, Value> =
                    keys.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
                format!("k:{}", Value::Object(keys))
            }
            Self::Value(value) => format!("v:{}", value.to_json()),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// What `text` means in `fieldsV1`. `None` for an element that there is no meaning for yet,
    /// `Err` for one that is malformed.
    pub(super) fn read(text: &str) -> Result<Option<Self>, Malformed> {
        let (sort, rest) = text.split_once(':').ok_or(Malformed)?;
        Ok(Some(match sort {
            "f" => Self::field(rest),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).map_err(|_| Malformed)?;
                let keys = keys.iter().map(|(name, value)| (name.clone(), Literal::of(value)));
                Self::Keys(keys.collect())
            }
            "v" => {
                let value: Value = serde_json::from_str(rest).map_err(|_| Malformed)?;
                Self::Value(Literal::of(&value))
            }
            "i" => Self::Index(rest.parse().map_err(|_| Malformed)?),
            _ => return Ok(None),
        }))
    }
}

/// One step down, before it is known whether it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name<'a> {
    /// A field of a structure, or a key of a map.
    Field(&'a str),
    /// An item of a list.
    Item(&'a Element),
}

impl From<Name<'_>> for Element {
    fn from(name: Name<'_>) -> Self {
        match name {
            Name::Field(name) => Self::field(name),
            Name::Item(item) => item.clone(),
        }
    }
}

/// A `fieldsV1` that none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Malformed;

impl Literal {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Self::Boolean(*value),
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Self::Other(number.to_string()), Self::Number)
            }
            other => Self::Other(other.to_string()),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Boolean(value) => Value::from(*value),
            Self::Other(json) => serde_json::from_str(json).unwrap_or(Value::Null),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Keys(keys) => {
                let keys: Vec<_> =
                    keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path as messages show it, such as `.spec.template.spec.containers[name="main"].image`.
pub(in crate::http) fn shown(path: &[Element]) -> String {
    path.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_written_and_read_as_kubernetes_does() {
        let check = |text: &str, shown: &str| {
            let element = Element::read(text).expect("must be well-formed").expect("must be known");
            assert_eq!(element.written(), text);
            assert_eq!(element.to_string(), shown);
        };
        check("f:spec", ".spec");
        check("f:batch.kubernetes.io/job-name", ".batch.kubernetes.io/job-name");
        check(r#"k:{"name":"main"}"#, r#"[name="main"]"#);
        check(r#"k:{"containerPort":80,"protocol":"TCP"}"#, r#"[containerPort=80,protocol="TCP"]"#);
        check(r#"v:"a/b""#, r#"[="a/b"]"#);
        check("i:3", "[3]");
        assert_eq!(Element::read("x:later"), Ok(None));
        assert_eq!(Element::read("spec"), Err(Malformed));
        assert_eq!(Element::read("k:[]"), Err(Malformed));
    }
}
