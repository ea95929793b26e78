//! Guests by the thousand, some dozens at a time, each looked at when it has ended.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::fate::{Fate, Leave};
use super::kind::Kind;
use super::*;

/// Guests that the engine has room for at a time.
pub(super) const SLOTS: usize = 48;

/// Guests that are there at a time: a few more, which wait for a slot and may be ended by then.
const AT_ONCE: usize = SLOTS + 8;

/// What guests leave wherever they can.
const PATTERN: u8 = 0xa5;

/// In place of the random bytes of a guest that printed none.
const NOTHING: u128 = u128::MAX;

/// Who runs them.
pub(super) struct Crowd {
    seed: u64,
    pub(super) engine: Engine,
    modules: BTreeMap<Kind, Module>,
    /// The folders that they see as /tmp are made in here.
    folder: tempfile::TempDir,
    heard: Mutex<Heard>,
}

/// How many ended in which way.
#[derive(Default)]
struct Ends(BTreeMap<String, u64>);

/// The guests that are still to be run.
struct Queue {
    next: AtomicU64,
    end: u64,
}

impl Queue {
    fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.end).then_some(number)
    }
}

/// What guests of one crowd have said up to now.
struct Heard {
    ends: Ends,
    /// What each was given at random, by its number. It has its size from the start, and has been
    /// written to, since it is there while others measure whether anything grows.
    random: Vec<u128>,
}

impl Crowd {
    /// One that runs the guests with numbers below `instances`.
    pub(super) async fn new(seed: u64, instances: u64) -> Arc<Self> {
        let settings = EngineSettings { instances_max: SLOTS as u32, ..EngineSettings::default() };
        let engine = Engine::new(settings).expect("the engine must start");
        let mut modules = BTreeMap::new();
        for kind in Kind::ALL {
            modules.insert(kind, kind.load(&engine).await);
        }
        let folder = tempfile::tempdir().expect("a folder must be made");
        let heard = Heard { ends: Ends::default(), random: vec![NOTHING; instances as usize] };
        Arc::new(Self { seed, engine, modules, folder, heard: Mutex::new(heard) })
    }

    pub(super) fn module(&self, kind: Kind) -> &Module {
        &self.modules[&kind]
    }

    /// Runs the guests with these numbers, and looks at each.
    pub(super) async fn run(self: &Arc<Self>, numbers: Range<u64>) {
        let queue = Arc::new(Queue { next: AtomicU64::new(numbers.start), end: numbers.end });
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (crowd, queue) = (Arc::clone(self), Arc::clone(&queue));
            tasks.spawn(async move {
                while let Some(number) = queue.next() {
                    crowd.run_one(number).await;
                }
            });
        }
        tasks.join_all().await;
    }

    /// How many ended in which way. No two have been given the same random bytes.
    pub(super) fn ends(&self) -> String {
        let mut heard = self.heard.lock().expect("nobody panics with it");
        heard.random.sort_unstable();
        let twice = heard.random.windows(2).find(|pair| pair[0] == pair[1] && pair[0] != NOTHING);
        assert_eq!(twice, None, "random bytes that two were given");
        heard.ends.to_string()
    }

    async fn run_one(&self, number: u64) {
        let fate = Fate::of(number, self.seed);
        let name = format!("guest-{number}");
        let capture = Arc::new(Capture::default());
        let mut guest = Guest::new().args(["residue", &name, fate.letter]).output(capture.clone());
        let tmp = fate.has_tmp.then(|| {
            let tmp = tempfile::tempdir_in(self.folder.path()).expect("a folder must be made");
            let (host, below) = (tmp.path().to_owned(), <_>::default());
            (tmp, Mount { host, below, guest: "/tmp".to_owned(), access: Access::ReadWrite })
        });
        if let Some((_, mount)) = &tmp {
            guest = guest.mount(mount.clone());
        }
        let outcome = self.outcome(fate, guest).await;
        let what = || format!("guest {number} of seed {}, {fate:?}", self.seed);
        if let Some(outcome) = &outcome {
            assert!(fate.allows(&outcome.end), "{}: {:?}", what(), outcome.end);
            let message = &outcome.termination_message;
            let is_own = message.is_empty() || message == name.as_bytes() || is_pattern(message);
            assert!(is_own, "{}: it logged {message:?}", what());
        }
        let stdout = capture.taken(Stream::Stdout);
        let own = name.bytes().cycle();
        assert!(stdout.iter().copied().eq(own.take(stdout.len())), "{}: {stdout:?}", what());
        let mut heard = self.heard.lock().expect("nobody panics with it");
        if let Ok(random) = capture.taken(Stream::Stderr).try_into() {
            heard.random[number as usize] = u128::from_le_bytes(random);
        }
        heard.ends.count(outcome.as_ref());
    }

    /// Runs a guest as it is its fate; nothing comes of one that is dropped.
    async fn outcome(&self, fate: Fate, guest: Guest) -> Option<Outcome> {
        let cancel = CancellationToken::new();
        let sandbox = Sandbox::new(self.engine.clone());
        let run = sandbox.run(self.module(fate.kind), guest, fate.limits, cancel.clone());
        let outcome = match fate.leave {
            Leave::Never => run.await,
            Leave::BeforeStart => {
                cancel.cancel();
                run.await
            }
            Leave::Cancelled(moment) => {
                // On whichever thread: it may come while the guest computes.
                let canceller = tokio::spawn(async move {
                    moment.come().await;
                    cancel.cancel();
                });
                let outcome = run.await;
                canceller.abort();
                outcome
            }
            Leave::Dropped(moment) => tokio::select! {
                biased;
                outcome = run => outcome,
                () = moment.come() => return None,
            },
        };
        Some(outcome.unwrap_or_else(|error| panic!("{fate:?} could not start: {error}")))
    }
}

fn is_pattern(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == PATTERN)
}

impl Ends {
    fn count(&mut self, outcome: Option<&Outcome>) {
        let end = outcome.map_or("Dropped".to_owned(), |outcome| format!("{:?}", outcome.end));
        let name = end.split([' ', '(']).next().unwrap_or_default();
        *self.0.entry(name.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends: Vec<_> = self.0.iter().map(|(end, count)| format!("{count} {end}")).collect();
        f.write_str(&ends.join(", "))
    }
}
