//! Why a pod is ended by its node, and how that reads.
//!
//! Source: section 17 of the semantics; for what a node's own restart does, the kubelet's graceful
//! shutdown, which is what a pod's owner has to reckon with.

use super::client::PodEvent;
use crate::events::EventType;

/// Why a pod has to end, whatever its containers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It is being deleted.
    Deleted,
    /// It has been active for longer than its `activeDeadlineSeconds`.
    Deadline,
    /// It was running when this node's process ended, and may not be restarted.
    Lost,
    /// It is one more than the node takes.
    OutOfPods { capacity: usize },
}

/// How an end that a pod's containers do not explain reads in its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// `status.reason`.
    pub(crate) reason: &'static str,
    /// `status.message`.
    pub(crate) message: String,
    /// The reason of the condition `DisruptionTarget`: the pod has not failed by itself.
    pub(crate) disruption: Option<&'static str>,
}

impl Stop {
    /// How it reads, where the containers do not say it.
    pub(crate) fn cause(self) -> Option<Cause> {
        let cause =
            |reason, message: &str| Cause { reason, message: message.to_owned(), disruption: None };
        match self {
            Self::Deleted => None,
            Self::Deadline => Some(cause(
                "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline",
            )),
            Self::Lost => Some(Cause {
                disruption: Some("TerminationByKubelet"),
                ..cause("Terminated", "Pod was terminated because its node was restarted.")
            }),
            Self::OutOfPods { capacity } => {
                Some(cause("OutOfpods", &format!("Pod was rejected: {}", out_of_pods(capacity))))
            }
        }
    }

    /// The event that tells it, but for those of the containers.
    pub(crate) fn event(self) -> Option<PodEvent> {
        let cause = self.cause()?;
        let (event_type, message) = match self {
            Self::OutOfPods { capacity } => (EventType::Warning, out_of_pods(capacity)),
            _ => (EventType::Normal, cause.message),
        };
        Some(PodEvent { event_type, reason: cause.reason, message, field_path: None })
    }
}

fn out_of_pods(capacity: usize) -> String {
    format!(
        "Node didn't have enough resource: pods, requested: 1, used: {capacity}, \
         capacity: {capacity}"
    )
}
