//! TCP sockets of a component: wasmtime-wasi's, whose bytes are counted.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{IpAddressFamily, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp::{self, HostTcpSocket, ShutdownType};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, InputStream, OutputStream, Pollable,
    SocketResult, StreamError, StreamResult, TcpSocket,
};
use wasmtime_wasi::sockets::WasiSocketsView as _;

use super::stream::Sink;
use super::world::World;
use crate::limits::SOCKET_BUFFER_BYTES_MAX;
use crate::network::{Session, Way};

impl tcp::Host for World {}

/// Calls that are wasmtime-wasi's as they are.
macro_rules! as_they_are {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {
        $(fn $name(&mut self, this: Resource<TcpSocket>, $($argument: $type),*) -> $result {
            HostTcpSocket::$name(&mut self.sockets(), this, $($argument),*)
        })+
    };
}

impl HostTcpSocket for World {
    async fn start_bind(
        &mut self,
        this: Resource<TcpSocket>,
        network: Resource<Network>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        HostTcpSocket::start_bind(&mut self.sockets(), this, network, address).await
    }

    fn start_connect(
        &mut self,
        this: Resource<TcpSocket>,
        network: Resource<Network>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        let rep = this.rep();
        HostTcpSocket::start_connect(&mut self.sockets(), this, network, address)?;
        self.connects.begin(rep);
        Ok(())
    }

    fn finish_connect(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let rep = this.rep();
        let connected = HostTcpSocket::finish_connect(&mut self.sockets(), this);
        let streams = self.connects.finish(rep, connected)?;
        let input = self.table.get_mut(&streams.0)?;
        let stream = std::mem::replace(input, Box::new(wasmtime_wasi::p2::pipe::ClosedInputStream));
        *input = Box::new(Received { stream, session: Arc::clone(&self.session) });
        let output = self.table.get_mut(&streams.1)?;
        let stream = std::mem::replace(output, Box::new(Sink));
        *output = Box::new(Sent { stream, session: Arc::clone(&self.session) });
        Ok(streams)
    }

    fn subscribe(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        let rep = this.rep();
        let pollable = HostTcpSocket::subscribe(&mut self.sockets(), this)?;
        self.connects.subscribe(rep, pollable.rep());
        Ok(pollable)
    }

    async fn start_listen(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        HostTcpSocket::start_listen(&mut self.sockets(), this).await
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<TcpSocket>,
        bytes: u64,
    ) -> SocketResult<()> {
        let bytes = bytes.min(SOCKET_BUFFER_BYTES_MAX);
        HostTcpSocket::set_receive_buffer_size(&mut self.sockets(), this, bytes)
    }

    fn set_send_buffer_size(&mut self, this: Resource<TcpSocket>, bytes: u64) -> SocketResult<()> {
        let bytes = bytes.min(SOCKET_BUFFER_BYTES_MAX);
        HostTcpSocket::set_send_buffer_size(&mut self.sockets(), this, bytes)
    }

    fn drop(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<()> {
        let rep = this.rep();
        HostTcpSocket::drop(&mut self.sockets(), this)?;
        self.open_sockets.remove(&rep);
        self.connects.forget(rep);
        Ok(())
    }

    as_they_are! {
        finish_bind() -> SocketResult<()>;
        finish_listen() -> SocketResult<()>;
        accept() -> SocketResult<(
            Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>,
        )>;
        local_address() -> SocketResult<IpSocketAddress>;
        remote_address() -> SocketResult<IpSocketAddress>;
        is_listening() -> wasmtime::Result<bool>;
        address_family() -> wasmtime::Result<IpAddressFamily>;
        set_listen_backlog_size(value: u64) -> SocketResult<()>;
        keep_alive_enabled() -> SocketResult<bool>;
        set_keep_alive_enabled(value: bool) -> SocketResult<()>;
        keep_alive_idle_time() -> SocketResult<u64>;
        set_keep_alive_idle_time(value: u64) -> SocketResult<()>;
        keep_alive_interval() -> SocketResult<u64>;
        set_keep_alive_interval(value: u64) -> SocketResult<()>;
        keep_alive_count() -> SocketResult<u32>;
        set_keep_alive_count(value: u32) -> SocketResult<()>;
        hop_limit() -> SocketResult<u8>;
        set_hop_limit(value: u8) -> SocketResult<()>;
        receive_buffer_size() -> SocketResult<u64>;
        send_buffer_size() -> SocketResult<u64>;
        shutdown(shutdown_type: ShutdownType) -> SocketResult<()>;
    }
}

/// What comes from a connection.
struct Received {
    stream: DynInputStream,
    session: Arc<Session>,
}

#[async_trait]
impl InputStream for Received {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        // One byte more than there may be tells that there is more.
        let left = usize::try_from(self.session.budget().left()).unwrap_or(usize::MAX);
        let bytes = self.stream.read(size.min(left.saturating_add(1)))?;
        let taken = self.session.budget().take(Way::In, bytes.len());
        taken.map_err(|stop| StreamError::Trap(stop.into()))?;
        Ok(bytes)
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for Received {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

/// What goes into a connection.
struct Sent {
    stream: DynOutputStream,
    session: Arc<Session>,
}

#[async_trait]
impl OutputStream for Sent {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let taken = self.session.budget().take(Way::Out, bytes.len());
        taken.map_err(|stop| StreamError::Trap(stop.into()))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.stream.check_write()
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for Sent {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}
