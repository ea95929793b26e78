//! The corpus of hostile guests: one file one attack, one test of the same name.
//!
//! Each runs beside a neighbour on the same thread, which must have its turn. And all of them are
//! run once more in a process of their own, which must hold afterwards what it held before.

use std::collections::BTreeSet;
use std::env;
use std::pin::Pin;
use std::process::Command;
use std::time::Instant;

use super::*;

type Attack = Pin<Box<dyn Future<Output = ()>>>;

/// Makes a test of each attack, and a list of all.
macro_rules! attacks {
    ($($room:ident: $($name:ident)+;)+) => {
        $($(
            #[tokio::test]
            async fn $name() {
                beside_a_neighbour(Box::pin(super::$room::$name())).await;
            }
        )+)+

        const ATTACKS: &[(&str, fn() -> Attack)] =
            &[$($((stringify!($name), || Box::pin(super::$room::$name()))),+),+];
    };
}

attacks! {
    escape: escape_absolute escape_climb escape_data escape_device escape_fd escape_hardlink
        escape_import escape_import_type escape_iovec escape_long_path escape_memory
        escape_neighbour escape_pointer escape_proc escape_read escape_readonly escape_remove
        escape_rename escape_renumber escape_rights escape_socket escape_swap escape_symlink
        escape_symlink_chain escape_table escape_utf8 escape_write;
    exit: exit_bad_name exit_code exit_garbage exit_message exit_negative exit_panic exit_signal
        exit_start exit_trap exit_wide;
    hog: hog_clock hog_copy hog_cpu hog_depth hog_descriptors hog_directory hog_files hog_fill
        hog_first_memory hog_frames hog_gc hog_indirect_stack hog_iovec hog_iovecs hog_memories
        hog_memory hog_memory_wide hog_output hog_outputs hog_poll_all hog_poll_forever
        hog_poll_none hog_random hog_sparse hog_stack hog_start hog_table hog_table_fill
        hog_termination_log hog_yield;
}

/// How long a guest that does nothing may take beside an attack, on a machine that is busy with
/// other tests too.
const NEIGHBOUR_MAX: Duration = Duration::from_secs(3);

/// What a process may hold more after an attack than before: what its allocator keeps for the next.
const MEMORY_LEFT_MAX: u64 = 8 << 20;

/// Tells the test's other process which it is.
const CHILD: &str = "MAYFLY_TEST_CORPUS_CHILD";

async fn beside_a_neighbour(attack: Attack) {
    let neighbour = async {
        let module = load("exit_code").await.expect("the neighbour must load");
        loop {
            let started = Instant::now();
            let outcome = Sandbox::new(ENGINE.clone())
                .run(&module, Guest::new(), Limits::default(), CancellationToken::new())
                .await;
            assert_eq!(outcome.expect("the neighbour must start").end, End::Exited(0));
            let took = started.elapsed();
            assert!(took < NEIGHBOUR_MAX, "a neighbour took {took:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        biased;
        () = attack => {}
        () = neighbour => {}
    }
}

#[test]
fn every_hostile_guest_is_in_the_corpus() {
    let hostile = |name: &String| ["escape_", "exit_", "hog_"].iter().any(|p| name.starts_with(p));
    let files: BTreeSet<String> = fs::read_dir(guests())
        .expect("the guests must be there")
        .map(|entry| entry.expect("it must be readable").path())
        .filter(|path| path.extension().is_some_and(|it| it == "rs" || it == "wat"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(hostile)
        .collect();
    let listed: BTreeSet<String> = ATTACKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, listed);
    assert!(listed.len() >= 50, "{}", listed.len());
}

#[test]
fn the_process_holds_what_it_held_after_every_attack() {
    if env::var_os(CHILD).is_some() {
        return hold_what_was_held();
    }
    let child = Command::new(env::current_exe().expect("the test must know itself"))
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg("sandbox::corpus::the_process_holds_what_it_held_after_every_attack")
        .env(CHILD, "1")
        .output()
        .expect("the test must start");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"), "{said}");
}

/// Runs all attacks: once for what stays, such as compiled code and slots of the pool, and then to
/// compare.
fn hold_what_was_held() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the runtime must start");
    for (_, attack) in ATTACKS {
        runtime.block_on(attack());
    }
    hold("all", &|| {
        for (name, attack) in ATTACKS {
            hold(name, &|| runtime.block_on(attack()));
        }
    });
}

/// Runs `run`, after which the process must hold what it held. An allocator keeps what it has once
/// got, now and then; what is lost is lost each time.
#[track_caller]
fn hold(name: &str, run: &dyn Fn()) {
    let mut more = [0; TRIES];
    for more in &mut more {
        let before = Held::now();
        run();
        let after = Held::now();
        assert_eq!(after.descriptors, before.descriptors, "descriptors after {name}");
        *more = after.memory_bytes.saturating_sub(before.memory_bytes);
        if *more <= MEMORY_LEFT_MAX {
            return;
        }
    }
    panic!("{more:?} bytes more after {name}, each time");
}

/// How often something may need more memory before that is a leak.
const TRIES: usize = 3;

/// What a process holds of the host's.
struct Held {
    descriptors: usize,
    memory_bytes: u64,
}

impl Held {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("the process sees itself");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        let descriptors = fs::read_dir("/proc/self/fd").expect("the process sees itself").count();
        Self { descriptors, memory_bytes: kib.expect("Linux tells it") << 10 }
    }
}
