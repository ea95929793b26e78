//! Changes to objects: the four ways in which a client says what is to be otherwise.
//!
//! ```text
//! application/json-patch+json             steps ─────────────┐
//! application/merge-patch+json            a part of it ──────┼──▶ the object as it is to be
//! application/strategic-merge-patch+json  the same, by keys ─┘
//! application/apply-patch+yaml            what I want ──▶ fields::apply
//! ```
//!
//! Pure: what becomes of an object is decided here, whether it may is admission's.

mod json;
mod list;
mod printed;
mod strategic;

use serde_json::{Map, Value};

use self::strategic::Unfit;
use super::body;
use super::go;
use super::refusal::Refusal;
use super::schema::Type;
use super::status::Status;
use super::versions::Version;
use crate::admission::decode::{
    FieldValidation, Malformed, Problem, Unreadable, decode_as, duplicates, value_of,
};
use crate::admission::{ErrorKind, FieldError};
use crate::api::{Kind, Object};
use crate::limits::JSON_PATCH_OPERATIONS_MAX;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// In which formats a change may come.
const FORMATS: &[&str] = &[JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH];

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Format {
    /// The one that `content_type` says.
    pub(super) fn of(content_type: &str) -> Result<Self, Refusal> {
        match content_type {
            JSON_PATCH => Ok(Self::Json),
            MERGE_PATCH => Ok(Self::Merge),
            STRATEGIC_MERGE_PATCH => Ok(Self::Strategic),
            APPLY_PATCH => Ok(Self::Apply),
            _ => Err(Status::unsupported_media_type(FORMATS).into()),
        }
    }
}

/// A change, and what was overlooked in reading it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Patch {
    pub(super) change: Change,
    overlooked: Vec<String>,
}

/// What is to be otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Steps, in order.
    Json(Vec<Value>),
    /// What is named replaces what is there, or is merged with it.
    Merge(Map<String, Value>),
    /// The same, with lists merged by their keys.
    Strategic(Map<String, Value>),
    /// What one manager wants, the whole of it.
    Apply(Map<String, Value>),
}

impl Patch {
    /// The change that `bytes` hold, which is to an object in `version`.
    pub(super) fn read(
        format: Format,
        bytes: &[u8],
        version: Version,
        validation: FieldValidation,
    ) -> Result<Self, Refusal> {
        let change = Change::read(format, bytes)?;
        let overlooked = match validation {
            FieldValidation::Ignore => Vec::new(),
            _ => change.overlooked(bytes),
        };
        if let (Change::Apply(_), FieldValidation::Strict, [why, ..]) =
            (&change, validation, &overlooked[..])
        {
            return Err(Status::bad_request(format!("error strict decoding patch: {why}")).into());
        }
        Ok(Self { change: change.into_kept(version), overlooked })
    }

    /// `old` with the change made to it, and what was overlooked in it. What is applied is not made
    /// so, since it takes owners into account, and leaves `old` as it is.
    pub(super) fn made_to(
        &self,
        old: &Object,
        validation: FieldValidation,
    ) -> Result<(Object, Vec<String>), Refusal> {
        let json = self.change.made_to(old)?;
        let text = json.to_string();
        let document = decode_as(text.as_bytes(), old.kind(), validation);
        let of = |problems: &Malformed| {
            problems.0.iter().map(|it| body::words(&it.problem)).collect::<Vec<_>>()
        };
        let is_strict = validation == FieldValidation::Strict;
        let (object, unknown) = match document {
            Ok(document) if !is_strict || self.overlooked.is_empty() => {
                (document.object, of(&Malformed(document.warnings)))
            }
            refused => {
                let why = match refused {
                    Ok(_) => strictly(&self.overlooked),
                    Err(Unreadable::Malformed(malformed)) => {
                        wrong_type(old.kind(), &json, &malformed).unwrap_or_else(|| {
                            strictly(&[&self.overlooked[..], &of(&malformed)].concat())
                        })
                    }
                    Err(other) => other.to_string(),
                };
                return Err(unreadable(&self.change.shown().unwrap_or(text), why));
            }
        };
        Ok((object, [self.overlooked.clone(), unknown].concat()))
    }
}

impl Change {
    fn read(format: Format, bytes: &[u8]) -> Result<Self, Refusal> {
        if format == Format::Apply {
            return config_of(bytes).map(Self::Apply);
        }
        // A strategic patch is told of as what it is decoded into, without saying that it is one.
        let prefix = if format == Format::Strategic { "" } else { "error decoding patch: " };
        let told = |why: &str| Refusal::from(Status::bad_request(format!("{prefix}{why}")));
        let json: Value = serde_json::from_slice(bytes)
            .map_err(|error| told(body::json_error(&error.to_string())))?;
        let into = |type_name: &str, json: &Value| {
            let sort = printed::sort(json);
            told(&format!("json: cannot unmarshal {sort} into Go value of type {type_name}"))
        };
        match (format, json) {
            (Format::Json, Value::Array(steps)) => {
                if json::is_too_long(&steps) {
                    return Err(Status::too_large(JSON_PATCH_OPERATIONS_MAX).into());
                }
                match steps.iter().find(|step| !step.is_object()) {
                    Some(other) => Err(into("handlers.jsonPatchOp", other)),
                    None => Ok(Self::Json(steps)),
                }
            }
            (Format::Json, other) => Err(into("[]handlers.jsonPatchOp", &other)),
            (Format::Merge, Value::Object(change)) => Ok(Self::Merge(change)),
            (_, Value::Object(change)) => Ok(Self::Strategic(change)),
            (_, other) => Err(into("map[string]interface {}", &other)),
        }
    }

