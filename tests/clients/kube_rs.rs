//! kube-rs, with its watcher and its waiting for conditions.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, LogParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher::{self, Event};
use kube::{Client, Config, ResourceExt as _};
use serde_json::json;

use super::{IMAGE, OPTIONS};
use crate::harness::{Home, Server};

const NAME: &str = "of-kube-rs";

/// How long all of it may take; only a fault takes as long.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test]
async fn kube_rs_takes_a_job_through_its_life() {
    tokio::time::timeout(PATIENCE, Box::pin(life())).await.expect("must come to its end");
}

async fn life() {
    let home = Home::new();
    let server = Server::start(&home, OPTIONS);
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).expect("must be a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let client = Client::try_from(config.expect("must be usable")).expect("must be a client");
    let jobs: Api<Job> = Api::default_namespaced(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client);

    let mut events = Box::pin(watcher::watcher(jobs.clone(), watcher::Config::default()));
    // It does nothing until it is asked: from here on it has seen that there was no Job.
    while !matches!(events.try_next().await.expect("must be watched"), Some(Event::InitDone)) {}
    let made = jobs.create(&PostParams::default(), &job()).await.expect("must be created");
    let complete = await_condition(jobs.clone(), NAME, conditions::is_job_completed());
    let complete = complete.await.expect("must be watched").expect("must be there");
    assert_eq!(complete.uid(), made.uid());
    assert_eq!(complete.status.and_then(|status| status.succeeded), Some(1));

    let of_job = ListParams::default().labels(&format!("job-name={NAME}"));
    let pod = pods.list(&of_job).await.expect("must be listed").items.remove(0);
    let log = pods.logs(&pod.name_any(), &LogParams::default()).await.expect("must have a log");
    assert!(log.contains("arg 1: kube-rs\n"), "{log}");

    jobs.delete(NAME, &DeleteParams::background()).await.expect("must be deleted");
    // The watcher tells all of it, from before the Job was there until it is gone.
    let mut has_begun = false;
    loop {
        match events.try_next().await.expect("the watcher must go on") {
            Some(Event::Apply(job)) => has_begun |= job.uid() == made.uid(),
            Some(Event::Delete(job)) if job.uid() == made.uid() => break,
            Some(_) => {}
            None => panic!("the watcher has ended"),
        }
    }
    assert!(has_begun, "a Job must be told of before its end");
    assert!(jobs.get_opt(NAME).await.expect("must be answered").is_none());
}

fn job() -> Job {
    let container = json!({"name": "main", "image": IMAGE, "args": ["kube-rs"]});
    let job = json!({
        "metadata": {"name": NAME},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    });
    serde_json::from_value(job).expect("must be a Job")
}
