//! What the query of a request asks for beside its path, and its mistakes.

use serde_json::json;

use super::refusal::Refusal;
use super::status::Status;
use crate::admission::decode::FieldValidation;
use crate::admission::{ErrorKind, FieldError};
use crate::limits::FIELD_MANAGER_BYTES_MAX;

/// The pairs of a query, unescaped.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of `key` that is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(name, value)| name == key && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Has each value of `key` be what `change` makes of it.
    pub(super) fn change(&mut self, key: &str, change: impl Fn(&str) -> String) {
        for (_, value) in self.0.iter_mut().filter(|(name, _)| name == key) {
            *value = change(value);
        }
    }

    /// Every value of `key`.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Whether `key` is there, with or without a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    /// Whether `key` is there and means yes.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.flag(key) == Some(true)
    }

    /// Whether `key` means yes, if it is there. As in Kubernetes, only `false` and `0` mean no.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key)?;
        Some(!matches!(value.to_ascii_lowercase().as_str(), "false" | "0"))
    }

    /// The whole number that `key` is, if it is there.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let number = text.parse().map_err(|_| {
            Status::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))
        });
        Ok(Some(number?))
    }

    /// What becomes of unknown fields; a warning if nothing is said. `options` is Kubernetes' name
    /// for what the query is parsed into.
    pub(super) fn field_validation(&self, options: &str) -> Result<FieldValidation, Refusal> {
        match self.get("fieldValidation") {
            None | Some("Warn") => Ok(FieldValidation::Warn),
            Some("Strict") => Ok(FieldValidation::Strict),
            Some("Ignore") => Ok(FieldValidation::Ignore),
            Some(other) => {
                let supported = &["", "Ignore", "Strict", "Warn"];
                let shown = json!(other).to_string();
                Err(Status::unsupported_option(options, "fieldValidation", shown, supported).into())
            }
        }
    }

    /// What the client wants to be called as the owner of what it writes, if it says so.
    pub(super) fn field_manager(&self, options: &str) -> Result<Option<&str>, Refusal> {
        let Some(manager) = self.get("fieldManager") else { return Ok(None) };
        let wrong = |kind: ErrorKind, value: Option<String>, detail: String| {
            let field = "fieldManager".to_owned();
            let error = FieldError { kind, field, value, detail };
            Err(Status::invalid_options(options, &[error]).into())
        };
        if manager.len() > FIELD_MANAGER_BYTES_MAX {
            let detail = format!("may not be more than {FIELD_MANAGER_BYTES_MAX} bytes");
            return wrong(ErrorKind::TooLong, None, detail);
        }
        match manager.char_indices().find(|(_, character)| character.is_control()) {
            None => Ok(Some(manager)),
            Some((at, character)) => {
                let code = u32::from(character);
                let detail = format!("invalid character U+{code:04X} (at position {at})");
                wrong(ErrorKind::Invalid, Some(json!(manager).to_string()), detail)
            }
        }
    }

    /// Whether nothing is to be stored.
    pub(super) fn is_dry_run(&self, options: &str) -> Result<bool, Refusal> {
        let values = self.0.iter().filter(|(name, value)| name == "dryRun" && !value.is_empty());
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        is_dry_run(&values, options)
    }
}

/// Whether `values`, of a query or a body, say that nothing is to be stored.
pub(super) fn is_dry_run(values: &[&str], options: &str) -> Result<bool, Refusal> {
    if values.iter().any(|value| *value != "All") {
        let shown = json!(values).to_string();
        return Err(Status::unsupported_option(options, "dryRun", shown, &["All"]).into());
    }
    Ok(!values.is_empty())
}
