//! Guests that take all that they get.

use super::field::{Field, refused};
use super::*;

/// What the one instruction of `hog_fill_first` may take: three times what the same takes this
/// machine's own code, which may be slow at it in ways that no guest can help.
pub(super) static FILL_MAX: LazyLock<Duration> = LazyLock::new(|| {
    let before = computed();
    drop(std::hint::black_box(vec![0xaa_u8; 512 << 20]));
    3 * (computed() - before)
});

pub(super) async fn hog_cpu() {
    // It must have been able to print before.
    let limits = deadline(2000);
    let ran = run_with("hog_cpu", [], Guest::new(), limits).await;
    assert_eq!(ran.stdout, "spinning\n");
    ended_in_time(&ran, limits);

    let limits = Limits { fuel: Some(100_000_000), ..Limits::default() };
    let first = run_with("hog_cpu", [], Guest::new(), limits).await.outcome;
    let second = run_with("hog_cpu", [], Guest::new(), limits).await.outcome;
    assert_eq!(first.end, End::FuelExhausted);
    assert_eq!(first.usage.fuel, second.usage.fuel);
}

pub(super) async fn hog_memory() {
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let ran = run_with("hog_memory", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory(MemoryUse::Memories));
    assert!(ran.outcome.usage.memory_bytes_peak <= 16 << 20);

    let ran = run_with("hog_memory", ["8"], Guest::new(), limits).await.exited(0);
    assert_eq!(ran.stdout, "holding 8 MiB\n");
    assert!(ran.outcome.usage.memory_bytes_peak >= 8 << 20);
}

pub(super) async fn hog_output() {
    let limits = Limits { output_bytes: 1_000_000, ..Limits::default() };
    let ran = run_with("hog_output", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::OutputExceeded);
    assert_eq!(ran.stdout.len(), 1_000_000);
    assert_eq!(run("hog_output", ["1"]).await.exited(0).stdout.len(), 1 << 20);
}

pub(super) async fn hog_stack() {
    let ran = run("hog_stack", []).await;
    assert!(matches!(ran.outcome.end, End::Trapped { .. }), "{:?}", ran.outcome.end);
    assert_eq!(ran.stdout, "descending\n");
}

pub(super) async fn hog_files() {
    let folder = tempfile::tempdir().expect("a folder must be made");
    fs::write(folder.path().join("file"), "").expect("it must be written");
    let limits = Limits { descriptors: 50, ..Limits::default() };
    for file in ["/dev/null", "/data/file"] {
        let data = with_data(folder.path(), Access::ReadOnly);
        let ran = run_with("hog_files", [file], data, limits).await.exited(0);
        assert!(ran.stdout.starts_with("opened 50: "), "{file}: {}", ran.stdout);
    }
}

/// Limits with that much memory.
fn memory(bytes: u64) -> Limits {
    Limits { memory_bytes: bytes, ..Limits::default() }
}

/// Runs a guest that wants more memory than it may have, and checks that it is ended for that.
async fn out_of_memory(name: &str, memory_bytes: u64) {
    let ran = run_with(name, [], Guest::new(), memory(memory_bytes)).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory(MemoryUse::Memories));
    assert!(ran.outcome.usage.memory_bytes_peak <= memory_bytes);
}

pub(super) async fn hog_clock() {
    endless("hog_clock").await;
}

pub(super) async fn hog_copy() {
    endless("hog_copy").await;
}

pub(super) async fn hog_depth() {
    let field = Field::new();
    let guest = field.guest(Access::ReadWrite);
    let ran = run_with("hog_depth", ["/data", "3000"], guest, Limits::default()).await.exited(0);
    let deep: usize =
        ran.stdout.split(' ').next().and_then(|deep| deep.parse().ok()).expect("a number");
    // A path of 4096 bytes at most, two for each folder.
    assert!((1000..=2048).contains(&deep), "{deep}");
    field.is_unharmed(Access::ReadWrite);
}

pub(super) async fn hog_descriptors() {
    let field = Field::new();
    let limits = Limits { descriptors: 50, ..Limits::default() };
    let guest = field.guest(Access::ReadOnly);
    run_with("hog_descriptors", [], guest, limits).await.exited(50);
    field.is_unharmed(Access::ReadOnly);
}

