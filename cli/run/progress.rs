//! Shows how far everything is: lines that change on a terminal, else a line a change.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::{Name, Standing, called};
use super::printer::{Printer, To};

/// How many lines change on a terminal; what is beyond is told in the summary. Stops a folder of a
/// thousand Jobs from scrolling everything else away.
const BARS_MAX: usize = 16;

/// How often lines are written where they can't be changed, for each Job. A thousand completions
/// shall not be a thousand lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(1);

/// How often the elapsed time is drawn anew.
const TICK: Duration = Duration::from_millis(250);

/// How progress is shown.
pub(crate) enum Progress {
    /// Not at all.
    Quiet,
    /// In lines of standard error that stay.
    Plain(Plain),
    /// In lines of a terminal that change.
    Terminal(Terminal),
}

/// What was last written of each, and when.
pub(crate) struct Plain {
    written: BTreeMap<Name, (Instant, String)>,
    waiting: BTreeMap<Name, String>,
}

/// One line each.
pub(crate) struct Terminal {
    bars: MultiProgress,
    lines: BTreeMap<Name, ProgressBar>,
}

impl Progress {
    /// The best that standard error can show.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if std::io::stderr().is_terminal() {
            let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            return Self::Terminal(Terminal { bars, lines: BTreeMap::new() });
        }
        Self::Plain(Plain { written: BTreeMap::new(), waiting: BTreeMap::new() })
    }

    /// The lines that change, which have to be put aside to print.
    pub(crate) fn bars(&self) -> Option<MultiProgress> {
        match self {
            Self::Terminal(terminal) => Some(terminal.bars.clone()),
            Self::Quiet | Self::Plain(_) => None,
        }
    }

    /// Shows that `name` now stands so.
    pub(crate) fn show(&mut self, name: &Name, standing: &Standing, printer: &Printer) {
        match self {
            Self::Quiet => {}
            Self::Terminal(terminal) => terminal.show(name, standing),
            Self::Plain(plain) => {
                plain.waiting.insert(name.clone(), standing.to_string());
                let is_told_first = standing.end.is_some();
                plain.write(printer, |of| is_told_first && of == name);
            }
        }
    }

    /// Waits until there is more to write of what was shown; for ever if nothing is left.
    pub(crate) async fn due(&self) {
        let Self::Plain(plain) = self else { return std::future::pending().await };
        let due = |name| plain.written.get(name).map(|(at, _)| *at + PLAIN_INTERVAL);
        match plain.waiting.keys().filter_map(due).min() {
            Some(due) => tokio::time::sleep_until(due.into()).await,
            None => std::future::pending().await,
        }
    }

    /// Writes what is due.
    pub(crate) fn write_due(&mut self, printer: &Printer) {
        if let Self::Plain(plain) = self {
            plain.write(printer, |_| false);
        }
    }

    /// Takes the lines that change away.
    pub(crate) fn clear(&mut self) {
        if let Self::Terminal(terminal) = self {
            for bar in terminal.lines.values() {
                bar.finish_and_clear();
            }
        }
    }
}

impl Plain {
    /// Writes each waiting line whose time has come, or that is `urgent`.
    fn write(&mut self, printer: &Printer, urgent: impl Fn(&Name) -> bool) {
        let Self { written, waiting } = self;
        let now = Instant::now();
        waiting.retain(|name, text| match written.get(name) {
            Some((_, before)) if before == text => false,
            Some((at, _)) if now < *at + PLAIN_INTERVAL && !urgent(name) => true,
            _ => {
                printer.print(To::Stderr, format!("{}: {text}\n", called(name)));
                written.insert(name.clone(), (now, std::mem::take(text)));
                false
            }
        });
    }
}

impl Terminal {
    fn show(&mut self, name: &Name, standing: &Standing) {
        if !self.lines.contains_key(name) && self.lines.len() >= BARS_MAX {
            return;
        }
        let bars = &self.bars;
        let line = self.lines.entry(name.clone()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new(0));
            bar.set_style(style("{spinner} {prefix}  {msg}  {elapsed}"));
            bar.set_prefix(called(name));
            bar.enable_steady_tick(TICK);
            bar
        });
        line.set_message(standing.to_string());
        if standing.end.is_some() && !line.is_finished() {
            line.disable_steady_tick();
            line.set_style(style("  {prefix}  {msg}  {elapsed}"));
            line.finish();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template must be one")
}
