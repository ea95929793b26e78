//! When what ours made is what a vector expects.

use serde_json::Value;

/// Both are the same.
pub(super) fn same(expect: &Value, got: &Value) -> Result<(), String> {
    if expect == got {
        return Ok(());
    }
    Err(format!("expected {expect}\n         got {got}"))
}

/// Everything expected is there; what is there besides does not matter. Lists are of one length.
pub(super) fn within(expect: &Value, got: &Value) -> Result<(), String> {
    missing(expect, got, "").map_or(Ok(()), Err)
}

fn missing(expect: &Value, got: &Value, at: &str) -> Option<String> {
    match (expect, got) {
        (Value::Object(expect), Value::Object(got)) => expect.iter().find_map(|(key, value)| {
            missing(value, got.get(key).unwrap_or(&Value::Null), &format!("{at}.{key}"))
        }),
        (Value::Array(expect), Value::Array(got)) if expect.len() == got.len() => {
            let mut pairs = expect.iter().zip(got).enumerate();
            pairs.find_map(|(index, (expect, got))| missing(expect, got, &format!("{at}[{index}]")))
        }
        (expect, got) if expect == got => None,
        (expect, got) => Some(format!("{at}: expected {expect}, got {got}")),
    }
}

/// Complaints: `valid`, `errors` in order by field and type (and detail where it is given),
/// `firstError` of the first alone, and how many where only that is known.
pub(super) fn complaints(expect: &Value, got: &Value) -> Result<(), String> {
    let got_errors = got["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let differs = || Err(format!("expected {expect}\n         got {}", got["errors"]));
    if let Some(count) = expect.get("errorCount") {
        return if *count == got_errors.len() { Ok(()) } else { differs() };
    }
    if expect["valid"] != got_errors.is_empty() {
        return differs();
    }
    if let Some(errors) = expect["errors"].as_array() {
        let mut pairs = errors.iter().zip(got_errors);
        if errors.len() != got_errors.len() || !pairs.all(|(expect, got)| is_complaint(expect, got))
        {
            return differs();
        }
    }
    match (expect.get("firstError"), got_errors.first()) {
        (Some(first), Some(got)) if !is_complaint(first, got) => differs(),
        _ => Ok(()),
    }
}

fn is_complaint(expect: &Value, got: &Value) -> bool {
    let same = |key: &str| expect.get(key).is_none_or(|value| *value == got[key]);
    let contained = expect["messageContains"].as_str().is_none_or(|text| {
        got["message"].as_str().is_some_and(|message| message.contains(text.trim()))
    });
    same("field") && same("type") && same("detail") && contained
}

/// The text expected is in what ours said; where it is null, ours said nothing.
pub(super) fn text(expect: &Value, got: &Value) -> Result<(), String> {
    let is_met = match expect.as_str() {
        Some(text) => got.as_str().is_some_and(|got| got.contains(text)),
        None => got.is_null(),
    };
    if is_met { Ok(()) } else { Err(format!("expected {expect}, got {got}")) }
}
