//! What is told of objects, to the letter.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::api::{CronJob, Job, Pod};
use crate::clock::Clock;
use crate::limits::LIST_PIECE_BYTES;
use crate::node::Usages;
use crate::store::{Names, Store, Transaction, unpacked_by};

fn store() -> Store {
    Store::in_memory(Clock::simulated("2026-01-01T00:00:00Z".parse().unwrap()), Names::seeded(1))
}

/// The text of what is in `store`, in pieces.
fn pieces(store: &Store, objects_max: usize) -> Vec<String> {
    Pieces::all(snapshot(store, objects_max)).collect()
}

fn snapshot(store: &Store, objects_max: usize) -> Snapshot {
    Snapshot::of(&Sources {
        store,
        usages: &Usages::new("here", store.clock().clone()),
        requests: &Requests::default(),
        queues: &[],
        since: store.clock().now(),
        objects_max,
    })
}

/// The series whose name begins with `beginning`, without their first labels.
fn series(store: &Store, beginning: &str) -> Vec<String> {
    let page = pieces(store, 100).concat();
    let lines = page.lines().filter(|line| line.starts_with(beginning));
    lines.map(ToOwned::to_owned).collect()
}

fn without<'a>(lines: &'a [String], base: &str) -> Vec<String> {
    let line = |it: &'a String| it.replace(base, "").replace("{}", "");
    lines.iter().map(line).collect()
}

