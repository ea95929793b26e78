//! What a guest calls of WASI preview 2's sockets, as the canonical ABI has it.
//!
//! Rust has no sockets for WASI preview 1, and these guests must compile on 1.63; so they call the
//! interfaces by themselves. `network.wit` has their types, for whoever makes components of them.
#![allow(dead_code)]

pub mod attack;

use std::alloc::{self, Layout};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

#[link(wasm_import_module = "wasi:sockets/instance-network@0.2.0")]
extern "C" {
    #[link_name = "instance-network"]
    fn instance_network() -> i32;
}

#[link(wasm_import_module = "wasi:sockets/ip-name-lookup@0.2.0")]
extern "C" {
    #[link_name = "resolve-addresses"]
    fn resolve_addresses(network: i32, name: *const u8, length: usize, result: *mut Area);
    #[link_name = "[method]resolve-address-stream.resolve-next-address"]
    fn resolve_next_address(stream: i32, result: *mut Area);
    #[link_name = "[method]resolve-address-stream.subscribe"]
    fn resolve_subscribe(stream: i32) -> i32;
    #[link_name = "[resource-drop]resolve-address-stream"]
    fn resolve_drop(stream: i32);
}

#[link(wasm_import_module = "wasi:sockets/tcp-create-socket@0.2.0")]
extern "C" {
    #[link_name = "create-tcp-socket"]
    fn create_tcp_socket(family: i32, result: *mut Area);
}

/// A socket address as parameters: its case and what the larger case has.
type Flat = [i32; 12];

macro_rules! with_address {
    ($module:literal $($link_name:literal fn $name:ident($($before:ident: $t:ty),*);)+) => {
        #[link(wasm_import_module = $module)]
        extern "C" {
            $(#[link_name = $link_name]
            fn $name($($before: $t,)* a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32,
                h: i32, i: i32, j: i32, k: i32, l: i32, result: *mut Area);)+
        }
    };
}

with_address! { "wasi:sockets/tcp@0.2.0"
    "[method]tcp-socket.start-connect" fn tcp_start_connect(socket: i32, network: i32);
    "[method]tcp-socket.start-bind" fn tcp_start_bind(socket: i32, network: i32);
}

with_address! { "wasi:sockets/udp@0.2.0"
    "[method]udp-socket.start-bind" fn udp_start_bind(socket: i32, network: i32);
    "[method]udp-socket.stream" fn udp_stream(socket: i32, is_connected: i32);
}

#[link(wasm_import_module = "wasi:sockets/tcp@0.2.0")]
extern "C" {
    #[link_name = "[method]tcp-socket.finish-connect"]
    fn tcp_finish_connect(socket: i32, result: *mut Area);
    #[link_name = "[method]tcp-socket.finish-bind"]
    fn tcp_finish_bind(socket: i32, result: *mut Area);
    #[link_name = "[method]tcp-socket.start-listen"]
    fn tcp_start_listen(socket: i32, result: *mut Area);
    #[link_name = "[method]tcp-socket.subscribe"]
    fn tcp_subscribe(socket: i32) -> i32;
    #[link_name = "[resource-drop]tcp-socket"]
    fn tcp_drop(socket: i32);
}

#[link(wasm_import_module = "wasi:sockets/udp-create-socket@0.2.0")]
extern "C" {
    #[link_name = "create-udp-socket"]
    fn create_udp_socket(family: i32, result: *mut Area);
}

#[link(wasm_import_module = "wasi:sockets/udp@0.2.0")]
extern "C" {
    #[link_name = "[method]udp-socket.finish-bind"]
    fn udp_finish_bind(socket: i32, result: *mut Area);
    #[link_name = "[resource-drop]udp-socket"]
    fn udp_drop(socket: i32);
    #[link_name = "[method]incoming-datagram-stream.receive"]
    fn udp_receive(stream: i32, max: u64, result: *mut Area);
    #[link_name = "[method]incoming-datagram-stream.subscribe"]
    fn udp_incoming_subscribe(stream: i32) -> i32;
    #[link_name = "[resource-drop]incoming-datagram-stream"]
    fn udp_incoming_drop(stream: i32);
    #[link_name = "[method]outgoing-datagram-stream.check-send"]
    fn udp_check_send(stream: i32, result: *mut Area);
    #[link_name = "[method]outgoing-datagram-stream.send"]
    fn udp_send(stream: i32, datagrams: *const u8, count: usize, result: *mut Area);
    #[link_name = "[method]outgoing-datagram-stream.subscribe"]
    fn udp_outgoing_subscribe(stream: i32) -> i32;
    #[link_name = "[resource-drop]outgoing-datagram-stream"]
    fn udp_outgoing_drop(stream: i32);
}

