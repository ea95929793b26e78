//! The corpus of hostile guests: one file one attack, one test of the same name.
//!
//! Each runs beside a neighbour on the same thread, which must have its turn. And all of them are
//! run once more in a process of their own, which must hold afterwards what it held before.

use std::collections::BTreeSet;
use std::pin::Pin;

use super::held::{Held, in_a_process_of_its_own};
use super::*;

type Attack = Pin<Box<dyn Future<Output = ()>>>;

/// Makes a test of each attack, and a list of all.
macro_rules! attacks {
    ($($room:ident: $($name:ident)+;)+) => {
        $($(
            #[tokio::test]
            async fn $name() {
                beside_a_neighbour(stringify!($name), Box::pin(super::$room::$name())).await;
            }
        )+)+

        const ATTACKS: &[(&str, fn() -> Attack)] =
            &[$($((stringify!($name), || Box::pin(super::$room::$name()))),+),+];
    };
}

attacks! {
    escape: escape_absolute escape_climb escape_data escape_device escape_fd escape_hardlink
        escape_import escape_import_type escape_iovec escape_long_path escape_memory
        escape_moved escape_neighbour escape_pointer escape_proc escape_read escape_readonly escape_remove
        escape_rename escape_renumber escape_residue escape_rights escape_slashes escape_socket escape_swap escape_symlink
        escape_symlink_chain escape_table escape_utf8 escape_write;
    exit: exit_bad_name exit_code exit_garbage exit_message exit_negative exit_panic exit_signal
        exit_start exit_trap exit_wide;
    hog: hog_clock hog_copy hog_cpu hog_depth hog_descriptors hog_directory hog_files hog_fill hog_fill_first
        hog_first_memory hog_frames hog_gc hog_indirect_stack hog_iovec hog_iovecs hog_links hog_memories
        hog_memory hog_memory_wide hog_output hog_outputs hog_poll_all hog_poll_forever
        hog_poll_none hog_random hog_sparse hog_stack hog_start hog_table hog_table_fill
        hog_termination_log hog_yield;
    network: escape_link_local escape_listen escape_loopback escape_name escape_own_port
        escape_request hog_datagrams hog_download hog_silence hog_sockets hog_upload;
    store: escape_pods hog_allocate hog_append hog_deep hog_empty_files hog_listing hog_overwrite
        hog_rename hog_truncate hog_unlinked hog_write;
}

/// How long others may compute on the thread that a guest shares with an attack, before it has had
/// its turn: a few turns of ten milliseconds, and what a single instruction may take longer. That a
/// machine is busy with other tests too is not in it.
const SHARE_MAX: Duration = Duration::from_millis(500);

/// The same beside `attack`, one of which is a single instruction that takes what the machine takes.
fn share_max(attack: &str) -> Duration {
    match attack {
        "hog_fill_first" => SHARE_MAX.max(*hog::FILL_MAX),
        _ => SHARE_MAX,
    }
}

/// What a process may hold more after an attack than before: what its allocator keeps for the next.
const MEMORY_LEFT_MAX: u64 = 8 << 20;

async fn beside_a_neighbour(name: &str, attack: Attack) {
    let share_max = share_max(name);
    let neighbour = async {
        let module = load("exit_code").await.expect("the neighbour must load");
        loop {
            let before = computed();
            let outcome = Sandbox::new(ENGINE.clone())
                .run(&module, Guest::new(), Limits::default(), CancellationToken::new())
                .await;
            assert_eq!(outcome.expect("the neighbour must start").end, End::Exited(0));
            let share = computed() - before;
            assert!(share < share_max, "a neighbour waited while others computed for {share:?}");
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
    in_a_process_of_its_own(
        "sandbox::corpus::the_process_holds_what_it_held_after_every_attack",
        hold_what_was_held,
    );
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
            hold(name, &|| runtime.block_on(over_and_gone(attack())));
        }
    });
}

/// Runs an attack to its end. Tasks that were aborted with it are dropped at the runtime's next turns.
async fn over_and_gone(attack: Attack) {
    attack.await;
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// Runs `run`, after which the process must hold what it held. An allocator keeps what it has once
/// got, now and then; what is lost is lost each time.
#[track_caller]
fn hold(name: &str, run: &dyn Fn()) {
    let mut more = [0; TRIES];
    for more in &mut more {
        let before = Held::now();
        run();
        let after = Held::once(|it| it.descriptors == before.descriptors);
        assert_eq!(after.descriptors, before.descriptors, "descriptors after {name}");
        *more = after.memory_bytes.saturating_sub(before.memory_bytes);
        if *more <= MEMORY_LEFT_MAX {
            return;
        }
    }
    panic!("{more:?} bytes more after {name}, each time");
}

/// Turns that a runtime has for dropping what was aborted: a task, and one that it had.
const TURNS: usize = 10;

/// How often something may need more memory before that is a leak.
const TRIES: usize = 3;
