//! Requests that no client should send: each gets Kubernetes' own answer, and the server goes on.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use crate::harness::{Home, PATIENCE, Running, Server};

use super::client::{Answer, Client, Shows, Watch, connect};

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const JSON: &str = "Content-Type: application/json\r\n";
const YAML: &str = "Content-Type: application/yaml\r\n";

/// Holds a `Status` against what is expected of it.
pub(super) fn check(what: &str, answer: &Answer, code: u16, reason: &str, message: &str) {
    assert_eq!(answer.code, code, "{what}: {answer:?}");
    let status = answer.json();
    assert_eq!(status["kind"], "Status", "{what}: {status}");
    assert_eq!(status["code"], code, "{what}: {status}");
    assert_eq!(status["reason"].as_str().unwrap_or_default(), reason, "{what}: {status}");
    let found = status["message"].as_str().unwrap_or_default();
    assert!(found.contains(message), "{what}: wanted {message:?}, got {found:?}");
}

/// A server that has to answer as before when `abuse` is done with it.
fn survives(options: &[&str], abuse: impl FnOnce(&Home, &Server)) {
    let home = Home::new();
    let server = Server::start(&home, options);
    survived_by(server, |server| abuse(&home, server));
}

fn survived_by(server: Server, abuse: impl FnOnce(&Server)) {
    abuse(&server);
    let answer = in_a_place(&server, "GET /readyz", "", b"");
    assert_eq!((answer.code, answer.body.as_str()), (200, "ok"));
    let ended = server.stop().exits(0);
    assert!(!ended.stderr.contains("panic"), "{}", ended.stderr);
}

/// Asks over a connection of its own, and again if there is no place yet, as the answer says.
fn in_a_place(server: &Server, line: &str, headers: &str, body: &[u8]) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = Client::connect(server, &Shows::Certificate).request(line, headers, body);
        if answer.code != 429 {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
    }
}

#[test]
fn bodies_that_are_none() {
    survives(&[], |_, server| {
        let mut client = Client::connect(server, &Shows::Certificate);
        let mut post = |what: &str, headers: &str, body: &[u8], message: &str| {
            let answer = client.request(&format!("POST {JOBS}"), headers, body);
            check(what, &answer, 400, "BadRequest", message);
        };
        post("nothing", JSON, b"", "");
        post("cut JSON", JSON, br#"{"apiVersion":"batch/v1","kind":"Job","#, "unexpected end");
        post("cut YAML", YAML, b"apiVersion: batch/v1\nkind: \"Job", "");
        post("no text", JSON, b"\xff\xfe\x00{}", "");
        post("no object", JSON, b"[1, 2]", "cannot unmarshal array");
        post(
            "another kind",
            JSON,
            br#"{"apiVersion":"v1","kind":"Pod"}"#,
            "cannot be handled as a Job",
        );
        let nested = |open: &str, times: usize| open.repeat(times).into_bytes();
        post("nested lists", JSON, &nested("[", 1_000_000), "");
        post("nested objects", JSON, &nested("{\"a\":", 300_000), "");
        post("nested YAML", YAML, &nested("[", 1_000_000), "");
        post("nested YAML objects", YAML, &nested("{a: ", 300_000), "");
        post("nested YAML lists", YAML, &nested("- ", 300_000), "");
        let laughs = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, number| {
            let before = number - 1;
            format!("{text}a{number}: &a{number} [*a{before}, *a{before}, *a{before}]\n")
        });
        post("a billion laughs", YAML, laughs.as_bytes(), "");
    });
}

