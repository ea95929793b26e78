//! A batch of rows as bytes: what the journal consists of.
//!
//! ```text
//! length of the rest (8) │ CRC-32 of all else (4) │ resource version (8) │ row │ row …
//! row: kind, namespace, name, each with its length before (4) │ length + 1 (8) │ JSON
//!                                                              or, to forget it, 0 (8)
//! ```
//!
//! Numbers are little-endian. A length of 0 is none: where nothing has been written, a file has zeros.

use bytes::Bytes;

use crate::api::{Key, Kind};
use crate::store::disk::Row;

/// What comes before what is counted by a record's length.
pub(super) const HEAD_BYTES: usize = LENGTH_BYTES + CHECKSUM_BYTES;

const LENGTH_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;

/// A record that is whole.
pub(super) struct Record {
    /// The version of the state that it has made.
    pub(super) resource_version: u64,
    rows: Bytes,
}

/// A row, not yet understood.
pub(super) struct Place<'a> {
    /// Its kind, namespace and name, as they are written.
    pub(super) name: &'a [u8],
    /// `None` if it is to be forgotten.
    pub(super) json: Option<Bytes>,
}

#[derive(Debug, thiserror::Error)]
#[error("there is an object of an unknown kind: \"{0}\"")]
pub(super) struct UnknownKind(String);

