//! Reads manifests and indexes, checked against the limits before anything of them is fetched.

use oci_client::manifest::{OciDescriptor, OciImageIndex, OciImageManifest};
use serde::Deserialize;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{CONFIG_BYTES_MAX, IMAGE_BYTES_MAX, LAYER_BYTES_MAX, LAYERS_MAX};
use crate::media;
use crate::registry::printable;

/// Something that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
    pub(crate) media_type: String,
}

/// The manifest of one image.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) raw: OciImageManifest,
}

/// What stands behind a name.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    Image(Box<Manifest>),
    /// One of many images: the one that runs WebAssembly.
    Index {
        chosen: Digest,
    },
}

/// What tells the kinds of manifests apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    schema_version: Option<u32>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    layers: Option<serde::de::IgnoredAny>,
}

impl Named {
    /// Reads `bytes`, which `what` has.
    pub(crate) fn read(bytes: &[u8], what: &str) -> Result<Self> {
        let wrong = |why: String| Error::answer(what, format!("its manifest can't be read: {why}"));
        let head: Head = json(bytes).map_err(wrong)?;
        if head.schema_version != Some(2) {
            let why = "its manifest is of an old kind: only version 2 is read";
            return Err(Error::answer(what, why));
        }
        if head.manifests.is_some() && head.layers.is_some() {
            // Who signs the one may not have seen the other.
            return Err(Error::answer(
                what,
                "its manifest is that of an image and an index at once",
            ));
        }
        match head.media_type.as_deref() {
            Some(media::INDEX | media::DOCKER_INDEX) => {}
            Some(media::MANIFEST | media::DOCKER_MANIFEST) => {
                return Manifest::read(bytes, what).map(Box::new).map(Self::Image);
            }
            None if head.manifests.is_none() => {
                return Manifest::read(bytes, what).map(Box::new).map(Self::Image);
            }
            None => {}
            Some(other) => {
                let why = format!("its media type {} is not known", printable(other));
                return Err(Error::answer(what, why));
            }
        }
        let index: OciImageIndex = json(bytes).map_err(wrong)?;
        Ok(Self::Index { chosen: choose(&index, what)? })
    }
}

impl Manifest {
    /// Reads the manifest of one image.
    pub(crate) fn read(bytes: &[u8], what: &str) -> Result<Self> {
        let raw: OciImageManifest = json(bytes)
            .map_err(|why| Error::answer(what, format!("its manifest can't be read: {why}")))?;
        if raw.layers.len() > LAYERS_MAX {
            let count = raw.layers.len();
            let limit = format!("it has {count} layers; at most {LAYERS_MAX} are taken");
            return Err(Error::limit(what, limit));
        }
        let config = Descriptor::of(&raw.config, what, CONFIG_BYTES_MAX)?;
        let layers: Vec<_> = raw
            .layers
            .iter()
            .map(|layer| Descriptor::of(layer, what, LAYER_BYTES_MAX))
            .collect::<Result<_>>()?;
        let total: u64 = layers.iter().map(|layer| layer.bytes).sum();
        if total > IMAGE_BYTES_MAX {
            let limit =
                format!("its layers have {total} bytes; at most {IMAGE_BYTES_MAX} are taken");
            return Err(Error::limit(what, limit));
        }
        Ok(Self { config, layers, artifact_type: raw.artifact_type.clone(), raw })
    }

    /// The bytes of everything that it names.
    pub(crate) fn bytes(&self) -> u64 {
        self.config.bytes + self.layers.iter().map(|layer| layer.bytes).sum::<u64>()
    }

