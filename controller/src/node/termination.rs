//! The message that a container leaves behind when it ends.
//!
//! Source: Kubernetes' documentation of `terminationMessagePath` and `terminationMessagePolicy`.

use std::collections::VecDeque;
use std::io;

use super::logs::{Logs, ReadOptions, Run};
use crate::api::Container;
use crate::limits::{
    TERMINATION_LOG_BYTES_MAX, TERMINATION_LOG_LINES_MAX, TERMINATION_MESSAGE_BYTES_MAX,
};

/// What `container` says of the end of `run`: what was `written` for that, or the end of its log if it
/// asked for that and has failed; after what the runtime `said`, if anything.
pub(crate) fn message(
    container: &Container,
    exit_code: i32,
    said: Option<String>,
    written: Vec<u8>,
    logs: &Logs,
    run: &Run,
) -> Option<String> {
    let falls_back = container.termination_message_policy.as_deref()
        == Some("FallbackToLogsOnError")
        && exit_code != 0;
    let mut bytes = written;
    bytes.drain(..bytes.len().saturating_sub(TERMINATION_MESSAGE_BYTES_MAX));
    if bytes.is_empty() && falls_back {
        bytes = log_tail(logs, run).unwrap_or_default();
    }
    let written = String::from_utf8_lossy(&bytes);
    match (said.filter(|said| !said.is_empty()), written.is_empty()) {
        (said, true) => said,
        (None, false) => Some(written.into_owned()),
        (Some(said), false) => Some(format!("{said}: {written}")),
    }
}

fn log_tail(logs: &Logs, run: &Run) -> io::Result<Vec<u8>> {
    let options = ReadOptions { tail_lines: Some(TERMINATION_LOG_LINES_MAX), since: None };
    let mut lines = logs.read(run, &options)?;
    let mut bytes = VecDeque::new();
    while let Some(line) = lines.try_next()? {
        bytes.extend(line.bytes);
        bytes.drain(..bytes.len().saturating_sub(TERMINATION_LOG_BYTES_MAX));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::node::fixtures::container_from;
    use crate::node::logs::LogLimits;
    use crate::node::runtime::{Output, PodIdentity, Stream};

    #[test]
    fn the_message_is_from_the_file_or_else_from_the_log() {
        let root = tempfile::tempdir().unwrap();
        let logs = Logs::new(root.path(), Clock::system(), LogLimits::default());
        let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: "u".into() };
        let run = Run { pod, container: "m".into(), restart: 0 };
        let writer = logs.create(run.clone(), None).unwrap();
        for line in 0..100 {
            writer.write(Stream::Stdout, format!("line {line}\n").as_bytes()).unwrap();
        }
        writer.finish();
        let check =
            |policy: &str, code, said: Option<&str>, written: &str, expected: Option<&str>| {
                let json = format!(r#"{{"name": "m", "terminationMessagePolicy": "{policy}"}}"#);
                let said = said.map(str::to_owned);
                let container = container_from(&json);
                let found = message(&container, code, said, written.into(), &logs, &run);
                assert_eq!(found.as_deref(), expected, "{policy} {code} {written:?}");
            };
        let tail: String = (20..100).map(|line| format!("line {line}\n")).collect();
        let fallback = "FallbackToLogsOnError";
        check("File", 0, None, "", None);
        check("File", 1, None, "", None);
        check("File", 0, None, "done", Some("done"));
        check("File", 134, Some("trap: unreachable"), "", Some("trap: unreachable"));
        check("File", 134, Some("trap"), "while sorting", Some("trap: while sorting"));
        check(fallback, 0, None, "", None);
        check(fallback, 1, None, "", Some(&tail));
        check(fallback, 1, None, "why", Some("why"));
        let long = "x".repeat(5000);
        check("File", 1, None, &long, Some(&long[..4096]));
    }
}
