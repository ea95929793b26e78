//! Makes an image of a module and files, in a form that others run as well.
//!
//! | given | made | as |
//! |---|---|---|
//! | a module | an artifact: config `application/vnd.wasm.config.v0+json`, layer `application/wasm` | `wkg`, `runwasi` and Kubernetes' image volumes have it |
//! | a module and files | an ordinary image for `wasip1/wasm`: a layer of files with the module, which is the entrypoint | `runwasi`, Docker's and Podman's WebAssembly runtimes have it |

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Take, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{FILES_MAX, MODULE_BYTES_MAX, UNPACKED_BYTES_MAX};
use crate::media;
use crate::name::ImageName;
use crate::store::{Entry, Kept, Origin, Shelf};

/// What kind of program a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// A module for WASI preview 1.
    Module,
    /// A component for WASI preview 2.
    Component,
}

/// What an image is made of.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    /// The module.
    pub module: &'a [u8],
    /// What kind of program it is.
    pub kind: ModuleKind,
    /// Its name in an image with files: `pi.wasm`.
    pub file_name: String,
    /// Files and folders of the host, and where they are in the image.
    pub files: Vec<(PathBuf, String)>,
    /// What else the image says.
    pub annotations: Vec<(String, String)>,
}

impl Shelf {
    /// Makes an image and lets `name` stand for it. The same recipe makes the same image.
    pub fn build(&self, name: &ImageName, recipe: &Recipe<'_>) -> Result<Kept> {
        if recipe.module.len() as u64 > MODULE_BYTES_MAX {
            let limit = format!("a module has at most {} MiB", MODULE_BYTES_MAX >> 20);
            return Err(Error::limit(name.to_string(), limit));
        }
        let (config_type, config, layer_type, layer) = if recipe.files.is_empty() {
            let config = artifact_config(recipe);
            (media::WASM_CONFIG, config, media::WASM_LAYER, recipe.module.to_vec())
        } else {
            let (layer, diff_id) = files_layer(recipe)?;
            (media::IMAGE_CONFIG, image_config(recipe, &diff_id), media::TAR_GZIP, layer)
        };
        let _no_pruning = self.bringing()?;
        let blobs = self.blobs();
        let config = serde_json::to_vec(&config).expect("a config must be writable as JSON");
        let descriptor = |media_type: &str, bytes: &[u8]| -> Result<Value> {
            let digest = blobs.write(bytes)?;
            Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
        };
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::MANIFEST,
            "config": descriptor(config_type, &config)?,
            "layers": [descriptor(layer_type, &layer)?],
        });
        if !recipe.annotations.is_empty() {
            let annotations =
                recipe.annotations.iter().map(|(key, value)| (key.clone(), json!(value)));
            manifest["annotations"] = Value::Object(annotations.collect());
        }
        let manifest = serde_json::to_vec(&manifest).expect("a manifest must be writable as JSON");
        let digest = blobs.write(&manifest)?;
        let kept = Kept {
            digest: digest.clone(),
            manifest: digest,
            origin: Origin::Built,
            public: true,
            logins: Vec::new(),
        };
        self.record(name, |_| Entry::Image(kept.clone()))?;
        Ok(kept)
    }
}

/// As the CNCF's guidance for WebAssembly artifacts has it.
fn artifact_config(recipe: &Recipe<'_>) -> Value {
    let mut config = json!({
        "architecture": "wasm",
        "os": os(recipe.kind),
        "layerDigests": [Digest::of(recipe.module)],
    });
    if recipe.kind == ModuleKind::Component {
        config["component"] = json!({"exports": ["wasi:cli/run@0.2.0"], "imports": []});
    }
    config
}

fn image_config(recipe: &Recipe<'_>, diff_id: &Digest) -> Value {
    json!({
        "architecture": "wasm",
        "os": os(recipe.kind),
        "config": {"Entrypoint": [format!("/{}", recipe.file_name)]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    })
}

fn os(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::Module => "wasip1",
        ModuleKind::Component => "wasip2",
    }
}

