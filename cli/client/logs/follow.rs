//! Follows a log to its end: over breaks of the connection, and restarts of the server.
//!
//! Lines come with their times, by which it is known where to go on; the times are only shown if
//! they are wanted.

use std::mem;

use futures_util::StreamExt;
use jiff::Timestamp;
use mayfly_controller::api::Kind;

use super::choose::{Source, status_of};
use super::stream::open;
use super::unfinished::Unfinished;
use crate::args::client::LogsArguments;
use crate::client::complaint::{is_refusal, is_unreachable};
use crate::client::request::{As, Pairs, Server};
use crate::client::resource::Resource;
use crate::client::waiting::Progress;
use crate::client::watch::{AGAIN_AFTER, BREAKS_MAX};

/// Prints the log of `source` until the container has ended.
pub(super) async fn print(
    server: &Server,
    source: &Source,
    query: &Pairs,
    arguments: &LogsArguments,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut lines = Lines {
        prefix: if arguments.prefix { source.prefix() } else { String::new() },
        with_times: arguments.timestamps,
        ..Lines::default()
    };
    let mut has_begun = false;
    let mut breaks = 0;
    loop {
        let known = lines.last;
        match open(server, source, &lines.query(query)).await {
            Ok(mut bytes) => {
                has_begun = true;
                // What breaks off is as good as an end: whether it is one, the pod says.
                while let Some(Ok(some)) = bytes.next().await {
                    progress.print(&lines.take(&some))?;
                }
            }
            Err(error) if has_begun && is_unreachable(&error) => {}
            // The run was lost with its server, and the next one has not started it anew yet.
            Err(error) if has_begun && is_refusal(&error, 400) && breaks < BREAKS_MAX => {}
            // It was taken away meanwhile, which is as good an end as any.
            Err(error) if has_begun && is_refusal(&error, 404) => {
                return progress.print(&lines.finish());
            }
            Err(error) => return Err(error),
        }
        let goes_on = match goes_on(server, source).await {
            Err(error) if is_unreachable(&error) => true,
            goes_on => goes_on?,
        };
        // A number of bytes can't be gone on with.
        if !goes_on || arguments.limit_bytes.is_some() {
            return progress.print(&lines.finish());
        }
        breaks = if lines.last == known { breaks + 1 } else { 0 };
        if breaks > BREAKS_MAX {
            return progress.print(&lines.finish());
        }
        lines.begin_again();
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Whether the container of `source` still runs, or is about to, without having been restarted.
async fn goes_on(server: &Server, source: &Source) -> anyhow::Result<bool> {
    let path = Resource::of(Kind::Pod).path_of(&source.namespace, &source.pod);
    let pod = match server.get(&path, &Vec::new(), As::Objects).await {
        Err(error) if is_refusal(&error, 404) => return Ok(false),
        pod => pod?,
    };
    let status = status_of(&pod, &source.container);
    let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let state = &status["state"];
    // What waits after an end of its own waits to be restarted, and this log is over.
    let waits = !state["waiting"].is_null() && status["lastState"]["terminated"].is_null();
    let goes_on = !state["running"].is_null() || waits;
    let is_same = status["restartCount"].as_i64().unwrap_or(0) == source.restarts;
    Ok(!is_over && goes_on && is_same)
}

/// The lines that have come, and where to go on.
#[derive(Default)]
struct Lines {
    prefix: String,
    with_times: bool,
    unfinished: Unfinished,
    /// The time of the last line.
    last: Option<Timestamp>,
    /// How many lines of that time have been printed.
    of_last: usize,
    /// How many of them are still to be passed over, after a break; `None` once all are.
    to_pass: Option<usize>,
    /// The beginning of a line that a break has cut; it comes again, unless nothing does.
    cut: Vec<u8>,
}

impl Lines {
    /// What to ask for: times always, and after a break only what may be new.
    fn query(&self, query: &Pairs) -> Pairs {
        let mut query = query.clone();
        query.retain(|(key, _)| *key != "timestamps");
        query.push(("timestamps", "true".to_owned()));
        if let Some(last) = self.last {
            query.retain(|(key, _)| !["tailLines", "sinceSeconds", "sinceTime"].contains(key));
            query.push(("sinceTime", last.to_string()));
        }
        query
    }

    fn begin_again(&mut self) {
        // The rest of the line comes with its beginning.
        let rest = self.unfinished.finish();
        // There may be several breaks before anything comes again.
        if !rest.is_empty() {
            self.cut = rest;
        }
        self.to_pass = self.last.map(|_| self.of_last);
    }

    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.cut.clear();
        let whole = self.unfinished.take(bytes);
        let mut printed = Vec::new();
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            self.line(line, &mut printed);
        }
        printed
    }

    fn finish(mut self) -> Vec<u8> {
        let mut line = self.unfinished.finish();
        if !self.cut.is_empty() {
            (line, self.to_pass) = (mem::take(&mut self.cut), None);
        }
        let mut printed = Vec::new();
        if !line.is_empty() {
            self.line(&line, &mut printed);
        }
        printed
    }

    fn line(&mut self, line: &[u8], to: &mut Vec<u8>) {
        let (time, text) = timed(line);
        if let Some(time) = time {
            if let (Some(left), Some(last)) = (&mut self.to_pass, self.last) {
                if time < last {
                    return;
                }
                if time == last && *left > 0 {
                    *left -= 1;
                    return;
                }
                self.to_pass = None;
            }
            self.of_last = if self.last == Some(time) { self.of_last + 1 } else { 1 };
            self.last = Some(time);
        }
        to.extend_from_slice(self.prefix.as_bytes());
        to.extend_from_slice(if self.with_times { line } else { text });
    }
}

