//! Where in the segments the logs are. Pure.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::record::{Head, Record};
use crate::limits::LOG_RUNS_MAX;

/// Attempts at one run whose logs are kept: the one that goes on, and the one that was lost.
const ATTEMPTS_MAX: usize = 2;

/// The logs that are in segments, by the uid of their pod.
#[derive(Default)]
pub(super) struct Index(HashMap<Box<str>, Vec<Log>, RandomState>);

/// What one run of a container has printed, or had before it was lost.
pub(super) struct Log {
    pub(super) container: Box<str>,
    pub(super) restart: u32,
    pub(super) attempt: u32,
    /// In their order; what one of them has, no other has.
    pub(super) pieces: Vec<Piece>,
}

/// A part of a log: where the record of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The number of the segment.
    pub(super) segment: u32,
    /// The offset of the record in it.
    pub(super) at: u32,
    pub(super) head_bytes: u32,
    /// Where in the log it begins, and how long it is there.
    pub(super) from: u32,
    pub(super) length: u32,
}

impl Piece {
    /// That of `record`, which is `at` an offset of `segment`.
    pub(super) fn of(record: &Record, segment: u32, at: u32) -> Self {
        let length = u32::try_from(record.body.len()).expect("a record must be short");
        Self { segment, at, head_bytes: record.head_bytes, from: record.head.from, length }
    }

    /// What its record takes of its segment.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.head_bytes) + u64::from(self.length)
    }

    fn end(&self) -> u64 {
        u64::from(self.from) + u64::from(self.length)
    }

    /// Whether `other` says nothing that this does not.
    fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.end() <= self.end()
    }
}

impl Log {
    /// Adds `piece`; gives those that say nothing new any more.
    fn add(&mut self, piece: Piece) -> Vec<Piece> {
        // Of two that say the same, the later is a copy of the other, which is about to go.
        if self.pieces.iter().any(|known| known.covers(&piece) && !piece.covers(known)) {
            return vec![piece];
        }
        let covered = self.pieces.extract_if(.., |known| piece.covers(known)).collect();
        let place = self.pieces.partition_point(|known| known.from < piece.from);
        self.pieces.insert(place, piece);
        covered
    }

    /// How long it is.
    pub(super) fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| u64::from(piece.length)).sum()
    }
}

impl Index {
    /// Adds a piece of the log that `head` names; gives those that are of no use any more.
    pub(super) fn add(&mut self, head: &Head, piece: Piece) -> Vec<Piece> {
        if let Some(log) = self.get_mut(head) {
            return log.add(piece);
        }
        let Head { uid, container, restart, attempt, .. } = *head;
        let log = Log { container: container.into(), restart, attempt, pieces: vec![piece] };
        match self.0.get_mut(uid) {
            Some(logs) => logs.push(log),
            None => drop(self.0.insert(uid.into(), vec![log])),
        }
        Vec::new()
    }

    fn get_mut(&mut self, head: &Head) -> Option<&mut Log> {
        self.0.get_mut(head.uid)?.iter_mut().find(|log| log.is_of(head))
    }

    /// The log that `head` names.
    pub(super) fn get(&self, head: &Head) -> Option<&Log> {
        self.0.get(head.uid)?.iter().find(|log| log.is_of(head))
    }

    /// Those of one run of a container, that of its last attempt first.
    pub(super) fn attempts(&self, uid: &str, container: &str, restart: u32) -> Vec<&Log> {
        let logs = self.0.get(uid).into_iter().flatten();
        let mut found: Vec<_> =
            logs.filter(|log| &*log.container == container && log.restart == restart).collect();
        found.sort_by_key(|log| std::cmp::Reverse(log.attempt));
        found
    }

    /// All that are there.
    pub(super) fn logs(&self) -> impl Iterator<Item = &Log> {
        self.0.values().flatten()
    }

    /// Removes what whoever had been there all the time would have let go of: logs of runs long
    /// before others, and of attempts before the one that was lost last.
    pub(super) fn forget_old(&mut self) {
        for logs in self.0.values_mut().filter(|logs| logs.len() > 1) {
            let known: Vec<_> = logs.iter().map(Log::age).collect();
            logs.retain(|log| {
                let (container, restart, attempt) = log.age();
                let of_container = known.iter().filter(|(it, ..)| *it == container);
                let newest = of_container.clone().map(|(_, restart, _)| *restart).max();
                let later = of_container.filter(|it| it.1 == restart && it.2 > attempt).count();
                newest.is_none_or(|newest| restart.saturating_add(LOG_RUNS_MAX) > newest)
                    && later < ATTEMPTS_MAX
            });
        }
    }

    /// Whose logs are there.
    pub(super) fn uids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|uid| &**uid)
    }

    /// Removes what is `unwanted` of a pod's logs; gives what it was.
    pub(super) fn remove(&mut self, uid: &str, unwanted: impl Fn(&Log) -> bool) -> Vec<Log> {
        let Some(logs) = self.0.get_mut(uid) else { return Vec::new() };
        let removed = logs.extract_if(.., |log| unwanted(log)).collect();
        if logs.is_empty() {
            self.0.remove(uid);
        }
        removed
    }
}

impl Log {
    fn age(&self) -> (Box<str>, u32, u32) {
        (self.container.clone(), self.restart, self.attempt)
    }

    fn is_of(&self, head: &Head) -> bool {
        (self.restart, self.attempt) == (head.restart, head.attempt)
            && *self.container == *head.container
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_piece_says_once_more_is_of_no_use() {
        let head = Head { uid: "u", container: "c", restart: 0, attempt: 0, from: 0 };
        let piece = |at: u32, from: u32, length: u32| Piece {
            segment: 1,
            at,
            head_bytes: 10,
            from,
            length,
        };
        let check = |pieces: &[Piece], useless: &[u32], left: &[u32]| {
            let mut index = Index::default();
            let found = pieces.iter().flat_map(|piece| index.add(&head, *piece));
            let found: Vec<u32> = found.map(|piece| piece.at).collect();
            assert_eq!(found, useless, "{pieces:?}");
            let log = index.get(&head).unwrap();
            let at: Vec<u32> = log.pieces.iter().map(|piece| piece.at).collect();
            assert_eq!(at, left, "{pieces:?}");
        };
        let (first, second, whole) = (piece(0, 0, 4), piece(1, 4, 6), piece(2, 0, 10));
        check(&[first, second], &[], &[0, 1]);
        check(&[second, first], &[], &[0, 1]);
        check(&[first, second, whole], &[0, 1], &[2]);
        check(&[whole, second, first], &[1, 0], &[2]);
        // That it has begun is known by what it has printed.
        check(&[piece(3, 0, 0), first], &[3], &[0]);
        check(&[first, piece(3, 0, 0)], &[3], &[0]);
        check(&[first, piece(3, 0, 4)], &[0], &[3]);
    }
}
