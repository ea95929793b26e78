//! What the node has noted of one pod: what of it has begun, and what was said of it last.

use std::collections::BTreeMap;

use mayfly_controller::api::{PodStatus, Time};
use mayfly_controller::node::PodIdentity;
use serde::{Deserialize, Serialize};

/// What is noted of one pod. It outlives the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// The last status of it that the agent has reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<PodStatus>,
    /// The annotations that tell its usage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) usage: BTreeMap<String, String>,
    /// By container: the latest run of it that was about to begin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) begun: BTreeMap<String, Begun>,
}

/// A run that was about to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// Its `restartCount`.
    pub(crate) restart: u32,
    pub(crate) at: Time,
}

impl Record {
    /// Nothing yet.
    pub(crate) fn new(pod: &PodIdentity) -> Self {
        let PodIdentity { namespace, name, uid } = pod.clone();
        Self { namespace, name, uid, status: None, usage: BTreeMap::new(), begun: BTreeMap::new() }
    }
}
