//! A connection that is closed gently: who still sends is heard out for a moment.
//!
//! A system that closes a connection over which something comes that nobody reads tells the other
//! end so, and the answer on its way there is lost. So a client that sends a body which is too large
//! would never hear of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::serve::limits;

/// A connection, and the place that it has until the last of it is gone.
pub(super) struct Lingering(Option<(TcpStream, OwnedSemaphorePermit)>);

impl Lingering {
    /// `stream`, which has `place`.
    pub(super) fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Self {
        Self(Some((stream, place)))
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        let (stream, _) =
            self.get_mut().0.as_mut().expect("the stream must be there until it is dropped");
        Pin::new(stream)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some((stream, place)) = self.0.take() else { return };
        // It is dropped outside of the runtime only when the process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(limits::LINGER_MAX, hear_out(stream)).await;
                drop(place);
            });
        }
    }
}

/// Reads what still comes, until the other end has heard that nothing more is said, or is silent.
async fn hear_out(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut unread = vec![0; 16 * 1024];
    while timeout(limits::LINGER_SILENCE_MAX, stream.read(&mut unread)).await?? > 0 {}
    Ok(())
}

impl AsyncRead for Lingering {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.as_ref().is_some_and(|(stream, _)| stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;
    use tokio::time::{Duration, Instant, sleep};

    use super::*;

    /// How long a connection keeps its place after it was closed, whose client writes each second or
    /// never.
    async fn kept(writes: bool) -> Duration {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let places = Arc::new(Semaphore::new(1));
        let begun = Instant::now();
        drop(Lingering::new(stream, places.clone().try_acquire_owned().unwrap()));
        let writing = async {
            while writes && client.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = writing => {}
            _ = places.acquire() => {}
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_is_heard_out_longer_than_whoever_is_silent() {
        assert_eq!(kept(false).await.as_secs(), limits::LINGER_SILENCE_MAX.as_secs());
        assert_eq!(kept(true).await.as_secs(), limits::LINGER_MAX.as_secs());
    }
}
