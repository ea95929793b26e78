//! What the program can be asked for.

use std::path::{Path, PathBuf};
use std::process::exit;

const USAGE: &str = "\
usage: speed-bench [--scale FRACTION] [--runs COUNT] [--mayfly FILE] [--against FILE] [ROW...]

  --scale    do this fraction of each row's work, such as 0.01 for a quick look (1)
  --runs     measure each this many times, and give medians (5)
  --mayfly   the command to measure (target/release/mayfly)
  --against  another mayfly, measured in turn with it as a further peer
  ROW        only these rows; all if there is none";

/// What is asked for.
pub(crate) struct Options {
    pub(crate) scale: f64,
    pub(crate) runs: usize,
    pub(crate) mayfly: PathBuf,
    /// An older one, say.
    pub(crate) against: Option<PathBuf>,
    rows: Vec<String>,
}

impl Options {
    /// Reads `arguments`, or says how to use them and ends.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let mayfly = repository().join("target/release/mayfly");
        let mut options = Self { scale: 1.0, runs: 5, mayfly, against: None, rows: Vec::new() };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| usage());
            match argument.as_str() {
                "--scale" => options.scale = value().parse().unwrap_or_else(|_| usage()),
                "--runs" => options.runs = value().parse().unwrap_or_else(|_| usage()),
                "--mayfly" => options.mayfly = PathBuf::from(value()),
                "--against" => options.against = Some(PathBuf::from(value())),
                row if crate::rows::ALL.iter().any(|(name, _)| *name == row) => {
                    options.rows.push(argument);
                }
                _ => usage(),
            }
        }
        options.runs = options.runs.max(1);
        options
    }

    pub(crate) fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }

    /// So many of `whole` as the scale says, and one at least.
    pub(crate) fn scaled(&self, whole: usize) -> usize {
        ((whole as f64 * self.scale) as usize).max(1)
    }

    /// The commands to measure in turn, and what they are called in the table.
    pub(crate) fn mayflies(&self) -> Vec<(&'static str, &Path)> {
        let against = self.against.as_deref().map(|path| ("the other mayfly", path));
        std::iter::once(("", self.mayfly.as_path())).chain(against).collect()
    }

    /// What the table below it is of.
    pub(crate) fn title(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (scale, runs) = (self.scale, self.runs);
        format!("{cores} cores, scale {scale}, medians of {runs} runs, taken in turn\n")
    }
}

fn usage() -> ! {
    eprintln!("{USAGE}\n  rows:");
    crate::rows::ALL.iter().for_each(|(name, _)| eprintln!("    {name}"));
    exit(2)
}

/// Where the checkout is.
pub(crate) fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// A guest that comes with the checkout.
pub(crate) fn guest(name: &str) -> PathBuf {
    repository().join("guests/prebuilt").join(name).with_extension("wasm")
}
