//! The images that come from registries, in every folder that keeps some.

use mayfly_images::{Entry, Image, ImageName, Keyring, Named, PullLimits, Puller, Shelf, silent};

use super::policy;
use crate::args::ImageOptions;
use crate::wasm::Stamp;

/// Has images from registries.
pub(crate) struct Registries {
    /// One for each folder; new images are kept in the first.
    pullers: Vec<Puller>,
    /// The operator's own logins, where they are for every pod.
    own: Keyring,
    is_offline: bool,
}

/// Why a registry is not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unasked {
    /// The operator does not want it.
    #[error("registries are not asked, because of --offline")]
    Offline,
    /// There is nowhere to keep what comes.
    #[error("there is no folder to keep it in: give one with --state-dir")]
    Nowhere,
}

impl Registries {
    /// Those that `options` let us ask; images are kept on `shelves`, within `limits`. Pods have the logins of `own`
    /// beside those that they bring.
    pub(crate) fn new(
        options: &ImageOptions,
        shelves: &[Shelf],
        own: Keyring,
        limits: PullLimits,
    ) -> anyhow::Result<Self> {
        let policy = policy(options.policy.as_deref())?;
        let named = Named::new(options.registries.iter().cloned());
        let puller = |shelf: &Shelf| {
            Puller::new(shelf.clone(), named.clone(), policy.clone()).within(limits)
        };
        let pullers = shelves.iter().map(puller).collect();
        Ok(Self { pullers, own, is_offline: options.offline })
    }

    /// Whether no registry is ever asked.
    pub(crate) fn is_offline(&self) -> bool {
        self.is_offline
    }

    /// `logins`, and the operator's own.
    pub(crate) fn keyring(&self, mut logins: Keyring) -> Keyring {
        logins.extend(self.own.clone());
        logins
    }

    /// What changes when any name does.
    pub(crate) fn stamps(&self) -> Vec<Option<Stamp>> {
        let files = self.pullers.iter().map(|puller| puller.shelf().names_path());
        files.map(|file| Stamp::of(&file).ok()).collect()
    }

    /// The image that `name` stands for here, if somebody with `keyring` may have it.
    pub(crate) async fn kept(
        &self,
        name: &ImageName,
        keyring: &Keyring,
    ) -> mayfly_images::Result<Option<Image>> {
        for puller in &self.pullers {
            if let Some(image) = puller.kept(name, keyring).await? {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    /// Whether `name` stands for something here, whoever may have it.
    pub(crate) fn knows(&self, name: &ImageName) -> bool {
        let stands = |puller: &Puller| {
            puller
                .shelf()
                .names()
                .is_ok_and(|names| matches!(names.get(name), Some(Entry::Image(_))))
        };
        self.pullers.iter().any(stands)
    }

    /// The image that `name` stands for at its registry.
    pub(crate) async fn pull(&self, name: &ImageName, keyring: &Keyring) -> anyhow::Result<Image> {
        let puller = self.pullers.first().ok_or(Unasked::Nowhere)?;
        if self.is_offline {
            return Err(Unasked::Offline.into());
        }
        Ok(puller.pull(name, keyring, &silent).await?)
    }
}
