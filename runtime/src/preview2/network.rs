//! `wasi:sockets` but for the sockets themselves: who may open one, and what names stand for.
//!
//! wasmtime-wasi has the sockets, and asks us for each address before it uses it. Names we look up
//! ourselves: it would ask the resolver for any.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    self, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{
    self, ErrorCode, IpAddress, IpAddressFamily, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp::HostUdpSocket;
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{
    DynPollable, Pollable, SocketError, SocketResult, TcpSocket, UdpSocket, subscribe,
};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsView as _};
use wasmtime_wasi::{WasiCtxBuilder, async_trait};

use super::world::World;
use crate::limits::SOCKET_BUFFER_BYTES_MAX;
use crate::network::{HostName, LookupError, NoSocket, Protocol, Session};

/// Gives `wasi` the network of `session`.
pub(super) fn give(wasi: &mut WasiCtxBuilder, session: &Arc<Session>) {
    let is_open = !session.is_closed();
    wasi.allow_tcp(is_open).allow_udp(is_open);
    let session = Arc::clone(session);
    wasi.socket_addr_check(move |address, purpose| {
        let session = Arc::clone(&session);
        Box::pin(async move { may_use(&session, address, purpose) })
    });
}

/// Whether `address` may be used for `purpose`: to connect to and to exchange datagrams with, where
/// the network is open. A guest has no address of its own at which others would reach it.
fn may_use(session: &Session, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    match purpose {
        SocketAddrUse::TcpConnect => session.permits(address, Protocol::Tcp),
        SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => {
            session.permits(address, Protocol::Udp)
        }
        // Whatever the system chooses, as it does for every socket that is connected.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
            address.ip().is_unspecified() && address.port() == 0
        }
        SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => false,
    }
}

impl network::Host for World {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.sockets(), error)
    }
}

impl network::HostNetwork for World {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl tcp_create_socket::Host for World {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        if self.session.is_closed() {
            return Err(ErrorCode::AccessDenied.into());
        }
        let open = self.session.socket().map_err(no_socket)?;
        let socket = self.sockets().create_tcp_socket(family)?;
        self.open_sockets.insert(socket.rep(), open);
        let borrowed = || Resource::new_borrow(socket.rep());
        HostTcpSocket::set_receive_buffer_size(self, borrowed(), SOCKET_BUFFER_BYTES_MAX)?;
        HostTcpSocket::set_send_buffer_size(self, borrowed(), SOCKET_BUFFER_BYTES_MAX)?;
        Ok(socket)
    }
}

impl udp_create_socket::Host for World {
    async fn create_udp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        if self.session.is_closed() {
            return Err(ErrorCode::AccessDenied.into());
        }
        let open = self.session.socket().map_err(no_socket)?;
        let socket = self.sockets().create_udp_socket(family).await?;
        self.open_sockets.insert(socket.rep(), open);
        let borrowed = || Resource::new_borrow(socket.rep());
        HostUdpSocket::set_receive_buffer_size(self, borrowed(), SOCKET_BUFFER_BYTES_MAX)?;
        HostUdpSocket::set_send_buffer_size(self, borrowed(), SOCKET_BUFFER_BYTES_MAX)?;
        Ok(socket)
    }
}

fn no_socket(why: NoSocket) -> SocketError {
    match why {
        NoSocket::TooMany => ErrorCode::NewSocketLimit.into(),
        NoSocket::NoMemory(stop) => SocketError::trap(stop),
    }
}

/// A name that is being looked up, or the addresses that are still to be told.
enum Answers {
    Pending(
        oneshot::Receiver<Found>,
        #[expect(dead_code, reason = "it is there to be dropped")] AbortOnDropJoinHandle<()>,
    ),
    Ready(Result<std::vec::IntoIter<IpAddr>, ErrorCode>),
}

type Found = Result<Vec<IpAddr>, ErrorCode>;

impl Answers {
    fn settle(&mut self, found: Found) {
        *self = Self::Ready(found.map(Vec::into_iter));
    }
}

#[async_trait]
impl Pollable for Answers {
    async fn ready(&mut self) {
        if let Self::Pending(answer, _) = self {
            let found = Pin::new(answer).await;
            self.settle(found.unwrap_or(Err(ErrorCode::Unknown)));
        }
    }
}

impl ip_name_lookup::Host for World {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        self.table.get(&network)?;
        let answers = match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            // Nobody is asked, and to know an address opens nothing.
            Ok(address) => Answers::Ready(Ok(vec![address].into_iter())),
            Err(_) => self.look_up(&HostName::new(&name).ok_or(ErrorCode::InvalidArgument)?),
        };
        let pushed = self.table.push(answers)?;
        Ok(Resource::new_own(pushed.rep()))
    }
}

impl World {
    fn look_up(&self, name: &HostName) -> Answers {
        let (session, name) = (Arc::clone(&self.session), name.clone());
        let (tell, answer) = oneshot::channel();
        let asking = spawn(async move {
            let found = session.look_up(&name).await.map_err(|error| match error {
                LookupError::Denied => ErrorCode::AccessDenied,
                LookupError::Unknown => ErrorCode::NameUnresolvable,
                LookupError::Timeout => ErrorCode::TemporaryResolverFailure,
            });
            // Nobody waits for it any more if this fails.
            let _ = tell.send(found);
        });
        Answers::Pending(answer, asking)
    }
}

impl HostResolveAddressStream for World {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        let answers = self.table.get_mut(&Resource::<Answers>::new_borrow(stream.rep()))?;
        if let Answers::Pending(answer, _) = answers {
            match answer.try_recv() {
                Ok(found) => answers.settle(found),
                Err(TryRecvError::Empty) => return Err(ErrorCode::WouldBlock.into()),
                Err(TryRecvError::Closed) => answers.settle(Err(ErrorCode::Unknown)),
            }
        }
        match answers {
            Answers::Ready(Ok(addresses)) => Ok(addresses.next().map(IpAddress::from)),
            Answers::Ready(Err(error)) => Err((*error).into()),
            Answers::Pending(..) => Err(ErrorCode::WouldBlock.into()),
        }
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, Resource::<Answers>::new_borrow(stream.rep()))
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Answers>::new_own(stream.rep()))?;
        Ok(())
    }
}
