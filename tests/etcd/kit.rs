//! An etcd, servers that share it, and nodes that work for them, each a process.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use mayfly_etcd::Leader;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Ended, Home, PATIENCE, Running, Server, Stream, guest, say};

/// The image of what leaves a file when it begins, and one when it ends.
pub(crate) const LEDGER: &str = "ledger";

/// How long processes may live that many rounds share.
const LIFE_MAX: Duration = Duration::from_secs(3600);

/// How long a leader that is gone is waited for: more than a busy machine keeps one from saying that it
/// is there.
const LEASE: u32 = 5;

/// Where it is written who leads.
const LEADER: &str = "/mayfly/leader";

/// An etcd that runs. It is killed when it is dropped.
pub(crate) struct Etcd {
    running: Option<Running>,
    /// Where it is: `127.0.0.1:PORT`.
    pub(crate) address: String,
    options: Vec<String>,
    data: std::path::PathBuf,
}

impl Etcd {
    /// One whose files are in `home`; if there is none to start, a line says that something is skipped.
    pub(crate) fn start(home: &Home) -> Option<Self> {
        Self::start_with(home, "http", &[])
    }

    /// The same with further `options`, which speaks `scheme`.
    pub(super) fn start_with(home: &Home, scheme: &str, options: &[&str]) -> Option<Self> {
        if Command::new("etcd").arg("--version").output().is_err() {
            say!("skipped: there is no etcd here");
            return None;
        }
        let begun = Instant::now();
        loop {
            // It can't say which free port it has taken, since its gateway must know before: so one is
            // looked for, which somebody else may take in between.
            let listener = TcpListener::bind("127.0.0.1:0").expect("there must be a free port");
            let address = listener.local_addr().expect("it must have an address").to_string();
            drop(listener);
            let url = format!("{scheme}://{address}");
            let own = [
                "--listen-client-urls",
                &url,
                "--advertise-client-urls",
                &url,
                "--listen-peer-urls",
                "http://127.0.0.1:0",
                "--logger",
                "zap",
                // So that leases may be short.
                "--heartbeat-interval",
                "50",
                "--election-timeout",
                "500",
            ];
            let options = own.iter().chain(options).map(ToString::to_string).collect();
            let data = home.path("etcd");
            let mut etcd = Self { running: None, address, options, data };
            if etcd.run() {
                return Some(etcd);
            }
            assert!(begun.elapsed() < PATIENCE, "etcd does not start");
        }
    }

    /// Starts it again where it was.
    pub(super) fn start_again(&mut self) {
        let begun = Instant::now();
        while !self.run() {
            assert!(begun.elapsed() < PATIENCE, "etcd does not start again");
        }
    }

    fn run(&mut self) -> bool {
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(&self.data).args(&self.options);
        let mut running = Running::patiently(&mut command, LIFE_MAX);
        let is_ready = |line: &str| line.contains("serving client traffic");
        let ready = running.line_or_end(|_, line| is_ready(line)).is_some();
        if ready {
            self.running = Some(running);
        } else {
            let ended = running.wait();
            assert!(ended.stderr.contains("address already in use"), "{ended:#?}");
        }
        ready
    }

    /// Ends it, as its host would.
    pub(super) fn stop(&mut self) {
        let running = self.running.take().expect("it must run");
        running.signal(Signal::TERM);
        running.wait();
    }

    /// Keeps a copy of what it has, which must be stopped.
    pub(super) fn save(&self, to: &Path) {
        assert!(self.running.is_none(), "it must be stopped");
        copy(&self.data, to);
    }

    /// Has what was copied again, and nothing else.
    pub(super) fn load(&self, from: &Path) {
        assert!(self.running.is_none(), "it must be stopped");
        fs::remove_dir_all(&self.data).expect("it is ours");
        copy(from, &self.data);
    }

    /// Has nothing again, as on the day that it was made.
    pub(super) fn empty(&self) {
        assert!(self.running.is_none(), "it must be stopped");
        fs::remove_dir_all(&self.data).expect("it is ours");
    }

    /// The file that remembers it for whoever uses the library.
    pub(super) fn memory(&self) -> std::path::PathBuf {
        self.data.with_file_name("etcd.json")
    }

    /// The option of a server.
    pub(crate) fn store(&self) -> String {
        format!("--store=etcd://{}", self.address)
    }

    /// Posts `body` to `path`, and gives the answer.
    pub(super) async fn ask(&self, path: &str, body: Value) -> Value {
        let url = format!("http://{}{path}", self.address);
        // Whoever was first has chosen the same.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let answer = client.post(url).body(body.to_string()).send().await.expect("an answer");
        serde_json::from_slice(&answer.bytes().await.expect("all of it")).expect("JSON")
    }

    /// The value at `key`.
    pub(super) async fn get(&self, key: &str) -> Option<String> {
        let found = self.ask("/v3/kv/range", json!({"key": BASE64.encode(key)})).await;
        let value = found["kvs"][0]["value"].as_str()?;
        Some(String::from_utf8(BASE64.decode(value).expect("base64")).expect("UTF-8"))
    }

