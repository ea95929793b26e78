//! Uploads blobs and manifests.

use std::path::Path;

use futures_util::stream;
use reqwest::header::LOCATION;
use reqwest::{Body, Method, StatusCode, Url};
use tokio::io::AsyncReadExt as _;

use super::answer::success;
use super::session::{Session, timely};
use super::transport::Ask;
use crate::digest::Digest;
use crate::error::{Error, Result};

/// How much of a file is read at a time.
const CHUNK_BYTES: usize = 64 << 10;

impl Session<'_> {
    /// Uploads the file at `path`, whose digest is `digest`, unless it is there.
    pub(crate) async fn upload_blob(&self, path: &Path, digest: &Digest) -> Result<()> {
        let what = format!("uploading blob {digest}");
        let head = Ask { method: Method::HEAD, ..Ask::get(self.url(&format!("blobs/{digest}"))?) };
        if timely(&what, self.send(head)).await?.status() == StatusCode::OK {
            return Ok(());
        }
        let place = timely(&what, self.begin_upload(&what)).await?;
        let opened = tokio::fs::File::open(path).await.map_err(Error::file("read", path))?;
        let length = opened.metadata().await.map_err(Error::file("read", path))?.len();
        let mut url = place;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let body = Some((Body::wrap_stream(chunks(opened)), "application/octet-stream".to_owned()));
        let put = Ask { method: Method::PUT, body, length: Some(length), ..Ask::get(url) };
        success(self.send(put).await?, &what).await.map(drop)
    }

    /// Asks where to; the answer also settles what the registry wants to see.
    async fn begin_upload(&self, what: &str) -> Result<Url> {
        let url = self.url("blobs/uploads/")?;
        let post = Ask { method: Method::POST, length: Some(0), ..Ask::get(url.clone()) };
        let response = success(self.send(post).await?, what).await?;
        let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let place = location.and_then(|location| url.join(location).ok());
        place.ok_or_else(|| Error::answer(what, "the registry does not say where to"))
    }

    /// Uploads a manifest under the tag or digest `version`.
    pub(crate) async fn upload_manifest(
        &self,
        version: &str,
        media_type: &str,
        manifest: Vec<u8>,
    ) -> Result<()> {
        let what = format!("uploading manifest {version}");
        let url = self.url(&format!("manifests/{version}"))?;
        let body = Some((manifest.into(), media_type.to_owned()));
        let put = Ask { method: Method::PUT, body, ..Ask::get(url) };
        let put = async { success(self.send(put).await?, &what).await };
        timely(&what, put).await.map(drop)
    }
}

fn chunks(
    file: tokio::fs::File,
) -> impl stream::Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    stream::unfold(file, |mut file| async {
        let mut chunk = vec![0; CHUNK_BYTES];
        match file.read(&mut chunk).await {
            Ok(0) => None,
            Ok(count) => {
                chunk.truncate(count);
                Some((Ok(chunk), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    })
}
