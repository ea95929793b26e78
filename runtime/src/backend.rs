//! One wasmtime engine: how its code is metered, and where its instances' memory comes from.

use std::hash::{Hash as _, Hasher};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};
use wasmtime::component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, Linker, PoolingAllocationConfig};
use wasmtime_wasi::p1::wasi_snapshot_preview1;

use crate::module::Metering;
use crate::preview2;
use crate::world::World;

/// The stack of a guest's own calls. Twice wasmtime's default, since interpreters recurse.
pub(crate) const WASM_STACK_BYTES_MAX: usize = 1 << 20;

/// The stack of a guest and of the host functions that it calls. What it does not touch costs no
/// memory.
const STACK_BYTES: usize = 2 << 20;

/// The largest memory that fits a slot of the pool: all that 32 bits can address. A slot is address
/// space only, so this costs nothing.
const POOL_MEMORY_BYTES_MAX: usize = 4 << 30;

/// The largest table that fits a slot of the pool. CPython has 12,000 elements.
const POOL_TABLE_ELEMENTS_MAX: usize = 64 << 10;

/// The core instances that a component in the pool consists of at most: one that was made of a module
/// has five, the others being a few functions that lead to it.
const POOL_CORE_INSTANCES_MAX: u32 = 8;

/// The memories that a guest in the pool takes: its own, and one for what the garbage collector looks
/// after, if it has any of that.
const POOL_MEMORIES_MAX: u32 = 2;

/// The tables of such a component: its program's, and that of the functions that lead to it.
const POOL_TABLES_MAX: u32 = 2;

/// What of a slot's memory is kept when a run ends, restored by hand and not given back: about what
/// a small guest touches, so that the next one starts without a page fault.
const POOL_RESIDENT_BYTES: usize = 128 << 10;

/// The same for tables.
const POOL_TABLE_RESIDENT_BYTES: usize = 16 << 10;

/// The same for stacks: what a guest that does not recurse touches.
const POOL_STACK_RESIDENT_BYTES: usize = 32 << 10;

/// Where an instance's memory comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Allocation {
    /// From slots set aside for that: quick.
    Pool,
    /// From the system, for each instance anew: for what does not fit a slot.
    OnDemand,
}

/// A wasmtime engine and what its guests may import.
pub(crate) struct Backend {
    pub(crate) engine: wasmtime::Engine,
    /// For modules.
    pub(crate) linker: Linker<World>,
    /// For components, made when the first one comes.
    component_linker: OnceLock<component::Linker<preview2::World>>,
    /// Tells code that was compiled by another wasmtime, or with other settings.
    pub(crate) compatibility: String,
}

impl Backend {
    /// Sets one up, with room for `instances` at a time in the pool.
    pub(crate) fn new(
        metering: Metering,
        allocation: Allocation,
        instances: u32,
    ) -> wasmtime::Result<Self> {
        let mut config = code_config(metering);
        if allocation == Allocation::Pool {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
            // A guest that has recursed would leave its stack to nobody's account.
            config.async_stack_zeroing(true);
        }
        let engine = wasmtime::Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasi_snapshot_preview1::add_to_linker(&mut linker, |world: &mut World| world)?;
        let compatibility = compatibility(&engine);
        Ok(Self { engine, linker, component_linker: OnceLock::new(), compatibility })
    }

    /// What components may import.
    pub(crate) fn component_linker(&self) -> wasmtime::Result<&component::Linker<preview2::World>> {
        if let Some(linker) = self.component_linker.get() {
            return Ok(linker);
        }
        let linker = preview2::linker(&self.engine)?;
        Ok(self.component_linker.get_or_init(|| linker))
    }
}

/// What compiled code depends on, wherever it is compiled.
pub(crate) fn code_config(metering: Metering) -> Config {
    let mut config = Config::new();
    match metering {
        Metering::Epochs => config.epoch_interruption(true),
        Metering::Fuel => config.consume_fuel(true),
        Metering::Deterministic => config
            .consume_fuel(true)
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true),
    };
    config.max_wasm_stack(WASM_STACK_BYTES_MAX).async_stack_size(STACK_BYTES);
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(instances.saturating_mul(POOL_CORE_INSTANCES_MAX))
        .total_component_instances(instances)
        .max_core_instances_per_component(POOL_CORE_INSTANCES_MAX)
        .total_memories(instances.saturating_mul(POOL_MEMORIES_MAX))
        .max_memories_per_component(1)
        .total_tables(instances.saturating_mul(POOL_TABLES_MAX))
        .max_tables_per_component(POOL_TABLES_MAX)
        .total_stacks(instances)
        .total_gc_heaps(instances)
        .max_memory_size(POOL_MEMORY_BYTES_MAX)
        .table_elements(POOL_TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(POOL_RESIDENT_BYTES)
        .table_keep_resident(POOL_TABLE_RESIDENT_BYTES)
        .async_stack_keep_resident(POOL_STACK_RESIDENT_BYTES)
        // Asks the system which pages were written to, where it can tell: a Rust guest writes to a
        // few that lie a mebibyte apart, and starting it again takes a fifth less.
        .pagemap_scan(Enabled::Auto);
    pool
}

fn compatibility(engine: &wasmtime::Engine) -> String {
    let mut hasher = DigestHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a digest that stays the same from process to process, which `Hash` alone does not promise
/// of the standard library's hashers.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the digest is taken whole")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_the_same_wherever_it_is_compiled() {
        for metering in [Metering::Epochs, Metering::Fuel, Metering::Deterministic] {
            let alone = wasmtime::Engine::new(&code_config(metering)).unwrap();
            for allocation in [Allocation::Pool, Allocation::OnDemand] {
                let backend = Backend::new(metering, allocation, 1).unwrap();
                assert_eq!(
                    backend.compatibility,
                    compatibility(&alone),
                    "{metering:?} {allocation:?}"
                );
            }
        }
    }
}