async fn job(store: &Store, name: &str, spec: Value, status: Value) {
    let spec_of_pods = json!({"containers": [{"name": "main", "image": "i"}]});
    let mut spec = spec;
    spec["template"] = json!({"spec": spec_of_pods});
    let owner = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "uid": "u",
                        "controller": true}]);
    let metadata = json!({"name": name, "namespace": "ns", "ownerReferences": owner});
    let job = json!({"metadata": metadata, "spec": spec, "status": status});
    let job: Job = serde_json::from_value(job).unwrap();
    store.commit(Transaction::new().create(job)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn jobs_are_told_of_as_kube_state_metrics_does() {
    let store = store();
    let spec = json!({"parallelism": 2, "completions": 5, "activeDeadlineSeconds": 600});
    let failed = json!({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"});
    let suspended = json!({"type": "Suspended", "status": "False"});
    let status = json!({
        "active": 1, "ready": 1, "succeeded": 3, "failed": 7,
        "startTime": "2026-01-01T00:00:01Z", "conditions": [suspended, failed],
    });
    job(&store, "j", spec, status).await;
    let lines = without(&series(&store, "kube_job_"), "namespace=\"ns\",job_name=\"j\"");
    assert_eq!(
        lines,
        [
            "kube_job_info 1",
            "kube_job_created 1767225600",
            "kube_job_spec_parallelism 2",
            "kube_job_spec_completions 5",
            "kube_job_spec_active_deadline_seconds 600",
            "kube_job_status_succeeded 3",
            "kube_job_status_failed{,reason=\"BackoffLimitExceeded\"} 1",
            "kube_job_status_failed{,reason=\"DeadlineExceeded\"} 0",
            "kube_job_status_failed{,reason=\"Evicted\"} 0",
            "kube_job_status_active 1",
            "kube_job_status_ready 1",
            "kube_job_failed{,condition=\"true\"} 1",
            "kube_job_failed{,condition=\"false\"} 0",
            "kube_job_failed{,condition=\"unknown\"} 0",
            "kube_job_status_start_time 1767225601",
            "kube_job_status_suspended 0",
            "kube_job_owner{,owner_kind=\"CronJob\",owner_name=\"c\",owner_is_controller=\"true\"} 1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_has_failed_for_a_reason_that_is_known_or_not() {
    let store = store();
    let failed = |reason: &str| json!([{"type": "Failed", "status": "True", "reason": reason}]);
    job(&store, "a", json!({}), json!({"failed": 0})).await;
    job(&store, "b", json!({}), json!({"failed": 2})).await;
    let status = json!({"failed": 3, "conditions": failed("PodFailurePolicy")});
    job(&store, "c", json!({}), status).await;
    let lines = without(&series(&store, "kube_job_status_failed"), "namespace=\"ns\",");
    assert_eq!(
        lines,
        [
            "kube_job_status_failed{job_name=\"a\"} 0",
            "kube_job_status_failed{job_name=\"b\",reason=\"\"} 2",
            "kube_job_status_failed{job_name=\"c\",reason=\"BackoffLimitExceeded\"} 0",
            "kube_job_status_failed{job_name=\"c\",reason=\"DeadlineExceeded\"} 0",
            "kube_job_status_failed{job_name=\"c\",reason=\"Evicted\"} 0",
            "kube_job_status_failed{job_name=\"c\",reason=\"\"} 3",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn cron_jobs_are_told_of_as_kube_state_metrics_does() {
    let store = store();
    let cron_job = |name: &str, schedule: &str, suspend: bool| -> CronJob {
        let spec = json!({
            "schedule": schedule, "timeZone": "Europe/Berlin", "suspend": suspend,
            "concurrencyPolicy": "Forbid", "startingDeadlineSeconds": 60,
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
            "jobTemplate": {},
        });
        let metadata = json!({"name": name, "namespace": "ns"});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    };
    store.commit(Transaction::new().create(cron_job("c", "30 1 * * *", false))).await.unwrap();
    let lines = without(&series(&store, "kube_cronjob_"), "namespace=\"ns\",cronjob=\"c\"");
    assert_eq!(
        lines,
        [
            "kube_cronjob_info{,schedule=\"30 1 * * *\",concurrency_policy=\"Forbid\",\
             timezone=\"Europe/Berlin\"} 1",
            "kube_cronjob_created 1767225600",
            "kube_cronjob_status_active 0",
            "kube_cronjob_spec_suspend 0",
            "kube_cronjob_spec_starting_deadline_seconds 60",
            // Half past one in Berlin is half past midnight.
            "kube_cronjob_next_schedule_time 1767227400",
            "kube_cronjob_metadata_resource_version 1",
            "kube_cronjob_spec_successful_job_history_limit 3",
            "kube_cronjob_spec_failed_job_history_limit 1",
        ]
    );
    store.commit(Transaction::new().create(cron_job("d", "nonsense", true))).await.unwrap();
    assert_eq!(series(&store, "kube_cronjob_next").len(), 1, "one is suspended");
    assert_eq!(
        series(&store, "kube_cronjob_schedule_invalid"),
        ["kube_cronjob_schedule_invalid{namespace=\"ns\",cronjob=\"d\"} 1"]
    );
}

fn pod(name: &str, phase: &str) -> Value {
    let resources = json!({
        "limits": {"cpu": "250m", "memory": "64Mi", "example.com/other": "1"},
        "requests": {"ephemeral-storage": "1Gi"},
    });
    json!({
        "metadata": {
            "name": name, "namespace": "ns",
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u",
                                 "controller": true}],
        },
        "spec": {
            "restartPolicy": "Never", "nodeName": "here", "serviceAccountName": "default",
            "containers": [{"name": "main", "image": "perl", "resources": resources}],
        },
        "status": {
            "phase": phase, "podIP": "10.0.0.1", "hostIP": "127.0.0.1", "qosClass": "Burstable",
            "startTime": "2026-01-01T00:00:02Z", "reason": "Odd",
            "conditions": [
                {"type": "PodScheduled", "status": "True",
                 "lastTransitionTime": "2026-01-01T00:00:01Z"},
                {"type": "Ready", "status": "False"},
            ],
            "containerStatuses": [{
                "name": "main", "image": "perl:latest", "imageID": "sha256:0", "ready": false,
                "containerID": "mayfly://1", "restartCount": 2,
                "state": {"terminated": {"exitCode": 3, "reason": "Error",
                    "startedAt": "2026-01-01T00:00:05Z", "finishedAt": "2026-01-01T00:00:09Z"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled",
                    "startedAt": "2026-01-01T00:00:03Z", "finishedAt": "2026-01-01T00:00:04Z"}},
            }],
        },
    })
}

async fn create(store: &Store, pod: Value) {
    let pod: Pod = serde_json::from_value(pod).unwrap();
    store.commit(Transaction::new().create(pod)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pods_are_told_of_as_kube_state_metrics_does() {
    let store = store();
    create(&store, pod("p", "Failed")).await;
    let uid = store.list::<Pod>(None).items[0].metadata.uid.clone().unwrap();
    let base = format!("namespace=\"ns\",pod=\"p\",uid=\"{uid}\"");
    let lines = without(&series(&store, "kube_pod_"), &base);
    expect_test::expect_file!["expected/pod.txt"].assert_eq(&(lines.join("\n") + "\n"));
}

#[tokio::test(start_paused = true)]
async fn no_scrape_grows_with_all_that_was_ever_run() {
    let store = store();
    for number in 0..50 {
        create(&store, pod(&format!("old-{number}"), "Succeeded")).await;
    }
    store.clock().jump(crate::api::SignedDuration::from_secs(1));
    create(&store, pod("new", "Succeeded")).await;
    create(&store, pod("running", "Running")).await;
    let names = |most: usize| -> Vec<String> {
        let page = pieces(&store, most).concat();
        let infos = page.lines().filter(|line| line.starts_with("kube_pod_info{"));
        infos.map(|line| line.split('"').nth(3).unwrap().to_owned()).collect()
    };
    assert_eq!(names(2), ["new", "running"]);
    assert_eq!(names(1), ["running"]);
    assert_eq!(names(0), [""; 0]);
    assert_eq!(names(100).len(), 52);
    let page = pieces(&store, 2).concat();
    for line in [
        "mayfly_metrics_objects_left_out{resource=\"pods\"} 50",
        "mayfly_pods{phase=\"Succeeded\"} 51",
        "mayfly_pods{phase=\"Running\"} 1",
        "apiserver_resource_objects{group=\"\",resource=\"pods\"} 52",
        "apiserver_resource_objects{group=\"batch\",resource=\"jobs\"} 0",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_packed_is_told_of_alike_and_holds_what_others_hold() {
    let store = store();
    for number in 0..10 {
        create(&store, pod(&format!("p-{number}"), "Succeeded")).await;
    }
    let pages = |store: &Store| [2, 100].map(|most| pieces(store, most).concat());
    let before = pages(&store);
    store.pack_all();
    assert_eq!(pages(&store), before);
    // Those that are told of are unpacked again, for none is held while others are looked at.
    for (most, told, unpacked) in [(2, 2, 12), (100, 10, 10)] {
        let (snapshot, count) = unpacked_by(async { snapshot(&store, most) }).await;
        let pods = snapshot.objects.pods.iter();
        let specs: Vec<_> = pods.map(|(_, pod)| pod.spec.as_ref().unwrap()).collect();
        assert_eq!((specs.len(), count), (told, unpacked));
        assert!(specs.iter().all(|spec| spec.is_one_with(specs[0])));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_large_is_written_in_pieces() {
    let store = store();
    for number in 0..200 {
        create(&store, pod(&format!("p-{number}"), "Running")).await;
    }
    let pieces = pieces(&store, 1000);
    assert!(pieces.len() > 10, "{}", pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        let is_last = index + 1 == pieces.len();
        let is_long = (LIST_PIECE_BYTES..LIST_PIECE_BYTES + 4096).contains(&piece.len());
        assert!(is_last || is_long, "{index}: {}", piece.len());
    }
    let page = pieces.concat();
    let heads = page.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(heads, METRICS.iter().map(|it| it.len()).sum::<usize>(), "each has one head");
    assert_eq!(page.matches("kube_pod_status_phase{").count(), 5 * 200);
}

#[test]
fn names_say_what_the_numbers_are() {
    let mut names = BTreeSet::new();
    for metric in METRICS.iter().copied().flatten() {
        let name = metric.name;
        assert!(names.insert(name), "{name} is there twice");
        let is_plain =
            |it: &str| it.bytes().all(|it| it.is_ascii_lowercase() || b"_".contains(&it));
        assert!(is_plain(name), "{name}");
        assert_eq!(name.ends_with("_total"), metric.of == Type::Counter, "{name}");
        if metric.of == Type::Histogram {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        let labels = metric.read.labels().iter().chain(metric.labels);
        let known: BTreeSet<&str> = labels.clone().copied().collect();
        assert_eq!(known.len(), labels.clone().count(), "{name} has a label twice");
        assert!(labels.copied().all(|it| is_plain(it) && it != "le"), "{name}");
        assert!(!metric.help.is_empty() && !metric.help.ends_with('.'), "{name}");
        assert!(!metric.help.contains(['\n', '\\']), "{name}");
    }
}
