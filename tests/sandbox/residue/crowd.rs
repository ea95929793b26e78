//! Guests by the thousand, some dozens at a time, each looked at when it has ended.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::mem;
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

/// Who runs them.
pub(super) struct Crowd {
    seed: u64,
    pub(super) engine: Engine,
    modules: BTreeMap<Kind, Module>,
    /// The folders that they see as /tmp are made in here.
    folder: tempfile::TempDir,
}

/// How many ended in which way.
#[derive(Default)]
pub(super) struct Ends(BTreeMap<String, u64>);

/// The guests that are still to be run, and what was heard of the others.
struct Queue {
    next: AtomicU64,
    end: u64,
    heard: Mutex<Heard>,
}

impl Queue {
    fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.end).then_some(number)
    }
}

/// What guests of one crowd have said up to now.
#[derive(Default)]
struct Heard {
    ends: Ends,
    random: HashSet<Vec<u8>>,
}

impl Crowd {
    pub(super) async fn new(seed: u64) -> Arc<Self> {
        let settings = EngineSettings { instances_max: SLOTS as u32, ..EngineSettings::default() };
        let engine = Engine::new(settings).expect("the engine must start");
        let mut modules = BTreeMap::new();
        for kind in Kind::ALL {
            modules.insert(kind, kind.load(&engine).await);
        }
        let folder = tempfile::tempdir().expect("a folder must be made");
        Arc::new(Self { seed, engine, modules, folder })
    }

    pub(super) fn module(&self, kind: Kind) -> &Module {
        &self.modules[&kind]
    }

    /// Runs the guests with these numbers, and looks at each.
    pub(super) async fn run(self: &Arc<Self>, numbers: Range<u64>) -> Ends {
        let queue = Arc::new(Queue {
            next: AtomicU64::new(numbers.start),
            end: numbers.end,
            heard: Mutex::default(),
        });
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (crowd, queue) = (Arc::clone(self), Arc::clone(&queue));
            tasks.spawn(async move {
                while let Some(number) = queue.next() {
                    crowd.run_one(number, &queue.heard).await;
                }
            });
        }
        tasks.join_all().await;
        mem::take(&mut queue.heard.lock().expect("nobody panics with it").ends)
    }

    async fn run_one(&self, number: u64, heard: &Mutex<Heard>) {
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
        let random = capture.taken(Stream::Stderr);
        let mut heard = heard.lock().expect("nobody panics with it");
        let is_new = random.len() < 16 || heard.random.insert(random);
        assert!(is_new, "{}: these random bytes are not its own", what());
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
