//! How pods go, by the script of a trace.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How the pods of a trace go.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Script {
    default: Play,
    /// By the order in which they are made.
    pods: BTreeMap<u32, Play>,
    /// By index; a list is one for each pod of the index in turn, the last for all that follow.
    index: BTreeMap<String, Plays>,
}

/// How the pods of one index go, in turn.
#[derive(Clone, Deserialize)]
#[serde(from = "OneOrMore")]
struct Plays(Vec<Play>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Box<Play>),
    More(Vec<Play>),
}

impl From<OneOrMore> for Plays {
    fn from(plays: OneOrMore) -> Self {
        match plays {
            OneOrMore::One(play) => Self(vec![*play]),
            OneOrMore::More(plays) => Self(plays),
        }
    }
}

/// A pod among all of its trace.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// How many were made before it.
    pub(super) ordinal: u32,
    pub(super) index: Option<String>,
    /// How many of its index were made before it.
    pub(super) attempt: usize,
}

/// How one pod goes. What it does not say, the default of its script does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Play {
    /// How many seconds each run of its container takes.
    run: Option<f64>,
    /// The exit code of every run, or of one after another, the last for all that follow.
    exit: Option<i32>,
    exits: Option<Vec<i32>>,
    /// That of its init container.
    pub(super) init_exit: Option<i32>,
    /// `reason` of its container's end.
    pub(super) reason: Option<String>,
    /// How many seconds pass before it runs.
    start: Option<f64>,
    /// Whether it never starts.
    pub(super) hold: Option<bool>,
    /// Whether it is ready while it runs.
    pub(super) ready: Option<bool>,
    /// How many seconds it takes to end when told to, and its exit code then.
    term_delay: Option<f64>,
    term_exit: Option<i32>,
    /// How many seconds pass before a restart but the first.
    pub(super) restart_delay: Option<f64>,
    /// `reason` and `message` of a pod that its node ends.
    pub(super) phase_reason: Option<String>,
    pub(super) phase_message: Option<String>,
    /// Its condition DisruptionTarget then.
    pub(super) disrupt: Option<Disruption>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Disruption {
    pub(super) reason: String,
    pub(super) message: String,
}

/// The longest that our own node waits for a container to end when told to.
const TERM_DELAY_MAX: f64 = 5.0;

impl Script {
    /// Whether these pods can't be played on our own node.
    pub(super) fn is_beyond_our_node(&self) -> bool {
        self.plays().any(Play::is_beyond_our_node)
    }

    /// The delay of restarts, which is one for all.
    pub(super) fn restart_delay(&self) -> Option<f64> {
        self.plays().find_map(|play| play.restart_delay)
    }

    fn plays(&self) -> impl Iterator<Item = &Play> {
        let by_index = self.index.values().flat_map(|plays| &plays.0);
        std::iter::once(&self.default).chain(self.pods.values()).chain(by_index)
    }

    /// How the pod at `place` goes.
    pub(super) fn play(&self, place: &Place) -> Play {
        let by_index = place.index.as_ref().and_then(|index| self.index.get(index));
        let by_index = by_index.and_then(|Plays(plays)| plays.get(place.attempt).or(plays.last()));
        let own = by_index.or_else(|| self.pods.get(&place.ordinal)).cloned();
        own.unwrap_or_default().or(self.default.clone())
    }
}

impl Play {
    /// What this says, and where it does not, what `default` does.
    pub(super) fn or(self, default: Self) -> Self {
        // One that says how it exits does not take the other way from the default.
        let says_exit = self.exit.is_some() || self.exits.is_some();
        Self {
            run: self.run.or(default.run),
            exit: self.exit.or(default.exit.filter(|_| !says_exit)),
            exits: self.exits.or(default.exits.filter(|_| !says_exit)),
            init_exit: self.init_exit.or(default.init_exit),
            reason: self.reason.or(default.reason),
            start: self.start.or(default.start),
            hold: self.hold.or(default.hold),
            ready: self.ready.or(default.ready),
            term_delay: self.term_delay.or(default.term_delay),
            term_exit: self.term_exit.or(default.term_exit),
            restart_delay: self.restart_delay.or(default.restart_delay),
            phase_reason: self.phase_reason.or(default.phase_reason),
            phase_message: self.phase_message.or(default.phase_message),
            disrupt: self.disrupt.or(default.disrupt),
        }
    }

    /// Whether this can't be played on our own node, where only what a container does can be scripted
    /// and not what a kubelet does.
    pub(super) fn is_beyond_our_node(&self) -> bool {
        self.hold == Some(true)
            || self.ready == Some(false)
            || self.phase_reason.is_some()
            || self.disrupt.is_some()
            || self.term_delay() > TERM_DELAY_MAX
    }

    pub(super) fn run(&self) -> f64 {
        self.run.unwrap_or(1.0)
    }

    pub(super) fn start(&self) -> f64 {
        self.start.unwrap_or(0.05)
    }

    pub(super) fn exit_code(&self, restart: u32) -> i32 {
        let in_turn = self
            .exits
            .as_ref()
            .and_then(|exits| exits.get(restart as usize).or(exits.last()).copied());
        in_turn.or(self.exit).unwrap_or(0)
    }

    pub(super) fn term_delay(&self) -> f64 {
        self.term_delay.unwrap_or(0.3)
    }

    pub(super) fn term_exit_code(&self) -> i32 {
        self.term_exit.unwrap_or(143)
    }
}
