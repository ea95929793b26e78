//! What Kubernetes says of a value that has another type than its field: its JSON decoder's words,
//! which name the types of the programming language it is written in.
//!
//! Pure. The types come from the API's own schemas, so that no list of fields is kept here; only
//! the strings that have a type of their own are named.

use serde_json::Value;

use super::schema::{Scalar, Type};
use crate::api::Kind;

/// Strings and maps that are of a type of their own: in which structure, which field.
const NAMED: &[(&str, &str, &str)] = &[
    ("Container", "imagePullPolicy", "v1.PullPolicy"),
    ("Container", "terminationMessagePolicy", "v1.TerminationMessagePolicy"),
    ("ContainerPort", "protocol", "v1.Protocol"),
    ("CronJobSpec", "concurrencyPolicy", "v1.ConcurrencyPolicy"),
    ("EmptyDirVolumeSource", "medium", "v1.StorageMedium"),
    ("JobCondition", "status", "v1.ConditionStatus"),
    ("JobCondition", "type", "v1.JobConditionType"),
    ("JobSpec", "completionMode", "v1.CompletionMode"),
    ("JobSpec", "podReplacementPolicy", "v1.PodReplacementPolicy"),
    ("LabelSelectorRequirement", "operator", "v1.LabelSelectorOperator"),
    ("ObjectMeta", "uid", "types.UID"),
    ("PodCondition", "status", "v1.ConditionStatus"),
    ("PodCondition", "type", "v1.PodConditionType"),
    (
        "PodFailurePolicyOnExitCodesRequirement",
        "operator",
        "v1.PodFailurePolicyOnExitCodesOperator",
    ),
    ("PodFailurePolicyRule", "action", "v1.PodFailurePolicyAction"),
    ("PodSpec", "dnsPolicy", "v1.DNSPolicy"),
    ("PodSpec", "restartPolicy", "v1.RestartPolicy"),
    ("PodStatus", "phase", "v1.PodPhase"),
    ("ResourceRequirements", "limits", "v1.ResourceList"),
    ("ResourceRequirements", "requests", "v1.ResourceList"),
    ("Secret", "type", "v1.SecretType"),
    ("Toleration", "effect", "v1.TaintEffect"),
    ("Toleration", "operator", "v1.TolerationOperator"),
];

/// What is said of the value at `field` (such as `spec.containers[0].env`) of an object of `kind`;
/// `None` if there is no such field, or its value can't be unlike it.
pub(super) fn cannot_unmarshal(kind: Kind, object: &Value, field: &str) -> Option<String> {
    let mut place = Place { type_: Type::of(kind), structure: kind.name(), path: Vec::new() };
    let mut value = object;
    for step in steps(field) {
        place = place.enter(&step)?;
        value = match &step {
            Step::Name(name) => value.get(name)?,
            Step::Index(index) => value.get(index)?,
        };
    }
    let sort = match value {
        Value::Null => return None,
        Value::Bool(_) => "bool".to_owned(),
        // Only a number that is too large for its field is shown.
        Value::Number(number) if place.is_integer() => format!("number {number}"),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    };
    let (structure, path) = (place.structure, place.path.join("."));
    let type_ = place.type_name()?;
    Some(format!(
        "json: cannot unmarshal {sort} into Go struct field {structure}.{path} of type {type_}"
    ))
}

/// A kind with its group and version, as it is printed: `batch/v1, Kind=Job`, `/v1, Kind=Pod`.
pub(super) fn kind_of(api_version: &str, kind: &str) -> String {
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{slash}{api_version}, Kind={kind}")
}

/// Where in an object a value stands.
struct Place {
    type_: &'static Type,
    /// The innermost structure that it is in.
    structure: &'static str,
    /// Its fields, from the top down to the innermost.
    path: Vec<String>,
}

