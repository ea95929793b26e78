//! Where a request goes: what its URI says, taken apart with care.

use std::net::IpAddr;

use hyper::Uri;
use hyper::http::uri::Scheme;
use wasmtime_wasi_http::Error;

use crate::network::HostName;

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Where,
    pub(super) port: u16,
    pub(super) is_secure: bool,
}

/// How the host is named.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Where {
    Name(HostName),
    Address(IpAddr),
}

impl Place {
    /// Where a request to `uri` goes. Whatever could be read in two ways is refused.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host) {
            Some("") => Some(if is_secure { 443 } else { 80 }),
            Some(_) => authority.port_u16().filter(|port| {
                let rest = &authority.as_str()[host.len()..];
                *port != 0 && rest == format!(":{port}")
            }),
            // A name and password, before the host.
            None => None,
        };
        let port = port.ok_or(Error::HttpRequestUriInvalid)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => {
                address.parse().map(|address| Where::Address(IpAddr::V6(address))).ok()
            }
            None => match host.parse() {
                Ok(address) => Some(Where::Address(IpAddr::V4(address))),
                Err(_) => HostName::new(host).map(Where::Name),
            },
        };
        Ok(Self { host: host.ok_or(Error::HttpRequestUriInvalid)?, port, is_secure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_in_two_ways_goes_nowhere() {
        let check = |text: &str, expect: Option<(&str, u16, bool)>| {
            let place = text.parse::<Uri>().ok().and_then(|uri| Place::of(&uri).ok());
            let found = place.map(|place| {
                let host = match place.host {
                    Where::Name(name) => name.to_string(),
                    Where::Address(address) => format!("={address}"),
                };
                (host, place.port, place.is_secure)
            });
            let expect = expect.map(|(host, port, secure)| (host.to_owned(), port, secure));
            assert_eq!(found, expect, "{text}");
        };
        check("http://example.org/a?b", Some(("example.org", 80, false)));
        check("https://EXAMPLE.org./", Some(("example.org", 443, true)));
        check("https://example.org:8443", Some(("example.org", 8443, true)));
        check("http://192.0.2.1:1/", Some(("=192.0.2.1", 1, false)));
        check("http://[2001:db8::1]/", Some(("=2001:db8::1", 80, false)));
        check("http://[::ffff:127.0.0.1]:8080/", Some(("=::ffff:127.0.0.1", 8080, false)));
        for nowhere in [
            "http://user@example.org/",
            "http://user:word@example.org/",
            "http://example.org:0/",
            "http://example.org:65536/",
            "http://example.org:/",
            "http://example.org:080/",
            "http://example.org:+80/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[fe80::1%25eth0]/",
            "http://a..b/",
            "/path",
        ] {
            check(nowhere, None);
        }
    }
}
