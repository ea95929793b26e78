//! What is told while something is waited for: where it stands, and what holds it up.
//!
//! ```text
//! Job ────▶ Standing ─┐
//! its pods ─▶ Trouble ┴▶ Progress: a line at the bottom of a terminal, and lines that stay above it
//! ```
//!
//! It informs. What it can't learn it leaves out, and nobody waits for it.

mod progress;
mod trouble;

use std::convert::Infallible;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use mayfly_controller::api::{Job, Kind, Pod};
use mayfly_controller::http::table::selector_text;
use serde_json::Value;

pub(super) use self::progress::Progress;
use self::trouble::Trouble;
use super::request::{As, Pairs, Server};
use super::resource::Resource;
use super::select::Target;
use super::watch::Watching;
use crate::run::board::Standing;

/// A Job or a pod that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Waited {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What is to be told of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Each that is new, in a line that stays.
    Lines,
    /// Only what is in the line at the bottom.
    Nothing,
}

impl Waited {
    /// The object `name` of `resource`, if it is one of which something can be told.
    pub(super) fn of(resource: &Resource, namespace: &str, name: &str) -> Option<Self> {
        let kind = [Kind::Job, Kind::Pod].into_iter().find(|it| *resource == Resource::of(*it))?;
        Some(Self { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    fn target(&self) -> Target {
        Target {
            resource: Resource::of(self.kind),
            namespace: Some(self.namespace.clone()),
            names: vec![self.name.clone()],
        }
    }

    /// Tells `progress` of it for as long as it is polled.
    pub(super) async fn observe(
        &self,
        server: &Server,
        progress: &Progress,
        told: Told,
    ) -> Infallible {
        let shown = Shown { progress, told, waited: self };
        // An error is told by whoever waits in earnest.
        let _ = match self.kind {
            Kind::Job => shown.job(server).await,
            _ => shown.pod(server).await,
        };
        std::future::pending().await
    }
}

/// Where one thing is shown.
struct Shown<'a> {
    progress: &'a Progress,
    told: Told,
    waited: &'a Waited,
}

impl Shown<'_> {
    async fn job(&self, server: &Server) -> anyhow::Result<()> {
        let mut watching = Watching::of(&self.waited.target(), &Pairs::new(), As::Objects);
        let found = watching.list(server).await?;
        let Some(job) = found.into_iter().next() else { return Ok(()) };
        let selector = job["spec"]["selector"].clone();
        let selector: LabelSelector = serde_json::from_value(selector).unwrap_or_default();
        self.stands(job);
        let standings = async {
            loop {
                self.stands(watching.next(server).await?.object);
            }
        };
        let pods = self.pods(server, selector_text(&selector));
        let ended: (anyhow::Result<()>, _) = futures_util::future::join(standings, pods).await;
        ended.0.and(ended.1)
    }

    /// Follows the pods of a Job.
    async fn pods(&self, server: &Server, selector: String) -> anyhow::Result<()> {
        let target = Target {
            resource: Resource::of(Kind::Pod),
            namespace: Some(self.waited.namespace.clone()),
            names: Vec::new(),
        };
        let mut trouble = Trouble::default();
        let mut watching = Watching::of(&target, &vec![("labelSelector", selector)], As::Objects);
        for pod in watching.list(server).await? {
            self.sees(&mut trouble, &pod, false);
        }
        loop {
            let event = watching.next(server).await?;
            self.sees(&mut trouble, &event.object, event.what == "DELETED");
        }
    }

    async fn pod(&self, server: &Server) -> anyhow::Result<()> {
        let mut trouble = Trouble::default();
        let mut watching = Watching::of(&self.waited.target(), &Pairs::new(), As::Objects);
        for pod in watching.list(server).await? {
            self.sees(&mut trouble, &pod, false);
            self.stands(pod);
        }
        loop {
            let event = watching.next(server).await?;
            self.sees(&mut trouble, &event.object, event.what == "DELETED");
            self.stands(event.object);
        }
    }

    /// Shows where what is waited for stands.
    fn stands(&self, object: Value) {
        if !self.progress.is_shown() {
            return;
        }
        let standing = match self.waited.kind {
            Kind::Job => serde_json::from_value::<Job>(object).map(|job| Standing::of_job(&job)),
            _ => serde_json::from_value::<Pod>(object).map(|pod| Standing::of_pod(&pod)),
        };
        if let Ok(standing) = standing {
            let kind = self.waited.kind.name().to_ascii_lowercase();
            self.progress.stands(format!("{kind}/{}  {standing}", self.waited.name));
        }
    }

    /// Tells what holds `pod` up, as far as that is new.
    fn sees(&self, trouble: &mut Trouble, pod: &Value, is_gone: bool) {
        let new = trouble.see(pod, is_gone);
        if self.told == Told::Lines {
            new.iter().for_each(|line| self.progress.tell(line));
        }
        self.progress.held_up(trouble.summary());
    }
}
