//! What of the host `mayfly run`, `mayfly serve` and `mayfly node` keep: which files they read, change
//! and execute.
//!
//! ```text
//! run     change the state, the cache, hostPaths ─▶ read manifests ─▶ read images and the system's files
//! serve   change the state, the cache, hostPaths, the kubeconfig; read images, certificates, users
//! node    change the state, the cache, hostPaths; read images, the kubeconfig and what it names
//! ```
//!
//! `--config` of `serve` is read before, and never again.
//!
//! How is the runtime's to know. A folder that is added to either must be added here; a file that is
//! replaced while we run is named by the folder that it is in, since a file of the same name is
//! another one.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use mayfly_runtime::confine::{self, Extent, Files, Unconfined};

use crate::args::{
    ConfinementOptions, HostOptions, ImageOptions, NodeArguments, RunArguments, ServeArguments,
};
use crate::images;
use crate::places;
use crate::serve::telemetry;
use crate::state::StateFolder;

/// What a process reads of its system: libraries, names and addresses, certificates, time zones, and
/// what it is allotted. Nothing of it is anybody's own.
const SYSTEM: &[&str] = &[
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/dev/null",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];

/// The devices that a process writes to.
const DEVICES: &[&str] = &["/dev/null", "/dev/tty"];

/// How far this process is confined, in words for its operator.
#[derive(Default)]
pub(crate) struct Confined {
    /// What of it is on.
    on: Vec<&'static str>,
    /// What could not be had, and why.
    missing: Vec<String>,
}

/// Confines `mayfly run` but for what it reads, which it does not know yet.
pub(crate) fn run(arguments: &RunArguments, state: &StateFolder) -> Confined {
    let own = arguments.state_dir.as_deref();
    let change = changed(state, own, &arguments.host);
    confine(&arguments.confinement, &Files { change: Some(change), ..everywhere() })
}

/// Confines what `mayfly run` reads, now that it has its manifests, which are in `folders` and name
/// `images`.
pub(crate) fn run_reads(
    arguments: &RunArguments,
    state: &StateFolder,
    folders: &[PathBuf],
    images: &[String],
) -> Confined {
    if arguments.confinement.no_confinement {
        return Confined::default();
    }
    let own = arguments.state_dir.as_deref();
    let mut read = system();
    read.extend(changed(state, own, &arguments.host));
    read.extend(given_images(&arguments.images));
    let host = [&arguments.host.limits, &arguments.host.ca_file];
    read.extend(host.into_iter().flatten().flat_map(|file| around(file)));
    read.extend(logins().iter().flat_map(|file| around(file)));
    for folder in folders {
        read.push(folder.clone());
        // Outside that folder, the very file: who wrote the manifest opens no folder to us. A path
        // from the root is not taken from a manifest at all.
        let images = images.iter().filter(|image| !Path::new(image).is_absolute());
        read.extend(images.map(|image| folder.join(image)).filter(|file| file.is_file()));
    }
    let mut confined = Confined::default();
    let files = Files { read: Some(read), ..Files::default() };
    confined.add("files that it reads", confine::confine_files(&files).map(drop));
    confined
}

/// Confines `mayfly serve`.
pub(crate) fn serve(arguments: &ServeArguments, state: &StateFolder) -> Confined {
    let mut change = changed(state, arguments.state_dir.as_deref(), &arguments.service.host);
    change.extend(arguments.kubeconfig.iter().flat_map(|file| around(file)).map(made));
    let mut read = system();
    read.extend(change.iter().cloned());
    read.extend(given_images(&arguments.service.images));
    let host = &arguments.service.host;
    let tls = [&arguments.tls_cert, &arguments.tls_key];
    let given = [&host.limits, &host.ca_file, &arguments.users].into_iter().chain(tls);
    read.extend(given.flatten().flat_map(|file| around(file)));
    let etcd = &arguments.etcd;
    let etcd = [&etcd.etcd_ca, &etcd.etcd_cert, &etcd.etcd_key];
    read.extend(etcd.into_iter().flatten().flat_map(|file| around(file)));
    read.extend(telemetry::certificate().iter().flat_map(|file| around(file)));
    let files = Files { read: Some(read), change: Some(change), ..everywhere() };
    confine(&arguments.service.confinement, &files)
}

/// Confines `mayfly node`, whose kubeconfig names the files `credentials`.
pub(crate) fn node(
    arguments: &NodeArguments,
    state: &StateFolder,
    credentials: &[PathBuf],
) -> Confined {
    let change = changed(state, arguments.state_dir.as_deref(), &arguments.service.host);
    let mut read = system();
    read.extend(change.iter().cloned());
    read.extend(given_images(&arguments.service.images));
    let host = &arguments.service.host;
    let given = [&host.limits, &host.ca_file, &arguments.client_ca_file].into_iter().flatten();
    let given = given.chain(&arguments.kubeconfig).chain(credentials);
    read.extend(given.flat_map(|file| around(file)));
    let files = Files { read: Some(read), change: Some(change), ..everywhere() };
    confine(&arguments.service.confinement, &files)
}

/// Keeps others from looking into this process, once it has opened what it needs of `/proc`.
pub(crate) fn hide(options: &ConfinementOptions) {
    if !options.no_confinement
        && let Err(error) = confine::hide_memory()
    {
        tracing::warn!(%error, "other processes of this user can look into this one");
    }
}

fn confine(options: &ConfinementOptions, files: &Files) -> Confined {
    let mut confined = Confined::default();
    if options.no_confinement {
        return confined;
    }
    confined.add("no new privileges, no core dumps", confine::confine_process());
    match confine::confine_files(files) {
        Ok(Extent::Nothing) => {
            confined.missing.push("this kernel has no landlock: files are not confined".to_owned());
        }
        Ok(Extent::Part) => confined.add("files (an older landlock)", Ok(())),
        result => confined.add("files (landlock)", result.map(drop)),
    }
    // Last: what a later part of this needs must not be refused.
    confined.add("system calls (seccomp)", confine::confine_calls());
    confined
}

impl Confined {
    /// A failure is told, and the rest goes on: a host without it was good enough before.
    fn add(&mut self, what: &'static str, result: Result<(), Unconfined>) {
        match result {
            Ok(()) => self.on.push(what),
            Err(error) => self.missing.push(format!("{:#}", anyhow::Error::new(error))),
        }
    }

    /// Says so in the log, and what else the operator should know.
    pub(crate) fn log(&self) {
        if self.on.is_empty() {
            tracing::info!("this process is not confined");
        } else {
            tracing::info!("this process is confined: {}", self.on.join(", "));
        }
        self.missing.iter().for_each(|missing| tracing::warn!("{missing}"));
        if rustix::process::geteuid().is_root() {
            tracing::warn!(
                "mayfly runs as root, which it has no need of; give it a user of its own"
            );
        }
    }

    /// Says what could not be had to whoever looks on.
    pub(crate) fn tell(&self) {
        self.missing.iter().for_each(|missing| eprintln!("mayfly: warning: {missing}"));
        self.log();
    }
}

/// What holds for any command: devices, the folder of temporary files, and the own program.
fn everywhere() -> Files {
    Files {
        write: DEVICES.iter().map(PathBuf::from).collect(),
        // Folders of a run's state are removed from there.
        tidy: vec![env::temp_dir(), PathBuf::from("/dev/shm")],
        execute: Some(OWN_PROGRAM.clone()),
        ..Files::default()
    }
}

/// What is executed when this program is started once more, to compile: itself, even if its file was
/// replaced, and what loads it, even if that is replaced later on.
static OWN_PROGRAM: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let mut programs = vec![PathBuf::from("/proc/self/exe")];
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mapped = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).map(Path::new);
    let name =
        |path: &Path| path.file_name().is_some_and(|it| it.to_string_lossy().starts_with("ld"));
    let mut loaders: Vec<_> = mapped.filter(|path| name(path)).filter_map(Path::parent).collect();
    loaders.dedup();
    programs.extend(loaders.into_iter().map(ToOwned::to_owned));
    programs
});

