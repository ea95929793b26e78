//! The same guests as components of WASI preview 2: what holds for a module holds for them.
//!
//! They are made of the modules, by way of the adapter that compilers use too. It turns every exit
//! code but 0 into 1.

use super::field::Field;
use super::*;

/// The component that the guest `name` is made into.
pub(super) fn component(name: &str) -> Vec<u8> {
    let adapter = wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
    wit_component::ComponentEncoder::default()
        .module(&wasm(name))
        .and_then(|encoder| encoder.adapter("wasi_snapshot_preview1", adapter))
        .and_then(|mut encoder| encoder.encode())
        .expect("the guest must make a component")
}

pub(super) async fn run_component<const N: usize>(
    name: &str,
    args: [&str; N],
    guest: Guest,
    limits: Limits,
) -> Ran {
    run_wasm(component(name), guest.args([name]).args(args), limits).await
}

#[tokio::test]
async fn components_do_the_work_of_modules() {
    let limits = Limits::default();
    let guest = Guest::new().env("B", "two words");
    let ran = run_component("job_echo", ["x", "π"], guest, limits).await.exited(0);
    assert_eq!(ran.stdout, "arg 0: job_echo\narg 1: x\narg 2: π\nenv B=two words\n");
    let ran = run_component("job_pi", ["30"], Guest::new(), limits).await.exited(0);
    assert_eq!(ran.stdout.trim_end(), "3.14159265358979323846264338328");

    let field = Field::new();
    let args = ["/data/file", "/dev/null", "/data/file"];
    let ran = run_component("job_cat", args, field.guest(Access::ReadOnly), limits).await;
    assert_eq!(ran.exited(0).stdout, "filefile");
    let guest = field.guest(Access::ReadOnly).working_dir("/data");
    assert_eq!(run_component("job_cat", ["file"], guest, limits).await.exited(0).stdout, "file");
    let args = ["/data/made", "one", "two"];
    let guest = field.guest(Access::ReadWrite);
    run_component("job_write", args, guest, limits).await.exited(0);
    let made = fs::read_to_string(field.data().join("made")).expect("it must be there");
    assert_eq!(made, "one\ntwo\n");
    run_component("job_write", args, field.guest(Access::ReadOnly), limits).await.exited(1);
    field.is_unharmed(Access::ReadWrite);
}

#[tokio::test]
async fn components_get_out_no_more_than_modules() {
    // Not `escape_long_path`, which traps in the adapter before the host sees the path.
    let attacks = [
        "escape_climb",
        "escape_device",
        "escape_hardlink",
        "escape_neighbour",
        "escape_proc",
        "escape_read",
        "escape_readonly",
        "escape_remove",
        "escape_rename",
        "escape_symlink",
        "escape_symlink_chain",
        "escape_write",
    ];
    for name in attacks {
        for access in [Access::ReadOnly, Access::ReadWrite] {
            if (name, access) == ("escape_readonly", Access::ReadWrite) {
                continue;
            }
            let field = Field::new();
            let guest = field.guest(access);
            let ran = run_component(name, ["/data"], guest, Limits::default()).await.exited(0);
            let all_denied = ran.stdout.lines().all(|line| line.starts_with("denied "));
            assert!(all_denied && !ran.stdout.is_empty(), "{name}: {}", ran.stdout);
            field.is_unharmed(access);
        }
    }
}

#[tokio::test]
async fn components_take_no_more_than_modules() {
    let limits = deadline(200);
    for (name, args) in [("hog_cpu", [""; 0].as_slice()), ("job_sleep", &["86400"])] {
        let guest = Guest::new().args([name]).args(args.iter().copied());
        ended_in_time(&run_wasm(component(name), guest, limits).await, limits);
    }
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let ran = run_component("hog_memory", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory(MemoryUse::Memories));

    let limits = Limits { output_bytes: 1_000_000, ..Limits::default() };
    let ran = run_component("hog_output", [], Guest::new(), limits).await;
    assert_eq!((ran.outcome.end, ran.stdout.len()), (End::OutputExceeded, 1_000_000));

    let field = Field::new();
    let limits = Limits { descriptors: 50, ..Limits::default() };
    for file in ["/dev/null", "/data/file"] {
        let guest = field.guest(Access::ReadOnly);
        let ran = run_component("hog_files", [file], guest, limits).await.exited(0);
        assert!(ran.stdout.starts_with("opened 50: "), "{file}: {}", ran.stdout);
    }
    field.is_unharmed(Access::ReadOnly);
    run_component("exit_panic", [], Guest::new(), Limits::default()).await.trapped("unreachable");
    let ran = run_component("hog_stack", [], Guest::new(), Limits::default()).await;
    assert!(matches!(ran.outcome.end, End::Trapped { .. }), "{:?}", ran.outcome.end);
}
