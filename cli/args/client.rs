//! The options of the commands that speak to a server.
//!
//! They are kubectl's, so that what people know by heart works.

mod change;
mod log_level;
mod token;
mod top;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueHint};

pub(crate) use change::{
    ApplyArguments, Cascade, ContentArguments, CreateArguments, CreateCommand, CreateSecretCommand,
    DeleteArguments, DryRun, MakeArguments, RerunArguments, Validate,
};
pub(crate) use log_level::LogLevelArguments;
pub(crate) use token::{TokenCommand, TokenCreateArguments};
pub(crate) use top::{
    SortBy, TopArguments, TopCommand, TopJobArguments, TopNodeArguments, TopPodArguments,
};

use super::later::Later;
use crate::client::output::Output;
use crate::client::wait::For;

/// The commands that speak to a server.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Create objects from manifests, or one from the options of its kind.
    Create(Later<CreateArguments>),
    /// Make objects on the server as the manifests say, by server-side apply.
    Apply(Later<ApplyArguments>),
    /// Show objects, in a table or as they are.
    Get(Later<GetArguments>),
    /// Tell everything of objects, with their events.
    Describe(Later<DescribeArguments>),
    /// Print what containers have written.
    Logs(Later<LogsArguments>),
    /// Delete objects, and by default wait until they are gone.
    Delete(Later<DeleteArguments>),
    /// Wait until objects are in a state.
    Wait(Later<WaitArguments>),
    /// List events, the newest last.
    Events(Later<EventsArguments>),
    /// Show what Jobs use right now, live; or what pods and nodes do.
    Top(Later<TopArguments>),
    /// Suspend Jobs and CronJobs: nothing is started until they are resumed.
    Suspend(Later<SwitchArguments>),
    /// Let suspended Jobs and CronJobs go on.
    Resume(Later<SwitchArguments>),
    /// Run a Job once more, as a new Job with the same spec.
    Rerun(Later<RerunArguments>),
    /// Show what a server of mayfly logs, or have it log something else.
    LogLevel(Later<LogLevelArguments>),
    /// Make, list and delete the tokens with which other hosts join as nodes.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show and change where the server is and who one is there (kubeconfigs).
    #[command(subcommand)]
    Config(ConfigCommand),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the server refused, does not answer, or something is not there
  2  the command line makes no sense; nothing was asked of the server";

/// Which server.
#[derive(Args, Clone, Debug)]
pub(crate) struct WhichServerArguments {
    /// The kubeconfig [default: $KUBECONFIG, what `mayfly serve` wrote, ~/.kube/config].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig, instead of its current one.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

/// Which server, and where on it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArguments {
    #[command(flatten)]
    pub(crate) which: WhichServerArguments,
    /// The namespace [default: that of the context].
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

/// Manifests.
#[derive(Args, Clone, Debug)]
pub(crate) struct FileArguments {
    /// A manifest, a folder of them, or - for standard input; may be given again.
    #[arg(
        short = 'f', long = "filename", value_name = "FILE|DIR|-",
        value_hint = ValueHint::AnyPath
    )]
    pub(crate) files: Vec<PathBuf>,
    /// Look into the folders of a folder, too.
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

/// Which objects.
#[derive(Args, Clone, Debug)]
pub(crate) struct SelectArguments {
    /// TYPE [NAME...], TYPE/NAME..., or several types as in jobs,pods; `all` is most of them.
    #[arg(value_name = "TYPE|TYPE/NAME")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) files: FileArguments,
    /// Only those with labels, such as job-name=pi or 'tier in (a,b)'.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// Only those with fields, such as status.phase=Failed.
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) field_selector: Option<String>,
    /// In every namespace.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

const GET_EXAMPLES: &str = "\
Examples:
  mayfly get jobs                                  the Jobs of the namespace
  mayfly get job pi -o yaml                        one of them, whole
  mayfly get pods -l job-name=pi -o wide           the pods of a Job
  mayfly get pods -o jsonpath='{.items..metadata.name}'
  mayfly get jobs,pods -A                          two kinds, in every namespace
  mayfly get jobs -w                               and their changes as they come
