//! Starts `docker-registry`.

use std::fs;
use std::process::Command;

use crate::harness::{Home, Running, guest, say};

/// `me` with the password `pw`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "me:$2b$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q\n";

/// A registry that runs. It is killed when it is dropped.
pub(crate) struct Registry {
    _running: Running,
    /// Where it is: `127.0.0.1:PORT`.
    pub(crate) host: String,
}

impl Registry {
    /// One for everybody, whose files are in `home`; if there is none to start, a line says that
    /// something is skipped.
    pub(crate) fn start(home: &Home) -> Option<Self> {
        Self::start_with(home, "")
    }

    /// One for `me` with the password `pw` alone.
    pub(super) fn private(home: &Home) -> Option<Self> {
        let file = home.write("registry/htpasswd", HTPASSWD);
        let file = file.display();
        Self::start_with(home, &format!("auth: {{htpasswd: {{realm: here, path: {file}}}}}\n"))
    }

    fn start_with(home: &Home, auth: &str) -> Option<Self> {
        let config = home.write(
            "registry/config.yml",
            format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
                 http: {{addr: '127.0.0.1:0', secret: one}}\n{auth}",
                home.path("registry/files").display()
            ),
        );
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(config).env("OTEL_TRACES_EXPORTER", "none");
        if Command::new("docker-registry").arg("--version").output().is_err() {
            say!("skipped: there is no docker-registry here");
            return None;
        }
        let mut running = Running::start(&mut command);
        let line = running.line(|_, line| line.contains("listening on "));
        let (_, rest) = line.split_once("listening on ").expect("it must say where it listens");
        let host = rest.split(['"', ' ']).next().expect("a word").trim().to_owned();
        Some(Self { _running: running, host })
    }

    /// The name `repository` here.
    pub(crate) fn name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.host)
    }

    /// Has the prebuilt guest `name` as the image of the same name.
    pub(super) fn push_guest(&self, home: &Home, name: &str) -> String {
        self.push(home, &format!("guests/{name}:1"), &guest(name))
    }

    /// Has the module `file` as `repository`, and `home` no longer has it under that name.
    pub(crate) fn push(&self, home: &Home, repository: &str, file: &str) -> String {
        let image = self.name(repository);
        home.run(&["image", "build", file, "-t", &image]).exits(0);
        home.run(&["image", "push", &image]).exits(0);
        home.run(&["image", "remove", &image]).exits(0);
        image
    }
}

/// Logs in as `me` where Docker would.
pub(super) fn log_in(home: &Home, registry: &Registry) {
    let host = &registry.host;
    let config =
        format!(r#"{{"auths": {{"{host}": {{"auth": "bWU6cHc="}}}}, "credsStore": "none"}}"#);
    home.write(".docker/config.json", config);
}

/// Whether anything of `home` but its logins holds the password.
pub(super) fn tells_the_password(home: &Home) -> bool {
    let files = fs::read_dir(home.path(".local/state/mayfly/images")).into_iter().flatten();
    files.flatten().any(|file| {
        fs::read(file.path())
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("bWU6cHc="))
    })
}
