//! How far a transfer has come, on a terminal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mayfly_images::Progress;

/// A bar for each blob; nothing where standard error is no terminal.
pub(super) struct Bars {
    all: MultiProgress,
    /// By digest.
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self { all: MultiProgress::new(), bars: Mutex::default() }
    }

    /// Shows `progress`.
    pub(super) fn show(&self, progress: Progress<'_>) {
        match progress {
            Progress::Downloading { digest, at, of } => self.bar(digest.hex(), of).set_position(at),
            Progress::Downloaded { digest } => self.bar(digest.hex(), 0).finish(),
            Progress::Uploaded { digest } => self.bar(digest.hex(), 0).finish(),
            Progress::Unpacking => {}
        }
    }

    /// Takes them off the terminal.
    pub(super) fn clear(&self) {
        // It is decoration: a terminal that has gone is told of elsewhere.
        let _is_cleared = self.all.clear();
    }

    fn bar(&self, hex: &str, length: u64) -> ProgressBar {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(hex.to_owned()).or_insert_with(|| {
            let style =
                ProgressStyle::with_template("{prefix} {bar:30} {bytes}/{total_bytes} {eta}")
                    .expect("a constant must be a template");
            let bar = self.all.add(ProgressBar::new(length).with_style(style));
            bar.set_prefix(hex.chars().take(12).collect::<String>());
            bar
        });
        bar.clone()
    }
}