/// A layer with the module and the files, and its digest before it was compressed.
fn files_layer(recipe: &Recipe<'_>) -> Result<(Vec<u8>, Digest)> {
    let mut packing = Packing {
        archive: tar::Builder::new(Vec::new()),
        folders: BTreeSet::new(),
        files: 0,
        bytes: 0,
    };
    packing.archive.mode(tar::HeaderMode::Deterministic);
    packing.file(&recipe.file_name, recipe.module)?;
    for (source, target) in &recipe.files {
        let target = target.trim_matches('/');
        packing.all(source, target)?;
    }
    let archive = packing.archive.into_inner().map_err(Error::file("pack", "an archive"))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(&archive).and_then(|()| encoder.finish());
    Ok((packed.map_err(Error::file("pack", "an archive"))?, Digest::of(&archive)))
}

struct Packing {
    archive: tar::Builder<Vec<u8>>,
    folders: BTreeSet<String>,
    files: usize,
    bytes: u64,
}

impl Packing {
    /// Packs what is at `source`: a file, or a folder with all that is in it, as `target`.
    fn all(&mut self, source: &Path, target: &str) -> Result<()> {
        let mut todo = vec![(source.to_owned(), target.to_owned())];
        while let Some((source, target)) = todo.pop() {
            let failed = |error| Error::file("pack", &source)(error);
            let metadata = fs::symlink_metadata(&source).map_err(failed)?;
            let metadata = if metadata.is_symlink() {
                fs::metadata(&source).map_err(failed)?
            } else {
                metadata
            };
            if metadata.is_file() {
                self.bytes += metadata.len();
                if self.bytes > UNPACKED_BYTES_MAX {
                    let limit = format!("an image has at most {} GiB", UNPACKED_BYTES_MAX >> 30);
                    return Err(Error::limit(source.display().to_string(), limit));
                }
                let content = fs::read(&source).map_err(failed)?;
                self.file(&target, &content)?;
            } else if metadata.is_dir() {
                self.folder(&target)?;
                let mut entries: Vec<_> = fs::read_dir(&source)
                    .map_err(failed)?
                    .collect::<Result<_, _>>()
                    .map_err(failed)?;
                // From the last, since the last is taken first.
                entries.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
                for entry in entries {
                    let name = entry.file_name().into_string().map_err(|_| {
                        Error::limit(entry.path().display().to_string(), "its name is not UTF-8")
                    })?;
                    let target = if target.is_empty() { name } else { format!("{target}/{name}") };
                    todo.push((entry.path(), target));
                }
            } else {
                let why = "it is neither a file nor a folder";
                return Err(Error::limit(source.display().to_string(), why));
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, content: &[u8]) -> Result<()> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder)?;
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        self.append(header, path, content)
    }

    fn folder(&mut self, path: &str) -> Result<()> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let folder = &path[..end];
            if folder.is_empty() || !self.folders.insert(folder.to_owned()) {
                continue;
            }
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            self.append(header, &format!("{folder}/"), b"")?;
        }
        Ok(())
    }

    fn append(&mut self, mut header: tar::Header, path: &str, content: &[u8]) -> Result<()> {
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(Error::limit(path, format!("an image has at most {FILES_MAX} files")));
        }
        header.set_mtime(0);
        self.archive.append_data(&mut header, path, content).map_err(Error::file("pack", path))
    }
}

/// What is in the file at `path` of a recipe as a module: bounded, since it may be anything.
pub fn read_module(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bounded(path, |file| file.read_to_end(&mut bytes))?;
    Ok(bytes)
}

/// The digest of what [`read_module`] gives, for less memory.
pub fn module_digest(path: &Path) -> Result<Digest> {
    bounded(path, |file| Digest::of_reader(file))
}

fn bounded<T>(path: &Path, read: impl FnOnce(&mut Take<File>) -> io::Result<T>) -> Result<T> {
    let file = File::open(path).map_err(Error::file("read", path))?;
    let mut file = file.take(MODULE_BYTES_MAX + 1);
    let read = read(&mut file).map_err(Error::file("read", path))?;
    if file.limit() == 0 {
        let limit = format!("a module has at most {} MiB", MODULE_BYTES_MAX >> 20);
        return Err(Error::limit(path.display().to_string(), limit));
    }
    Ok(read)
}
