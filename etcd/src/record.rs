//! A commit that is too large for one transaction, as bytes that are kept before any of its objects
//! are. Pure.
//!
//! ```text
//! Kind namespace/name 17\n{…17 bytes…}\n        kept
//! Kind namespace/name -\n                       forgotten
//! ```

use bytes::Bytes;
use mayfly_controller::api::{Key, Kind};
use mayfly_controller::store::disk::Row;

/// `rows` as bytes.
pub(crate) fn write(rows: &[Row]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Row { kind, key, json } in rows {
        let Key { namespace, name } = key;
        let length = json.as_ref().map_or_else(|| "-".to_owned(), |json| json.len().to_string());
        bytes.extend(format!("{} {namespace}/{name} {length}\n", kind.name()).into_bytes());
        if let Some(json) = json {
            bytes.extend(&json[..]);
            bytes.push(b'\n');
        }
    }
    bytes
}

/// The rows that `bytes` are; `None` if they are none.
pub(crate) fn read(bytes: &Bytes) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&bytes[at..end]).ok()?;
        at = end + 1;
        let [kind, place, length] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let kind = Kind::ALL.iter().copied().find(|it| it.name() == kind)?;
        let (namespace, name) = place.split_once('/')?;
        let json = if length == "-" {
            None
        } else {
            let end = at.checked_add(length.parse().ok()?)?;
            let json = (bytes.get(end) == Some(&b'\n')).then(|| bytes.slice(at..end))?;
            at = end + 1;
            Some(json)
        };
        rows.push(Row { kind, key: Key::new(namespace, name), json });
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let row = |kind, namespace: &str, name: &str, json: Option<&str>| Row {
            kind,
            key: Key::new(namespace, name),
            json: json.map(|json| Bytes::copy_from_slice(json.as_bytes())),
        };
        let rows = vec![
            row(Kind::Pod, "default", "a", Some("{\"a\":\n1}")),
            row(Kind::Node, "", "b", None),
            row(Kind::Job, "x", "c", Some("{}")),
        ];
        let bytes = write(&rows);
        assert_eq!(read(&bytes.clone().into()).unwrap(), rows);
        assert_eq!(read(&Bytes::new()).unwrap(), []);
        for cut in 1..bytes.len() {
            let cut = Bytes::copy_from_slice(&bytes[..cut]);
            // Cut between two rows it is fewer; anywhere else it is nothing.
            assert!(read(&cut).is_none_or(|read| rows.starts_with(&read)));
        }
    }
}
