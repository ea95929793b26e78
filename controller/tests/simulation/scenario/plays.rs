//! How the guests of a seed end.

use std::time::Duration;

use fastrand::Rng;

use super::{chance, pick, time_below};

/// What the container of a pod is called that runs beside the others.
pub(crate) const SIDECAR: &str = "sidecar";

/// How one run goes.
#[derive(Clone, Debug)]
pub(crate) enum Play {
    /// Ends by itself, and at once when it is told to.
    Exit { after: Duration, code: i32, reason: &'static str },
    /// Goes on until it is told to end, then ends in its own way; a stubborn one never does.
    UntilStopped { after: Duration, code: i32, is_stubborn: bool },
    /// Can't be started.
    Broken,
}

/// How often which play is given.
#[derive(Clone, Debug)]
pub(crate) struct Plays {
    longest: Duration,
    fails: f64,
    endless: f64,
    broken: f64,
    sidecars_end: f64,
    image_lacks: f64,
    image_takes: Duration,
}

impl Plays {
    pub(crate) fn draw(random: &mut Rng) -> Self {
        let seconds = Duration::from_secs;
        Self {
            longest: pick(random, &[seconds(0), seconds(2), seconds(30), seconds(600)]),
            fails: pick(random, &[0.0, 0.2, 0.5, 0.9]),
            endless: pick(random, &[0.0, 0.0, 0.1, 0.3]),
            broken: pick(random, &[0.0, 0.0, 0.1]),
            sidecars_end: pick(random, &[0.0, 0.3]),
            image_lacks: pick(random, &[0.0, 0.0, 0.3]),
            image_takes: pick(random, &[seconds(0), seconds(0), seconds(5)]),
        }
    }

    /// The same when nothing goes wrong any more but what a program may do at any time.
    pub(crate) fn mended(&self) -> Self {
        Self {
            longest: self.longest.min(Duration::from_secs(30)),
            fails: self.fails.min(0.3),
            endless: 0.0,
            broken: 0.0,
            sidecars_end: 0.0,
            image_lacks: 0.0,
            image_takes: self.image_takes,
        }
    }

    /// How the next run of `container` goes.
    pub(crate) fn run(&self, container: &str, random: &mut Rng) -> Play {
        // A sidecar is there for the others. Only one that goes on lets them begin.
        if container == SIDECAR && !chance(random, self.sidecars_end) {
            return Play::UntilStopped { after: Duration::ZERO, code: 0, is_stubborn: false };
        }
        if chance(random, self.broken) {
            return Play::Broken;
        }
        let code = match chance(random, self.fails) {
            true => pick(random, &[1, 1, 1, 2, 7, 13, 42, 99, 134, 137]),
            false => 0,
        };
        if chance(random, self.endless) {
            let after = time_below(random, Duration::from_secs(4));
            return Play::UntilStopped { after, code, is_stubborn: random.u8(..4) == 0 };
        }
        let reason = match code {
            0 => "Completed",
            137 => pick(random, &["OOMKilled", "DeadlineExceeded"]),
            _ => "Error",
        };
        Play::Exit { after: time_below(random, self.longest), code, reason }
    }

    /// How long an image takes, and whether it is there.
    pub(crate) fn pull(&self, random: &mut Rng) -> (Duration, bool) {
        (time_below(random, self.image_takes), !chance(random, self.image_lacks))
    }
}
