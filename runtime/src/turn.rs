//! A guest's turns on the thread that polls it.
//!
//! A guest computes while its future is polled, ten milliseconds at a time, and at no other time.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::meter::Meter;

/// Runs `guest` to its end, turn by turn, and has `meter` count the time that it computes.
///
/// Time that the system gives to others meanwhile is not the guest's, and neither is what is done
/// for it on other threads, such as reading a file.
pub(crate) async fn in_turns<F: Future>(guest: F, meter: &Meter) -> F::Output {
    let mut guest = pin!(guest);
    poll_fn(|context| {
        let before = thread_time();
        let poll = guest.as_mut().poll(context);
        meter.computed(thread_time().saturating_sub(before));
        poll
    })
    .await
}

/// How long this thread has computed.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time must not be negative")
}