impl Record {
    /// Appends the record of `rows` to `out`.
    pub(super) fn write(rows: &[Row], resource_version: u64, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend([0; HEAD_BYTES]);
        out.extend(resource_version.to_le_bytes());
        for Row { kind, key, json } in rows {
            for text in [kind.name(), &key.namespace, &key.name] {
                let length = u32::try_from(text.len()).expect("a name must be short");
                out.extend(length.to_le_bytes());
                out.extend(text.as_bytes());
            }
            out.extend(json.as_ref().map_or(0, |json| json.len() as u64 + 1).to_le_bytes());
            out.extend(json.as_deref().unwrap_or_default());
        }
        let length = (out.len() - begin - HEAD_BYTES) as u64;
        out[begin..][..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        let checksum = checksum(&out[begin..]);
        out[begin + LENGTH_BYTES..][..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The length that `head` says, without the head; `None` where there is no record.
    pub(super) fn length(head: [u8; HEAD_BYTES]) -> Option<u64> {
        let (length, _) = head.split_first_chunk()?;
        Some(u64::from_le_bytes(*length)).filter(|length| *length > 0)
    }

    /// The record that `bytes` begins with, if it is whole, and how long that is.
    pub(super) fn first_of(bytes: &Bytes) -> Option<(Self, usize)> {
        let length = usize::try_from(Self::length(*bytes.first_chunk()?)?).ok()?;
        let end = length.checked_add(HEAD_BYTES).filter(|end| *end <= bytes.len())?;
        let (_, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
        let (told, _) = rest.split_first_chunk()?;
        if u32::from_le_bytes(*told) != checksum(&bytes[..end]) {
            return None;
        }
        let content = bytes.slice(HEAD_BYTES..end);
        let (resource_version, rows) = content.split_first_chunk()?;
        let rows = content.slice_ref(rows);
        Some((Self { resource_version: u64::from_le_bytes(*resource_version), rows }, end))
    }

    /// Its rows, in their order; `None` where one is not as it must be.
    pub(super) fn places(&self) -> impl Iterator<Item = Option<Place<'_>>> {
        let mut rest = &self.rows[..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let place = self.place(&mut rest);
            if place.is_none() {
                rest = &[];
            }
            Some(place)
        })
    }

    /// The row that `rest` begins with, which is taken from it.
    fn place<'a>(&'a self, rest: &mut &'a [u8]) -> Option<Place<'a>> {
        let all = *rest;
        for _ in 0..3 {
            text(rest)?;
        }
        let name = &all[..all.len() - rest.len()];
        let json = match usize::try_from(number(rest)?).ok()?.checked_sub(1) {
            Some(length) => Some(self.rows.slice_ref(rest.split_off(..length)?)),
            None => None,
        };
        Some(Place { name, json })
    }
}

impl Place<'_> {
    /// The kind of the object.
    pub(super) fn kind(&self) -> Result<Kind, UnknownKind> {
        let name = text(&mut &*self.name).unwrap_or_default();
        let known = Kind::ALL.iter().copied().find(|kind| kind.name().as_bytes() == name);
        known.ok_or_else(|| UnknownKind(String::from_utf8_lossy(name).into_owned()))
    }

    /// All of it.
    pub(super) fn row(self) -> Result<Row, UnknownKind> {
        let kind = self.kind()?;
        let mut rest = self.name;
        let [_, namespace, name] =
            [(); 3].map(|()| String::from_utf8_lossy(text(&mut rest).unwrap_or_default()));
        let key = Key::new(&namespace, &name);
        Ok(Row { kind, key, json: self.json })
    }
}

/// Of a record, but for where this is written.
fn checksum(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..LENGTH_BYTES]);
    hasher.update(&record[HEAD_BYTES..]);
    hasher.finalize()
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    *rest = after;
    rest.split_off(..usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |kind, namespace: &str, name: &str, json: Option<&str>| {
            let json = json.map(|json| Bytes::copy_from_slice(json.as_bytes()));
            Row { kind, key: Key::new(namespace, name), json }
        };
        vec![
            row(Kind::Pod, "default", "pi-1", Some("{}")),
            row(Kind::Node, "", "mayfly", Some("")),
            row(Kind::Event, "default", "pi-1.5", None),
        ]
    }

    fn written(rows: &[Row]) -> Bytes {
        let mut bytes = b"before".to_vec();
        Record::write(rows, 9, &mut bytes);
        Bytes::from(bytes).slice(6..)
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let bytes = [&written(&rows())[..], &written(&[])].concat().into();
        let (record, end) = Record::first_of(&bytes).expect("it is whole");
        assert_eq!(record.resource_version, 9);
        let read = record.places().map(|place| place.expect("it is whole").row().expect("known"));
        assert_eq!(read.collect::<Vec<_>>(), rows());
        let (record, rest) = Record::first_of(&bytes.slice(end..)).expect("it is whole");
        assert_eq!((record.places().count(), end + rest), (0, bytes.len()));
    }

    #[test]
    fn what_is_not_whole_is_no_record() {
        let whole = written(&rows());
        for end in 0..whole.len() {
            assert!(Record::first_of(&whole.slice(..end)).is_none(), "{end}");
            for bit in [0x01, 0x80] {
                let mut other = whole.to_vec();
                other[end] ^= bit;
                assert!(Record::first_of(&other.into()).is_none(), "{end} {bit}");
            }
        }
        assert!(Record::first_of(&Bytes::from_static(&[0; 64])).is_none());
    }

    #[test]
    fn what_no_journal_writes_is_found_out() {
        let mut content = 9_u64.to_le_bytes().to_vec();
        content.extend([255; 16]);
        let mut bytes = (content.len() as u64).to_le_bytes().to_vec();
        bytes.extend([0; CHECKSUM_BYTES]);
        bytes.extend(content);
        let checksum = checksum(&bytes);
        bytes[LENGTH_BYTES..HEAD_BYTES].copy_from_slice(&checksum.to_le_bytes());
        let (record, _) = Record::first_of(&bytes.into()).expect("its checksum is right");
        assert_eq!(record.places().map(|place| place.is_some()).collect::<Vec<_>>(), [false]);

        let row = Place { name: b"\x05\0\0\0Other\0\0\0\0\0\0\0\0", json: None };
        let error = row.row().expect_err("nobody knows it").to_string();
        assert_eq!(error, "there is an object of an unknown kind: \"Other\"");
    }
}
