//! Who leads: whoever has made a key that goes with its lease.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

use crate::client::Client;
use crate::clock::Moment;
use crate::error::{Result, chain};
use crate::limits::LOOK_PAUSE;
use crate::session::{Held, Session};
use crate::wire::{Compare, Done, KeyValue, Lease, Operation, transaction};

/// How a leader is known to the others: the value of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    /// Another one for each time that a server is elected.
    #[serde(default)]
    pub id: String,
    /// Where it answers: `https://HOST:PORT`.
    pub url: String,
    /// The certificate (PEM) that it is known by there; `None` if every system knows it.
    pub authority: Option<String>,
    /// Which mayfly it is.
    pub version: String,
    /// A digest of what it lets users do, by which others see whether they would do the same.
    pub users: String,
}

/// A server that may lead.
pub struct Candidate {
    client: Client,
    introduction: Leader,
    lease: Duration,
}

impl Candidate {
    /// One that others know as `introduction` says, and that leads for `lease` without saying so
    /// again.
    pub fn new(client: Client, introduction: Leader, lease: Duration) -> Self {
        Self { client, introduction, lease }
    }

    /// What it asks.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until it leads. Meanwhile `seen` is told who does, whenever that changes. If the future is
    /// dropped in the middle of an election, nobody leads for the time of a lease.
    pub async fn stand(&self, mut seen: impl FnMut(&Leader)) -> Session {
        let mut last = None;
        let mut is_away = false;
        loop {
            match self.look().await {
                Ok(Look::Elected(session)) => return session,
                Ok(Look::Led(leader)) => {
                    is_away = false;
                    if last.as_ref() != Some(&leader) {
                        seen(&leader);
                        last = Some(leader);
                    }
                }
                // Who has led last may still do: it says itself when it does not.
                Err(error) => {
                    if !is_away {
                        tracing::warn!(error = chain(&error), "can't tell who leads");
                    }
                    is_away = true;
                }
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    async fn look(&self) -> Result<Look> {
        let leader = &self.client.layout().leader;
        if let Some(found) = self.client.key(leader).await? {
            self.remember().await?;
            return Ok(Look::Led(read(&found)));
        }
        let since = Moment::now();
        let lease = json!({"TTL": self.lease.as_secs().to_string(), "ID": "0"});
        let Lease { id: lease, ttl, .. } = self.client.ask("/v3/lease/grant", &lease).await?;
        // etcd may give more than it was asked for.
        let ttl = Duration::from_secs(u64::try_from(ttl).unwrap_or_default());
        let held = |made_at| Held { lease, ttl, since, made_at };
        let id = format!("{:032x}", fastrand::u128(..));
        let value = serde_json::to_vec(&Leader { id: id.clone(), ..self.introduction.clone() });
        let value = value.expect("a leader must have a JSON form");
        let elect = transaction(
            &[Compare::MadeAt(leader, 0)],
            vec![Operation::put_for(leader, &value, lease)],
            vec![Operation::get(leader)],
        );
        let answer = self.client.transact(&elect).await;
        if let Ok(answer) = &answer
            && answer.succeeded
        {
            return Ok(Look::Elected(self.session(held(answer.header.revision))));
        }
        // Perhaps an attempt has succeeded whose answer did not come.
        let found = match answer {
            Ok(answer) => answer.found(0).map(|found| (found.create_revision, read(found))),
            Err(error) => {
                let found = self.client.key(leader).await.map_err(|_| error)?;
                found.map(|found| (found.create_revision, read(&found)))
            }
        };
        match found {
            Some((made_at, leader)) if leader.id == id => {
                Ok(Look::Elected(self.session(held(made_at))))
            }
            other => {
                give_back(&self.client, lease).await;
                Ok(Look::Led(other.map_or_else(nobody, |(_, leader)| leader)))
            }
        }
    }

    /// Remembers that there is a state, once whoever leads has one.
    async fn remember(&self) -> Result<()> {
        let (memory, cluster) = (self.client.memory(), self.client.cluster());
        if !memory.has(cluster) && self.client.key(&self.client.layout().state).await?.is_some() {
            memory.remember(cluster);
        }
        Ok(())
    }

    fn session(&self, held: Held) -> Session {
        Session::start(self.client.clone(), held)
    }
}

enum Look {
    Elected(Session),
    Led(Leader),
}

/// Ends `lease`, and with it what was kept for it. If that can't be told now, time does it.
pub(crate) async fn give_back(client: &Client, lease: i64) {
    let body = json!({"ID": lease.to_string()});
    if let Err(error) = client.ask::<Done>("/v3/lease/revoke", &body).await {
        tracing::debug!(%error, "a lease could not be given back");
    }
}

/// Who is said to lead. What can't be read was written by another mayfly, and is nobody that could be
/// asked.
fn read(found: &KeyValue) -> Leader {
    serde_json::from_slice(&found.value).unwrap_or_else(|_| nobody())
}

fn nobody() -> Leader {
    let empty = String::new;
    Leader { id: empty(), url: empty(), authority: None, version: empty(), users: empty() }
}
