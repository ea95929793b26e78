//! Traces, as a collector of OpenTelemetry gets them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::client::{Client, Shows};
use crate::harness::module::component;
use crate::harness::{Home, PATIENCE, PATIENTLY, Running, Server};

/// A request over HTTP as it came: its head in small letters, and its body.
struct Asked {
    head: String,
    body: Vec<u8>,
}

/// Answers all requests with an empty 200, for as long as the test's process lives.
fn listen() -> (SocketAddr, Receiver<Asked>) {
    listen_over(Some)
}

/// The same over TLS, with a certificate of its own, as PEM.
fn listen_over_tls() -> (SocketAddr, Receiver<Asked>, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it must be one");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there must be some")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(made.cert.der().to_vec())], key)
        .expect("they must fit");
    let config = Arc::new(config);
    let (address, asked) = listen_over(move |stream| {
        let session = ServerConnection::new(Arc::clone(&config)).ok()?;
        Some(StreamOwned::new(session, stream))
    });
    (address, asked, made.cert.pem())
}

fn listen_over<S: Read + Write>(
    open: impl Fn(TcpStream) -> Option<S> + Clone + Send + 'static,
) -> (SocketAddr, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there must be a free port");
    let address = listener.local_addr().expect("it must have a port");
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sender) = (stream.expect("it must take connections"), sender.clone());
            let open = open.clone();
            thread::spawn(move || open(stream).map(|stream| serve(stream, &sender)));
        }
    });
    (address, asked)
}

fn serve(mut stream: impl Read + Write, sender: &Sender<Asked>) {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.extend(byte),
                _ => return,
            }
        }
        let head = String::from_utf8(head).expect("it must be text").to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |it| it.parse().expect("it must be a number"));
        let mut body = vec![0; length];
        // Whoever waits for what was asked may be through.
        let is_whole = stream.read_exact(&mut body).is_ok();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if !is_whole
            || stream.write_all(answer).is_err()
            || sender.send(Asked { head, body }).is_err()
        {
            return;
        }
    }
}

/// All spans that have come, until one `is_last`.
fn spans(asked: &Receiver<Asked>, is_last: impl Fn(&Span) -> bool) -> (Vec<Span>, String) {
    let (mut spans, mut service) = (Vec::new(), String::new());
    let until = Instant::now() + PATIENCE;
    while !spans.iter().any(&is_last) {
        let left = until.saturating_duration_since(Instant::now());
        let Asked { head, body } = asked.recv_timeout(left).expect("more spans must come");
        assert!(head.starts_with("post /v1/traces "), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        let request = ExportTraceServiceRequest::decode(&*body).expect("it must be OTLP");
        for of_service in request.resource_spans {
            let resource = of_service.resource.expect("it must say whose they are");
            let name = resource.attributes.iter().find(|it| it.key == "service.name");
            let name = name.and_then(|it| it.value.clone()?.value);
            if let Some(Value::StringValue(name)) = name {
                service = name;
            }
            spans.extend(of_service.scope_spans.into_iter().flat_map(|it| it.spans));
        }
    }
    (spans, service)
}

fn text(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|it| it.key == key);
    match found.and_then(|it| it.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// The names of `span` and of what it is part of, the outermost first.
fn way(span: &Span, by_id: &BTreeMap<Vec<u8>, &Span>) -> String {
    match by_id.get(&span.parent_span_id) {
        Some(parent) => format!("{} > {}", way(parent, by_id), span.name),
        None => span.name.clone(),
    }
}

/// A Job of two pods that ask the server at `address`.
fn job(address: SocketAddr) -> String {
    let template = format!(
        r#"{{"metadata": {{"annotations": {{"mayfly.dev/allow-hosts": "{address}"}}}},
            "spec": {{"restartPolicy": "Never", "containers": [{{
                "name": "main", "image": "guest.wasm", "args": ["http://{address}/asked"]}}]}}}}"#
    );
    format!(
        r#"{{"apiVersion": "batch/v1", "kind": "Job", "metadata": {{"name": "j"}},
            "spec": {{"completions": 2, "parallelism": 2, "template": {template}}}}}"#
    )
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const JOBS: &str = "POST /apis/batch/v1/namespaces/default/jobs";

