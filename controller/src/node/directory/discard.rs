//! Takes what pods have left out of the way at once, and removes it when there is time.
//!
//! ```text
//! root/pods/<pod> ── renamed ──▶ root/removed/<n> ── removed, by and by
//! ```
//!
//! To remove what a guest has made may take minutes. By then a pod of the same name and uid may be
//! there again, as a backup had it, and must lose nothing of what it has begun to make.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tokio::sync::oneshot;
use tokio::task;

use super::{remove, removed};
use crate::limits::STRAYS_AT_ONCE_MAX;

/// What the next directory is called that is out of the way.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Has nothing at `path`, which is somewhere below `root`, from when this returns; it is no failure if
/// there is nothing. What was there is removed later, and nobody waits for that.
///
/// Must be called in a tokio runtime.
pub(crate) fn discard(root: &Path, path: &Path) {
    let Some(doomed) = doomed(root, path) else { return };
    // Its end wakes nobody.
    task::spawn_blocking(move || remove_or_tell(&doomed));
}

/// The same for each of `left`, a root with something below it, by one task for all. What comes back
/// comes when nothing is there any more; `None` if that is so already, as where there are few.
///
/// Must be called in a tokio runtime.
pub(crate) fn discard_all(left: Vec<(PathBuf, PathBuf)>) -> Option<oneshot::Receiver<()>> {
    let put_aside = |left: Vec<(PathBuf, PathBuf)>| -> Vec<PathBuf> {
        left.iter().filter_map(|(root, path)| doomed(root, path)).collect()
    };
    let remove_all = |doomed: Vec<PathBuf>| doomed.iter().for_each(|it| remove_or_tell(it));
    if left.len() <= STRAYS_AT_ONCE_MAX {
        let doomed = put_aside(left);
        if !doomed.is_empty() {
            task::spawn_blocking(move || remove_all(doomed));
        }
        return None;
    }
    let (done, is_done) = oneshot::channel();
    task::spawn_blocking(move || {
        let doomed = put_aside(left);
        // Whoever has waited for it may be gone.
        let _ = done.send(());
        remove_all(doomed);
    });
    Some(is_done)
}

/// What is to be removed of what is at `path`, which is out of the way, or, if it can't be, stays until
/// then; `None` if there is nothing.
fn doomed(root: &Path, path: &Path) -> Option<PathBuf> {
    put_aside(root, path).unwrap_or_else(|error| {
        // On a full disk, for one, nothing can be renamed, and that is when it is needed most.
        tracing::warn!(path = %path.display(), %error, "it is removed where it is");
        Some(path.to_owned())
    })
}

/// Removes, later as well, what an earlier process of the node under `root` did not come to remove.
pub(crate) fn sweep(root: &Path) {
    let folder = removed(root);
    if folder.exists() {
        task::spawn_blocking(move || empty(&folder));
    }
}

fn empty(folder: &Path) {
    for left in fs::read_dir(folder).into_iter().flatten().flatten() {
        remove_or_tell(&left.path());
    }
}

fn remove_or_tell(path: &Path) {
    if let Err(error) = remove(path) {
        tracing::warn!(path = %path.display(), %error, "what a pod has left could not be removed");
    }
}

/// Where what was at `path` is now; `None` if there was nothing.
fn put_aside(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let folder = removed(root);
    let mut is_folder_there = false;
    loop {
        let aside = folder.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        match renameat_with(CWD, path, CWD, &aside, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(Some(aside)),
            // An earlier process has left one of that name.
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) if is_folder_there => return Ok(None),
            Err(Errno::NOENT) => {
                // What is in there was some pod's secret.
                DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                is_folder_there = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn its_place_is_free_at_once_and_stays_so() {
        let root = tempfile::tempdir().unwrap();
        let pod = root.path().join("pods/ns_p_u");
        // Were it removed where it is, some of these would be gone by the end, or all.
        for number in 0..200 {
            fs::create_dir_all(pod.join("volumes.d/v")).unwrap();
            fs::write(pod.join(format!("volumes.d/v/{number}")), "x").unwrap();
            discard(root.path(), &pod);
            assert!(!pod.exists());
        }
        fs::create_dir_all(&pod).unwrap();
        fs::write(pod.join("kept"), "x").unwrap();
        while fs::read_dir(removed(root.path())).unwrap().next().is_some() {
            task::yield_now().await;
        }
        assert!(pod.join("kept").exists());
        discard(root.path(), &root.path().join("pods/nobody"));
    }

    #[tokio::test]
    async fn many_are_out_of_the_way_when_it_is_said_and_few_at_once() {
        for count in [3, STRAYS_AT_ONCE_MAX, STRAYS_AT_ONCE_MAX + 1] {
            let root = tempfile::tempdir().unwrap();
            let paths = (0..count).map(|it| root.path().join(format!("pods/ns_p_{it}")));
            let paths: Vec<_> = paths.collect();
            for path in &paths {
                fs::create_dir_all(path.join("volumes.d")).unwrap();
            }
            let left = paths.iter().map(|path| (root.path().to_owned(), path.clone()));
            match discard_all(left.collect()) {
                Some(aside) => {
                    assert!(count > STRAYS_AT_ONCE_MAX);
                    aside.await.unwrap();
                }
                None => assert!(count <= STRAYS_AT_ONCE_MAX),
            }
            assert!(paths.iter().all(|path| !path.exists()), "{count}");
            // Those of the same name that come now stay.
            paths.iter().for_each(|path| fs::create_dir(path).unwrap());
            while fs::read_dir(removed(root.path())).unwrap().next().is_some() {
                task::yield_now().await;
            }
            assert!(paths.iter().all(|path| path.exists()), "{count}");
        }
    }

    #[test]
    fn what_is_left_of_an_earlier_process_goes_and_is_never_taken_for_ours() {
        let root = tempfile::tempdir().unwrap();
        let next = NEXT.load(Ordering::Relaxed);
        for name in next..next + 500 {
            fs::create_dir_all(removed(root.path()).join(format!("{name}/old"))).unwrap();
        }
        fs::create_dir_all(root.path().join("pods/p/new")).unwrap();
        let aside = put_aside(root.path(), &root.path().join("pods/p")).unwrap().unwrap();
        assert!(aside.join("new").exists() && !aside.join("old").exists());
        empty(&removed(root.path()));
        assert!(fs::read_dir(removed(root.path())).unwrap().next().is_none());
        sweep(Path::new("/nowhere"));
    }
}
