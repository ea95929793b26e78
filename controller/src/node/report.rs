//! Tells the control plane of one pod: one report at a time, the newest state, nothing twice.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::client::{ClientError, ClusterClient, PodEvent, Report};
use super::pod::PodState;
use super::runtime::PodIdentity;
use crate::api::{PodStatus, Timestamp};

/// How long a change that is not urgent waits for others. A container that has ended by then needs
/// one report, where it would have needed two.
const REPORT_DELAY: Duration = Duration::from_millis(10);

/// How long after a report that has failed the next one is tried.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What is reported of one pod.
pub(crate) struct Reporter<C> {
    client: C,
    pod: Arc<PodIdentity>,
    /// The last status that the control plane has taken.
    written: PodStatus,
    /// When what has changed is to be reported.
    due_at: Option<Timestamp>,
    /// No report is tried before then.
    not_before: Option<Timestamp>,
    in_flight: Option<InFlight>,
    /// How it went, until it has been looked at.
    answered: Option<Result<(), ClientError>>,
    /// Ends that are durable.
    ends: u64,
}

struct InFlight {
    answer: Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send>>,
    status: PodStatus,
    events: Vec<PodEvent>,
    ends: u64,
}

impl<C: ClusterClient> Reporter<C> {
    /// A reporter of `pod`, whose status is `written`.
    pub(crate) fn new(client: C, pod: Arc<PodIdentity>, written: PodStatus) -> Self {
        Self {
            client,
            pod,
            written,
            due_at: None,
            not_before: None,
            in_flight: None,
            answered: None,
            ends: 0,
        }
    }

    /// Something has changed at `now`.
    pub(crate) fn touch(&mut self, now: Timestamp, is_urgent: bool) {
        let due_at = if is_urgent { now } else { now + REPORT_DELAY };
        self.due_at = Some(self.due_at.map_or(due_at, |earlier| earlier.min(due_at)));
    }

    /// Whether every end of `state` is durable.
    pub(crate) fn knows_ends(&self, state: &PodState) -> bool {
        self.ends == state.ends
    }

    /// Phase and reason in which the pod has ended, if that has been taken.
    pub(crate) fn end(&self) -> Option<(&str, &str)> {
        let phase = self.written.phase.as_deref();
        let phase = phase.filter(|phase| matches!(*phase, "Succeeded" | "Failed"))?;
        Some((phase, self.written.reason.as_deref().unwrap_or_default()))
    }

    /// When the last of its containers ended, as far as that has been taken.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        let statuses = self.written.container_statuses.as_deref().unwrap_or_default().iter();
        let ends = statuses.filter_map(|it| it.state.as_ref()?.terminated.as_ref());
        ends.filter_map(|it| it.finished_at.as_ref()).map(|it| it.0).max()
    }

    /// Whether everything that has changed has been taken.
    pub(crate) fn is_settled(&self) -> bool {
        self.in_flight.is_none() && self.answered.is_none() && self.due_at.is_none()
    }

    /// Takes note of the last answer, and begins the next report if it is due; gives when to call
    /// again at the latest.
    pub(crate) fn advance(
        &mut self,
        state: &mut PodState,
        host_ip: &str,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if let Some(answer) = self.answered.take() {
            self.take(answer, state, now);
        }
        if self.in_flight.is_some() {
            return None;
        }
        let due_at = self.due_at?.max(self.not_before.unwrap_or(Timestamp::MIN));
        if now < due_at {
            return Some(due_at);
        }
        self.due_at = None;
        let status = state.status(&self.written, host_ip, now);
        if status == self.written && state.events.is_empty() {
            self.ends = state.ends;
            return None;
        }
        let events = std::mem::take(&mut state.events);
        let has_changed = status != self.written;
        let report = Report {
            status: has_changed.then(|| status.clone()),
            usage: if has_changed { state.usage.annotations() } else { BTreeMap::new() },
            events: events.clone(),
        };
        let (client, pod) = (self.client.clone(), Arc::clone(&self.pod));
        let answer = Box::pin(async move { client.report(&pod, report).await });
        self.in_flight = Some(InFlight { answer, status, events, ends: state.ends });
        None
    }

    /// Waits for the answer to the report that is under way; for ever if there is none.
    pub(crate) async fn answer(&mut self) {
        match &mut self.in_flight {
            Some(in_flight) if self.answered.is_none() => {
                self.answered = Some(in_flight.answer.as_mut().await);
            }
            _ => std::future::pending().await,
        }
    }

    fn take(&mut self, answer: Result<(), ClientError>, state: &mut PodState, now: Timestamp) {
        let Some(in_flight) = self.in_flight.take() else { return };
        match answer {
            Ok(()) => {
                self.written = in_flight.status;
                self.ends = in_flight.ends;
                self.not_before = None;
            }
            Err(error) => {
                let cause = error.source.to_string();
                tracing::warn!(pod = %self.pod.name, %error, cause, "a report is tried again");
                state.events.splice(0..0, in_flight.events);
                self.not_before = Some(now + RETRY_DELAY);
                self.touch(now, true);
            }
        }
    }
}
