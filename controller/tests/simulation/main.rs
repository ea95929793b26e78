//! The control plane under a simulated clock, disk, network and runtime, each run from one seed.
//!
//! A failure prints its seed and the command that replays it. Which seeds are run:
//!
//! - `MAYFLY_SEED=n`: this one alone, with its history;
//! - `MAYFLY_SEEDS=n`: so many fresh ones;
//! - `MAYFLY_SIMULATION_SECONDS=n`: fresh ones for so long.
//!
//! Fresh seeds begin at a number that changes with the time, or at `MAYFLY_SEEDS_FROM`.

mod disk;
mod ending;
mod guests;
mod history;
mod ledger;
mod link;
mod node;
mod people;
mod run;
mod scenario;
mod seeds;
mod world;

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use history::Detail;
use ledger::Seen;
use run::{Failure, Summary};
use scenario::Scenario;

/// Fresh seeds that a run of the tests takes if nobody says how many.
const FRESH_SEEDS: u64 = 20;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, and is {text:?}")))
}

fn play(seed: u64) -> Result<Summary, Failure> {
    let scenario = Scenario::of(seed);
    run::play(seed, &scenario, Detail::Fingerprint)
        // The same once more, with what there is to read.
        .map_err(|first| run::play(seed, &scenario, Detail::Lines).err().unwrap_or(first))
}

fn report(failure: &Failure) -> String {
    let Failure { seed, complaint, tail } = failure;
    format!(
        "{tail}\nseed {seed}: {complaint}\nreplay it with: MAYFLY_SEED={seed} cargo test -p \
         mayfly-controller --test simulation -- --nocapture"
    )
}

/// Seeds that fail before the rest is given up. Stops one mistake from being told a thousand times.
const FAILURES_MAX: usize = 10;

/// What came of many seeds.
#[derive(Default)]
struct Played {
    seeds: u64,
    seen: Seen,
    failures: Vec<Failure>,
}

impl Played {
    fn note(&mut self, result: Result<Summary, Failure>) {
        self.seeds += 1;
        match result {
            Ok(summary) => self.seen += summary.seen,
            Err(failure) => {
                eprintln!("seed {}: {}", failure.seed, failure.complaint);
                self.failures.push(failure);
            }
        }
        if self.seeds.is_multiple_of(1000) {
            eprintln!("{} seeds, {} failures, {:?}", self.seeds, self.failures.len(), self.seen);
        }
    }
}

/// Plays seeds, in one thread unless somebody asks for more, and fails if one does.
fn play_all(seeds: impl Iterator<Item = u64> + Send) -> Played {
    let seeds = Mutex::new(seeds);
    let played = Mutex::new(Played::default());
    let is_enough = || played.lock().expect("no panic").failures.len() >= FAILURES_MAX;
    std::thread::scope(|scope| {
        for _ in 0..number("MAYFLY_SIMULATION_THREADS").unwrap_or(1) {
            scope.spawn(|| {
                while !is_enough()
                    && let Some(seed) = next(&seeds)
                {
                    let result = play(seed);
                    played.lock().expect("no panic").note(result);
                }
            });
        }
    });
    let played = played.into_inner().expect("no panic");
    if let Some(failure) = played.failures.first() {
        let (failures, seeds) = (played.failures.len(), played.seeds);
        panic!("{failures} of {seeds} seeds have failed\n{}", report(failure));
    }
    played
}

fn next(seeds: &Mutex<impl Iterator<Item = u64>>) -> Option<u64> {
    seeds.lock().expect("no panic").next()
}

/// The first of the fresh seeds.
fn first_fresh() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    number("MAYFLY_SEEDS_FROM").unwrap_or(now.as_secs() * 1_000_000)
}

#[test]
fn fixed_seeds() {
    if let Some(seed) = number("MAYFLY_SEED") {
        let scenario = Scenario::of(seed);
        println!("{scenario:#?}");
        match run::play(seed, &scenario, Detail::Lines) {
            Ok(summary) => println!("seed {seed}: {summary:?}"),
            Err(failure) => panic!("\n{}", report(&failure)),
        }
        return;
    }
    play_all(seeds::FIXED.iter().map(|(seed, _)| *seed));
}

#[test]
fn fresh_seeds() {
    if number("MAYFLY_SEED").is_some() {
        return;
    }
    let first = first_fresh();
    let begun = Instant::now();
    let seconds = number("MAYFLY_SIMULATION_SECONDS").map(Duration::from_secs);
    let count =
        number("MAYFLY_SEEDS").unwrap_or(if seconds.is_some() { u64::MAX } else { FRESH_SEEDS });
    let is_time_left = |_: &u64| seconds.is_none_or(|seconds| begun.elapsed() < seconds);
    let seeds = (0..count).map(|number| first.wrapping_add(number)).take_while(is_time_left);
    let played = play_all(seeds);
    let took = begun.elapsed().as_secs_f64();
    let Played { seeds, seen, .. } = played;
    println!("simulation: {seeds} seeds from {first} in {took:.1} s: {seen:?}");
}

#[test]
fn a_seed_is_one_history() {
    for seed in 0..5 {
        let fingerprint = || play(seed).map(|summary| summary.fingerprint);
        match (fingerprint(), fingerprint()) {
            (Ok(first), Ok(second)) => assert_eq!(first, second, "seed {seed} has two histories"),
            (Err(failure), _) | (_, Err(failure)) => panic!("\n{}", report(&failure)),
        }
    }
}

#[test]
fn a_disk_that_lies_is_found_out() {
    let is_found_out = |seed| {
        let mut scenario = Scenario::of(seed);
        scenario.faults.disk.lies = true;
        run::play(seed, &scenario, Detail::Fingerprint).is_err()
    };
    assert!((0..50).any(is_found_out), "nobody has noticed that what was acknowledged is lost");
}
