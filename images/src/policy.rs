//! Which images the operator lets in, and by whom they must be signed.
//!
//! It is about images from registries: what the operator has mapped to a file is not asked about.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::name::ImageName;
use crate::signature::Key;

/// Which images are let in. The default lets everything in.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    otherwise: Otherwise,
}

/// A policy as it is written down.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The first whose images fit counts.
    #[serde(default)]
    rules: Vec<RuleDocument>,
    /// For images that no rule fits.
    otherwise: Otherwise,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleDocument {
    images: Vec<String>,
    action: Action,
    #[serde(default)]
    keys: Vec<KeyDocument>,
}

/// One of the two.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDocument {
    file: Option<PathBuf>,
    pem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Allow,
    Deny,
    Signed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Otherwise {
    #[default]
    Allow,
    Deny,
}

#[derive(Clone, Debug)]
struct Rule {
    number: usize,
    images: Vec<String>,
    action: Action,
    keys: Vec<Key>,
}

/// The keys of which one must have signed an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) keys: &'a [Key],
    /// Which rule wants it.
    pub(crate) rule: usize,
}

impl Policy {
    /// What `document` says. The files of keys are read by `read`; every complaint is given.
    pub fn of(
        document: Document,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Vec<String>> {
        let mut complaints = Vec::new();
        let mut rules = Vec::new();
        for (index, rule) in document.rules.into_iter().enumerate() {
            let place = format!("rules[{index}]");
            complaints.extend(rule.complaints(&place));
            let mut keys = Vec::new();
            for (number, key) in rule.keys.into_iter().enumerate() {
                let place = format!("{place}.keys[{number}]");
                let pem = match (key.file, key.pem) {
                    (None, Some(pem)) => Ok(pem.into_bytes()),
                    (Some(path), None) => read(&path)
                        .map_err(|error| format!("can't read {}: {error}", path.display())),
                    _ => Err("either `file` or `pem` is wanted".to_owned()),
                };
                match pem.and_then(|pem| Key::from_pem(&pem)) {
                    Ok(key) => keys.push(key),
                    Err(why) => complaints.push(format!("{place}: {why}")),
                }
            }
            rules.push(Rule { number: index, images: rule.images, action: rule.action, keys });
        }
        if complaints.is_empty() {
            Ok(Self { rules, otherwise: document.otherwise })
        } else {
            Err(complaints)
        }
    }

    /// Whether `name` may be asked for at all.
    pub(crate) fn allows(&self, name: &ImageName) -> Result<()> {
        let why = match self.rule(name) {
            Some(Rule { action: Action::Deny, number, .. }) => format!("rules[{number}] denies it"),
            None if self.otherwise == Otherwise::Deny => "no rule is about it".to_owned(),
            _ => return Ok(()),
        };
        Err(Error::Policy { name: name.to_string(), why })
    }

    /// By whom `name` must be signed, if that is wanted.
    pub(crate) fn signatures(&self, name: &ImageName) -> Option<Wanted<'_>> {
        let rule = self.rule(name).filter(|rule| rule.action == Action::Signed)?;
        Some(Wanted { keys: &rule.keys, rule: rule.number })
    }

    fn rule(&self, name: &ImageName) -> Option<&Rule> {
        let fits = |rule: &&Rule| rule.images.iter().any(|it| pattern_fits(it, name.repository()));
        self.rules.iter().find(fits)
    }
}

impl RuleDocument {
    fn complaints(&self, place: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.images.is_empty() {
            complaints.push(format!("{place}.images: at least one pattern is wanted"));
        }
        for pattern in &self.images {
            let registry = pattern.split_once('/').map_or("", |(registry, _)| registry);
            let is_registry = registry == "localhost" || registry.contains(['.', ':', '*']);
            if pattern != "**" && !is_registry {
                complaints.push(format!(
                    "{place}.images: \"{pattern}\" must begin with a registry, such as \
                     docker.io/library/perl"
                ));
            }
            let name = pattern.rsplit('/').next().unwrap_or_default();
            if pattern.contains('@') || name.contains(':') {
                complaints
                    .push(format!("{place}.images: \"{pattern}\" must have no tag or digest"));
            }
        }
        match (self.action, self.keys.is_empty()) {
            (Action::Signed, true) => complaints.push(format!("{place}.keys: signed by whom?")),
            (Action::Allow | Action::Deny, false) => {
                complaints.push(format!("{place}.keys: only with `action: signed`"));
            }
            _ => {}
        }
        complaints
    }
}

