//! `PodLogOptions`: what of a log is asked for, and in which form.
//!
//! Pure. Source: the fields of `PodLogOptions`, and the API server's validation of them.
//! `insecureSkipTLSVerifyBackend` and `pretty` mean nothing here: there is no backend, and a log is
//! text.

use std::num::IntErrorKind;

use crate::admission::{ErrorKind, FieldError};
use crate::api::{SignedDuration, Timestamp};
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::status::Status;
use crate::node::logs::ReadOptions;

/// What of a log is asked for.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) container: Option<String>,
    pub(super) follows: bool,
    pub(super) is_previous: bool,
    pub(super) has_timestamps: bool,
    pub(super) stream: Wanted,
    pub(super) limit_bytes: Option<u64>,
    pub(super) read: ReadOptions,
}

/// Which of its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Stdout,
    Stderr,
}

impl Options {
    /// What `query` asks for of the log of the pod called `pod`.
    pub(super) fn parse(query: &Query, pod: &str, now: Timestamp) -> Result<Self, Refusal> {
        let tail_lines = integer(query, "tailLines")?;
        let limit_bytes = integer(query, "limitBytes")?;
        let since_seconds = integer(query, "sinceSeconds")?;
        let since_time = time(query, "sinceTime")?;
        let stream = query.all("stream").next();

        let mut errors = Vec::new();
        if tail_lines.is_some_and(|lines| lines < 0) {
            errors.push(invalid("tailLines", tail_lines, "must be greater than or equal to 0"));
        }
        if limit_bytes.is_some_and(|bytes| bytes < 1) {
            errors.push(invalid("limitBytes", limit_bytes, "must be greater than 0"));
        }
        match since_seconds {
            Some(_) if since_time.is_some() => errors
                .push(forbidden("at most one of `sinceTime` or `sinceSeconds` may be specified")),
            Some(seconds) if seconds < 1 => {
                errors.push(invalid("sinceSeconds", since_seconds, "must be greater than 0"));
            }
            _ => {}
        }
        let wanted = match stream {
            None | Some("All") => Wanted::All,
            Some("Stdout") => Wanted::Stdout,
            Some("Stderr") => Wanted::Stderr,
            Some(other) => {
                errors.push(FieldError {
                    kind: ErrorKind::NotSupported,
                    field: "stream".to_owned(),
                    value: Some(format!("{other:?}")),
                    detail: r#"supported values: "All", "Stderr", "Stdout""#.to_owned(),
                });
                Wanted::All
            }
        };
        if tail_lines.is_some() && stream.is_some_and(|stream| stream != "All") {
            errors.push(forbidden(
                "`tailLines` and specific `stream` are mutually exclusive for now",
            ));
        }
        if !errors.is_empty() {
            return Err(Status::invalid_log_options(pod, &errors).into());
        }
        let ago = since_seconds.map(|seconds| {
            now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN)
        });
        Ok(Self {
            container: query.get("container").map(str::to_owned),
            follows: query.is_set("follow"),
            is_previous: query.is_set("previous"),
            has_timestamps: query.is_set("timestamps"),
            stream: wanted,
            limit_bytes: limit_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            read: ReadOptions {
                tail_lines: tail_lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
                since: since_time.or(ago),
            },
        })
    }
}

/// The number that `key` has, as Go reads it.
fn integer(query: &Query, key: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = query.all(key).next() else { return Ok(None) };
    let number = text.parse().map_err(|error: std::num::ParseIntError| {
        let why = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
    });
    Ok(Some(number?))
}

/// The time that `key` has; none if it is empty.
fn time(query: &Query, key: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = query.get(key).filter(|text| *text != "null") else { return Ok(None) };
    let time = text.parse().map_err(|_| {
        let layout = "2006-01-02T15:04:05Z07:00";
        Status::bad_request(format!(
            "parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""
        ))
    });
    Ok(Some(time?))
}

fn invalid(field: &str, value: Option<i64>, detail: &str) -> FieldError {
    FieldError {
        kind: ErrorKind::Invalid,
        field: field.to_owned(),
        value: value.map(|value| value.to_string()),
        detail: detail.to_owned(),
    }
}

/// A complaint about the options as a whole, which Kubernetes shows as a field without a name.
fn forbidden(detail: &str) -> FieldError {
    FieldError {
        kind: ErrorKind::Forbidden,
        field: "[]".to_owned(),
        value: None,
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Options, (Option<u16>, String)> {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let options = Options::parse(&Query::parse(query), "p", now);
        options.map_err(|refusal| (refusal.status.code, refusal.status.message))
    }

    #[test]
    fn since_is_a_time_or_seconds_ago() {
        let check = |query: &str, expected: Option<&str>| {
            let since = parse(query).unwrap().read.since;
            assert_eq!(since, expected.map(|time| time.parse().unwrap()), "{query}");
        };
        check("", None);
        check("sinceTime=", None);
        check("sinceSeconds=5", Some("2026-01-02T03:04:00Z"));
        check("sinceTime=2026-01-02T05:04:00%2B02:00", Some("2026-01-02T03:04:00Z"));
        assert_eq!(parse("sinceSeconds=9000000000000").unwrap().read.since, Some(Timestamp::MIN));
    }

    #[test]
    fn mistakes_are_told_in_kubernetes_words() {
        let check = |query: &str, code: u16, message: &str| {
            assert_eq!(parse(query).unwrap_err(), (Some(code), message.to_owned()));
        };
        let invalid = |detail: &str| format!("PodLogOptions \"p\" is invalid: {detail}");
        let zero = "must be greater than 0";
        for (query, detail) in [
            ("tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
            ("limitBytes=0", &format!("limitBytes: Invalid value: 0: {zero}")),
            ("sinceSeconds=0", &format!("sinceSeconds: Invalid value: 0: {zero}")),
            (
                "sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z",
                "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
            ),
            (
                "stream=Stdin",
                "stream: Unsupported value: \"Stdin\": supported values: \"All\", \"Stderr\", \"Stdout\"",
            ),
            (
                "stream=Stdout&tailLines=1",
                "[]: Forbidden: `tailLines` and specific `stream` are mutually exclusive for now",
            ),
            (
                "tailLines=-1&limitBytes=0",
                "[tailLines: Invalid value: -1: must be greater than or equal to 0, limitBytes: \
                 Invalid value: 0: must be greater than 0]",
            ),
        ] {
            check(query, 422, &invalid(detail));
        }
        check("tailLines=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax");
        check(
            "limitBytes=99999999999999999999",
            400,
            "strconv.ParseInt: parsing \"99999999999999999999\": value out of range",
        );
        check(
            "sinceTime=x",
            400,
            "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
        );
    }
}