    /// The same change to an object of the version that is kept, if this is to one in `version`.
    fn into_kept(self, version: Version) -> Self {
        match self {
            Self::Json(steps) => {
                Self::Json(steps.into_iter().map(|it| version.renamed_step(it)).collect())
            }
            Self::Merge(change) => Self::Merge(version.renamed(change)),
            Self::Strategic(change) => Self::Strategic(version.renamed(change)),
            Self::Apply(config) => Self::Apply(version.renamed(config)),
        }
    }

    /// What is in `bytes`, which hold this change, and counts for nothing.
    fn overlooked(&self, bytes: &[u8]) -> Vec<String> {
        let twice = duplicates(bytes);
        match self {
            Self::Apply(_) if twice.is_empty() => Vec::new(),
            Self::Apply(_) => {
                let lines = twice.iter();
                let lines = lines
                    .map(|it| format!("\n  line {}: key {:?} already set in map", it.line, it.key));
                let lines: String = lines.collect();
                vec![format!("error converting YAML to JSON: yaml: unmarshal errors:{lines}")]
            }
            Self::Json(steps) => {
                let twice = twice.iter().map(|it| format!("duplicate field {:?}", it.field));
                let told = twice.chain(json::unknown_fields(steps));
                told.map(|told| format!("json patch {told}")).collect()
            }
            Self::Merge(_) | Self::Strategic(_) => {
                twice.iter().map(|it| format!("duplicate field {:?}", it.field)).collect()
            }
        }
    }

    /// What becomes of `old`, as JSON.
    fn made_to(&self, old: &Object) -> Result<Value, Refusal> {
        let mut json = old.to_value();
        match self {
            Self::Merge(change) => json_patch::merge(&mut json, &Value::Object(change.clone())),
            Self::Json(steps) => {
                json = json::patched(json, steps).map_err(|json::Unfit| Status::unprocessable())?;
            }
            Self::Strategic(change) => {
                let Value::Object(fields) = json else {
                    return Err(Status::unprocessable().into());
                };
                let made = strategic::patched(Type::of(old.kind()), fields, change.clone());
                json = Value::Object(made.map_err(refused)?);
            }
            Self::Apply(_) => {}
        }
        Ok(json)
    }

    /// How a complaint shows the change, if it shows that rather than what comes of it.
    fn shown(&self) -> Option<String> {
        match self {
            Self::Strategic(change) => Some(printed::value(&Value::Object(change.clone()))),
            _ => None,
        }
    }
}

/// The object of `kind` that applying something has made of another, or of none.
pub(super) fn applied_object(kind: Kind, json: &Value) -> Result<Object, Refusal> {
    let text = json.to_string();
    // What there is no field for has been refused.
    let document = decode_as(text.as_bytes(), kind, FieldValidation::Ignore);
    document.map(|document| document.object).map_err(|error| unreadable(&text, error.to_string()))
}

fn config_of(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let told =
        |why: &str| Refusal::from(Status::bad_request(format!("error decoding patch: {why}")));
    match value_of(bytes) {
        Ok(Value::Object(config)) => Ok(config),
        Ok(other) => Err(told(&format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value \
             of type map[string]interface {{}}",
            printed::sort(&other)
        ))),
        Err(why) => Err(told(&format!("error converting YAML to JSON: yaml: {why}"))),
    }
}

fn refused(unfit: Unfit) -> Status {
    match unfit {
        Unfit::Format(why) => Status::bad_request(why),
        Unfit::Unprocessable => Status::unprocessable(),
        Unfit::Other(why) => Status::unexplained(&why),
    }
}

/// What is said of the first value of a wrong type, if there is one.
fn wrong_type(kind: Kind, json: &Value, malformed: &Malformed) -> Option<String> {
    malformed.0.iter().find_map(|complaint| match &complaint.problem {
        Problem::WrongType { field, .. } => {
            let told = go::cannot_unmarshal(kind, json, field);
            Some(told.unwrap_or_else(|| complaint.problem.to_string()))
        }
        _ => None,
    })
}

fn strictly(overlooked: &[String]) -> String {
    format!("strict decoding error: {}", overlooked.join(", "))
}

/// The refusal of a change after which an object is none of its kind any more; `shown` is how it is
/// shown.
fn unreadable(shown: &str, why: String) -> Refusal {
    Status::invalid_patch(&FieldError {
        kind: ErrorKind::Invalid,
        field: "patch".to_owned(),
        value: Some(Value::from(shown).to_string()),
        detail: why,
    })
    .into()
}
