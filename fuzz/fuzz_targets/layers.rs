//! Any bytes as the layers of an image: decompressed, read as archives, and made into a folder.
//!
//! ```text
//! first byte: how the bytes are meant      1: they choose entries, of which archives are made
//!                                          else: they are a layer, as it is sent
//! ```
//!
//! An error is fine. Nothing may appear beside the folder, and no link in it may lead out of it.

#![no_main]

use std::fs;
use std::path::{Component, Path, PathBuf};

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mayfly_images::unpack_layers;

/// What of a file's content is kept in an archive that is made. Its header may say more.
const CONTENT_BYTES_MAX: usize = 1024;

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let layers = if *how == 1 { made(data) } else { vec![data.to_vec()] };
    let folder = tempfile::tempdir().expect("there must be room for a folder");
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("a folder must be made");
    match unpack_layers(&layers, &folder.path().join("store"), &target) {
        Ok(()) => stays_inside(&target.join("root"), &mut PathBuf::new()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let beside = fs::read_dir(folder.path()).expect("the folder must be there").count();
    assert!(beside <= 2, "something lies beside what is unpacked");
});

/// One entry of an archive: any at all.
#[derive(Arbitrary)]
struct Entry<'a> {
    kind: Kind,
    path: &'a str,
    target: &'a str,
    /// What the header says of the size, if not the truth.
    size: Option<u64>,
    content: &'a [u8],
}

#[derive(Arbitrary)]
enum Kind {
    File,
    HardLink,
    Link,
    Device,
    Directory,
    Contiguous,
    Global,
    Pax,
    LongName,
    LongLink,
    Sparse,
    Other(u8),
}

impl Kind {
    fn byte(&self) -> u8 {
        match self {
            Self::File => b'0',
            Self::HardLink => b'1',
            Self::Link => b'2',
            Self::Device => b'3',
            Self::Directory => b'5',
            Self::Contiguous => b'7',
            Self::Global => b'g',
            Self::Pax => b'x',
            Self::LongName => b'L',
            Self::LongLink => b'K',
            Self::Sparse => b'S',
            Self::Other(byte) => *byte,
        }
    }
}

/// Layers of the entries that `data` chooses, with checksums that are right: no fuzzer finds them.
fn made(data: &[u8]) -> Vec<Vec<u8>> {
    let mut choices = Unstructured::new(data);
    let mut layers = vec![Vec::new()];
    while let Ok((entry, is_last)) = <(Entry<'_>, bool)>::arbitrary(&mut choices) {
        let layer = layers.last_mut().expect("there must be one");
        append(layer, &entry);
        if choices.is_empty() {
            break;
        }
        if is_last {
            layers.push(Vec::new());
        }
    }
    layers
}

fn append(layer: &mut Vec<u8>, entry: &Entry<'_>) {
    let content = &entry.content[..entry.content.len().min(CONTENT_BYTES_MAX)];
    let mut header = [0; 512];
    put(&mut header[..100], entry.path.as_bytes());
    let size = entry.size.unwrap_or(content.len() as u64);
    // As GNU's tar writes what is too large for octal digits.
    header[124] = 0x80;
    header[128..136].copy_from_slice(&size.to_be_bytes());
    header[156] = entry.kind.byte();
    put(&mut header[157..257], entry.target.as_bytes());
    put(&mut header[257..265], b"ustar  \0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut header[148..156], format!("{sum:06o}\0 ").as_bytes());
    layer.extend(header);
    layer.extend(content);
    layer.resize(layer.len().next_multiple_of(512), 0);
}

fn put(field: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(field.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

/// Checks that no link below `root` and `at` leads out of `root`.
fn stays_inside(root: &Path, at: &mut PathBuf) {
    for entry in fs::read_dir(root.join(&at)).expect("a folder must be readable") {
        let entry = entry.expect("it must be readable");
        let kind = entry.file_type().expect("it must be something");
        at.push(entry.file_name());
        if kind.is_dir() {
            stays_inside(root, at);
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link must be readable");
            let mut depth = at.components().count() - 1;
            for part in target.components() {
                depth = match part {
                    Component::ParentDir => depth.checked_sub(1).expect("a link leads out"),
                    Component::Normal(_) => depth + 1,
                    Component::CurDir => depth,
                    _ => panic!("a link leads to the host's root"),
                };
            }
        }
        at.pop();
    }
}