#[test]
fn bodies_of_a_wrong_form() {
    survives(&[], |_, server| {
        let mut client = Client::connect(server, &Shows::Certificate);
        let mut refused = |line: &str, content_type: &str| {
            let headers = format!("Content-Type: {content_type}\r\n");
            let answer = client.request(line, &headers, b"{}");
            let message = "the body of the request was in an unknown format - accepted media types \
                           include: application/json";
            check(content_type, &answer, 415, "UnsupportedMediaType", message);
        };
        refused(&format!("POST {JOBS}"), "text/plain");
        refused(&format!("POST {JOBS}"), "application/x-www-form-urlencoded");
        refused(&format!("PUT {JOBS}/a"), "application/xml");
        refused(&format!("PATCH {JOBS}/a"), "application/json");
        let answer = client.request(&format!("GET {JOBS}"), "Accept: text/html\r\n", b"");
        check("another Accept", &answer, 406, "NotAcceptable", "media types are accepted");
    });
}

#[test]
fn a_body_of_a_hundred_megabytes() {
    survives(&[], |_, server| {
        let limit = "Request entity too large: limit is 3145728";
        for line in [format!("POST {JOBS}"), format!("DELETE {JOBS}/a"), format!("PATCH {JOBS}/a")]
        {
            let mut client = Client::connect(server, &Shows::Certificate);
            let merge = "Content-Type: application/merge-patch+json\r\n";
            let headers = if line.starts_with("PATCH") { merge } else { JSON };
            let answer = client.request(&line, headers, &vec![b' '; 100 << 20]);
            check(&line, &answer, 413, "RequestEntityTooLarge", limit);
        }
        // One that doesn't say beforehand how long it is.
        let mut client = Client::connect(server, &Shows::Certificate);
        let chunked =
            format!("POST {JOBS} HTTP/1.1\r\nHost: a\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n");
        client.send(chunked.as_bytes());
        for _ in 0..100 {
            client.send(&[b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat());
        }
        let answer = client.answer().expect("there must be an answer");
        check("chunked", &answer, 413, "RequestEntityTooLarge", limit);
    });
}

#[test]
fn what_is_not_served() {
    survives(&[], |_, server| {
        let mut client = Client::connect(server, &Shows::Certificate);
        let not_found = "the server could not find the requested resource";
        for path in [
            "/api/v1/namespaces/default/gadgets",
            "/api/v1/namespaces/default/pods/a/shell",
            "/api/v1/namespaces/default/pods/a%2Fb",
            "/api/v1/namespaces/default%2Fpods%2Fa%2Fb",
        ] {
            let answer = client.request(&format!("GET {path}"), "", b"");
            check(path, &answer, 404, "NotFound", not_found);
        }
        for path in ["/apis/batch/v2/jobs", "/apis/example.org/v1/things", "/nowhere"] {
            let answer = client.request(&format!("GET {path}"), "", b"");
            assert_eq!(answer.code, 404, "{path}: {answer:?}");
        }
        let not_allowed = "the server does not allow this method on the requested resource";
        for line in ["PUT", "PATCH", "PURGE", "BREW"] {
            let answer = client.request(&format!("{line} {JOBS}"), JSON, b"{}");
            check(line, &answer, 405, "MethodNotAllowed", not_allowed);
        }
        for (name, why) in [
            ("..", "Name parameter invalid: \"..\": may not be '..'"),
            ("%2e%2e", "Name parameter invalid: \"..\": may not be '..'"),
            ("%2E", "Name parameter invalid: \".\": may not be '.'"),
            ("a%25b", "Name parameter invalid: \"a%b\": may not contain '%'"),
        ] {
            for method in ["GET", "DELETE"] {
                let line = format!("{method} /api/v1/namespaces/default/pods/{name}");
                let answer = client.request(&line, "", b"");
                check(&line, &answer, 400, "BadRequest", why);
            }
        }
        let answer = client.request(&format!("GET {JOBS}/%00"), "", b"");
        check("a zero", &answer, 404, "NotFound", "not found");
    });
}

#[test]
fn heads_that_are_too_large() {
    survives(&[], |_, server| {
        let mut client = Client::connect(server, &Shows::Certificate);
        let large = format!("X-Large: {}\r\n", "a".repeat(70_000));
        let answer = client.request("GET /api", &large, b"");
        check(
            "a large header",
            &answer,
            431,
            "",
            "Request header fields too large: limit is 65536",
        );
        let many: String = (0..150).map(|number| format!("X-{number}: 1\r\n")).collect();
        let answer = client.request("GET /api", &many, b"");
        check("many headers", &answer, 431, "", "Request header fields too large: limit is 100");
        let huge = format!("X-Huge: {}\r\n", "a".repeat(1 << 20));
        let answer = client.request("GET /api", &huge, b"");
        assert_eq!(answer.code, 431, "{answer:?}");
    });
}

#[test]
fn what_is_no_request() {
    survives(&[], |_, server| {
        for bytes in [
            "\r\n\r\n\r\n\0\0\0\0".as_bytes(),
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET /api HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            b"POST /api HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        ] {
            let mut client = Client::connect(server, &Shows::Certificate);
            client.send(bytes);
            while let Some(answer) = client.answer() {
                assert!((400..500).contains(&answer.code), "{answer:?}");
            }
        }
        let mut plain = connect(server);
        plain.write_all(b"GET /api HTTP/1.1\r\nHost: a\r\n\r\n").expect("it must listen");
        let mut text = String::new();
        plain.read_to_string(&mut text).expect("it must be text");
        assert!(text.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{text}");
        assert!(text.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{text}");
        let mut garbage = connect(server);
        garbage.write_all(&[0x16, 3, 1, 0xff, 0xff, 0, 0, 0]).expect("it must listen");
        garbage.shutdown(std::net::Shutdown::Write).expect("it must be open");
        let _ = garbage.read_to_end(&mut Vec::new());
    });
}

/// Clients that send a byte now and then are ended, and keep nobody else from being answered.
#[test]
fn slow_clients() {
    survives(&[], |_, server| {
        let head = b"GET /api/v1/pods HTTP/1.1\r\nHost: a\r\nX-Slow: ";
        let mut slow: Vec<Client> = (0..20)
            .map(|_| {
                let mut client = Client::connect(server, &Shows::Certificate);
                client.send(head);
                client
            })
            .collect();
        // These don't even get as far as that.
        let mut silent: Vec<_> = (0..20).map(|_| connect(server)).collect();
        let answer = Client::connect(server, &Shows::Certificate).request("GET /api", "", b"");
        assert_eq!(answer.code, 200);
        for client in &mut slow {
            assert!(client.answer().is_none(), "it must be ended without an answer");
        }
        for stream in &mut silent {
            assert_eq!(stream.read_to_end(&mut Vec::new()).expect("it must be ended"), 0);
        }
    });
}

#[test]
fn one_connection_too_many() {
    // Of so many descriptors, a quarter is for connections.
    let home = Home::new();
    let mut shell = home.mayfly_from(Path::new("/bin/sh"));
    shell.args(["-c", "ulimit -n 1024 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mayfly")]);
    let server = Server::started(Running::start(shell.args(["serve", "--listen", "127.0.0.1:0"])));
    survived_by(server, |server| {
        // A watch each: nothing else keeps its place for as long as this may take.
        let mut all: Vec<Watch> = (0..256)
            .map(|_| {
                let client = Client::connect(server, &Shows::Certificate);
                let mut watch = client.watch("/api/v1/namespaces?watch=true");
                assert!(watch.line().contains("\"ADDED\""));
                watch
            })
            .collect();
        let answer = Client::connect(server, &Shows::Certificate).request("GET /livez", "", b"");
        assert!(answer.head.contains("\r\nretry-after: 1\r\n"), "{answer:?}");
        check("one more", &answer, 429, "TooManyRequests", "no more than 256 connections at once");
        drop(all.pop());
        let body = br#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"late"}}"#;
        let made = in_a_place(server, "POST /api/v1/namespaces", JSON, body);
        assert_eq!(made.code, 201, "{made:?}");
        // The others go on.
        while !all[0].line().contains("\"late\"") {}
    });
}
