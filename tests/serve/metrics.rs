//! What is told at `/metrics`, to those who made the format and to those who look at it.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use mayfly_controller::http::access::TokenHash;
use mayfly_controller::metrics::METRICS;
use serde_json::Value;

use super::client::{Client, Shows};
use crate::harness::{Home, PATIENCE, PATIENTLY, Running, Server, job, repository, say};

/// A server on which a Job of three pods has completed and another has failed.
fn with_jobs(home: &Home) -> Server {
    let users = home.write("users.yaml", users());
    fs::set_permissions(users, Permissions::from_mode(0o600)).expect("it is ours");
    let server = Server::start(home, &["--image-dir", "guests", "--users", "users.yaml"]);
    let good = job("good", "completions: 3", "image: job_echo.wasm\nargs: [hello]");
    let bad = job("bad", "backoffLimit: 0", "image: exit_code.wasm\nargs: ['3']");
    home.write("jobs.yaml", format!("{good}---\n{bad}"));
    let run = |arguments: &[&str]| {
        Running::start(server.client(home.mayfly().args(arguments))).wait().exits(0);
    };
    run(&["apply", "-f", "jobs.yaml"]);
    run(&["wait", PATIENTLY, "--for=condition=complete", "job/good"]);
    run(&["wait", PATIENTLY, "--for=condition=failed", "job/bad"]);
    server
}

/// A user who may read metrics, by the token `scrape`, and nothing else.
fn users() -> String {
    let hash = TokenHash::of("scrape");
    format!(
        "users: [{{name: prometheus, groups: [system:monitoring], tokens: [{{sha256: {hash}}}]}}]"
    )
}

fn is_missing(program: &str) -> bool {
    let mut command = Command::new(program);
    let command = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    let is_missing = !command.status().is_ok_and(|status| status.success());
    if is_missing {
        say!("skipped: {program} is not installed (Debian: prometheus)");
    }
    is_missing
}

#[test]
fn promtool_finds_nothing_wrong() {
    if is_missing("promtool") {
        return;
    }
    let home = Home::new();
    let server = with_jobs(&home);
    let client = Client::connect(&server, &Shows::Certificate);
    let page = client.watch("/metrics").rest();
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut promtool = command.stderr(Stdio::piped()).spawn().expect("it must start");
    let mut input = promtool.stdin.take().expect("it must be piped");
    input.write_all(page.as_bytes()).expect("it must be taken");
    drop(input);
    let output = promtool.wait_with_output().expect("it must end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}{}", output.status);
    server.stop().exits(0);
}

/// The port of IPv4 that the process `pid` listens at.
fn listening_port(pid: u32) -> u16 {
    const LISTENS: &str = "0A";
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it must run");
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let sockets: Vec<String> = targets.map(|it| it.to_string_lossy().into_owned()).collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).expect("it must run");
    let mut ports = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_its = sockets.contains(&format!("socket:[{}]", fields[9]));
        let port = fields[1].split_once(':').expect("an address must have a port").1;
        (is_its && fields[3] == LISTENS)
            .then(|| u16::from_str_radix(port, 16).expect("a port must be a number"))
    });
    ports.next().unwrap_or_else(|| panic!("{pid} listens nowhere:\n{table}"))
}

/// A Prometheus that scrapes a server.
struct Prometheus {
    _running: Running,
    address: String,
}

impl Prometheus {
    fn start(home: &Home, server: &Server) -> Self {
        home.write("ca.pem", server.credential("certificate-authority-data"));
        let config = format!(
            "global: {{scrape_interval: 200ms}}\nscrape_configs:\n- job_name: mayfly\n  scheme: \
             https\n  authorization: {{credentials: scrape}}\n  tls_config: {{ca_file: {}}}\n  \
             static_configs: [{{targets: ['{}']}}]\n",
            home.path("ca.pem").display(),
            server.address()
        );
        let config = home.write("prometheus.yaml", config);
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", home.path("tsdb").display()))
            .arg("--web.listen-address=127.0.0.1:0");
        let mut running = Running::start(&mut command);
        running.line(|_, line| line.contains("ready to receive"));
        // Not every version says where.
        let address = format!("127.0.0.1:{}", listening_port(running.id()));
        Self { _running: running, address }
    }

