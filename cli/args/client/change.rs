//! The options of the commands that make, change and delete objects.

use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueEnum, ValueHint};

use super::{EXIT_CODES, FileArguments, SelectArguments, ServerArguments, span};
use crate::client::output::Output;

/// Where a change ends that is only tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    /// It is made.
    #[default]
    None,
    /// Here: the server is not asked.
    Client,
    /// On the server, which checks it and does not store it.
    Server,
}

/// What becomes of fields that no such kind has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Validate {
    /// They are errors.
    #[default]
    #[value(alias = "true")]
    Strict,
    /// They are warned of.
    Warn,
    /// They are dropped.
    #[value(alias = "false")]
    Ignore,
}

/// How an object is made.
#[derive(Args, Clone, Debug)]
pub(crate) struct MakeArguments {
    /// Only try it: here (client) or on the server, which stores nothing then.
    #[arg(
        long, value_name = "WHERE", value_enum, default_value_t, num_args = 0..=1,
        require_equals = true, default_missing_value = "client"
    )]
    pub(crate) dry_run: DryRun,
    /// Print the object instead of a word: json, yaml, name, jsonpath=TEMPLATE.
    #[arg(short, long, value_name = "FORMAT", value_parser = Output::parse)]
    pub(crate) output: Option<Output>,
    /// What becomes of fields that no such kind has.
    #[arg(
        long, value_enum, default_value_t, num_args = 0..=1, require_equals = true,
        default_missing_value = "strict"
    )]
    pub(crate) validate: Validate,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

const CREATE_EXAMPLES: &str = "\
Examples:
  mayfly create -f job.yml
  mayfly create job hello --image=hello -- hello world
  mayfly create job now --from=cronjob/nightly       a CronJob's Job, at once
  mayfly create cronjob nightly --image=hello --schedule='0 3 * * *'
  mayfly create configmap settings --from-literal=a=b --from-file=settings.ini
";

/// `mayfly create`.
#[derive(Args, Debug)]
#[command(
    after_help = format!("{CREATE_EXAMPLES}\n{EXIT_CODES}"),
    args_conflicts_with_subcommands = true
)]
pub(crate) struct CreateArguments {
    #[command(flatten)]
    pub(crate) files: FileArguments,
    #[command(flatten)]
    pub(crate) make: MakeArguments,
    /// What to create if not manifests.
    #[command(subcommand)]
    pub(crate) one: Option<CreateCommand>,
}

