//! Where etcd is, and below which of its keys the state is, as people write them.

use std::fmt;
use std::str::FromStr;

/// How an address begins.
const SCHEME: &str = "etcd://";

/// The members of one etcd, each `HOST:PORT`: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(crate) members: Vec<String>,
}

/// What is no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It begins otherwise.
    #[error("etcd://HOST:PORT[,HOST:PORT…] is wanted")]
    NoScheme,
    /// One of its members is none.
    #[error("{0:?} is no HOST:PORT of an etcd, such as 127.0.0.1:2379 or etcd-1.example.org:2379")]
    NoMember(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let members = text.strip_prefix(SCHEME).ok_or(AddressError::NoScheme)?;
        let members = members.strip_suffix('/').unwrap_or(members).split(',');
        let member = |text: &str| {
            let is_member = text.rsplit_once(':').is_some_and(|(host, port)| {
                is_host(host) && port.parse::<u16>().is_ok_and(|port| port != 0)
            });
            is_member
                .then(|| text.to_owned())
                .ok_or_else(|| AddressError::NoMember(text.to_owned()))
        };
        Ok(Self { members: members.map(member).collect::<Result<_, _>>()? })
    }
}

/// A name, or an address; one of IPv6 in brackets. No user, no path: those would be kept in logs.
fn is_host(text: &str) -> bool {
    if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inside.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.'))
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}", self.members.join(","))
    }
}

/// What all keys of one state begin with: between two slashes, so that none is the beginning of
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inside = text.trim_matches('/');
        let is_good = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.' | '/');
        if inside.is_empty() || !inside.chars().all(is_good) || inside.contains("//") {
            return Err("letters, digits, '-', '_' and '.' between slashes are wanted, such as \
                        /mayfly/"
                .to_owned());
        }
        Ok(Self(format!("/{inside}/")))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: Option<&[&str]>| {
            let found = text.parse::<Address>().ok().map(|address| address.members);
            let expect = expect.map(|all| all.iter().map(ToString::to_string).collect());
            assert_eq!(found, expect, "{text}");
        };
        check("etcd://127.0.0.1:2379", Some(&["127.0.0.1:2379"]));
        check("etcd://127.0.0.1:2379/", Some(&["127.0.0.1:2379"]));
        check("etcd://a.example:1,[::1]:2", Some(&["a.example:1", "[::1]:2"]));
        check("http://127.0.0.1:2379", None);
        check("etcd://", None);
        check("etcd://a", None);
        check("etcd://a:0", None);
        check("etcd://a:1,", None);
        check("etcd://user:secret@a:1", None);
        check("etcd://a:1/path", None);
    }

    #[test]
    fn prefixes() {
        let check = |text: &str, expect: Option<&str>| {
            let found = text.parse::<Prefix>().ok();
            assert_eq!(found.as_ref().map(Prefix::as_str), expect, "{text}");
        };
        check("/mayfly/", Some("/mayfly/"));
        check("mayfly", Some("/mayfly/"));
        check("/edge/one", Some("/edge/one/"));
        check("/", None);
        check("", None);
        check("/a//b/", None);
        check("/a b/", None);
    }
}
