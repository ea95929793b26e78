//! Follows the requests for certificates, and carries out what they need.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use tokio_util::sync::CancellationToken;

use super::index::Index;
use super::kubelet::node_of;
use super::queue::Queue;
use super::reconcile::{Action, Observed, reconcile};
use super::{Order, Signer, clean};
use crate::api::{
    CertificateSigningRequest, CertificateSigningRequestCondition, Key, Kind, Node, Resource,
    SignedDuration, Time, Timestamp,
};
use crate::store::{
    Change, ChangeKind, CommitError, DeleteOptions, Gone, Store, Transaction, Watch,
};

/// What is followed. What a request may have depends on its node.
const KINDS: &[Kind] = &[Kind::CertificateSigningRequest, Kind::Node];

/// How long after an attempt that has failed there is another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Approves, signs and deletes requests for certificates of nodes.
pub struct CertificateController {
    store: Store,
    signer: Arc<dyn Signer>,
    signing_duration: SignedDuration,
    index: Index,
    /// To be looked at.
    queue: Queue,
}

impl CertificateController {
    /// For the requests in `store`, which `signer` signs for `signing_duration` at most.
    pub fn new(store: Store, signer: Arc<dyn Signer>, signing_duration: SignedDuration) -> Self {
        let (index, queue) = (Index::default(), Queue::default());
        Self { store, signer, signing_duration, index, queue }
    }

    /// Works until `cancel` fires.
    pub async fn run(mut self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.run_forever()).await;
    }

    async fn run_forever(&mut self) {
        loop {
            let list = self.store.list::<CertificateSigningRequest>(None);
            (self.index, self.queue) = (Index::default(), Queue::default());
            for request in list.items {
                self.note_request(&request.key(), &request);
            }
            let Ok(watch) = self.store.watch(KINDS, list.resource_version) else { continue };
            // Ends when it has fallen behind, and begins again with what there is.
            let Err(Gone { .. }) = self.follow(watch).await;
        }
    }

    async fn follow(&mut self, mut watch: Watch) -> Result<Infallible, Gone> {
        loop {
            while let Some(change) = watch.try_next() {
                self.note(&change);
            }
            watch.keeps_up()?;
            let now = self.store.clock().now();
            self.index.take_due(now).into_iter().for_each(|key| self.queue.push(key));
            if let Some(key) = self.index.take_crowded_out() {
                self.make_room(&key, now).await;
            } else if let Some(key) = self.queue.pop() {
                self.sync(key, now).await;
            } else {
                self.rest(&mut watch).await?;
                continue;
            }
            // What is decided on at once waits for nothing, and others have work to do as well.
            tokio::task::yield_now().await;
        }
    }

    /// Waits until there is something to do.
    async fn rest(&mut self, watch: &mut Watch) -> Result<(), Gone> {
        tokio::select! {
            biased;
            change = watch.next() => self.note(&*change?),
            () = self.store.clock().sleep_until(self.index.next_due()) => {}
        }
        Ok(())
    }

    fn note(&mut self, change: &Change) {
        match CertificateSigningRequest::from_object(&change.object) {
            Some(_) if change.what == ChangeKind::Deleted => self.index.forget(&change.key),
            Some(request) => self.note_request(&change.key, request),
            // What may be decided of it depends on its node.
            None => self.index.of_node(&change.key.name).for_each(|it| self.queue.push(it.clone())),
        }
    }

    fn note_request(&mut self, key: &Key, request: &CertificateSigningRequest) {
        self.index.set(key, request);
        self.queue.push(key.clone());
    }

    /// Does what the request `key` needs.
    async fn sync(&mut self, key: Key, now: Timestamp) {
        let Some(request) = self.store.get::<CertificateSigningRequest>(&key) else { return };
        let asked = self.index.asked(&key, &request);
        let named = asked.as_ref().and_then(|it| node_of(&it.common_name));
        let node = named.and_then(|name| self.store.get::<Node>(&Key::new("", name)));
        let observed = Observed { request, asked, node, signing_duration: self.signing_duration };
        let action = match reconcile(&observed, now) {
            Action::Sign(order) => self.sign(&order),
            action => Done::Other(action),
        };
        self.carry_out(&observed.request, action, now).await;
    }

    /// Deletes the request `key` before its time.
    async fn make_room(&mut self, key: &Key, now: Timestamp) {
        let Some(request) = self.store.get::<CertificateSigningRequest>(key) else { return };
        // Another may have its name by now.
        if clean::is_over(&request) {
            self.carry_out(&request, Done::Other(Action::Delete), now).await;
        }
    }

    async fn carry_out(&mut self, request: &CertificateSigningRequest, done: Done, now: Timestamp) {
        let Some(transaction) = transaction(request, done, now) else { return };
        match self.store.commit(transaction).await {
            // It has changed since it was looked at: the change comes by.
            Ok(_) | Err(CommitError::Conflict { .. }) => {}
            Err(error) => {
                let key = request.key();
                tracing::warn!(
                    error = &error as &dyn Error,
                    request = &*key.name,
                    "can't do what it needs"
                );
                self.note_request(&key, request);
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }

    fn sign(&self, order: &Order) -> Done {
        let (user, until) = (&order.common_name, order.not_after);
        match self.signer.sign(order) {
            Ok(certificate) => {
                tracing::info!(user, purpose = ?order.purpose, %until, "a certificate is signed");
                Done::Signed(certificate)
            }
            Err(why) => {
                tracing::error!(user, why, "a certificate can't be signed");
                Done::Other(Action::Fail("SigningError", why))
            }
        }
    }
}

/// What a request needs once keys are out of the way.
enum Done {
    Signed(String),
    Other(Action),
}

/// What does that to `request`, unless it has changed since it was looked at.
fn transaction(
    request: &CertificateSigningRequest,
    done: Done,
    now: Timestamp,
) -> Option<Transaction> {
    let (key, kind) = (request.key(), Kind::CertificateSigningRequest);
    let version = request.metadata.resource_version.clone().unwrap_or_default();
    let guarded = Transaction::new().guard(kind, key.clone(), version);
    let (type_, reason, message) = match done {
        Done::Signed(certificate) => {
            return Some(guarded.modify(key, None, move |it: &mut CertificateSigningRequest| {
                let certificate = ByteString(certificate.into_bytes());
                it.status.get_or_insert_default().certificate = Some(certificate);
            }));
        }
        Done::Other(Action::Nothing | Action::Sign(_)) => return None,
        Done::Other(Action::Delete) => {
            let options =
                DeleteOptions { uid: request.metadata.uid.clone(), ..DeleteOptions::default() };
            return Some(guarded.delete(kind, key, options));
        }
        Done::Other(Action::Approve(reason, message)) => ("Approved", reason, message),
        Done::Other(Action::Deny(reason, message)) => ("Denied", reason, message),
        Done::Other(Action::Fail(reason, message)) => ("Failed", reason, message),
    };
    let condition = CertificateSigningRequestCondition {
        type_: type_.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    };
    Some(guarded.modify(key, None, move |it: &mut CertificateSigningRequest| {
        let status = it.status.get_or_insert_default();
        status.conditions.get_or_insert_default().push(condition);
    }))
}
