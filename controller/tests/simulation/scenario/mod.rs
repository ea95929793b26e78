//! What a seed stands for: Jobs, what people do with them, how guests end, and what goes wrong.
//!
//! Each seed turns on some of what there is and not all of it: what hides behind something else in
//! one is alone in another.

pub(crate) mod actions;
mod cron_jobs;
pub(crate) mod faults;
mod jobs;
pub(crate) mod plays;

use std::time::Duration;

use fastrand::Rng;

use actions::Action;
use faults::Faults;
use plays::Plays;

/// One simulation, from its seed.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// How long people act and things go wrong.
    pub(crate) lasts: Duration,
    /// What people do, in order of time.
    pub(crate) actions: Vec<(Duration, Action)>,
    pub(crate) faults: Faults,
    pub(crate) plays: Plays,
    /// Whether the node starts what a crash has cut off, uncounted, or has it end.
    pub(crate) runs_again: bool,
    /// Whether there is a second node, behind a line.
    pub(crate) has_second_node: bool,
    /// How many pods that have ended are kept.
    pub(crate) ended_pods_max: usize,
    /// How many pods each node takes.
    pub(crate) node_pods_max: usize,
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let lasts = Duration::from_secs(pick(&mut random, &[60, 300, 900, 3600]));
        let has_second_node = random.bool();
        let faults = Faults::draw(&mut random, lasts, has_second_node);
        Self {
            lasts,
            actions: actions::draw(&mut random, lasts),
            faults,
            plays: Plays::draw(&mut random),
            runs_again: random.bool(),
            has_second_node,
            ended_pods_max: pick(&mut random, &[2, 20, 12_500]),
            node_pods_max: pick(&mut random, &[2, 8, 1000]),
        }
    }
}

/// One of `all`.
pub(crate) fn pick<T: Copy>(random: &mut Rng, all: &[T]) -> T {
    all[random.usize(..all.len())]
}

/// Whether something with this chance happens.
pub(crate) fn chance(random: &mut Rng, chance: f64) -> bool {
    random.f64() < chance
}

/// Some time below `most`.
pub(crate) fn time_below(random: &mut Rng, most: Duration) -> Duration {
    Duration::from_millis(random.u64(..=u64::try_from(most.as_millis()).expect("a short time")))
}
