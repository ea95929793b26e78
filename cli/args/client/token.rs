//! What `mayfly token` can be asked for.

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::{EXIT_CODES, WhichServerArguments};
use crate::args::duration;

const EXAMPLES: &str = "\
Examples:
  mayfly token create                            prints the command with which another host joins
  mayfly token create --ttl 1h --description 'the new rack'
  mayfly token create --server https://build.example.org:6443
  mayfly token list
  mayfly token delete abcdef                     nobody joins with that one any more";

/// `mayfly token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and print the command with which another host joins; it is shown once.
    Create(TokenCreateArguments),
    /// List the tokens that there are, which does not tell what is secret of them.
    List {
        #[command(flatten)]
        server: WhichServerArguments,
    },
    /// Delete tokens. Hosts that have joined with them stay.
    Delete {
        /// The first parts of tokens, or whole ones.
        #[arg(required = true, value_name = "ID|TOKEN")]
        tokens: Vec<String>,
        #[command(flatten)]
        server: WhichServerArguments,
    },
}

/// `mayfly token create`.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct TokenCreateArguments {
    /// How long hosts can join with it, such as 2h; 0s is for ever.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
    pub(crate) ttl: SignedDuration,
    /// What it is for, for people.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// How other hosts reach the server [default: as the kubeconfig does].
    #[arg(long = "server", value_name = "https://HOST:PORT", value_parser = crate::args::server)]
    pub(crate) reached_at: Option<String>,
    #[command(flatten)]
    pub(crate) server: WhichServerArguments,
}
