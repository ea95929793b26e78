//! Which keys there are.
//!
//! ```text
//! PREFIX/format                        schema, and which mayfly wrote it
//! PREFIX/leader                        who leads, for as long as its lease lasts
//! PREFIX/state                         the resource version of the state that is valid
//! PREFIX/objects/Kind/namespace/name   an object as JSON; "#N" if it is in N parts, which follow
//! PREFIX/objects/Kind/namespace/name\0NNNNN   a part of it
//! PREFIX/pending/head, PREFIX/pending/VERSION/NNNNN
//!                                      a commit that is too large for one transaction
//! PREFIX/agreed/NAME                   what all servers must have alike
//! ```

use mayfly_controller::api::{Key, Kind};
use mayfly_controller::store::disk::Row;

use crate::address::Prefix;
use crate::limits::VALUE_BYTES_MAX;
use crate::wire::Operation;

/// What the value of an object in parts begins with, which no JSON does.
const IN_PARTS: u8 = b'#';

/// Keys below one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    prefix: String,
    pub(crate) format: String,
    pub(crate) leader: String,
    pub(crate) state: String,
    pub(crate) pending_head: String,
}

impl Layout {
    pub(crate) fn new(prefix: &Prefix) -> Self {
        let prefix = prefix.as_str();
        let of = |name: &str| format!("{prefix}{name}");
        Self {
            format: of("format"),
            leader: of("leader"),
            state: of("state"),
            pending_head: of("pending/head"),
            prefix: prefix.to_owned(),
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn agreed(&self, name: &str) -> String {
        format!("{}agreed/{name}", self.prefix)
    }

    /// Where a part of the commit is that makes the state `version`. Each has keys of its own, so that
    /// whatever is late of one does nothing to the next.
    pub(crate) fn pending(&self, version: u64, number: usize) -> String {
        format!("{}pending/{version}/{number:05}", self.prefix)
    }

    /// Forgets the commit that has made the state `version`.
    pub(crate) fn forget_pending(&self, version: u64) -> Vec<Operation> {
        let (first, end) = of_all(&format!("{}pending/{version}/", self.prefix));
        let head = &self.pending_head;
        vec![Operation::delete(&first, &end), Operation::delete(head, &format!("{head}\0"))]
    }

    /// Forgets all that may have been begun.
    pub(crate) fn forget_all_pending(&self) -> Vec<Operation> {
        let (first, end) = of_all(&format!("{}pending/", self.prefix));
        vec![Operation::delete(&first, &end)]
    }

    /// From which key on, and up to which, all objects are.
    pub(crate) fn objects(&self) -> (String, String) {
        of_all(&format!("{}objects/", self.prefix))
    }

    fn object(&self, kind: Kind, key: &Key) -> String {
        let Key { namespace, name } = key;
        format!("{}objects/{}/{namespace}/{name}", self.prefix, kind.name())
    }

    /// The kind of the object at `key`.
    pub(crate) fn kind_of(&self, key: &str) -> Option<Kind> {
        let rest = key.strip_prefix(&self.prefix)?.strip_prefix("objects/")?;
        let name = rest.split('/').next()?;
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// What keeps `row`.
    pub(crate) fn operations(&self, row: &Row) -> Vec<Operation> {
        let key = self.object(row.kind, &row.key);
        let Some(json) = &row.json else {
            return vec![Operation::delete(&key, &format!("{key}\u{1}"))];
        };
        if json.len() <= VALUE_BYTES_MAX {
            // Parts that an older version had are not looked at, and go with the object.
            return vec![Operation::put(&key, json)];
        }
        let parts: Vec<_> = json.chunks(VALUE_BYTES_MAX).collect();
        let head = Operation::put(&key, format!("#{}", parts.len()).as_bytes());
        let part = |(number, part): (usize, &&[u8])| Operation::put(&part_key(&key, number), part);
        std::iter::once(head).chain(parts.iter().enumerate().map(part)).collect()
    }
}

/// In how many parts an object is whose value is this; `None` if it is whole.
pub(crate) fn parts_of(value: &[u8]) -> Option<usize> {
    let count = value.strip_prefix(&[IN_PARTS])?;
    std::str::from_utf8(count).ok()?.parse().ok()
}

/// The key of the object that the part at `key` is of, and which part it is.
pub(crate) fn part_at(key: &str) -> Option<(&str, usize)> {
    let (object, number) = key.split_once('\0')?;
    Some((object, number.parse().ok()?))
}

fn part_key(object: &str, number: usize) -> String {
    format!("{object}\0{number:05}")
}

/// All keys below `folder`, which ends with a slash: the character after it is a zero.
fn of_all(folder: &str) -> (String, String) {
    (folder.to_owned(), format!("{}0", folder.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout::new(&"/mayfly/".parse().unwrap())
    }

    #[test]
    fn an_object_is_found_below_its_kind() {
        let layout = layout();
        let key = layout.object(Kind::Job, &Key::new("default", "pi"));
        assert_eq!(key, "/mayfly/objects/Job/default/pi");
        assert_eq!(layout.kind_of(&key), Some(Kind::Job));
        assert_eq!(layout.kind_of("/mayfly/objects/Nothing/default/pi"), None);
        let (first, end) = layout.objects();
        assert!(first < key && key < end && layout.pending_head > end && layout.format < first);
    }

    #[test]
    fn what_is_large_is_in_parts_that_follow_it() {
        let row = |bytes: usize| Row {
            kind: Kind::Job,
            key: Key::new("default", "pi"),
            json: Some(vec![b'{'; bytes].into()),
        };
        assert_eq!(layout().operations(&row(VALUE_BYTES_MAX)).len(), 1);
        assert_eq!(layout().operations(&row(VALUE_BYTES_MAX + 1)).len(), 3);
        assert_eq!(parts_of(b"#2"), Some(2));
        assert_eq!(parts_of(b"{}"), None);
        let key = part_key("/a/pi", 1);
        assert_eq!(part_at(&key), Some(("/a/pi", 1)));
        assert!(*"/a/pi" < *key && *key < *"/a/pi\u{1}" && *key < *"/a/pi-2");
    }
}
