//! Every bound of what is said to etcd, by name. Each says what it stops.

use std::time::Duration;

/// Operations of one transaction. Stops etcd from refusing it: 128 is its own default, and some are
/// left for what goes with each.
pub(crate) const OPERATIONS_MAX: usize = 120;

/// Bytes of keys and values in one transaction. Stops etcd from refusing it: 1.5 MiB of a request is
/// its own default, and the rest is what surrounds them.
pub(crate) const TRANSACTION_BYTES_MAX: usize = 5 << 18;

/// Bytes of one value; what is larger is kept in parts. Stops one object from being too large for a
/// transaction.
pub(crate) const VALUE_BYTES_MAX: usize = 1 << 20;

/// Keys that are read at a time. Stops one answer from filling memory: of the largest values, these
/// are 150 MB.
pub(crate) const PAGE_KEYS_MAX: usize = 100;

/// Bytes of keys and values that are read at a time, about: fewer keys are asked for after a page of
/// more. Stops a page from taking so long that nobody waits for it: etcd says nothing before it has all
/// of it.
pub(crate) const PAGE_BYTES: usize = 16 << 20;

/// How often a page of one key is asked for again. Stops a server that can't read from leading for ever,
/// where another one may.
pub(crate) const PAGE_TRIES_MAX: usize = 3;

/// Bytes of an answer. Stops something that is no etcd from filling memory; more than the largest page.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 << 20;

/// How long a connection to etcd may take. Stops one whose host is gone from keeping who could ask
/// another.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(3);

/// How long one answer may take. Stops a member that has hung from keeping who could ask another. What
/// was asked may still happen: whoever asks again has to bear that. Of the pages of a state, which may be
/// large, it is how long the next piece may take. A leader that renews its lease waits for a quarter of
/// that at most, so that there is time for others.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How long to wait before what could not be asked is asked again. Stops a loop that does nothing else.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How long to wait before what etcd had no room for is asked again. Stops a server from filling its log
/// while somebody makes room.
pub(crate) const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// How often a leader says that it still leads, and looks whether etcd has what it should, at least: a
/// third of its lease, or this. Stops an older state of etcd's from staying unseen for long.
pub(crate) const RENEWAL_INTERVAL_MAX: Duration = Duration::from_secs(3);

/// How often who does not lead looks whether anybody does. It is added to the time without a leader.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// For how many seconds a leader is one without saying so again, unless somebody says otherwise. Stops
/// a leader that is gone from being waited for: so long, nobody is answered.
pub const LEASE_SECONDS: u64 = 10;

/// The least. Stops a leader from losing its place by a pause of etcd's, whose own elections take up to
/// a second or two by default.
pub const LEASE_SECONDS_MIN: u64 = 2;

/// The most.
pub const LEASE_SECONDS_MAX: u64 = 600;

/// How often old versions of what is kept are dropped, and how old they are. Stops etcd from growing
/// with every commit until it is full; Kubernetes' number.
pub(crate) const COMPACTION_INTERVAL: Duration = Duration::from_secs(300);
