//! Reads manifests: files, folders and standard input, to bytes that know where they are from.
//!
//! What they say is admission's to find out; here is only which files there are.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use mayfly_controller::admission::decode::INPUT_BYTES_MAX;

/// How deep `-R` goes. Stops a loop of symbolic links; no tree that people make is as deep.
const FOLDER_DEPTH_MAX: usize = 32;

/// One manifest, not yet understood.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Its path as it was given, or `standard input`.
    pub(crate) source: String,
    /// The folder that paths in it start from.
    pub(crate) folder: PathBuf,
    /// What it says.
    pub(crate) bytes: Vec<u8>,
}

impl Manifest {
    /// Whether it may ask for a volume of medium `Memory`, found without understanding it: nobody can
    /// write that word without it, but by escapes.
    pub(crate) fn may_name_memory(&self) -> bool {
        let has = |text: &[u8]| self.bytes.windows(text.len()).any(|it| it == text);
        has(b"Memory") || has(b"\\")
    }
}

/// Reads everything that `paths` name, in their order, then of names; what can't be read is added
/// to `complaints`.
pub(crate) fn read(
    paths: &[PathBuf],
    recursive: bool,
    complaints: &mut Vec<anyhow::Error>,
) -> Vec<Manifest> {
    let mut manifests = Vec::new();
    for path in paths {
        let found = match files_of(path, recursive) {
            Ok(files) => files,
            Err(complaint) => {
                complaints.push(complaint);
                continue;
            }
        };
        for file in found {
            match read_one(&file) {
                Ok(manifest) => manifests.push(manifest),
                Err(complaint) => complaints.push(complaint),
            }
        }
    }
    manifests
}

fn read_one(path: &Path) -> anyhow::Result<Manifest> {
    if is_stdin(path) {
        let bytes = bytes_of(io::stdin().lock()).context("can't read standard input")?;
        let source = "standard input".to_owned();
        return Ok(Manifest { source, folder: PathBuf::from("."), bytes });
    }
    let bytes = File::open(path)
        .and_then(bytes_of)
        .with_context(|| format!("can't read {}", path.display()))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(Manifest { source: path.display().to_string(), folder: folder.to_owned(), bytes })
}

/// At most one byte more than is decoded, which is enough to be refused for it.
fn bytes_of(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(INPUT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The files that `path` means: itself, or the manifests in it.
fn files_of(path: &Path, recursive: bool) -> anyhow::Result<Vec<PathBuf>> {
    if is_stdin(path) {
        return Ok(vec![path.to_owned()]);
    }
    let metadata = fs::metadata(path).with_context(|| format!("can't read {}", path.display()))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = files_in(path, if recursive { FOLDER_DEPTH_MAX } else { 0 })?;
    ensure!(
        !files.is_empty(),
        "{}: there is no .yaml, .yml or .json file in this folder{}",
        path.display(),
        if recursive { " or below it" } else { "; -R looks into its folders, too" }
    );
    Ok(files)
}

/// The manifests in `folder` and down to `depth` folders below it, sorted by path.
fn files_in(folder: &Path, depth: usize) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .with_context(|| format!("can't read the folder {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            if depth > 0 {
                files.extend(files_in(&path, depth - 1)?);
            }
        } else if is_manifest(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_manifest(path: &Path) -> bool {
    matches!(path.extension().and_then(|it| it.to_str()), Some("yaml" | "yml" | "json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_memory_is_found_however_it_is_written() {
        let may = |text: &str| {
            let (source, folder) = (String::new(), PathBuf::new());
            Manifest { source, folder, bytes: text.into() }.may_name_memory()
        };
        assert!(may("{name: a, emptyDir: {medium: Memory}}"));
        assert!(may(r#"{"name": "a", "emptyDir": {"medium": "\u004demory"}}"#));
        assert!(!may("{name: memory, emptyDir: {}}"));
    }
}
