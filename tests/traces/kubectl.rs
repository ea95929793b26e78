//! A person at a terminal: runs our own client commands, which take kubectl's words, against the
//! control plane; and kubectl itself, if there is one, for words that ours do not know.
//!
//! Simulated time stands still meanwhile, as it does for every task that blocks a thread.

use std::process::{Command, Stdio};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::harness::Home;

/// Where the client commands find the control plane.
pub(super) struct Kubectl {
    home: Home,
    _serving: AbortOnDropHandle<()>,
}

/// What a command has printed.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) code: i32,
    /// Its standard output.
    pub(super) text: String,
    #[expect(dead_code, reason = "it is shown where the exit code is another than recorded")]
    complaints: String,
}

impl Kubectl {
    /// Serves `router` at a port of its own, to whoever is at home in `namespace`.
    pub(super) async fn new(router: Router, namespace: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port must be had");
        let address = listener.local_addr().expect("it must have an address");
        let home = Home::new();
        home.write(
            "kubeconfig",
            format!(
                "{{apiVersion: v1, kind: Config, current-context: it,\n\
                 clusters: [{{name: it, cluster: {{server: 'http://{address}'}}}}],\n\
                 contexts: [{{name: it, context: {{cluster: it, namespace: {namespace}}}}}]}}\n"
            ),
        );
        let serving: JoinHandle<()> = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it must be served");
        });
        Self { home, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Runs `words` to their end.
    pub(super) async fn run(&self, words: &[&str]) -> Printed {
        let mut command = self.home.mayfly();
        command.env("KUBECONFIG", self.home.path("kubeconfig")).args(words);
        if words.first() == Some(&"delete") && !words.iter().any(|it| it.starts_with("--wait")) {
            // Nothing would go while time stands still. What is printed is the same.
            command.arg("--wait=false");
        }
        let run = tokio::task::spawn_blocking(move || {
            let printed = output(&mut command);
            if printed.code != USAGE {
                return printed;
            }
            let Some(program) = crate::harness::kubectl::any() else { return printed };
            let mut same = Command::new(program);
            let changed = command.get_envs().map(|(key, value)| (key, value.unwrap_or_default()));
            output(same.envs(changed).args(command.get_args()))
        });
        run.await.expect("a command must not panic")
    }
}

/// The exit code of our commands for words that they do not know.
const USAGE: i32 = 2;

fn output(command: &mut Command) -> Printed {
    let output = command.stdin(Stdio::null()).output().expect("mayfly must start");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output must be UTF-8");
    let code = output.status.code().expect("it must end by itself");
    Printed { code, text: text(output.stdout), complaints: text(output.stderr) }
}
