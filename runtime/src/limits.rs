//! What one run may use: what whoever starts it decides, and what is the same for all.

use std::time::Duration;

/// What one run may use. Going over one of them is an [`End`](crate::End) of its own, or a wait, or
/// the guest's call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all the memory that it takes: its linear memories and tables, and what the host holds
    /// for it (its instances and its stack, lists of directories, buffers of sockets and requests,
    /// files that it has stored in a mount that is kept in memory).
    ///
    /// Stops a guest from taking the host's memory. 256 MiB by default: CPython and Perl need some
    /// 50 MiB, and most guests 3 MiB.
    pub memory_bytes: u64,
    /// Bytes of one linear memory, or of the elements of one table, within
    /// [`memory_bytes`](Self::memory_bytes).
    ///
    /// Stops one instruction that fills or copies memory never touched before, which wasmtime can't
    /// break off, from running on for more than a second past a deadline. 512 MiB by default: a GiB
    /// takes 0.7 s of processor time where the machine is idle, and twice that where the system has
    /// to find the memory first.
    pub one_memory_bytes: u64,
    /// What of that is set aside for it, whatever others take: of all that the
    /// [engine](crate::EngineSettings::memory_bytes_max) has for its guests. None by default.
    pub memory_reserved_bytes: u64,
    /// Thousandths of a core that it may compute for, over any second.
    ///
    /// Stops a guest from taking all of a core from others for as long as it runs. What it did not
    /// use is kept for a tenth of a second. What is done for it on other threads, such as reading a
    /// file, is not counted. `None`, the default, and 1000 let it compute all the time: it has no
    /// threads, so one core is all that it can use.
    pub cpu_millis: Option<u64>,
    /// Units of fuel, about one for each instruction; the same run uses the same number each time.
    ///
    /// Stops a guest after an exact amount of work, whatever the host is busy with. `None`, the
    /// default, counts nothing. It takes a module that was loaded with
    /// [`Metering::Fuel`](crate::Metering::Fuel) or
    /// [`Metering::Deterministic`](crate::Metering::Deterministic).
    pub fuel: Option<u64>,
    /// Wall-clock time, from the moment that the guest is started.
    ///
    /// Stops a guest that loops, sleeps or waits for ever. `None`, the default, waits with it.
    pub deadline: Option<Duration>,
    /// Bytes that it may print, both streams together.
    ///
    /// Stops a guest from filling whatever is behind [`Output`](crate::Output). 1 GiB by default:
    /// far more than anybody reads, and what a guest in a loop prints in a few seconds.
    pub output_bytes: u64,
    /// Bytes that it may print a second, once [`output_burst_bytes`](Self::output_burst_bytes) are
    /// used up; its write waits until then. A line counts for 48 bytes more than it has, which is
    /// what it takes where each has its time.
    ///
    /// Stops a guest that floods from keeping a disk busy. 16 MiB by default: a tenth of what a slow
    /// disk writes, and more than a program prints that anybody reads.
    pub output_bytes_per_second: u64,
    /// Bytes that it may print as fast as it can. 64 MiB by default: most programs print less in
    /// all, and are never slowed.
    pub output_burst_bytes: u64,
    /// File descriptors open at a time, the standard streams and mounts not counted.
    ///
    /// Stops a guest from using up the descriptors of the host's process, since each file that it
    /// opens is one. 256 by default: a Python program has a dozen, a host process often 1024 in
    /// all.
    pub descriptors: u32,
    /// The size, as `stat` tells it, of the largest directory that it may list; a larger one can't
    /// be listed.
    ///
    /// Stops a guest from making us hold a million names at once, since wasmtime-wasi reads all of a
    /// directory before it gives the first. A name takes some 20 to 40 bytes on disk, so 4 MiB, the
    /// default, is about a hundred thousand files, and some 25 MB of memory for a moment.
    pub directory_bytes: u64,
    /// Bytes that one call for random bytes makes; more fails with `EINVAL`, or in a component is a
    /// trap. 16 MiB by default: they take some ten milliseconds, during which nothing else runs on
    /// the thread.
    pub random_bytes: u32,
    /// What one call may wait for at a time (preview 1's `poll_oneoff`); more fails with `EINVAL`.
    /// Each takes some memory of the host's. 1024 by default: as many as there may be descriptors,
    /// and then some clocks.
    pub subscriptions: u32,
    /// Bytes that it may send and receive over the network, both together: the content of
    /// connections and datagrams, and for requests all that goes over the wire.
    ///
    /// Stops a guest from using up the host's line, or having a server send for ever. 1 GiB by
    /// default.
    pub network_bytes: u64,
    /// Sockets open at a time, connections for requests among them.
    ///
    /// Stops a guest from using up the descriptors of the host's process, and from being a nuisance
    /// to others. 64 by default: a browser has 6 for each host.
    pub sockets: u32,
}

