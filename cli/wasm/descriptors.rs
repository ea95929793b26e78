//! How many descriptors this process may have, and how many of them are for guests.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where the system tells of no limit.
const UNLIMITED: usize = 1 << 20;

/// The descriptors that guests may have together: half of what there are. The others are for
/// connections, the store, logs, and whatever else this process does.
///
/// A process begins with few of those that it may have (mostly 1024), since some programs can't deal
/// with more; ours can.
pub(super) fn for_guests() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let there_are = if raised.is_ok() { maximum } else { current };
    there_are.and_then(|most| usize::try_from(most).ok()).unwrap_or(UNLIMITED) / 2
}
