//! A state that several servers have together, in etcd: how one of them comes to lead.
//!
//! ```text
//! state folder, etcd ─▶ one authority ─▶ stand ─┬▶ elected: read the state, lead while it lasts
//!                                               └▶ another leads: pass requests on to it
//! ```

use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{Names, Store};
use mayfly_etcd::{Address, Candidate, Client, Credentials, EtcdDisk, Leader, Session};
use tokio::time::sleep;

use super::door::Door;
use super::limits::READ_AGAIN_PAUSE;
use super::peers::Peer;
use super::tls::{self, Tls};
use super::users::Users;
use super::{files, listen};
use crate::args::EtcdOptions;

/// What is said to clients between two leaders.
pub(super) const NOBODY_LEADS: &str = "no server leads at the moment";

/// Whose the state is.
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub(super) enum Origin {
    /// This server's, from its start to its end.
    Own(Store),
    /// That of whichever server leads.
    Shared(Shared),
}

/// An etcd that can be used, and a state folder that nobody else has.
pub(super) struct Etcd {
    client: Client,
    claim: File,
}

/// A server of several.
pub(super) struct Shared {
    candidate: Candidate,
    /// Where it is reached by the others.
    url: String,
    users: String,
    tls: Arc<Tls>,
    /// The id of the leader that was told of last.
    told: Mutex<String>,
    /// The claim on the state folder.
    _claim: File,
}

impl Etcd {
    /// Looks whether etcd at `address` can be used, and takes the authority that all servers have into
    /// the state `folder`.
    pub(super) async fn open(
        address: &Address,
        options: &EtcdOptions,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let claim = claim(folder)?;
        let credentials = credentials(options)?;
        let client = Client::new(address.clone(), &credentials, &options.etcd_prefix)?;
        let checked = client.check().await;
        checked.with_context(|| format!("can't use --store {address}"))?;
        tls::agree(&client, &folder.join("tls"), Clock::system().now()).await?;
        Ok(Self { client, claim })
    }

    /// A server that the others reach at `url`, and that may lead.
    pub(super) fn stand(
        self,
        options: &EtcdOptions,
        url: String,
        tls: &Arc<Tls>,
        users: &Users,
    ) -> anyhow::Result<Shared> {
        let introduction = Leader {
            id: String::new(),
            url: url.clone(),
            authority: tls.root_ca()?,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            users: users.digest()?,
        };
        let users = introduction.users.clone();
        let lease = Duration::from_secs(options.leader_lease);
        let candidate = Candidate::new(self.client, introduction, lease);
        Ok(Shared {
            candidate,
            url,
            users,
            tls: Arc::clone(tls),
            told: Mutex::default(),
            _claim: self.claim,
        })
    }
}

impl Shared {
    /// Waits until this server leads and has read the state. Until then `door` leads to whoever does.
    pub(super) async fn lead(&self, door: &Door) -> (Store, Session) {
        loop {
            let session = self.candidate.stand(|leader| self.follow(leader, door)).await;
            door.shut("the server that leads from now on reads the state");
            tracing::info!(url = self.url, "this server leads");
            match read(session.clone()).await {
                Ok(store) => return (store, session),
                Err(error) => tracing::error!("can't take over the state: {error:#}"),
            }
            session.resign().await;
            sleep(READ_AGAIN_PAUSE).await;
        }
    }

    fn follow(&self, leader: &Leader, door: &Door) {
        // Its own name is of an earlier time, and nobody can be asked who has none.
        if leader.url.is_empty() || leader.url == self.url {
            return door.shut(NOBODY_LEADS);
        }
        self.tell_of(leader);
        match Peer::new(leader, &self.tls) {
            Ok(peer) => door.lead_away(peer),
            Err(error) => {
                tracing::error!(url = leader.url, "can't ask the server that leads: {error:#}");
                door.shut("the server that leads can't be asked");
            }
        }
    }
}

impl Shared {
    /// Tells the operator who leads, once, and whether that one lets in whom this one would.
    fn tell_of(&self, leader: &Leader) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == leader.id {
            return;
        }
        told.clone_from(&leader.id);
        tracing::info!(url = leader.url, version = leader.version, "another server leads");
        if leader.users != self.users {
            tracing::warn!(
                url = leader.url,
                "the server that leads has another file of users: give the same to all"
            );
        }
    }
}

/// All that is kept, for as long as `session` lasts.
async fn read(session: Session) -> anyhow::Result<Store> {
    let reading = tokio::task::spawn_blocking(move || {
        let disk = EtcdDisk::new(session, Clock::system());
        Store::kept_by(disk, Clock::system(), Names::random())
    });
    Ok(reading.await??)
}

/// Takes `folder` for this process alone: certificates and the kubeconfig in it are of one server.
fn claim(folder: &Path) -> anyhow::Result<File> {
    files::make_private_folder(folder)?;
    let path = folder.join("lock");
    let open = File::options().write(true).create(true).truncate(false).open(&path);
    let file = open.with_context(|| format!("can't use {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "the state folder {} is in use by another mayfly: give this one a folder of its own with \
             --state-dir",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => Err(files::cant_read(&path, error)),
    }
}

fn credentials(options: &EtcdOptions) -> anyhow::Result<Credentials> {
    let read = |path: &Path| fs::read(path).map_err(|error| files::cant_read(path, error));
    let authority = options.etcd_ca.as_deref().map(read).transpose()?;
    let identity = match (&options.etcd_cert, &options.etcd_key) {
        (Some(certificate), Some(key)) => {
            let mut pem = read(certificate)?;
            pem.push(b'\n');
            pem.extend(read(key)?);
            Some(pem)
        }
        _ => None,
    };
    Ok(Credentials { authority, identity })
}

/// Where the others reach a server that listens at `address`.
pub(super) fn advertised(options: &EtcdOptions, address: SocketAddr) -> anyhow::Result<String> {
    if let Some(advertised) = &options.advertise {
        return Ok(format!("https://{advertised}"));
    }
    ensure!(
        !address.ip().is_unspecified(),
        "--listen {address} does not say where other servers reach this one: give --advertise HOST:PORT"
    );
    Ok(listen::url(address))
}

/// The host of `HOST:PORT`.
pub(super) fn host_of(advertised: &str) -> &str {
    let host = advertised.rsplit_once(':').map_or(advertised, |(host, _)| host);
    host.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_servers() {
        let folder = tempfile::tempdir().unwrap();
        let claimed = claim(folder.path()).unwrap();
        let error = claim(folder.path()).unwrap_err().to_string();
        assert!(error.contains("--state-dir"), "{error}");
        drop(claimed);
        claim(folder.path()).unwrap();
    }

    #[test]
    fn the_host_of_an_address() {
        assert_eq!(host_of("10.0.0.1:6443"), "10.0.0.1");
        assert_eq!(host_of("[::1]:6443"), "::1");
        assert_eq!(host_of("one.example.org:6443"), "one.example.org");
    }
}
