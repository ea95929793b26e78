//! An encrypted connection that is never closed without a word.
//!
//! Whoever reads over TLS can't tell an end that comes without one from an attacker's, and reports a
//! broken connection, be it one that has only been idle for too long.
//!
//! But for one that ends in the middle of an answer: to a client of HTTP/1.0, the connection's end is
//! the answer's, and one that is properly said would have it take a part for the whole.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::activity::Activity;
use crate::serve::limits;

/// A connection `S` that says that it ends (`close_notify`), however it does, unless it is in the middle
/// of an answer.
pub(super) struct Farewell<S: AsyncWrite + Unpin + Send + 'static> {
    stream: Option<S>,
    activity: Activity,
    /// It has said so, or has begun to.
    has_ended: bool,
}

impl<S: AsyncWrite + Unpin + Send + 'static> Farewell<S> {
    /// `stream`, whose shutdown says it, and the `activity` over it.
    pub(super) fn new(stream: S, activity: Activity) -> Self {
        Self { stream: Some(stream), activity, has_ended: false }
    }

    fn stream(&mut self) -> Pin<&mut S> {
        Pin::new(self.stream.as_mut().expect("the stream must be there until it is dropped"))
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static> Drop for Farewell<S> {
    fn drop(&mut self) {
        let is_silent = self.has_ended || self.activity.is_cut_off();
        let Some(mut stream) = self.stream.take().filter(|_| !is_silent) else { return };
        // It is dropped outside of the runtime only when the process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(limits::LINGER_SILENCE_MAX, stream.shutdown()).await;
            });
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncRead for Farewell<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin + Send + 'static> AsyncWrite for Farewell<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.has_ended = true;
        if self.activity.is_cut_off() {
            // It ends when it is dropped.
            return Poll::Ready(Ok(()));
        }
        self.stream().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// Counts how often it is told to end.
    #[derive(Clone, Default)]
    struct Counted {
        ends: Arc<AtomicUsize>,
        ended: Arc<Notify>,
    }

    impl AsyncWrite for Counted {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.ends.fetch_add(1, Ordering::SeqCst);
            self.ended.notify_one();
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_dropped_says_so_once() {
        let stream = Counted::default();
        drop(Farewell::new(stream.clone(), Activity::default()));
        stream.ended.notified().await;
        assert_eq!(stream.ends.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_says_nothing_more() {
        let stream = Counted::default();
        let mut farewell = Farewell::new(stream.clone(), Activity::default());
        farewell.shutdown().await.unwrap();
        drop(farewell);
        tokio::task::yield_now().await;
        assert_eq!(stream.ends.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_connection_that_ends_in_the_middle_of_an_answer_says_nothing() {
        let (stream, activity) = (Counted::default(), Activity::default());
        let active = activity.begin(false);
        drop(Farewell::new(stream.clone(), activity.clone()));
        // Nor when the answer is given up before the connection is.
        drop(active);
        drop(Farewell::new(stream.clone(), activity.clone()));
        let mut farewell = Farewell::new(stream.clone(), activity);
        farewell.shutdown().await.unwrap();
        drop(farewell);
        tokio::task::yield_now().await;
        assert_eq!(stream.ends.load(Ordering::SeqCst), 0);
    }
}
