//! What `mayfly backup` and `mayfly restore` can be asked for.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::client::WhichServerArguments;

const BACKUP_EXAMPLES: &str = "\
Examples:
  mayfly backup monday.jsonl                         of the server that the kubeconfig names
  mayfly backup - | zstd > monday.jsonl.zst          packed
  mayfly backup --state-dir DIR monday.jsonl         of a folder that nobody serves

It has every object, Secrets too, as they were at one moment; the server goes on meanwhile. Logs,
images, files of volumes and the server's own certificates and users are not in it.";

/// `mayfly backup`.
#[derive(Args, Debug)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupArguments {
    /// Where to write it, for its owner alone; - is standard output.
    #[arg(value_name = "FILE|-", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The state folder of a server that does not run, instead of asking one.
    #[arg(
        long, value_name = "DIR", value_hint = ValueHint::DirPath,
        conflicts_with_all = ["kubeconfig", "context"]
    )]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: WhichServerArguments,
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  mayfly restore --replace monday.jsonl              on the server that the kubeconfig names
  zstd -dc monday.jsonl.zst | mayfly restore --replace -
  mayfly restore --state-dir DIR monday.jsonl        into a folder that nobody serves

Either all of it is restored or nothing. A server stops its pods, takes the backup in the place of
everything that it has, and goes on from there as after a restart: what ran when the backup was made
runs again, what has come since is gone, and clients that watch list again.";

/// `mayfly restore`.
#[derive(Args, Debug)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(crate) struct RestoreArguments {
    /// What `mayfly backup` has written; - is standard input.
    #[arg(value_name = "FILE|-", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// What is there now may be lost.
    #[arg(long)]
    pub(crate) replace: bool,
    /// The state folder of a server that does not run, instead of asking one.
    #[arg(
        long, value_name = "DIR", value_hint = ValueHint::DirPath,
        conflicts_with_all = ["kubeconfig", "context"]
    )]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: WhichServerArguments,
}