#[link(wasm_import_module = "wasi:io/poll@0.2.0")]
extern "C" {
    #[link_name = "[method]pollable.block"]
    fn pollable_block(pollable: i32);
    #[link_name = "[resource-drop]pollable"]
    fn pollable_drop(pollable: i32);
}

#[link(wasm_import_module = "wasi:io/streams@0.2.0")]
extern "C" {
    #[link_name = "[method]input-stream.blocking-read"]
    fn blocking_read(stream: i32, length: u64, result: *mut Area);
    #[link_name = "[resource-drop]input-stream"]
    pub fn input_drop(stream: i32);
    #[link_name = "[method]output-stream.blocking-write-and-flush"]
    fn blocking_write(stream: i32, bytes: *const u8, length: usize, result: *mut Area);
    #[link_name = "[resource-drop]output-stream"]
    fn output_drop(stream: i32);
}

/// Where the host puts what it passes by itself.
#[export_name = "cabi_realloc"]
unsafe extern "C" fn realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    if size == 0 {
        return align as *mut u8;
    }
    if old_size == 0 {
        return alloc::alloc(Layout::from_size_align_unchecked(size, align));
    }
    alloc::realloc(old, Layout::from_size_align_unchecked(old_size, align), size)
}

/// Where a call leaves its result.
#[repr(C, align(8))]
pub struct Area([u8; 64]);

impl Area {
    pub fn new() -> Self {
        Area([0; 64])
    }

    pub fn byte(&self, at: usize) -> u8 {
        self.0[at]
    }

    pub fn half(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    pub fn word(&self, at: usize) -> i32 {
        i32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    /// The bytes whose place and length are at `at`.
    pub unsafe fn bytes(&self, at: usize) -> Vec<u8> {
        let (place, length) = (self.word(at), self.word(at + 4) as usize);
        Vec::from_raw_parts(place as *mut u8, length, length)
    }
}

/// `wasi:sockets/network`'s error-code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(pub u8);

pub const WOULD_BLOCK: Error = Error(8);

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 21] = [
            "unknown",
            "access-denied",
            "not-supported",
            "invalid-argument",
            "out-of-memory",
            "timeout",
            "concurrency-conflict",
            "not-in-progress",
            "would-block",
            "invalid-state",
            "new-socket-limit",
            "address-not-bindable",
            "address-in-use",
            "remote-unreachable",
            "connection-refused",
            "connection-reset",
            "connection-aborted",
            "datagram-too-large",
            "name-unresolvable",
            "temporary-resolver-failure",
            "permanent-resolver-failure",
        ];
        f.write_str(NAMES[self.0 as usize])
    }
}

fn checked(area: &Area, at: usize) -> Result<(), Error> {
    if area.byte(0) == 0 {
        Ok(())
    } else {
        Err(Error(area.byte(at)))
    }
}

fn flat(address: SocketAddr) -> Flat {
    let mut flat = [0; 12];
    flat[1] = address.port().into();
    match address {
        SocketAddr::V4(address) => {
            for (to, octet) in flat[2..].iter_mut().zip(address.ip().octets()) {
                *to = octet.into();
            }
        }
        SocketAddr::V6(address) => {
            flat[0] = 1;
            for (to, segment) in flat[3..].iter_mut().zip(address.ip().segments()) {
                *to = segment.into();
            }
        }
    }
    flat
}

