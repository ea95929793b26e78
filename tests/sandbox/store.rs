//! Guests that store all that they can, in a mount that has a limit.

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use mayfly_runtime::{SharedSpace, Space, SpaceLimits, WhenFull};

use super::component::run_component;
use super::field::Field;
use super::*;

/// What may be stored here, unless a test says otherwise.
const BYTES: u64 = 1 << 20;

/// What may be stored beyond a limit, for each write in progress: 64 KiB and two blocks, as
/// `SECURITY.md` says.
const OVERSHOOT: u64 = (64 + 8) << 10;

/// What each name counts as.
const NAME_BYTES: u64 = 512;

/// A field whose mount has a limit, and how often that was said to be exceeded.
struct Store {
    field: Field,
    space: Arc<Space>,
    told: Arc<AtomicU32>,
}

impl Store {
    fn new(full: WhenFull) -> Self {
        Self::with(SpaceLimits { bytes: BYTES, entries: 10_000, full, in_memory: false })
    }

    fn with(limits: SpaceLimits) -> Self {
        let (field, told) = (Field::new(), Arc::new(AtomicU32::new(0)));
        let tell = Arc::clone(&told);
        let space = Space::new(field.data(), limits, None, move || {
            tell.fetch_add(1, SeqCst);
        });
        Self { field, space, told }
    }

    fn guest(&self, access: Access) -> Guest {
        let (host, below) = (self.field.data(), <_>::default());
        let mount = Mount { host, below, guest: "/data".to_owned(), access };
        Guest::new().mount_within(mount, Arc::clone(&self.space))
    }

    async fn run<const N: usize>(&self, name: &str, args: [&str; N]) -> Ran {
        let ran = run_with(name, args, self.guest(Access::ReadWrite), Limits::default()).await;
        self.is_kept(1);
        ran
    }

    /// Checks that no more is stored than may be, by so many writes in progress.
    #[track_caller]
    fn is_kept(&self, writers: u64) {
        let (bytes, names) = used(&self.field.data());
        let most = BYTES + writers * OVERSHOOT;
        assert!(bytes + names * NAME_BYTES <= most, "{bytes} bytes and {names} names");
        // Some blocks are told late, such as those in which a file system keeps where others are.
        let known = self.space.used() + OVERSHOOT;
        assert!(bytes + names * NAME_BYTES <= known, "{:?}", self.space);
        self.field.is_unharmed(Access::ReadWrite);
    }
}

/// What is below `folder`: what it takes on disk, and how many names there are. The tests that ask
/// have no directories that are too deep for a path.
fn used(folder: &Path) -> (u64, u64) {
    let taken = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.blocks() * 512);
    let (mut bytes, mut names, mut folders) = (taken(folder), 0, vec![folder.to_owned()]);
    let mut first = std::collections::BTreeSet::new();
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).expect("the folder must be there") {
            let path = entry.expect("it must be readable").path();
            let found = fs::symlink_metadata(&path).expect("it must be there");
            names += 1;
            if first.insert(found.ino()) {
                bytes += taken(&path);
            }
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
    (bytes, names)
}

