//! The ConfigMaps and Secrets that a pod names, fetched before anything is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::client::{ClientError, ClusterClient};
use crate::api::{ConfigMap, Container, PodSpec, Secret, VolumeProjection};

/// Which ConfigMaps and Secrets are named.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needed {
    config_maps: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Needed {
    /// Those that the environment of `container` is made of.
    pub(crate) fn by_env(container: &Container) -> Self {
        let mut needed = Self::default();
        for source in container.env_from.iter().flatten() {
            needed.config_maps.extend(source.config_map_ref.as_ref().map(|it| it.name.clone()));
            needed.secrets.extend(source.secret_ref.as_ref().map(|it| it.name.clone()));
        }
        for source in container.env.iter().flatten().filter_map(|it| it.value_from.as_ref()) {
            needed.config_maps.extend(source.config_map_key_ref.as_ref().map(|it| it.name.clone()));
            needed.secrets.extend(source.secret_key_ref.as_ref().map(|it| it.name.clone()));
        }
        needed
    }

    /// Those that anything of a pod is made of, and the Secrets with logins for its images.
    pub(crate) fn by_pod(spec: &PodSpec) -> Self {
        let mut needed = Self::by_volumes(spec);
        for container in spec.init_containers.iter().flatten().chain(&spec.containers) {
            let Self { config_maps, secrets } = Self::by_env(container);
            needed.config_maps.extend(config_maps);
            needed.secrets.extend(secrets);
        }
        let logins = spec.image_pull_secrets.iter().flatten();
        needed.secrets.extend(logins.map(|secret| secret.name.clone()));
        needed
    }

    /// The names of the ConfigMaps.
    pub(crate) fn config_maps(&self) -> impl Iterator<Item = &String> {
        self.config_maps.iter()
    }

    /// The names of the Secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &String> {
        self.secrets.iter()
    }

    /// Those that the volumes of a pod are made of.
    pub(crate) fn by_volumes(spec: &PodSpec) -> Self {
        let mut needed = Self::default();
        for volume in spec.volumes.iter().flatten() {
            needed.config_maps.extend(volume.config_map.as_ref().map(|it| it.name.clone()));
            needed.secrets.extend(volume.secret.as_ref().and_then(|it| it.secret_name.clone()));
            let projected = volume.projected.iter().filter_map(|it| it.sources.as_ref()).flatten();
            for VolumeProjection { config_map, secret, .. } in projected {
                needed.config_maps.extend(config_map.as_ref().map(|it| it.name.clone()));
                needed.secrets.extend(secret.as_ref().map(|it| it.name.clone()));
            }
        }
        needed
    }
}

/// What was found under the names that were needed.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    config_maps: BTreeMap<String, Arc<ConfigMap>>,
    secrets: BTreeMap<String, Arc<Secret>>,
}

impl Sources {
    /// Looks up everything that is `needed` in `namespace`; what is not there is left out.
    pub(crate) async fn fetch(
        client: &impl ClusterClient,
        namespace: &str,
        needed: &Needed,
    ) -> Result<Self, ClientError> {
        let mut sources = Self::default();
        for name in &needed.config_maps {
            if let Some(found) = client.config_map(namespace, name).await? {
                sources.config_maps.insert(name.clone(), found);
            }
        }
        for name in &needed.secrets {
            if let Some(found) = client.secret(namespace, name).await? {
                sources.secrets.insert(name.clone(), found);
            }
        }
        Ok(sources)
    }

    /// The ConfigMap `name`; `None` if it is not there and need not be.
    pub(crate) fn config_map(
        &self,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<&ConfigMap>, ConfigError> {
        match self.config_maps.get(name) {
            None if optional != Some(true) => {
                Err(ConfigError(format!("configmap \"{name}\" not found")))
            }
            found => Ok(found.map(|it| &**it)),
        }
    }

    /// The Secret `name`; `None` if it is not there and need not be.
    pub(crate) fn secret(
        &self,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<&Secret>, ConfigError> {
        match self.secrets.get(name) {
            None if optional != Some(true) => {
                Err(ConfigError(format!("secret \"{name}\" not found")))
            }
            found => Ok(found.map(|it| &**it)),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(config_maps: Vec<ConfigMap>, secrets: Vec<Secret>) -> Self {
        let name = |metadata: &crate::api::ObjectMeta| metadata.name.clone().unwrap();
        Self {
            config_maps: config_maps
                .into_iter()
                .map(|it| (name(&it.metadata), Arc::new(it)))
                .collect(),
            secrets: secrets.into_iter().map(|it| (name(&it.metadata), Arc::new(it))).collect(),
        }
    }
}

/// Why a container can't be made ready as the pod says; the message is what its status shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(crate) String);
