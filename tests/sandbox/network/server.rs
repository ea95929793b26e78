//! Servers for guests: each on a free port of loopback, and at work only beside a guest.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// Takes connections.
pub(super) struct Server {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    accepted: Cell<usize>,
    received: Rc<Cell<u64>>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST).await
    }

    pub(super) async fn start_on(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, 0)).await.expect("there must be a free port");
        let address = listener.local_addr().expect("it must have a port");
        Self { listener, address, accepted: Cell::new(0), received: Rc::default() }
    }

    pub(super) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// How many connections were made.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    /// What [`swallows`] counts with.
    pub(super) fn received(&self) -> Rc<Cell<u64>> {
        self.received.clone()
    }

    pub(super) fn received_bytes(&self) -> u64 {
        self.received.get()
    }

    /// Takes connections for ever, each of which is for `answer`.
    pub(super) async fn accept<F: Future<Output = ()>>(&self, answer: impl Fn(TcpStream) -> F) {
        let mut at_work = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted.expect("it must take connections");
                    self.accepted.set(self.accepted.get() + 1);
                    at_work.push(answer(stream));
                }
                Some(()) = at_work.next() => {}
            }
        }
    }
}

/// What `run` comes to, with `server` at work meanwhile.
pub(super) async fn beside<T>(server: impl Future<Output = ()>, run: impl Future<Output = T>) -> T {
    tokio::select! {
        ran = run => ran,
        () = server => unreachable!("a server must not end"),
    }
}

/// Says nothing, and keeps the connection.
pub(super) async fn silent(stream: TcpStream) {
    let _stream = stream;
    std::future::pending::<()>().await;
}

/// Reads a request, and answers with these bytes.
pub(super) fn answers(
    answer: &'static [u8],
) -> impl Fn(TcpStream) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    move |mut stream| {
        Box::pin(async move {
            read_head(&mut stream).await;
            // The guest may have gone.
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        })
    }
}

/// Reads until an empty line, or to the end.
pub(super) async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|n| n > 0) {}
    head
}

/// Sends the head of an answer, and then never stops.
pub(super) async fn forever(mut stream: TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    let mut result = stream.write_all(head).await;
    while result.is_ok() {
        result = stream.write_all(&[b'x'; 65536]).await;
    }
}

/// Reads and counts what comes.
pub(super) fn swallows(
    received: Rc<Cell<u64>>,
) -> impl Fn(TcpStream) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    move |mut stream| {
        let received = received.clone();
        Box::pin(async move {
            let mut buffer = vec![0; 65536];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                received.set(received.get() + read as u64);
            }
        })
    }
}

/// An address of this host that others see, if it has any: that from which the network would be
/// reached. Nothing is sent.
pub(super) fn address_of_host() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) if !address.is_loopback() => Some(address),
        _ => None,
    }
}

/// Listens where no connection is taken any more, so that whoever asks for one waits.
pub(super) async fn full() -> (TcpListener, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket must be had");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("there must be a free port");
    let listener = socket.listen(1).expect("it must listen");
    let address = listener.local_addr().expect("it must have an address");
    let mut waiting = Vec::new();
    // Linux lets one more wait than it was told.
    while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(stream.expect("it must be queued or dropped"));
        assert!(waiting.len() < 100, "it must be full at some time");
    }
    // They are kept for as long as the process runs.
    std::mem::forget(waiting);
    (listener, address)
}
