//! The same authorities for all servers of one state: kept in etcd, and in the state folder of each.
//!
//! The first server makes them, or brings its own; the others take them. So a kubeconfig that one of them
//! has written is good for all, and they know each other by them, and nodes are known to all.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use mayfly_etcd::{Agreement, Client};
use serde::{Deserialize, Serialize};

use super::authority::Authority;
use super::{NAME, SERVING_NAME};
use crate::serve::files;

/// Under which names they are agreed on: that of clients and servers, and that of what nodes show.
const AUTHORITY: &str = "authority";
const SERVING_AUTHORITY: &str = "kubelet-authority";

/// An authority as PEM.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    certificate: String,
    key: String,
}

/// Sees to it that the authorities in `folder` are those of all servers whose state `client` asks for.
pub(in crate::serve) async fn agree(
    client: &Client,
    folder: &Path,
    now: Timestamp,
) -> anyhow::Result<()> {
    agree_on(client, AUTHORITY, folder, NAME, now).await?;
    agree_on(client, SERVING_AUTHORITY, &folder.join("kubelet"), SERVING_NAME, now).await
}

/// The same of the authority `name` in `folder`, which is agreed on under `key`.
async fn agree_on(
    client: &Client,
    key: &str,
    folder: &Path,
    name: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    files::make_private_folder(folder)?;
    let agreement = Agreement::on(client, key);
    let theirs = agreement.get().await?;
    let mut ours = Kept::in_folder(folder)?;
    let is_new = ours.is_none();
    if theirs.is_none() {
        // One that is near its end is not what others should begin with.
        drop(Authority::open(folder, name, now)?);
        ours = Kept::in_folder(folder)?;
    }
    let theirs = match (theirs, &ours) {
        (None, Some(ours)) => agreement.propose(&serde_json::to_vec(ours)?).await?,
        (theirs, _) => theirs.unwrap_or_default(),
    };
    let theirs: Kept = serde_json::from_slice(&theirs)
        .with_context(|| format!("{} in etcd is no authority", agreement.key()))?;
    if ours.as_ref() == Some(&theirs) {
        return tell_of_its_end(&agreement, folder, now);
    }
    ensure!(
        is_new,
        "the authority in {0} is not that of the servers of {1}: delete ca.crt and ca.key in {0} to take \
         theirs, which no kubeconfig of before trusts, or delete {2} in etcd to have all others do that",
        folder.display(),
        client.place(),
        agreement.key(),
    );
    files::write_private(&folder.join("ca.key"), theirs.key.as_bytes())?;
    files::write_public(&folder.join("ca.crt"), theirs.certificate.as_bytes())?;
    tell_of_its_end(&agreement, folder, now)
}

/// Tells the operator what to do if the authority in `folder` is near its end. No server makes another one
/// by itself: the rest would not know it.
fn tell_of_its_end(agreement: &Agreement<'_>, folder: &Path, now: Timestamp) -> anyhow::Result<()> {
    if let Some(authority) = Authority::kept(folder)?
        && !authority.lasts_from(now)?
    {
        tracing::warn!(
            end = %authority.end()?,
            "the authority of all servers in {0} is near its end: to have a new one, stop all servers, \
             delete ca.crt and ca.key in {0} of each and {1} in etcd, and start them; no kubeconfig of \
             before trusts it",
            folder.display(),
            agreement.key(),
        );
    }
    Ok(())
}

impl Kept {
    fn in_folder(folder: &Path) -> anyhow::Result<Option<Self>> {
        let read = |name: &str| {
            let path = folder.join(name);
            match fs::read_to_string(&path) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(files::cant_read(&path, error)),
            }
        };
        // A key alone is of nobody.
        let (certificate, key) = (read("ca.crt")?, read("ca.key")?);
        Ok(certificate.zip(key).map(|(certificate, key)| Self { certificate, key }))
    }
}