/// Whether `text` is what `pattern` says: `*` is any text without a slash, `**` any text.
fn pattern_fits(pattern: &str, text: &str) -> bool {
    let Some(star) = pattern.find('*') else { return pattern == text };
    let (before, after) = pattern.split_at(star);
    let Some(rest) = text.strip_prefix(before) else { return false };
    let (after, crosses) = match after.strip_prefix("**") {
        Some(after) => (after, true),
        None => (&after[1..], false),
    };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.take_while(|end| crosses || !rest[..*end].contains('/'))
        .any(|end| pattern_fits(after, &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    fn policy(json: &str) -> Result<Policy, Vec<String>> {
        let document = serde_json::from_str(json).map_err(|error| vec![error.to_string()])?;
        Policy::of(document, |path| match path.to_str() {
            Some("key.pub") => Ok(KEY.as_bytes().to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn patterns() {
        let check = |pattern: &str, text: &str, expect: bool| {
            assert_eq!(pattern_fits(pattern, text), expect, "{pattern} {text}");
        };
        check("ghcr.io/me/x", "ghcr.io/me/x", true);
        check("ghcr.io/me/x", "ghcr.io/me/xy", false);
        check("ghcr.io/me/*", "ghcr.io/me/x", true);
        check("ghcr.io/me/*", "ghcr.io/me/x/y", false);
        check("ghcr.io/**", "ghcr.io/me/x/y", true);
        check("ghcr.io/**", "ghcr.io.evil.example/x", false);
        check("**", "anything/at/all", true);
        check("*.example.org/**", "a.example.org/x", true);
        check("*.example.org/**", "evil.example/a.example.org/x", false);
        check("ghcr.io/*-job", "ghcr.io/pi-job", true);
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let policy = policy(
            r#"{"rules": [
                {"images": ["ghcr.io/me/bad"], "action": "deny"},
                {"images": ["ghcr.io/me/*"], "action": "signed", "keys": [{"file": "key.pub"}]},
                {"images": ["docker.io/library/**"], "action": "allow"}
            ], "otherwise": "deny"}"#,
        )
        .unwrap();
        let check = |name: &str, allowed: Result<bool, &str>| {
            let name = ImageName::parse(name).unwrap();
            match (policy.allows(&name), allowed) {
                (Ok(()), Ok(signed)) => assert_eq!(policy.signatures(&name).is_some(), signed),
                (Err(error), Err(expect)) => assert_eq!(error.to_string(), expect),
                (found, _) => panic!("{name}: {found:?}"),
            }
        };
        check(
            "ghcr.io/me/bad:2",
            Err("the image policy does not allow ghcr.io/me/bad:2: rules[0] denies it"),
        );
        for other in ["GHCR.io/me/bad:2", "ghcr.io:443/me/bad:2", "ghcr.io:0443/me/bad:2"] {
            check(
                other,
                Err("the image policy does not allow ghcr.io/me/bad:2: rules[0] denies it"),
            );
        }
        check("registry-1.docker.io/library/perl", Ok(false));
        check("ghcr.io/me/good", Ok(true));
        check("perl", Ok(false));
        check("quay.io/x", Err("the image policy does not allow quay.io/x: no rule is about it"));
        assert!(Policy::default().allows(&ImageName::parse("quay.io/x").unwrap()).is_ok());
    }

    #[test]
    fn a_policy_with_mistakes_is_refused_with_all_of_them() {
        let complaints = policy(
            r#"{"rules": [
                {"images": ["perl", "ghcr.io/x:1"], "action": "allow", "keys": [{"pem": "x"}]},
                {"images": [], "action": "signed"},
                {"images": ["ghcr.io/x"], "action": "signed", "keys": [{"file": "none.pub"}]}
            ], "otherwise": "allow"}"#,
        )
        .unwrap_err();
        assert_eq!(complaints.len(), 7, "{complaints:#?}");
        for unknown in [
            r#"{"otherwise": "allow", "rulez": []}"#,
            r#"{"otherwise": "maybe"}"#,
            r#"{"rules": []}"#,
            r#"{"rules": [{"images": ["**"], "action": "sign"}], "otherwise": "deny"}"#,
        ] {
            assert!(policy(unknown).is_err(), "{unknown}");
        }
    }
}