impl Place {
    fn enter(self, step: &Step) -> Option<Self> {
        let Self { type_, structure, mut path } = self;
        let (type_, structure) = match (type_, step) {
            (Type::List { item, .. }, Step::Index(_)) => (item, structure),
            (Type::Structure(it), Step::Name(name)) => {
                path.push(name.clone());
                (it.fields.get(name)?, it.name.as_str())
            }
            // A key of a map is no field.
            (Type::Map { value, .. }, Step::Name(_)) => (value, structure),
            _ => return None,
        };
        Some(Self { type_, structure, path })
    }

    fn is_integer(&self) -> bool {
        matches!(self.type_, Type::Scalar(Scalar::Int32 | Scalar::Int64))
    }

    fn type_name(&self) -> Option<String> {
        let field = self.path.last()?;
        let named =
            NAMED.iter().find(|(structure, name, _)| *structure == self.structure && name == field);
        match named {
            Some((.., name)) if !matches!(self.type_, Type::List { .. }) => {
                Some((*name).to_owned())
            }
            _ => name_of(self.type_),
        }
    }
}

/// The name of a type; `None` of one that reads its values in its own way.
fn name_of(type_: &Type) -> Option<String> {
    Some(match type_ {
        Type::Scalar(Scalar::Text) => "string".to_owned(),
        Type::Scalar(Scalar::Int32) => "int32".to_owned(),
        Type::Scalar(Scalar::Int64) => "int64".to_owned(),
        Type::Scalar(Scalar::Number) => "float64".to_owned(),
        Type::Scalar(Scalar::Boolean) => "bool".to_owned(),
        Type::Scalar(Scalar::Any) => return None,
        Type::Structure(structure) => format!("v1.{}", structure.name),
        Type::List { item, .. } => format!("[]{}", name_of(item)?),
        Type::Map { value, .. } => format!("map[string]{}", name_of(value)?),
    })
}

enum Step {
    Name(String),
    Index(usize),
}

/// The steps of a path such as `spec.containers[0].env`.
fn steps(field: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in field.split('.') {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|it| !it.is_empty()).map(|it| Step::Name(it.to_owned())));
        for piece in pieces {
            let inner = piece.trim_end_matches(']');
            steps.push(match inner.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => Step::Name(inner.to_owned()),
            });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_value_is_told_as_kubernetes_tells_it() {
        let check = |object: Value, field: &str, expect: &str| {
            let told = cannot_unmarshal(Kind::Job, &object, field).unwrap_or_default();
            assert_eq!(told.strip_prefix("json: cannot unmarshal ").unwrap_or(&told), expect);
        };
        let into = "into Go struct field";
        check(
            json!({"spec": {"completions": "five"}}),
            "spec.completions",
            &format!("string {into} JobSpec.spec.completions of type int32"),
        );
        check(
            json!({"spec": {"completions": 3_000_000_000_u64}}),
            "spec.completions",
            &format!("number 3000000000 {into} JobSpec.spec.completions of type int32"),
        );
        check(
            json!({"metadata": {"labels": ["a"]}}),
            "metadata.labels",
            &format!("array {into} ObjectMeta.metadata.labels of type map[string]string"),
        );
        check(
            json!({"metadata": {"labels": {"a": 1}}}),
            "metadata.labels.a",
            &format!("number {into} ObjectMeta.metadata.labels of type string"),
        );
        let containers = json!([{"command": "a", "env": [{"value": 1}]}]);
        let spec = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        check(
            spec.clone(),
            "spec.template.spec.containers[0].command",
            &format!(
                "string {into} Container.spec.template.spec.containers.command of type []string"
            ),
        );
        check(
            spec,
            "spec.template.spec.containers[0].env[0].value",
            &format!("number {into} EnvVar.spec.template.spec.containers.env.value of type string"),
        );
        check(json!({"spec": []}), "spec", &format!("array {into} Job.spec of type v1.JobSpec"));
        check(
            json!({"spec": {"completionMode": 1}}),
            "spec.completionMode",
            &format!("number {into} JobSpec.spec.completionMode of type v1.CompletionMode"),
        );
        check(json!({"spec": {"unknown": 1}}), "spec.unknown", "");
    }
}