/// `mayfly create KIND`.
#[derive(Debug, Subcommand)]
pub(crate) enum CreateCommand {
    /// A Job with one container, or one of a CronJob.
    Job {
        /// Its name.
        name: String,
        /// The image of its container.
        #[arg(long, required_unless_present = "from", conflicts_with = "from")]
        image: Option<String>,
        /// cronjob/NAME, whose Job it is to be.
        #[arg(long, value_name = "cronjob/NAME")]
        from: Option<String>,
        #[command(flatten)]
        make: MakeArguments,
        /// The command of its container.
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// A CronJob with one container.
    #[command(visible_alias = "cj")]
    Cronjob {
        /// Its name.
        name: String,
        /// The image of its container.
        #[arg(long)]
        image: String,
        /// When, such as '*/5 * * * *'.
        #[arg(long)]
        schedule: String,
        /// OnFailure or Never.
        #[arg(long, default_value = "OnFailure")]
        restart: String,
        #[command(flatten)]
        make: MakeArguments,
        /// The command of its container.
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// A Namespace.
    #[command(visible_alias = "ns")]
    Namespace {
        /// Its name.
        name: String,
        #[command(flatten)]
        make: MakeArguments,
    },
    /// A ConfigMap.
    #[command(visible_alias = "cm")]
    Configmap {
        /// Its name.
        name: String,
        #[command(flatten)]
        content: ContentArguments,
        #[command(flatten)]
        make: MakeArguments,
    },
    /// A Secret.
    #[command(subcommand)]
    Secret(CreateSecretCommand),
    /// A ResourceQuota, which bounds what a namespace holds.
    #[command(visible_alias = "resourcequota")]
    Quota {
        /// Its name.
        name: String,
        /// What it allows, such as pods=10,requests.cpu=4,count/jobs.batch=20.
        #[arg(long, value_name = "RESOURCE=AMOUNT,...", value_delimiter = ',')]
        hard: Vec<String>,
        /// Which pods it is about, such as Terminating,NotBestEffort; all, if none is named.
        #[arg(long, value_name = "SCOPE,...", value_delimiter = ',')]
        scopes: Vec<String>,
        #[command(flatten)]
        make: MakeArguments,
    },
}

/// `mayfly create secret TYPE`.
#[derive(Debug, Subcommand)]
pub(crate) enum CreateSecretCommand {
    /// A Secret of entries and files.
    Generic {
        /// Its name.
        name: String,
        #[command(flatten)]
        content: ContentArguments,
        /// Its type [default: Opaque].
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        #[command(flatten)]
        make: MakeArguments,
    },
}

/// What a ConfigMap or Secret holds.
#[derive(Args, Clone, Debug)]
pub(crate) struct ContentArguments {
    /// An entry; may be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) from_literal: Vec<String>,
    /// A file, or every file of a folder, under its name or KEY; may be given again.
    #[arg(long, value_name = "[KEY=]FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) from_file: Vec<String>,
}

/// `mayfly apply`.
#[derive(Args, Debug)]
#[command(after_help = format!("Example:\n  mayfly apply -f jobs/\n\n{EXIT_CODES}"))]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    pub(crate) files: FileArguments,
    /// Take over fields that somebody else has set otherwise.
    #[arg(long)]
    pub(crate) force_conflicts: bool,
    /// Who we are to the server: fields belong to who applied them.
    #[arg(long, value_name = "NAME", default_value = "mayfly")]
    pub(crate) field_manager: String,
    /// It is always the server that applies; taken because kubectl has it.
    #[arg(long, hide = true)]
    pub(crate) server_side: bool,
    #[command(flatten)]
    pub(crate) make: MakeArguments,
}

/// What becomes of what an object has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cascade {
    /// It is deleted after the object.
    #[default]
    #[value(alias = "true")]
    Background,
    /// It is deleted before the object.
    Foreground,
    /// It stays.
    #[value(alias = "false")]
    Orphan,
}

/// `mayfly delete`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    /// Every object of the type in the namespace.
    #[arg(long)]
    pub(crate) all: bool,
    /// What becomes of what the object has made.
    #[arg(
        long, value_enum, default_value_t, num_args = 0..=1, require_equals = true,
        default_missing_value = "background"
    )]
    pub(crate) cascade: Cascade,
    /// Seconds to end by itself; -1 is what the object says.
    #[arg(long, value_name = "SECONDS", default_value_t = -1, allow_negative_numbers = true)]
    pub(crate) grace_period: i64,
    /// With --grace-period=0: forget the object at once, whatever still runs.
    #[arg(long)]
    pub(crate) force: bool,
    /// The same as --grace-period=1.
    #[arg(long)]
    pub(crate) now: bool,
    /// Whether to wait until it is gone.
    #[arg(
        long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true"
    )]
    pub(crate) wait: bool,
    /// How long to wait for each; 0 is for ever.
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "0s")]
    pub(crate) timeout: Duration,
    /// What is not there is no error.
    #[arg(long)]
    pub(crate) ignore_not_found: bool,
    /// Only try it: here (client) or on the server, which deletes nothing then.
    #[arg(
        long, value_name = "WHERE", value_enum, default_value_t, num_args = 0..=1,
        require_equals = true, default_missing_value = "client"
    )]
    pub(crate) dry_run: DryRun,
    /// name, for what was deleted in few words.
    #[arg(short, long, value_name = "FORMAT", value_parser = ["name"])]
    pub(crate) output: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// `mayfly rerun`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct RerunArguments {
    /// The Job, NAME or job/NAME, which stays as it is.
    #[arg(value_name = "JOB")]
    pub(crate) job: String,
    /// The name of the new one [default: that of the old one and five random characters].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) make: MakeArguments,
}
