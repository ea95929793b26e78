//! One line of a log file: `2026-01-02T03:04:05.000000000Z stdout F text`.
//!
//! Source: the CRI's log format. `P` marks a line that goes on in the next one of its stream.

use crate::api::Timestamp;
use crate::node::runtime::Stream;

/// What a container printed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// Where to.
    pub stream: Stream,
    /// The bytes, with the newline if the container printed one.
    pub bytes: Vec<u8>,
}

/// Adds the line that holds `text`, which has no newline; `is_full` says that one followed.
pub(super) fn format(
    line: &mut Vec<u8>,
    at: Timestamp,
    stream: Stream,
    is_full: bool,
    text: &[u8],
) {
    let stream = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    let tag = if is_full { 'F' } else { 'P' };
    line.extend_from_slice(format!("{at:.9} {stream} {tag} ").as_bytes());
    line.extend_from_slice(text);
    line.push(b'\n');
}

/// The line that `line` is, without its own newline; `None` if it is none.
pub(super) fn parse(line: &[u8]) -> Option<LogLine> {
    let mut fields = line.splitn(4, |byte| *byte == b' ');
    let at = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let stream = match fields.next()? {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    // Tags are separated by colons; only the first has a meaning.
    let is_full = match fields.next()?.first()? {
        b'F' => true,
        b'P' => false,
        _ => return None,
    };
    let mut bytes = fields.next()?.to_vec();
    if is_full {
        bytes.push(b'\n');
    }
    Some(LogLine { at, stream, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let at: Timestamp = "2026-01-02T03:04:05.000000007Z".parse().unwrap();
        let check = |stream, is_full, text: &[u8], expected: &str| {
            let mut line = Vec::new();
            format(&mut line, at, stream, is_full, text);
            assert_eq!(String::from_utf8_lossy(&line), expected);
            let bytes = if is_full { [text, b"\n"].concat() } else { text.to_vec() };
            let parsed = parse(line.strip_suffix(b"\n").unwrap());
            assert_eq!(parsed, Some(LogLine { at, stream, bytes }));
        };
        let time = "2026-01-02T03:04:05.000000007Z";
        check(Stream::Stdout, true, b"a line", &format!("{time} stdout F a line\n"));
        check(Stream::Stderr, false, b" part", &format!("{time} stderr P  part\n"));
        check(Stream::Stdout, true, b"", &format!("{time} stdout F \n"));
    }

    #[test]
    fn nonsense_is_no_line() {
        for nonsense in ["", "x", "2026-01-02T03:04:05Z stdout", "yesterday stdout F x"] {
            assert_eq!(parse(nonsense.as_bytes()), None, "{nonsense:?}");
        }
    }
}
