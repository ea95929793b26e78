//! Which state of a collection a list or a watch asks for, and Kubernetes' rules for asking.
//!
//! Pure. The rules are those of the API server's validation of `ListOptions`.

use crate::admission::{ErrorKind, FieldError};
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::status::Status;

const MATCH: &str = "resourceVersionMatch";
const EXACT: &str = "Exact";
const NOT_OLDER_THAN: &str = "NotOlderThan";

/// Refuses what a list may not ask for.
pub(super) fn check_list(query: &Query) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    let version = query.get("resourceVersion");
    if let Some(wanted) = query.get(MATCH) {
        if version.is_none() {
            errors.push(forbidden(MATCH, "is forbidden unless resourceVersion is provided"));
        }
        if query.get("continue").is_some() {
            errors.push(forbidden(MATCH, "is forbidden when continue is provided"));
        }
        if ![EXACT, NOT_OLDER_THAN].contains(&wanted) {
            errors.push(unsupported(wanted, &[EXACT, NOT_OLDER_THAN, ""]));
        }
        if wanted == EXACT && version == Some("0") {
            errors.push(forbidden(MATCH, "\"exact\" is forbidden for resourceVersion \"0\""));
        }
    }
    if query.flag("sendInitialEvents").is_some() {
        errors.push(forbidden("sendInitialEvents", "is forbidden for list"));
    }
    refuse(&errors)
}

/// Refuses what a watch may not ask for.
pub(super) fn check_watch(query: &Query) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    let wanted = query.get(MATCH);
    let has_initial_events = query.flag("sendInitialEvents").is_some();
    if has_initial_events && wanted != Some(NOT_OLDER_THAN) {
        errors.push(FieldError {
            detail: format!("sendInitialEvents requires setting {MATCH} to {NOT_OLDER_THAN}"),
            ..forbidden(MATCH, "")
        });
    }
    if let Some(wanted) = wanted {
        if !has_initial_events {
            let why = "is forbidden for watch unless sendInitialEvents is provided";
            errors.push(forbidden(MATCH, why));
        }
        if wanted != NOT_OLDER_THAN {
            errors.push(unsupported(wanted, &[NOT_OLDER_THAN]));
        }
        if query.get("continue").is_some() {
            errors.push(forbidden(MATCH, "is forbidden when continue is provided"));
        }
    }
    refuse(&errors)
}

/// Whether a list of at most `limit` objects, which names a version, means that version alone.
///
/// A limit without a match means so, too: that is older than matches.
pub(super) fn is_exact(query: &Query, has_limit: bool) -> bool {
    match query.get(MATCH) {
        Some(wanted) => wanted == EXACT,
        None => has_limit,
    }
}

fn forbidden(field: &str, why: &str) -> FieldError {
    FieldError {
        kind: ErrorKind::Forbidden,
        field: field.to_owned(),
        value: None,
        detail: format!("{field} {why}"),
    }
}

fn unsupported(value: &str, supported: &[&str]) -> FieldError {
    let supported: Vec<_> = supported.iter().map(|it| format!("\"{it}\"")).collect();
    FieldError {
        kind: ErrorKind::NotSupported,
        field: MATCH.to_owned(),
        value: Some(format!("\"{value}\"")),
        detail: format!("supported values: {}", supported.join(", ")),
    }
}

fn refuse(errors: &[FieldError]) -> Result<(), Refusal> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid_options("ListOptions", errors).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<(), Refusal>) -> String {
        result.err().map(|refusal| refusal.status.message).unwrap_or_default()
    }

    #[test]
    fn a_list_is_told_what_it_may_not_ask_for() {
        let check = |query: &str, expect: &str| {
            let expect = match expect {
                "" => String::new(),
                expect => format!("ListOptions.meta.k8s.io \"\" is invalid: {expect}"),
            };
            assert_eq!(told(check_list(&Query::parse(query))), expect, "{query}");
        };
        check("resourceVersion=1&resourceVersionMatch=Exact", "");
        check("resourceVersion=0&resourceVersionMatch=NotOlderThan", "");
        check(
            "resourceVersionMatch=Exact",
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless \
             resourceVersion is provided",
        );
        check(
            "resourceVersion=0&resourceVersionMatch=Exact",
            "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for \
             resourceVersion \"0\"",
        );
        check(
            "resourceVersion=1&resourceVersionMatch=Some&sendInitialEvents=false",
            "[resourceVersionMatch: Unsupported value: \"Some\": supported values: \"Exact\", \
             \"NotOlderThan\", \"\", sendInitialEvents: Forbidden: sendInitialEvents is forbidden \
             for list]",
        );
    }

    #[test]
    fn a_watch_is_told_what_it_may_not_ask_for() {
        let check = |query: &str, expect: &str| {
            assert!(told(check_watch(&Query::parse(query))).ends_with(expect), "{query}");
        };
        assert!(check_watch(&Query::parse("resourceVersion=1")).is_ok());
        let list = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        assert!(check_watch(&Query::parse(list)).is_ok());
        check(
            "sendInitialEvents=true",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        );
        check(
            "resourceVersionMatch=NotOlderThan",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        );
        check(
            "sendInitialEvents=1&resourceVersionMatch=Exact",
            "resourceVersionMatch: Unsupported value: \"Exact\": supported values: \
             \"NotOlderThan\"]",
        );
    }
}
