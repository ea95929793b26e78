//! The bytes behind an image.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, ensure};

/// The largest module that is read. Stops a device or a mistaken file; the largest real ones,
/// language runtimes with their libraries, are a tenth of it.
const IMAGE_BYTES_MAX: u64 = 512 << 20;

/// Reads the module in the file at `path`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(IMAGE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .with_context(|| format!("can't read {}", path.display()))?;
    ensure!(
        bytes.len() as u64 <= IMAGE_BYTES_MAX,
        "{} is larger than {} MiB",
        path.display(),
        IMAGE_BYTES_MAX >> 20
    );
    Ok(bytes)
}
