//! The disk that the store is on: slow, sometimes full, and cut off in the middle.
//!
//! It keeps what the journal promises to keep: a batch that was acknowledged, always; one that was not,
//! wholly or not at all. That a torn batch is dropped as a whole by the real one is tested where that is
//! (`store/tests/journal.rs`).

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use mayfly_controller::api::{Key, Kind};
use mayfly_controller::store::disk::{Disk, DiskError, Loaded, Old, Row};

use crate::scenario::faults::{Crash, DiskFaults, Kept};
use crate::world::{Stop, World};

/// The chance that a write is kept although it was refused, or the disk refuses to be opened anew.
const IN_DOUBT: f64 = 0.3;

/// Every so many batches, some rows are said to be the oldest.
const OLDEST_EVERY: u64 = 7;

/// So many.
const OLDEST_AT_ONCE: usize = 3;

/// A handle on the one disk of a simulation.
#[derive(Clone)]
pub(crate) struct SimulatedDisk {
    world: Arc<World>,
    platter: Arc<Mutex<Platter>>,
}

/// What stays when the power is off.
struct Platter {
    rows: BTreeMap<(Kind, Key), Vec<u8>>,
    resource_version: u64,
    /// Batches since the beginning.
    batches: u64,
    faults: DiskFaults,
    /// Crashes that are to come at a batch, the next one first.
    crashes: Vec<(u64, Crash)>,
    random: Rng,
    must_reopen: bool,
    is_off: bool,
    /// What a disk that lies has acknowledged and not kept yet.
    cached: Option<(Vec<Row>, u64)>,
}

/// What becomes of one batch.
enum Fate {
    Kept,
    Refused(Kept),
    CutOff(Kept, Duration),
}

impl SimulatedDisk {
    pub(crate) fn new(world: Arc<World>, faults: DiskFaults, random: Rng) -> Self {
        let crashes = faults.crashes.clone();
        let platter = Platter {
            rows: BTreeMap::new(),
            resource_version: 0,
            batches: 0,
            faults,
            crashes,
            random,
            must_reopen: false,
            is_off: false,
            cached: None,
        };
        Self { world, platter: Arc::new(Mutex::new(platter)) }
    }

    /// Keeps nothing more of what is under way.
    pub(crate) fn power_off(&self) {
        self.platter().is_off = true;
    }

    /// The next process finds it as it is.
    pub(crate) fn power_on(&self) {
        let mut platter = self.platter();
        platter.is_off = false;
        platter.must_reopen = false;
        platter.cached = None;
    }

    /// Nothing goes wrong any more.
    pub(crate) fn mend(&self) {
        let mut platter = self.platter();
        let faults = &mut platter.faults;
        faults.full.clear();
        faults.refusals = 0.0;
        faults.latency_max = Duration::from_millis(2);
        platter.crashes.clear();
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn latency(&self) -> Duration {
        let mut platter = self.platter();
        let most = platter.faults.latency_max;
        // Mostly quick, now and then as slow as it gets.
        most.mul_f64(platter.random.f64().powi(6))
    }
}

impl Disk for SimulatedDisk {
    fn folder(&self) -> &Path {
        Path::new("/simulated")
    }

    fn load(&mut self) -> Result<Loaded<'_>, DiskError> {
        let platter = self.platter();
        let objects = platter.rows.iter().map(|((kind, _), json)| (*kind, json.clone())).collect();
        Ok(Loaded::at_once(objects, platter.resource_version))
    }