/// Calls what takes an address.
macro_rules! call {
    ($name:ident($($before:expr),*; $address:expr) -> $area:ident) => {{
        let [a, b, c, d, e, f, g, h, i, j, k, l] = $address;
        unsafe { $name($($before,)* a, b, c, d, e, f, g, h, i, j, k, l, &mut $area) }
    }};
}

/// Waits until `pollable` is ready.
pub fn block(pollable: i32) {
    unsafe {
        pollable_block(pollable);
        pollable_drop(pollable);
    }
}

/// The next bytes of a stream; none at the end, or when it broke.
pub fn read(stream: i32, length: u64) -> Vec<u8> {
    let mut area = Area::new();
    unsafe {
        blocking_read(stream, length, &mut area);
        if area.byte(0) == 0 {
            area.bytes(4)
        } else {
            Vec::new()
        }
    }
}

/// The one network that there is.
fn network() -> i32 {
    static NETWORK: AtomicI32 = AtomicI32::new(-1);
    if NETWORK.load(Relaxed) < 0 {
        NETWORK.store(unsafe { instance_network() }, Relaxed);
    }
    NETWORK.load(Relaxed)
}

fn family(address: SocketAddr) -> i32 {
    address.is_ipv6().into()
}

/// The addresses that `name` stands for.
pub fn resolve(name: &str) -> Result<Vec<IpAddr>, Error> {
    let mut area = Area::new();
    unsafe { resolve_addresses(network(), name.as_ptr(), name.len(), &mut area) };
    checked(&area, 4)?;
    let stream = area.word(4);
    let mut found = Vec::new();
    let result = loop {
        unsafe { resolve_next_address(stream, &mut area) };
        match (checked(&area, 2), area.byte(2), area.byte(4)) {
            (Err(WOULD_BLOCK), ..) => block(unsafe { resolve_subscribe(stream) }),
            (Err(error), ..) => break Err(error),
            (Ok(()), 0, _) => break Ok(found),
            (Ok(()), _, 0) => {
                found.push(IpAddr::from([area.byte(6), area.byte(7), area.byte(8), area.byte(9)]));
            }
            (Ok(()), ..) => {
                let mut segments = [0; 8];
                for (index, segment) in segments.iter_mut().enumerate() {
                    *segment = area.half(6 + 2 * index);
                }
                found.push(IpAddr::from(segments));
            }
        }
    };
    unsafe { resolve_drop(stream) };
    result
}

/// A TCP socket that is not connected.
pub struct Tcp(i32);

impl Tcp {
    pub fn new(is_ipv6: bool) -> Result<Self, Error> {
        let mut area = Area::new();
        unsafe { create_tcp_socket(is_ipv6.into(), &mut area) };
        checked(&area, 4)?;
        Ok(Tcp(area.word(4)))
    }

    pub fn bind(&self, address: SocketAddr) -> Result<(), Error> {
        let mut area = Area::new();
        call!(tcp_start_bind(self.0, network(); flat(address)) -> area);
        checked(&area, 1)?;
        unsafe { tcp_finish_bind(self.0, &mut area) };
        checked(&area, 1)
    }

    pub fn listen(&self) -> Result<(), Error> {
        let mut area = Area::new();
        unsafe { tcp_start_listen(self.0, &mut area) };
        checked(&area, 1)
    }

