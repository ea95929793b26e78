//! `mayfly rerun`: a Job once more, as a new Job.

use mayfly_controller::api::Kind;
use mayfly_controller::api::names::{
    CONTROLLER_UID, CONTROLLER_UID_LEGACY, JOB_NAME, JOB_NAME_LEGACY,
};
use serde_json::{Map, Value, json};

use super::complaint::{Complaint, doing};
use super::connect::Connection;
use super::create::Maker;
use super::request::As;
use super::resource::Resource;
use super::select::pair;
use crate::args::client::RerunArguments;
use crate::exit::Exit;

/// The longest beginning of a generated name: a Job's name has at most 63 characters, and five are
/// the server's.
const PREFIX_CHARS_MAX: usize = 58;

/// What the server writes into a Job and its pods; a new Job gets its own.
const GENERATED: [&str; 4] = [CONTROLLER_UID, CONTROLLER_UID_LEGACY, JOB_NAME, JOB_NAME_LEGACY];

/// Creates the Job anew that `arguments` name.
pub(super) async fn rerun(arguments: &RerunArguments) -> anyhow::Result<Exit> {
    let name = match arguments.job.contains('/') {
        true => match pair(&arguments.job)? {
            ("job" | "jobs" | "job.batch" | "jobs.batch", name) => name,
            (other, _) => {
                return Err(Complaint::usage(format!(
                    "only a job can be run again, not a {other}"
                )));
            }
        },
        false => arguments.job.clone(),
    };
    let connection = Connection::open(&arguments.make.server).await?;
    let resource = Resource::of(Kind::Job);
    let path = resource.path_of(&connection.namespace, &name);
    let old = connection.server.get(&path, &Vec::new(), As::Objects).await?;
    let new = again(&old, arguments.name.as_deref());
    let maker = Maker::new(&connection, &arguments.make);
    let made = maker.create(&resource, &connection.namespace, new).await;
    doing(made, "failed to create job: ")?;
    Ok(Exit::Done)
}

/// The Job `old` as it was asked for, under the name `name` or one that the server makes.
fn again(old: &Value, name: Option<&str>) -> Value {
    let old_name = old["metadata"]["name"].as_str().unwrap_or_default();
    let mut metadata = json!({});
    match name {
        Some(name) => metadata["name"] = json!(name),
        None => {
            let kept: String = old_name.chars().take(PREFIX_CHARS_MAX - 1).collect();
            metadata["generateName"] = json!(format!("{}-", kept.trim_end_matches(['-', '.'])));
        }
    }
    for key in ["labels", "annotations"] {
        let kept = without_generated(&old["metadata"][key]);
        if !kept.is_empty() {
            metadata[key] = Value::Object(kept);
        }
    }
    let mut spec = old["spec"].clone();
    if let Some(spec) = spec.as_object_mut() {
        let is_manual = spec.get("manualSelector") == Some(&Value::Bool(true));
        if !is_manual {
            spec.remove("selector");
        }
        // A Job that was suspended at its end is to run now.
        spec.remove("suspend");
    }
    let template = &mut spec["template"]["metadata"];
    if template["labels"].is_object() {
        template["labels"] = Value::Object(without_generated(&template["labels"]));
    }
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
}

fn without_generated(map: &Value) -> Map<String, Value> {
    let entries = map.as_object().into_iter().flatten();
    let kept = entries.filter(|(key, _)| {
        !GENERATED.contains(&key.as_str())
            && *key != "kubectl.kubernetes.io/last-applied-configuration"
            && !key.starts_with("batch.kubernetes.io/cronjob-")
    });
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_what_the_server_wrote() {
        let generated = json!({"batch.kubernetes.io/controller-uid": "u", "controller-uid": "u",
            "batch.kubernetes.io/job-name": "pi", "job-name": "pi", "mine": "1"});
        let old = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "pi", "namespace": "n", "uid": "u", "resourceVersion": "7",
                "labels": generated, "annotations": {"note": "x", "batch.kubernetes.io/cronjob-scheduled-timestamp": "t"},
                "ownerReferences": [{"kind": "CronJob"}]},
            "spec": {"completions": 3, "suspend": false, "manualSelector": false,
                "selector": {"matchLabels": {"controller-uid": "u"}},
                "template": {"metadata": {"labels": generated}, "spec": {"restartPolicy": "Never"}}},
            "status": {"succeeded": 3},
        });
        let expect = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"generateName": "pi-", "labels": {"mine": "1"}, "annotations": {"note": "x"}},
            "spec": {"completions": 3, "manualSelector": false,
                "template": {"metadata": {"labels": {"mine": "1"}}, "spec": {"restartPolicy": "Never"}}},
        });
        assert_eq!(again(&old, None), expect);
        assert_eq!(again(&old, Some("pi-2"))["metadata"]["name"], "pi-2");
        let long = json!({"metadata": {"name": "x".repeat(63)}, "spec": {"template": {}}});
        assert_eq!(again(&long, None)["metadata"]["generateName"], format!("{}-", "x".repeat(57)));
    }
}
