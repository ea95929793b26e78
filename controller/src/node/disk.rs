//! Whether the disk that a node keeps its state on has room for more.
//!
//! Objects are on it as well as what pods store, so some of it must be left: a control plane that
//! can't write can't even take note of what has ended. When it is short, the node says so in the
//! kubelet's words and takes no more pods; if that does not help, the pods that have stored most go.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task;

use crate::api::{Quantity, Timestamp};
use crate::clock::Clock;
use crate::limits::{DISK_ENTRIES_RESERVE, DISK_RESERVE_BYTES, VOLUME_ENTRIES_MAX};
use crate::quantity::Amount;

/// How often the disk is looked at. Quick guests on a quick disk fill some hundred megabytes
/// meanwhile, which is less than what must be left.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long there must be room again before the node takes pods, so that it does not change its mind
/// with every file. Kubernetes differs: its default is five minutes, during which nothing runs.
const CALM_FOR: Duration = Duration::from_secs(30);

/// What must be left of the disk.
///
/// Kubernetes differs: the kubelet wants a tenth of the disk whatever its size, which of a large one
/// is more than any control plane needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskReserve {
    /// In bytes; `None` is a tenth of the disk, or 1 GiB if that is less.
    pub bytes: Option<u64>,
    /// In files that can still be made; `None` is a twentieth of those that there can be, or
    /// 100,000 if that is less.
    pub entries: Option<u64>,
}

/// What a disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiskRoom {
    bytes: u64,
    bytes_left: u64,
    /// Zero if the file system has no such bound.
    entries: u64,
    entries_left: u64,
}

/// What a disk has too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    resource: Resource,
    wanted: u64,
    left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Bytes,
    Entries,
}

impl DiskRoom {
    /// The room of the disk that `path` is on. Blocks.
    fn of(path: &Path) -> Option<Self> {
        let disk = rustix::fs::statvfs(path).ok()?;
        Some(Self {
            bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
            bytes_left: disk.f_bavail.saturating_mul(disk.f_frsize),
            entries: disk.f_files,
            entries_left: disk.f_favail,
        })
    }

    /// What it has less of than `reserve` wants.
    fn shortage(&self, reserve: &DiskReserve) -> Option<Shortage> {
        let bytes = reserve.bytes.unwrap_or_else(|| DISK_RESERVE_BYTES.min(self.bytes / 10));
        let entries =
            reserve.entries.unwrap_or_else(|| DISK_ENTRIES_RESERVE.min(self.entries / 20));
        let short =
            |resource, wanted, left| (left < wanted).then_some(Shortage { resource, wanted, left });
        short(Resource::Bytes, bytes, self.bytes_left).or_else(|| {
            let is_bounded = self.entries > 0;
            short(Resource::Entries, entries, self.entries_left).filter(|_| is_bounded)
        })
    }
}

impl Shortage {
    #[cfg(test)]
    pub(crate) fn of_bytes(wanted: u64, left: u64) -> Self {
        Self { resource: Resource::Bytes, wanted, left }
    }

    /// Why a pod is evicted for it. The space at the end is the kubelet's.
    pub(crate) fn message(&self) -> String {
        let (name, [wanted, left]) = match self.resource {
            Resource::Bytes => ("ephemeral-storage", [self.wanted, self.left].map(in_kibibytes)),
            Resource::Entries => ("inodes", [self.wanted, self.left].map(|it| it.to_string())),
        };
        format!(
            "The node was low on resource: {name}. Threshold quantity: {wanted}, available: {left}. "
        )
    }
}

fn in_kibibytes(bytes: u64) -> String {
    Amount::of(&Quantity(format!("{}Ki", bytes / 1024))).to_string()
}

/// What the disk that `root` is on has too little of now. Blocks.
pub(super) fn shortage(root: &Path, reserve: &DiskReserve) -> Option<Shortage> {
    DiskRoom::of(root)?.shortage(reserve)
}

