//! `mayfly create job`, `cronjob`, `namespace`, `configmap`, `secret generic`, `quota`.
//!
//! What each makes is what kubectl makes, field for field.

use mayfly_controller::api::Kind;
use mayfly_controller::api::names::CRONJOB_INSTANTIATE;
use serde_json::{Value, json};

use super::content;
use super::make::Maker;
use crate::args::client::{CreateCommand, CreateSecretCommand, MakeArguments};
use crate::client::complaint::{Complaint, doing};
use crate::client::connect::Connection;
use crate::client::request::As;
use crate::client::resource::{Resource, Resources};
use crate::client::select::pair;
use crate::exit::Exit;

/// Creates one object.
pub(super) async fn create(command: &CreateCommand) -> anyhow::Result<Exit> {
    match command {
        CreateCommand::Job { name, image, from, make, command } => {
            if let Some(from) = from {
                return job_of(name, from, make).await;
            }
            let image = image.as_deref().unwrap_or_default();
            let object = json!({"spec": job_spec(name, image, command, "Never")});
            one(Kind::Job, name, object, make).await
        }
        CreateCommand::Cronjob { name, image, schedule, restart, make, command } => {
            let template = json!({"metadata": {"name": name}, "spec": job_spec(name, image, command, restart)});
            let object = json!({"spec": {"schedule": schedule, "jobTemplate": template}});
            one(Kind::CronJob, name, object, make).await
        }
        CreateCommand::Namespace { name, make } => {
            one(Kind::Namespace, name, json!({}), make).await
        }
        CreateCommand::Configmap { name, content, make } => {
            let object = content::config_map(content)?;
            one(Kind::ConfigMap, name, object, make).await
        }
        CreateCommand::Secret(CreateSecretCommand::Generic { name, content, kind, make }) => {
            let mut object = content::secret(content)?;
            object["type"] = json!(kind.as_deref().unwrap_or("Opaque"));
            one(Kind::Secret, name, object, make).await
        }
        CreateCommand::Quota { name, hard, scopes, make } => {
            let object = json!({"spec": quota_spec(hard, scopes)?});
            one(Kind::ResourceQuota, name, object, make).await
        }
    }
}

async fn one(
    kind: Kind,
    name: &str,
    mut object: Value,
    make: &MakeArguments,
) -> anyhow::Result<Exit> {
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.name());
    object["metadata"]["name"] = json!(name);
    let connection = Connection::open(&make.server).await?;
    if connection.is_namespace_named && kind.is_namespaced() {
        object["metadata"]["namespace"] = json!(connection.namespace);
    }
    let maker = Maker::new(&connection, make);
    let made = maker.create(&Resource::of(kind), &connection.namespace, object).await;
    let what = format!("failed to create {}: ", kind.name().to_lowercase());
    let what = match kind {
        Kind::Job => "failed to create job: ",
        Kind::ResourceQuota => "failed to create quota: ",
        _ => &what,
    };
    doing(made, what)?;
    Ok(Exit::Done)
}

fn job_spec(name: &str, image: &str, command: &[String], restart: &str) -> Value {
    let mut container = json!({"name": name, "image": image});
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    json!({"template": {"spec": {"containers": [container], "restartPolicy": restart}}})
}

fn quota_spec(hard: &[String], scopes: &[String]) -> anyhow::Result<Value> {
    let mut spec = json!({});
    for entry in hard.iter().filter(|entry| !entry.is_empty()) {
        let pair = entry.split_once('=').filter(|(_, amount)| !amount.contains('='));
        let Some((resource, amount)) = pair else {
            let why = format!("Invalid argument syntax {entry}, expected <resource>=<value>");
            return Err(Complaint::failed(why));
        };
        spec["hard"][resource] = json!(amount);
    }
    if !scopes.is_empty() {
        spec["scopes"] = json!(scopes);
    }
    Ok(spec)
}

/// A Job as the CronJob `from` would make it now.
async fn job_of(name: &str, from: &str, make: &MakeArguments) -> anyhow::Result<Exit> {
    let (word, cron_job) = pair(from)?;
    let connection = Connection::open(&make.server).await?;
    let resource = Resources::new(&connection.server).meant(word).await?;
    if resource != Resource::of(Kind::CronJob) {
        return Err(Complaint::usage("from must be an existing cronjob"));
    }
    let path = resource.path_of(&connection.namespace, &cron_job);
    let owner = connection.server.get(&path, &Vec::new(), As::Objects).await?;
    let maker = Maker::new(&connection, make);
    let job = Resource::of(Kind::Job);
    let made = maker.create(&job, &connection.namespace, child(name, &owner)).await;
    doing(made, "failed to create job: ")?;
    Ok(Exit::Done)
}

fn child(name: &str, owner: &Value) -> Value {
    let template = &owner["spec"]["jobTemplate"];
    let mut annotations = template["metadata"]["annotations"].clone();
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations[CRONJOB_INSTANTIATE] = json!("manual");
    let mut metadata = json!({
        "name": name,
        "annotations": annotations,
        "ownerReferences": [{
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": true,
        }],
    });
    if template["metadata"]["labels"].is_object() {
        metadata["labels"] = template["metadata"]["labels"].clone();
    }
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let spec = quota_spec(&words(&["pods=1", "requests.cpu=2"]), &words(&["Terminating"]));
        assert_eq!(
            spec.expect("must be understood"),
            json!({"hard": {"pods": "1", "requests.cpu": "2"}, "scopes": ["Terminating"]})
        );
        let wrong = quota_spec(&words(&["pods"]), &[]).expect_err("must be refused");
        let words = "error: Invalid argument syntax pods, expected <resource>=<value>";
        assert_eq!(wrong.to_string(), words);
    }

    #[test]
    fn a_cron_jobs_job() {
        let owner = json!({
            "metadata": {"name": "c", "uid": "u"},
            "spec": {"jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"parallelism": 2}}},
        });
        let expect = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "now", "labels": {"a": "b"},
                "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "uid": "u", "controller": true}]},
            "spec": {"parallelism": 2},
        });
        assert_eq!(child("now", &owner), expect);
    }
}