fn system() -> Vec<PathBuf> {
    let mut folders: Vec<_> = SYSTEM.iter().map(PathBuf::from).collect();
    // What is executed is read.
    folders.extend(OWN_PROGRAM.iter().cloned());
    // A link that leads elsewhere, as some systems have it.
    folders.extend(around(Path::new("/etc/resolv.conf")));
    folders
}

/// What is changed: the state, compiled code, what pods may have of the host, and the images that are
/// kept.
fn changed(state: &StateFolder, own: Option<&Path>, host: &HostOptions) -> Vec<PathBuf> {
    let mut folders = state.folders();
    folders.extend(host.host_paths.iter().cloned());
    folders.extend(places::cache_dir(own).ok().map(made));
    // Made if they are not there, so that an image that is added later is found.
    folders.extend(images::shelves(own).iter().map(|shelf| made(shelf.folder().to_owned())));
    folders
}

/// Where images, and what is asked of them, are that options name.
fn given_images(options: &ImageOptions) -> Vec<PathBuf> {
    let mut folders = options.folders.clone();
    folders.extend(options.given.iter().flat_map(|given| around(&given.file)));
    // The keys that it names lie beside it.
    folders.extend(options.policy.iter().flat_map(|file| around(file)));
    folders
}

/// Files of logins for registries, where Docker and Podman keep them.
fn logins() -> Vec<PathBuf> {
    let named = env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from);
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| env::home_dir().map(|home| home.join(".docker")));
    named.into_iter().chain(folder.map(|folder| folder.join("config.json"))).collect()
}

/// The folder, which is made if it is not there, for its owner alone.
fn made(folder: PathBuf) -> PathBuf {
    // Whoever needs it says why it can't be had.
    let _ = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    folder
}

/// The folders that `file` is in: by its name, and where a link of that name leads.
fn around(file: &Path) -> Vec<PathBuf> {
    let of = |file: &Path| match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
        Some(folder) => Some(folder.to_owned()),
        None => None,
    };
    of(file).into_iter().chain(file.canonicalize().ok().and_then(|file| of(&file))).collect()
}
