//! Downloads one blob, going on where an earlier download was broken off.

use futures_util::StreamExt as _;
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};
use tokio::time::Instant;

use super::answer::success;
use super::session::Session;
use super::transport::{Ask, failed};
use crate::error::{Error, Result};
use crate::limits::{DOWNLOAD_ATTEMPTS_MAX, RATE_BYTES_MIN, RATE_TIME_MAX};
use crate::manifest::Descriptor;
use crate::progress::{Progress, Watcher};
use crate::store::{Blobs, Partial};

/// A blob that is to be had.
pub(crate) struct Fetch<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) blobs: &'a Blobs,
    pub(crate) blob: &'a Descriptor,
    pub(crate) watcher: &'a Watcher<'a>,
}

impl Fetch<'_> {
    /// Has the blob, whole and verified, among ours. Who comes while it is being fetched, from
    /// this process or another, waits for it.
    pub(crate) async fn run(&self) -> Result<()> {
        let Descriptor { digest, bytes, .. } = self.blob;
        if self.is_here().await? {
            return Ok(());
        }
        let repository = self.session.repository();
        let Some(mut partial) = self.blobs.begin(digest, repository).await? else {
            return self.is_here().await.map(drop);
        };
        let mut attempts = 1;
        loop {
            if partial.length() > *bytes {
                partial.restart()?;
            }
            (self.watcher)(Progress::Downloading { digest, at: partial.length(), of: *bytes });
            let ended = self.go_on(&mut partial).await;
            match ended {
                Ok(()) if partial.length() == *bytes => break,
                Ok(()) if attempts < DOWNLOAD_ATTEMPTS_MAX => {}
                Ok(()) => return Err(self.limit(&format!("it broke off {attempts} times"))),
                Err(error @ Error::Request { .. }) if attempts < DOWNLOAD_ATTEMPTS_MAX => {
                    tracing::debug!(%digest, at = partial.length(), %error, "broken off");
                }
                Err(error) => return Err(error),
            }
            attempts += 1;
        }
        partial.finish()?;
        (self.watcher)(Progress::Downloaded { digest });
        Ok(())
    }

    /// Whether it is here already, from the same repository. It must have the size that is
    /// announced, by which the image was weighed.
    async fn is_here(&self) -> Result<bool> {
        let Descriptor { digest, bytes, .. } = self.blob;
        if !self.blobs.is_from(digest, self.session.repository()) {
            return Ok(false);
        }
        match self.blobs.length(digest) {
            None => return Ok(false),
            Some(length) if length == *bytes => return Ok(true),
            Some(_) => {}
        }
        match self.blobs.inspect(digest).await {
            Ok(()) => {
                let length = self.blobs.length(digest).unwrap_or_default();
                let why =
                    format!("it has {length} bytes, and not the {bytes} that the manifest says");
                Err(Error::answer(self.what(), why))
            }
            Err(Error::Digest { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks for what is missing and takes what comes.
    async fn go_on(&self, partial: &mut Partial) -> Result<()> {
        if partial.length() == self.blob.bytes {
            return Ok(());
        }
        let at = partial.length();
        let url = self.session.url(&format!("blobs/{}", self.blob.digest))?;
        let ask = Ask { from: (at > 0).then_some(at), ..Ask::get(url) };
        let response = self.session.send(ask).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response, at) => {}
            // From the beginning, then.
            StatusCode::OK => partial.restart()?,
            StatusCode::RANGE_NOT_SATISFIABLE if at > 0 => return partial.restart(),
            StatusCode::PARTIAL_CONTENT => {
                return Err(Error::answer(self.what(), "another part came than was asked for"));
            }
            _ => {
                success(response, &self.what()).await?;
                return Err(Error::answer(self.what(), "the answer is no content"));
            }
        }
        self.take(response, partial).await
    }

    async fn take(&self, response: Response, partial: &mut Partial) -> Result<()> {
        let url = response.url().clone();
        let mut stream = response.bytes_stream();
        let mut pace = Pace::start(partial.length());
        loop {
            let next = tokio::time::timeout(pace.left(), stream.next());
            let Ok(next) = next.await else {
                let seconds = RATE_TIME_MAX.as_secs();
                let limit = format!("fewer than {RATE_BYTES_MIN} bytes came in {seconds} seconds");
                return Err(self.limit(&limit));
            };
            let Some(bytes) = next else { return Ok(()) };
            let bytes = bytes.map_err(|error| failed(&url, error))?;
            if partial.length() + bytes.len() as u64 > self.blob.bytes {
                partial.restart()?;
                let announced = self.blob.bytes;
                return Err(self.limit(&format!("more came than the {announced} bytes announced")));
            }
            // A few kilobytes, into the system's memory.
            partial.write(&bytes)?;
            pace.reached(partial.length());
            let (digest, of) = (&self.blob.digest, self.blob.bytes);
            (self.watcher)(Progress::Downloading { digest, at: partial.length(), of });
        }
    }

    fn what(&self) -> String {
        format!("blob {}", self.blob.digest)
    }

    fn limit(&self, limit: &str) -> Error {
        Error::limit(self.what(), limit)
    }
}

/// Whether `response` says that it goes on at the byte `at`.
fn begins_at(response: &Response, at: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {at}-")))
}

/// Whether enough comes.
struct Pace {
    since: Instant,
    from: u64,
}

impl Pace {
    fn start(from: u64) -> Self {
        Self { since: Instant::now(), from }
    }

    fn reached(&mut self, at: u64) {
        if at >= self.from + RATE_BYTES_MIN {
            *self = Self::start(at);
        }
    }

    fn left(&self) -> std::time::Duration {
        RATE_TIME_MAX.saturating_sub(self.since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::trickle;
    use super::super::{Access, Transport};
    use super::*;
    use crate::address::Named;
    use crate::digest::Digest;
    use crate::name::ImageName;
    use crate::progress::silent;
    use crate::store::Shelf;

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_not_waited_for_for_ever() {
        let state = tempfile::tempdir().unwrap();
        let blobs = Shelf::of(state.path()).blobs();
        let digest = Digest::of(&[9; 1000]);
        let blob = Descriptor { digest, bytes: 1000, media_type: String::new() };
        let (transport, name) =
            (Transport::new(Named::default()), ImageName::parse("ghcr.io/x").unwrap());
        let session = Session::new(&transport, &name, None, Access::Pull);
        let fetch = Fetch { session: &session, blobs: &blobs, blob: &blob, watcher: &silent };
        let mut partial = blobs.begin(&blob.digest, session.repository()).await.unwrap().unwrap();
        let error = fetch.take(trickle(), &mut partial).await.unwrap_err().to_string();
        assert!(error.contains("fewer than 65536 bytes came in 60 seconds"), "{error}");
    }
}
