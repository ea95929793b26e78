//! What the operator lets pods reach, in all namespaces and in each.

use std::collections::BTreeMap;

use super::rule::{HostRule, HostRuleError, parse_rules};

/// The hosts that pods may ask for. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    everywhere: Vec<HostRule>,
    namespaces: BTreeMap<String, Vec<HostRule>>,
}

/// A pod asks for hosts that the operator does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// No pod of its namespace may have any.
    #[error(
        "no host is allowed in namespace \"{namespace}\": the operator allows hosts with \
         --allow-hosts, of mayfly serve and mayfly run"
    )]
    Any {
        /// The pod's.
        namespace: String,
    },
    /// This one is not among those that it may have.
    #[error(
        "{rule} is not allowed in namespace \"{namespace}\": the operator allows hosts with \
         --allow-hosts, of mayfly serve and mayfly run"
    )]
    Rule {
        /// As it would be written.
        rule: String,
        /// The pod's.
        namespace: String,
    },
}

impl AllowedHosts {
    /// Adds what one `--allow-hosts` says: rules for all namespaces, or `NAMESPACE=` and rules for
    /// that one.
    pub fn allow(&mut self, text: &str) -> Result<(), HostRuleError> {
        // No host has such a sign in it.
        let (namespace, rules) = match text.split_once('=') {
            Some((namespace, rules)) => (Some(namespace.trim()), rules),
            None => (None, text),
        };
        let rules = parse_rules(rules)?;
        match namespace {
            None => self.everywhere.extend(rules),
            Some(name) => self.namespaces.entry(name.to_owned()).or_default().extend(rules),
        }
        Ok(())
    }

    /// Whether no pod may reach anything.
    pub fn is_empty(&self) -> bool {
        self.everywhere.is_empty() && self.namespaces.values().all(Vec::is_empty)
    }

    /// What pods of `namespace` may have.
    pub fn of(&self, namespace: &str) -> impl Iterator<Item = &HostRule> {
        self.everywhere.iter().chain(self.namespaces.get(namespace).into_iter().flatten())
    }

    /// Whether pods of `namespace` may have all that is `asked` for; if not, the first that they may
    /// not. Each must lie within one of those that are allowed.
    pub fn check(&self, namespace: &str, asked: &[HostRule]) -> Result<(), NotAllowed> {
        let is_allowed = |rule: &&HostRule| self.of(namespace).any(|allowed| allowed.covers(rule));
        let Some(rule) = asked.iter().find(|rule| !is_allowed(rule)) else { return Ok(()) };
        let namespace = namespace.to_owned();
        if self.of(&namespace).next().is_none() {
            return Err(NotAllowed::Any { namespace });
        }
        Err(NotAllowed::Rule { rule: rule.to_string(), namespace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_have_what_is_allowed_everywhere_and_in_their_namespace() {
        let mut allowed = AllowedHosts::default();
        assert!(allowed.is_empty());
        for text in ["*.example.org:443, 10.0.0.0/8", "team-a=db.example:5432", "team-b= a, b"] {
            allowed.allow(text).unwrap();
        }
        assert!(!allowed.is_empty());
        let check = |allowed: &AllowedHosts, namespace: &str, asked: &str, expect: &str| {
            let asked = parse_rules(asked).unwrap();
            let found = allowed.check(namespace, &asked).err().map(|error| error.to_string());
            let found = found.unwrap_or_default();
            assert_eq!(
                found.split(':').next().unwrap_or_default(),
                expect,
                "{namespace} {asked:?}"
            );
        };
        check(&allowed, "default", "", "");
        check(&allowed, "default", "a.example.org:443, 10.1.2.3:80", "");
        check(&allowed, "team-a", "a.example.org:443, db.example:5432/tcp", "");
        check(&allowed, "team-b", "b:1", "");
        let refused = "db.example";
        check(&allowed, "default", "a.example.org:443, db.example:5432", refused);
        check(&allowed, "team-a", "a", "a is not allowed in namespace \"team-a\"");
        check(&allowed, "team-b", "*", "* is not allowed in namespace \"team-b\"");
        check(
            &allowed,
            "default",
            "a.example.org",
            "a.example.org is not allowed in namespace \
                                                     \"default\"",
        );
        let none = AllowedHosts::default();
        check(&none, "default", "", "");
        check(&none, "default", "a", "no host is allowed in namespace \"default\"");
        assert!(allowed.allow("team-c=a:0").is_err());
    }
}