/// Looks for ever at the disk that `root` is on, some time from now on. `shortage`, which has what is
/// found now, hears of each look that finds one, and of its end.
pub(super) async fn look_after(
    root: PathBuf,
    reserve: DiskReserve,
    clock: Clock,
    shortage: watch::Sender<Option<Shortage>>,
) {
    let mut short_at = shortage.borrow().is_some().then(|| clock.now());
    loop {
        clock.sleep(LOOK_EVERY).await;
        let path = root.clone();
        // A disk that hangs must not hold up anybody else.
        let found = task::spawn_blocking(move || self::shortage(&path, &reserve)).await;
        let now = clock.now();
        if let Some(found) = found.ok().flatten() {
            short_at = Some(now);
            shortage.send_replace(Some(found));
        } else if short_at.is_some_and(|at| has_been_calm(now, at)) {
            short_at = None;
            shortage.send_replace(None);
        }
    }
}

fn has_been_calm(now: Timestamp, short_at: Timestamp) -> bool {
    // A clock that was set back has passed none of the time.
    Duration::try_from(now.duration_since(short_at)).is_ok_and(|calm| calm >= CALM_FOR)
}

/// Bytes of the disk that is beneath `directory`, as `du` counts them, but for what has several names.
/// Blocks; counts no more than what pods may have of files.
pub(super) fn stored(directory: &Path) -> u64 {
    let mut left = VOLUME_ENTRIES_MAX;
    let mut bytes = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        // What has gone meanwhile takes nothing.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            left = left.saturating_sub(1);
            let Ok(metadata) = entry.metadata() else { continue };
            bytes += metadata.blocks() * 512;
            if metadata.is_dir() {
                directories.push(entry.path());
            }
            if left == 0 {
                return bytes;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_disk_is_short_of_what_must_be_left() {
        let check = |room: (u64, u64), entries: (u64, u64), reserve, expect: Option<&str>| {
            let room = DiskRoom {
                bytes: room.0,
                bytes_left: room.1,
                entries: entries.0,
                entries_left: entries.1,
            };
            let found = room.shortage(&reserve).map(|shortage| shortage.message());
            assert_eq!(found.as_deref(), expect, "{room:?} {reserve:?}");
        };
        let low = "The node was low on resource: ";
        let by_default = DiskReserve::default();
        let many = (10_000_000, 10_000_000);
        check((100 * GIB, 2 * GIB), many, by_default, None);
        check(
            (100 * GIB, GIB / 2),
            many,
            by_default,
            Some(&format!("{low}ephemeral-storage. Threshold quantity: 1Gi, available: 512Mi. ")),
        );
        // Of a small disk it is a part.
        check((GIB, 200 << 20), many, by_default, None);
        check(
            (1000 << 20, 99 << 20),
            many,
            by_default,
            Some(&format!("{low}ephemeral-storage. Threshold quantity: 100Mi, available: 99Mi. ")),
        );
        check(
            (100 * GIB, 50 * GIB),
            (10_000_000, 99_999),
            by_default,
            Some(&format!("{low}inodes. Threshold quantity: 100000, available: 99999. ")),
        );
        // Some file systems make them as they are needed, and say that there are none.
        check((100 * GIB, 50 * GIB), (0, 0), by_default, None);
        let said = DiskReserve { bytes: Some(60 * GIB), entries: Some(5) };
        check(
            (100 * GIB, 50 * GIB),
            many,
            said,
            Some(&format!("{low}ephemeral-storage. Threshold quantity: 60Gi, available: 50Gi. ")),
        );
        check((100 * GIB, 60 * GIB), (10_000_000, 5), said, None);
    }

    #[test]
    fn what_is_stored_is_all_that_lies_beneath() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(stored(&root.path().join("none")), 0);
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        let before = stored(root.path());
        fs::write(root.path().join("a/b/file"), vec![1; 1 << 20]).unwrap();
        // What a link leads to is not beneath.
        std::os::unix::fs::symlink("/usr", root.path().join("a/link")).unwrap();
        let grown = stored(root.path()) - before;
        assert!((1 << 20..(1 << 20) + (64 << 10)).contains(&grown), "{grown}");
    }
}
