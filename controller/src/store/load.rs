//! What a disk has kept, as the state that a store begins with.
//!
//! ```text
//! disk ─▶ some rows ─▶ parsed, on all cores, while the disk is read ─▶ state
//! ```

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use bytes::Bytes;

use super::common::{self, PodSpecs};
use super::disk::{Disk, DiskError, Loaded};
use super::state::State;
use crate::api::{Kind, Object};

/// What is handed on at a time: a millisecond or two of parsing, beside which a thread is quick to
/// start.
const ROWS_AT_ONCE: usize = 256;

type Rows = Vec<(Kind, Bytes)>;

/// The state that `disk` has kept, with what others of `specs` hold.
pub(super) fn load(disk: &mut impl Disk, specs: &PodSpecs) -> Result<State, DiskError> {
    let Loaded { mut objects, resource_version } = disk.load()?;
    let mut some = || objects.by_ref().take(ROWS_AT_ONCE).collect::<Result<Rows, _>>();
    let first = some()?;
    let objects = if first.len() < ROWS_AT_ONCE {
        parsed(first, specs)?
    } else {
        side_by_side(first, some, specs)?
    };
    Ok(State::of(objects, resource_version))
}

/// The objects of `rows` and of all that come `next`, until there are none.
fn side_by_side(
    mut rows: Rows,
    mut next: impl FnMut() -> Result<Rows, DiskError>,
    specs: &PodSpecs,
) -> Result<Vec<Object>, DiskError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        // As many rows wait as are being parsed; they are in memory twice.
        let (given, taken) = mpsc::sync_channel(threads);
        let taken = Arc::new(Mutex::new(taken));
        let parser = || {
            let taken = Arc::clone(&taken);
            scope.spawn(move || all_parsed(&taken, specs))
        };
        let parsers: Vec<_> = (0..threads).map(|_| parser()).collect();
        drop(taken);
        // It is given to nobody where all have panicked.
        while !rows.is_empty() && given.send(rows).is_ok() {
            rows = next()?;
        }
        drop(given);
        let mut objects = Vec::new();
        for parser in parsers {
            objects.extend(parser.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(objects)
    })
}

/// The objects of all that is taken.
fn all_parsed(
    taken: &Mutex<mpsc::Receiver<Rows>>,
    specs: &PodSpecs,
) -> Result<Vec<Object>, DiskError> {
    let next = || taken.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
    let mut objects = Vec::new();
    let mut failed = None;
    // Also after an error, or whoever reads would wait for ever.
    while let Some(rows) = next() {
        match parsed(rows, specs) {
            Ok(more) if failed.is_none() => objects.extend(more),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(objects), Err)
}

fn parsed(rows: Rows, specs: &PodSpecs) -> Result<Vec<Object>, DiskError> {
    let parsed = rows.into_iter().map(|(kind, json)| {
        let mut object = Object::from_json(kind, &json)?;
        common::share(&mut object, specs);
        Ok(object)
    });
    parsed.collect::<Result<_, serde_json::Error>>().map_err(|error| Arc::new(error) as DiskError)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn rows(json: &str) -> Rows {
        vec![(Kind::ConfigMap, Bytes::copy_from_slice(json.as_bytes())); ROWS_AT_ONCE]
    }

    /// What comes of good rows, and then of `last`.
    fn loaded(last: Result<Rows, DiskError>) -> Result<usize, String> {
        let mut coming = (0..10).map(|_| Ok(rows("{}"))).chain([last, Ok(Rows::new())]);
        let next = || coming.next().expect("nobody asks after the end");
        let objects = side_by_side(rows("{}"), next, &PodSpecs::default());
        objects.map(|objects| objects.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_failure_in_the_middle_ends_it_with_its_words() {
        assert_eq!(loaded(Ok(rows("{}"))), Ok(12 * ROWS_AT_ONCE));
        let torn: DiskError = Arc::new(io::Error::other("the disk is torn"));
        assert_eq!(loaded(Err(torn)), Err("the disk is torn".to_owned()));
        let error = loaded(Ok(rows("{"))).unwrap_err();
        assert!(error.starts_with("EOF while parsing"), "{error}");
    }
}
