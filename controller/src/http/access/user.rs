//! Users, and by what they are known.

use crate::bootstrap::Bootstrapper;

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// What tells two users apart who had the same name at different times; may be empty.
    pub uid: String,
    /// The groups, `system:authenticated` among them.
    pub groups: Vec<String>,
}

/// The identity that a client has proven by TLS, which whoever serves puts into the extensions of a
/// request: only ever that of a certificate which our own CA has signed and which has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject's `CN`: the user's name.
    pub common_name: String,
    /// The subject's `O`s: the user's groups.
    pub organizations: Vec<String>,
}

impl User {
    /// The group whose members may do everything.
    pub const MASTERS: &str = "system:masters";

    /// The group of nodes.
    pub(super) const NODES: &str = "system:nodes";

    /// What the name of a node's user begins with, before the name of the node.
    pub(super) const NODE_PREFIX: &str = "system:node:";

    /// The group of those who come with a bootstrap token, and with what the names of their users
    /// begin, before the id of the token.
    pub(super) const BOOTSTRAPPERS: &str = "system:bootstrappers";
    pub(super) const BOOTSTRAP_PREFIX: &str = "system:bootstrap:";

    /// What an API server is called where it asks kubelets.
    pub const KUBELET_CLIENT: &str = "kube-apiserver-kubelet-client";

    /// The group whose members may read metrics.
    pub(super) const MONITORING: &str = "system:monitoring";

    /// The group of all who are known.
    pub(super) const AUTHENTICATED: &str = "system:authenticated";

    /// A user that is known by its credentials.
    pub fn authenticated(name: &str, uid: &str, groups: &[String]) -> Self {
        let mut groups = groups.to_vec();
        if !groups.iter().any(|group| group == Self::AUTHENTICATED) {
            groups.push(Self::AUTHENTICATED.to_owned());
        }
        Self { name: name.to_owned(), uid: uid.to_owned(), groups }
    }

    /// Who owns the process, and may do everything.
    pub fn system_admin() -> Self {
        Self::authenticated("system:admin", "", &[Self::MASTERS.to_owned()])
    }

    /// Nobody in particular.
    pub(super) fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }

    /// Whether they are in `group`.
    pub(super) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|it| it == group)
    }
}

impl From<Bootstrapper> for User {
    fn from(bootstrapper: Bootstrapper) -> Self {
        let mut groups = bootstrapper.groups;
        groups.insert(0, Self::BOOTSTRAPPERS.to_owned());
        let name = format!("{}{}", Self::BOOTSTRAP_PREFIX, bootstrapper.id);
        Self::authenticated(&name, "", &groups)
    }
}

impl From<&ClientCertificate> for User {
    fn from(certificate: &ClientCertificate) -> Self {
        Self::authenticated(&certificate.common_name, "", &certificate.organizations)
    }
}
