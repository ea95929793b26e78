//! Manifests as what they say, of whatever kind, for the server to judge.

use mayfly_controller::admission::decode::{self, FieldValidation, Place};
use serde_json::Value;

use super::complaint::Complaint;
use super::connect::Connection;
use crate::args::client::FileArguments;
use crate::manifest;

/// One object of a manifest.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) place: Place,
    pub(super) object: Value,
}

/// The objects of every manifest that `arguments` name.
pub(super) fn read(arguments: &FileArguments) -> anyhow::Result<Vec<Document>> {
    let mut complaints = Vec::new();
    let manifests = manifest::read(&arguments.files, arguments.recursive, &mut complaints);
    let mut documents = Vec::new();
    for manifest in manifests {
        let source = match manifest.source.as_str() {
            // As kubectl calls it.
            "standard input" => "STDIN",
            other => other,
        };
        match decode::values(&manifest.bytes, source, FieldValidation::Strict) {
            Ok(found) => documents
                .extend(found.into_iter().map(|(place, object)| Document { place, object })),
            Err(malformed) => complaints.push(malformed.into()),
        }
    }
    if !complaints.is_empty() {
        let lines = complaints.iter().map(|error| Complaint::Usage(format!("{error:#}")));
        return Err(Complaint::Several(lines.collect()).into());
    }
    if documents.is_empty() {
        return Err(Complaint::failed("no objects passed"));
    }
    Ok(documents)
}

impl Document {
    pub(super) fn api_version(&self) -> String {
        self.text(&["apiVersion"])
    }

    pub(super) fn kind(&self) -> String {
        self.text(&["kind"])
    }

    pub(super) fn name(&self) -> String {
        self.text(&["metadata", "name"])
    }

    /// Its namespace, or the one that is meant if it says none. Those that differ are an error.
    pub(super) fn namespace(&self, connection: &Connection) -> anyhow::Result<String> {
        let said = self.text(&["metadata", "namespace"]);
        if said.is_empty() {
            return Ok(connection.namespace.clone());
        }
        if connection.is_namespace_named && said != connection.namespace {
            return Err(Complaint::usage(format!(
                "the namespace from the provided object \"{said}\" does not match the namespace \
                 \"{}\". You must pass '--namespace={said}' to perform this operation.",
                connection.namespace
            )));
        }
        Ok(said)
    }

    fn text(&self, path: &[&str]) -> String {
        let value = path.iter().try_fold(&self.object, |value, key| value.get(*key));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}
