//! Of which schema a state says that it is, and which mayfly has written it: `2 mayfly/0.1.0`. Pure.

use mayfly_controller::store::SCHEMA;

use crate::error::{Error, Result};
use crate::wire::KeyValue;

/// Which mayfly writes, as the format says it.
const WRITER: &str = concat!("mayfly/", env!("CARGO_PKG_VERSION"));

/// What a state says that is written here.
pub(crate) fn ours() -> String {
    format!("{SCHEMA} {WRITER}")
}

/// An error unless what was `found` is of the schema that is known here.
pub(crate) fn check(found: &KeyValue) -> Result<()> {
    let text = String::from_utf8_lossy(&found.value).into_owned();
    let (schema, writer) = text.split_once(' ').unwrap_or((&text, "another mayfly"));
    match schema.parse() {
        Ok(SCHEMA) => Ok(()),
        Ok(schema) => {
            Err(Error::Schema { schema, writer: writer.replace('/', " "), known: SCHEMA })
        }
        Err(_) => {
            let why = format!("{text:?} is no format that a mayfly writes");
            Err(Error::Unusable { key: found.key.clone(), why })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_schema_is_told_with_who_wrote_it() {
        let says = |text: &str| {
            let value = text.as_bytes().to_vec();
            let found = KeyValue { key: "/mayfly/format".to_owned(), value, ..KeyValue::default() };
            check(&found).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(says(&ours()), "");
        assert!(says("900 mayfly/9.0.0").contains("of schema 900, written by mayfly 9.0.0"));
        assert!(says("900").contains("of schema 900, written by another mayfly"));
        assert!(says("x").contains("/mayfly/format in etcd can't be used"));
    }
}
