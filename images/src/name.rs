//! Image names, as container registries write them.
//!
//! `perl`, `perl:latest` and `docker.io/library/perl` are one name. Source: the grammar of the
//! distribution project's references, which Kubernetes follows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Host;
use crate::digest::Digest;

/// The longest name. As the grammar has it, without the digest.
const NAME_LENGTH_MAX: usize = 255;
/// The longest tag. As the grammar has it.
const TAG_LENGTH_MAX: usize = 128;

/// An image name with everything in it that was left out: `docker.io/library/perl:latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName {
    /// Registry and repository.
    repository: String,
    /// `:tag` or `@sha256:digest`.
    version: String,
}

/// Why a text is no image name. The words are those that a pod's status shows in Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The grammar does not know it.
    #[error("invalid reference format")]
    Format,
    /// It is right but for its capitals.
    #[error("invalid reference format: repository name must be lowercase")]
    Uppercase,
    /// It is too long.
    #[error("invalid reference format: repository name must not be more than 255 characters")]
    Length,
}

impl ImageName {
    /// Reads `text`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) if Digest::parse(digest).is_ok() => (text, Some(digest)),
            Some(_) => return Err(InvalidName::Format),
            None => (text, None),
        };
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (text, None),
        };
        if !tag.is_none_or(is_tag) {
            return Err(InvalidName::Format);
        }
        let repository = repository(path)?;
        let version = match (digest, tag) {
            (Some(digest), _) => format!("@{digest}"),
            (None, tag) => format!(":{}", tag.unwrap_or("latest")),
        };
        Ok(Self { repository, version })
    }

    /// Whether it is some version of the official image of Perl.
    pub fn is_perl(&self) -> bool {
        self.repository == "docker.io/library/perl"
    }

    /// Registry and repository, without the version.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The registry: a host, and its port if it is not that of HTTPS.
    pub fn registry(&self) -> &str {
        self.parts().0
    }

    /// The repository in its registry.
    pub fn path(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.repository.split_once('/').expect("a repository must have its registry before it")
    }

    /// What a registry knows the version by: a tag or a digest.
    pub fn version(&self) -> &str {
        &self.version[1..]
    }

    /// The tag that it asks for, if it asks for no digest.
    pub fn tag(&self) -> Option<&str> {
        self.version.strip_prefix(':')
    }

    /// The digest that it asks for, if it asks for one.
    pub fn digest(&self) -> Option<Digest> {
        self.version.strip_prefix('@').and_then(|digest| Digest::parse(digest).ok())
    }

    /// The same repository, by digest.
    #[must_use]
    pub fn at(&self, digest: &Digest) -> Self {
        Self { repository: self.repository.clone(), version: format!("@{digest}") }
    }

    /// The same repository under the tag at which signatures of `digest` are kept, as cosign does.
    #[must_use]
    pub fn signatures_of(&self, digest: &Digest) -> Self {
        let version = format!(":sha256-{}.sig", digest.hex());
        Self { repository: self.repository.clone(), version }
    }

    /// In full: `docker.io/library/perl:latest`.
    pub fn full(&self) -> String {
        format!("{}{}", self.repository, self.version)
    }
}

/// As people write it: without what would be added anyway.
impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.repository.strip_prefix("docker.io/").unwrap_or(&self.repository);
        let short = short.strip_prefix("library/").unwrap_or(short);
        let version = if self.version == ":latest" { "" } else { &self.version };
        write!(f, "{short}{version}")
    }
}

impl TryFrom<String> for ImageName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<ImageName> for String {
    fn from(name: ImageName) -> Self {
        name.full()
    }
}

fn repository(path: &str) -> Result<String, InvalidName> {
    let (registry, path) = match path.split_once('/') {
        Some((registry, rest)) if is_registry(registry) => (registry, rest),
        _ => ("docker.io", path),
    };
    if path.chars().any(|it| it.is_ascii_uppercase())
        && path.to_ascii_lowercase().split('/').all(is_component)
    {
        return Err(InvalidName::Uppercase);
    }
    if !path.split('/').all(is_component) {
        return Err(InvalidName::Format);
    }
    let registry = one_form(registry);
    let library = if registry == "docker.io" && !path.contains('/') { "library/" } else { "" };
    let repository = format!("{registry}/{library}{path}");
    if repository.len() > NAME_LENGTH_MAX {
        return Err(InvalidName::Length);
    }
    Ok(repository)
}

