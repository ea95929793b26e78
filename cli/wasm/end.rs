//! How a guest's end looks as a container's.
//!
//! | end of the guest | exit code | reason | after |
//! |---|---|---|---|
//! | exited with 0 | 0 | `Completed` | |
//! | exited with n | n | `Error` | |
//! | trapped, as a panic or an abort does | 134 | `Error`, the trap in the message | SIGABRT |
//! | was stopped by the node | 137 | `Error` | SIGKILL |
//! | ran into the sandbox's deadline | 137 | `DeadlineExceeded` | SIGKILL |
//! | asked for more memory than its limit | 137 | `OOMKilled` | SIGKILL, as Kubernetes has it |
//! | had more memory than its request when the node had none left | 137 | `OOMKilled` | the same |
//! | sent and received more than it may | 141 | `NetworkExceeded` | SIGPIPE |
//! | stored more than it may | 137 | `Error`; its pod is `Evicted` | SIGKILL, as Kubernetes has it |
//! | used up its instructions | 152 | `FuelExhausted` | SIGXCPU |
//! | printed more than it may | 153 | `OutputExceeded` | SIGXFSZ |
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mayfly_runtime::Usage;

    use super::*;

    #[test]
    fn every_end_can_be_told_from_the_others() {
        let trap = End::Trapped { reason: "unreachable".into(), backtrace: "a\nb".into() };
        let check = |end: End, exit_code: i32, reason: &str| {
            let outcome = Outcome { end, usage: Usage::default(), termination_message: Vec::new() };
            let found = of(outcome);
            assert_eq!((found.exit_code, found.reason.as_str()), (exit_code, reason));
            (found.exit_code, found.reason, found.message)
        };
        let ends = [
            check(End::Exited(0), 0, "Completed"),
            check(End::Exited(3), 3, "Error"),
            check(End::Exited(255), 255, "Error"),
            check(trap, 134, "Error"),
            check(End::Cancelled, 137, "Error"),
            check(End::DeadlineExceeded, 137, "DeadlineExceeded"),
            check(End::OutOfMemory(MemoryUse::Memories), 137, "OOMKilled"),
            check(End::OutOfMemory(MemoryUse::OneMemory), 137, "OOMKilled"),
            check(End::OutOfMemory(MemoryUse::Instance), 137, "OOMKilled"),
            check(End::OutOfMemory(MemoryUse::Directory), 137, "OOMKilled"),
            check(End::OutOfMemory(MemoryUse::Network), 137, "OOMKilled"),
            check(End::OutOfMemory(MemoryUse::Files), 137, "OOMKilled"),
            check(End::NoMemoryLeft, 137, "OOMKilled"),
            check(End::FuelExhausted, 152, "FuelExhausted"),
            check(End::OutputExceeded, 153, "OutputExceeded"),
            check(End::NetworkExceeded, 141, "NetworkExceeded"),
            check(End::SpaceExceeded, 137, "Error"),
        ];
        assert_eq!(ends[3].2.as_deref(), Some("unreachable\na\nb"));
        assert_eq!(BTreeSet::from(ends.clone()).len(), ends.len());
    }
}
