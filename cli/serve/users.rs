//! The file that says who may do what, read at the start and whenever it changes.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, ensure};
use mayfly_controller::http::access::{Access, Policy};
use sha2::{Digest as _, Sha256};

use super::{files, limits};

/// The file, and what it last was.
pub(super) struct Users {
    path: PathBuf,
    seen: Option<Stamp>,
    access: Arc<Access>,
}

/// What changes when the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

impl Users {
    /// What the file `given` says, or else what that at `usual` does, if there is one.
    pub(super) fn read(given: Option<&Path>, usual: &Path) -> anyhow::Result<Self> {
        let path = given.unwrap_or(usual).to_owned();
        let seen = stamp(&path)?;
        let policy =
            if seen.is_some() || given.is_some() { policy(&path)? } else { Policy::default() };
        Ok(Self { path, seen, access: Arc::new(Access::new(policy)) })
    }

    /// Who may do what, now and later.
    pub(super) fn access(&self) -> Arc<Access> {
        self.access.clone()
    }

    /// A digest of what the file says, by which servers see whether they have the same.
    pub(super) fn digest(&self) -> anyhow::Result<String> {
        if self.seen.is_none() {
            return Ok(String::new());
        }
        let text = fs::read(&self.path).map_err(|error| files::cant_read(&self.path, error))?;
        Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads the file again whenever it has changed, for as long as it is polled.
    pub(super) async fn follow(mut self) {
        loop {
            tokio::time::sleep(limits::USERS_PAUSE).await;
            if let Err(error) = self.read_again() {
                tracing::error!("{error:#}; users are let in as before");
            }
        }
    }

    fn read_again(&mut self) -> anyhow::Result<()> {
        let now = stamp(&self.path)?;
        if now == self.seen {
            return Ok(());
        }
        self.seen = now;
        let file = self.path.display();
        if now.is_none() {
            // As it is for a server that starts without it.
            self.access.replace(Policy::default());
            tracing::error!(%file, "the file of users is gone; only the admin is let in");
            return Ok(());
        }
        self.access.replace(policy(&self.path)?);
        tracing::info!(%file, "users have been read again");
        Ok(())
    }
}

fn stamp(path: &Path) -> anyhow::Result<Option<Stamp>> {
    let found = fs::metadata(path)
        .and_then(|it| Ok(Stamp { modified: it.modified()?, length: it.len(), inode: it.ino() }));
    match found {
        Ok(stamp) => Ok(Some(stamp)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(files::cant_read(path, error)),
    }
}

fn policy(path: &Path) -> anyhow::Result<Policy> {
    let metadata = fs::metadata(path).map_err(|error| files::cant_read(path, error))?;
    ensure!(
        metadata.permissions().mode() & 0o022 == 0,
        "{0} can be written by others, who could let themselves in: `chmod go-w {0}`",
        path.display()
    );
    ensure!(
        metadata.len() <= limits::USERS_BYTES_MAX,
        "{} has more than {} bytes",
        path.display(),
        limits::USERS_BYTES_MAX
    );
    let text = fs::read_to_string(path).map_err(|error| files::cant_read(path, error))?;
    Policy::parse(&text).with_context(|| format!("can't use {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    const JANE: &str = "users: [{name: jane, roles: [{role: view}]}]\n";

    /// Writes a file that nobody else can write, whatever is usual here.
    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_broken_file_is_told_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.yaml");
        let mut users = Users::read(None, &path).unwrap();
        let access = users.access();
        let first = access.policy();
        users.read_again().unwrap();
        assert!(Arc::ptr_eq(&access.policy(), &first), "nothing has changed");

        write(&path, JANE);
        users.read_again().unwrap();
        let second = access.policy();
        assert!(!Arc::ptr_eq(&second, &first));

        write(&path, "users: [{name: jane, rolls: []}]\n");
        let error = format!("{:#}", users.read_again().unwrap_err());
        assert!(error.contains("users.yaml") && error.contains("rolls"), "{error}");
        assert!(Arc::ptr_eq(&access.policy(), &second));
    }

    #[test]
    fn a_file_that_is_gone_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.yaml");
        write(&path, JANE);
        let mut users = Users::read(None, &path).unwrap();
        let access = users.access();
        fs::remove_file(&path).unwrap();
        users.read_again().unwrap();
        let none = format!("{:?}", Policy::default());
        assert_eq!(format!("{:?}", access.policy()), none);
        write(&path, JANE);
        users.read_again().unwrap();
        assert_ne!(format!("{:?}", access.policy()), none);
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.yaml");
        write(&path, JANE);
        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        let error = Users::read(None, &path).err().unwrap().to_string();
        assert!(error.contains("chmod go-w"), "{error}");
        fs::remove_file(&path).unwrap();
        Users::read(None, &path).unwrap();
        let error = Users::read(Some(&path), &path).err().unwrap().to_string();
        assert!(error.contains("can't read"), "{error}");
    }
}
