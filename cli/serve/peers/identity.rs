//! How one server tells another whose certificate it was shown.
//!
//! HTTP leaves out blanks around a header's value, and has no line breaks in it. A name that came
//! through changed would be somebody else's, so it is written as URLs are: what is not visible, and not
//! ASCII, is `%XX`.

use std::fmt::Write as _;

use axum::extract::Request;
use axum::http::header::{Entry, HeaderMap, HeaderName, HeaderValue};
use mayfly_controller::http::access::ClientCertificate;

use crate::serve::tls::PEERS;

pub(super) const USER: HeaderName = HeaderName::from_static("x-remote-user");
pub(super) const GROUP: HeaderName = HeaderName::from_static("x-remote-group");

/// Says in `headers`, which say nothing of it yet, whose `certificate` was shown.
pub(super) fn say(headers: &mut HeaderMap, certificate: &ClientCertificate) {
    headers.insert(USER, encoded(&certificate.common_name));
    for group in &certificate.organizations {
        headers.append(GROUP, encoded(group));
    }
}

/// Whether another server passes `request` on. Then its user is the one whom that server has seen the
/// certificate of, if any; of anybody else, what they say of users is left out.
pub(in crate::serve) fn take_identity(request: &mut Request) -> bool {
    let said = request.headers_mut().remove(USER);
    let groups = match request.headers_mut().entry(GROUP) {
        Entry::Occupied(entry) => entry.remove_entry_mult().1.collect(),
        Entry::Vacant(_) => Vec::new(),
    };
    let shown = request.extensions().get::<ClientCertificate>();
    if !shown.is_some_and(|it| it.organizations.iter().any(|group| group == PEERS)) {
        return false;
    }
    request.extensions_mut().remove::<ClientCertificate>();
    let organizations = groups.iter().map(decoded).collect::<Option<Vec<_>>>();
    // What no server says is of nobody.
    if let Some((common_name, organizations)) = said.as_ref().and_then(decoded).zip(organizations) {
        request.extensions_mut().insert(ClientCertificate { common_name, organizations });
    }
    true
}

fn encoded(text: &str) -> HeaderValue {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            value.push(char::from(byte));
        } else {
            let _ = write!(value, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(value).expect("visible ASCII must be good in a header")
}

fn decoded(value: &HeaderValue) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn certificate(name: &str, groups: &[&str]) -> ClientCertificate {
        let organizations = groups.iter().map(ToString::to_string).collect();
        ClientCertificate { common_name: name.to_owned(), organizations }
    }

    #[test]
    fn a_user_is_who_a_server_says_and_nobody_else() {
        let check = |shown: Option<&[&str]>, expect: Option<ClientCertificate>, is_peer: bool| {
            let mut request = Request::new(Body::empty());
            say(request.headers_mut(), &certificate("jané", &["dev", "ops"]));
            if let Some(groups) = shown {
                request.extensions_mut().insert(certificate("somebody", groups));
            }
            assert_eq!(take_identity(&mut request), is_peer);
            assert_eq!(request.extensions().get(), expect.as_ref());
            assert!(
                !request.headers().contains_key(USER) && !request.headers().contains_key(GROUP)
            );
        };
        check(None, None, false);
        check(Some(&["dev"]), Some(certificate("somebody", &["dev"])), false);
        check(Some(&["system:masters"]), Some(certificate("somebody", &["system:masters"])), false);
        check(Some(&[PEERS]), Some(certificate("jané", &["dev", "ops"])), true);
    }

    #[test]
    fn a_name_comes_through_as_it_is() {
        for name in [
            "jane",
            "system:node:a ",
            " a",
            "\ta\t",
            "a b",
            "a%20",
            "%",
            "a\r\nb: c",
            "a\u{a0}",
            "",
        ] {
            let mut request = Request::new(Body::empty());
            say(request.headers_mut(), &certificate(name, &[name, "dev"]));
            // What HTTP may do to it on the way.
            for value in request.headers().values() {
                let text = value.to_str().expect("it must be visible ASCII");
                assert_eq!(text.trim_ascii(), text);
            }
            request.extensions_mut().insert(certificate("mayfly:server", &[PEERS]));
            assert!(take_identity(&mut request));
            assert_eq!(request.extensions().get(), Some(&certificate(name, &[name, "dev"])));
        }
    }

    #[test]
    fn who_is_said_in_another_way_is_nobody() {
        for (user, group) in [("a%2", "dev"), ("a%zz", "dev"), ("a%ff", "dev"), ("a", "%")] {
            let mut request = Request::new(Body::empty());
            request.headers_mut().insert(USER, HeaderValue::from_static(user));
            request.headers_mut().insert(GROUP, HeaderValue::from_static(group));
            request.extensions_mut().insert(certificate("mayfly:server", &[PEERS]));
            assert!(take_identity(&mut request));
            assert!(request.extensions().get::<ClientCertificate>().is_none(), "{user} {group}");
        }
    }

    #[test]
    fn a_server_that_says_no_user_passes_on_a_token_or_nobody() {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(certificate("mayfly:server", &[PEERS]));
        assert!(take_identity(&mut request));
        assert!(request.extensions().get::<ClientCertificate>().is_none());
    }
}