    /// Everything that it names.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

impl Descriptor {
    fn of(raw: &OciDescriptor, what: &str, bytes_max: u64) -> Result<Self> {
        let digest = Digest::parse(&raw.digest).map_err(|source| Error::DigestForm {
            what: format!("the manifest of {what}"),
            source,
        })?;
        let media_type = printable(&raw.media_type);
        match u64::try_from(raw.size) {
            Ok(bytes) if bytes <= bytes_max => Ok(Self { digest, bytes, media_type }),
            _ => {
                let size = raw.size;
                let limit = format!("{media_type} has {size} bytes; at most {bytes_max} are taken");
                Err(Error::limit(what, limit))
            }
        }
    }
}

/// The first of the images in `index` that runs WebAssembly.
fn choose(index: &OciImageIndex, what: &str) -> Result<Digest> {
    let mut others = Vec::new();
    for entry in &index.manifests {
        let platform = entry
            .platform
            .as_ref()
            .map(|platform| (platform.architecture.to_string(), platform.os.to_string()));
        let is_artifact = entry.artifact_type.as_deref().is_some_and(media::is_wasm_config);
        let runs = match &platform {
            Some((architecture, os)) => media::is_wasm_platform(architecture, os),
            None => false,
        };
        if is_artifact || runs {
            return Digest::parse(&entry.digest).map_err(|source| Error::DigestForm {
                what: format!("the index of {what}"),
                source,
            });
        }
        others.extend(platform.map(|(architecture, os)| format!("{os}/{architecture}")));
    }
    others.dedup();
    let others = match others.as_slice() {
        [] => "none that says what for".to_owned(),
        others => format!("only {}", printable(&others.join(", "))),
    };
    Err(Error::NoModule(format!(
        "{what} has no variant for WebAssembly (such as wasip1/wasm), {others}"
    )))
}

fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| printable(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(layers: &str) -> String {
        format!(
            r#"{{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {{"mediaType": "application/vnd.wasm.config.v0+json", "digest": "{DIGEST}", "size": 2}},
            "layers": [{layers}]}}"#
        )
    }

    fn layer(digest: &str, size: &str) -> String {
        format!(r#"{{"mediaType": "application/wasm", "digest": "{digest}", "size": {size}}}"#)
    }

    #[test]
    fn what_a_manifest_says_is_checked_before_it_is_believed() {
        let check = |json: &str, expect: Result<usize, &str>| match (
            Named::read(json.as_bytes(), "x"),
            expect,
        ) {
            (Ok(Named::Image(manifest)), Ok(layers)) => assert_eq!(manifest.layers.len(), layers),
            (Err(error), Err(expect)) => {
                let error = error.to_string();
                assert!(error.contains(expect), "{error}");
            }
            (found, _) => panic!("{json}: {found:?}"),
        };
        check(&manifest(""), Ok(0));
        check(&manifest(&layer(DIGEST, "12")), Ok(1));
        check(&manifest(&vec![layer(DIGEST, "1"); 129].join(",")), Err("it has 129 layers"));
        check(&manifest(&layer(DIGEST, "1073741825")), Err("at most 1073741824 are taken"));
        check(&manifest(&layer(DIGEST, "-1")), Err("has -1 bytes"));
        check(&manifest(&vec![layer(DIGEST, "1073741824"); 3].join(",")), Err("its layers have"));
        check(&manifest(&layer("sha256:../../etc", "1")), Err("the manifest of x"));
        check(&manifest(&layer("sha512:00", "1")), Err("the manifest of x"));
        check(r#"{"schemaVersion": 1}"#, Err("of an old kind"));
        check(r#"{"schemaVersion": 2, "mediaType": "text/html"}"#, Err("text/html is not known"));
        check("<html>", Err("can't be read"));
        check(&"[".repeat(100_000), Err("can't be read"));
    }

    #[test]
    fn of_many_platforms_the_one_that_runs_webassembly_is_chosen() {
        let entry = |digit: u8, platform: &str, more: &str| {
            let digest = format!("sha256:{}", digit.to_string().repeat(64));
            format!(
                r#"{{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "{digest}",
                "size": 1 {platform} {more}}}"#
            )
        };
        let platform = |architecture: &str, os: &str| {
            format!(r#", "platform": {{"architecture": "{architecture}", "os": "{os}"}}"#)
        };
        let index = |entries: &[String]| {
            format!(r#"{{"schemaVersion": 2, "manifests": [{}]}}"#, entries.join(","))
        };
        let check = |entries: &[String], expect: Result<u8, &str>| match (
            Named::read(index(entries).as_bytes(), "x"),
            expect,
        ) {
            (Ok(Named::Index { chosen }), Ok(digit)) => {
                assert_eq!(chosen.hex(), digit.to_string().repeat(64));
            }
            (Err(error), Err(expect)) => assert_eq!(error.to_string(), expect),
            (found, _) => panic!("{found:?}"),
        };
        let linux = entry(1, &platform("amd64", "linux"), "");
        let arm = entry(3, &platform("arm64", "linux"), "");
        check(&[linux.clone(), entry(2, &platform("wasm", "wasip2"), "")], Ok(2));
        check(&[linux.clone(), entry(2, &platform("wasm", "wasi"), "")], Ok(2));
        let artifact = r#", "artifactType": "application/vnd.wasm.config.v0+json""#;
        check(&[linux.clone(), entry(2, "", artifact)], Ok(2));
        check(
            &[linux, arm],
            Err(
                "x has no variant for WebAssembly (such as wasip1/wasm), only linux/amd64, linux/arm64",
            ),
        );
        check(
            &[],
            Err("x has no variant for WebAssembly (such as wasip1/wasm), none that says what for"),
        );
    }
}
