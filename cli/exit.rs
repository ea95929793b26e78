//! Exit codes, and the one place where an error is printed.

use std::io::{self, Write};
use std::process;

use crate::client::Complaint;

/// How a command ended, as its exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done: each Job completed, each bare Pod succeeded.
    Done,
    /// A Job or a Pod failed, or was not through when `--timeout` was; or the server refused, or does
    /// not have what was asked for.
    Failed,
    /// What was given can't be run, or makes no sense; nothing was started, nobody was asked.
    BadInput,
    /// A signal ended it: 128 and the signal's number, as a shell reports it.
    Signal(u8),
}

impl Exit {
    /// What the process exits with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// Every one, and when a command ends so.
#[cfg(test)]
pub(crate) const EVERY_EXIT: &[(Exit, &str)] = &[
    (Exit::Done, "what was asked for was done: each Job completed, each bare Pod succeeded"),
    (
        Exit::Failed,
        "a Job or a Pod failed, or was not through when `--timeout` was; or the server refused, does \
         not answer, or does not have what was asked for",
    ),
    (
        Exit::BadInput,
        "what was given can't be run, or makes no sense; nothing was started, nobody was asked",
    ),
    (Exit::Signal(SIGINT), "Ctrl-C ended it; a server that Ctrl-C stops in order exits with 0"),
    (Exit::Signal(SIGPIPE), "whoever read its output has gone"),
    (Exit::Signal(SIGTERM), "SIGTERM ended it; a server that it stops in order exits with 0"),
];

/// SIGINT, what Ctrl-C sends.
pub(crate) const SIGINT: u8 = 2;
/// SIGPIPE, what ends a Unix program whose reader has gone.
pub(crate) const SIGPIPE: u8 = 13;
/// SIGTERM, what a supervisor sends.
pub(crate) const SIGTERM: u8 = 15;

/// Nobody reads our standard output any more, which is not worth a word.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub(crate) struct StdoutClosed;

/// An error of writing to standard output, told apart when its reader has gone.
pub(crate) fn stdout_error(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return StdoutClosed.into();
    }
    anyhow::Error::new(error).context("can't write to standard output")
}

/// Prints `text` on standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(stdout_error)
}

/// Ends the process. What it has in memory and which threads it has is not put in order before: that
/// takes longer than what many a Job does, and the system does it anyway.
pub(crate) fn now(exit: Exit) -> ! {
    process::exit(i32::from(exit.code()))
}

/// Prints the error of a command, with its chain, and says how to exit.
///
/// An error is one of ours or of the input; no Job has ended, so it is [`Exit::BadInput`]. What a
/// client command complains of is in kubectl's words, and has its own exit code.
pub(crate) fn report(result: anyhow::Result<Exit>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(error) if error.is::<StdoutClosed>() => Exit::Signal(SIGPIPE),
        Err(error) if error.is::<Complaint>() => {
            let complaint = error.downcast::<Complaint>().expect("it must be what it said");
            if !matches!(complaint, Complaint::Silent) {
                eprintln!("{complaint}");
            }
            complaint.exit()
        }
        Err(error) => {
            eprintln!("mayfly: {error:#}");
            Exit::BadInput
        }
    }
}