    /// The answer to a query.
    fn ask(&self, query: &str) -> Value {
        let escaped: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let mut stream = TcpStream::connect(&self.address).expect("it must listen");
        let head = format!("GET /api/v1/query?query={escaped} HTTP/1.0\r\nHost: a\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it must be taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("there must be an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("it must have a body");
        let answer: Value = serde_json::from_str(body).expect("it must be JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].clone()
    }

    /// Asks until there is one series, which has the value `expect`.
    fn comes_to(&self, query: &str, expect: &str) {
        let begun = Instant::now();
        loop {
            let result = self.ask(query);
            if result[0]["value"][1] == expect {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{query}: {result}");
        }
    }
}

#[test]
fn a_prometheus_scrapes_them() {
    if is_missing("prometheus") {
        return;
    }
    let home = Home::new();
    let server = with_jobs(&home);
    let prometheus = Prometheus::start(&home, &server);
    prometheus.comes_to("up", "1");
    for (query, expect) in [
        ("kube_job_status_succeeded{job_name=\"good\",namespace=\"default\"}", "3"),
        ("kube_job_complete{job_name=\"good\",condition=\"true\"}", "1"),
        ("kube_job_status_failed{job_name=\"bad\",reason=\"BackoffLimitExceeded\"}", "1"),
        ("sum(kube_pod_status_phase{phase=\"Succeeded\"})", "3"),
        ("count(kube_pod_info{created_by_kind=\"Job\",created_by_name=\"good\"})", "3"),
        ("kube_pod_container_status_terminated_reason{reason=\"Error\"}", "1"),
        ("sum(mayfly_pod_ends_total)", "4"),
        ("mayfly_container_run_duration_seconds_count", "4"),
        ("mayfly_pods{phase=\"Failed\"}", "1"),
        ("sum(apiserver_request_total{verb=\"APPLY\",resource=\"jobs\",code=\"201\"})", "2"),
        ("workqueue_depth{name=\"job\"}", "0"),
        ("mayfly_store_commits_total > bool 3", "1"),
        ("mayfly_store_sync_duration_seconds_count > bool 3", "1"),
    ] {
        prometheus.comes_to(query, expect);
    }
    for query in queries() {
        let query = query.replace("$__rate_interval", "1m").replace("$namespace", ".*");
        prometheus.ask(&query);
    }
    server.stop().exits(0);
}

/// What the dashboard asks.
fn queries() -> Vec<String> {
    let file = repository().join("examples/grafana/mayfly.json");
    let text = fs::read_to_string(file).expect("it must be there");
    let dashboard: Value = serde_json::from_str(&text).expect("it must be JSON");
    let panels = dashboard["panels"].as_array().expect("it must have panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries = targets.map(|it| it["expr"].as_str().expect("it must ask something").to_owned());
    queries.collect()
}

/// The metrics that `query` names: words that are no function, no label and no value.
fn named(query: &str) -> Vec<String> {
    let mut rest = query.to_owned();
    for (open, close) in [("\"", "\""), ("{", "}"), ("[", "]")] {
        while let Some(from) = rest.find(open) {
            let to = rest[from + 1..].find(close).expect("it must be closed") + from + 2;
            rest.replace_range(from..to, " ");
        }
    }
    for word in ["by", "without", "on", "ignoring", "group_left", "group_right"] {
        while let Some(from) = rest.find(&format!(" {word} (")) {
            let to = rest[from..].find(')').expect("it must be closed") + from + 1;
            rest.replace_range(from..to, " ");
        }
    }
    let is_of_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let mut words = Vec::new();
    let mut begin = None;
    for (at, character) in rest.char_indices().chain([(rest.len(), ' ')]) {
        match (is_of_word(character), begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                begin = None;
                let word = &rest[from..at];
                let is_called = rest[at..].trim_start().starts_with('(');
                let is_number = word.starts_with(|it: char| it.is_ascii_digit());
                if !is_called && !is_number && word != "bool" {
                    words.push(word.to_owned());
                }
            }
            _ => {}
        }
    }
    words
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let query = "sum by (le) (rate(a_bucket{b=\"c d\"}[5m])) / on (x) group_left () e > bool 0.5";
    assert_eq!(named(query), ["a_bucket", "e"]);
    let known: Vec<&str> = METRICS.iter().copied().flatten().map(|it| it.name).collect();
    let queries = queries();
    assert!(queries.len() > 30);
    for query in queries {
        let named = named(&query);
        assert!(!named.is_empty(), "{query}");
        for name in named {
            let suffixes = ["_bucket", "_count", "_sum"];
            let whole = suffixes.iter().find_map(|it| name.strip_suffix(it)).unwrap_or(&name);
            assert!(known.contains(&&*name) || known.contains(&whole), "{name}: {query}");
        }
    }
}
