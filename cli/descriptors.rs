//! How many descriptors this process may have, and what they are for.
//!
//! Half of them are for guests and a quarter for connections; the others are for the store, logs, and
//! whatever else this process does.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where the system tells of no limit.
const UNLIMITED: usize = 1 << 20;

/// The descriptors that guests may have together.
pub(crate) fn for_guests() -> usize {
    all() / 2
}

/// The descriptors that connections may have together.
pub(crate) fn for_connections() -> usize {
    all() / 4
}

/// All that there are.
///
/// A process begins with few of those that it may have (mostly 1024), since some programs can't deal
/// with more; ours can.
fn all() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let there_are = if raised.is_ok() { maximum } else { current };
    there_are.and_then(|most| usize::try_from(most).ok()).unwrap_or(UNLIMITED)
}
