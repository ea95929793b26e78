//! One state in the place of another: what that is in memory, and what it is on disk. Pure.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::common::{self, PodSpecs};
use super::disk::Row;
use super::state::State;
use crate::api::{Kind, Object};

/// By how much resource versions go on with each restore. What a server has given since a backup was
/// made is known to nobody where the backup goes into another folder, or an older copy of its own;
/// whoever has seen one of those must not take another object for it. A thousand commits a second
/// make as many in twelve days, and a client that reads versions as JSON numbers (2^53) bears eight
/// million restores.
pub(super) const VERSIONS_LEFT_OUT: u64 = 1 << 30;

/// Every object, as they were together.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By kind, then namespace and name. No two have the same place.
    pub objects: Vec<Object>,
    /// The state that they are of.
    pub resource_version: u64,
}

/// What a snapshot becomes where another state was.
pub(super) struct Replacement {
    /// All of it, and no history.
    pub(super) state: State,
    /// By what it differs from the one before.
    pub(super) rows: Vec<Row>,
}

impl Replacement {
    /// `snapshot` in the place of `before`; of its `specs`, those stay that are there.
    pub(super) fn of(before: &State, snapshot: Snapshot, specs: &PodSpecs) -> Self {
        let mut version = before.version().max(snapshot.resource_version) + VERSIONS_LEFT_OUT;
        let mut rows = Vec::new();
        let mut places = HashSet::with_hasher(RandomState::default());
        let mut objects = Vec::with_capacity(snapshot.objects.len());
        for mut object in snapshot.objects {
            let (kind, key) = (object.kind(), object.key());
            let found = before.get_to_hold(kind, &key, specs);
            match found.filter(|before| is_same(before, &object)) {
                // Its times are more exact than those that were written down.
                Some(before) => object = before,
                None => {
                    version += 1;
                    // Who knows a version knows what stood there, whatever was restored since.
                    object.metadata_mut().resource_version = Some(version.to_string());
                    common::share(&mut object, specs);
                    let json = Some(object.to_json().into());
                    rows.push(Row { kind, key: key.clone(), json });
                }
            }
            places.insert((kind, key));
            objects.push(object);
        }
        for kind in Kind::ALL.iter().copied() {
            let gone = before.entries(kind, None).map(|(key, _)| key);
            let gone = gone.filter(|key| !places.contains(&(kind, (*key).clone())));
            rows.extend(gone.map(|key| Row { kind, key: key.clone(), json: None }));
        }
        // One more, so that nobody who has seen the last one takes this for it.
        Self { state: State::of(objects, version + 1), rows }
    }
}

/// Whether the two are written down alike. Versions alone don't tell: two servers that have restored
/// the same backup give the same ones to different objects.
fn is_same(one: &Object, other: &Object) -> bool {
    let version = |object: &Object| object.metadata().resource_version.clone();
    version(one) == version(other) && one.to_json() == other.to_json()
}