pub(super) async fn hog_directory() {
    /// What the sandbox lists at most, as `stat` tells it.
    const LISTED_BYTES_MAX: u64 = 4 << 20;
    let field = Field::new();
    let folder = field.data().join("in");
    let run = |files| {
        let guest = field.guest(Access::ReadWrite);
        run_with("hog_directory", ["/data/in", files], guest, deadline(20_000))
    };
    assert_eq!(run("100").await.exited(0).stdout, "listed 100\n");

    // The rest comes from the host, which is quicker; and not on the neighbour's thread.
    let many = {
        let folder = folder.clone();
        move || {
            for number in 0..18_000 {
                let name = format!("{number:08}-{}-more", "x".repeat(235));
                fs::File::create(folder.join(name)).expect("it must be made");
            }
        }
    };
    tokio::task::spawn_blocking(many).await.expect("the files must be made");
    let ran = run("0").await;
    // How large a folder is, is the file system's affair; what is done about it is not.
    if fs::metadata(&folder).expect("it must be there").len() > LISTED_BYTES_MAX {
        assert!(ran.exited(3).stdout.starts_with("refused: "));
    } else {
        let end = ran.outcome.end;
        assert!(matches!(end, End::Exited(0) | End::DeadlineExceeded), "{end:?}");
    }
    field.is_unharmed(Access::ReadWrite);
    tokio::task::spawn_blocking(|| drop(field)).await.expect("the folder must go");
}

pub(super) async fn hog_fill() {
    endless("hog_fill").await;
}

pub(super) async fn hog_fill_first() {
    let late_max = LATE_MAX.max(*FILL_MAX);
    let limits = Limits { memory_bytes: 1 << 30, ..deadline(100) };
    let ran = run_with("hog_fill_first", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::DeadlineExceeded);
    // On a machine that has nothing else to do it computes all the time.
    let late = ran.outcome.usage.cpu;
    println!("512 MiB were filled for the first time, in {late:?} of processor time at most");
    assert!(late < late_max, "{late:?} late, where {late_max:?} are as long as it takes here");

    let limits = Limits { one_memory_bytes: (512 << 20) - 1, ..limits };
    let ran = run_with("hog_fill_first", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory(MemoryUse::OneMemory));
}

pub(super) async fn hog_first_memory() {
    out_of_memory("hog_first_memory", 256 << 20).await;
}

pub(super) async fn hog_frames() {
    run("hog_frames", []).await.trapped("call stack exhausted");
}

pub(super) async fn hog_gc() {
    out_of_memory("hog_gc", 16 << 20).await;
}

pub(super) async fn hog_indirect_stack() {
    run("hog_indirect_stack", []).await.trapped("call stack exhausted");
}

pub(super) async fn hog_iovec() {
    let limits = Limits { output_bytes: 10_000_000, ..Limits::default() };
    let ran = run_with("hog_iovec", [], Guest::new(), limits).await;
    assert_eq!((ran.outcome.end, ran.stdout.len()), (End::OutputExceeded, 10_000_000));
}

pub(super) async fn hog_iovecs() {
    assert_eq!(run("hog_iovecs", []).await.exited(0).stdout, "");
}

pub(super) async fn hog_links() {
    refused("hog_links", Access::ReadWrite).await;
}

pub(super) async fn hog_memories() {
    out_of_memory("hog_memories", 16 << 20).await;
}

pub(super) async fn hog_memory_wide() {
    out_of_memory("hog_memory_wide", 16 << 20).await;
}

pub(super) async fn hog_outputs() {
    let limits = Limits { output_bytes: 10_001, ..Limits::default() };
    let ran = run_with("hog_outputs", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::OutputExceeded);
    assert_eq!((ran.stdout.len(), ran.stderr.len()), (5001, 5000));
}

pub(super) async fn hog_poll_all() {
    endless("hog_poll_all").await;
}

pub(super) async fn hog_poll_forever() {
    endless("hog_poll_forever").await;
}

pub(super) async fn hog_poll_none() {
    endless("hog_poll_none").await;
}

pub(super) async fn hog_random() {
    endless("hog_random").await;
}

pub(super) async fn hog_sparse() {
    let field = Field::new();
    let guest = field.guest(Access::ReadWrite);
    let ran = run_with("hog_sparse", ["/data"], guest, Limits::default()).await.exited(0);
    assert_eq!(ran.stdout.lines().count(), 8, "{}", ran.stdout);
    field.is_unharmed(Access::ReadWrite);
}

pub(super) async fn hog_start() {
    endless("hog_start").await;
}

pub(super) async fn hog_table() {
    out_of_memory("hog_table", 3 << 19).await;
}

pub(super) async fn hog_table_fill() {
    endless("hog_table_fill").await;
}

pub(super) async fn hog_termination_log() {
    let ran = run("hog_termination_log", []).await.exited(0);
    assert_eq!(ran.outcome.termination_message, [b'y'; 4096]);
}

pub(super) async fn hog_yield() {
    endless("hog_yield").await;
}
