//! Where attacks take place: a mount, what lies beside it, and a look at both afterwards.

use std::collections::BTreeMap;
use std::time::Instant;

use super::*;

/// A folder to mount, beside files that must stay unseen and unchanged.
///
/// ```text
/// field/ ─┬─ data/ ─┬─ file        mounted as /data
///         │         └─ in/
///         ├─ secret                never mounted
///         └─ other/secret
/// ```
pub(super) struct Field {
    folder: tempfile::TempDir,
    outside: BTreeMap<String, String>,
    inside: BTreeMap<String, String>,
}

impl Field {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder must be made");
        let at = |name| folder.path().join(name);
        fs::create_dir_all(at("data/in")).expect("it must be made");
        fs::create_dir(at("other")).expect("it must be made");
        for (name, text) in [("data/file", "file"), ("secret", "secret"), ("other/secret", "other")]
        {
            fs::write(at(name), text).expect("it must be written");
        }
        let (outside, inside) = (seen(folder.path(), "data"), seen(&at("data"), ""));
        Self { folder, outside, inside }
    }

    /// The mounted folder, on the host.
    pub(super) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// A guest that sees the mounted folder as `/data`.
    pub(super) fn guest(&self, access: Access) -> Guest {
        with_data(&self.data(), access)
    }

    /// Checks that nothing outside of the mount has changed, once calls that are left behind have
    /// ended.
    pub(super) async fn is_unharmed_soon(&self) {
        while self.is_open() {
            tokio::task::yield_now().await;
        }
        self.is_unharmed(Access::ReadWrite);
    }

    fn is_open(&self) -> bool {
        !self.open().is_empty()
    }

    /// What of it this process has open.
    fn open(&self) -> Vec<std::path::PathBuf> {
        let open = fs::read_dir("/proc/self/fd").expect("the process must see itself");
        open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.starts_with(self.folder.path()))
            .collect()
    }

    /// Checks that nothing outside of the mount has changed, nor in it if it was to be read alone,
    /// and that nothing of it stays open. A call on another thread may end a moment after its guest.
    pub(super) fn is_unharmed(&self, access: Access) {
        assert_eq!(seen(self.folder.path(), "data"), self.outside);
        if access == Access::ReadOnly {
            assert_eq!(seen(&self.data(), ""), self.inside);
        }
        let begun = Instant::now();
        while self.is_open() {
            assert!(begun.elapsed() < PATIENCE, "still open: {:?}", self.open());
            std::thread::yield_now();
        }
    }
}

/// Everything below `folder` but `except`, with what the files hold and the links lead to.
fn seen(folder: &Path, except: &str) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).expect("the folder must be there") {
            let path = entry.expect("it must be readable").path();
            let name = path.strip_prefix(folder).expect("it is below").to_string_lossy();
            if name == except {
                continue;
            }
            let kind = fs::symlink_metadata(&path).expect("it must be there");
            let what = if kind.is_dir() {
                folders.push(path.clone());
                "a folder".to_owned()
            } else if kind.is_symlink() {
                format!("a link to {}", fs::read_link(&path).expect("it is a link").display())
            } else {
                fs::read_to_string(&path).expect("it must be readable")
            };
            seen.insert(name.into_owned(), what);
        }
    }
    seen
}

/// Runs a guest that writes a line `denied …` for all that it tries, with the folder mounted in both
/// ways.
pub(super) async fn denied(name: &str) {
    for access in [Access::ReadOnly, Access::ReadWrite] {
        denied_with(name, access).await;
    }
}

/// The same with the folder mounted in one way.
pub(super) async fn denied_with(name: &str, access: Access) {
    let field = Field::new();
    let ran = run_with(name, ["/data"], field.guest(access), Limits::default()).await.exited(0);
    assert!(ran.stdout.lines().count() > 0, "it must have tried something");
    assert!(ran.stdout.lines().all(|line| line.starts_with("denied ")), "{}", ran.stdout);
    field.is_unharmed(access);
}

/// Runs a guest that exits with 0 if all that it tried was refused, and prints nothing.
pub(super) async fn refused(name: &str, access: Access) {
    let field = Field::new();
    let ran = run_with(name, [], field.guest(access), Limits::default()).await.exited(0);
    assert_eq!(ran.stdout, "");
    field.is_unharmed(access);
}
