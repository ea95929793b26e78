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
}

impl Activity {
    /// Counts one more, until what is returned is dropped.
    pub(super) fn begin(&self) -> Active {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        self.0.going_on.fetch_add(1, Ordering::Relaxed);
        Active(self.clone())
    }

    /// Whether nothing goes on, and nothing was begun since this was last asked.
    pub(super) fn is_quiet(&self) -> bool {
        let begun = self.0.begun.load(Ordering::Relaxed);
        let seen = self.0.seen.swap(begun, Ordering::Relaxed);
        seen == begun && self.0.going_on.load(Ordering::Relaxed) == 0
    }
}

/// One request that goes on.
pub(super) struct Active(Activity);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.0.going_on.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `body`, which drops `guard` when all of it has been sent, or nobody wants it any more.
pub(super) fn until_its_end<G: Send + Unpin + 'static>(body: Body, guard: G) -> Body {
    Body::new(Guarded { body, _guard: guard })
}

struct Guarded<G> {
    body: Body,
    _guard: G,
}

impl<G: Unpin> HttpBody for Guarded<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
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
        let active = activity.begin();
        assert!(!activity.is_quiet());
        assert!(!activity.is_quiet(), "it still goes on");
        drop(active);
        assert!(activity.is_quiet());
        drop(activity.begin());
        assert!(!activity.is_quiet(), "something was asked in between");
        assert!(activity.is_quiet());
    }
}
