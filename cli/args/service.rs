//! What both processes that stay can be asked for: `mayfly serve` and `mayfly node`.

use clap::{Args, ValueEnum};

use super::{ConfinementOptions, HostOptions, ImageOptions};

/// How pods are run, and what is said of it.
#[derive(Args, Debug)]
pub(crate) struct ServiceOptions {
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) host: HostOptions,
    #[command(flatten)]
    pub(crate) confinement: ConfinementOptions,
    /// What to log: off, error, warn, info, debug or trace, or directives as RUST_LOG has them, which
    /// it goes before; `mayfly log-level` changes it while a server runs.
    #[arg(long, value_name = "LEVEL|DIRECTIVES", value_parser = crate::log::checked)]
    pub(crate) log_level: Option<String>,
    /// How to write what is logged: for people, or a JSON object a line.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// The form of what is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line, for programs.
    Json,
}
