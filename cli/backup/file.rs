//! The file that a backup is in, or standard output and input in its place.

use std::fs::{self, Permissions};
use std::io::{self, IsTerminal, Read as _, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use mayfly_controller::backup::{Depth, Header, Reader};
use mayfly_controller::limits::BACKUP_BYTES_MAX;
use tempfile::NamedTempFile;

/// Where a backup goes to. What comes is looked at on its way, so that nothing is left of one that
/// broke off.
pub(super) struct Target {
    reader: Reader,
    to: To,
}

enum To {
    Stdout(io::Stdout),
    File { draft: NamedTempFile, path: PathBuf },
}

impl Target {
    /// The file at `path`, or standard output.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let reader = Reader::new(Depth::Checksum);
        if path == Path::new("-") {
            ensure!(!io::stdout().is_terminal(), "Secrets are not printed on a terminal");
            return Ok(Self { reader, to: To::Stdout(io::stdout()) });
        }
        let path = &place(path)?;
        let draft = NamedTempFile::new_in(folder(path)).with_context(|| cant_write(path))?;
        let own = Permissions::from_mode(0o600);
        fs::set_permissions(draft.path(), own).with_context(|| cant_write(path))?;
        Ok(Self { reader, to: To::File { draft, path: path.to_owned() } })
    }

    /// What it means for where it goes that a backup is not whole.
    pub(super) fn loss(&self) -> &'static str {
        match self.to {
            To::Stdout(_) => "what was printed is no whole backup",
            To::File { .. } => "nothing was written",
        }
    }

    /// Adds `piece`.
    pub(super) fn write(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        self.reader.feed(piece)?;
        match &mut self.to {
            To::Stdout(stdout) => stdout.write_all(piece).map_err(crate::exit::stdout_error),
            To::File { draft, path } => draft.write_all(piece).with_context(|| cant_write(path)),
        }
    }

    /// It is all there: the file gets its name.
    pub(super) fn finish(self) -> anyhow::Result<Header> {
        let loss = self.loss();
        let read =
            self.reader.finish().with_context(|| format!("what came is not whole; {loss}"))?;
        let header = read.header;
        match self.to {
            To::Stdout(mut stdout) => stdout.flush().map_err(crate::exit::stdout_error)?,
            To::File { draft, path } => {
                draft.as_file().sync_all().with_context(|| cant_write(&path))?;
                draft.persist(&path).with_context(|| cant_write(&path))?;
                // Its name is as durable as what is in it.
                let synced = fs::File::open(folder(&path)).and_then(|folder| folder.sync_all());
                synced.with_context(|| cant_write(&path))?;
            }
        }
        Ok(header)
    }
}

/// Where the file at `path` is, behind links; there may be none yet, but nothing that is no file.
fn place(path: &Path) -> anyhow::Result<PathBuf> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(path.to_owned());
    }
    let place = fs::canonicalize(path).with_context(|| cant_write(path))?;
    ensure!(
        place.is_file(),
        "{}: it is there and is no regular file (- is standard output)",
        cant_write(path)
    );
    Ok(place)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn cant_read(path: &Path) -> String {
    format!("can't read {}", path.display())
}

fn cant_write(path: &Path) -> String {
    format!("can't write {}", path.display())
}

/// The file at `path`, or standard input.
pub(super) fn open(path: &Path) -> anyhow::Result<Box<dyn io::Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(fs::File::open(path).with_context(|| cant_read(path))?))
}

/// All that comes `from` the file at `path`.
pub(super) fn read(path: &Path, from: Box<dyn io::Read>) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(BACKUP_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.with_context(|| cant_read(path))?;
    if bytes.len() as u64 > BACKUP_BYTES_MAX {
        bail!("{} has more than {BACKUP_BYTES_MAX} bytes", path.display());
    }
    Ok(bytes)
}
