//! UDP sockets of a component: wasmtime-wasi's, whose datagrams are counted.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{IpAddressFamily, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    self, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagram,
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView as _;

use super::world::World;
use crate::limits::{DATAGRAM_HEADER_BYTES, SOCKET_BUFFER_BYTES_MAX};
use crate::network::Way;

impl udp::Host for World {}

/// Calls that are wasmtime-wasi's as they are.
macro_rules! as_they_are {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {
        $(fn $name(&mut self, this: Resource<UdpSocket>, $($argument: $type),*) -> $result {
            HostUdpSocket::$name(&mut self.sockets(), this, $($argument),*)
        })+
    };
}

impl HostUdpSocket for World {
    async fn start_bind(
        &mut self,
        this: Resource<UdpSocket>,
        network: Resource<Network>,
        address: IpSocketAddress,
    ) -> SocketResult<()> {
        HostUdpSocket::start_bind(&mut self.sockets(), this, network, address).await
    }

    async fn stream(
        &mut self,
        this: Resource<UdpSocket>,
        remote: Option<IpSocketAddress>,
    ) -> SocketResult<(Resource<IncomingDatagramStream>, Resource<OutgoingDatagramStream>)> {
        HostUdpSocket::stream(&mut self.sockets(), this, remote).await
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<UdpSocket>,
        bytes: u64,
    ) -> SocketResult<()> {
        let bytes = bytes.min(SOCKET_BUFFER_BYTES_MAX);
        HostUdpSocket::set_receive_buffer_size(&mut self.sockets(), this, bytes)
    }

    fn set_send_buffer_size(&mut self, this: Resource<UdpSocket>, bytes: u64) -> SocketResult<()> {
        let bytes = bytes.min(SOCKET_BUFFER_BYTES_MAX);
        HostUdpSocket::set_send_buffer_size(&mut self.sockets(), this, bytes)
    }

    fn drop(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<()> {
        let rep = this.rep();
        HostUdpSocket::drop(&mut self.sockets(), this)?;
        self.open_sockets.remove(&rep);
        Ok(())
    }

    as_they_are! {
        finish_bind() -> SocketResult<()>;
        local_address() -> SocketResult<IpSocketAddress>;
        remote_address() -> SocketResult<IpSocketAddress>;
        address_family() -> wasmtime::Result<IpAddressFamily>;
        unicast_hop_limit() -> SocketResult<u8>;
        set_unicast_hop_limit(value: u8) -> SocketResult<()>;
        receive_buffer_size() -> SocketResult<u64>;
        send_buffer_size() -> SocketResult<u64>;
        subscribe() -> wasmtime::Result<Resource<DynPollable>>;
    }
}

impl World {
    /// Takes datagrams of these sizes from the budget, each with its header.
    fn take_datagrams(&self, way: Way, sizes: impl Iterator<Item = usize>) -> SocketResult<()> {
        let bytes = sizes.map(|size| size.saturating_add(DATAGRAM_HEADER_BYTES)).sum();
        self.session.budget().take(way, bytes).map_err(SocketError::trap)
    }
}

impl HostIncomingDatagramStream for World {
    fn receive(
        &mut self,
        this: Resource<IncomingDatagramStream>,
        max_results: u64,
    ) -> SocketResult<Vec<IncomingDatagram>> {
        let mut sockets = self.sockets();
        let datagrams = HostIncomingDatagramStream::receive(&mut sockets, this, max_results)?;
        self.take_datagrams(Way::In, datagrams.iter().map(|datagram| datagram.data.len()))?;
        Ok(datagrams)
    }

    fn subscribe(
        &mut self,
        this: Resource<IncomingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        HostIncomingDatagramStream::subscribe(&mut self.sockets(), this)
    }

    fn drop(&mut self, this: Resource<IncomingDatagramStream>) -> wasmtime::Result<()> {
        HostIncomingDatagramStream::drop(&mut self.sockets(), this)
    }
}

impl HostOutgoingDatagramStream for World {
    fn check_send(&mut self, this: Resource<OutgoingDatagramStream>) -> SocketResult<u64> {
        HostOutgoingDatagramStream::check_send(&mut self.sockets(), this)
    }

    fn send(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
        datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        // Those that are not sent after all are counted, too: the guest can tell, and seldom is.
        self.take_datagrams(Way::Out, datagrams.iter().map(|datagram| datagram.data.len()))?;
        HostOutgoingDatagramStream::send(&mut self.sockets(), this, datagrams)
    }

    fn subscribe(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        HostOutgoingDatagramStream::subscribe(&mut self.sockets(), this)
    }

    async fn drop(&mut self, this: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        HostOutgoingDatagramStream::drop(&mut self.sockets(), this).await
    }
}
