//! What one run of a guest may see of the world.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncRead;

use crate::error::Error;
use crate::meter::Meter;
use crate::network::Network;
use crate::output::{Discard, Output};
use crate::path;
use crate::seeded::Seed;
use crate::space::Space;

/// What one run of a guest may see of the world.
///
/// A new one sees nothing: no arguments, no environment, an empty standard input, no files but
/// the devices below, nobody who reads its output, and no network. Clocks and random numbers are
/// those of WASI.
///
/// Every guest has a small `/dev`, none of it the host's:
///
/// | path | reading | writing |
/// |---|---|---|
/// | `/dev/null` | is at its end | goes nowhere |
/// | `/dev/zero` | zero bytes | goes nowhere |
/// | `/dev/random`, `/dev/urandom` | random bytes | goes nowhere |
/// | `/dev/stdin`, `/dev/stdout`, `/dev/stderr` | the standard stream | the standard stream |
/// | the termination log | what was written | is kept, the last 4096 bytes of it |
pub struct Guest {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin: Stdin,
    pub(crate) output: Arc<dyn Output>,
    pub(crate) meter: Meter,
    pub(crate) mounts: Vec<Mount>,
    /// The space of each mount, if it is limited.
    pub(crate) spaces: Vec<Option<Arc<Space>>>,
    pub(crate) working_dir: Option<String>,
    pub(crate) termination_log: String,
    pub(crate) seed: Option<Seed>,
    pub(crate) network: Network,
}

/// Where a guest's standard input comes from.
pub enum Stdin {
    /// It is at its end from the start.
    Closed,
    /// It is open, and nothing ever comes.
    Silent,
    /// These bytes, then its end.
    Bytes(Bytes),
    /// What this gives, as it gives it.
    Stream(Box<dyn AsyncRead + Send + Sync + Unpin>),
}

/// A directory or file of the host that a guest sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// On the host. It is opened as it is named, links followed, so no part of it may lie where a
    /// guest can write; within a directory, nothing leads out of it.
    pub host: PathBuf,
    /// What of the directory [`host`](Self::host) is mounted: relative, without `..`; empty for all
    /// of it. Guests may write there, so no symbolic link on the way is followed.
    pub below: PathBuf,
    /// In the guest: absolute, without `..`.
    pub guest: String,
    /// What it may do there.
    pub access: Access,
}

/// What a guest may do in a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    ReadOnly,
    /// Read, write, make and remove.
    ReadWrite,
}

impl Default for Guest {
    fn default() -> Self {
        Self::new()
    }
}

impl Guest {
    /// Where its termination log is when nobody says otherwise.
    pub const TERMINATION_LOG: &str = "/dev/termination-log";

    /// A guest that sees nothing.
    pub fn new() -> Self {
        Self {
            args: Vec::new(),
            env: Vec::new(),
            stdin: Stdin::Closed,
            output: Arc::new(Discard),
            meter: Meter::new(),
            mounts: Vec::new(),
            spaces: Vec::new(),
            working_dir: None,
            termination_log: Self::TERMINATION_LOG.to_owned(),
            seed: None,
            network: Network::default(),
        }
    }

    /// Adds arguments; the very first is the name by which the program is called.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Gives it a standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Says who takes what it prints.
    #[must_use]
    pub fn output(mut self, output: Arc<dyn Output>) -> Self {
        self.output = output;
        self
    }

    /// Says what counts its usage, so that it can be read while it runs: a new meter for each run.
    #[must_use]
    pub fn meter(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    /// Adds a mount, in which it may store as much as the host can.
    #[must_use]
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self.spaces.push(None);
        self
    }

    /// Adds a mount of what lies in the directory of `space`, in which it may store as much as that
    /// has. Every guest that has it mounted must be given the same space, also to read.
    #[must_use]
    pub fn mount_within(mut self, mount: Mount, space: Arc<Space>) -> Self {
        self.mounts.push(mount);
        self.spaces.push(Some(space));
        self
    }

    /// Sets where relative paths start from: absolute in the guest.
    ///
    /// WASI has no working directory, so this is as good as can be: the directory of a mount that
    /// it names is given to the guest as `.`, which is where C and Rust look for relative paths
    /// (and for absolute ones that lie in no mount); it is the first directory that is given, which
    /// is where Zig looks; and `PWD` is set unless it is given, which is what Go reads. A directory
    /// that lies in no mount is empty.
    #[must_use]
    pub fn working_dir(mut self, path: impl Into<String>) -> Self {
        self.working_dir = Some(path.into());
        self
    }

    /// Says where its termination log is: absolute in the guest, without `..`. What it writes there
    /// comes with the [`Outcome`](crate::Outcome).
    #[must_use]
    pub fn termination_log(mut self, path: impl Into<String>) -> Self {
        self.termination_log = path.into();
        self
    }

    /// Makes its world the same on every run: the same guest with the same `seed`, files and input
    /// does the same, and prints the same bytes.
    ///
    /// Random numbers come from the seed, and so does the time at which it begins, within 2020 to
    /// 2029. Its clocks go on by a microsecond each time that they are looked at, and by sleeping,
    /// which takes no time of the host's. Directories are listed in the order of their names. All
    /// files were changed and read at the start, and their numbers are made of their paths. What it
    /// computes is the same on every machine, too, if its module was loaded with
    /// [`Metering::Deterministic`](crate::Metering::Deterministic). What somebody types while it runs,
    /// and what comes from a network, is not part of it, and neither is where a deadline finds it.
    #[must_use]
    pub fn deterministic(mut self, seed: &str) -> Self {
        self.seed = Some(Seed::of(seed));
        self
    }

    /// Says what it may reach of the network. It is for components: preview 1 has no sockets that
    /// could be connected.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Checks what can't be passed through WASI, and brings its paths into one form.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        for (index, arg) in self.args.iter().enumerate() {
            no_zero_byte(arg, || format!("argument {index}"))?;
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains('=') {
                return Err(Error::VariableName(name.clone()));
            }
            no_zero_byte(name, || format!("the name of the variable {name:?}"))?;
            no_zero_byte(value, || format!("the variable {name}"))?;
        }
        for mount in &mut self.mounts {
            mount.guest = absolute("a mount", &mount.guest)?;
        }
        if let Some(dir) = &self.working_dir {
            let dir = absolute("the working directory", dir)?;
            if !self.env.iter().any(|(name, _)| name == "PWD") {
                self.env.push(("PWD".to_owned(), dir.clone()));
            }
            self.working_dir = Some(dir);
        }
        if self.termination_log != Self::TERMINATION_LOG {
            self.termination_log = absolute("the termination log", &self.termination_log)?;
        }
        Ok(self)
    }
}

fn absolute(what: &'static str, path: &str) -> Result<String, Error> {
    path::absolute(path).ok_or_else(|| Error::GuestPath { what, path: path.to_owned() })
}

fn no_zero_byte(text: &str, what: impl FnOnce() -> String) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error::ZeroByte { what: what() });
    }
    Ok(())
}

impl fmt::Debug for Guest {
    /// Leaves out values of variables, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Guest")
            .field("args", &self.args)
            .field("env", &names)
            .field("mounts", &self.mounts)
            .field("working_dir", &self.working_dir)
            .field("termination_log", &self.termination_log)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}
