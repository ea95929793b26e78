use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::api::Kind;

const NOW: &str = "2026-11-23T09:50:57Z";

fn cells(kind: Kind, object: &Value) -> Vec<Value> {
    let object = Object::from_json(kind, object.to_string().as_bytes()).expect("must be one");
    row(&object, NOW.parse().expect("must be a time")).cells
}

/// A recorded table, if there is the folder of recorded ones.
fn recorded(name: &str) -> Option<Value> {
    let folder = std::env::var_os("MAYFLY_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(folder.join("spec/wire/tables").join(name)) else {
        println!("no recorded tables: not compared");
        return None;
    };
    Some(serde_json::from_str(&text).expect("a recorded table must be JSON"))
}

#[test]
fn columns_are_those_of_an_api_server() {
    for kind in Kind::ALL {
        let Some(table) = recorded(&format!("{}.json", kind.plural())) else { return };
        let ours = serde_json::to_value(columns(*kind)).unwrap();
        assert_eq!(ours, table["columnDefinitions"], "{kind:?}");
    }
}

#[test]
fn every_row_has_a_cell_for_every_column() {
    for kind in Kind::ALL {
        let mut bare = json!({"metadata": {"name": "x"}});
        if *kind == Kind::CronJob {
            bare["spec"] = json!({"schedule": "@daily", "jobTemplate": {}});
        }
        if *kind == Kind::Event {
            bare["involvedObject"] = json!({});
        }
        assert_eq!(cells(*kind, &bare).len(), columns(*kind).len(), "{kind:?}");
    }
}

#[test]
fn recorded_jobs_have_the_recorded_cells() {
    let Some(table) = recorded("jobs-includeObject.json") else { return };
    let rows = table["rows"].as_array().expect("a table must have rows");
    for row in rows {
        assert_eq!(Value::from(cells(Kind::Job, &row["object"])), row["cells"]);
    }
    assert!(!rows.is_empty());
}

#[test]
fn a_job_is_one_word_and_its_completions_say_what_is_wanted() {
    let check = |spec: Value, status: Value, expect: &[&str]| {
        let mut job = json!({"metadata": {"name": "x"}, "spec": spec, "status": status});
        job["spec"]["template"] = json!({});
        let all = cells(Kind::Job, &job);
        assert_eq!(all[1..4], expect.iter().map(|cell| json!(cell)).collect::<Vec<_>>());
    };
    let condition = |type_: &str| json!([{"type": type_, "status": "True"}]);
    let start = "2026-11-23T09:50:00Z";
    check(json!({}), json!({}), &["Running", "0/1", ""]);
    check(json!({"parallelism": 3}), json!({"startTime": start}), &["Running", "0/1 of 3", "57s"]);
    check(
        json!({"completions": 4}),
        json!({"succeeded": 2, "conditions": condition("Suspended")}),
        &["Suspended", "2/4", ""],
    );
    check(
        json!({"completions": 1}),
        json!({
            "succeeded": 1, "startTime": start, "completionTime": "2026-11-23T09:50:02Z",
            "conditions": condition("Complete"),
        }),
        &["Complete", "1/1", "2s"],
    );
}

#[test]
fn a_cron_job_says_when_it_last_ran() {
    let cron_job = json!({
        "metadata": {"name": "cj", "creationTimestamp": "2026-11-23T09:50:50Z"},
        "spec": {
            "schedule": "*/5 * * * *", "suspend": false,
            "jobTemplate": {"spec": {"template": {"spec": {"containers": [
                {"name": "a", "image": "busybox"}, {"name": "b", "image": "perl"},
            ]}}}},
        },
        "status": {"active": [{}], "lastScheduleTime": "2026-11-23T09:45:00Z"},
    });
    assert_eq!(
        Value::from(cells(Kind::CronJob, &cron_job)),
        json!([
            "cj",
            "*/5 * * * *",
            "<none>",
            "False",
            1,
            "5m57s",
            "7s",
            "a,b",
            "busybox,perl",
            "<none>"
        ])
    );
}