    /// Connects, and waits for it.
    pub fn connect(self, address: SocketAddr) -> Result<Connection, Error> {
        let mut area = Area::new();
        call!(tcp_start_connect(self.0, network(); flat(address)) -> area);
        checked(&area, 1)?;
        loop {
            unsafe { tcp_finish_connect(self.0, &mut area) };
            match checked(&area, 4) {
                Err(WOULD_BLOCK) => block(unsafe { tcp_subscribe(self.0) }),
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        Ok(Connection { input: area.word(4), output: area.word(8), _socket: self })
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        unsafe { tcp_drop(self.0) };
    }
}

/// A connection.
pub struct Connection {
    input: i32,
    output: i32,
    _socket: Tcp,
}

impl Connection {
    /// Connects to `address`, and waits for it.
    pub fn to(address: SocketAddr) -> Result<Self, Error> {
        Tcp::new(address.is_ipv6())?.connect(address)
    }

    /// The next bytes; none at the end, or when it broke.
    pub fn read(&mut self, length: u64) -> Vec<u8> {
        read(self.input, length)
    }

    /// Writes at most 4096 bytes; whether that went well.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        let mut area = Area::new();
        unsafe { blocking_write(self.output, bytes.as_ptr(), bytes.len(), &mut area) };
        area.byte(0) == 0
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        unsafe {
            input_drop(self.input);
            output_drop(self.output);
        }
    }
}

/// A UDP socket with a port of its own.
pub struct Udp {
    socket: i32,
    streams: Option<(i32, i32)>,
}

impl Udp {
    /// One that is bound to `local`.
    pub fn bound(local: SocketAddr) -> Result<Self, Error> {
        let mut area = Area::new();
        unsafe { create_udp_socket(family(local), &mut area) };
        checked(&area, 4)?;
        let udp = Udp { socket: area.word(4), streams: None };
        call!(udp_start_bind(udp.socket, network(); flat(local)) -> area);
        checked(&area, 1)?;
        unsafe { udp_finish_bind(udp.socket, &mut area) };
        checked(&area, 1)?;
        Ok(udp)
    }

    /// Begins to exchange datagrams, with `peer` alone if there is one.
    pub fn stream(&mut self, peer: Option<SocketAddr>) -> Result<(), Error> {
        let mut area = Area::new();
        let address = peer.map_or([0; 12], flat);
        call!(udp_stream(self.socket, peer.is_some().into(); address) -> area);
        checked(&area, 4)?;
        self.streams = Some((area.word(4), area.word(8)));
        Ok(())
    }

    /// Sends a datagram to `peer`, or to the one that it is for.
    pub fn send(&mut self, bytes: &[u8], peer: Option<SocketAddr>) -> Result<(), Error> {
        let stream = self.streams.expect("it must have streams").1;
        let mut area = Area::new();
        loop {
            unsafe { udp_check_send(stream, &mut area) };
            checked(&area, 8)?;
            if area.word(8) > 0 {
                break;
            }
            block(unsafe { udp_outgoing_subscribe(stream) });
        }
        let datagram = datagram(bytes, peer);
        unsafe { udp_send(stream, datagram.as_ptr(), 1, &mut area) };
        checked(&area, 8)
    }

    /// The next datagram.
    pub fn receive(&mut self) -> Result<Vec<u8>, Error> {
        let stream = self.streams.expect("it must have streams").0;
        let mut area = Area::new();
        loop {
            block(unsafe { udp_incoming_subscribe(stream) });
            unsafe { udp_receive(stream, 1, &mut area) };
            checked(&area, 4)?;
            if area.word(8) > 0 {
                let datagram = area.word(4) as *const i32;
                return Ok(unsafe {
                    std::slice::from_raw_parts(*datagram as *const u8, *datagram.add(1) as usize)
                }
                .to_vec());
            }
        }
    }
}

/// A datagram as it lies in memory: 44 bytes.
fn datagram(bytes: &[u8], peer: Option<SocketAddr>) -> Vec<u8> {
    let mut laid = vec![0; 44];
    laid[..4].copy_from_slice(&(bytes.as_ptr() as u32).to_le_bytes());
    laid[4..8].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    let peer = match peer {
        Some(peer) => peer,
        None => return laid,
    };
    laid[8] = 1;
    laid[16..18].copy_from_slice(&peer.port().to_le_bytes());
    match peer.ip() {
        IpAddr::V4(address) => laid[18..22].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => {
            laid[12] = 1;
            for (index, segment) in address.segments().iter().enumerate() {
                let at = 24 + 2 * index;
                laid[at..at + 2].copy_from_slice(&segment.to_le_bytes());
            }
        }
    }
    laid
}

impl Drop for Udp {
    fn drop(&mut self) {
        unsafe {
            if let Some((incoming, outgoing)) = self.streams {
                udp_incoming_drop(incoming);
                udp_outgoing_drop(outgoing);
            }
            udp_drop(self.socket);
        }
    }
}
