//! The time for which one server leads: it is renewed, and it is known at once when it is over.
//!
//! ```text
//! renewed at ──── a third of the lease ────▶ renewed again …      no answer ────▶ over, before etcd
//!                                                                                 gives the key away
//! ```
//!
//! The lease is reckoned from before it was asked for, so that it ends here no later than there, by a
//! clock that a suspended host has, too. What is written does not rely on that: each write says that the
//! key must be ours.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::client::Client;
use crate::clock::Moment;
use crate::election::give_back;
use crate::error::{Error, Result, chain};
use crate::limits::{ANSWER_MAX, COMPACTION_INTERVAL, RENEWAL_INTERVAL_MAX, RETRY_PAUSE};
use crate::wire::{Compare, Done, Operation, Renewed, Transacted, transaction};

/// What a leader has of etcd.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) lease: i64,
    pub(crate) ttl: Duration,
    /// When the lease was asked for.
    pub(crate) since: Moment,
    /// The revision at which the key was made.
    pub(crate) made_at: i64,
}

/// A time of leading. A clone is the same; when the last one is dropped nobody renews it any more.
#[derive(Clone)]
pub struct Session {
    state: Arc<State>,
    _tasks: Arc<[AbortOnDropHandle<()>; 2]>,
}

pub(crate) struct State {
    pub(crate) client: Client,
    held: Held,
    /// Until when it surely leads.
    until: Mutex<Moment>,
    lost: CancellationToken,
    why: Mutex<Option<String>>,
    /// The resource version that etcd has acknowledged last; 0 before that.
    pub(crate) kept: AtomicU64,
    /// The newest revision of etcd that was seen.
    revision: AtomicI64,
}

impl Session {
    pub(crate) fn start(client: Client, held: Held) -> Self {
        Self::start_with(client, held, COMPACTION_INTERVAL)
    }

    fn start_with(client: Client, held: Held, compaction_interval: Duration) -> Self {
        let state = Arc::new(State {
            client,
            held,
            until: Mutex::new(held.since.after(held.ttl)),
            lost: CancellationToken::new(),
            why: Mutex::default(),
            kept: AtomicU64::new(0),
            revision: AtomicI64::new(held.made_at),
        });
        let renewing = tokio::spawn(renew(Arc::clone(&state)));
        let compacting = tokio::spawn(compact(Arc::clone(&state), compaction_interval));
        let tasks = [renewing, compacting].map(AbortOnDropHandle::new);
        Self { state, _tasks: Arc::new(tasks) }
    }

    /// Whether this server surely leads at this moment.
    pub fn holds(&self) -> bool {
        self.state.holds()
    }

    /// Waits until it leads no more.
    pub async fn lost(&self) {
        self.state.lost.cancelled().await;
    }

    /// Why it leads no more, once that is so.
    pub fn why(&self) -> String {
        self.state.why()
    }

    /// Lets another one lead. Nothing may be at work any more that relies on leading.
    pub async fn resign(self) {
        self.state.lose("it has resigned".to_owned());
        give_back(&self.state.client, self.state.held.lease).await;
    }

    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }
}

impl State {
    fn holds(&self) -> bool {
        !self.lost.is_cancelled() && Moment::now() < self.until()
    }

    fn until(&self) -> Moment {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn why(&self) -> String {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone().unwrap_or_else(|| "its lease has run out".to_owned())
    }

    pub(crate) fn lose(&self, why: String) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.lost.cancel();
    }

    /// What `lose` has been told, as an error.
    pub(crate) fn lost(&self) -> Error {
        Error::Lost(self.why())
    }

    /// Waits until it leads no more.
    pub(crate) async fn over(&self) {
        self.lost.cancelled().await;
    }

    /// The condition that it leads.
    pub(crate) fn leads(&self) -> Compare<'_> {
        Compare::MadeAt(&self.client.layout().leader, self.held.made_at)
    }

    /// Whether `answer`, whose operation number `index` has looked for the leader's key, says that it
    /// leads.
    pub(crate) fn leads_in(&self, answer: &Transacted, index: usize) -> bool {
        answer.found(index).is_some_and(|found| found.create_revision == self.held.made_at)
    }

    /// How long one member may take where the lease hangs on it: others must have time as well.
    fn within(&self) -> Duration {
        ANSWER_MAX.min(self.held.ttl / 4)
    }

    /// Looks who leads, and which state there is: the first and the second thing found.
    pub(crate) async fn look(&self) -> Result<Transacted> {
        let layout = self.client.layout();
        let look = vec![Operation::get(&layout.leader), Operation::get(&layout.state)];
        let look = transaction(&[], look, Vec::new());
        self.client.transact_within(self.within(), &look).await
    }

    /// Renews the lease, and looks at what etcd has.
    async fn renew_once(&self) -> Result<()> {
        let since = Moment::now();
        let body = json!({"ID": self.held.lease.to_string()});
        let keep_alive = "/v3/lease/keepalive";
        let renewed: Renewed = self.client.ask_within(self.within(), keep_alive, &body).await?;
        let seconds = u64::try_from(renewed.result.ttl).unwrap_or_default();
        if seconds == 0 {
            self.lose("etcd has ended its lease".to_owned());
            return Ok(());
        }
        let before = self.kept.load(Ordering::SeqCst);
        let answer = self.look().await?;
        if !self.leads_in(&answer, 0) {
            self.lose("another server leads, or etcd has an older state".to_owned());
        } else if version_in(&answer, 1) < before {
            self.lose("etcd has an older state than it had acknowledged".to_owned());
        } else {
            self.revision.fetch_max(answer.header.revision, Ordering::Relaxed);
            let until = since.after(Duration::from_secs(seconds));
            *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
        Ok(())
    }

    /// Has etcd drop what was overwritten before `revision`.
    async fn compact(&self, revision: i64) {
        let body = json!({"revision": revision.to_string()});
        if let Err(error) = self.client.ask::<Done>("/v3/kv/compaction", &body).await {
            // Somebody else may have done it.
            tracing::debug!(%error, "etcd does not drop old versions");
        }
    }
}

