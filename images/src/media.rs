//! Media types, and what we make of them.

pub(crate) use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE as IMAGE_CONFIG, IMAGE_LAYER_GZIP_MEDIA_TYPE as TAR_GZIP,
    IMAGE_MANIFEST_LIST_MEDIA_TYPE as DOCKER_INDEX, IMAGE_MANIFEST_MEDIA_TYPE as DOCKER_MANIFEST,
    OCI_IMAGE_INDEX_MEDIA_TYPE as INDEX, OCI_IMAGE_MEDIA_TYPE as MANIFEST,
};

/// What may stand behind a name.
pub(crate) const MANIFESTS: [&str; 4] = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX];

/// The config of a WebAssembly artifact, as the CNCF's guidance has it.
pub(crate) const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The config that earlier tools wrote.
pub(crate) const WASM_CONFIG_OLD: &str = oci_client::manifest::WASM_CONFIG_MEDIA_TYPE;
/// A module or component.
pub(crate) const WASM_LAYER: &str = "application/wasm";
const WASM_LAYERS_OLD: [&str; 2] = [
    oci_client::manifest::WASM_LAYER_MEDIA_TYPE,
    "application/vnd.module.wasm.content.layer.v1+wasm",
];

/// Signatures as cosign writes them.
pub(crate) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// What a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// A module or component as it is.
    Module,
    /// Files.
    Tar(Compression),
    /// Nothing that is known here.
    Other,
}

/// How a layer is kept small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Layer {
    /// What a layer of `media_type` is.
    pub(crate) fn of(media_type: &str) -> Self {
        if media_type == WASM_LAYER || WASM_LAYERS_OLD.contains(&media_type) {
            return Self::Module;
        }
        let form = media_type
            .strip_prefix("application/vnd.oci.image.layer.nondistributable.v1.tar")
            .or(media_type.strip_prefix("application/vnd.oci.image.layer.v1.tar"))
            .or(media_type.strip_prefix("application/vnd.docker.image.rootfs.foreign.diff.tar"))
            .or(media_type.strip_prefix("application/vnd.docker.image.rootfs.diff.tar"));
        match form {
            Some("") => Self::Tar(Compression::None),
            Some("+gzip" | ".gzip") => Self::Tar(Compression::Gzip),
            Some("+zstd" | ".zstd") => Self::Tar(Compression::Zstd),
            _ => Self::Other,
        }
    }
}

/// Whether `media_type` is that of the config of a WebAssembly artifact.
pub(crate) fn is_wasm_config(media_type: &str) -> bool {
    matches!(media_type, WASM_CONFIG | WASM_CONFIG_OLD)
}

/// Whether a platform runs WebAssembly, in any of the ways that registries write it.
pub(crate) fn is_wasm_platform(architecture: &str, os: &str) -> bool {
    matches!(architecture, "wasm" | "wasm32" | "wasm64")
        && matches!(os, "wasi" | "wasip1" | "wasip2" | "wasm" | "unknown" | "linux" | "")
        || matches!(os, "wasi" | "wasip1" | "wasip2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_told_by_their_media_types() {
        let check = |media_type: &str, expect: Layer| assert_eq!(Layer::of(media_type), expect);
        check("application/wasm", Layer::Module);
        check("application/vnd.wasm.content.layer.v1+wasm", Layer::Module);
        check("application/vnd.module.wasm.content.layer.v1+wasm", Layer::Module);
        check("application/vnd.oci.image.layer.v1.tar", Layer::Tar(Compression::None));
        check("application/vnd.oci.image.layer.v1.tar+gzip", Layer::Tar(Compression::Gzip));
        check("application/vnd.oci.image.layer.v1.tar+zstd", Layer::Tar(Compression::Zstd));
        check("application/vnd.docker.image.rootfs.diff.tar.gzip", Layer::Tar(Compression::Gzip));
        check(
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            Layer::Tar(Compression::Gzip),
        );
        check("application/vnd.oci.image.layer.v1.tar+brotli", Layer::Other);
        check("text/plain", Layer::Other);
    }

    #[test]
    fn platforms_that_run_webassembly() {
        for (architecture, os, expect) in [
            ("wasm", "wasip1", true),
            ("wasm", "wasip2", true),
            ("wasm", "wasi", true),
            ("wasm32", "wasi", true),
            ("wasi", "wasip1", true),
            ("wasm", "js", false),
            ("wasm", "wasip3", false),
            ("amd64", "linux", false),
            ("unknown", "unknown", false),
        ] {
            assert_eq!(is_wasm_platform(architecture, os), expect, "{architecture} {os}");
        }
    }
}