/// The number that the guest's line begins with.
#[track_caller]
fn number(line: &str) -> u64 {
    line.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// The line of a guest that could not store more.
#[track_caller]
fn no_space(ran: Ran, what: &str) -> u64 {
    let ran = ran.exited(3);
    let line = ran.stdout.lines().last().expect("a line");
    assert!(line.ends_with(&format!(" {what}: Some(51)")), "{line}");
    number(line)
}

pub(super) async fn hog_write() {
    let store = Store::new(WhenFull::Fail);
    let written = no_space(store.run("hog_write", ["/data"]).await, "written");
    assert!((BYTES - (64 << 10)..=BYTES).contains(&written), "{written}");
    assert_eq!(store.told.load(SeqCst), 0);
    // There is room again for what has been there.
    fs::remove_file(store.field.data().join("filled")).expect("it must be there");
    store.space_is_told().await;

    let store = Store::new(WhenFull::End);
    let ran = store.run("hog_write", ["/data"]).await;
    assert_eq!(ran.outcome.end, End::SpaceExceeded, "{}", ran.stdout);
    assert!(store.told.load(SeqCst) >= 1);

    let store = Store::new(WhenFull::End);
    store.run("hog_write", ["/data", "900000"]).await.exited(0);
    assert_eq!(store.told.load(SeqCst), 0);
}

impl Store {
    /// What the host itself has removed is found when it is needed.
    async fn space_is_told(&self) {
        let bytes = "500000";
        let other = Space::new(
            self.field.data(),
            SpaceLimits { bytes: BYTES, entries: 10_000, full: WhenFull::Fail, in_memory: false },
            None,
            || {},
        );
        let (host, below) = (self.field.data(), <_>::default());
        let mount = Mount { host, below, guest: "/data".to_owned(), access: Access::ReadWrite };
        let guest = Guest::new().mount_within(mount, other);
        run_with("hog_write", ["/data", bytes], guest, Limits::default()).await.exited(0);
    }
}

pub(super) async fn hog_overwrite() {
    let store = Store::new(WhenFull::End);
    let ran = store.run("hog_overwrite", ["/data", "900000", "20"]).await.exited(0);
    assert_eq!(ran.stdout, "done\n");
    assert_eq!(store.told.load(SeqCst), 0);
}

pub(super) async fn hog_append() {
    for full in [WhenFull::Fail, WhenFull::End] {
        let store = Store::new(full);
        let run = || {
            let guest = store.guest(Access::ReadWrite);
            run_with("hog_append", ["/data"], guest, Limits::default())
        };
        let (one, other) = tokio::join!(run(), run());
        store.is_kept(2);
        match full {
            WhenFull::End => {
                assert_eq!(one.outcome.end, End::SpaceExceeded, "{}", one.stdout);
                assert_eq!(other.outcome.end, End::SpaceExceeded, "{}", other.stdout);
            }
            WhenFull::Fail => {
                let written = no_space(one, "written") + no_space(other, "written");
                assert!(written > BYTES - (64 << 10), "{written}");
            }
        }
    }
}

pub(super) async fn hog_truncate() {
    let store = Store::new(WhenFull::Fail);
    let ran = store.run("hog_truncate", ["/data"]).await;
    assert!(ran.stdout.starts_with("sparse\n"), "{}", ran.stdout);
    let written = no_space(ran, "written");
    assert!(written < BYTES / 4096, "each takes a block: {written}");
}

pub(super) async fn hog_allocate() {
    let store = Store::new(WhenFull::End);
    store.run("hog_allocate", []).await.exited(0);
}

pub(super) async fn hog_empty_files() {
    for kind in ["files", "directories", "symlinks", "links"] {
        // By what they take, and by how many there may be.
        let store = Store::new(WhenFull::Fail);
        let made = no_space(store.run("hog_empty_files", ["/data", kind]).await, "made");
        assert!((100..=BYTES / NAME_BYTES).contains(&made), "{made} {kind}");
        let limits =
            SpaceLimits { bytes: BYTES, entries: 50, full: WhenFull::End, in_memory: false };
        let store = Store::with(limits);
        let made = no_space(store.run("hog_empty_files", ["/data", kind]).await, "made");
        assert_eq!(made, 47, "{kind}: `file`, `in` and `first` are there");
        assert_eq!(store.told.load(SeqCst), 0);
    }
}

pub(super) async fn hog_rename() {
    let store = Store::new(WhenFull::End);
    let ran = store.run("hog_rename", ["/data", "300"]).await.exited(0);
    assert_eq!(ran.stdout, "300 renamed\n");
    assert_eq!(store.told.load(SeqCst), 0);
}

pub(super) async fn hog_unlinked() {
    for how in ["remove", "replace"] {
        let store = Store::new(WhenFull::Fail);
        let hidden = no_space(store.run("hog_unlinked", ["/data", how]).await, "hidden");
        // What has no name is known by what it may take, which is more than it takes.
        assert!((BYTES / 8..=BYTES + OVERSHOOT).contains(&hidden), "{how}: {hidden}");
        // All of it is given back when the guest is gone.
        store.run("hog_write", ["/data", "900000"]).await.exited(0);
    }
}

pub(super) async fn hog_deep() {
    let store = Store::with(SpaceLimits {
        bytes: 64 << 20,
        entries: 10_000,
        full: WhenFull::Fail,
        in_memory: false,
    });
    let guest = store.guest(Access::ReadWrite);
    run_with("hog_deep", [], guest, Limits::default()).await.exited(51);
    assert!(store.space.used() <= (64 << 20) + OVERSHOOT, "{:?}", store.space);
    // As the node does with the volumes of a pod; other means fail at such a depth.
    let folder = store.field.data();
    let removed =
        tokio::task::spawn_blocking(move || Command::new("rm").arg("-rf").arg(folder).status());
    assert!(removed.await.expect("it must end").expect("it must start").success());
}

pub(super) async fn hog_listing() {
    let field = Field::new();
    for number in 0..20_000 {
        fs::File::create(field.data().join(format!("in/{number}"))).expect("it must be made");
    }
    let limits = deadline(300);
    for _ in 0..3 {
        let guest = field.guest(Access::ReadOnly);
        ended_in_time(&run_with("hog_listing", ["/data/in"], guest, limits).await, limits);
    }
    field.is_unharmed_soon().await;
}

pub(super) async fn escape_pods() {
    let store = Store::new(WhenFull::Fail);
    let args = ["/data", "other", "ns_p_u"];
    let ran = run_with("escape_pods", args, store.guest(Access::ReadWrite), Limits::default());
    let ran = ran.await.exited(0);
    assert!(ran.stdout.lines().all(|line| line.starts_with("denied ")), "{}", ran.stdout);
}

#[tokio::test]
async fn two_mounts_of_one_space_share_it_and_two_spaces_share_a_limit() {
    let (one, other) = (Field::new(), Field::new());
    let told = Arc::new(AtomicU32::new(0));
    let tell = Arc::clone(&told);
    let shared = SharedSpace::new(BYTES, move || {
        tell.fetch_add(1, SeqCst);
    });
    let limits =
        SpaceLimits { bytes: 2 * BYTES, entries: 1000, full: WhenFull::End, in_memory: false };
    let space = |field: &Field| Space::new(field.data(), limits, Some(shared.clone()), || {});
    let spaces = [space(&one), space(&other)];
    let run = |field: &Field, space: &Arc<Space>, bytes: &'static str| {
        let (host, below) = (field.data(), <_>::default());
        let mount = Mount { host, below, guest: "/data".to_owned(), access: Access::ReadWrite };
        let guest = Guest::new().mount_within(mount, space.clone());
        run_with("hog_write", ["/data", bytes], guest, Limits::default())
    };
    run(&one, &spaces[0], "600000").await.exited(0);
    run(&other, &spaces[1], "300000").await.exited(0);
    assert_eq!(told.load(SeqCst), 0);
    // What their owner keeps counts with them.
    shared.keep(50_000);
    let ran = run(&other, &spaces[1], "500000").await;
    assert_eq!(ran.outcome.end, End::SpaceExceeded, "{}", ran.stdout);
    assert!(told.load(SeqCst) >= 1);
    assert!(shared.used() <= BYTES + OVERSHOOT, "{shared:?}");
}

