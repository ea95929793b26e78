//! Counts the memory that a guest takes, and ends it when that is too much.

use wasmtime::ResourceLimiter;

use crate::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
use crate::meter::Meter;
use crate::pool::Holding;
use crate::stop::Stop;

/// What one element of a table takes in wasmtime, at most.
const TABLE_ELEMENT_BYTES: u64 = size_of::<usize>() as u64;

/// Linear memories and tables of one run, and what the host holds for it, together.
///
/// To refuse would make `memory.grow` return -1, and what comes of that differs from guest to
/// guest. To end the guest is the same for all, and can be told apart from every other end.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    bytes: u64,
    bytes_max: u64,
    meter: Meter,
    holding: Holding,
    /// What the last growth added, in case that the host then could not provide it.
    growing: u64,
}

impl MemoryMeter {
    pub(crate) fn new(bytes_max: u64, meter: Meter, holding: Holding) -> Self {
        Self { bytes: 0, bytes_max, meter, holding, growing: 0 }
    }

    /// Counts memory of the host's that the guest makes us hold.
    pub(crate) fn hold(&mut self, bytes: u64) -> Result<(), Stop> {
        self.grow(bytes)
    }

    /// Gives back what was held.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.gave_back();
    }

    fn grow(&mut self, by: u64) -> Result<(), Stop> {
        let bytes = self.bytes.saturating_add(by);
        if bytes > self.bytes_max {
            return Err(Stop::OutOfMemory);
        }
        if !self.holding.set(bytes) {
            return Err(Stop::NoMemoryLeft);
        }
        self.bytes = bytes;
        self.meter.holds(bytes);
        self.growing = by;
        Ok(())
    }

    fn grow_failed(&mut self) {
        self.bytes -= std::mem::take(&mut self.growing);
        self.gave_back();
    }

    fn gave_back(&mut self) {
        self.meter.holds(self.bytes);
        // Less is always to be had.
        self.holding.set(self.bytes);
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.growing = 0;
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false); // beyond what the module itself declares: its own affair
        }
        self.grow(desired.saturating_sub(current) as u64)?;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.growing = 0;
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let elements = desired.saturating_sub(current) as u64;
        self.grow(elements.saturating_mul(TABLE_ELEMENT_BYTES))?;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}
