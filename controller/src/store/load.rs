//! What a disk has kept, as the state that a store begins with.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::common::{self, PodSpecs};
use super::disk::{Disk, DiskError};
use super::state::State;
use crate::api::{Kind, Object};

/// The state that `disk` has kept, with what others of `specs` hold.
pub(super) fn load(disk: &mut impl Disk, specs: &PodSpecs) -> Result<State, DiskError> {
    let loaded = disk.load()?;
    let objects = parsed(loaded.objects, specs)?;
    Ok(State::of(objects, loaded.resource_version))
}

/// What these rows are as objects: on all cores, since whoever starts a server waits for it.
fn parsed(mut rows: Vec<(Kind, Vec<u8>)>, specs: &PodSpecs) -> Result<Vec<Object>, DiskError> {
    /// Rows that take no longer than another thread to start: a millisecond or so.
    const ROWS_MIN: usize = 256;
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let each = rows.len().div_ceil(threads).max(ROWS_MIN);
    thread::scope(|scope| {
        let mut parts = Vec::new();
        while rows.len() > each {
            let part = rows.split_off(rows.len() - each);
            parts.push(scope.spawn(|| parsed_here(part, specs)));
        }
        let mut objects = parsed_here(rows, specs)?;
        for part in parts {
            objects.extend(part.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(objects)
    })
}

fn parsed_here(rows: Vec<(Kind, Vec<u8>)>, specs: &PodSpecs) -> Result<Vec<Object>, DiskError> {
    let parsed = rows.into_iter().map(|(kind, json)| {
        let mut object = Object::from_json(kind, &json)?;
        common::share(&mut object, specs);
        Ok(object)
    });
    parsed.collect::<Result<_, serde_json::Error>>().map_err(|error| Arc::new(error) as DiskError)
}
