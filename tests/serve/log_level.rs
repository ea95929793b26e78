//! How much a server logs, and that it can be told so.

use super::client::{Client, Shows};
use crate::harness::{Ended, Home, Running, Server, Stream};

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

/// `mayfly log-level` with these arguments, asked of `server`.
fn log_level(home: &Home, server: &Server, arguments: &[&str]) -> Ended {
    let mut command = home.mayfly();
    command.arg("log-level").args(arguments);
    Running::start(server.client(&mut command)).wait()
}

#[test]
fn it_is_changed_while_the_server_runs() {
    let home = Home::new();
    let mut server = Server::start(&home, &["--log-level", "mayfly=warn"]);
    let said = log_level(&home, &server, &[]).exits(0).stdout;
    assert_eq!(said, "mayfly=warn\n");
    let mut client = Client::connect(&server, &Shows::Certificate);
    let mut ask = |path: &str| client.request(&format!("GET {path}"), "", b"").code;
    assert_eq!(ask(&format!("{JOBS}/unheard-of")), 404);

    let said = log_level(&home, &server, &["mayfly::serve::requests=info,mayfly=info"]).exits(0);
    assert_eq!(said.stdout, "mayfly::serve::requests=info,mayfly=info\n");
    assert_eq!(ask(&format!("{JOBS}/heard-of")), 404);
    server.running().line(|from, line| from == Stream::Stderr && line.contains("heard-of"));

    assert_eq!(log_level(&home, &server, &["--reset"]).exits(0).stdout, "mayfly=warn\n");
    assert_eq!(ask(&format!("{JOBS}/no-more")), 404);
    let mut put = |level: &[u8]| client.request("PUT /debug/flags/v", "", level);
    assert_eq!(put(b"4").body, "successfully set klog.logging.verbosity to 4");
    assert_eq!(log_level(&home, &server, &[]).exits(0).stdout, "debug\n");
    let ended = server.stop().exits(0);
    for unsaid in ["unheard-of", "no-more"] {
        assert!(!ended.stderr.contains(unsaid), "{unsaid}: {}", ended.stderr);
    }
}

#[test]
fn what_says_nothing_is_refused() {
    let home = Home::new();
    for arguments in [
        &["log-level", "mayfly=loud"][..],
        &["serve", "--listen", "127.0.0.1:0", "--log-level", "mayfly=loud"],
    ] {
        home.run(arguments).exits(2).says("mayfly=loud").says("off, error, warn, info");
    }
    // A name that nobody has would silence everybody else.
    for arguments in [
        &["log-level", "nonsense"][..],
        &["serve", "--listen", "127.0.0.1:0", "--log-level", "nonsense"],
    ] {
        home.run(arguments).exits(2).says("\"nonsense\" is neither a level").says("mayfly_runtime");
    }
    // It is of the whole server.
    home.run(&["log-level", "-n", "default"]).exits(2).says("unexpected argument '-n'");
    let server = Server::start(&home, &[]);
    let mut client = Client::connect(&server, &Shows::Certificate);
    for directives in [&b"mayfly=loud"[..], b"nonsense"] {
        let answer = client.request("PUT /debug/flags/log", "", directives);
        assert_eq!((answer.code, &answer.json()["reason"]), (400, &"BadRequest".into()));
    }
    server.stop().exits(0);
}
