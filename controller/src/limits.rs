//! Every bound of the control plane, by name. Each says what it stops.

/// Changes that the store remembers for its watchers. Stops a watcher that is slow or gone from
/// costing memory: with pods of some 6 KB this is about 100 MB at worst, and at 20,000 changes a
/// second it still lets a watcher pause for the better part of a second.
pub const WATCH_HISTORY_MAX: usize = 16_384;

/// Changes that a watcher takes from the history at once. Stops one that has much to catch up on
/// from holding up commits.
pub const WATCH_CHUNK_MAX: usize = 256;

/// Operations of one transaction. Stops a single plan from filling the watch history, which would
/// send every watcher back to listing.
pub const TRANSACTION_OPERATIONS_MAX: usize = 8_192;

/// Attempts at a name for `generateName`. Stops a loop when nearly all names are taken; Kubernetes
/// tries as often.
pub const GENERATED_NAME_ATTEMPTS_MAX: usize = 8;

/// Bytes of one container's log of one run. Stops a flood from filling the node's disk; Kubernetes
/// keeps files of the same size, several of them.
pub const LOG_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Bytes of one line of a log; a longer one goes on in the next. Stops output without newlines from
/// filling memory; container runtimes for Kubernetes cut at the same length.
pub const LOG_LINE_BYTES_MAX: usize = 16 * 1024;

/// Runs of one container whose logs are kept. Stops a container that restarts for ever from filling
/// the node's disk; Kubernetes keeps two.
pub const LOG_RUNS_MAX: u32 = 10;
