//! The two kinds of program that can be started: modules and components.

use wasmtime::{InstancePre, Store};
use wasmtime_wasi::p2::bindings::CommandPre;

use crate::account::Account;
use crate::limits::COMPONENT_CALL_BYTES_MAX;
use crate::preview2;
use crate::world::World;

/// A program that is compiled and linked.
pub(crate) trait Command: Sync {
    /// What its host functions work on.
    type World: Account;

    /// The most that one call may copy from the guest to the host.
    const CALL_BYTES_MAX: u64;

    /// The engine that it was compiled by.
    fn engine(&self) -> &wasmtime::Engine;

    /// Runs it until it returns, and gives its exit code.
    fn start(
        &self,
        store: &mut Store<Self::World>,
    ) -> impl Future<Output = Result<u32, Failure>> + Send;
}

/// Where a guest failed.
pub(crate) enum Failure {
    /// While its instance was being made.
    Instantiate(wasmtime::Error),
    /// While it ran.
    Run(wasmtime::Error),
}

impl Command for InstancePre<World> {
    type World = World;

    /// wasmtime's own default.
    const CALL_BYTES_MAX: u64 = 128 << 20;

    fn engine(&self) -> &wasmtime::Engine {
        self.module().engine()
    }

    async fn start(&self, store: &mut Store<World>) -> Result<u32, Failure> {
        let instance = self.instantiate_async(&mut *store);
        let instance = instance.await.map_err(Failure::Instantiate)?;
        let start = instance.get_typed_func::<(), ()>(&mut *store, "_start");
        start.map_err(Failure::Instantiate)?.call_async(store, ()).await.map_err(Failure::Run)?;
        Ok(0)
    }
}

impl Command for CommandPre<preview2::World> {
    type World = preview2::World;

    const CALL_BYTES_MAX: u64 = COMPONENT_CALL_BYTES_MAX;

    fn engine(&self) -> &wasmtime::Engine {
        CommandPre::engine(self)
    }

    async fn start(&self, store: &mut Store<preview2::World>) -> Result<u32, Failure> {
        let command = self.instantiate_async(&mut *store).await.map_err(Failure::Instantiate)?;
        let ended = command.wasi_cli_run().call_run(store).await.map_err(Failure::Run)?;
        Ok(ended.is_err().into())
    }
}
