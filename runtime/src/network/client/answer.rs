//! The body of an answer, which may pause for so long and no longer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::Error;

use crate::network::OpenSocket;

/// The body of an answer.
pub(super) struct Answer {
    body: Incoming,
    idle: Duration,
    pause: Pin<Box<Sleep>>,
    /// Its connection counts as open until all of it has come.
    open: Option<Arc<OpenSocket>>,
}

impl Answer {
    /// `body`, which has failed when nothing comes for `idle`.
    pub(super) fn new(body: Incoming, idle: Duration, open: Arc<OpenSocket>) -> Self {
        Self { body, idle, pause: Box::pin(sleep(idle)), open: Some(open) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let until = Instant::now() + self.idle;
            self.pause.as_mut().reset(until);
            if frame.is_none() {
                self.open = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        ready!(self.pause.as_mut().poll(context));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
