//! A server that is killed in the middle: the next one goes on, and counts nothing twice.

use serde_json::Value;

use super::client::{Client, Shows};
use crate::harness::{Home, Server, guest, job};

const JOB: &str = "/apis/batch/v1/namespaces/default/jobs/a";

/// Rounds in which the server is killed while pods run, some having ended before.
const ROUNDS: usize = 4;
const COMPLETIONS: usize = 200;

fn get(server: &Server, path: &str) -> Value {
    let answer =
        Client::connect(server, &Shows::Certificate).request(&format!("GET {path}"), "", b"");
    assert_eq!(answer.code, 200, "{answer:?}");
    answer.json()
}

/// Waits for the first state of the Job that `is_wanted`, by a watch.
fn wait(server: &Server, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let watch = "/apis/batch/v1/namespaces/default/jobs?watch=true";
    let mut watch = Client::connect(server, &Shows::Certificate).watch(watch);
    loop {
        let event: Value = serde_json::from_str(&watch.line()).expect("events must be JSON");
        let status = &event["object"]["status"];
        if is_wanted(status) {
            return status.clone();
        }
    }
}

#[test]
fn nothing_is_lost_or_counted_twice_when_the_server_is_killed() {
    let home = Home::new();
    let image = format!("--image=index={}", guest("job_index"));
    let spec = format!("completions: {COMPLETIONS}\nparallelism: 10\ncompletionMode: Indexed");
    let manifest = job("a", &spec, "image: index");
    let mut server = Server::start(&home, &[&image]);
    let jobs = "POST /apis/batch/v1/namespaces/default/jobs";
    let yaml = "Content-Type: application/yaml\r\n";
    let made =
        Client::connect(&server, &Shows::Certificate).request(jobs, yaml, manifest.as_bytes());
    assert_eq!(made.code, 201, "{made:?}");
    for round in 1..=ROUNDS {
        let some = round * COMPLETIONS / (ROUNDS + 2);
        wait(&server, |status| status["succeeded"].as_u64() >= Some(some as u64));
        let killed = server.kill();
        assert_eq!(killed.status.code(), None, "it must have been killed: {killed:?}");
        server = Server::start(&home, &[&image]);
    }
    let status = wait(&server, |status| {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|it| it["type"] == "Complete" && it["status"] == "True")
    });
    assert_eq!((&status["succeeded"], &status["failed"]), (&COMPLETIONS.into(), &Value::Null));
    assert_eq!(status["completedIndexes"], format!("0-{}", COMPLETIONS - 1));
    assert_eq!(get(&server, JOB)["status"]["succeeded"], COMPLETIONS);
    let pods = get(&server, "/api/v1/namespaces/default/pods");
    let pods = pods["items"].as_array().expect("it must be a list").len();
    assert_eq!(pods, COMPLETIONS, "a pod for each completion");
    server.stop().exits(0);
}
