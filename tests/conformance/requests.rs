//! Recorded answers to creates, held against admission alone: what is refused and in which words,
//! and what is stored of what is not.
//!
//! Answers that are about the request rather than the object (its path, its query, its format) are
//! the HTTP server's.

use crate::harness::say;
use std::path::Path;

use mayfly_controller::admission::decode::{FieldValidation, decode};
use mayfly_controller::admission::{self, Invalid};
use mayfly_controller::api::Object;
use serde::Deserialize;
use serde_json::{Value, json};

use super::harness;

/// The uid of whatever is admitted here; recorded ones are replaced with it.
pub(super) const UID: &str = "00000000-0000-0000-0000-000000000000";

/// One request, and what came back.
#[derive(Deserialize)]
pub(super) struct Request {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) content_type: String,
    pub(super) manifest: Value,
    pub(super) http_status: u16,
    query: Value,
    message: Option<String>,
    details: Option<Value>,
    result_spec: Option<Value>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// Every recorded request, in order, with one uid for all.
pub(super) fn recorded(shared: &Path) -> Vec<Request> {
    let text = std::fs::read_to_string(shared.join("conformance/requests.json"))
        .expect("the requests must be readable");
    serde_json::from_str(&without_uids(&text)).expect("the requests must be well-formed")
}

#[test]
fn creates_are_answered_as_recorded() {
    let Some(shared) = harness::shared() else { return };
    let requests = recorded(&shared);
    let creates = requests.iter().filter(|request| request.is_create());
    let mut passed = 0;
    let mut failed = Vec::new();
    for request in creates {
        match request.check() {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{}: {why}", request.name)),
        }
    }
    say!("requests: {passed} creates answered as recorded, {} otherwise", failed.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

impl Request {
    /// Whether an object is to be created, and the answer is about that object.
    fn is_create(&self) -> bool {
        let is_collection = ["/jobs", "/cronjobs"].iter().any(|end| self.path.ends_with(end));
        let is_about_object = match self.http_status {
            201 => self.manifest["apiVersion"].is_string() && self.manifest["kind"].is_string(),
            _ => self.is_refusal(),
        };
        self.method == "POST" && is_collection && is_about_object
    }

    /// Whether a Job or CronJob was refused for what is in it.
    pub(super) fn is_refusal(&self) -> bool {
        let kind = self.details.as_ref().and_then(|details| details["kind"].as_str());
        self.http_status == 422 && matches!(kind, Some("Job" | "CronJob"))
    }

    fn check(&self) -> Result<(), String> {
        let validation = match self.query["fieldValidation"].as_str() {
            Some("Strict") => FieldValidation::Strict,
            Some("Ignore") => FieldValidation::Ignore,
            _ => FieldValidation::Warn,
        };
        let bytes = self.manifest.to_string();
        let documents = decode(bytes.as_bytes(), "-", validation).map_err(|e| e.to_string())?;
        let [document] = &documents[..] else { return Err("not one document".to_owned()) };
        let mut warnings: Vec<String> =
            document.warnings.iter().map(|complaint| complaint.problem.to_string()).collect();
        let answer = admit(document.object.clone(), &self.name_made());
        if let (422, Err(refusal)) = (self.http_status, &answer) {
            return refusal_differs(self, refusal).map_or(Ok(()), Err);
        }
        let (spec, more) = answer.map_err(|refusal| format!("refused: {refusal}"))?;
        warnings.extend(more);
        if let Some(expect) = &self.result_spec
            && *expect != spec
        {
            return Err(format!("expected {expect}\n     got {spec}"));
        }
        let told = |warning: &String| self.warnings.iter().any(|it| it.contains(&escaped(warning)));
        // Of resources that no node has, we warn, too.
        let ours = |warning: &String| warning.contains("mayfly");
        match warnings.iter().find(|warning| !told(warning) && !ours(warning)) {
            Some(extra) => Err(format!("warned: {extra}")),
            None => Ok(()),
        }
    }

    /// The name that the server made, which is in its answer.
    fn name_made(&self) -> String {
        let name = self.details.as_ref().and_then(|details| details["name"].as_str());
        name.unwrap_or_default().to_owned()
    }
}

/// How `refusal` differs from the recorded one, in its causes and its message.
pub(super) fn refusal_differs(request: &Request, refusal: &Invalid) -> Option<String> {
    let causes: Vec<Value> = refusal
        .causes
        .iter()
        .map(|it| json!({"reason": it.kind.reason(), "message": it.message(), "field": it.field}))
        .collect();
    let causes = Value::Array(causes);
    let expect = &request.details.as_ref().expect("a refusal must have details")["causes"];
    if *expect != causes {
        return Some(format!("expected {expect}\n     got {causes}"));
    }
    let (expect, got) = (request.message.as_deref().unwrap_or_default(), refusal.to_string());
    (expect != got).then(|| format!("expected {expect}\n     got {got}"))
}

/// Admits `object`; the spec that is stored of it, and the warnings.
fn admit(mut object: Object, name: &str) -> Result<(Value, Vec<String>), Invalid> {
    let metadata = object.metadata_mut();
    if metadata.generate_name.is_some() {
        metadata.name = Some(name.to_owned());
    }
    let json = |spec: Result<Value, _>| spec.expect("a spec must have a JSON form");
    Ok(match object {
        Object::Job(job) => {
            let admitted = admission::admit_job((*job).clone(), UID)?;
            (json(serde_json::to_value(&admitted.object.spec)), admitted.warnings)
        }
        Object::CronJob(cron_job) => {
            let admitted = admission::admit_cron_job((*cron_job).clone(), UID)?;
            (json(serde_json::to_value(&admitted.object.spec)), admitted.warnings)
        }
        other => panic!("no recorded request creates a {:?}", other.kind()),
    })
}

/// `text` as it stands within the quotes of a Warning header.
fn escaped(text: &str) -> String {
    text.replace('"', "\\\"")
}

/// `text` with every uid in it replaced.
pub(super) fn without_uids(text: &str) -> String {
    let is_uid = |bytes: &[u8]| {
        bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while at + UID.len() <= out.len() {
        if is_uid(&out[at..at + UID.len()]) {
            out[at..at + UID.len()].copy_from_slice(UID.as_bytes());
            at += UID.len();
        } else {
            at += 1;
        }
    }
    String::from_utf8(out).expect("what was text must still be")
}
