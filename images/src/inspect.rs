//! What is known of an image that is kept here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{CONFIG_BYTES_MAX, MANIFEST_BYTES_MAX};
use crate::manifest::Manifest;
use crate::name::ImageName;
use crate::program::{Plan, Program};
use crate::registry::printable;
use crate::signature::read_kept;
use crate::store::{Entry, Kept, Origin, Shelf};

/// What is known of an image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// What its name stands for.
    pub digest: Digest,
    /// The manifest, if that is another: the name stands for an index then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// Where it comes from; `None` is from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The bytes of everything in it, as it is sent.
    pub size: u64,
    /// The kind of artifact that it says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Part>,
    /// Its layers, the lowest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Part>,
    /// How it wants to be run.
    pub program: Program,
    /// What its author notes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// How many signatures came with it; they are fetched where a policy wants one.
    pub signatures: usize,
    /// The file that the module is in, if it is one by itself.
    #[serde(skip)]
    pub module: Option<PathBuf>,
}

/// A part of an image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

impl Shelf {
    /// What is known of the image that `name` stands for here; `None` if there is none.
    pub fn about(&self, name: &ImageName) -> Result<Option<About>> {
        match self.names()?.remove(name) {
            None => Ok(None),
            Some(Entry::Module(digest)) => {
                let path = self.module(&digest);
                let size = path.metadata().map_err(Error::file("read", &path))?.len();
                Ok(Some(About {
                    digest,
                    manifest: None,
                    origin: None,
                    size,
                    artifact_type: None,
                    config: None,
                    layers: Vec::new(),
                    program: Program::default(),
                    annotations: BTreeMap::new(),
                    signatures: 0,
                    module: Some(path),
                }))
            }
            Some(Entry::Image(kept)) => self.about_image(name, kept).map(Some),
        }
    }

    fn about_image(&self, name: &ImageName, kept: Kept) -> Result<About> {
        let (what, blobs) = (name.to_string(), self.blobs());
        let manifest = Manifest::read(&blobs.read(&kept.manifest, MANIFEST_BYTES_MAX)?, &what)?;
        let config = blobs.read(&manifest.config.digest, CONFIG_BYTES_MAX)?;
        let plan = Plan::of(&manifest, &config, &what)?;
        let part = |it: &crate::manifest::Descriptor| Part {
            media_type: it.media_type.clone(),
            digest: it.digest.clone(),
            size: it.bytes,
        };
        let module = match plan.module_digest() {
            Some(digest) => Some(blobs.path(digest)),
            None => self
                .trees()
                .about(&kept.manifest)?
                .and_then(|tree| tree.module)
                .map(|(path, _)| self.trees().path(&kept.manifest).join(path)),
        };
        let annotations = manifest.raw.annotations.iter().flatten();
        Ok(About {
            manifest: (kept.manifest != kept.digest).then_some(kept.manifest),
            signatures: read_kept(&self.signatures(&kept.digest)).len(),
            digest: kept.digest,
            origin: Some(kept.origin),
            size: manifest.bytes(),
            artifact_type: manifest.artifact_type.as_deref().map(printable),
            config: Some(part(&manifest.config)),
            layers: manifest.layers.iter().map(part).collect(),
            program: plan.program,
            annotations: annotations
                .map(|(key, value)| (printable(key), printable(value)))
                .collect(),
            module,
        })
    }
}
