//! A `mayfly serve` of our own, in a state folder of its own.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::{Access, Client};
use crate::options::{guest, repository};
use crate::process;

/// How long a server may take to start, whatever it has to load.
const START_WITHIN: Duration = Duration::from_secs(120);

/// A server, which is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    access: Access,
    program: PathBuf,
    options: Vec<String>,
    folder: TempDir,
    /// How long it took to answer that it is ready.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `program` in a new folder on the disk of the checkout, with the guests that rows run
    /// as images, and `options` beside.
    pub(crate) fn start(program: &Path, options: &[&str]) -> io::Result<Self> {
        // A folder in memory would make durability cost nothing.
        let disk = repository().join("target");
        fs::create_dir_all(&disk)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(disk)?;
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let (child, access, ready_after) = begin(program, &options, folder.path())?;
        Ok(Self { child, access, program: program.to_owned(), options, folder, ready_after })
    }

    /// Kills it, as `kill -9` does, and starts it again in the same folder.
    pub(crate) fn kill_and_start(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        (self.child, self.access, self.ready_after) =
            begin(&self.program, &self.options, self.folder.path())?;
        Ok(())
    }

    /// A new connection to it.
    pub(crate) fn client(&self) -> io::Result<Client> {
        Client::connect(&self.access)
    }

    /// How to reach it, for other threads.
    pub(crate) fn access(&self) -> Access {
        self.access.clone()
    }

    pub(crate) fn cpu_seconds(&self) -> io::Result<f64> {
        process::cpu_seconds(&self.child)
    }

    /// Memory that is its own.
    pub(crate) fn memory_bytes(&self) -> io::Result<f64> {
        process::memory_bytes(&self.child)
    }

    /// The most memory that it ever had, with the kernel's tables of its pages.
    pub(crate) fn most_memory_bytes(&self) -> io::Result<f64> {
        process::most_memory_bytes(&self.child)
    }

    /// Bytes of its state on disk.
    pub(crate) fn state_bytes(&self) -> f64 {
        bytes_below(self.folder.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn begin(
    program: &Path,
    options: &[String],
    folder: &Path,
) -> io::Result<(Child, Access, Duration)> {
    let kubeconfig = folder.join("kubeconfig");
    let image = |name: &str| format!("--image={name}={}", guest(name).display());
    let started = Instant::now();
    let mut command = Command::new(program);
    command.arg("serve").arg("--listen=127.0.0.1:0").arg("--state-dir").arg(folder.join("state"));
    command.arg("--kubeconfig").arg(&kubeconfig).args(options).env("HOME", folder);
    command.args(["job_line", "job_sleep", "job_pi"].map(image));
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take().ok_or_else(|| io::Error::other("it has no standard error"))?;
    let mut lines = BufReader::new(stderr).lines();
    let hello = lines.find_map(|line| line.ok().filter(|line| line.contains("serving on")));
    if hello.is_none() {
        let status = child.wait()?;
        return Err(io::Error::other(format!("mayfly serve ended with {status}")));
    }
    // What it says later is read, so that it never waits for us.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    let access = Access::read(&kubeconfig)?;
    while Client::connect(&access).and_then(|mut it| it.get("/readyz")).is_err() {
        if started.elapsed() > START_WITHIN {
            return Err(io::Error::other("mayfly serve does not answer"));
        }
    }
    Ok((child, access, started.elapsed()))
}

fn bytes_below(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len() as f64,
            Err(_) => 0.0,
        })
        .sum()
}