";

/// `mayfly get`.
#[derive(Args, Debug)]
#[command(after_help = format!("{GET_EXAMPLES}\n{EXIT_CODES}"))]
pub(crate) struct GetArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    /// wide, json, yaml, name, jsonpath=TEMPLATE, jsonpath-file=FILE or custom-columns=NAME:PATH,...
    #[arg(short, long, value_name = "FORMAT", value_parser = Output::parse)]
    pub(crate) output: Option<Output>,
    /// Show changes as they come, after what there is.
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Show changes as they come, and not what there is.
    #[arg(long)]
    pub(crate) watch_only: bool,
    /// Say of each change whether something was added, modified or deleted.
    #[arg(long)]
    pub(crate) output_watch_events: bool,
    /// No line with the names of the columns.
    #[arg(long)]
    pub(crate) no_headers: bool,
    /// A last column with the labels.
    #[arg(long)]
    pub(crate) show_labels: bool,
    /// The kind before each name.
    #[arg(long)]
    pub(crate) show_kind: bool,
    /// With metadata.managedFields, which -o json and -o yaml leave out.
    #[arg(long)]
    pub(crate) show_managed_fields: bool,
    /// Sort by a field, such as .metadata.creationTimestamp.
    #[arg(long, value_name = "PATH")]
    pub(crate) sort_by: Option<String>,
    /// What is not there is no error.
    #[arg(long)]
    pub(crate) ignore_not_found: bool,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// `mayfly describe`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct DescribeArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    /// Whether the events are told, too.
    #[arg(
        long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true"
    )]
    pub(crate) show_events: bool,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

const LOGS_EXAMPLES: &str = "\
Examples:
  mayfly logs pi-x7k2p                  what a pod has written
  mayfly logs -f job/pi                 what a Job's pod writes, as it comes
  mayfly logs -l job-name=pi --prefix   of each of its pods
";

/// `mayfly logs`.
#[derive(Args, Debug)]
#[command(after_help = format!("{LOGS_EXAMPLES}\n{EXIT_CODES}"))]
pub(crate) struct LogsArguments {
    /// POD, pod/NAME or job/NAME, and a container if there are several.
    #[arg(value_name = "POD|TYPE/NAME", num_args = 0..)]
    pub(crate) words: Vec<String>,
    /// The pods with labels.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// The container [default: the first].
    #[arg(short, long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Every container, init containers too.
    #[arg(long)]
    pub(crate) all_containers: bool,
    /// Every pod of a Job, not only one.
    #[arg(long)]
    pub(crate) all_pods: bool,
    /// Go on as it is written.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Of the container that was there before a restart.
    #[arg(short, long)]
    pub(crate) previous: bool,
    /// Only the last lines; -1 is all [default: all, or 10 with a selector].
    #[arg(long, value_name = "LINES", allow_negative_numbers = true)]
    pub(crate) tail: Option<i64>,
    /// Only what is not older, such as 5s or 2h.
    #[arg(long, value_name = "DURATION", value_parser = span, conflicts_with = "since_time")]
    pub(crate) since: Option<Duration>,
    /// Only what was written after a time, as in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) since_time: Option<String>,
    /// The time before each line.
    #[arg(long)]
    pub(crate) timestamps: bool,
    /// At most so many bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) limit_bytes: Option<u64>,
    /// The pod and container before each line.
    #[arg(long)]
    pub(crate) prefix: bool,
    /// How many may be followed at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub(crate) max_log_requests: usize,
    /// What can't be read is told and passed over.
    #[arg(long)]
    pub(crate) ignore_errors: bool,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

const WAIT_EXAMPLES: &str = "\
Examples:
  mayfly wait --for=complete-or-failed job/pi          exits as the Job did
  mayfly wait --for=condition=complete job/pi --timeout=5m
  mayfly wait --for=jsonpath='{.status.succeeded}'=3 job/pi
  mayfly wait --for=delete pod -l job-name=pi

Exit codes:
  0  it is so; with complete-or-failed: every Job completed
  1  it was not so in time, or can't be any more; with complete-or-failed: a Job failed
  2  the command line makes no sense; nothing was asked of the server";

/// `mayfly wait`.
#[derive(Args, Debug)]
#[command(after_help = WAIT_EXAMPLES)]
pub(crate) struct WaitArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    /// Every object of the type in the namespace.
    #[arg(long)]
    pub(crate) all: bool,
    /// create, delete, complete-or-failed, condition=NAME[=VALUE] or jsonpath={PATH}[=VALUE].
    #[arg(long = "for", value_name = "WHAT", value_parser = For::parse)]
    pub(crate) what: For,
    /// How long; 0 looks once, and a negative one waits a week [default: 30s; a week with
    /// complete-or-failed].
    #[arg(long, value_name = "DURATION", allow_negative_numbers = true, value_parser = patience)]
    pub(crate) timeout: Option<Patience>,
    /// json, yaml, name or jsonpath=TEMPLATE: print the objects instead of a word.
    #[arg(short, long, value_name = "FORMAT", value_parser = Output::parse)]
    pub(crate) output: Option<Output>,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// So long.
    For(Duration),
    /// As long as anybody would.
    Week,
}

