//! A hundred thousand guests, made and dropped, many of them ended at some moment or other: nothing
//! leaks, no slot is lost, and none sees anything of another.
//!
//! All run `escape_residue`, which looks for what others left and leaves what it can, in each of
//! the ways in which a guest's memory is got and made ready. What each does and when it is ended
//! comes of a seed; when exactly that is, of the machine.

mod crowd;
mod fate;
mod kind;
mod slots;

use std::env;

use super::held::{Held, in_a_process_of_its_own};
use super::*;
use crate::harness::say;
use crowd::Crowd;

/// Guests in all, unless `MAYFLY_INSTANCES` says how many.
const INSTANCES: u64 = 100_000;

/// Guests after which whatever is kept for the next ones has been made.
const WARM_UP: u64 = 3_000;

/// How often it is told what the process holds meanwhile, for whoever looks into a leak.
const PARTS: u64 = 4;

/// What decides on each guest, unless `MAYFLY_SEED` says another.
const SEED: u64 = 5;

/// What the process may hold more after all of them than after the first: what its allocator keeps
/// now and then. If each guest left a hundred bytes, that would be more.
const MEMORY_LEFT_MAX: u64 = 8 << 20;

/// The same of address space. A guest's memory takes 4 GiB of it.
const ADDRESSES_LEFT_MAX: u64 = 1 << 30;

#[test]
fn a_hundred_thousand_guests_leave_nothing() {
    in_a_process_of_its_own(
        "sandbox::residue::a_hundred_thousand_guests_leave_nothing",
        leave_nothing,
    );
}

fn leave_nothing() {
    let (instances, seed) = (number("MAYFLY_INSTANCES", INSTANCES), number("MAYFLY_SEED", SEED));
    let crowd = in_a_runtime(Crowd::new(seed, instances));
    let warm_up = WARM_UP.min(instances / 2);
    in_a_runtime(crowd.run(0..warm_up));
    let before = Held::now();
    for part in 0..PARTS {
        let until = |part| warm_up + (instances - warm_up) * part / PARTS;
        in_a_runtime(crowd.run(until(part)..until(part + 1)));
        say!("{} guests: {:?}", until(part + 1), Held::now());
    }
    let after =
        Held::once(|it| it.threads <= before.threads && it.descriptors == before.descriptors);
    say!("seed {seed}, {instances} guests, {}", crowd.ends());
    assert_eq!(after.descriptors, before.descriptors, "descriptors");
    assert!(after.threads <= before.threads, "threads");
    let more = after.memory_bytes.saturating_sub(before.memory_bytes);
    assert!(more <= MEMORY_LEFT_MAX, "{more} bytes of memory more");
    let more = after.address_bytes.saturating_sub(before.address_bytes);
    assert!(more <= ADDRESSES_LEFT_MAX, "{more} bytes of address space more");
    in_a_runtime(slots::all_can_be_had(&crowd));
}

/// Runs `work` to its end on two threads that are gone afterwards, and so are those that do its
/// blocking calls.
fn in_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(2).enable_all().build();
    runtime.expect("the runtime must start").block_on(work)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let Ok(text) = env::var(variable) else { return otherwise };
    text.parse().unwrap_or_else(|error| panic!("{variable} is {text:?}: {error}"))
}
