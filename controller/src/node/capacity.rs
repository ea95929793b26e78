//! What a node has for its pods: what the host has, or what the operator gives it of that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use super::downward::Allocatable;
use crate::api::Quantity;
use crate::limits::NODE_PODS_MAX;
use crate::quantity::Amount;

/// The least and the most memory that is kept for the node's own process: it holds every object, and
/// compiles modules.
const RESERVED_BYTES: std::ops::RangeInclusive<u64> = 128 << 20..=1 << 30;

/// The part of the memory that is kept, within those bounds: one in so many.
const RESERVED_PART: u64 = 8;

/// What a node has, and what of that it has for its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeCapacity {
    /// In thousandths of a core.
    pub cpu_millis: u64,
    /// In bytes.
    pub memory_bytes: u64,
    /// What of the memory is kept for the node itself, in bytes.
    pub memory_reserved_bytes: u64,
    /// For what pods write, in bytes, if it is counted.
    pub ephemeral_storage_bytes: Option<u64>,
    /// How many pods at once.
    pub pods: usize,
}

impl NodeCapacity {
    /// All that this host has, or that the control group of this process lets it have. An eighth of
    /// the memory is kept for the process, at least 128 MiB and at most 1 GiB. It is looked at once in a
    /// process.
    pub fn of_host() -> Self {
        /// Several ask as a process begins, and it takes reading a dozen files.
        static HOST: OnceLock<NodeCapacity> = OnceLock::new();
        *HOST.get_or_init(Self::look)
    }

    fn look() -> Self {
        // Knows of control groups, too.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let memory_bytes = memory_bytes().unwrap_or(1 << 30);
        let (least, most) = (*RESERVED_BYTES.start(), *RESERVED_BYTES.end());
        let memory_reserved_bytes = (memory_bytes / RESERVED_PART).clamp(least, most);
        Self {
            cpu_millis: cores as u64 * 1000,
            memory_bytes,
            memory_reserved_bytes: memory_reserved_bytes.min(memory_bytes),
            ephemeral_storage_bytes: None,
            pods: NODE_PODS_MAX,
        }
    }

    /// With what the disk has that `path` is on, where what pods write is not counted otherwise.
    #[must_use]
    pub fn on_disk(mut self, path: &Path) -> Self {
        if self.ephemeral_storage_bytes.is_none() {
            let disk = rustix::fs::statvfs(path).ok();
            self.ephemeral_storage_bytes =
                disk.and_then(|disk| disk.f_blocks.checked_mul(disk.f_frsize));
        }
        self
    }

    /// The memory that is for pods, in bytes.
    pub fn memory_for_pods_bytes(self) -> u64 {
        self.memory_bytes.saturating_sub(self.memory_reserved_bytes)
    }

    pub(crate) fn allocatable(self) -> Allocatable {
        let cpu = Amount::parse(&format!("{}m", self.cpu_millis)).unwrap_or_default();
        let memory = Amount::from_units(self.memory_for_pods_bytes());
        let storage = self.ephemeral_storage_bytes.map_or(Amount::ZERO, Amount::from_units);
        Allocatable { cpu, memory, storage }
    }

    /// `status.capacity` and `status.allocatable`.
    pub(crate) fn quantities(self) -> [BTreeMap<String, Quantity>; 2] {
        let cpu = match self.cpu_millis % 1000 {
            0 => (self.cpu_millis / 1000).to_string(),
            _ => format!("{}m", self.cpu_millis),
        };
        [self.memory_bytes, self.memory_for_pods_bytes()].map(|memory_bytes| {
            let storage = self.ephemeral_storage_bytes;
            let storage = storage.map(|bytes| ("ephemeral-storage", format!("{}Ki", bytes / 1024)));
            let all = [
                ("cpu", cpu.clone()),
                ("memory", format!("{}Ki", memory_bytes / 1024)),
                ("pods", self.pods.to_string()),
            ];
            let all = all.into_iter().chain(storage);
            all.map(|(name, amount)| (name.to_owned(), Quantity(amount))).collect()
        })
    }
}

/// The memory of this host, or of the control groups that this process is in if that is less.
fn memory_bytes() -> Option<u64> {
    let host = mem_total(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(host.min(group_limit(&groups, Path::new("/sys/fs/cgroup")).unwrap_or(u64::MAX)))
}

/// `MemTotal` of Linux.
fn mem_total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least memory that any of the `groups` of a process, as the kernel lists them, and of those
/// above them may have; nothing if they are not bounded.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let mut files: Vec<PathBuf> = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // All controllers are one hierarchy, or memory is one of its own.
        let (base, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|it| it == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let own = base.join(path.trim_start_matches('/'));
        let above = own.ancestors().take_while(|group| group.starts_with(&base));
        files.extend(above.map(|group| group.join(file)));
    }
    // What is not bounded says `max`, which is no number.
    let limits = files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(memory_bytes: u64) -> NodeCapacity {
        NodeCapacity {
            cpu_millis: 1500,
            memory_bytes,
            memory_reserved_bytes: 1 << 20,
            ephemeral_storage_bytes: Some(1 << 30),
            pods: 7,
        }
    }

    #[test]
    fn what_is_kept_for_the_node_is_not_for_pods() {
        let [capacity, allocatable] = capacity(4 << 20).quantities();
        let text = |map: BTreeMap<String, Quantity>| -> Vec<String> {
            map.into_iter().map(|(name, amount)| format!("{name}={}", amount.0)).collect()
        };
        let own = |memory| {
            let memory = format!("memory={memory}");
            ["cpu=1500m".to_owned(), "ephemeral-storage=1048576Ki".into(), memory, "pods=7".into()]
        };
        assert_eq!(text(capacity), own("4096Ki"));
        assert_eq!(text(allocatable), own("3072Ki"));
    }

    #[test]
    fn a_node_has_less_than_its_host_and_more_than_nothing() {
        let host = NodeCapacity::of_host();
        assert!(host.memory_for_pods_bytes() < host.memory_bytes, "{host:?}");
        assert!(host.memory_for_pods_bytes() > 0 && host.cpu_millis >= 1000, "{host:?}");
    }

    #[test]
    fn memory_is_what_the_control_groups_leave() {
        let root = tempfile::tempdir().expect("a folder must be made");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("it must be made");
            fs::write(path, text).expect("it must be written");
        };
        write("a/memory.max", "1073741824\n");
        write("a/b/memory.max", "max\n");
        write("memory/v1/memory.limit_in_bytes", "1048576\n");
        let check = |groups: &str, expect| assert_eq!(group_limit(groups, root.path()), expect);
        check("0::/a/b\n", Some(1 << 30));
        check("0::/\n", None);
        check("0::/nowhere\n", None);
        check("3:cpu,cpuacct:/a\n2:memory:/v1\n0::/a\n", Some(1 << 20));
        check("", None);
        assert_eq!(mem_total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
    }
}
