//! Files that appear whole or not at all, for their owner alone or for everybody.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;
use tempfile::NamedTempFile;

/// Makes `folder`, which only its owner may enter.
pub(crate) fn make_private_folder(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("can't make the folder {}", folder.display()))
}

/// Writes what only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write(path, content, 0o600)
}

/// Writes what anybody may read.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write(path, content, 0o644)
}

/// Why `path` can't be read.
pub(crate) fn cant_read(path: &Path, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("can't read {}", path.display()))
}

fn write(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let written = || -> io::Result<()> {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        // For its owner alone until it is told otherwise.
        let mut draft = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        draft.write_all(content)?;
        fs::set_permissions(draft.path(), Permissions::from_mode(mode))?;
        draft.as_file().sync_all()?;
        draft.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("can't write {}", path.display()))
}