/// `mayfly events`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct EventsArguments {
    /// Only those about TYPE/NAME.
    #[arg(long = "for", value_name = "TYPE/NAME")]
    pub(crate) about: Option<String>,
    /// Only those of types, such as Warning,Normal.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Of every namespace.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
    /// Go on as they come.
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// No line with the names of the columns.
    #[arg(long)]
    pub(crate) no_headers: bool,
    /// json, yaml, name or jsonpath=TEMPLATE.
    #[arg(short, long, value_name = "FORMAT", value_parser = Output::parse)]
    pub(crate) output: Option<Output>,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// `mayfly suspend`, `mayfly resume`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct SwitchArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// `mayfly config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the kubeconfig, without what is secret.
    View {
        /// Only what the current context uses.
        #[arg(long)]
        minify: bool,
        /// With keys, certificates and tokens.
        #[arg(long)]
        raw: bool,
        /// json or yaml [default: yaml].
        #[arg(short, long, value_name = "FORMAT", value_parser = Output::parse)]
        output: Option<Output>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Print the name of the current context.
    CurrentContext {
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List the contexts.
    GetContexts {
        /// name, for the names alone.
        #[arg(short, long, value_name = "FORMAT", value_parser = ["name"])]
        output: Option<String>,
        /// No line with the names of the columns.
        #[arg(long)]
        no_headers: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Make a context the current one.
    #[command(visible_alias = "use")]
    UseContext {
        /// Its name.
        name: String,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Set the namespace of a context, by --namespace.
    SetContext {
        /// Its name.
        #[arg(required_unless_present = "current")]
        name: Option<String>,
        /// The current one.
        #[arg(long, conflicts_with = "name")]
        current: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// A span of time as kubectl takes it: `90s`, `1h30m`, and a bare number for seconds.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wanted = || "a duration is wanted, such as 10s or 1h30m".to_owned();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wanted())?;
    Duration::try_from(duration).map_err(|_| wanted())
}

fn patience(text: &str) -> Result<Patience, String> {
    match text.strip_prefix('-') {
        Some(rest) => span(rest).map(|_| Patience::Week),
        None => span(text).map(Patience::For),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(span(text).ok(), expect.map(Duration::from_secs), "{text}");
        };
        check("90s", Some(90));
        check("1h30m", Some(5400));
        check("5", Some(5));
        check("-1s", None);
        check("soon", None);
        assert_eq!(patience("-1s"), Ok(Patience::Week));
        assert_eq!(patience("0"), Ok(Patience::For(Duration::ZERO)));
    }
}
