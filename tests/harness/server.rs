//! A server of a test: `mayfly serve` in a home of its own, at a port of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Ended, Home, PATIENCE, Running, Stream};

/// A server that runs. It is killed when it is dropped.
pub(crate) struct Server {
    running: Running,
    url: String,
    kubeconfig: PathBuf,
}

impl Server {
    /// Starts one at home in `home`, and waits until it serves. Its state is in the home, so that
    /// the next one there goes on with it.
    pub(crate) fn start(home: &Home, options: &[&str]) -> Self {
        let mut command = home.mayfly();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(options);
        Self::started(Running::start(&mut command))
    }

    /// Starts one where another has been, with an image. Its port is nobody's in between, so that
    /// somebody else may have it for a moment.
    pub(crate) fn start_again(home: &Home, address: &str, image: &str) -> Self {
        Self::again(home, address, image, Running::start)
    }

    /// The same for one that lives as long as `patience`.
    pub(crate) fn start_again_patiently(
        home: &Home,
        address: &str,
        image: &str,
        patience: Duration,
    ) -> Self {
        Self::again(home, address, image, |command| Running::patiently(command, patience))
    }

    fn again(
        home: &Home,
        address: &str,
        image: &str,
        start: impl Fn(&mut Command) -> Running,
    ) -> Self {
        let begun = Instant::now();
        loop {
            let mut command = home.mayfly();
            command.args(["serve", "--listen", address, "--image", image]);
            match Self::started_or_ended(start(&mut command)) {
                Ok(server) => return server,
                Err(ended) => {
                    let ended = ended.says("can't listen at");
                    assert!(begun.elapsed() < PATIENCE, "{ended:#?}");
                }
            }
        }
    }

    /// The server that `running` is, once it serves.
    pub(crate) fn started(running: Running) -> Self {
        Self::started_or_ended(running).unwrap_or_else(|ended| panic!("it must serve: {ended:#?}"))
    }

    /// The same for one that may end first: then it is that end.
    pub(crate) fn started_or_ended(mut running: Running) -> Result<Self, Ended> {
        let line = running.line_or_end(|from, line| {
            from == Stream::Stderr && line.starts_with("mayfly: serving on ")
        });
        let Some(line) = line else { return Err(running.wait()) };
        let words = line.trim_end().trim_start_matches("mayfly: serving on ");
        let (url, kubeconfig) =
            words.split_once("; export KUBECONFIG=").expect("it must say what to export");
        Ok(Self { running, url: url.to_owned(), kubeconfig: kubeconfig.into() })
    }

    /// Where it serves: `https://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("https://")
    }

    /// The file that clients are told to use.
    pub(crate) fn kubeconfig(&self) -> &PathBuf {
        &self.kubeconfig
    }

    /// `command`, which talks to this server.
    pub(crate) fn client<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("KUBECONFIG", &self.kubeconfig)
    }

    /// The process.
    pub(crate) fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    /// A part of the kubeconfig that is written in base64, such as `client-key-data`.
    pub(crate) fn credential(&self, key: &str) -> Vec<u8> {
        use base64::Engine as _;
        let text = fs::read_to_string(&self.kubeconfig).expect("the kubeconfig must be readable");
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
        let encoded = line.expect("it must be there");
        base64::engine::general_purpose::STANDARD.decode(encoded).expect("it must be base64")
    }

    /// Asks it to stop, as a supervisor does, and waits until it has.
    pub(crate) fn stop(self) -> Ended {
        self.running.signal(Signal::TERM);
        self.running.wait()
    }

    /// Ends it as a power cut would, and keeps what is known of it.
    pub(crate) fn cut_off(&mut self) {
        self.running.signal(Signal::KILL);
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(self) -> Ended {
        self.running.kill()
    }
}
