//! A state that several servers have together, in etcd: how one of them comes to lead.
//!
//! ```text
//! state folder, etcd ─▶ one authority ─▶ stand ─┬▶ elected: read the state, lead while it lasts
//!                                               └▶ another leads: pass requests on to it
//! ```

mod address;

use std::convert::Infallible;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{Names, Store};
use mayfly_etcd::{Address, Candidate, Client, Credentials, EtcdDisk, Leader, Session};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::door::Door;
use super::files;
use super::limits::{OWN_PAST_LEASES, READ_AGAIN_PAUSE};
use super::peers::Peer;
use super::tls::{self, Tls};
use super::users::Users;
use crate::args::EtcdOptions;

pub(super) use self::address::{advertised, host_of};

/// What is said to clients between two leaders.
pub(super) const NOBODY_LEADS: &str = "no server leads at the moment";

/// And while one leads that can't be told from this one.
const NAMESAKE: &str = "another server leads that says it is reached where this one is";

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
    address: Address,
    client: Client,
    claim: File,
}

/// A server of several.
pub(super) struct Shared {
    candidate: Candidate,
    /// Where it is reached by the others.
    url: String,
    /// For how long an earlier run of this server may seem to lead.
    own_past_max: Duration,
    users: String,
    tls: Arc<Tls>,
    /// The time for which it leads, from its election on.
    leads: Mutex<Option<Session>>,
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
        address::tell_if_in_the_clear(address, options);
        let credentials = credentials(options)?;
        let memory = folder.join("etcd.json");
        let client = Client::new(address.clone(), &credentials, &options.etcd_prefix, &memory)?;
        let checked = client.check().await;
        checked.with_context(|| format!("can't use --store {address}"))?;
        tls::agree(&client, &folder.join("tls"), Clock::system().now()).await?;
        Ok(Self { address: address.clone(), client, claim })
    }

    /// A server that the others reach at `url`, and that may lead.
    pub(super) fn stand(
        self,
        options: &EtcdOptions,
        url: String,
        tls: &Arc<Tls>,
        users: &Users,
    ) -> anyhow::Result<Shared> {
        address::tell_if_out_of_reach(&self.address, &url);
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
            own_past_max: OWN_PAST_LEASES * lease,
            users,
            tls: Arc::clone(tls),
            leads: Mutex::default(),
            told: Mutex::default(),
            _claim: self.claim,
        })
    }
}

impl Shared {
    /// Waits until this server leads and has read the state. Until then `door` leads to whoever does.
    pub(super) async fn lead(&self, door: &Door) -> (Store, Session) {
        loop {
            // Whoever was waited for in vain has left it.
            self.resign().await;
            let session = self.elected(door).await;
            *self.leads.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
            door.shut("the server that leads from now on reads the state");
            tracing::info!(url = self.url, "this server leads");
            match read(session.clone()).await {
                Ok(store) => return (store, session),
                Err(error) => tracing::error!("can't take over the state: {error:#}"),
            }
            self.resign().await;
            sleep(READ_AGAIN_PAUSE).await;
        }
    }

    /// Lets another server lead at once, so that nobody waits for one that has gone; also if this one
    /// has only been elected, and still reads.
    pub(super) async fn resign(&self) {
        let session = self.leads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            session.resign().await;
        }
    }

    /// Waits until this server is elected.
    async fn elected(&self, door: &Door) -> Session {
        let (place, seen) = watch::channel(false);
        let standing = self.candidate.stand(|leader| {
            self.follow(leader, door);
            place.send_replace(leader.url == self.url);
        });
        tokio::select! {
            session = standing => session,
            never = self.tell_of_namesakes(seen, door) => match never {},
        }
    }

    /// Tells of another server that has the URL of this one, so that neither can pass anything on to the
    /// other. An earlier run of this one has it, too, until its lease ends; what `seen` says it does of
    /// whoever leads.
    async fn tell_of_namesakes(&self, mut seen: watch::Receiver<bool>, door: &Door) -> Infallible {
        loop {
            drop(seen.wait_for(|has_it| *has_it).await.expect("who stands must outlive this"));
            if timeout(self.own_past_max, seen.changed()).await.is_err() {
                tracing::error!(url = self.url, "{NAMESAKE}: give each an --advertise of its own");
                door.shut(NAMESAKE);
                seen.changed().await.expect("who stands must outlive this");
            }
        }
    }

    fn follow(&self, leader: &Leader, door: &Door) {
        // Its own name is mostly of an earlier time, and nobody can be asked who has none.
        if leader.url.is_empty() || leader.url == self.url {
            return door.shut(NOBODY_LEADS);
        }
        // Who stands anew is told of who leads once more; what was passed on meanwhile goes on.
        if door.leads_to(leader) {
            return;
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
}
