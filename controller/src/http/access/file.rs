//! The file that says who may do what, read from its text.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::policy::{Account, Grant, Policy, Scope, Token, TokenHash};
use super::role::Role;
use super::user::User;
use crate::admission::decode::decode_file;
use crate::api::Timestamp;

/// A policy can't be read: every mistake in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidPolicy(pub Vec<Mistake>);

/// One mistake, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, with the path of the field.
    pub message: String,
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mistakes = self.0.iter().map(|Mistake { line, message }| match line {
            Some(line) => format!("line {line}: {message}"),
            None => message.clone(),
        });
        f.write_str(&mistakes.collect::<Vec<_>>().join("\n"))
    }
}

impl Policy {
    /// What the text of a file says, which is YAML or JSON:
    ///
    /// ```yaml
    /// users:
    /// - name: jane                # as in Kubernetes; a client certificate's CN is the same name
    ///   uid: "42"                 # may be left out
    ///   groups: [developers]      # may be left out; members of system:masters may do everything
    ///   roles:                    # each is view, edit, admin or node
    ///   - role: edit
    ///     namespaces: [default]   # left out, the role is for all of them
    ///   - role: view
    ///   tokens:                   # none: she comes with a client certificate
    ///   - name: laptop            # for people
    ///     sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    ///     expires: 2027-01-31T00:00:00Z   # may be left out
    /// ```
    ///
    /// A token itself is nowhere in it, only its SHA-256 (`printf %s "$token" | sha256sum`), so that
    /// whoever reads the file can't act as its users.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let file: File = decode_file(text).map_err(|problems| {
            let mistakes = problems.into_iter().map(|(line, problem)| Mistake {
                line: (line > 0).then_some(line),
                message: problem.to_string(),
            });
            InvalidPolicy(mistakes.collect())
        })?;
        let mut policy = Self::default();
        let mut mistakes = Vec::new();
        for (index, entry) in file.users.into_iter().enumerate() {
            policy.add(entry, &mut |field, what| {
                let message = format!("users[{index}].{field}: {what}");
                mistakes.push(Mistake { line: None, message });
            });
        }
        if mistakes.is_empty() { Ok(policy) } else { Err(InvalidPolicy(mistakes)) }
    }

    fn add(&mut self, entry: Entry, wrong: &mut dyn FnMut(&str, &str)) {
        let Entry { name, uid, groups, roles, tokens } = entry;
        if name.is_empty() {
            wrong("name", "a user must have a name");
        }
        let mut grants = Vec::new();
        for (number, GrantEntry { role, namespaces }) in roles.into_iter().enumerate() {
            match role {
                Some(Role::Node) if !is_node(&name, &namespaces) => {
                    let what = format!(
                        "a node's user is called {}NAME, and has its role everywhere",
                        User::NODE_PREFIX
                    );
                    wrong(&format!("roles[{number}].role"), &what);
                }
                Some(role) => grants.push(Grant { role, scope: namespaces }),
                None => wrong(&format!("roles[{number}].role"), "a role must be named"),
            }
        }
        for (number, TokenEntry { sha256, expires, .. }) in tokens.into_iter().enumerate() {
            let field = format!("tokens[{number}].sha256");
            let known = Token { user: name.clone(), expires: expires.map(|it| it.0) };
            match sha256 {
                None => wrong(&field, "a token must have its SHA-256"),
                Some(hash) => {
                    if self.tokens.insert(hash, known).is_some() {
                        wrong(&field, "the same token is there twice");
                    }
                }
            }
        }
        if self.accounts.insert(name, Account { uid, groups, grants }).is_some() {
            wrong("name", "a user of this name is there twice");
        }
    }
}

/// Whether a node can be meant by a user called `name` who has its role in `scope`.
fn is_node(name: &str, scope: &Scope) -> bool {
    let node = name.strip_prefix(User::NODE_PREFIX);
    node.is_some_and(|node| !node.is_empty()) && matches!(scope, Scope::All)
}

// Nothing is required here: what is wrong is left out and told, and must not be told once more as
// missing.

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    users: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    uid: String,
    groups: Vec<String>,
    roles: Vec<GrantEntry>,
    tokens: Vec<TokenEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GrantEntry {
    role: Option<Role>,
    // No `Option`: an empty list must not be taken for one that is not there.
    namespaces: Scope,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenEntry {
    #[serde(rename = "name")]
    _name: String,
    sha256: Option<TokenHash>,
    expires: Option<Expiry>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Expiry(Timestamp);

impl TryFrom<String> for Expiry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = text.parse();
        time.map(Self)
            .map_err(|_| format!("\"{text}\" is no time; write it as 2027-01-31T00:00:00Z"))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = "expected the 64 hexadecimal digits of a SHA-256";
        let digit = |index: usize| u8::from_str_radix(text.get(index..index + 2)?, 16).ok();
        let mut bytes = [0; 32];
        if text.len() != 64 || text.starts_with('+') {
            return Err(serde::de::Error::custom(wrong));
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = digit(2 * index).ok_or_else(|| serde::de::Error::custom(wrong))?;
        }
        Ok(Self(bytes))
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let names = BTreeSet::<String>::deserialize(from)?;
        if names.is_empty() {
            let what = "no namespaces are named; name some, or leave the field out to mean all";
            return Err(serde::de::Error::custom(what));
        }
        Ok(Self::Namespaces(names))
    }
}
