//! The second node: an agent like that of the first, behind a line that can be cut.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use mayfly_controller::node::{Agent, LocalClient, LostRuns, NodeCapacity, NodeSettings};
use mayfly_controller::store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::guests::Guests;
use crate::link::{CutOff, Line};
use crate::scenario::faults::Fault;

/// What a node is made of.
pub(crate) fn settings(
    name: &str,
    root: PathBuf,
    lost_runs: LostRuns,
    pods: usize,
) -> NodeSettings {
    let capacity = NodeCapacity {
        cpu_millis: 64_000,
        memory_bytes: 1 << 40,
        memory_reserved_bytes: 0,
        ephemeral_storage_bytes: None,
        pods,
    };
    NodeSettings { capacity, lost_runs, ..NodeSettings::new(name, root) }
}

/// A node that may vanish.
pub(crate) struct SecondNode {
    store: Store,
    guests: Arc<Guests>,
    settings: NodeSettings,
    line: Arc<Line>,
    agent: Mutex<Option<JoinHandle<()>>>,
}

impl SecondNode {
    pub(crate) fn start(
        store: Store,
        guests: Arc<Guests>,
        settings: NodeSettings,
        random: Rng,
    ) -> Self {
        let node =
            Self { store, guests, settings, line: Line::new(random), agent: Mutex::new(None) };
        node.start_agent();
        node
    }

    /// Does what a fault means for the node.
    pub(crate) fn suffer(&self, fault: &Fault) {
        match fault {
            Fault::NodeCutOff => self.line.cut(true),
            Fault::NodeKilled => self.kill(),
            Fault::NodeReturns => self.restore(),
            Fault::ClockJump(_) | Fault::Crash { .. } => {}
        }
    }

    /// It is there again, in whatever way it had vanished.
    pub(crate) fn restore(&self) {
        self.line.cut(false);
        if self.agent.lock().expect("nobody panics with it").is_none() {
            self.start_agent();
        }
    }

    fn kill(&self) {
        if let Some(agent) = self.agent.lock().expect("nobody panics with it").take() {
            agent.abort();
        }
    }

    fn start_agent(&self) {
        let client = CutOff::new(LocalClient::new(self.store.clone()), Arc::clone(&self.line));
        let clock = self.store.clock().clone();
        let agent = Agent::new(client, Arc::clone(&self.guests), clock, self.settings.clone());
        let task = tokio::spawn(agent.run(CancellationToken::new()));
        *self.agent.lock().expect("nobody panics with it") = Some(task);
    }
}
