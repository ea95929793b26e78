//! A connection, all of whose bytes are taken from the run's budget.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::network::{Session, Way};

/// A connection that fails when the budget is used up. The run is over then.
pub(super) struct Counted {
    stream: TcpStream,
    session: Arc<Session>,
}

impl Counted {
    pub(super) fn new(stream: TcpStream, session: Arc<Session>) -> Self {
        Self { stream, session }
    }

    fn take(&self, way: Way, bytes: usize) -> io::Result<()> {
        self.session.budget().take(way, bytes).map_err(io::Error::other)
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        Poll::Ready(self.take(Way::In, read).inspect_err(|_| buffer.set_filled(before)))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = usize::try_from(self.session.budget().left()).unwrap_or(usize::MAX);
        if left < bytes.len() {
            self.take(Way::Out, bytes.len())?;
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        Poll::Ready(self.take(Way::Out, written).map(|()| written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
