//! Descriptions held against those that the real kubectl printed of the recorded control plane.
//!
//! They lie with the traces beside the checkout; without them the test says so, and the layouts are
//! still held against kubectl's by `tests/cli/client`.

use std::io::Write as _;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Event;
use serde_json::{Value, json};

use super::{Seen, job, typed};

/// How long after a Job's creation, in seconds, its description may have been recorded.
const RECORDED_WITHIN: i64 = 1_000;

fn traces() -> Vec<PathBuf> {
    let folder = std::env::var_os("MAYFLY_TRACES").map_or_else(
        || {
            let shared = std::env::var_os("MAYFLY_SHARED").map(PathBuf::from);
            let shared =
                shared.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
            shared.join("conformance/traces")
        },
        PathBuf::from,
    );
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths
}

/// The recorded events about `object`.
fn events_about(trace: &Value, object: &Value) -> Vec<Event> {
    let all = trace["events"].as_array().expect("events");
    let about = all.iter().filter(|event| {
        event["involvedObject"]["name"] == object["metadata"]["name"]
            && event["involvedObject"]["kind"] == object["kind"]
    });
    about
        .map(|event| {
            let mut event = event.clone();
            event["source"] = json!({"component": event["component"]});
            event["metadata"] = json!({});
            typed(&event).expect("an event")
        })
        .collect()
}

/// Without the line that kubectl has only since it knows of time zones, and with the events of one
/// second in one order: kubectl's sort leaves it to chance.
fn comparable(text: &str) -> Vec<String> {
    let lines: Vec<String> = text
        .trim_end()
        .lines()
        .filter(|line| !line.starts_with("Time Zone:"))
        .map(str::to_owned)
        .collect();
    let head = lines.iter().position(|line| line == "Events:").map_or(lines.len(), |at| at + 3);
    let (head, events) = lines.split_at(head.min(lines.len()));
    let mut events = events.to_vec();
    events.sort();
    [head, &events].concat()
}

/// Whether `describe` gives `expect` at some second after the object was made.
fn matches(object: &Value, expect: &str, describe: impl Fn(&Seen) -> String) -> Result<(), String> {
    let created: Timestamp = object["metadata"]["creationTimestamp"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a creation time");
    let mut last = String::new();
    for seconds in 0..RECORDED_WITHIN {
        let now = created + SignedDuration::from_secs(seconds);
        last = describe(&Seen { now, zone: TimeZone::UTC });
        if comparable(&last) == comparable(expect) {
            return Ok(());
        }
    }
    Err(last)
}

/// The recorded description of `name`, of those that stand below each other.
fn recorded<'a>(trace: &'a Value, name: &str) -> Option<&'a str> {
    let text = trace["describe"].as_str().unwrap_or_default();
    let parts = text.split("---\nName:").flat_map(|part| part.split("\n\nName:"));
    let mut parts = parts.map(|part| part.trim_start_matches("Name:"));
    let part = parts.find(|part| part.split_whitespace().next() == Some(name))?;
    Some(part.split("\n---").next().unwrap_or(part))
}

/// The CronJob of a trace as it was at the end; `None` if it was changed in ways that are not
/// recorded.
fn cron_job_at_the_end(trace: &Value) -> Option<Value> {
    let mut object = trace["created_object"].clone();
    let last = trace["cronjob_snapshots"].as_array()?.last()?;
    let is_edited = last["generation"] != 1 && last["suspend"] == object["spec"]["suspend"];
    object["status"] = last["status"].clone();
    object["spec"]["suspend"] = last["suspend"].clone();
    (object["kind"] == "CronJob" && !is_edited).then_some(object)
}

#[test]
fn recorded_descriptions() {
    // `println!` would show only what a test says that fails.
    let mut stdout = std::io::stdout();
    let traces = traces();
    if traces.is_empty() {
        writeln!(stdout, "skipped: there are no traces to take recorded descriptions from")
            .expect("stdout must be open");
        return;
    }
    let (mut count, mut wrong) = (0, Vec::new());
    for path in traces {
        let text = std::fs::read_to_string(&path).expect("a readable trace");
        let trace: Value = serde_json::from_str(&text).expect("a trace");
        let jobs = trace["final_jobs"].as_object().into_iter().flatten();
        let objects = jobs.map(|(_, job)| job.clone()).chain(cron_job_at_the_end(&trace));
        for object in objects {
            let name = object["metadata"]["name"].as_str().expect("a name");
            let Some(part) = recorded(&trace, name) else { continue };
            let expect = format!("Name:{part}");
            let events = events_about(&trace, &object);
            let describe = |seen: &Seen| match object["kind"].as_str() {
                Some("CronJob") => {
                    job::cron_job(&typed(&object).expect("one"), Some(&events), seen)
                }
                _ => job::job(&typed(&object).expect("a Job"), Some(&events), seen),
            };
            count += 1;
            if let Err(got) = matches(&object, &expect, describe) {
                wrong.push(format!("{}: wanted\n{expect}\ngot\n{got}", path.display()));
            }
        }
    }
    let failed = wrong.len();
    writeln!(stdout, "descriptions: {} passed, {failed} failed", count - failed)
        .expect("stdout must be open");
    assert!(count > 0, "some trace must have a description");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
