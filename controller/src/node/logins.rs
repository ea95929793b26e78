//! The logins that a pod brings for its images: its `imagePullSecrets`.
//!
//! What is in them is not looked at here.

use super::client::{ClientError, ClusterClient};
use super::runtime::LoginFile;
use crate::api::{PodSpec, Secret};

/// The most of a pod's secrets that are looked up. Stops a pod that names a secret a thousand times.
const SECRETS_MAX: usize = 64;

/// What a pod's `imagePullSecrets` hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Logins {
    pub(crate) files: Vec<LoginFile>,
    /// The names of those that are not there.
    pub(crate) missing: Vec<String>,
}

/// The logins of a pod with `spec` in `namespace`. One that is not there does not keep its images
/// from being tried without.
pub(crate) async fn of(
    client: &impl ClusterClient,
    namespace: &str,
    spec: &PodSpec,
) -> Result<Logins, ClientError> {
    let mut logins = Logins::default();
    for reference in spec.image_pull_secrets.iter().flatten().take(SECRETS_MAX) {
        // An empty name is none, as to the kubelet.
        if reference.name.is_empty() {
            continue;
        }
        match client.secret(namespace, &reference.name).await? {
            Some(secret) => logins.files.extend(LoginFile::of(&secret)),
            None => logins.missing.push(reference.name.clone()),
        }
    }
    Ok(logins)
}

impl LoginFile {
    /// What a secret of one of the two types has; others have none.
    pub fn of(secret: &Secret) -> Option<Self> {
        let value = |key: &str| secret.data.as_ref()?.get(key).map(|value| value.0.clone());
        match secret.type_.as_deref() {
            Some("kubernetes.io/dockerconfigjson") => {
                value(".dockerconfigjson").map(Self::ConfigJson)
            }
            Some("kubernetes.io/dockercfg") => value(".dockercfg").map(Self::Dockercfg),
            _ => None,
        }
    }
}
