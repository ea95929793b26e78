//! A record of a segment: a line that says what it is, then bytes of a log. Pure.
//!
//! ```text
//! <uid> <container> <restart> <attempt> <from> <length> <checksum>
//! <bytes>
//! ```

use std::io::{self, Write as _};

use super::super::Run;
use crate::limits::LOG_SMALL_BYTES_MAX;

/// The longest line that says what a record is; what has a longer one is none. Names have some
/// hundred bytes.
const HEAD_BYTES_MAX: usize = 1024;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// The uid of the pod.
    pub(super) uid: &'a str,
    pub(super) container: &'a str,
    pub(super) restart: u32,
    /// How often the same run had begun before, and was lost.
    pub(super) attempt: u32,
    /// Where in the log its bytes begin.
    pub(super) from: u32,
}

/// A record among others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) head: Head<'a>,
    pub(super) head_bytes: u32,
    pub(super) body: &'a [u8],
}

impl<'a> Head<'a> {
    /// That of what `run` prints from there on. Fails if no record could say so.
    pub(super) fn of(run: &'a Run, attempt: u32, from: u32) -> io::Result<Self> {
        let (uid, container) = (&*run.pod.uid, &*run.container);
        for name in [uid, container] {
            let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_word || name.len() > HEAD_BYTES_MAX / 4 {
                let error = format!("{name:?} can't be written down");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
            }
        }
        Ok(Self { uid, container, restart: run.restart, attempt, from })
    }

    /// Adds the record of `body` to `records`; gives how long its first line is.
    pub(super) fn write(&self, body: &[u8], records: &mut Vec<u8>) -> u32 {
        let begin = records.len();
        let Self { uid, container, restart, attempt, from } = self;
        let length = body.len();
        write!(records, "{uid} {container} {restart} {attempt} {from} {length} ")
            .expect("memory must take it");
        let checksum = checksum(&records[begin..], body);
        writeln!(records, "{checksum:08x}").expect("memory must take it");
        let head_bytes = records.len() - begin;
        records.extend_from_slice(body);
        u32::try_from(head_bytes).expect("a head must be short")
    }
}

impl<'a> Record<'a> {
    /// The record that `bytes` begin with; `None` if that is none, or not a whole one.
    pub(super) fn first_of(bytes: &'a [u8]) -> Option<Self> {
        let searched = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
        let end = searched.iter().position(|byte| *byte == b'\n')?;
        let line = str::from_utf8(&bytes[..end]).ok()?;
        let (checked, told) = line.rsplit_once(' ')?;
        let mut words = checked.split(' ');
        let (uid, container) = (words.next()?, words.next()?);
        let mut number = || words.next()?.parse::<u32>().ok();
        let (restart, attempt, from) = (number()?, number()?, number()?);
        let length = usize::try_from(number()?).ok()?;
        if words.next().is_some() || length > LOG_SMALL_BYTES_MAX {
            return None;
        }
        let body = bytes.get(end + 1..)?.get(..length)?;
        let is_whole =
            u32::from_str_radix(told, 16) == Ok(checksum(&bytes[..=checked.len()], body));
        let head = Head { uid, container, restart, attempt, from };
        is_whole.then_some(Self { head, head_bytes: u32::try_from(end + 1).ok()?, body })
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.head_bytes as usize + self.body.len()
    }
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::runtime::PodIdentity;

    fn run(uid: &str) -> Run {
        let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: uid.into() };
        Run { pod, container: "main".into(), restart: 3 }
    }

    #[test]
    fn records_are_read_back_one_after_another() {
        let run = run("u-1");
        let mut records = Vec::new();
        for (from, body) in [(0, &b"one\n"[..]), (4, b""), (4, b"two\nthree\n")] {
            Head::of(&run, 1, from).unwrap().write(body, &mut records);
        }
        let mut left = &records[..];
        let mut found = Vec::new();
        while let Some(record) = Record::first_of(left) {
            assert_eq!((record.head.uid, record.head.container), ("u-1", "main"));
            assert_eq!((record.head.restart, record.head.attempt), (3, 1));
            found.push((record.head.from, record.body));
            left = &left[record.bytes()..];
        }
        assert_eq!(found, [(0, &b"one\n"[..]), (4, b""), (4, b"two\nthree\n")]);
        assert_eq!(left, b"");
    }

    #[test]
    fn what_is_torn_or_changed_is_no_record() {
        let run = run("u");
        let mut whole = Vec::new();
        Head::of(&run, 0, 0).unwrap().write(b"some text\n", &mut whole);
        for length in 0..whole.len() {
            assert_eq!(Record::first_of(&whole[..length]), None, "{length}");
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert_eq!(Record::first_of(&changed), None, "{place}");
        }
        assert_eq!(Record::first_of(&[0; 4096]), None);
        for uid in ["", "a b", "a\nb", "ü", &"x".repeat(300)] {
            assert!(Head::of(&self::run(uid), 0, 0).is_err(), "{uid:?}");
        }
    }
}