/// A registry as it is always written: in lower case, a number as an address, without the port that
/// it has anyway. Rules and logins are for the server, so no other way to write it leads past them.
fn one_form(registry: &str) -> String {
    let host: Result<Host, _> = registry.parse();
    let host = host.map_or_else(|_| registry.to_ascii_lowercase(), |host| host.to_string());
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        _ => host,
    }
}

/// Only a first part that looks like a host is one.
fn is_registry(part: &str) -> bool {
    let (host, port) = part.split_once(':').unwrap_or((part, "0"));
    let is_host = host == "localhost" || host.contains('.') || part.contains(':');
    is_host
        && port.bytes().all(|it| it.is_ascii_digit())
        && host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        })
}

/// Lower-case letters and digits, with single separators between: `.`, `_`, `__` or any `-`.
fn is_component(part: &str) -> bool {
    let is_word = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends_are_words =
        bytes.first().copied().is_some_and(is_word) && bytes.last().copied().is_some_and(is_word);
    ends_are_words
        && part.split(|it: char| it.is_ascii() && is_word(it as u8)).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|it| it == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let is_word = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    tag.len() <= TAG_LENGTH_MAX
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|it| is_word(it) || it == b'.' || it == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_the_same_are_the_same() {
        let check = |text: &str, full: &str, short: &str| {
            let name = ImageName::parse(text).unwrap();
            assert_eq!(name.to_string(), short, "{text}");
            assert_eq!(String::from(name), full, "{text}");
        };
        check("perl", "docker.io/library/perl:latest", "perl");
        check("perl:latest", "docker.io/library/perl:latest", "perl");
        check("docker.io/library/perl", "docker.io/library/perl:latest", "perl");
        check("index.docker.io/perl:5.34.0", "docker.io/library/perl:5.34.0", "perl:5.34.0");
        check("me/perl", "docker.io/me/perl:latest", "me/perl");
        check("ghcr.io/me/perl:1", "ghcr.io/me/perl:1", "ghcr.io/me/perl:1");
        check("localhost:5000/perl", "localhost:5000/perl:latest", "localhost:5000/perl");
        check("localhost/perl", "localhost/perl:latest", "localhost/perl");
        check("pi.wasm", "docker.io/library/pi.wasm:latest", "pi.wasm");
        check("a__b-c--d.e", "docker.io/library/a__b-c--d.e:latest", "a__b-c--d.e");
        for same in ["GHCR.io/me/perl:1", "ghcr.io:443/me/perl:1", "Ghcr.Io:0443/me/perl:1"] {
            check(same, "ghcr.io/me/perl:1", "ghcr.io/me/perl:1");
        }
        check("registry-1.docker.io/library/perl", "docker.io/library/perl:latest", "perl");
        check("0x7f.1:5000/perl", "127.0.0.1:5000/perl:latest", "127.0.0.1:5000/perl");
        check("localhost:443/perl", "localhost:443/perl:latest", "localhost:443/perl");
        let digest = format!("sha256:{}", "0".repeat(64));
        let full = format!("docker.io/library/perl@{digest}");
        check(&format!("perl:1@{digest}"), &full, &format!("perl@{digest}"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let check = |text: &str, expect: InvalidName| {
            assert_eq!(ImageName::parse(text), Err(expect), "{text}");
        };
        check("", InvalidName::Format);
        check("Perl", InvalidName::Uppercase);
        check("./pi.wasm", InvalidName::Format);
        check("/pi.wasm", InvalidName::Format);
        check("a//b", InvalidName::Format);
        check("a...b", InvalidName::Format);
        check("perl:", InvalidName::Format);
        check("perl:-1", InvalidName::Format);
        check("perl@sha256:12", InvalidName::Format);
        check("two words", InvalidName::Format);
        check(&"x".repeat(300), InvalidName::Length);
    }
}
