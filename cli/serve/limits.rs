//! Every bound of the server's sockets, by name. Each says what it stops.

use std::time::Duration;

use mayfly_controller::limits as served;

/// Connections at once, unless a quarter of the process's descriptors is less. Stops clients from
/// filling memory: one with a watch takes some 45 KB, so all of them together 100 MB, and a
/// descriptor. Every request that the router would serve at once may have one of its own.
pub(super) const CONNECTIONS_MAX: usize = served::WATCHES_MAX
    + served::STREAMS_MAX
    + served::READS_AT_ONCE_MAX
    + served::WRITES_AT_ONCE_MAX;

/// Connections beyond, that are told so. Stops them from using up the rest.
pub(super) const REFUSED_CONNECTIONS_MAX: usize = 64;

/// How long to wait after a connection could not be taken in. Stops a loop that does nothing else.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a client may take to agree on encryption. Stops those that say nothing from keeping a
/// place; Go's clients give up after as long.
pub(super) const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How long the head of a request may take, and how long a connection of HTTP/1 may wait for one.
/// Stops a client that sends a byte now and then; Kubernetes' number.
pub(super) const HEADER_READ_MAX: Duration = Duration::from_secs(32);

/// How long a connection may be without a request. Stops those that nobody needs any more from
/// keeping a place; Kubernetes' number.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(90);

/// Bytes of a request's head that are read at all. Stops a client from filling memory before
/// anything can be answered; the router refuses half of it, in words.
pub(super) const HEADER_BYTES_HARD_MAX: usize = 2 * served::REQUEST_HEADER_BYTES_MAX;

/// Headers of a request that are read at all. As above.
pub(super) const HEADERS_HARD_MAX: usize = 2 * served::REQUEST_HEADERS_MAX;

/// Requests at once over one connection of HTTP/2. Stops one client from taking all places;
/// Kubernetes' number.
pub(super) const STREAMS_MAX: u32 = 100;

/// How often a connection of HTTP/2 is asked whether anybody is there. Stops one whose other end
/// is gone from keeping its place; Go's number.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long it may take to say so; Go's number.
pub(super) const PING_ANSWER_MAX: Duration = Duration::from_secs(15);

/// How long requests may take to end when the server stops. Stops a client that doesn't read from
/// keeping the process.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long requests may go on that are at work when a backup is to be restored. Stops one that sends
/// its body byte by byte from holding up everybody, who are told to come back meanwhile; others take
/// milliseconds.
pub(super) const RESTORE_DRAIN_MAX: Duration = Duration::from_secs(5);

/// How long a server that leads may take to be connected to by another one. Stops one whose host is
/// gone from keeping who asks.
pub(super) const PEER_CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a connection between servers is kept that nobody needs. Stops it from being used at the
/// moment when the other end gives it up, which it does after [`IDLE_MAX`].
pub(super) const PEER_IDLE_MAX: Duration = Duration::from_secs(30);

/// Requests that are passed on to the leader at once, unless a quarter of the process's descriptors is
/// less: each has a connection of its own there. Stops the clients of one server from taking all places
/// that the leader has, which others and its own clients need as well; half of them.
pub(super) const PASSED_ON_MAX: usize = CONNECTIONS_MAX / 2;

/// Connections to the leader that are kept at once though nobody needs them. Stops a moment with many
/// requests from keeping as many places there for long after it.
pub(super) const PEER_IDLE_AT_ONCE_MAX: usize = 64;

/// How many leases a leader may last that has the URL of this server, before it is another server: one
/// that has its lease from an earlier run of this one goes after one, or two if etcd itself has an
/// election meanwhile, which begins leases anew. Stops two servers of one URL from waiting for each other
/// without a word.
pub(super) const OWN_PAST_LEASES: u32 = 3;

/// How long to wait before the state is read again after it could not be. Stops a loop that does
/// nothing else, and lets another server try.
pub(super) const READ_AGAIN_PAUSE: Duration = Duration::from_secs(1);

/// Days after which a server that runs takes a new certificate. Stops it from ever showing one that
/// has ended: they are good for a year.
pub(super) const CERTIFICATE_RENEWAL_DAYS: i64 = 90;

/// How often the file of users is looked at. Stops a loop that does nothing else, and is soon enough
/// for people.
pub(super) const USERS_PAUSE: Duration = Duration::from_secs(2);

/// Bytes of the file of users. Stops a file that is something else from filling memory.
pub(super) const USERS_BYTES_MAX: u64 = 16 << 20;

/// How long a connection that is closed is still read, in all. Stops a client that sends for ever from
/// keeping its place; long enough for one on a slow line, or on a busy host, to send all of a large
/// body before it looks for the answer that says why it should not.
pub(super) const LINGER_MAX: Duration = Duration::from_secs(30);

/// How long it may be silent meanwhile. Stops one that sends nothing more, and stays, from keeping its
/// place as long as one that sends.
pub(super) const LINGER_SILENCE_MAX: Duration = Duration::from_secs(5);
