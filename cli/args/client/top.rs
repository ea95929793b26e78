//! The options of `mayfly top`.

use clap::{Args, Subcommand, ValueEnum};

use super::{EXIT_CODES, ServerArguments};
use crate::client::top::jobs::Sort;

const EXAMPLES: &str = "\
Examples:
  mayfly top                               the Jobs of the namespace, live; h says what keys do
  mayfly top -A --sort-by=memory           of every namespace, the largest first
  mayfly top | cat                         one table, and that was it
  mayfly top pod                           the pods that run, as kubectl has it
";

/// `mayfly top`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
pub(crate) struct TopArguments {
    #[command(subcommand)]
    pub(crate) what: Option<TopCommand>,
    #[command(flatten)]
    pub(crate) jobs: TopJobArguments,
}

/// What `mayfly top` is of.
#[derive(Debug, Subcommand)]
pub(crate) enum TopCommand {
    /// Show how much of cores and memory the pods of Jobs use, live on a terminal; the same as without
    /// a word.
    #[command(visible_alias = "jobs", after_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
    Job(TopJobArguments),
    /// Show how much of cores and memory pods use.
    #[command(visible_aliases = ["pods", "po"])]
    Pod(TopPodArguments),
    /// Show how much of a node its pods use.
    #[command(visible_aliases = ["nodes", "no"])]
    Node(TopNodeArguments),
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// The one that uses most of the cores.
    Cpu,
    /// The one that uses most memory.
    Memory,
}

/// `mayfly top job`.
#[derive(Args, Debug)]
pub(crate) struct TopJobArguments {
    /// In every namespace.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
    /// Which come first; a key changes it.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "cpu")]
    pub(crate) sort_by: Sort,
    /// No line with the names of the columns, where one table is printed.
    #[arg(long)]
    pub(crate) no_headers: bool,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

const POD_EXAMPLES: &str = "\
Examples:
  mayfly top pod                           the pods of the namespace that run
  mayfly top pod pi-x7k2p --containers     the containers of one of them
  mayfly top pod -A --sort-by=cpu --sum    of every namespace, the busiest first
";

/// `mayfly top pod`.
#[derive(Args, Debug)]
#[command(after_help = format!("{POD_EXAMPLES}\n{EXIT_CODES}"))]
pub(crate) struct TopPodArguments {
    /// Only this pod.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only those with labels, such as job-name=pi or 'tier in (a,b)'.
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "name")]
    pub(crate) selector: Option<String>,
    /// Only those with fields, such as spec.nodeName=localhost.
    #[arg(long, value_name = "SELECTOR", conflicts_with = "name")]
    pub(crate) field_selector: Option<String>,
    /// Each container for itself.
    #[arg(long)]
    pub(crate) containers: bool,
    /// In every namespace.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
    /// A last line with the sum.
    #[arg(long)]
    pub(crate) sum: bool,
    /// Which come first [default: by name].
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) sort_by: Option<SortBy>,
    /// No line with the names of the columns.
    #[arg(long)]
    pub(crate) no_headers: bool,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// `mayfly top node`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct TopNodeArguments {
    /// Only this node.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only those with labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "name")]
    pub(crate) selector: Option<String>,
    /// Shares of all that the node has, not of what it has for pods.
    #[arg(long)]
    pub(crate) show_capacity: bool,
    /// Which come first [default: by name].
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) sort_by: Option<SortBy>,
    /// No line with the names of the columns.
    #[arg(long)]
    pub(crate) no_headers: bool,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}
