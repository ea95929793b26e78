//! How lines of a log are printed. Pure.
//!
//! Source: `PodLogOptions`, and the kubelet's way with them: a time stands before what begins a
//! line, and counts among the bytes.

use super::options::{Options, Wanted};
use crate::node::Stream;
use crate::node::logs::LogLine;

/// Prints lines as is asked for, until they are as many bytes as may be.
pub(super) struct Print {
    has_timestamps: bool,
    stream: Wanted,
    bytes_left: Option<u64>,
    /// Whether what was printed last ended its line.
    is_new_line: bool,
}

impl Print {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            has_timestamps: options.has_timestamps,
            stream: options.stream,
            bytes_left: options.limit_bytes,
            is_new_line: true,
        }
    }

    /// Whether nothing more is printed, whatever comes.
    pub(super) fn is_over(&self) -> bool {
        self.bytes_left == Some(0)
    }

    /// Adds `line` to `text`.
    pub(super) fn line(&mut self, line: &LogLine, text: &mut Vec<u8>) {
        let is_wanted = match self.stream {
            Wanted::All => true,
            Wanted::Stdout => line.stream == Stream::Stdout,
            Wanted::Stderr => line.stream == Stream::Stderr,
        };
        if !is_wanted {
            return;
        }
        if self.has_timestamps && self.is_new_line {
            self.add(format!("{:.9} ", line.at).as_bytes(), text);
        }
        self.add(&line.bytes, text);
        self.is_new_line = line.bytes.ends_with(b"\n");
    }

    fn add(&mut self, bytes: &[u8], text: &mut Vec<u8>) {
        let Some(left) = &mut self.bytes_left else { return text.extend_from_slice(bytes) };
        let fitting = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        text.extend_from_slice(&bytes[..fitting]);
        *left -= fitting as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::options::Query;

    #[test]
    fn lines_are_printed_as_is_asked() {
        let check = |query: &str, expected: &str| {
            let now = "2026-01-02T03:05:05Z".parse().unwrap();
            let options = Options::parse(&Query::parse(query), "p", now).unwrap();
            let mut print = Print::new(&options);
            let mut text = Vec::new();
            for (stream, printed) in [
                (Stream::Stdout, "one\n"),
                (Stream::Stderr, "err\n"),
                (Stream::Stdout, "a long "),
                (Stream::Stdout, "line\n"),
                (Stream::Stdout, "unfinished"),
            ] {
                let at = "2026-01-02T03:04:05.5Z".parse().unwrap();
                let line = LogLine { at, stream, bytes: printed.as_bytes().to_vec() };
                if !print.is_over() {
                    print.line(&line, &mut text);
                }
            }
            assert_eq!(String::from_utf8(text).unwrap(), expected, "{query}");
        };
        let at = "2026-01-02T03:04:05.500000000Z";
        check("", "one\nerr\na long line\nunfinished");
        check("stream=Stdout", "one\na long line\nunfinished");
        check("stream=Stderr", "err\n");
        check("limitBytes=6", "one\ner");
        check("limitBytes=8", "one\nerr\n");
        check("timestamps=true", &format!("{at} one\n{at} err\n{at} a long line\n{at} unfinished"));
        check("timestamps=true&limitBytes=32", &format!("{at} o"));
    }
}
