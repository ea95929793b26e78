//! The path of a request without its escapes, so that whoever reads it reads the same.
//!
//! An escaped slash separates like any other, as in Kubernetes; so nothing hides behind an escape
//! from who decides what is allowed.

use axum::http::Uri;

use super::refusal::Refusal;
use super::status::Status;
use super::target::Target;

/// `uri` with its path unescaped, or why it can't be the path of anything.
pub(super) fn unescape(uri: &Uri) -> Result<Uri, Refusal> {
    let path = uri.path();
    let unescaped = match unescaped(path) {
        Ok(unescaped) => unescaped,
        Err(escape) => {
            return Err(Status::bad_request(format!("invalid URL escape \"{escape}\"")).into());
        }
    };
    let text = match String::from_utf8(unescaped) {
        Ok(text) if text == path => return Ok(uri.clone()),
        Ok(text) => text,
        Err(_) => return Err(Status::no_such_resource().into()),
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if text.bytes().all(is_of_a_path)
        && let Ok(uri) = format!("{text}{query}").parse()
    {
        return Ok(uri);
    }
    // Nothing can have such a name, and what can't be is not there.
    Err(match Target::parse(&text) {
        Some(Target { kind, name: Some(name), .. }) => {
            check_name(&name)?;
            Status::not_found(kind, &name).into()
        }
        _ => Status::no_such_resource().into(),
    })
}

/// Refuses a name that would mean another place if it were a path.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let why = match name {
        "." | ".." => format!("may not be '{name}'"),
        _ if name.contains('%') => "may not contain '%'".to_owned(),
        _ => return Ok(()),
    };
    Err(Status::bad_request(format!("Name parameter invalid: \"{name}\": {why}")).into())
}

fn is_of_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

/// The bytes that `path` stands for, or the escape that is none.
fn unescaped(path: &str) -> Result<Vec<u8>, &str> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let digits = rest.get(at + 1..at + 3).filter(|it| !it.starts_with('+'));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = byte else {
            return Err(rest.get(at..at + 3).unwrap_or(&rest[at..]));
        };
        bytes.push(byte);
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_what_it_stands_for() {
        let check = |uri: &str, expect: Result<&str, &str>| {
            let found = unescape(&uri.parse().unwrap()).map(|uri| uri.to_string());
            let found = found.map_err(|refusal| refusal.status.message.clone());
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{uri}");
        };
        check("/api/v1/pods?a=%2F", Ok("/api/v1/pods?a=%2F"));
        check("/api/v1/%70ods?a=%2F", Ok("/api/v1/pods?a=%2F"));
        check("/api/v1/namespaces/a%2Fpods/%2e%2E", Ok("/api/v1/namespaces/a/pods/.."));
        check("/api/v1/nodes/a%3Fb", Err("nodes \"a?b\" not found"));
        check("/api/v1/nodes/a%20b", Err("nodes \"a b\" not found"));
        let percent = "Name parameter invalid: \"a%b\": may not contain '%'";
        check("/api/v1/nodes/a%25b", Err(percent));
        check("/api/v1/nodes/%ff", Err("the server could not find the requested resource"));
        check("/nowhere/%20", Err("the server could not find the requested resource"));
        check("/api/%zz", Err("invalid URL escape \"%zz\""));
        check("/api/%+1", Err("invalid URL escape \"%+1\""));
        check("/api/%1", Err("invalid URL escape \"%1\""));
    }

    #[test]
    fn a_name_is_no_way_up() {
        check_name("a..b").unwrap();
        let message = check_name("..").unwrap_err().status.message;
        assert_eq!(message, "Name parameter invalid: \"..\": may not be '..'");
    }
}