#[test]
fn a_pod_is_one_word_for_all_its_containers() {
    let check = |status: Value, expect: [&str; 3]| {
        let pod = json!({
            "metadata": {"name": "x"},
            "spec": {
                "containers": [{"name": "a"}, {"name": "b"}],
                "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}],
            },
            "status": status,
        });
        assert_eq!(cells(Kind::Pod, &pod)[1..4], expect.map(|cell| json!(cell)), "{status}");
    };
    let container = |state: Value, ready: bool, restarts: i32| {
        json!({
            "name": "a", "image": "", "imageID": "", "state": state, "ready": ready,
            "restartCount": restarts,
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-23T09:50:47Z"}},
        })
    };
    let running = || json!({"running": {}});
    let ended =
        |reason: &str, code: i32| json!({"terminated": {"exitCode": code, "reason": reason}});
    check(json!({"phase": "Pending"}), ["0/3", "Pending", "0"]);
    check(json!({"phase": "Failed", "reason": "Evicted"}), ["0/3", "Evicted", "0"]);
    check(
        json!({"phase": "Pending", "initContainerStatuses": [container(running(), false, 0)]}),
        ["0/3", "Init:0/2", "0"],
    );
    check(
        json!({"phase": "Pending", "initContainerStatuses": [container(ended("Error", 3), false, 2)]}),
        ["0/3", "Init:Error", "2 (10s ago)"],
    );
    let done = || container(ended("Completed", 0), true, 0);
    let side = |state: Value, started: bool| {
        let mut side = container(state, started, 3);
        side["name"] = json!("s");
        side["started"] = json!(started);
        side
    };
    let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
    check(
        json!({"phase": "Pending", "initContainerStatuses": [
            done(), side(waiting("CrashLoopBackOff"), false),
        ]}),
        ["0/3", "Init:CrashLoopBackOff", "3 (10s ago)"],
    );
    check(
        json!({"phase": "Pending", "initContainerStatuses": [
            done(), side(waiting("PodInitializing"), false),
        ]}),
        ["0/3", "Init:1/2", "3 (10s ago)"],
    );
    check(
        json!({"phase": "Pending", "initContainerStatuses": [done(), side(running(), true)],
            "containerStatuses": [container(waiting("PodInitializing"), false, 0)]}),
        ["1/3", "PodInitializing", "3 (10s ago)"],
    );
    check(
        json!({"phase": "Running", "initContainerStatuses": [done(), side(running(), true)],
            "containerStatuses": [container(running(), true, 0), container(running(), true, 1)]}),
        ["3/3", "Running", "4 (10s ago)"],
    );
    check(
        json!({"phase": "Running", "containerStatuses": [
            container(running(), true, 1), container(ended("Completed", 0), false, 0),
        ]}),
        ["1/3", "NotReady", "1 (10s ago)"],
    );
    check(
        json!({"phase": "Failed", "containerStatuses": [
            container(ended("", 3), false, 0), container(ended("Error", 1), false, 0),
        ]}),
        ["0/3", "ExitCode:3", "0"],
    );
    check(
        json!({"phase": "Failed", "containerStatuses": [
            container(ended("Completed", 0), false, 0), container(ended("OOMKilled", 137), false, 0),
        ]}),
        ["0/3", "OOMKilled", "0"],
    );
}

#[test]
fn an_event_says_who_saw_what_and_how_often() {
    let event = json!({
        "metadata": {"name": "e"}, "type": "Normal", "reason": "SuccessfulCreate",
        "involvedObject": {"kind": "Job", "name": "pi"}, "message": " Created pod: pi-x\n",
        "source": {"component": "job-controller"}, "count": 3,
        "firstTimestamp": "2026-11-23T09:50:00Z", "lastTimestamp": "2026-11-23T09:50:50Z",
    });
    assert_eq!(
        Value::from(cells(Kind::Event, &event)),
        json!([
            "7s",
            "Normal",
            "SuccessfulCreate",
            "job/pi",
            "",
            "job-controller",
            "Created pod: pi-x",
            "57s",
            3,
            "e"
        ])
    );
}

#[test]
fn a_node_says_whether_it_is_ready() {
    let node = json!({
        "metadata": {"name": "fake", "creationTimestamp": "2026-11-23T09:20:41Z"},
        "spec": {"unschedulable": true},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "fake://1",
                "kernelVersion": "6.0", "kubeProxyVersion": "", "kubeletVersion": "v1.36.2",
                "machineID": "", "operatingSystem": "linux", "osImage": "fake", "systemUUID": "",
            },
        },
    });
    assert_eq!(
        Value::from(cells(Kind::Node, &node)),
        json!([
            "fake",
            "Ready,SchedulingDisabled",
            "<none>",
            "30m",
            "v1.36.2",
            "127.0.0.1",
            "<none>",
            "fake",
            "6.0 (amd64)",
            "fake://1"
        ])
    );
}
