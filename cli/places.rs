//! Where state and caches live when nobody says.
//!
//! As the XDG base directory specification has it: a variable that is empty or relative is ignored.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The state folder: `given`, else where the user's programs keep their state.
pub(crate) fn state_dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(folder) => Ok(folder.to_owned()),
        None => of_the_user("XDG_STATE_HOME", ".local/state"),
    }
}

/// The state folder of a node that works for another host: its own, since a server may have the
/// other on the same host.
pub(crate) fn node_state_dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(state_dir(None)?.with_file_name("mayfly-node")),
    }
}

/// The state folder that keeps images for every run: as `mayfly image` finds it without options.
pub(crate) fn shared_state_dir() -> anyhow::Result<PathBuf> {
    let given = std::env::var_os("MAYFLY_STATE_DIR").filter(|folder| !folder.is_empty());
    state_dir(given.as_deref().map(Path::new))
}

/// The folder of compiled code: inside the state folder if one is `given`.
pub(crate) fn cache_dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(folder) => Ok(folder.join("cache")),
        None => of_the_user("XDG_CACHE_HOME", ".cache"),
    }
}

/// The kubeconfig that a server with the state folder `state` writes.
pub(crate) fn kubeconfig(state: &Path) -> PathBuf {
    state.join("kubeconfig")
}

fn of_the_user(variable: &str, in_home: &str) -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = match folder {
        Some(folder) => folder,
        None => std::env::home_dir()
            .filter(|home| home.is_absolute())
            .with_context(|| format!("neither {variable} nor HOME says where mayfly keeps things"))?
            .join(in_home),
    };
    Ok(folder.join("mayfly"))
}
