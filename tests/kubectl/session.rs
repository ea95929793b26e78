//! A server, and a kubectl that is pointed at it.

use std::process::Command;
use std::time::Duration;

use super::deviations::PRINTED;
use crate::harness::{Ended, Home, Running, Server, guest, kubectl, module};

/// One session.
pub(super) struct Session {
    pub(super) home: Home,
    server: Server,
    program: String,
    namespace: &'static str,
}

impl Session {
    /// Starts a server with these images (name and prebuilt guest, or name and module), unless there
    /// is no kubectl whose words were recorded.
    pub(super) fn start(namespace: &'static str, images: &[(&str, String)]) -> Option<Self> {
        let program = kubectl::as_recorded()?;
        let home = Home::new();
        let printing = |text: &str| module::printing("", Duration::ZERO, text);
        home.write("modules/pi.wasm", printing(&digits()));
        home.write("modules/some.wasm", printing(&format!("{PRINTED}\n")));
        let images: Vec<String> =
            images.iter().map(|(name, file)| format!("--image={name}={file}")).collect();
        let options: Vec<&str> = images.iter().map(String::as_str).collect();
        let server = Server::start(&home, &options);
        Some(Self { home, server, program, namespace })
    }

    /// `kubectl` with `words`, talking to the server.
    pub(super) fn kubectl(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.home.path(""))
            .env("HOME", self.home.path(""))
            .env("KUBECONFIG", self.server.kubeconfig())
            .args(["--namespace", self.namespace])
            .args(words);
        command
    }

    /// Runs `kubectl` with `words` to its end.
    pub(super) fn run(&self, words: &[&str]) -> Ended {
        Running::start(&mut self.kubectl(words)).wait()
    }

    /// The server, when nobody needs it any more.
    pub(super) fn stop(self) {
        self.server.stop().exits(0);
    }
}

/// What Perl prints for the Job of Kubernetes' documentation.
pub(super) fn digits() -> String {
    crate::harness::pi(2000) + "\n"
}

/// The image of a prebuilt guest.
pub(super) fn of_guest(name: &'static str, guest_name: &str) -> (&'static str, String) {
    (name, guest(guest_name))
}
