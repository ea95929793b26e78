//! Recorded objects as they were created, held against what admission makes of their manifests.

use crate::harness::say;
use mayfly_controller::admission::decode::{FieldValidation, decode};
use mayfly_controller::admission::{self, Invalid};
use mayfly_controller::api::Object;
use serde_json::{Value, json};

use super::{compare, harness};

#[test]
fn created_objects_are_as_recorded() {
    let Some(shared) = harness::shared() else { return };
    let traces =
        std::fs::read_dir(shared.join("conformance/traces")).expect("the traces must be readable");
    let mut count = 0;
    let mut failed = Vec::new();
    for trace in traces {
        let path = trace.expect("the traces must be readable").path();
        let text = std::fs::read(&path).expect("a trace must be readable");
        let trace: Value = serde_json::from_slice(&text).expect("a trace must be well-formed");
        let mut manifests = ["job", "cronjob"].iter().filter_map(|name| trace.get(name));
        let manifest = manifests.find(|manifest| manifest.is_object());
        let (Some(manifest), Some(created)) = (manifest, trace.get("created_object")) else {
            continue;
        };
        count += 1;
        if let Err(why) = check(manifest, created) {
            failed.push(format!("{}: {why}", path.display()));
        }
    }
    say!("created: {count} objects, {} otherwise than recorded", failed.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

fn check(manifest: &Value, created: &Value) -> Result<(), String> {
    let documents = decode(manifest.to_string().as_bytes(), "-", FieldValidation::Strict)
        .map_err(|malformed| malformed.to_string())?;
    let [document] = &documents[..] else { return Err("not one document".to_owned()) };
    let metadata = &created["metadata"];
    let mut object = document.object.clone();
    // A name that the server made can't be made again.
    object.metadata_mut().name = metadata["name"].as_str().map(str::to_owned);
    let uid = metadata["uid"].as_str().expect("what was created must have a uid");
    let admitted = admit(object, uid).map_err(|invalid| invalid.to_string())?;
    let shape = |object: &Value| {
        let metadata = &object["metadata"];
        json!({
            "labels": metadata["labels"],
            "annotations": metadata["annotations"],
            "generation": metadata["generation"],
            "spec": object["spec"],
            "status": object["status"],
        })
    };
    compare::same(&shape(created), &shape(&admitted))
}

fn admit(object: Object, uid: &str) -> Result<Value, Invalid> {
    let admitted = match object {
        Object::Job(job) => serde_json::to_value(admission::admit_job((*job).clone(), uid)?.object),
        Object::CronJob(cron_job) => {
            serde_json::to_value(admission::admit_cron_job((*cron_job).clone(), uid)?.object)
        }
        other => panic!("no trace creates a {:?}", other.kind()),
    };
    Ok(admitted.expect("an object must have a JSON form"))
}
