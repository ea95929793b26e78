//! Writes to standard output and standard error, in one thread and one order.
//!
//! ```text
//! containers ──▶ queue of bounded size ──▶ thread ──▶ stdout, stderr
//! ```
//!
//! Whoever reads slowly slows the containers down; nothing is lost and memory stays bounded. It
//! knows nothing of what it prints.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::MultiProgress;
use tokio_util::sync::CancellationToken;

use crate::threads;

/// How many bytes wait to be written before writers have to. Stops a reader that has fallen
/// asleep from filling our memory; large enough to never matter to one that reads.
const QUEUE_BYTES_MAX: usize = 4 << 20;

/// How often a writer that waits looks whether it should give up, so that a container ends within
/// tens of milliseconds even while nobody reads what it prints.
const CANCEL_CHECK: Duration = Duration::from_millis(10);

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Hands texts to the thread that writes them. A clone is the same printer.
#[derive(Clone)]
pub(crate) struct Printer {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Fires when nobody reads our standard output any more.
    stdout_closed: CancellationToken,
}

#[derive(Default)]
struct Queue {
    texts: VecDeque<(To, Vec<u8>)>,
    bytes: usize,
    /// A failed standard output; what goes there is dropped from then on.
    stdout_error: Option<io::Error>,
    is_at_end: bool,
}

/// The thread, to wait for.
pub(crate) struct PrinterThread {
    printer: Printer,
    thread: JoinHandle<()>,
}

impl PrinterThread {
    /// Starts the thread. `bars` are put aside while it writes, if there are any on the terminal.
    pub(crate) fn start(bars: Option<MultiProgress>) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            stdout_closed: CancellationToken::new(),
        });
        let printer = Printer { shared: shared.clone() };
        let thread = thread::spawn(move || shared.write_all(bars.as_ref()));
        Self { printer, thread }
    }

    /// A handle to print with.
    pub(crate) fn printer(&self) -> Printer {
        self.printer.clone()
    }

    /// Waits until all is written, and says whether standard output took it.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.printer.shared.lock().is_at_end = true;
        self.printer.shared.changed.notify_all();
        self.thread.join().map_err(|_| io::Error::other("the thread that prints has panicked"))?;
        match self.printer.shared.lock().stdout_error.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Printer {
    /// Prints `text` in its turn, even if the queue is full: for what people must see.
    pub(crate) fn print(&self, to: To, text: impl Into<Vec<u8>>) {
        self.shared.lock().push(to, text.into());
        self.shared.changed.notify_all();
    }

    /// Prints `bytes` as soon as there is room; false if `cancel` fired first.
    pub(crate) fn print_or_wait(&self, to: To, bytes: Vec<u8>, cancel: &CancellationToken) -> bool {
        let mut queue = self.shared.lock();
        if queue.bytes >= QUEUE_BYTES_MAX {
            drop(queue);
            // The thread may be one of the async runtime's, which then needs another.
            match threads::in_place(|| self.shared.wait_for_room(cancel)) {
                Some(with_room) => queue = with_room,
                None => return false,
            }
        }
        queue.push(to, bytes);
        drop(queue);
        self.shared.changed.notify_all();
        true
    }

    /// Fires when nobody reads our standard output any more.
    pub(crate) fn stdout_closed(&self) -> &CancellationToken {
        &self.shared.stdout_closed
    }
}

impl Queue {
    fn push(&mut self, to: To, bytes: Vec<u8>) {
        self.bytes += bytes.len();
        self.texts.push_back((to, bytes));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic is done under the lock but allocating.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_room(&self, cancel: &CancellationToken) -> Option<MutexGuard<'_, Queue>> {
        let mut queue = self.lock();
        while queue.bytes >= QUEUE_BYTES_MAX {
            if cancel.is_cancelled() {
                return None;
            }
            let woken = self.changed.wait_timeout(queue, CANCEL_CHECK);
            queue = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(queue)
    }

    /// The thread: writes until the end is told and nothing is left.
    fn write_all(&self, bars: Option<&MultiProgress>) {
        let mut unfinished = Vec::new();
        loop {
            let texts = {
                let mut queue = self.lock();
                while queue.texts.is_empty() && !queue.is_at_end {
                    queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                if queue.texts.is_empty() {
                    break;
                }
                queue.bytes = 0;
                mem::take(&mut queue.texts)
            };
            self.changed.notify_all();
            self.note(match bars {
                Some(bars) => bars.suspend(|| write(whole_lines(texts, &mut unfinished))),
                None => write(texts),
            });
        }
        self.note(write([(To::Stdout, unfinished)]));
    }

    fn note(&self, result: io::Result<()>) {
        if let Err(error) = result {
            self.lock().stdout_error.get_or_insert(error);
            self.stdout_closed.cancel();
        }
    }
}

/// Holds back the last line of standard output, until it has its end: the lines that change would
/// be drawn over it.
fn whole_lines(
    texts: VecDeque<(To, Vec<u8>)>,
    unfinished: &mut Vec<u8>,
) -> impl Iterator<Item = (To, Vec<u8>)> {
    texts.into_iter().map(|(to, mut bytes)| {
        if to == To::Stdout {
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let rest = bytes.split_off(end);
            if !bytes.is_empty() || unfinished.len() >= QUEUE_BYTES_MAX {
                bytes.splice(..0, mem::take(unfinished));
            }
            unfinished.extend(rest);
        }
        (to, bytes)
    })
}

/// Writes `texts`; an error is standard output's. When standard error is closed, there is nobody to
/// tell.
fn write(texts: impl IntoIterator<Item = (To, Vec<u8>)>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let mut result = Ok(());
    for (to, bytes) in texts {
        match to {
            To::Stdout if result.is_ok() => result = stdout.write_all(&bytes),
            To::Stdout => {}
            To::Stderr => drop(io::stderr().write_all(&bytes)),
        }
    }
    result.and_then(|()| stdout.flush())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_held_back_until_its_end() {
        let check = |texts: &[&str], expect: &str, left: &str| {
            let texts = texts.iter().map(|text| (To::Stdout, text.as_bytes().to_vec())).collect();
            let mut unfinished = Vec::new();
            let written: Vec<u8> =
                whole_lines(texts, &mut unfinished).flat_map(|(_, bytes)| bytes).collect();
            assert_eq!(String::from_utf8(written).unwrap(), expect);
            assert_eq!(String::from_utf8(unfinished).unwrap(), left);
        };
        check(&["a\n", "b"], "a\n", "b");
        check(&["a", "b", "c\nd", "e"], "abc\n", "de");
        check(&["a\nb\nc", "\n"], "a\nb\nc\n", "");
    }
}