impl Limits {
    /// What holds when nobody says otherwise.
    pub const DEFAULT: Self = Self {
        memory_bytes: 256 << 20,
        one_memory_bytes: 512 << 20,
        memory_reserved_bytes: 0,
        cpu_millis: None,
        fuel: None,
        deadline: None,
        output_bytes: 1 << 30,
        output_bytes_per_second: 16 << 20,
        output_burst_bytes: 64 << 20,
        descriptors: 256,
        directory_bytes: 4 << 20,
        random_bytes: 16 << 20,
        subscriptions: 1024,
        network_bytes: 1 << 30,
        sockets: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The longest path that a guest may name: Linux' own limit.
pub(crate) const PATH_BYTES_MAX: u32 = 4096;

/// Bytes that one call reads from or writes to a device; what is more has to call again, as POSIX
/// allows. It stops one call from keeping the thread, and from making a large copy.
pub(crate) const TRANSFER_BYTES_MAX: u32 = 64 << 10;

/// The most that one call may copy from a component to the host. Preview 2 passes at most 64 KiB at
/// a time to a file, and 4 KiB to a stream; what is more waits in a list of ours.
pub(crate) const COMPONENT_CALL_BYTES_MAX: u64 = 16 << 20;

/// Resources (streams, pollables, descriptors and so on) that a component may hold at a time; the
/// next is a trap. Each takes some hundred bytes of the host's.
pub(crate) const RESOURCES_MAX: usize = 8192;

/// Core instances that a guest may consist of. A component of an adapted module has five, of
/// Python's some thirty; each takes memory of the host's that is not counted.
pub(crate) const CORE_INSTANCES_MAX: usize = 100;

/// Linear memories that a guest may have. Each sets aside 4 GiB of the host's address space, of which
/// there are 128 TiB: a thousand guests with as many as this leave room for the others.
pub(crate) const MEMORIES_MAX: usize = 16;

/// Tables that a guest may have.
pub(crate) const TABLES_MAX: usize = 100;

/// Names that one guest looks up at once; the next waits. Each takes a thread of the host's.
pub(crate) const LOOKUPS_MAX: usize = 4;

/// Names that all guests look up at once; the next waits. A resolver that does not answer can't be
/// stopped, and keeps its thread for as long as the C library has patience.
pub(crate) const LOOKUPS_OF_ALL_MAX: usize = 64;

/// How long a guest waits for the resolver. The C library asks twice by default, for five seconds
/// each.
pub(crate) const LOOKUP_TIME_MAX: Duration = Duration::from_secs(12);

/// Addresses that one answer of the resolver may have; the rest is left out. The largest services
/// have some twenty.
pub(crate) const ADDRESSES_MAX: usize = 64;

/// Addresses that names were seen to stand for, for each run; the oldest go. It stops a guest from
/// having the host remember without end.
pub(crate) const RESOLVED_MAX: usize = 1024;

/// What the kernel keeps of a socket's data, one way; Linux sets aside twice that. A guest may ask for
/// less. It is what a connection begins with anyway, and without it would grow to 6 MiB.
pub(crate) const SOCKET_BUFFER_BYTES_MAX: u64 = 128 << 10;

/// What a socket, or a connection for a request, takes of memory at most, and is counted with while
/// it is open: the kernel's buffers, both ways, are half of it; what of a stream is on its way to them
/// has 64 KiB each way, and so do the buffers of HTTP and of TLS.
pub(crate) const SOCKET_MEMORY_BYTES: u64 = 1 << 20;

/// What is read at a time of an answer over HTTP, and written of a request: its buffers.
pub(crate) const HTTP_BUFFER_BYTES_MAX: usize = 64 << 10;

/// What a datagram counts beside its content: the headers of IPv4 and UDP. Without it, empty ones
/// would cost nothing.
pub(crate) const DATAGRAM_HEADER_BYTES: usize = 28;

/// How long a connection may take to be made, by a socket or, TLS included, for a request; the guest
/// may want less for the latter. It is what browsers wait at most, and half as long as Linux would.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(60);

/// How long an answer may take to begin, and to go on, unless the guest wants less; wasmtime's own.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(600);

/// The most bytes of a request's or an answer's header fields, in memory. A component may hold
/// thousands of them, so this is small; servers take 8 to 16 KiB.
pub(crate) const HEADER_BYTES_MAX: usize = 16 << 10;

/// What a request's body gives to the host at a time, and no more until that is sent.
pub(crate) const BODY_CHUNK_BYTES_MAX: usize = 16 << 10;
