//! What Kubernetes says of a value that has another type than its field: its JSON decoder's words,
//! which name the types of the programming language it is written in.
//!
//! Pure. The types come from the API's own schemas, so that no list of fields is kept here; only
//! the strings that have a type of their own are named.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use schemars::generate::SchemaGenerator;
use serde_json::Value;

use crate::api::{
    ConfigMap, CronJob, Event, Job, Kind, Lease, Namespace, Node, Pod, Secret, ServiceAccount,
};

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
    let schemas = schemas();
    let mut place = Place::top(schemas, kind)?;
    let mut value = object;
    for step in steps(field) {
        place = place.enter(schemas, &step)?;
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
    let Place { structure, path, .. } = &place;
    let type_ = place.type_(schemas)?;
    Some(format!(
        "json: cannot unmarshal {sort} into Go struct field {structure}.{} of type {type_}",
        path.join(".")
    ))
}

/// A kind with its group and version, as it is printed: `batch/v1, Kind=Job`, `/v1, Kind=Pod`.
pub(super) fn kind_of(api_version: &str, kind: &str) -> String {
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{slash}{api_version}, Kind={kind}")
}

/// Where in an object a value stands.
struct Place<'a> {
    schema: &'a Value,
    /// The innermost structure that it is in.
    structure: &'a str,
    /// Its fields, from the top down to the innermost.
    path: Vec<String>,
}

impl<'a> Place<'a> {
    fn top(schemas: &'a BTreeMap<String, Value>, kind: Kind) -> Option<Self> {
        let mut names = schemas.keys();
        let suffix = format!(".{}.{}", version(kind), kind.name());
        let name = names.find(|name| name.ends_with(&suffix))?;
        Some(Self { schema: schemas.get(name)?, structure: kind.name(), path: Vec::new() })
    }

    fn enter(self, schemas: &'a BTreeMap<String, Value>, step: &Step) -> Option<Self> {
        let Self { schema, structure, mut path } = self;
        let (schema, structure) = match referred(schema) {
            Some(name) => (schemas.get(name)?, short(name)),
            None => (schema, structure),
        };
        let inner = match step {
            Step::Index(_) => schema.get("items")?,
            Step::Name(name) => match schema.get("properties").and_then(|all| all.get(name)) {
                Some(inner) => {
                    path.push(name.clone());
                    inner
                }
                // A key of a map is no field.
                None => schema.get("additionalProperties")?,
            },
        };
        Some(Self { schema: inner, structure, path })
    }

    fn is_integer(&self) -> bool {
        self.schema["type"] == "integer"
    }

    fn type_(&self, schemas: &BTreeMap<String, Value>) -> Option<String> {
        let field = self.path.last()?;
        let is_this = |(structure, name, _): &&(&str, &str, &str)| {
            *structure == self.structure && name == field
        };
        match NAMED.iter().find(is_this) {
            Some((.., type_)) if self.schema.get("items").is_none() => Some((*type_).to_owned()),
            _ => type_of(schemas, self.schema),
        }
    }
}

/// The type of what `schema` describes; `None` of one that reads its values in its own way.
fn type_of(schemas: &BTreeMap<String, Value>, schema: &Value) -> Option<String> {
    if let Some(name) = referred(schema) {
        // A quantity, or a number that may be a text: nothing that this is said of.
        schemas.get(name)?.get("properties")?;
        return Some(format!("v1.{}", short(name)));
    }
    let format = schema["format"].as_str();
    match (schema["type"].as_str()?, format) {
        ("string", Some("date-time")) => None,
        ("string", Some("byte")) => Some("[]uint8".to_owned()),
        ("string", _) => Some("string".to_owned()),
        ("boolean", _) => Some("bool".to_owned()),
        ("integer", format) => Some(format.unwrap_or("int64").to_owned()),
        ("number", _) => Some("float64".to_owned()),
        ("array", _) => Some(format!("[]{}", type_of(schemas, schema.get("items")?)?)),
        ("object", _) => {
            let values = type_of(schemas, schema.get("additionalProperties")?)?;
            Some(format!("map[string]{values}"))
        }
        _ => None,
    }
}

/// The name of the schema that `schema` refers to.
fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn version(kind: Kind) -> &'static str {
    let api_version = kind.api_version();
    api_version.rsplit('/').next().unwrap_or(api_version)
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

/// The schemas of every kind and of all that is in them, by name.
fn schemas() -> &'static BTreeMap<String, Value> {
    static SCHEMAS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let mut generator = SchemaGenerator::default();
        generator.subschema_for::<Job>();
        generator.subschema_for::<CronJob>();
        generator.subschema_for::<Pod>();
        generator.subschema_for::<ConfigMap>();
        generator.subschema_for::<Secret>();
        generator.subschema_for::<Event>();
        generator.subschema_for::<Node>();
        generator.subschema_for::<Namespace>();
        generator.subschema_for::<ServiceAccount>();
        generator.subschema_for::<Lease>();
        generator.take_definitions(true).into_iter().collect()
    })
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
