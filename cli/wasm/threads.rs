//! Threads for guests alone.
//!
//! A guest computes on the thread that polls it, ten milliseconds at a time. On threads of their
//! own, many busy guests wait for each other, and never keep the control plane from its deadlines.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// Turns after which a thread looks whether somebody's time has come. A turn may take ten
/// milliseconds, so this is how late a sleeping guest wakes among busy ones; looking takes a
/// microsecond, which a stream of short runs should not pay each time.
const TURNS_UNHEARD: u32 = 3;

/// The threads that guests compute on.
pub(super) struct GuestThreads(Option<Runtime>);

impl GuestThreads {
    /// Starts so many.
    pub(super) fn start(count: usize) -> anyhow::Result<Self> {
        let threads = Builder::new_multi_thread()
            .thread_name("mayfly-guest")
            .event_interval(TURNS_UNHEARD)
            .worker_threads(count)
            .enable_all()
            .build();
        Ok(Self(Some(threads.context("can't start threads for guests")?)))
    }

    /// Runs `work` on them, from now on. It ends with the future that is given back, which is small:
    /// whoever waits does not hold a second place for the work.
    pub(super) fn run<W>(&self, work: W) -> impl Future<Output = W::Output> + use<W>
    where
        W: Future<Output: Send + 'static> + Send + 'static,
    {
        let threads = self.0.as_ref().expect("threads must be there until they are dropped");
        let task = AbortOnDropHandle::new(threads.spawn(work));
        async move {
            task.await
                .expect("a guest's task must not panic, and is aborted only when nobody waits")
        }
    }
}

impl Drop for GuestThreads {
    fn drop(&mut self) {
        // Waiting for them is not allowed where this is dropped, and nobody needs what they do.
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}
