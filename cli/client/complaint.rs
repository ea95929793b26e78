//! What went wrong with a client command, in kubectl's words, and with which exit code.
//!
//! People and scripts match on these lines, so they carry no `mayfly: ` before them.

use std::fmt;

use kube::core::Status;

use super::request::Pairs;
use super::resource::Resource;
use crate::exit::Exit;

/// Why a client command did not do, or not all of, what was asked.
#[derive(Debug)]
pub(crate) enum Complaint {
    /// The server answered that it will not; what was being done comes before its message.
    Refused { status: Box<Status>, doing: String },
    /// What was asked for is not there, did not come, or can't be understood.
    Failed(String),
    /// Nobody answers; the whole sentence.
    Unreachable(String),
    /// The command line makes no sense; nothing was asked of anybody.
    Usage(String),
    /// One line each.
    Several(Vec<Complaint>),
    /// All is said already; only the exit code is left.
    Silent,
}

impl Complaint {
    /// A mistake of the command line.
    pub(super) fn usage(text: impl Into<String>) -> anyhow::Error {
        Self::Usage(text.into()).into()
    }

    /// A failure.
    pub(super) fn failed(text: impl Into<String>) -> anyhow::Error {
        Self::Failed(text.into()).into()
    }

    /// How the command exits: the command line's own mistakes are told apart.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::BadInput,
            Self::Several(all) if all.iter().all(|one| one.exit() == Exit::BadInput) => {
                Exit::BadInput
            }
            _ => Exit::Failed,
        }
    }

    /// Any error as a complaint, its chain in one line.
    fn of(error: anyhow::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::Failed(format!("{error:#}")))
    }
}

impl std::error::Error for Complaint {}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, doing } => f.write_str(&refusal(status, doing)),
            Self::Failed(text) | Self::Usage(text) => write!(f, "error: {text}"),
            Self::Unreachable(text) => f.write_str(text),
            Self::Several(complaints) => {
                let lines: Vec<_> = complaints.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Silent => Ok(()),
        }
    }
}

/// `error`, if the server refused with `code`.
pub(super) fn is_refusal(error: &anyhow::Error, code: u16) -> bool {
    matches!(error.downcast_ref(), Some(Complaint::Refused { status, .. }) if status.code == code)
}

/// Whether `error` is that nobody answers, which may be over soon.
pub(super) fn is_unreachable(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Complaint::Unreachable(_)))
}

/// `result`, whose refusal by the server says what was being `doing`, such as `error when creating
/// "job.yaml": `.
pub(super) fn doing<T>(result: anyhow::Result<T>, what: &str) -> anyhow::Result<T> {
    result.map_err(|error| match error.downcast::<Complaint>() {
        Ok(Complaint::Refused { status, .. }) => {
            Complaint::Refused { status, doing: what.to_owned() }.into()
        }
        Ok(other) => other.into(),
        Err(error) => error,
    })
}

/// `result`, whose refusal of a selector in `query` says which, and of which `resource`.
pub(super) fn selecting<T>(
    result: anyhow::Result<T>,
    resource: &Resource,
    query: &Pairs,
) -> anyhow::Result<T> {
    let of = |key: &str| query.iter().find(|(name, _)| *name == key).map(|(_, text)| text.as_str());
    let (labels, fields) = (of("labelSelector"), of("fieldSelector"));
    match result {
        Err(error) if is_refusal(&error, 400) && (labels.is_some() || fields.is_some()) => doing(
            Err(error),
            &format!(
                "Unable to find \"{}, Resource={}\" that match label selector \"{}\", field \
                 selector \"{}\": ",
                resource.group_version(),
                resource.plural,
                labels.unwrap_or_default(),
                fields.unwrap_or_default(),
            ),
        ),
        other => other,
    }
}

/// Gathers complaints of several things done one after the other.
#[derive(Default)]
pub(super) struct Complaints(Vec<Complaint>);

impl Complaints {
    /// Adds `error`; gives it back if nothing more can be done after it.
    pub(super) fn add(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        if error.is::<crate::exit::StdoutClosed>() {
            return Err(error);
        }
        self.0.push(Complaint::of(error));
        Ok(())
    }

    /// The value of `result`, if it is one; otherwise its error is added.
    pub(super) fn take<T>(&mut self, result: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => self.add(error).map(|()| None),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Done, or all that was complained of.
    pub(super) fn finish(mut self) -> anyhow::Result<Exit> {
        match self.0.len() {
            0 => Ok(Exit::Done),
            1 => Err(self.0.remove(0).into()),
            _ => Err(Complaint::Several(self.0).into()),
        }
    }
}

/// A refusal as kubectl words it.
fn refusal(status: &Status, doing: &str) -> String {
    let details = status.details.as_ref();
    let causes = details.map_or(&[][..], |details| &details.causes);
    match (status.reason.as_str(), details) {
        ("Unauthorized", _) => {
            format!("error: You must be logged in to the server ({})", status.message)
        }
        ("Invalid", Some(details)) if !causes.is_empty() => {
            let head = match (details.kind.as_str(), details.name.as_str()) {
                ("", _) => "The request is invalid".to_owned(),
                (kind, name) => format!("The {kind} \"{name}\" is invalid"),
            };
            let mut lines: Vec<String> = Vec::new();
            for cause in causes {
                let line = match cause.field.as_str() {
                    "" => cause.message.clone(),
                    field => format!("{field}: {}", cause.message),
                };
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
            match lines.as_slice() {
                [line] => format!("{head}: {line}"),
                _ => format!("{head}: \n* {}", lines.join("\n* ")),
            }
        }
        ("" | "Unknown", _) => format!("Error from server: {doing}{}", status.message),
        (reason, _) => format!("Error from server ({reason}): {doing}{}", status.message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_worded_as_kubectl_words_them() {
        let check = |status: serde_json::Value, doing: &str, expect: &str| {
            let status = serde_json::from_value(status).unwrap();
            let complaint = Complaint::Refused { status: Box::new(status), doing: doing.into() };
            assert_eq!(complaint.to_string(), expect);
        };
        check(
            json!({"reason": "NotFound", "message": "jobs.batch \"x\" not found", "code": 404}),
            "",
            "Error from server (NotFound): jobs.batch \"x\" not found",
        );
        check(
            json!({"reason": "AlreadyExists", "message": "jobs.batch \"x\" already exists"}),
            "error when creating \"a.yaml\": ",
            "Error from server (AlreadyExists): error when creating \"a.yaml\": jobs.batch \"x\" already exists",
        );
        check(json!({"message": "no", "code": 500}), "", "Error from server: no");
        let invalid = |causes| {
            json!({"reason": "Invalid", "message": "m", "details":
                {"kind": "Job", "name": "x", "causes": causes}})
        };
        let cause =
            |field: &str| json!({"reason": "r", "message": "Required value", "field": field});
        check(
            invalid(json!([cause("spec.a")])),
            "error when creating \"a.yaml\": ",
            "The Job \"x\" is invalid: spec.a: Required value",
        );
        check(
            invalid(json!([cause("spec.a"), cause("spec.b"), cause("spec.a")])),
            "",
            "The Job \"x\" is invalid: \n* spec.a: Required value\n* spec.b: Required value",
        );
        check(
            json!({"reason": "Unauthorized", "message": "Unauthorized", "code": 401}),
            "",
            "error: You must be logged in to the server (Unauthorized)",
        );
    }
}
