//! Ctrl-C and SIGTERM: the first asks the run to end, the second ends the process.

use std::future::pending;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use mayfly_controller::node::remove_directory;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::{SIGINT, SIGTERM};

/// How long somebody who wants the process to end at once waits for its files to be removed. Stops
/// guests that still run, and make others, from keeping it alive.
const REMOVAL_TIME_MAX: Duration = Duration::from_secs(1);

/// Whether we were asked to stop.
#[derive(Clone)]
pub(crate) struct Interrupt {
    asked: CancellationToken,
    signal: Arc<AtomicU8>,
}

impl Interrupt {
    /// Starts to listen, within a tokio runtime. `temporary` is removed when a second signal ends the
    /// process at once.
    pub(crate) fn listen(temporary: Option<PathBuf>) -> anyhow::Result<Self> {
        let interrupt = Self { asked: CancellationToken::new(), signal: Arc::default() };
        let mut signals = Signals::new()?;
        let told = interrupt.clone();
        tokio::spawn(async move {
            let first = signals.next().await;
            told.signal.store(first, Ordering::Relaxed);
            let listening = listen_apart(temporary.clone());
            told.asked.cancel();
            if let Err(error) = listening {
                tracing::debug!(error = &*error, "another signal is heard between other work");
                end(signals.next().await, temporary);
            }
        });
        Ok(interrupt)
    }

    /// Waits for the first signal, and says which it was.
    pub(crate) async fn asked(&self) -> u8 {
        self.asked.cancelled().await;
        self.signal.load(Ordering::Relaxed)
    }
}

/// What asks us to stop.
struct Signals {
    interrupts: Signal,
    terminates: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt()).context("can't listen for Ctrl-C")?,
            terminates: signal(SignalKind::terminate()).context("can't listen for SIGTERM")?,
        })
    }

    /// The number of the next one.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            Some(()) = self.interrupts.recv() => SIGINT,
            Some(()) = self.terminates.recv() => SIGTERM,
            // Neither has an end.
            else => pending().await,
        }
    }
}

/// Has the next signal end the process, from now on, whatever others wait for, such as who reads what
/// was printed. It takes a thread, which a run that nobody stops does without.
fn listen_apart(temporary: Option<PathBuf>) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let within = runtime.enter();
    let mut signals = Signals::new()?;
    drop(within);
    let listen = move || end(runtime.block_on(signals.next()), temporary);
    thread::Builder::new().name("mayfly-signals".to_owned()).spawn(listen)?;
    Ok(())
}

/// Ends the process because of the signal `number`.
fn end(number: u8, temporary: Option<PathBuf>) -> ! {
    if let Some(folder) = temporary {
        remove_soon(folder);
    }
    std::process::exit(128 + i32::from(number));
}

/// Removes `folder`, as far as that goes soon. What is left is the system's to clean, like all that
/// is there.
fn remove_soon(folder: PathBuf) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let removed = remove_directory(&folder);
        done.send(removed.is_ok())
    });
    let _ = is_done.recv_timeout(REMOVAL_TIME_MAX);
}
