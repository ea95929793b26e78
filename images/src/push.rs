//! Uploads images that are kept here.

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::MANIFEST_BYTES_MAX;
use crate::login::Keyring;
use crate::manifest::Manifest;
use crate::media;
use crate::name::ImageName;
use crate::progress::{Progress, Watcher};
use crate::puller::Puller;
use crate::registry::{Access, Session};
use crate::store::{Entry, Kept};

impl Puller {
    /// Uploads the image that `name` stands for here as `target`, and gives its digest there.
    ///
    /// Of an index, the one image is uploaded that runs WebAssembly.
    pub async fn push(
        &self,
        name: &ImageName,
        target: &ImageName,
        keyring: &Keyring,
        watcher: &Watcher<'_>,
    ) -> Result<Digest> {
        let what = name.to_string();
        let names = self.shelf().names()?;
        let Some(Entry::Image(Kept { manifest, .. })) = names.get(name) else {
            return Err(Error::NoModule(format!(
                "there is no image {what} here that could be pushed"
            )));
        };
        let blobs = self.shelf().blobs();
        let bytes = blobs.read(manifest, MANIFEST_BYTES_MAX)?;
        let read = Manifest::read(&bytes, &what)?;
        let logins = keyring.logins_for(target);
        let session = Session::new(self.transport(), target, logins.first(), Access::Push);
        for blob in read.blobs() {
            // What is sent is what its digest says, or is not sent.
            drop(blobs.open(&blob.digest)?);
            session.upload_blob(&blobs.path(&blob.digest), &blob.digest).await?;
            watcher(Progress::Uploaded { digest: &blob.digest });
        }
        let media_type = read.raw.media_type.as_deref().unwrap_or(media::MANIFEST);
        session.upload_manifest(target.version(), media_type, bytes).await?;
        Ok(manifest.clone())
    }
}
