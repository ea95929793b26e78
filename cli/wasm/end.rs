//! How a guest's end looks as a container's.
//!
//! Which it is of which is a table of the reference, `book/src/reference/exit-codes.md`, which is made
//! from here (`every_end`).
//!
//! A `podFailurePolicy` sees exit codes alone, so limits that a pod sets itself have their own:
//! 128 and the number of the signal that a Unix system sends for the same.

use mayfly_controller::node::ContainerEnd;
use mayfly_runtime::{End, MemoryUse, Outcome};

/// The longest message; what a backtrace has beyond is cut. The size is that of Kubernetes'
/// termination messages.
const MESSAGE_BYTES_MAX: usize = 4096;

/// The end of a container whose guest came to `outcome`.
pub(crate) fn of(outcome: Outcome) -> ContainerEnd {
    let (exit_code, reason, message) = match outcome.end {
        End::Exited(0) => (0, "Completed", None),
        // WASI's codes have 32 bits, as a container's have.
        End::Exited(code) => (code.cast_signed(), "Error", None),
        End::Trapped { reason, backtrace } => (134, "Error", Some(trap(&reason, &backtrace))),
        End::Cancelled => (137, "Error", None),
        End::DeadlineExceeded => (137, "DeadlineExceeded", Some("it ran for too long".to_owned())),
        End::OutOfMemory(what) => (137, "OOMKilled", Some(out_of_memory(what).to_owned())),
        End::NoMemoryLeft => {
            let what = "it had more memory than it requests when the node had none left";
            (137, "OOMKilled", Some(what.to_owned()))
        }
        End::SpaceExceeded => (137, "Error", Some("it stored more than it may".to_owned())),
        End::FuelExhausted => {
            (152, "FuelExhausted", Some("it used up its budget of instructions".to_owned()))
        }
        End::NetworkExceeded => {
            (141, "NetworkExceeded", Some("it sent and received more than it may".to_owned()))
        }
        End::OutputExceeded => {
            (153, "OutputExceeded", Some("it printed more than it may".to_owned()))
        }
    };
    let termination_log = outcome.termination_message;
    ContainerEnd { exit_code, reason: reason.to_owned(), message, termination_log }
}

fn out_of_memory(what: MemoryUse) -> &'static str {
    match what {
        MemoryUse::Memories => "it asked for more memory than its limit",
        MemoryUse::OneMemory => {
            "one of its memories or tables was to be larger than the node allows (runs.oneMemoryBytes of --limits)"
        }
        MemoryUse::Instance => {
            "it takes more memory to be started than its limit: its module refers to many functions, \
             or the limit is below some 3 MiB"
        }
        MemoryUse::Directory => {
            "the lists of directories that it reads take more memory than its limit"
        }
        MemoryUse::Network => "the buffers of its connections take more memory than its limit",
        MemoryUse::Files => {
            "the files that it has open, or keeps in volumes in memory, take more memory than its limit"
        }
    }
}

fn trap(reason: &str, backtrace: &str) -> String {
    let mut message = reason.to_owned();
    for line in backtrace.lines() {
        message.push('\n');
        message.push_str(line);
    }
    if message.len() > MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    }
    message
}

/// Every end of a guest in words, and the container's end that it is.
#[cfg(test)]
pub(crate) fn every_end() -> Vec<(&'static str, ContainerEnd)> {
    let trap = End::Trapped {
        reason: "the trap".into(),
        backtrace: "and the functions that led to it".into(),
    };
    let ends = [
        ("exited with 0", End::Exited(0)),
        ("exited with another code, such as 3", End::Exited(3)),
        ("did what WebAssembly does not allow, as a panic or an abort does", trap),
        ("was ended: its pod was deleted, or its Job or pod has failed", End::Cancelled),
        ("ran into its deadline", End::DeadlineExceeded),
        ("asked for more memory than its limit", End::OutOfMemory(MemoryUse::Memories)),
        ("asked for one memory or table that is too large", End::OutOfMemory(MemoryUse::OneMemory)),
        ("can't be started in its memory", End::OutOfMemory(MemoryUse::Instance)),
        ("listed directories that are too large", End::OutOfMemory(MemoryUse::Directory)),
        ("has too many connections for its memory", End::OutOfMemory(MemoryUse::Network)),
        ("has too many files for its memory", End::OutOfMemory(MemoryUse::Files)),
        ("had more memory than its request when the node had none left", End::NoMemoryLeft),
        ("stored more than it may; its pod is `Evicted`", End::SpaceExceeded),
        ("sent and received more than it may", End::NetworkExceeded),
        ("used up its instructions", End::FuelExhausted),
        ("printed more than it may", End::OutputExceeded),
    ];
    let of_end = |end| {
        let usage = mayfly_runtime::Usage::default();
        of(Outcome { end, usage, termination_message: Vec::new() })
    };
    ends.into_iter().map(|(what, end)| (what, of_end(end))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_end_can_be_told_from_the_others() {
        let ends = every_end().into_iter().map(|(_, end)| (end.exit_code, end.reason, end.message));
        let told: BTreeSet<_> = ends.collect();
        assert_eq!(told.len(), every_end().len());
        let codes: BTreeSet<_> = told.iter().map(|(code, reason, _)| (*code, &**reason)).collect();
        let expected = [
            (0, "Completed"),
            (3, "Error"),
            (134, "Error"),
            (137, "DeadlineExceeded"),
            (137, "Error"),
            (137, "OOMKilled"),
            (141, "NetworkExceeded"),
            (152, "FuelExhausted"),
            (153, "OutputExceeded"),
        ];
        assert_eq!(codes, BTreeSet::from(expected));
        assert!(told.iter().any(|(.., it)| it.as_deref() == Some("the trap\nand the functions that led to it")));
    }
}
