//! Whether anything is asked over a connection, and what has to last as long as an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// The requests of one connection.
#[derive(Clone, Default)]
pub(super) struct Activity(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    going_on: AtomicUsize,
    /// What had been begun when somebody last looked.
    seen: AtomicUsize,
    /// Answers that must reach their end, and have not: those that go on, and those that broke off.
    unfinished: AtomicUsize,
}

impl Activity {
    /// Counts one more, until what is returned is dropped. With `end_shows`, the answer itself shows
    /// where it ends; of any other, only the connection does.
    pub(super) fn begin(&self, end_shows: bool) -> Active {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        self.0.going_on.fetch_add(1, Ordering::Relaxed);
        if !end_shows {
            self.0.unfinished.fetch_add(1, Ordering::Relaxed);
        }
        Active { activity: self.clone(), is_unfinished: !end_shows }
    }

    /// Whether an answer is not at its end of which only the connection shows where that is.
    pub(super) fn is_cut_off(&self) -> bool {
        self.0.unfinished.load(Ordering::Relaxed) > 0
    }

    /// Whether nothing goes on, and nothing was begun since this was last asked.
    pub(super) fn is_quiet(&self) -> bool {
        let begun = self.0.begun.load(Ordering::Relaxed);
        let seen = self.0.seen.swap(begun, Ordering::Relaxed);
        seen == begun && self.0.going_on.load(Ordering::Relaxed) == 0
    }
}

/// One request that goes on.
pub(super) struct Active {
    activity: Activity,
    is_unfinished: bool,
}

impl Active {
    /// All of the answer was given.
    fn finish(&mut self) {
        if std::mem::take(&mut self.is_unfinished) {
            self.activity.0.unfinished.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.activity.0.going_on.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `body`, which drops `guard` and `active` when all of it has been sent, or nobody wants it any more;
/// and says which of these it was.
pub(super) fn until_its_end<G: Send + Unpin + 'static>(
    body: Body,
    active: Active,
    guard: G,
) -> Body {
    Body::new(Guarded { body, active, _guard: guard })
}

struct Guarded<G> {
    body: Body,
    active: Active,
    _guard: G,
}

impl<G> Drop for Guarded<G> {
    fn drop(&mut self) {
        // Nobody asks on once it is known that nothing more comes.
        if self.body.is_end_stream() {
            self.active.finish();
        }
    }
}

impl<G: Unpin> HttpBody for Guarded<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) {
            self.active.finish();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_quiet_when_nothing_was_asked_for_a_while() {
        let activity = Activity::default();
        assert!(activity.is_quiet());
        let active = activity.begin(true);
        assert!(!activity.is_quiet());
        assert!(!activity.is_quiet(), "it still goes on");
        drop(active);
        assert!(activity.is_quiet());
        drop(activity.begin(true));
        assert!(!activity.is_quiet(), "something was asked in between");
        assert!(activity.is_quiet());
    }

    #[tokio::test]
    async fn an_answer_is_cut_off_until_all_of_it_was_given() {
        let piece = || Ok::<_, std::io::Error>(Bytes::from_static(b"x"));
        let failed = || Err(std::io::Error::other("it broke off"));
        for (pieces, end_shows, expect) in [
            (vec![], false, false),
            (vec![piece(), piece()], false, false),
            (vec![piece(), failed()], false, true),
            (vec![piece(), failed()], true, false),
        ] {
            let activity = Activity::default();
            let active = activity.begin(end_shows);
            assert_eq!(activity.is_cut_off(), !end_shows);
            let body = Body::from_stream(futures_util::stream::iter(pieces));
            let _ = axum::body::to_bytes(until_its_end(body, active, ()), 100).await;
            assert_eq!(activity.is_cut_off(), expect);
        }
        // One whose length is known is not asked for more than that.
        let activity = Activity::default();
        drop(until_its_end(Body::empty(), activity.begin(false), ()));
        assert!(!activity.is_cut_off());
        drop(until_its_end(Body::from("some"), activity.begin(false), ()));
        assert!(activity.is_cut_off());
    }
}
