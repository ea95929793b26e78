//! A guest's turns on the thread that polls it.
//!
//! A guest computes while its future is polled, ten milliseconds at a time, and at no other time.
//! After a turn it goes to the end of the queue of its threads, so those that are busy have their
//! turns one after another, whatever each of them may use.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Sleep, sleep};

use crate::meter::Meter;
use crate::share::Share;

/// Runs `guest` to its end, turn by turn, and has `meter` count the time that it computes. One that
/// has used up its `share` rests before its next turn.
///
/// Time that the system gives to others meanwhile is not the guest's, and neither is what is done
/// for it on other threads, such as reading a file.
pub(crate) async fn in_turns<F: Future>(
    guest: F,
    meter: &Meter,
    share: Option<Share>,
) -> F::Output {
    let mut guest = pin!(guest);
    let mut pace = Pace { share, rest: None };
    poll_fn(|context| {
        ready!(pace.poll_rested(context));
        let before = thread_time();
        let poll = guest.as_mut().poll(context);
        let took = thread_time().saturating_sub(before);
        meter.computed(took);
        pace.computed(took);
        poll
    })
    .await
}

/// Keeps a guest to its share.
struct Pace {
    /// None for one that may compute all the time.
    share: Option<Share>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// Whether the guest may have a turn. Whoever wakes it while it rests wakes it again after.
    fn poll_rested(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(share) = &mut self.share else { return Poll::Ready(()) };
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(rest.as_mut().poll(context));
                self.rest = None;
            }
            let left = share.rest(Instant::now());
            if left.is_zero() {
                return Poll::Ready(());
            }
            self.rest = Some(Box::pin(sleep(left)));
        }
    }

    fn computed(&mut self, took: Duration) {
        if let Some(share) = &mut self.share {
            share.computed(took, Instant::now());
        }
    }
}

/// How long this thread has computed.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time must not be negative")
}
