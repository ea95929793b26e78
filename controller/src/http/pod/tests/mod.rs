//! Logs and streams of pods that run, over a control plane whose containers do what a test tells
//! them.

mod attach;
mod kit;
mod log;

use axum::http::StatusCode;
use kit::{Answer, Cluster, POD};
use serde_json::json;

use crate::limits::STREAMS_MAX;

#[tokio::test]
async fn what_a_guest_can_not_have_is_refused_with_the_reason() {
    let cluster = Cluster::start();
    cluster.create("p", json!({"containers": [{"name": "main", "image": "i"}]})).await;
    for (method, part, reason) in [
        ("GET", "exec?command=ls&stdout=true", "has no second process"),
        ("POST", "exec?command=ls&stdout=true", "has no second process"),
        ("GET", "portforward", "has no network and no second process"),
        ("POST", "portforward", "has no network and no second process"),
        ("PATCH", "ephemeralcontainers", "has no second process beside it"),
    ] {
        let Answer { code, body } = cluster.send(method, &format!("{POD}/{part}")).await;
        assert_eq!(code, StatusCode::NOT_IMPLEMENTED, "{method} {part}: {body}");
        assert_eq!((&body["kind"], &body["reason"]), (&json!("Status"), &json!("NotImplemented")));
        assert!(body["message"].as_str().unwrap().contains(reason), "{method} {part}: {body}");
    }
    for part in ["exec", "log", "attach"] {
        let gone = cluster.send("GET", &format!("{POD}q/{part}")).await;
        assert_eq!(
            (gone.code, &gone.body["message"]),
            (StatusCode::NOT_FOUND, &json!("pods \"pq\" not found"))
        );
        let deleted = cluster.send("DELETE", &format!("{POD}/{part}")).await;
        assert_eq!(deleted.code, StatusCode::METHOD_NOT_ALLOWED, "{part}");
    }
}

#[tokio::test]
async fn streams_are_no_more_than_may_be() {
    let cluster = Cluster::start();
    let _tell = cluster.run("p", json!({"containers": [{"name": "main", "image": "i"}]})).await;
    let following = cluster.open("GET", &format!("{POD}/log?follow=true")).await;
    assert_eq!(cluster.streams.available_permits(), STREAMS_MAX - 1);
    drop(following);
    let all = cluster.streams.acquire_many(u32::try_from(STREAMS_MAX).unwrap()).await.unwrap();
    for part in ["log", "attach?stdout=true"] {
        let refused = cluster.send("GET", &format!("{POD}/{part}")).await;
        assert_eq!(refused.code, StatusCode::TOO_MANY_REQUESTS, "{part}");
    }
    drop(all);
    assert_eq!(cluster.send("GET", &format!("{POD}/log")).await.code, StatusCode::OK);
}

#[tokio::test]
async fn a_node_tells_of_its_pods() {
    let cluster = Cluster::start();
    let elsewhere =
        json!({"containers": [{"name": "main", "image": "i"}], "nodeName": "elsewhere"});
    cluster.create("q", elsewhere).await;
    let _told = cluster.run("p", json!({"containers": [{"name": "main", "image": "i"}]})).await;
    for node in ["localhost", "localhost:10250"] {
        let pods = cluster.send("GET", &format!("/api/v1/nodes/{node}/proxy/pods")).await;
        assert_eq!((pods.code, &pods.body["kind"]), (StatusCode::OK, &json!("PodList")));
        let pods = pods.body["items"].as_array().unwrap();
        let names: Vec<_> = pods.iter().map(|pod| &pod["metadata"]["name"]).collect();
        assert_eq!(names, ["p"], "{node}");
    }
    let nobody = cluster.send("GET", "/api/v1/nodes/nobody/proxy/pods").await;
    assert_eq!(nobody.code, StatusCode::NOT_FOUND);
    let stats = cluster.send("GET", "/api/v1/nodes/localhost/proxy/stats/summary").await;
    assert_eq!(stats.code, StatusCode::NOT_IMPLEMENTED);
}
