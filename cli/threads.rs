//! The threads of a server.

use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// How long a thread that has waited for a disk is kept for the next who needs one.
///
/// Shorter than the second between two looks at how full the disk is: as a thread ends, the allocator
/// gives the kernel back what has not been used for a second, and in a server at rest nothing else
/// makes it do that.
const KEPT: Duration = Duration::from_millis(500);

/// Starts as many as there are cores.
pub(crate) fn start() -> anyhow::Result<Runtime> {
    let threads = Builder::new_multi_thread().enable_all().thread_keep_alive(KEPT).build();
    threads.context("can't start threads")
}