/// The resource version that operation number `index` of `answer` has found.
pub(crate) fn version_in(answer: &Transacted, index: usize) -> u64 {
    let found = answer.found(index).and_then(|found| std::str::from_utf8(&found.value).ok());
    found.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Renews the lease in time, until it is over.
async fn renew(state: Arc<State>) {
    let pause = (state.held.ttl / 3).min(RENEWAL_INTERVAL_MAX);
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            () = state.over() => return,
        }
        while let Err(error) = match timeout(state.until().left(), state.renew_once()).await {
            Ok(result) => result,
            Err(_) => return state.lose("etcd did not answer for as long as its lease".to_owned()),
        } {
            tracing::warn!(error = chain(&error), "can't say to etcd that this server leads");
            sleep(RETRY_PAUSE.min(state.until().left())).await;
        }
    }
}

/// Has what was overwritten dropped, once it is as old as `interval`. No lease waits for it.
async fn compact(state: Arc<State>, interval: Duration) {
    let mut old = 0;
    loop {
        tokio::select! {
            () = sleep(interval) => {}
            () = state.over() => return,
        }
        if old > 0 {
            state.compact(old).await;
        }
        old = state.revision.load(Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::fake::{Fake, Reply};

    /// A member that renews a lease for `seconds`, has a leader's key that was made at 7, and never
    /// answers a compaction; it tells of both.
    async fn member(seconds: u64) -> (Fake, Arc<Semaphore>, Arc<Semaphore>) {
        let [renewals, compactions] = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
        let (renewed, compacted) = (Arc::clone(&renewals), Arc::clone(&compactions));
        let fake = Fake::start(move |path, _| match path {
            "/v3/kv/compaction" => {
                compacted.add_permits(1);
                Reply::Nothing
            }
            "/v3/lease/keepalive" => {
                renewed.add_permits(1);
                Reply::Json(200, json!({"result": {"ID": "5", "TTL": seconds.to_string()}}))
            }
            _ => Reply::Json(
                200,
                json!({"header": {"revision": "9"}, "responses": [
                    {"response_range": {"kvs": [{"key": "L2E=", "create_revision": "7", "value": ""}]}},
                ]}),
            ),
        });
        (fake.await, renewals, compactions)
    }

    async fn count(events: &Semaphore, count: u32) {
        events.acquire_many(count).await.expect("it must stay open").forget();
    }

    #[tokio::test]
    async fn a_compaction_that_hangs_keeps_no_lease_from_being_renewed() {
        let (fake, renewals, compactions) = member(600).await;
        // Renewed every tenth of a second, and good for long all the same.
        let since = Moment::now().after(Duration::from_secs(600));
        let held = Held { lease: 5, ttl: Duration::from_millis(300), since, made_at: 7 };
        let session = Session::start_with(fake.client(), held, Duration::from_millis(50));
        count(&compactions, 1).await;
        renewals.forget_permits(usize::MAX);
        count(&renewals, 5).await;
        assert_eq!(compactions.available_permits(), 0, "the first one hangs still");
        assert!(session.holds(), "{}", session.why());
    }

    #[tokio::test]
    async fn a_member_that_hangs_costs_no_lease_that_is_short() {
        let hung = Fake::start(|_, _| Reply::Nothing).await;
        let (fake, renewals, _compactions) = member(4).await;
        let ttl = Duration::from_secs(4);
        let held = Held { lease: 5, ttl, since: Moment::now(), made_at: 7 };
        let session = Session::start(fake.client_of(&[&hung, &fake]), held);
        tokio::select! {
            () = count(&renewals, 2) => {}
            () = session.lost() => panic!("{}", session.why()),
        }
        assert!(session.holds(), "{}", session.why());
    }
}
