//! How long a socket may take to be connected.
//!
//! wasmtime-wasi waits for as long as the system does. So whoever waits for a socket that is being
//! connected waits no longer than this says, and is then told that it has failed.

use std::collections::HashMap;

use tokio::time::{Instant, timeout_at};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;
use wasmtime_wasi::p2::{DynPollable, SocketResult};
use wasmtime_wasi_io::bindings::wasi::io::poll::{self, HostPollable as _};

use crate::limits::CONNECT_TIME_MAX;

/// The sockets of a run that are being connected, and when that has to be done.
#[derive(Default)]
pub(super) struct Connects {
    sockets: HashMap<u32, Instant>,
    /// The pollables that tell of them.
    pollables: HashMap<u32, Instant>,
}

impl Connects {
    /// The socket of that number is being connected from now on.
    pub(super) fn begin(&mut self, socket: u32) {
        self.sockets.insert(socket, Instant::now() + CONNECT_TIME_MAX);
    }

    /// What comes of it, which is `found` unless that takes too long.
    pub(super) fn finish<T>(&mut self, socket: u32, found: SocketResult<T>) -> SocketResult<T> {
        let is_waiting = matches!(
            found.as_ref().err().and_then(|error| error.downcast_ref()),
            Some(ErrorCode::WouldBlock)
        );
        match self.sockets.get(&socket) {
            Some(until) if is_waiting && *until <= Instant::now() => Err(ErrorCode::Timeout.into()),
            _ if is_waiting => found,
            _ => {
                self.forget(socket);
                found
            }
        }
    }

    /// The socket is gone, or connected.
    pub(super) fn forget(&mut self, socket: u32) {
        self.sockets.remove(&socket);
    }

    /// The pollable of that number tells when the socket is ready.
    pub(super) fn subscribe(&mut self, socket: u32, pollable: u32) {
        if let Some(until) = self.sockets.get(&socket) {
            self.pollables.insert(pollable, *until);
        }
    }

    /// The pollable is gone.
    pub(super) fn unsubscribe(&mut self, pollable: u32) {
        self.pollables.remove(&pollable);
    }

    /// Waits until one of `pollables` is ready, or has waited for long enough; which ones are.
    pub(super) async fn poll(
        &self,
        table: &mut ResourceTable,
        pollables: Vec<Resource<DynPollable>>,
    ) -> wasmtime::Result<Vec<u32>> {
        let until = |it: &Resource<DynPollable>| self.pollables.get(&it.rep()).copied();
        let Some(first) = pollables.iter().filter_map(until).min() else {
            return poll::Host::poll(table, pollables).await;
        };
        let borrowed = pollables.iter().map(|it| Resource::new_borrow(it.rep())).collect();
        match timeout_at(first, poll::Host::poll(table, borrowed)).await {
            Ok(ready) => ready,
            Err(_) => {
                let is_over = |it| until(it).is_some_and(|until| until <= first);
                Ok((0..).zip(&pollables).filter(|(_, it)| is_over(it)).map(|(n, _)| n).collect())
            }
        }
    }

    /// Whether `pollable` is ready, or has waited for long enough.
    pub(super) async fn is_ready(
        &self,
        table: &mut ResourceTable,
        pollable: Resource<DynPollable>,
    ) -> wasmtime::Result<bool> {
        let until = self.pollables.get(&pollable.rep());
        let is_over = until.is_some_and(|until| *until <= Instant::now());
        Ok(table.ready(pollable).await? || is_over)
    }

    /// Waits until `pollable` is ready, or has waited for long enough.
    pub(super) async fn block(
        &self,
        table: &mut ResourceTable,
        pollable: Resource<DynPollable>,
    ) -> wasmtime::Result<()> {
        match self.pollables.get(&pollable.rep()) {
            None => table.block(pollable).await,
            Some(until) => timeout_at(*until, table.block(pollable)).await.unwrap_or(Ok(())),
        }
    }
}
