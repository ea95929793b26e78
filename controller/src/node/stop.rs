//! Why a pod is ended by its node, and how that reads.
//!
//! Source: section 17 of the semantics; for what a node's own restart does, the kubelet's graceful
//! shutdown, which is what a pod's owner has to reckon with; for what is stored, its evictions.

use super::client::PodEvent;
use crate::events::EventType;

/// Why a pod has to end, whatever its containers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It is being deleted.
    Deleted,
    /// It has been active for longer than its `activeDeadlineSeconds`.
    Deadline,
    /// It was running when this node's process ended, and may not be restarted.
    Lost,
    /// The node's process is about to end, and nothing of the pod outlives that.
    NodeShutdown,
    /// It is one more than the node takes.
    OutOfPods { capacity: usize },
    /// It asks for more CPU than the node has left; in thousandths of a core.
    OutOfCpu { requested: i64, used: i64, capacity: i64 },
    /// It asks for more memory than the node has left; in bytes.
    OutOfMemory { requested: i64, used: i64, capacity: i64 },
    /// The node's disk has no room for what it might store.
    DiskPressure,
    /// The node's disk has no room, and it has stored most.
    LowOnDisk { message: String },
    /// It has stored more than it may.
    Evicted { message: String },
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
    pub(crate) fn cause(&self) -> Option<Cause> {
        let cause =
            |reason, message: &str| Cause { reason, message: message.to_owned(), disruption: None };
        match self {
            // Kubernetes says nothing of a disruption here: the pod has brought it upon itself, and
            // would do so again.
            Self::Evicted { message } => Some(cause("Evicted", message)),
            Self::DiskPressure => {
                Some(cause("Evicted", "Pod was rejected: The node had condition: [DiskPressure]. "))
            }
            Self::LowOnDisk { message } => Some(Cause {
                disruption: Some("TerminationByKubelet"),
                ..cause("Evicted", message)
            }),
            Self::Deleted => None,
            Self::Deadline => Some(cause(
                "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline",
            )),
            Self::Lost => Some(Cause {
                disruption: Some("TerminationByKubelet"),
                ..cause("Terminated", "Pod was terminated because its node was restarted.")
            }),
            Self::NodeShutdown => Some(Cause {
                disruption: Some("TerminationByKubelet"),
                ..cause("Terminated", "Pod was terminated in response to imminent node shutdown.")
            }),
            Self::OutOfPods { .. } | Self::OutOfCpu { .. } | Self::OutOfMemory { .. } => {
                let (reason, message) = self.shortage()?;
                Some(cause(reason, &format!("Pod was rejected: {message}")))
            }
        }
    }

    /// The event that tells it, but for those of the containers.
    pub(crate) fn event(&self) -> Option<PodEvent> {
        let cause = self.cause()?;
        let (event_type, message) = match self.shortage() {
            Some((_, message)) => (EventType::Warning, message),
            None if cause.reason == "Evicted" => (EventType::Warning, cause.message),
            None => (EventType::Normal, cause.message),
        };
        Some(PodEvent { event_type, reason: cause.reason, message, field_path: None })
    }

    /// What the node has too little of, as a reason and a sentence.
    fn shortage(&self) -> Option<(&'static str, String)> {
        let short = |reason, what: &str, requested: i64, used: i64, capacity: i64| {
            let message = format!(
                "Node didn't have enough resource: {what}, requested: {requested}, used: {used}, \
                 capacity: {capacity}"
            );
            Some((reason, message))
        };
        match *self {
            Self::OutOfPods { capacity } => {
                let capacity = i64::try_from(capacity).unwrap_or(i64::MAX);
                short("OutOfpods", "pods", 1, capacity, capacity)
            }
            Self::OutOfCpu { requested, used, capacity } => {
                short("OutOfcpu", "cpu", requested, used, capacity)
            }
            Self::OutOfMemory { requested, used, capacity } => {
                short("OutOfmemory", "memory", requested, used, capacity)
            }
            Self::Deleted
            | Self::Deadline
            | Self::Lost
            | Self::NodeShutdown
            | Self::DiskPressure
            | Self::LowOnDisk { .. }
            | Self::Evicted { .. } => None,
        }
    }
}
