//! What a name stands for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::limits::LOGINS_REMEMBERED_MAX;
use crate::login::Login;
use crate::name::ImageName;

/// What each name stands for.
pub type Names = BTreeMap<ImageName, Entry>;

/// What one name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// A module that the operator added, by its content.
    Module(Digest),
    /// An image with a manifest.
    Image(Kept),
}

/// An image that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What the name stood for: a manifest, or an index of manifests.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Digest,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether the registry gives it to everybody.
    #[serde(default)]
    pub public: bool,
    /// Marks of the logins that the registry has given it to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<String>,
}

/// Where an image comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The operator made it here.
    Built,
    /// A registry.
    Pulled,
}

impl Kept {
    /// Whether somebody with these `logins` may have it without asking the registry: everybody, or
    /// whoever has a login that it was given to.
    ///
    /// Source: Kubernetes' `KubeletEnsureSecretPulledImages`, by which a pod can't use an image that
    /// another's secret has brought.
    pub fn is_for(&self, name: &ImageName, logins: &[Login]) -> bool {
        self.public
            || self.origin == Origin::Built
            || logins.iter().any(|login| self.logins.contains(&login.mark(name)))
    }

    /// Remembers that the registry gave it to `login`, or to everybody.
    pub(crate) fn given_to(&mut self, name: &ImageName, login: Option<&Login>) {
        let Some(login) = login else {
            self.public = true;
            return;
        };
        let mark = login.mark(name);
        self.logins.retain(|known| *known != mark);
        self.logins.push(mark);
        let surplus = self.logins.len().saturating_sub(LOGINS_REMEMBERED_MAX);
        self.logins.drain(..surplus);
    }
}
