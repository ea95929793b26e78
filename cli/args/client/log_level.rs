//! What `mayfly log-level` can be asked for.

use clap::Args;

use super::{EXIT_CODES, WhichServerArguments};

const EXAMPLES: &str = "\
Examples:
  mayfly log-level                               what the server logs
  mayfly log-level debug                         more of it, at once
  mayfly log-level mayfly=info,mayfly_controller::job=trace
  mayfly log-level --reset                       what it began with";

/// `mayfly log-level`.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct LogLevelArguments {
    /// A level (off, error, warn, info, debug, trace), or directives as RUST_LOG has them.
    #[arg(value_name = "LEVEL|DIRECTIVES", value_parser = crate::log::checked)]
    pub(crate) directives: Option<String>,
    /// Log what the server began with.
    #[arg(long, conflicts_with = "directives")]
    pub(crate) reset: bool,
    #[command(flatten)]
    pub(crate) server: WhichServerArguments,
}
