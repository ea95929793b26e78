//! A line at the bottom of the terminal that standard error is; nothing where it is none.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit;

/// How often the elapsed time is drawn anew.
const TICK: Duration = Duration::from_millis(250);

/// Where something stands, for people.
pub(in crate::client) struct Progress {
    /// `None` where there is no terminal.
    bar: Option<ProgressBar>,
    /// Whether what is printed is on a terminal as well.
    prints_there: bool,
    /// Where it stands, and what holds it up.
    said: RefCell<(String, Option<String>)>,
}

impl Progress {
    /// Nothing is shown yet.
    pub(in crate::client) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let template = "{spinner} {wide_msg}  {elapsed} ";
            let style = ProgressStyle::with_template(template).expect("a template must be one");
            bar.with_style(style)
        });
        Self { bar, prints_there: io::stdout().is_terminal(), said: RefCell::default() }
    }

    /// Whether there is a terminal.
    pub(in crate::client) fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    /// Shows where it stands.
    pub(super) fn stands(&self, text: String) {
        self.said.borrow_mut().0 = text;
        self.draw();
    }

    /// Shows what holds it up, or that nothing does.
    pub(super) fn held_up(&self, text: Option<String>) {
        self.said.borrow_mut().1 = text;
        self.draw();
    }

    fn draw(&self) {
        let Some(bar) = &self.bar else { return };
        let said = self.said.borrow();
        if said.0.is_empty() {
            return;
        }
        bar.set_message(match &said.1 {
            Some(trouble) => format!("{}; {trouble}", said.0),
            None => said.0.clone(),
        });
        bar.enable_steady_tick(TICK);
    }

    /// Writes a line to standard error, above what is shown.
    pub(super) fn tell(&self, line: &str) {
        self.aside(|| eprintln!("{line}"));
    }

    /// Writes `lines` to standard output, above what is shown.
    pub(in crate::client) fn print(&self, lines: &[u8]) -> anyhow::Result<()> {
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(lines)?;
            if self.is_shown() && self.prints_there && !lines.ends_with(b"\n") {
                // It would be wiped with the line that comes after it.
                stdout.write_all(b"\n")?;
            }
            stdout.flush()
        };
        if lines.is_empty() {
            return Ok(());
        }
        self.aside(write).map_err(exit::stdout_error)
    }

    /// Takes the line away while something else is written.
    pub(in crate::client) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
