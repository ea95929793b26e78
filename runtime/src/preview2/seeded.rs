//! What makes the world of a component the same on every run: waiting for a seeded clock, and what
//! files say of themselves.
//!
//! A seeded clock goes on to where the guest wants it, so there is nothing to wait for. Which of a
//! poll's pollables are clocks is known here alone; the others are asked once whether they are
//! ready, and waited for only if there is no clock among them.

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::clocks::WasiClocksView as _;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, MetadataHashValue,
};
use wasmtime_wasi::p2::{DynPollable, Pollable};
use wasmtime_wasi_io::bindings::wasi::io::poll::{self, HostPollable as _};
use wasmtime_wasi_io::poll::subscribe;

use super::world::World;
use crate::seeded::{Clock, Seeded};

/// A time of a seeded clock. It is there to be dropped: nobody waits for it in wasmtime-wasi.
struct Due;

#[async_trait]
impl Pollable for Due {
    async fn ready(&mut self) {}
}

impl monotonic_clock::Host for World {
    fn now(&mut self) -> wasmtime::Result<u64> {
        monotonic_clock::Host::now(&mut self.clocks())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        monotonic_clock::Host::resolution(&mut self.clocks())
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        match &self.seeded {
            Some(_) => self.subscribe_seeded(when),
            None => monotonic_clock::Host::subscribe_instant(&mut self.clocks(), when),
        }
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        match &self.seeded {
            Some(seeded) => {
                let when = seeded.clock.elapsed().saturating_add(duration);
                self.subscribe_seeded(when)
            }
            None => monotonic_clock::Host::subscribe_duration(&mut self.clocks(), duration),
        }
    }
}

impl poll::Host for World {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let dues = pollables.iter().filter_map(|it| self.due.get(&it.rep()).copied());
        let first = dues.min();
        match (self.clock(), first) {
            (Some(clock), Some(first)) => self.poll_seeded(&clock, first, &pollables).await,
            _ => self.connects.poll(&mut self.table, pollables).await,
        }
    }
}

impl poll::HostPollable for World {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        match (self.clock(), self.due.get(&pollable.rep())) {
            (Some(clock), Some(due)) => Ok(*due <= clock.elapsed()),
            _ => self.connects.is_ready(&mut self.table, pollable).await,
        }
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        match (self.clock(), self.due.get(&pollable.rep())) {
            (Some(clock), Some(due)) => {
                clock.sleep_until(*due);
                Ok(())
            }
            _ => self.connects.block(&mut self.table, pollable).await,
        }
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.due.remove(&pollable.rep());
        self.connects.unsubscribe(pollable.rep());
        poll::HostPollable::drop(&mut self.table, pollable)
    }
}

impl World {
    fn clock(&self) -> Option<Clock> {
        self.seeded.as_ref().map(|seeded| seeded.clock.clone())
    }

    fn subscribe_seeded(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let due = self.table.push(Due)?;
        let pollable = subscribe(&mut self.table, due)?;
        self.due.insert(pollable.rep(), when);
        Ok(pollable)
    }

    /// Polls `pollables`, of which a clock is due `first`: what is ready, or else that clock.
    async fn poll_seeded(
        &mut self,
        clock: &Clock,
        first: u64,
        pollables: &[Resource<DynPollable>],
    ) -> wasmtime::Result<Vec<u32>> {
        let mut ready = Vec::new();
        for (index, pollable) in (0..).zip(pollables) {
            let is_clock = self.due.contains_key(&pollable.rep());
            if !is_clock && is_ready(&mut self.table, pollable).await? {
                ready.push(index);
            }
        }
        if ready.is_empty() {
            clock.sleep_until(first);
        }
        let now = clock.elapsed();
        for (index, pollable) in (0..).zip(pollables) {
            if self.due.get(&pollable.rep()).is_some_and(|due| *due <= now) {
                ready.push(index);
            }
        }
        ready.sort_unstable();
        Ok(ready)
    }

    /// What `stat` says: what wasmtime-wasi does, or of that what is the same on every run.
    pub(super) fn seeded_stat(&self, stat: DescriptorStat) -> DescriptorStat {
        let Some(seeded) = &self.seeded else { return stat };
        let nanos = seeded.file_time();
        let seconds = nanos / 1_000_000_000;
        let nanoseconds = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
        let time = Some(Datetime { seconds, nanoseconds });
        // How large a directory is, and how many links it has, is the file system's affair.
        let is_directory = stat.type_ == DescriptorType::Directory;
        DescriptorStat {
            link_count: if is_directory { 1 } else { stat.link_count },
            size: if is_directory { 0 } else { stat.size },
            data_access_timestamp: time,
            data_modification_timestamp: time,
            status_change_timestamp: time,
            ..stat
        }
    }
}

async fn is_ready(
    table: &mut ResourceTable,
    pollable: &Resource<DynPollable>,
) -> wasmtime::Result<bool> {
    table.ready(Resource::new_borrow(pollable.rep())).await
}

/// What tells the file at `path` from others, the same on every run.
pub(super) fn seeded_hash(seeded: &Seeded, path: &str) -> MetadataHashValue {
    MetadataHashValue { lower: seeded.file_number(path), upper: 0 }
}
