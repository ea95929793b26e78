//! The pods of the node, as the API server tells of them: listed once, then watched.
//!
//! ```text
//! list ─▶ watch from its version ─▶ ended: watch on from the last version seen
//!   ▲                               └▶ too old (410): list again
//! ```

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use kube::core::WatchEvent;
use mayfly_controller::api::Pod;
use mayfly_controller::node::{PodIdentity, PodWatch, PodsChange};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::couriers::Couriers;
use crate::limits::{CHANGES_MAX, PAGES_MAX, WATCH_SILENCE_MAX};
use crate::line::{Failure, Line};
use crate::pause::Pause;
use crate::pods::Pods;
use crate::requests;

/// The pods of one node, out of an API server.
pub struct KubePods {
    changes: mpsc::Receiver<PodsChange>,
    _follower: AbortOnDropHandle<()>,
}

impl KubePods {
    pub(crate) fn follow(line: Line, pods: Arc<Pods>, couriers: Couriers, node: &str) -> Self {
        let (sender, changes) = mpsc::channel(CHANGES_MAX);
        let follower = Follower { line, pods, couriers, node: node.to_owned(), changes: sender };
        Self { changes, _follower: AbortOnDropHandle::new(tokio::spawn(follower.run())) }
    }
}

impl PodWatch for KubePods {
    async fn next(&mut self) -> PodsChange {
        match self.changes.recv().await {
            Some(change) => change,
            // It ends with this one only.
            None => pending().await,
        }
    }
}

/// One page of a list.
#[derive(Deserialize)]
struct Page {
    metadata: PageMeta,
    #[serde(default)]
    items: Vec<Pod>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

struct Follower {
    line: Line,
    pods: Arc<Pods>,
    couriers: Couriers,
    node: String,
    changes: mpsc::Sender<PodsChange>,
}

impl Follower {
    async fn run(self) {
        let mut pause = Pause::default();
        loop {
            match self.list().await {
                Ok(version) => {
                    pause.reset();
                    self.watch(version).await;
                }
                Err(failure) => {
                    self.log(&failure, "the node's pods can't be listed yet");
                    pause.wait().await;
                }
            }
        }
    }

    /// Tells of all that there are; gives the version to watch from.
    async fn list(&self) -> Result<String, Failure> {
        let mut pods = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let page: Page =
                self.line.ask(requests::list_pods(&self.node, next.as_deref())).await?;
            pods.extend(page.items);
            if page.metadata.next.is_empty() {
                let pods = self.pods.are(pods);
                let uids: Vec<_> = pods.iter().filter_map(|pod| pod.metadata.uid.clone()).collect();
                self.tell(PodsChange::Are(pods)).await;
                uids.iter().for_each(|uid| self.couriers.see_to(uid));
                return Ok(page.metadata.resource_version);
            }
            next = Some(page.metadata.next);
        }
        Err(Failure::Late)
    }

    /// Tells of what happens after `version`, until that is too old.
    async fn watch(&self, mut version: String) {
        let mut pause = Pause::default();
        loop {
            let before = version.clone();
            match self.follow(&mut version).await {
                Ok(()) => {}
                Err(failure) if failure.code() == Some(410) => {
                    return tracing::debug!(version, "the node's pods are listed again");
                }
                Err(failure) if failure.is_outage() => {
                    // It may have come back with an older state, which versions do not show.
                    pause.wait().await;
                    return;
                }
                Err(failure) => self.log(&failure, "the node's pods can't be followed yet"),
            }
            if version == before {
                pause.wait().await;
            } else {
                pause.reset();
            }
        }
    }

    /// Tells of what happens after `version`, which goes on with it, until the stream ends.
    async fn follow(&self, version: &mut String) -> Result<(), Failure> {
        let recovered = self.line.recovered();
        let mut recovered = pin!(recovered);
        let stream = self.line.follow(requests::watch_pods(&self.node, version)).await?;
        let mut stream = pin!(stream);
        loop {
            let next = tokio::select! {
                biased;
                next = timeout(WATCH_SILENCE_MAX, stream.next()) => next,
                // A line that was cut may say nothing for ever.
                () = &mut recovered => return Err(Failure::Late),
            };
            let Some(event) = next.map_err(|_| Failure::Late)? else { return Ok(()) };
            match event? {
                WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
                    advance(version, pod.metadata.resource_version.as_deref());
                    let pod = self.pods.is(pod);
                    let uid = pod.metadata.uid.clone().unwrap_or_default();
                    self.tell(PodsChange::Is(pod)).await;
                    self.couriers.see_to(&uid);
                }
                WatchEvent::Deleted(pod) => {
                    advance(version, pod.metadata.resource_version.as_deref());
                    let identity = PodIdentity::of(&pod);
                    self.pods.gone(&identity.uid);
                    self.tell(PodsChange::Gone(identity)).await;
                }
                WatchEvent::Bookmark(bookmark) => {
                    advance(version, Some(&bookmark.metadata.resource_version));
                }
                WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
            }
        }
    }

    async fn tell(&self, change: PodsChange) {
        // Who is not listened to any more is about to end.
        let _ = self.changes.send(change).await;
    }

    fn log(&self, failure: &Failure, what: &str) {
        if !failure.is_outage() {
            let error = failure as &dyn std::error::Error;
            tracing::warn!(node = %self.node, error, "{what}");
        }
    }
}

fn advance(version: &mut String, to: Option<&str>) {
    if let Some(to) = to.filter(|to| !to.is_empty()) {
        to.clone_into(version);
    }
}
