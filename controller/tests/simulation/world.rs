//! What outlives a crash: the time outside, what has happened so far, and whether it was right.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayfly_controller::api::{Kind, Resource, SignedDuration, Timestamp};
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{Store, Watch};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::history::{Detail, History, describe};
use crate::ledger::Ledger;

/// When every simulation begins.
const START: &str = "2026-01-01T00:00:00Z";

/// The world around the process. Shared by everything in the simulation.
pub(crate) struct World {
    state: Mutex<State>,
    /// Rings when the process has to stop.
    stopped: Notify,
}

struct State {
    history: History,
    ledger: Ledger,
    /// What the store of the present life has published and nobody has looked at.
    watch: Option<Watch>,
    /// How long the lives before the present one took, with what lay between.
    before: Duration,
    /// When the present life began.
    began: Option<Instant>,
    /// How far the clock on the wall is ahead of the time that has passed.
    ahead: SignedDuration,
    stop: Option<Stop>,
}

/// Why a life of the process ends.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// It is killed, and started again after a while.
    Crash { away: Duration },
    /// Something is as it must never be.
    Violation(String),
}

impl World {
    pub(crate) fn new(detail: Detail) -> Arc<Self> {
        let state = State {
            history: History::new(detail),
            ledger: Ledger::default(),
            watch: None,
            before: Duration::ZERO,
            began: None,
            ahead: SignedDuration::ZERO,
            stop: None,
        };
        Arc::new(Self { state: Mutex::new(state), stopped: Notify::new() })
    }

    /// Begins a life of the process, in its runtime. Gives its clock.
    pub(crate) fn begin_life(&self) -> Clock {
        let mut state = self.state();
        state.began = Some(Instant::now());
        let start: Timestamp = START.parse().expect("a time");
        Clock::simulated(start + state.before + state.ahead)
    }

    /// Looks at the store that the life begins with, and at every change from here on.
    pub(crate) fn attach(&self, store: &Store) {
        let version = store.resource_version();
        let (objects, _) = store.list_kinds(Kind::ALL);
        let mut state = self.state();
        let found = state.ledger.reopened(&objects, version);
        state.watch = Some(store.watch(Kind::ALL, version).expect("the newest version is known"));
        drop(state);
        self.expect(found);
    }

    /// Ends the life: what it has published is looked at, and nothing after.
    pub(crate) fn end_life(&self) -> Option<Stop> {
        self.observe();
        let mut state = self.state();
        state.watch = None;
        let lived = state.began.take().map(|began| began.elapsed()).unwrap_or_default();
        state.before += lived;
        state.ledger.guests.kill_all();
        let stop = state.stop.take();
        if let Some(Stop::Crash { away }) = stop {
            state.before += away;
        }
        stop
    }

    /// The time that has passed since the beginning, whatever clocks show.
    pub(crate) fn elapsed(&self) -> Duration {
        self.state().elapsed()
    }

    /// Waits until so much time has passed since the beginning.
    pub(crate) async fn until(&self, time: Duration) {
        let left = time.saturating_sub(self.elapsed());
        tokio::time::sleep(left).await;
    }

    /// Sets the clock on the wall.
    pub(crate) fn jump(&self, clock: &Clock, by: SignedDuration) {
        clock.jump(by);
        self.state().ahead += by;
        self.note(|| format!("the clock jumps by {by:#}"));
    }

    /// Looks at what has been published since the last look.
    pub(crate) fn observe(&self) {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(watch) = &mut state.watch else { return };
        let mut found = Ok(());
        let mut is_new = false;
        while let Some(change) = watch.try_next() {
            is_new = true;
            if state.history.is_detailed() {
                let at = state.before + state.began.map(|it| it.elapsed()).unwrap_or_default();
                state.history.add(at, &describe(&change));
            }
            found = found.and(state.ledger.fold(&change));
        }
        if is_new {
            found = found.and_then(|()| state.ledger.settle());
        }
        drop(guard);
        self.expect(found);
    }

    /// Asks the ledger, or tells it something.
    pub(crate) fn ledger<T>(&self, ask: impl FnOnce(&mut Ledger) -> T) -> T {
        ask(&mut self.state().ledger)
    }

    /// Notes what is not in the store.
    pub(crate) fn note(&self, text: impl FnOnce() -> String) {
        let mut state = self.state();
        let at = state.elapsed();
        if state.history.is_detailed() {
            state.history.add(at, &text());
        }
    }

    /// Makes `bytes` part of what tells two histories apart, with the time.
    pub(crate) fn digest(&self, bytes: &[u8]) {
        let mut state = self.state();
        let at = state.elapsed();
        state.history.digest(at, bytes);
    }

    /// What tells this history from others.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.state().history.fingerprint()
    }

    /// The end of the history, a line each.
    pub(crate) fn tail(&self, lines_max: usize) -> String {
        self.state().history.tail(lines_max)
    }

    /// That something is as it must be.
    pub(crate) fn expect(&self, found: Result<(), String>) {
        if let Err(complaint) = found {
            self.note(|| format!("WRONG: {complaint}"));
            self.stop(Stop::Violation(complaint));
        }
    }

    /// Ends the present life. What was wrong first stays.
    pub(crate) fn stop(&self, stop: Stop) {
        self.note(|| format!("{stop:?}"));
        let mut state = self.state();
        if !matches!(state.stop, Some(Stop::Violation(_))) {
            state.stop = Some(stop);
        }
        drop(state);
        self.stopped.notify_waiters();
    }

    /// Whether the present life has come to its end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state().stop.is_some()
    }

    /// Completes when it has.
    pub(crate) async fn stopped(&self) {
        loop {
            let rung = self.stopped.notified();
            if self.is_stopped() {
                return;
            }
            rung.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn elapsed(&self) -> Duration {
        self.before + self.began.map(|began| began.elapsed()).unwrap_or_default()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

/// The uid of an object, which all that are stored have.
pub(crate) fn uid<T: Resource>(object: &T) -> &str {
    object.metadata().uid.as_deref().unwrap_or_default()
}
