//! A body that is made while its client reads it, and only for as long as it does.
//!
//! What makes it may keep much alive, such as every object of one moment, so it has a place among a
//! number of such bodies, and a client that reads too slowly is cut off: its body ends with an error.

use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// To read on.
    pub(super) piece: Duration,
    /// To read all; `None` for as long as it reads on.
    pub(super) whole: Option<Duration>,
}

/// A body of `pieces`, which has `place` until its last piece is taken, or `patience` is over.
pub(super) fn body<P>(pieces: P, place: OwnedSemaphorePermit, patience: Patience) -> Body
where
    P: Iterator<Item = Bytes> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        let sending = send(pieces, sender, patience.piece);
        match patience.whole {
            // Whoever is cut off sees it by the end that is missing.
            Some(whole) => drop(timeout(whole, sending).await),
            None => sending.await,
        }
    });
    Body::from_stream(received(receiver))
}

/// Gives out `pieces` and that they are all, unless whoever reads them goes away or stops reading.
async fn send(
    pieces: impl Iterator<Item = Bytes>,
    sender: mpsc::Sender<Option<Bytes>>,
    patience: Duration,
) {
    for piece in pieces.map(Some).chain([None]) {
        if sender.send_timeout(piece, patience).await.is_err() {
            return;
        }
    }
}

/// What comes from [`send`]: the last is an error, unless it has said that it was the last.
fn received(pieces: mpsc::Receiver<Option<Bytes>>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Some(piece)) => Some((Ok(piece), Some(pieces))),
            Some(None) => None,
            None => Some((Err(io::ErrorKind::TimedOut.into()), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::StreamExt as _;
    use tokio::sync::Semaphore;
    use tokio::time::{Instant, sleep};

    use super::*;

    const PATIENCE: Patience =
        Patience { piece: Duration::from_secs(10), whole: Some(Duration::from_secs(60)) };

    /// A body of a thousand pieces, and the one place that there is for such.
    fn begun(patience: Patience) -> (Body, Arc<Semaphore>) {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let pieces = (0..1000).map(|number| Bytes::from(format!("{number}\n")));
        (body(pieces, place, patience), places)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_gets_all_and_leaves_the_place() {
        let (body, places) = begun(PATIENCE);
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        assert!(bytes.starts_with(b"0\n1\n") && bytes.ends_with(b"998\n999\n"));
        let _free = places.acquire().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_reading_leaves_it_as_well() {
        let begun_at = Instant::now();
        let (body, places) = begun(PATIENCE);
        let _free = places.acquire().await.unwrap();
        assert_eq!(begun_at.elapsed().as_secs(), 10);
        axum::body::to_bytes(body, usize::MAX).await.expect_err("it must not look whole");
        let (body, places) = begun(PATIENCE);
        drop(body);
        let _free = places.acquire().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_a_little_now_and_then_has_so_long_for_all() {
        let slowly = async |patience: Patience| {
            let (body, _places) = begun(patience);
            let mut stream = body.into_data_stream();
            let mut pieces = 0;
            while let Some(Ok(_)) = stream.next().await {
                pieces += 1;
                sleep(Duration::from_secs(9)).await;
            }
            pieces
        };
        assert!(slowly(PATIENCE).await < 10);
        assert_eq!(slowly(Patience { whole: None, ..PATIENCE }).await, 1000);
    }
}