#[test]
fn a_job_is_one_trace_as_far_as_those_whom_its_guests_ask() {
    let home = Home::new();
    home.write("guest.wasm", component("job_fetch"));
    let (collector, collected) = listen();
    let (peer, asked) = listen();
    let mut command = home.mayfly();
    let allowed = peer.to_string();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--image-dir", ".", "--allow-hosts", &allowed])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("OTEL_SERVICE_NAME", "my-jobs")
        .env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let server = Server::started(Running::start(&mut command));
    let headers = format!("Content-Type: application/json\r\ntraceparent: {PARENT}\r\n");
    let mut client = Client::connect(&server, &Shows::Certificate);
    let answer = client.request(JOBS, &headers, job(peer).as_bytes());
    assert_eq!(answer.code, 201, "{answer:?}");
    let (spans, service) = spans(&collected, |span| span.name == "job");
    assert_eq!(service, "my-jobs");

    let trace = "0af7651916cd43dd8448eb211c80319c";
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == trace), "{spans:#?}");
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| (span.span_id.clone(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "each has an id of its own");
    let mut ways: Vec<_> = spans.iter().map(|span| way(span, &by_id)).collect();
    ways.sort();
    // Compiled once, by whichever was first; made in one plan.
    ways.dedup();
    let route = "POST /apis/batch/v1/namespaces/{namespace}/jobs";
    let below = |rest: &str| format!("{route} > job{rest}");
    let mut expect = vec![
        route.to_owned(),
        below(""),
        below(" > pod"),
        below(" > pod > end"),
        below(" > pod > run"),
        below(" > pod > schedule"),
        below(" > pod > start"),
        below(" > pod > start > pull"),
        below(" > reconcile"),
    ];
    ways.retain(|way| !way.ends_with("compile"));
    expect.sort();
    assert_eq!(ways, expect);
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    assert_eq!((named("pod").len(), named("run").len()), (2, 2));
    for span in &spans {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
        if let Some(parent) = by_id.get(&span.parent_span_id) {
            assert!(
                parent.start_time_unix_nano <= span.start_time_unix_nano,
                "{span:?} {parent:?}"
            );
        } else {
            assert_eq!(hex(&span.parent_span_id), "b7ad6b7169203331");
        }
    }
    for run in named("run") {
        assert_eq!(text(run, "mayfly.container.exit_code"), "0");
        assert_eq!(text(run, "k8s.container.name"), "main");
        assert_ne!(text(run, "mayfly.usage.memory_peak_bytes"), "0");
    }
    // Both pods have asked, each as a part of its own run.
    let mut told: Vec<String> = Vec::new();
    for _ in 0..2 {
        let Asked { head, .. } = asked.recv_timeout(PATIENCE).expect("both must have asked");
        let header = head.lines().find_map(|line| line.strip_prefix("traceparent: "));
        told.push(header.unwrap_or_else(|| panic!("it must say: {head}")).to_owned());
    }
    told.sort();
    let mut runs: Vec<_> =
        named("run").iter().map(|run| format!("00-{trace}-{}-01", hex(&run.span_id))).collect();
    runs.sort();
    assert_eq!(told, runs);
    server.stop().exits(0);
}

#[test]
fn a_collector_that_is_not_there_harms_nothing() {
    let home = Home::new();
    home.write("guest.wasm", component("job_fetch"));
    let (peer, asked) = listen();
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let mut command = home.mayfly();
    let (allowed, endpoint) = (peer.to_string(), format!("http://{gone}"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--image-dir", ".", "--allow-hosts", &allowed])
        .args(["--otlp-endpoint", &endpoint])
        .env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let mut server = Server::started(Running::start(&mut command));
    let mut client = Client::connect(&server, &Shows::Certificate);
    let headers = "Content-Type: application/json\r\n";
    assert_eq!(client.request(JOBS, headers, job(peer).as_bytes()).code, 201);
    let wait = ["wait", PATIENTLY, "--for=condition=complete", "job/j"];
    Running::start(server.client(home.mayfly().args(wait))).wait().exits(0);
    let Asked { head, .. } = asked.recv_timeout(PATIENCE).expect("it must have asked");
    assert!(head.contains("traceparent: 00-"), "{head}");
    server.running().line(|_, line| line.contains("traces can't be sent"));
    server.stop().exits(0);
}

#[test]
fn a_collector_proves_who_it_is() {
    let (home, elsewhere) = (Home::new(), Home::new());
    let (collector, collected, certificate) = listen_over_tls();
    // Where the server has nothing else to read.
    let certificate = elsewhere.write("ca.pem", certificate);
    let mut command = home.mayfly();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--image-dir", "guests"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("https://{collector}"))
        .env("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate)
        .env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let server = Server::started(Running::start(&mut command));
    let job = r#"{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "main", "image": "exit_code.wasm", "args": ["3"]}]}}}}"#;
    let mut client = Client::connect(&server, &Shows::Certificate);
    let headers = "Content-Type: application/json\r\n";
    assert_eq!(client.request(JOBS, headers, job.as_bytes()).code, 201);
    let (spans, service) = spans(&collected, |span| span.name == "job");
    assert_eq!(service, "mayfly");
    let run = spans.iter().find(|span| span.name == "run").expect("it must have run");
    assert_eq!(text(run, "mayfly.container.exit_code"), "3");
    let of_job = spans.iter().find(|span| span.name == "job").expect("it was waited for");
    assert_eq!(text(of_job, "mayfly.job.reason"), "BackoffLimitExceeded");
    let status = of_job.status.clone().expect("it must have failed");
    assert_eq!((status.code, status.message.as_str()), (2, "BackoffLimitExceeded"));
    server.stop().exits(0);
}

#[test]
fn what_is_wrong_with_it_is_said_before_anything_starts() {
    let home = Home::new();
    for (name, value, expect) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "only http/protobuf is spoken"),
        ("OTEL_TRACES_SAMPLER", "some", "OTEL_TRACES_SAMPLER is \"some\""),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "nowhere.pem", "nowhere.pem"),
    ] {
        let mut command = home.mayfly();
        command.args(["serve", "--listen", "127.0.0.1:0"]).env(name, value);
        command.args(["--otlp-endpoint", "http://127.0.0.1:4318"]);
        Running::start(&mut command).wait().exits(2).says(expect);
    }
}

/// What is not encrypted needs nobody's certificate, and the host may have none.
#[test]
fn a_host_without_authorities_sends_traces_all_the_same() {
    let home = Home::new();
    std::fs::create_dir(home.path("none")).expect("a folder");
    let mut command = home.mayfly();
    command.args(["serve", "--listen", "127.0.0.1:0", "--otlp-endpoint", "http://127.0.0.1:4318"]);
    command.env_remove("SSL_CERT_FILE").env("SSL_CERT_DIR", home.path("none"));
    Server::started(Running::start(&mut command)).stop().exits(0);

    let endpoint = "http://me:secret@127.0.0.1:4318";
    let refused = home.run(&["serve", "--listen", "127.0.0.1:0", "--otlp-endpoint", endpoint]);
    let refused = refused.exits(2).says("OTEL_EXPORTER_OTLP_HEADERS");
    assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
}
