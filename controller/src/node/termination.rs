//! The message that a container leaves behind when it ends.
//!
//! Source: Kubernetes' documentation of `terminationMessagePath` and `terminationMessagePolicy`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::logs::{Logs, ReadOptions, Run};
use crate::api::Container;
use crate::limits::{
    TERMINATION_LOG_BYTES_MAX, TERMINATION_LOG_LINES_MAX, TERMINATION_MESSAGE_BYTES_MAX,
};

/// What `container` says of the end of `run`: what it wrote to `file`, or the end of its log if it
/// asked for that and has failed; after what the runtime `said`, if anything.
pub(crate) fn message(
    container: &Container,
    exit_code: i32,
    said: Option<String>,
    file: &Path,
    logs: &Logs,
    run: &Run,
) -> Option<String> {
    let falls_back = container.termination_message_policy.as_deref()
        == Some("FallbackToLogsOnError")
        && exit_code != 0;
    // The file is the guest's to write, and its own to remove: what can't be read is no message.
    let mut bytes = tail(file, TERMINATION_MESSAGE_BYTES_MAX).unwrap_or_default();
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

/// The last bytes of a file.
fn tail(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // A link would lead to a file that is not the container's.
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes_max)))?;
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
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
        let file = root.path().join("message");
        let check =
            |policy: &str, code, said: Option<&str>, written: &str, expected: Option<&str>| {
                std::fs::write(&file, written).unwrap();
                let json = format!(r#"{{"name": "m", "terminationMessagePolicy": "{policy}"}}"#);
                let said = said.map(str::to_owned);
                let found = message(&container_from(&json), code, said, &file, &logs, &run);
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
