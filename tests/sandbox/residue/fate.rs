//! What becomes of one guest: what it is told to do, and when it is ended.

use super::kind::Kind;
use super::*;

/// What becomes of one guest, all of it decided by its number and the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) kind: Kind,
    /// What it does after it has looked around: the guest says which letter means what.
    pub(super) letter: &'static str,
    pub(super) limits: Limits,
    pub(super) leave: Leave,
    /// Whether it has a /tmp.
    pub(super) has_tmp: bool,
}

/// When somebody ends it, if not it itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leave {
    /// Nobody does.
    Never,
    /// It is cancelled before it starts.
    BeforeStart,
    /// It is cancelled at some moment.
    Cancelled(Moment),
    /// Its future is dropped at some moment.
    Dropped(Moment),
}

/// A moment in a guest's life.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// After others have had their turn so many times.
    Turns(u8),
    /// After so many milliseconds.
    Milliseconds(u64),
}

impl Moment {
    fn pick(chance: &mut fastrand::Rng) -> Self {
        if chance.bool() { Self::Turns(chance.u8(0..50)) } else { Self::late(chance) }
    }

    /// One that a guest that computes lives to see.
    fn late(chance: &mut fastrand::Rng) -> Self {
        Self::Milliseconds(chance.u64(0..15))
    }

    pub(super) async fn come(self) {
        match self {
            Self::Turns(turns) => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }
            Self::Milliseconds(some) => tokio::time::sleep(Duration::from_millis(some)).await,
        }
    }
}

impl Fate {
    pub(super) fn of(number: u64, seed: u64) -> Self {
        // Numbers that differ by one give the generator states that have little in common.
        let chance =
            &mut fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let kind = Kind::pick(chance);
        let mut limits = Limits::default();
        let (letter, leave) = match chance.u16(0..1000) {
            0..640 => ("e", Leave::Never),
            640..700 => ("t", Leave::Never),
            700..740 => {
                // As much as it begins with in most kinds, and less than it asks for then.
                limits.memory_bytes = chance.u64(64 << 10..256 << 10);
                ("e", Leave::Never)
            }
            740..750 => {
                limits.output_bytes = chance.u64(0..5_000);
                ("o", Leave::Never)
            }
            750..800 => ("e", Leave::BeforeStart),
            800..850 => ("e", Leave::Cancelled(Moment::pick(chance))),
            850..890 => ("e", Leave::Dropped(Moment::pick(chance))),
            890..920 => ("p", Leave::Cancelled(Moment::pick(chance))),
            920..940 => ("p", Leave::Dropped(Moment::pick(chance))),
            940..960 => ("f", Leave::Cancelled(Moment::pick(chance))),
            960..970 => ("f", Leave::Dropped(Moment::pick(chance))),
            970..972 => ("c", Leave::Cancelled(Moment::late(chance))),
            972..974 => ("c", Leave::Dropped(Moment::late(chance))),
            at => {
                limits.deadline = Some(Duration::from_micros(chance.u64(0..8_000)));
                (["p", "f", "e", "c"][if at < 998 { usize::from(at) % 3 } else { 3 }], Leave::Never)
            }
        };
        let has_tmp = letter == "f" || chance.u8(0..8) == 0;
        Self { kind, letter, limits, leave, has_tmp }
    }

    /// Whether a guest may end so.
    pub(super) fn allows(&self, end: &End) -> bool {
        match end {
            End::Exited(code) => self.letter == "e" && *code == 0,
            End::Trapped { reason, .. } => self.letter == "t" && reason.contains("unreachable"),
            End::OutOfMemory(_) => self.limits.memory_bytes < Limits::default().memory_bytes,
            End::OutputExceeded => self.limits.output_bytes < Limits::default().output_bytes,
            End::DeadlineExceeded => self.limits.deadline.is_some(),
            End::Cancelled => matches!(self.leave, Leave::BeforeStart | Leave::Cancelled(_)),
            _ => false,
        }
    }
}