#[tokio::test]
async fn components_store_no_more_than_modules() {
    for (name, args, what) in [
        ("hog_write", ["/data", "100000000"], "written"),
        ("hog_append", ["/data", ""], "written"),
        ("hog_unlinked", ["/data", "remove"], "hidden"),
        ("hog_unlinked", ["/data", "replace"], "hidden"),
        ("hog_empty_files", ["/data", "files"], "made"),
        ("hog_empty_files", ["/data", "links"], "made"),
    ] {
        let store = Store::new(WhenFull::Fail);
        let guest = store.guest(Access::ReadWrite);
        let ran = run_component(name, args, guest, Limits::default()).await.exited(1);
        let line = ran.stdout.lines().last().expect("a line");
        assert!(line.ends_with(&format!(" {what}: Some(51)")), "{name}: {line}");
        store.is_kept(1);
        if name == "hog_write" {
            // The adapter tells nothing of a write that could not be ended.
            let least = BYTES - (64 << 10) - 100_000;
            assert!((least..=BYTES).contains(&number(line)), "{line}");
        }
    }
    let store = Store::new(WhenFull::End);
    let guest = store.guest(Access::ReadWrite);
    let ran = run_component("hog_write", ["/data"], guest, Limits::default()).await;
    assert_eq!(ran.outcome.end, End::SpaceExceeded, "{}", ran.stdout);
}

/// A store that is kept in memory, and has room for more than its guests may have.
fn in_memory() -> Store {
    let full = WhenFull::Fail;
    Store::with(SpaceLimits { bytes: 256 << 20, entries: 1000, full, in_memory: true })
}

async fn run_within<const N: usize>(store: &Store, name: &str, args: [&str; N], bytes: u64) -> Ran {
    let limits = Limits { memory_bytes: bytes, ..Limits::default() };
    run_with(name, args, store.guest(Access::ReadWrite), limits).await
}

#[tokio::test]
async fn what_is_stored_in_memory_is_memory_of_whoever_stores_it() {
    let store = in_memory();
    let ran = run_within(&store, "hog_write", ["/data", "100000000"], 16 << 20).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory(MemoryUse::Files), "{}", ran.stdout);
    let usage = ran.outcome.usage;
    assert!(usage.file_bytes_written > 8 << 20 && usage.memory_bytes_peak <= 16 << 20, "{usage:?}");

    // What it has left is the next one's.
    let left = usage.file_bytes_written;
    let ran = run_within(&store, "exit_code", [], left).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory(MemoryUse::Files));
    let ran = run_within(&store, "exit_code", [], left + (8 << 20)).await.exited(0);
    assert!(ran.outcome.usage.memory_bytes_peak > left);
    // On a disk it is nobody's memory.
    let store = Store::with(SpaceLimits {
        bytes: 256 << 20,
        entries: 1000,
        full: WhenFull::End,
        in_memory: false,
    });
    let ran = run_within(&store, "hog_write", ["/data", "30000000"], 16 << 20).await.exited(0);
    assert!(ran.outcome.usage.memory_bytes_peak <= 16 << 20);
}

#[tokio::test]
async fn what_is_written_over_in_memory_counts_once() {
    let store = in_memory();
    // 20 times 3 MiB, and no more than that at a time.
    let args = ["/data", "3145728", "20"];
    let ran = run_within(&store, "hog_overwrite", args, 24 << 20).await.exited(0);
    assert_eq!(ran.stdout, "done\n");
    assert!(ran.outcome.usage.file_bytes_written > 100 << 20, "{:?}", ran.outcome.usage);
}
