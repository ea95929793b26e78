//! Ctrl-C and SIGTERM: the first asks the run to end, the second ends the process.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use mayfly_controller::node::remove_directory;
use tokio::signal::unix::{SignalKind, signal};
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
    /// Starts to listen. `temporary` is removed when a second signal ends the process at once.
    pub(crate) fn listen(temporary: Option<PathBuf>) -> anyhow::Result<Self> {
        let interrupt = Self { asked: CancellationToken::new(), signal: Arc::default() };
        let mut interrupts = signal(SignalKind::interrupt()).context("can't listen for Ctrl-C")?;
        let mut terminates = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
        let told = interrupt.clone();
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    Some(()) = interrupts.recv() => SIGINT,
                    Some(()) = terminates.recv() => SIGTERM,
                    else => return,
                };
                if told.asked.is_cancelled() {
                    if let Some(folder) = temporary {
                        remove_soon(folder);
                    }
                    std::process::exit(128 + i32::from(number));
                }
                told.signal.store(number, Ordering::Relaxed);
                told.asked.cancel();
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
