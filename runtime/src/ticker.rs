//! The clock by which running guests are made to yield.
//!
//! wasmtime's code looks at a counter, the epoch, at each loop and call; this thread moves it. It
//! sleeps when nothing runs, so that an idle process is idle.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How long a guest computes before others have their turn, and its deadline is looked at.
///
/// Short against the tens of milliseconds within which a run must end, long against the
/// microsecond that a turn costs.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Ticks without a running guest before the thread goes to sleep. Waking it costs a system call,
/// which a stream of short runs should not pay each time.
const IDLE_TICKS_MAX: u32 = 10;

/// Moves the epoch of its engines while guests run.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    engines: Mutex<Vec<EngineWeak>>,
    running: AtomicUsize,
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("running", &self.running).finish_non_exhaustive()
    }
}

/// Keeps the ticker awake.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engines: Mutex::new(Vec::new()),
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("mayfly-ticker".to_owned()).spawn(move || theirs.tick())?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// Moves the epoch of `engine` too from now on.
    pub(crate) fn add(&self, engine: &wasmtime::Engine) {
        let mut engines = self.shared.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.push(engine.weak());
    }

    /// Says that a guest runs, until what is given back is dropped.
    pub(crate) fn running(&self) -> Ticking {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        // The thread says that it is asleep before it looks at `running` for the last time, and
        // this is the other way round: one of the two sees the other.
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(Arc::clone(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn tick(&self) {
        let mut idle_ticks = 0;
        while !self.ended.load(Ordering::SeqCst) {
            thread::park_timeout(TICK);
            for engine in self.engines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                if let Some(engine) = engine.upgrade() {
                    engine.increment_epoch();
                }
            }
            idle_ticks = if self.is_idle() { idle_ticks + 1 } else { 0 };
            if idle_ticks >= IDLE_TICKS_MAX {
                self.sleep();
                idle_ticks = 0;
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.running.load(Ordering::SeqCst) == 0
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.is_idle() && !self.ended.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}
