//! What is wrong with an object, in Kubernetes' words.
//!
//! One [`FieldError`] is one complaint about one field; [`Invalid`] is all of them together. Their
//! text is what an API server answers, byte for byte, so that whoever knows one error knows these.

use std::fmt::{self, Write as _};

use super::path::Path;
use crate::api::Kind;

/// What sort of complaint it is; each has its own wording and its own reason on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The field must be there.
    Required,
    /// The value breaks a rule.
    Invalid,
    /// The value is none of those allowed.
    NotSupported,
    /// The value is longer than allowed.
    TooLong,
    /// The list has more items than allowed.
    TooMany,
    /// The value is there twice.
    Duplicate,
    /// The value is good in itself, but not here.
    Forbidden,
    /// The value names something that does not exist.
    NotFound,
}

impl ErrorKind {
    /// How the complaint begins.
    pub fn text(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
        }
    }

    /// The `reason` of a cause in a `Status`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotFound => "FieldValueNotFound",
        }
    }
}

/// One complaint about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// What sort it is.
    pub kind: ErrorKind,
    /// The path of the field, such as `spec.template.spec.containers[0].name`.
    pub field: String,
    /// The value as it is shown: strings quoted, structures as JSON. `None` where none is shown.
    pub value: Option<String>,
    /// What should be otherwise; may be empty.
    pub detail: String,
}

impl FieldError {
    /// The complaint without its path, as it stands in a cause of a `Status`.
    pub fn message(&self) -> String {
        let mut text = self.kind.text().to_owned();
        for part in [self.value.as_deref(), Some(self.detail.as_str())].into_iter().flatten() {
            if !part.is_empty() {
                text.push_str(": ");
                text.push_str(part);
            }
        }
        text
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message())
    }
}

/// An object was refused: every complaint about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    /// Its kind.
    pub kind: Kind,
    /// Its `metadata.name`, which may be empty.
    pub name: String,
    /// Every complaint, in Kubernetes' order; one may be there twice, as in Kubernetes.
    pub causes: Vec<FieldError>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown: Vec<String> = Vec::with_capacity(self.causes.len());
        for cause in &self.causes {
            let text = cause.to_string();
            if !shown.contains(&text) {
                shown.push(text);
            }
        }
        let causes = match &shown[..] {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        write!(f, "{} {} is invalid: {causes}", qualified(self.kind), quoted(&self.name))
    }
}

/// A kind with its group, as error messages name it: `Job.batch`, `Pod`.
fn qualified(kind: Kind) -> String {
    match kind.api_version().split_once('/') {
        Some((group, _)) => format!("{}.{group}", kind.name()),
        None => kind.name().to_owned(),
    }
}

/// Collects complaints.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub(crate) fn required(&mut self, field: &Path<'_>, detail: &str) {
        self.add(ErrorKind::Required, field, None, detail);
    }

    pub(crate) fn invalid(&mut self, field: &Path<'_>, value: impl Show, detail: &str) {
        self.add(ErrorKind::Invalid, field, value.show(), detail);
    }

    pub(crate) fn duplicate(&mut self, field: &Path<'_>, value: impl Show) {
        self.add(ErrorKind::Duplicate, field, value.show(), "");
    }

    pub(crate) fn not_found(&mut self, field: &Path<'_>, value: impl Show) {
        self.add(ErrorKind::NotFound, field, value.show(), "");
    }

    pub(crate) fn forbidden(&mut self, field: &Path<'_>, detail: &str) {
        self.add(ErrorKind::Forbidden, field, None, detail);
    }

    pub(crate) fn not_supported(&mut self, field: &Path<'_>, value: impl Show, supported: &[&str]) {
        let supported: Vec<_> = supported.iter().map(|value| quoted(value)).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        self.add(ErrorKind::NotSupported, field, value.show(), &detail);
    }

    pub(crate) fn too_long(&mut self, field: &Path<'_>, bytes_max: usize) {
        let detail = format!("may not be more than {bytes_max} bytes");
        self.add(ErrorKind::TooLong, field, None, &detail);
    }

    pub(crate) fn too_many(&mut self, field: &Path<'_>, count: usize, items_max: usize) {
        let detail = format!("must have at most {items_max} items");
        self.add(ErrorKind::TooMany, field, Some(count.to_string()), &detail);
    }

    /// The complaints so far, as the refusal of the object `name`; `Ok` if there are none.
    pub(crate) fn into_result(self, kind: Kind, name: Option<&str>) -> Result<(), Invalid> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Invalid { kind, name: name.unwrap_or_default().to_owned(), causes: self.0 })
    }

    fn add(&mut self, kind: ErrorKind, field: &Path<'_>, value: Option<String>, detail: &str) {
        self.0.push(FieldError {
            kind,
            field: field.to_string(),
            value,
            detail: detail.to_owned(),
        });
    }
}

/// A value as an error message shows it.
pub(crate) trait Show {
    /// The text, or `None` to show no value.
    fn show(self) -> Option<String>;
}

impl Show for &str {
    fn show(self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Show for &String {
    fn show(self) -> Option<String> {
        Some(quoted(self))
    }
}

macro_rules! bare {
    ($($plain:ty)+) => {
        $(impl Show for $plain {
            fn show(self) -> Option<String> {
                Some(self.to_string())
            }
        })+
    };
}

bare!(i32 i64 bool);

/// A structure, shown as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: serde::Serialize> Show for Json<T> {
    fn show(self) -> Option<String> {
        Some(serde_json::to_string(&self.0).expect("a value must have a JSON text"))
    }
}

/// No value is shown.
pub(crate) struct Nothing;

impl Show for Nothing {
    fn show(self) -> Option<String> {
        None
    }
}

/// `text` in quotes, escaped as Kubernetes' messages do.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_ascii_control() => {
                write!(out, "\\x{:02x}", u32::from(control)).expect("a String must take text");
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(fill: impl FnOnce(&mut Errors)) -> String {
        let mut errors = Errors::default();
        fill(&mut errors);
        errors.into_result(Kind::Job, Some("x")).expect_err("must be refused").to_string()
    }

    #[test]
    fn one_complaint_stands_alone_and_several_in_brackets() {
        let spec = Path::new("spec");
        assert_eq!(
            refusal(|errors| errors.invalid(&spec.child("completions"), -1, "too small")),
            r#"Job.batch "x" is invalid: spec.completions: Invalid value: -1: too small"#
        );
        assert_eq!(
            refusal(|errors| {
                errors.required(&spec, "");
                errors.required(&spec, "");
                errors.not_supported(&spec, "a\"b", &["y", "z"]);
            }),
            r#"Job.batch "x" is invalid: [spec: Required value, spec: Unsupported value: "a\"b": supported values: "y", "z"]"#
        );
    }
}
