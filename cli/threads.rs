//! How many threads there are, and those of a server.

use std::time::Duration;

use anyhow::Context;
use mayfly_controller::node::NodeCapacity;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::task;

/// How long a thread that has waited for a disk is kept for the next who needs one.
///
/// Shorter than the second between two looks at how full the disk is: as a thread ends, the allocator
/// gives the kernel back what has not been used for a second, and in a server at rest nothing else
/// makes it do that.
const KEPT: Duration = Duration::from_millis(500);

/// How many are of use where so much can be done `at_once`: no more than there are cores. To start one
/// takes as long as many a guest runs.
pub(crate) fn of_use(at_once: u32) -> usize {
    let cores = NodeCapacity::of_host().cpu_millis / 1000;
    usize::try_from(cores.min(at_once.into())).unwrap_or(usize::MAX).max(1)
}

/// Starts as many as there are cores.
pub(crate) fn start() -> anyhow::Result<Runtime> {
    let threads = Builder::new_multi_thread()
        .worker_threads(of_use(u32::MAX))
        .thread_keep_alive(KEPT)
        .enable_all()
        .build();
    threads.context("can't start threads")
}

/// Starts as many as are of use where so much can be done `at_once`. Where one is enough, it is the
/// caller's: to wake another takes longer than most of what there is to do.
pub(crate) fn start_for(at_once: u32) -> anyhow::Result<Runtime> {
    let mut threads = match of_use(at_once) {
        1 => Builder::new_current_thread(),
        several => {
            let mut threads = Builder::new_multi_thread();
            threads.worker_threads(several);
            threads
        }
    };
    threads.enable_all().build().context("can't start threads")
}

/// Does `work`, which waits for a disk or for people, on a thread of the async runtime; what else that
/// thread has to do is left to others, if there are any.
pub(crate) fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::CurrentThread) => work(),
        _ => task::block_in_place(work),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn there_is_a_thread_for_each_that_can_be_busy_at_once_and_no_more() {
        assert_eq!((of_use(0), of_use(1)), (1, 1));
        let cores = of_use(u32::MAX);
        assert_eq!(cores, thread::available_parallelism().map_or(1, usize::from));
        assert_eq!(of_use(2), cores.min(2));
    }
}
