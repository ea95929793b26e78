//! What can be asked for on the command line.
//!
//! Every option is described here and nowhere else; values are parsed once, at this edge.

mod backup;
pub(crate) mod client;
mod config;
mod etcd;
mod image;
mod later;
pub(crate) mod node;
mod serve;
mod service;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::FalseyValueParser;
use clap::{
    ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint,
};
use jiff::SignedDuration;
use mayfly_images::Host;
use tracing_subscriber::EnvFilter;

pub(crate) use backup::{BackupArguments, RestoreArguments};
pub(crate) use etcd::EtcdOptions;
use later::Later;

pub(crate) use image::{ImageCommand, ImageFolder, LoginOptions, Source};
pub(crate) use node::{NodeArguments, server};
pub(crate) use serve::ServeArguments;
pub(crate) use service::{LogFormat, ServiceOptions};

use crate::log::{self, Log};

/// Runs Kubernetes Jobs whose containers are WebAssembly modules.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How much to say of it.
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

/// What is said when nobody asks for more: what keeps a Job from going on, such as a full disk, must
/// not be silent.
const TRACES: &str = "mayfly=error,mayfly_cluster=error,mayfly_controller=error,mayfly_etcd=error,mayfly_images=error,mayfly_runtime=error";

/// The same of a server, which also says when it starts and stops.
const SERVER_TRACES: &str = "mayfly=info,mayfly::serve::requests=error,mayfly_cluster=info,mayfly_controller=warn,mayfly_etcd=info,mayfly_images=warn,mayfly_runtime=warn";

impl Arguments {
    /// What the command line asks for, and the file of options that it names. A mistake on the command
    /// line ends the process.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut line: Vec<OsString> = env::args_os().collect();
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(&line);
        let matches = matches.unwrap_or_else(|error| error.exit());
        let arguments = Self::from_arg_matches(&matches);
        let arguments = arguments.unwrap_or_else(|error| error.format(&mut command).exit());
        let config = match &arguments.command {
            Command::Serve(serve) => serve.config.as_ref(),
            _ => None,
        };
        let Some(path) = config else { return Ok(arguments) };
        let (name, given) = matches.subcommand().expect("it must be that command");
        let serve = command.find_subcommand(name).expect("it must be what was found");
        // No option before the command takes a value that could be its name.
        let at = line.iter().skip(1).position(|word| word == name).map_or(1, |at| at + 2);
        line.splice(at..at, config::options(path, serve, given)?);
        Self::try_parse_from(line).map_err(|error| config::wrong(path, &error))
    }

    /// Begins to log to standard error.
    pub(crate) fn start_log(&self) -> Log {
        let (default, options) = match &self.command {
            Command::Serve(it) => (SERVER_TRACES, Some(&it.service)),
            Command::Node(it) => (SERVER_TRACES, Some(&it.service)),
            _ => (TRACES, None),
        };
        let format = options.map_or(LogFormat::Text, |it| it.log_format);
        let given = options.and_then(|it| it.log_level.clone());
        let wanted = given.unwrap_or_else(|| self.verbosity.directives(default));
        Log::start(&wanted, format)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the Jobs and Pods of manifests to their end.
    Run(Later<RunArguments>),
    /// Serve the Kubernetes API, for kubectl and client libraries.
    Serve(Later<ServeArguments>),
    /// Run pods for a Kubernetes cluster, or for `mayfly serve` on another host, as a node of it.
    Node(Later<NodeArguments>),
    /// Write everything that a server holds into one file.
    Backup(Later<BackupArguments>),
    /// Put what is in such a file in the place of everything that a server holds.
    Restore(Later<RestoreArguments>),
    /// Make, fetch, send and look at images, and say what stands behind a name.
    #[command(subcommand)]
    Image(ImageCommand),
    #[command(flatten)]
    Client(client::ClientCommand),
    /// Print what completes these commands in a shell.
    #[command(after_help = "Example:\n  source <(mayfly completion bash)")]
    Completion {
        /// Whose.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual, one page a command.
    #[command(after_help = "Example:\n  mayfly man ~/.local/share/man/man1")]
    Man {
        /// The folder to write to; without one, the first page is printed.
        #[arg(value_hint = ValueHint::DirPath)]
        folder: Option<PathBuf>,
    },
}

const RUN_EXAMPLES: &str = "\
Examples:
  mayfly run examples/pi.yaml                    print π
  mayfly run jobs/                               everything in a folder
  cat job.yml | mayfly run -                     a Job from a pipe
  mayfly run --image perl=perl.wasm job.yml      a module for an image name
  mayfly run --state-dir state/ job.yml          goes on where it was if it is run again
  mayfly run -o json job.yml | jq .status        the Job as it ended
  mayfly run --now cronjob.yaml                  one run of a CronJob, without waiting for it

Exit codes:
  0  every Job completed and every Pod succeeded
  1  one of them failed, can't go on, or was not through at --timeout
  2  bad input; nothing was started
  130, 143  stopped by Ctrl-C or SIGTERM; a second one stops at once";

/// `mayfly run`.
#[derive(Args, Debug)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArguments {
    /// Manifests: YAML or JSON files, folders of them, or - for standard input.
    #[arg(required = true, value_name = "FILE|DIR|-", value_hint = ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,
    /// Look into the folders of a folder, too.
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// Namespace of what names none [default: default].
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Run each CronJob once, now, whatever its schedule says: as the Job NAME-now.
    #[arg(long)]
    pub(crate) now: bool,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) host: HostOptions,
    #[command(flatten)]
    pub(crate) confinement: ConfinementOptions,
    /// Keep all state there, so that the same command goes on where an earlier one was.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Stop everything after this time, such as 90s or 1h30m; what is not through has failed.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<SignedDuration>,
    /// Print the final Jobs and Pods on standard output; logs then go to standard error.
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    #[command(flatten)]
    pub(crate) backoff: BackoffOptions,
    /// No progress and no summary: only logs, warnings and errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// What image names stand for, beside what `mayfly image` keeps.
