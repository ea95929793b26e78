//! What a server remembers of etcd from one start to the next, so that an etcd that was emptied is not
//! taken for a new one: a server that led it would have all nodes end all pods.
//!
//! ```text
//! {"prefix":"/mayfly/","clusterId":"14841639068965178418"}      there was a state, and where
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::address::Prefix;
use crate::error::{Error, Result};

/// That there was a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    /// Below which keys.
    prefix: String,
    /// In which etcd, as it calls itself.
    cluster_id: String,
}

/// A file that says where a state was seen. Whoever deletes it has said that there is none.
pub(crate) struct Memory {
    path: PathBuf,
    prefix: String,
    /// What is in the file, as far as that is known.
    known: Mutex<Option<Seen>>,
}

impl Memory {
    /// The file at `path`, for a state below `prefix`.
    pub(crate) fn new(path: &Path, prefix: &Prefix) -> Self {
        let (path, prefix) = (path.to_owned(), prefix.as_str().to_owned());
        Self { path, prefix, known: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// In which cluster a state was seen below the prefix, as the file says at this moment; `None` if
    /// none was.
    pub(crate) fn recall(&self) -> Result<Option<String>> {
        let seen = match fs::read(&self.path) {
            Ok(text) => Some(serde_json::from_slice::<Seen>(&text).map_err(|error| {
                self.unusable(io::Error::new(io::ErrorKind::InvalidData, error))
            })?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.unusable(error)),
        };
        // A server may be given another state.
        let seen = seen.filter(|seen| seen.prefix == self.prefix);
        self.know(seen.clone());
        Ok(seen.map(|seen| seen.cluster_id))
    }

    /// Whether it is known to say that a state was seen in `cluster`.
    pub(crate) fn has(&self, cluster: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|seen| seen.cluster_id == cluster)
    }

    /// Remembers that there is a state in `cluster`. Where the file can't be written, this server goes on
    /// without it, and the operator is told.
    pub(crate) fn remember(&self, cluster: &str) {
        if self.has(cluster) {
            return;
        }
        let seen = Seen { prefix: self.prefix.clone(), cluster_id: cluster.to_owned() };
        if let Err(error) = self.write(&seen) {
            let file = self.path.display();
            tracing::warn!(%file, %error, "can't remember that there is a state in etcd");
        }
        self.know(Some(seen));
    }

    fn know(&self, seen: Option<Seen>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Whole or not at all: a host may lose its power at any time.
    fn write(&self, seen: &Seen) -> io::Result<()> {
        let draft = self.path.with_extension("new");
        let mut options = File::options();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec(seen)?)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)
    }

    fn unusable(&self, source: io::Error) -> Error {
        Error::Memory { file: self.path.display().to_string(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_state_that_was_seen_is_remembered_until_the_file_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("etcd.json");
        let memory = |prefix: &str| Memory::new(&path, &prefix.parse().unwrap());
        assert_eq!(memory("/mayfly/").recall().unwrap(), None);
        memory("/mayfly/").remember("7");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"prefix\":\"/mayfly/\",\"clusterId\":\"7\"}\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = memory("/mayfly/");
        assert!(!again.has("7"));
        assert_eq!(again.recall().unwrap().as_deref(), Some("7"));
        assert!(again.has("7") && !again.has("8"));
        again.remember("8");
        assert_eq!(memory("/mayfly/").recall().unwrap().as_deref(), Some("8"));
        assert_eq!(memory("/other/").recall().unwrap(), None, "that is another state");
        fs::remove_file(&path).unwrap();
        assert_eq!(again.recall().unwrap(), None);
        again.remember("8");
        assert_eq!(memory("/mayfly/").recall().unwrap().as_deref(), Some("8"));
        fs::write(&path, "nonsense").unwrap();
        let error = again.recall().unwrap_err().to_string();
        assert!(error.contains("etcd.json"), "{error}");
    }
}
