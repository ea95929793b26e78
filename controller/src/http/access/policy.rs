//! What each user may do, and whose each token is.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use super::attributes::Attributes;
use super::role::{BOOTSTRAP, EVERYONE, EVERYTHING, KUBELET_API, MONITORING, NODE, Role, Rule};
use super::user::User;
use crate::api::Timestamp;

/// Users, their tokens and their roles. The default knows nobody.
#[derive(Debug, Default)]
pub struct Policy {
    pub(super) accounts: HashMap<String, Account>,
    pub(super) tokens: HashMap<TokenHash, Token>,
}

/// A user that is known by the file.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) uid: String,
    pub(super) groups: Vec<String>,
    pub(super) grants: Vec<Grant>,
}

/// A role, and where.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) role: Role,
    pub(super) scope: Scope,
}

/// Where a role counts.
#[derive(Debug, Default)]
pub(super) enum Scope {
    /// In all namespaces, and where there is none.
    #[default]
    All,
    /// In these.
    Namespaces(BTreeSet<String>),
}

/// What lets a user in.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) user: String,
    pub(super) expires: Option<Timestamp>,
}

/// The SHA-256 of a token, by which it is found without being kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub(super) [u8; 32]);

impl TokenHash {
    /// That of `token`.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

/// As it stands in the file: 64 hexadecimal digits.
impl std::fmt::Display for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl Policy {
    /// Whose `token` is, unless it has expired.
    pub(in crate::http) fn user_of(&self, token: &str, now: Timestamp) -> Option<User> {
        let token = self.tokens.get(&TokenHash::of(token))?;
        if token.expires.is_some_and(|expires| expires <= now) {
            return None;
        }
        let account = self.accounts.get(&token.user)?;
        Some(User::authenticated(&token.user, &account.uid, &account.groups))
    }

    /// Whether `user` may do what is asked; a node, whether nodes may.
    pub(in crate::http) fn allows(&self, user: &User, asked: &Attributes) -> bool {
        self.rules(user, &asked.namespace).any(|rule| rule.allows(asked))
    }

    /// Whether `user` may do what is asked for another reason than being a node.
    pub(super) fn allows_beside(&self, user: &User, asked: &Attributes) -> bool {
        self.rules_beside(user, &asked.namespace).any(|rule| rule.allows(asked))
    }

    /// The node that `user` is, if it is one.
    pub(super) fn node_of<'a>(&self, user: &'a User) -> Option<&'a str> {
        let name = user.name.strip_prefix(User::NODE_PREFIX).filter(|name| !name.is_empty())?;
        let grants = self.accounts.get(&user.name).map_or(&[][..], |account| &account.grants);
        let is_node = user.is_in(User::NODES) || grants.iter().any(|it| it.role == Role::Node);
        is_node.then_some(name)
    }

    /// What `user` may do in `namespace`, or, if that is `""`, where there is none.
    pub(in crate::http) fn rules(
        &self,
        user: &User,
        namespace: &str,
    ) -> impl Iterator<Item = &'static Rule> {
        let as_node = if self.node_of(user).is_some() { NODE } else { &[] };
        self.rules_beside(user, namespace).chain(as_node)
    }

    fn rules_beside(
        &self,
        user: &User,
        namespace: &str,
    ) -> impl Iterator<Item = &'static Rule> + use<> {
        let is_master = user.is_in(User::MASTERS);
        let all = if is_master { EVERYTHING } else { &[] };
        let grants = self.accounts.get(&user.name).map_or(&[][..], |account| &account.grants);
        let granted = grants.iter().flat_map(move |grant| {
            let (here, is_for_all) = match &grant.scope {
                Scope::All => (true, true),
                Scope::Namespaces(names) => (names.contains(namespace), false),
            };
            here.then(|| grant.role.rules(is_for_all)).into_iter().flatten()
        });
        // Owned, so that the caller may let go of the policy.
        let granted: Vec<_> = granted.collect();
        let own = if user.is_in(User::AUTHENTICATED) { EVERYONE } else { &[] };
        let monitored = if user.is_in(User::MONITORING) { MONITORING } else { &[] };
        let joins = if user.is_in(User::BOOTSTRAPPERS) { BOOTSTRAP } else { &[] };
        let asks = if user.name == User::KUBELET_CLIENT { KUBELET_API } else { &[] };
        all.iter().chain(granted).chain(monitored).chain(joins).chain(asks).chain(own)
    }
}