    async fn append(&mut self, rows: &[Row], resource_version: u64) -> Result<(), DiskError> {
        self.world.observe();
        tokio::time::sleep(self.latency()).await;
        let at = self.world.elapsed();
        let fate = self.platter().fate(at);
        self.world.digest(&resource_version.to_be_bytes());
        for row in rows {
            self.world.digest(row.json.as_deref().unwrap_or_default());
        }
        if self.platter().is_off {
            return std::future::pending().await;
        }
        match fate {
            Fate::Kept => {
                self.platter().keep(rows, resource_version);
                tokio::time::sleep(self.latency()).await;
                if self.platter().is_off {
                    return std::future::pending().await;
                }
                Ok(())
            }
            Fate::Refused(kept) => {
                self.world.note(|| format!("the disk refuses {resource_version} ({kept:?})"));
                let mut platter = self.platter();
                if kept == Kept::All {
                    platter.keep(rows, resource_version);
                }
                platter.must_reopen = true;
                Err(Arc::new(io::Error::from(io::ErrorKind::StorageFull)))
            }
            Fate::CutOff(kept, away) => {
                if kept == Kept::All {
                    self.platter().keep(rows, resource_version);
                }
                self.power_off();
                self.world.note(|| format!("cut off while writing {resource_version} ({kept:?})"));
                self.world.stop(Stop::Crash { away });
                // Of what was kept, the process has just been told when it is killed.
                if kept == Kept::All { Ok(()) } else { std::future::pending().await }
            }
        }
    }

    /// Any may be: the store does not know which they are.
    fn oldest(&mut self) -> Vec<Old> {
        let platter = self.platter();
        if !platter.batches.is_multiple_of(OLDEST_EVERY) || platter.rows.is_empty() {
            return Vec::new();
        }
        let begin = usize::try_from(platter.batches).unwrap_or_default() % platter.rows.len();
        let some = platter.rows.keys().cycle().skip(begin).take(OLDEST_AT_ONCE);
        let old = |(kind, key): &(Kind, Key)| {
            let resource_version = platter.resource_version;
            Old { kind: *kind, key: key.clone(), resource_version }
        };
        some.map(old).collect()
    }

    fn rewrite(&mut self, rows: &[Row]) -> Result<(), DiskError> {
        let platter = self.platter();
        for row in rows.iter().filter(|_| !platter.faults.lies && !platter.is_off) {
            let kept = platter.rows.get(&(row.kind, row.key.clone()));
            let same = kept.map(Vec::as_slice) == row.json.as_deref();
            assert!(same, "{} {} is not what it was", row.kind.name(), row.key);
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<u64, DiskError> {
        let at = self.world.elapsed();
        let mut platter = self.platter();
        if platter.faults.is_full(at) && platter.random.f64() < IN_DOUBT {
            return Err(Arc::new(io::Error::from(io::ErrorKind::StorageFull)));
        }
        platter.must_reopen = false;
        Ok(platter.resource_version)
    }
}

impl Platter {
    fn fate(&mut self, at: Duration) -> Fate {
        assert!(!self.must_reopen, "a disk that has refused must be opened anew");
        self.batches += 1;
        let is_due = |(batch, _): &(u64, Crash)| *batch <= self.batches;
        if self.crashes.first().is_some_and(is_due) {
            let (_, Crash { kept, away }) = self.crashes.remove(0);
            return Fate::CutOff(kept, away);
        }
        if self.faults.is_full(at) || self.random.f64() < self.faults.refusals {
            let is_kept = self.random.f64() < IN_DOUBT;
            return Fate::Refused(if is_kept { Kept::All } else { Kept::Nothing });
        }
        Fate::Kept
    }

    fn keep(&mut self, rows: &[Row], resource_version: u64) {
        if self.faults.lies {
            let cached = self.cached.replace((rows.to_vec(), resource_version));
            if let Some((rows, resource_version)) = cached {
                self.write(&rows, resource_version);
            }
        } else {
            self.write(rows, resource_version);
        }
    }

    fn write(&mut self, rows: &[Row], resource_version: u64) {
        for row in rows {
            let place = (row.kind, row.key.clone());
            match row.json.clone() {
                Some(json) => self.rows.insert(place, json.into()),
                None => self.rows.remove(&place),
            };
        }
        self.resource_version = resource_version;
    }
}
