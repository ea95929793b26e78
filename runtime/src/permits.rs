//! Descriptors of the host's process, of which each run may have so many, and all runs together no
//! more than there are for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What of the descriptors for guests goes to their mounts, as a part of four; the others are for
/// what they open. Guests that have opened all that they can keep none from beginning.
const MOUNTS_PART: usize = 4;

/// The descriptors that there are for all guests of an engine.
#[derive(Clone, Debug)]
pub(crate) struct HostDescriptors {
    /// For what they open: files and sockets.
    pub(crate) opened: Arc<Semaphore>,
    mounts: Arc<Semaphore>,
    mounts_max: usize,
}

impl HostDescriptors {
    /// `max` of them.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        let mounts_max = (max / MOUNTS_PART).clamp(1, u32::MAX as usize);
        let opened = Arc::new(Semaphore::new(max - max / MOUNTS_PART));
        Self { opened, mounts: Arc::new(Semaphore::new(mounts_max)), mounts_max }
    }

    /// Waits until there are enough for `mounts`. Who has more than there ever are has all of them.
    pub(crate) async fn mount(&self, mounts: usize) -> Option<OwnedSemaphorePermit> {
        let mounts = u32::try_from(mounts.min(self.mounts_max)).unwrap_or(u32::MAX);
        Arc::clone(&self.mounts).acquire_many_owned(mounts).await.ok()
    }
}

/// How many descriptors one run may still open, of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Permits {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

/// One of them, given back when it is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "they are there to be dropped")]
pub(crate) struct Permit(OwnedSemaphorePermit, OwnedSemaphorePermit);

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPermit {
    /// The run has as many as it may.
    Own,
    /// There are none left for any.
    All,
}

impl Permits {
    /// `max` for a run, as long as there are some left of those for `all`.
    pub(crate) fn new(max: u32, all: &Arc<Semaphore>) -> Self {
        Self { own: Arc::new(Semaphore::new(max as usize)), all: Arc::clone(all) }
    }

    /// Takes one.
    pub(crate) fn take(&self) -> Result<Permit, NoPermit> {
        let take = |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_owned();
        let own = take(&self.own).map_err(|_| NoPermit::Own)?;
        Ok(Permit(own, take(&self.all).map_err(|_| NoPermit::All)?))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_run_has_so_many_and_all_have_no_more() {
        let all = HostDescriptors::new(4);
        let (one, other) = (Permits::new(2, &all.opened), Permits::new(2, &all.opened));
        let (first, _second) = (one.take().unwrap(), one.take().unwrap());
        assert_eq!(one.take().unwrap_err(), NoPermit::Own);
        let _third = other.take().unwrap();
        assert_eq!(other.take().unwrap_err(), NoPermit::All);
        drop(first);
        other.take().unwrap();
    }

    #[tokio::test]
    async fn who_has_more_mounts_than_there_are_begins_when_nobody_has_any() {
        let all = HostDescriptors::new(8);
        let first = all.mount(1).await.unwrap();
        let mut second = pin!(all.mount(100));
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert!(second.await.is_some());
    }
}
