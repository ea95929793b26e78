//! `GET pods/x/log`.

use axum::http::StatusCode;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::kit::{Answer, Cluster, POD, Tell, phase};
use crate::api::{ContainerState, Pod};
use crate::limits::LOG_CHUNK_BYTES;

fn one() -> Value {
    json!({"containers": [{"name": "main", "image": "i"}]})
}

fn is_waiting(pod: &Pod, container: &str, reason: &str) -> bool {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let waiting = |state: &ContainerState| state.waiting.as_ref()?.reason.clone();
    statuses.into_iter().any(|it| {
        it.name == container && it.state.as_ref().and_then(waiting).as_deref() == Some(reason)
    })
}

#[tokio::test]
async fn a_log_is_what_was_printed_and_of_it_what_is_asked_for() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", one()).await;
    for told in [Tell::Print("one\ntwo\n"), Tell::Complain("three\n"), Tell::Print("unfinished")] {
        tell.send(told).unwrap();
    }
    drop(tell);
    cluster.until("p", |pod| phase(pod) == "Succeeded").await;
    for (query, expected) in [
        ("", "one\ntwo\nthree\nunfinished"),
        (
            "container=main&follow=false&pretty=true&insecureSkipTLSVerifyBackend=true",
            "one\ntwo\nthree\nunfinished",
        ),
        ("follow=true", "one\ntwo\nthree\nunfinished"),
        ("tailLines=2", "three\nunfinished"),
        ("tailLines=0", ""),
        ("limitBytes=5", "one\nt"),
        ("stream=Stderr", "three\n"),
        ("sinceSeconds=3600&tailLines=1", "unfinished"),
        ("sinceTime=2999-01-01T00:00:00Z", ""),
    ] {
        assert_eq!(cluster.log(query).await, expected, "{query}");
    }
    let stamped = cluster.log("timestamps=true&tailLines=1").await;
    let (time, text) = stamped.split_once(' ').unwrap();
    assert_eq!((time.len(), text), ("2026-01-02T03:04:05.000000000Z".len(), "unfinished"));
}

#[tokio::test]
async fn a_large_log_comes_in_chunks() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", one()).await;
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
    for _ in 0..4096 {
        tell.send(Tell::Print(line)).unwrap();
    }
    drop(tell);
    cluster.until("p", |pod| phase(pod) == "Succeeded").await;
    let body = cluster.open("GET", &format!("{POD}/log")).await.into_body();
    let mut chunks = body.into_data_stream();
    let mut bytes = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.unwrap();
        assert!(chunk.len() < LOG_CHUNK_BYTES + line.len(), "{}", chunk.len());
        bytes += chunk.len();
    }
    assert_eq!(bytes, 4096 * line.len());
}

#[tokio::test]
async fn a_log_is_followed_until_the_run_is_over() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", one()).await;
    tell.send(Tell::Print("one\n")).unwrap();
    let body = cluster.open("GET", &format!("{POD}/log?follow=true")).await.into_body();
    let mut chunks = body.into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "one\n");
    tell.send(Tell::Complain("two\n")).unwrap();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "two\n");
    tell.send(Tell::Print("last")).unwrap();
    drop(tell);
    assert_eq!(chunks.next().await.unwrap().unwrap(), "last");
    assert!(chunks.next().await.is_none());
}

#[tokio::test]
async fn following_breaks_off_when_the_server_shuts_down() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", one()).await;
    tell.send(Tell::Print("one\n")).unwrap();
    let body = cluster.open("GET", &format!("{POD}/log?follow=true")).await.into_body();
    let mut chunks = body.into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "one\n");
    cluster.shutdown.cancel();
    assert!(chunks.next().await.unwrap().is_err(), "it must not look like its end");
}

#[tokio::test]
async fn a_follower_that_goes_away_is_forgotten() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", one()).await;
    tell.send(Tell::Print("one\n")).unwrap();
    let address = cluster.listen().await;
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {POD}/log?follow=true HTTP/1.1\r\nHost: x\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"one\n\r\n") {
        assert!(client.read_buf(&mut answer).await.unwrap() > 0);
    }
    drop(client);
    cluster.logs.unfollowed(&cluster.first_run("p")).await;
}

#[tokio::test]
async fn the_previous_log_is_that_of_the_run_before() {
    let cluster = Cluster::start();
    let mut spec = one();
    spec["restartPolicy"] = json!("OnFailure");
    let tell = cluster.run("p", spec).await;
    let never = cluster.send("GET", &format!("{POD}/log?previous=true")).await;
    let message = "previous terminated container \"main\" in pod \"p\" not found";
    assert_eq!((never.code, &never.body["message"]), (StatusCode::BAD_REQUEST, &json!(message)));
    for told in [Tell::Print("first\n"), Tell::End(1), Tell::Print("second\n")] {
        tell.send(told).unwrap();
    }
    drop(tell);
    cluster.until("p", |pod| phase(pod) == "Succeeded").await;
    assert_eq!(cluster.log("").await, "second\n");
    assert_eq!(cluster.log("previous=true").await, "first\n");
}

#[tokio::test]
async fn where_there_is_no_log_the_reason_is_told() {
    let cluster = Cluster::start();
    let check = async |query: &str, code: u16, message: &str| {
        let Answer { code: found, body } = cluster.send("GET", &format!("{POD}/log?{query}")).await;
        assert_eq!((found.as_u16(), &body["message"]), (code, &json!(message)), "{query}");
    };
    check("", 404, "pods \"p\" not found").await;
    let nowhere =
        json!({"containers": [{"name": "main", "image": "i"}], "nodeSelector": {"a": "b"}});
    cluster.create("nowhere", nowhere).await;
    let unscheduled = cluster.send("GET", "/api/v1/namespaces/default/pods/nowhere/log").await;
    assert_eq!((unscheduled.code, unscheduled.body), (StatusCode::NO_CONTENT, json!("")));

    let two =
        json!({"containers": [{"name": "a", "image": "missing"}, {"name": "b", "image": "i"}]});
    cluster.create("p", two).await;
    cluster.until("p", |pod| is_waiting(pod, "a", "ImagePullBackOff")).await;
    let which = "a container name must be specified for pod p, choose one of: [a b]";
    check("", 400, which).await;
    check("container=z", 400, "container z is not valid for pod p").await;
    let waiting =
        "container \"a\" in pod \"p\" is waiting to start: trying and failing to pull image";
    check("container=a", 400, waiting).await;
    check("container=a&follow=true", 400, waiting).await;
    let zero =
        "PodLogOptions \"p\" is invalid: limitBytes: Invalid value: 0: must be greater than 0";
    check("container=a&limitBytes=0", 422, zero).await;
    check("container=a&tailLines=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax").await;
}