    /// Has `value` at `key`.
    pub(super) async fn put(&self, key: &str, value: &str) {
        let body = json!({"key": BASE64.encode(key), "value": BASE64.encode(value)});
        self.ask("/v3/kv/put", body).await;
    }

    /// Has somebody else lead, who does not exist, without a word to `server`, which leads.
    pub(super) async fn usurp(&self, server: &mut Server) {
        server.running().signal(Signal::STOP);
        self.abdicate().await;
        let usurper =
            r#"{"id":"x","url":"https://127.0.0.1:1","authority":null,"version":"1","users":""}"#;
        self.put(LEADER, usurper).await;
        server.running().signal(Signal::CONT);
    }

    /// Has nobody lead any more.
    pub(super) async fn abdicate(&self) {
        self.ask("/v3/kv/deleterange", json!({"key": BASE64.encode(LEADER)})).await;
    }

    /// The URL of the server that leads.
    pub(super) async fn leader(&self) -> Option<String> {
        Some(self.elected().await?.url)
    }

    /// The server that leads.
    pub(crate) async fn elected(&self) -> Option<Leader> {
        Some(serde_json::from_str(&self.get(LEADER).await?).expect("it must be one"))
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp must start");
    assert!(copied.success());
}

/// What servers and nodes have in common: a folder, and who may do what.
pub(crate) struct Site {
    pub(crate) home: Home,
    pub(crate) etcd: Etcd,
    /// For how long a leader that is gone is waited for, in seconds.
    lease: u32,
}

impl Site {
    /// One where nodes called `left` and `right` may join, or none if there is no etcd.
    pub(crate) fn new() -> Option<Self> {
        Self::with_lease(LEASE)
    }

    /// The same, where a leader leads for so many seconds without etcd.
    pub(super) fn with_lease(lease: u32) -> Option<Self> {
        let home = Home::new();
        let etcd = Etcd::start(&home)?;
        fs::create_dir(home.path("shared")).expect("the volume must be made");
        home.write_nodes("users.yaml", &["left", "right"]);
        Some(Self { home, etcd, lease })
    }

    /// The command that starts a server whose own files are in the folder `name`, at `address`.
    pub(crate) fn server_command(&self, name: &str, address: &str) -> Command {
        let mut command = self.home.mayfly();
        command
            .args(["serve", "--state-dir", name, "--listen", address, "--users", "users.yaml"])
            .args(["--leader-lease", &self.lease.to_string()])
            .args(["--backoff-base=5ms", "--backoff-max=20ms"])
            .arg(self.etcd.store());
        command
    }

    /// Starts one, and waits until it answers or knows who does.
    pub(crate) fn server(&self, name: &str) -> Server {
        let mut command = self.server_command(name, "127.0.0.1:0");
        Server::started(Running::patiently(&mut command, LIFE_MAX))
    }

    /// Starts it again where it was.
    pub(crate) fn server_again(&self, name: &str, address: &str) -> Server {
        let begun = Instant::now();
        loop {
            let mut command = self.server_command(name, address);
            match Server::started_or_ended(Running::patiently(&mut command, LIFE_MAX)) {
                Ok(server) => return server,
                Err(ended) => {
                    let ended = ended.says("can't listen at");
                    assert!(begun.elapsed() < PATIENCE, "{ended:#?}");
                }
            }
        }
    }

    /// Starts the node `name`, which works for the server of `kubeconfig` and is open to all pods.
    pub(crate) fn node(&self, name: &str, kubeconfig: &Path) -> Node {
        let text = fs::read_to_string(kubeconfig).expect("a kubeconfig");
        let mut config: Value = serde_yaml::from_str(&text).expect("YAML");
        config["users"][0]["user"] = json!({"token": name});
        let kubeconfig = self.home.write(&format!("{name}.kubeconfig"), config.to_string());
        let mut command = self.home.mayfly();
        command.args(["node", "--name", name, "--state-dir", name, "--host-path", "shared"]);
        command.arg("--kubeconfig").arg(kubeconfig);
        command.arg(format!("--image={LEDGER}={}", guest("job_ledger")));
        command.arg(format!("--image=echo={}", guest("job_echo")));
        command.args(["--register-with-taints", "", "--kubelet-port", "0"]);
        let mut running = Running::patiently(&mut command, LIFE_MAX);
        running.line(|from, line| {
            from == Stream::Stderr && line.starts_with(&format!("mayfly: node {name} works for "))
        });
        Node { running }
    }
}

/// A node at work.
pub(crate) struct Node {
    running: Running,
}

impl Node {
    pub(crate) fn stop(self) -> Ended {
        self.running.signal(Signal::TERM);
        self.running.wait()
    }
}

/// A client of `server`, once somebody leads: one that was killed is followed until its lease has run
/// out.
pub(super) async fn answered(server: &Server) -> Client {
    let client = client(server).await;
    until("an answer", || async { client.apiserver_version().await.ok().map(drop) }).await;
    client
}

/// A client of `server`.
pub(crate) async fn client(server: &Server) -> Client {
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).expect("must be a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.expect("must be usable");
    // Whether somebody answers is what is asked.
    config.default_retry = false;
    Client::try_from(config).expect("must be a client")
}

/// Asks until `ask` gives something; only a fault takes longer than patience lasts.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