#[derive(Args, Debug)]
pub(crate) struct ImageOptions {
    /// Run the module FILE for the image NAME; may be given again.
    #[arg(long = "image", value_name = "NAME=FILE", value_parser = NamedFile::from_str)]
    pub(crate) given: Vec<NamedFile>,
    /// A folder below which images may be named by their path; may be given again.
    #[arg(long = "image-dir", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// Let images come from this registry even if its address is not public; may be given again.
    #[arg(long = "registry", value_name = "HOST[:PORT]")]
    pub(crate) registries: Vec<Host>,
    /// Which images may come from registries, and by whom they must be signed: see SECURITY.md.
    #[arg(long = "image-policy", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: Option<PathBuf>,
    /// Ask no registry: images are those that are here.
    #[arg(long, env = "MAYFLY_OFFLINE", value_parser = FalseyValueParser::new())]
    pub(crate) offline: bool,
}

/// What pods may have of the host.
#[derive(Args, Debug)]
pub(crate) struct HostOptions {
    /// What pods get and can get of memory, CPU and the rest, and what the node takes on, as YAML.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) limits: Option<PathBuf>,
    /// Let pods have hostPath volumes in the folder DIR, to read and to write; may be given again.
    #[arg(long = "host-path", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) host_paths: Vec<PathBuf>,
    /// Let pods reach these hosts, with commas between, if they ask for them (annotation
    /// mayfly.dev/allow-hosts): example.org:443, *.example.net, 10.0.0.0/8:53/udp. With NAMESPACE=
    /// before them, pods of that namespace; may be given again.
    #[arg(long, value_name = "[NAMESPACE=]HOST[:PORT][/tcp|/udp],…")]
    pub(crate) allow_hosts: Vec<String>,
    /// Believe the certificates of the authorities in FILE, too, when pods ask a server over HTTPS
    /// [default: of those that browsers trust].
    #[arg(long, value_name = "FILE", env = "SSL_CERT_FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca_file: Option<PathBuf>,
}

/// What the process itself may do.
#[derive(Args, Debug)]
pub(crate) struct ConfinementOptions {
    /// Let this process do whatever its user may: without it, the system refuses it files and system
    /// calls that it has no need of (landlock, seccomp).
    #[arg(long)]
    pub(crate) no_confinement: bool,
}

/// How long to wait after failures.
#[derive(Args, Debug)]
pub(crate) struct BackoffOptions {
    /// Wait this long before the first retry of a failed pod, and the second restart in a pod.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(crate) backoff_base: SignedDuration,
    /// Wait at most this long before any of them; restarts in a pod wait at most 5m.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "6m")]
    pub(crate) backoff_max: SignedDuration,
}

/// The form of objects on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JSON, indented as kubectl does it.
    Json,
    /// YAML.
    Yaml,
}

/// `-v`, of any command.
#[derive(Args, Debug)]
pub(crate) struct Verbosity {
    /// Say on standard error what is done; -vv and -vvv say more. RUST_LOG chooses in detail.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Verbosity {
    /// What is said: what the environment wants, else as much as was asked for, else `default`.
    fn directives(&self, default: &str) -> String {
        let of_environment = env::var(EnvFilter::DEFAULT_ENV).ok();
        let is_good = |it: &String| EnvFilter::builder().parse(it).is_ok();
        if let Some(wanted) = of_environment.filter(is_good) {
            return log::everybodys(&wanted);
        }
        match self.verbose {
            0 => default,
            1 => "info",
            2 => "debug",
            _ => return log::everybodys("trace"),
        }
        .to_owned()
    }
}

/// `NAME=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFile {
    /// Before the first `=`.
    pub(crate) name: String,
    /// After it.
    pub(crate) file: PathBuf,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                Ok(Self { name: name.to_owned(), file: file.into() })
            }
            _ => Err("NAME=FILE is wanted, such as perl=perl.wasm".to_owned()),
        }
    }
}

/// A duration as people write it: `100ms`, `10s`, `1h30m`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    match text.parse() {
        Ok(duration) if duration >= SignedDuration::ZERO => Ok(duration),
        _ => Err("a duration is wanted, such as 100ms, 10s or 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations() {
        let check = |text: &str, expect: Option<i64>| {
            assert_eq!(duration(text).ok(), expect.map(SignedDuration::from_millis), "{text}");
        };
        check("100ms", Some(100));
        check("10s", Some(10_000));
        check("1h30m", Some(5_400_000));
        check("6m", Some(360_000));
        check("0s", Some(0));
        check("-1s", None);
        check("10", None);
        check("", None);
    }

    #[test]
    fn named_files() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let parsed = NamedFile::from_str(text).ok();
            let expect =
                expect.map(|(name, file)| NamedFile { name: name.to_owned(), file: file.into() });
            assert_eq!(parsed, expect, "{text}");
        };
        check("perl=perl.wasm", Some(("perl", "perl.wasm")));
        check("a=b=c", Some(("a", "b=c")));
        check("perl", None);
        check("=perl.wasm", None);
        check("perl=", None);
    }
}
