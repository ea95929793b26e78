//! The end of a run in a few lines.

use std::collections::BTreeMap;

use mayfly_controller::api::Timestamp;

use super::board::{End, Name, Standing, Verdict, called};
use crate::exit::Exit;

/// A line each, with how it ended, how far it came and how long it took.
pub(crate) fn text_of(board: &BTreeMap<Name, Standing>, now: Timestamp) -> String {
    let width = board.keys().map(|name| called(name).len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, standing) in board {
        text += &format!("{:width$}  {}{}", called(name), not_over(standing), standing);
        if let Some(seconds) = seconds(standing, now) {
            text += &format!(", {seconds:.1} s");
        }
        if let Some(why) = standing.end.as_ref().and_then(End::why) {
            text += &format!(" ({})", why.trim_end().replace('\n', "; "));
        }
        text.push('\n');
    }
    text
}

/// How a run with these ends has ended.
pub(crate) fn exit_of(board: &BTreeMap<Name, Standing>) -> Exit {
    let is_done = |standing: &Standing| {
        standing.end.as_ref().is_some_and(|end| end.verdict == Verdict::Succeeded)
    };
    if board.values().all(is_done) { Exit::Done } else { Exit::Failed }
}

fn not_over(standing: &Standing) -> &'static str {
    if standing.end.is_none() { "stopped with " } else { "" }
}

fn seconds(standing: &Standing, now: Timestamp) -> Option<f64> {
    let until = match &standing.end {
        Some(end) => end.at?,
        None => now,
    };
    Some(until.duration_since(standing.started_at?).as_secs_f64().max(0.0))
}
