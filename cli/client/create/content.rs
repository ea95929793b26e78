//! What a ConfigMap or a Secret is to hold: entries of the command line and files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::args::client::ContentArguments;
use crate::client::complaint::Complaint;

/// The most bytes of one file: Kubernetes takes 1 MiB altogether. Stops a disk image given by
/// mistake.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The fields of a ConfigMap: what is text, and what is not.
pub(super) fn config_map(arguments: &ContentArguments) -> anyhow::Result<Value> {
    let mut object = json!({});
    for (key, bytes) in entries(arguments)? {
        match String::from_utf8(bytes) {
            Ok(text) => object["data"][key] = json!(text),
            Err(error) => {
                object["binaryData"][key] = json!(STANDARD.encode(error.into_bytes()));
            }
        }
    }
    Ok(object)
}

/// The fields of a Secret.
pub(super) fn secret(arguments: &ContentArguments) -> anyhow::Result<Value> {
    let mut object = json!({});
    for (key, bytes) in entries(arguments)? {
        object["data"][key] = json!(STANDARD.encode(bytes));
    }
    Ok(object)
}

fn entries(arguments: &ContentArguments) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut entries = BTreeMap::new();
    for literal in &arguments.from_literal {
        let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Complaint::usage(format!(
                "invalid literal source {literal}, expected key=value"
            )));
        };
        add(&mut entries, key, value.as_bytes().to_vec())?;
    }
    for source in &arguments.from_file {
        let (key, path) = match source.split_once('=') {
            Some((key, path)) if !key.is_empty() && !path.is_empty() => (Some(key), path),
            Some(_) => {
                let text = format!("invalid file source {source}, expected [key=]file");
                return Err(Complaint::usage(text));
            }
            None => (None, source.as_str()),
        };
        for (name, file) in files(key, Path::new(path))? {
            add(&mut entries, &name, read(&file)?)?;
        }
    }
    Ok(entries)
}

fn add(entries: &mut BTreeMap<String, Vec<u8>>, key: &str, value: Vec<u8>) -> anyhow::Result<()> {
    match entries.insert(key.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Complaint::usage(format!("the key {key} is given twice"))),
    }
}

/// The files that `path` means, each with its key.
fn files(key: Option<&str>, path: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let unreadable = |error: std::io::Error| {
        Complaint::usage(format!("error reading {}: {error}", path.display()))
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(key.map_or(name, str::to_owned), path.to_owned())]);
    }
    if key.is_some() {
        return Err(Complaint::usage("cannot give a key name for a directory path"));
    }
    let entries = fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>();
    let files = entries.map_err(unreadable)?.into_iter().filter(|entry| entry.path().is_file());
    let mut files: Vec<_> = files
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read =
        File::open(file).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| Complaint::usage(format!("error reading {}: {error}", file.display())))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let text = format!("{} has more than {} MiB", file.display(), FILE_BYTES_MAX >> 20);
        return Err(Complaint::usage(text));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_literals_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        fs::write(path("a.txt"), "text").unwrap();
        fs::write(path("b.bin"), [0xff, 0]).unwrap();
        let content = |literals: &[&str], files: &[String]| ContentArguments {
            from_literal: literals.iter().map(|&it| it.to_owned()).collect(),
            from_file: files.to_vec(),
        };
        let map = config_map(&content(&["k=v=w"], &[path("")])).unwrap();
        let expect =
            json!({"data": {"k": "v=w", "a.txt": "text"}, "binaryData": {"b.bin": "/wA="}});
        assert_eq!(map, expect);
        let secret = secret(&content(&[], &[format!("x={}", path("a.txt"))])).unwrap();
        assert_eq!(secret, json!({"data": {"x": "dGV4dA=="}}));
        let check = |literals: &[&str], files: &[String], expect: &str| {
            let error = config_map(&content(literals, files)).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(&["k"], &[], "expected key=value");
        check(&["k=1", "k=2"], &[], "given twice");
        check(&[], &[format!("x={}", path(""))], "directory");
        check(&[], &[path("no")], "error reading");
    }
}
