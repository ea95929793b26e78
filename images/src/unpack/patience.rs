//! How long an image may take to be unpacked, and whether anybody still waits for it.
//!
//! It is done on a thread for blocking work, which nobody can stop: it looks here between any two
//! pieces of what it does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use crate::limits::UNPACK_TIME_MAX;

/// What whoever unpacks looks at.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// None before it has begun: who waits for a turn is not told to be smaller.
    until: Option<Instant>,
    is_over: Arc<AtomicBool>,
}

/// Ends the patience when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Patience {
    /// As long as what is given with it is kept.
    pub(crate) fn new() -> (Self, Waiting) {
        let is_over = Arc::new(AtomicBool::new(false));
        (Self { until: None, is_over: Arc::clone(&is_over) }, Waiting(is_over))
    }

    /// The same, and no longer than an image may take from now on.
    pub(crate) fn begun(&self) -> Self {
        let until = Some(Instant::now() + UNPACK_TIME_MAX);
        Self { until, is_over: Arc::clone(&self.is_over) }
    }

    /// Whether to go on; or else what to say.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.is_over.load(Relaxed) {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        if self.until.is_some_and(|until| Instant::now() >= until) {
            let seconds = UNPACK_TIME_MAX.as_secs();
            let words = format!("an image is unpacked for at most {seconds} s; make it smaller");
            return Err(io::Error::other(words));
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Patience that is over by now.
    pub(crate) fn none() -> (Patience, Waiting) {
        let (patience, waiting) = Patience::new();
        (Patience { until: Some(Instant::now()), ..patience }, waiting)
    }

    #[test]
    fn it_ends_with_its_time_and_with_whoever_waits() {
        let (patience, waiting) = Patience::new();
        let patience = patience.begun();
        patience.check().unwrap();
        drop(waiting);
        assert_eq!(patience.check().unwrap_err().to_string(), "nobody waits for it any more");
        let (patience, _waiting) = none();
        assert!(patience.check().unwrap_err().to_string().contains("at most 600 s"));
    }
}