/// A line's time, and the rest of it.
fn timed(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let Some(end) = line.iter().position(|byte| *byte == b' ') else { return (None, line) };
    let time = std::str::from_utf8(&line[..end]).ok().and_then(|text| text.parse().ok());
    if time.is_some() { (time, &line[end + 1..]) } else { (None, line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_break_it_goes_on_where_it_was() {
        let mut lines = Lines::default();
        let take =
            |lines: &mut Lines, text: &str| String::from_utf8(lines.take(text.as_bytes())).unwrap();
        let first = "2026-01-01T00:00:01Z a\n2026-01-01T00:00:02Z b\n2026-01-01T00:00:02Z c\n2026-01-01T00:00:02Z unfin";
        assert_eq!(take(&mut lines, first), "a\nb\nc\n");
        lines.begin_again();
        let again = "2026-01-01T00:00:01.5Z x\n2026-01-01T00:00:02Z b\n2026-01-01T00:00:02Z c\n2026-01-01T00:00:02Z unfinished\n2026-01-01T00:00:03Z d";
        assert_eq!(take(&mut lines, again), "unfinished\n");
        let query =
            lines.query(&vec![("tailLines", "3".to_owned()), ("follow", "true".to_owned())]);
        let query: Vec<_> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(query, ["follow=true", "timestamps=true", "sinceTime=2026-01-01T00:00:02Z"]);
        assert_eq!(lines.finish(), b"d");
    }

    #[test]
    fn a_line_that_a_break_has_cut_is_not_lost_if_nothing_comes_again() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"2026-01-01T00:00:01Z a\n2026-01-01T00:00:01Z b"), b"a\n");
        lines.begin_again();
        lines.begin_again();
        assert_eq!(lines.finish(), b"b");
    }

    #[test]
    fn times_and_prefixes_are_shown_if_wanted() {
        let line = b"2026-01-01T00:00:01Z a b\n";
        let mut bare = Lines { prefix: "[p] ".to_owned(), ..Lines::default() };
        assert_eq!(bare.take(line), b"[p] a b\n");
        let mut timed = Lines { with_times: true, ..Lines::default() };
        assert_eq!(timed.take(line), line);
        assert_eq!(Lines::default().take(b"no time\n"), b"no time\n");
    }
}
