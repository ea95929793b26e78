//! What runs on a node right now, and how much it uses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::rate::{Rate, SAMPLE_INTERVAL, Samples};
use super::totals::Totals;
use super::{Gauge, PodTimes, Usage};
use crate::api::Timestamp;
use crate::clock::Clock;
use crate::meter::Histogram;
use crate::node::logs::Run;

/// The usage of one node's containers. A clone is the same.
#[derive(Clone)]
pub struct Usages(Arc<Shared>);

struct Shared {
    node: String,
    clock: Clock,
    state: Mutex<State>,
    times: PodTimes<Histogram>,
    /// Something runs, where nothing did.
    has_begun: Notify,
}

struct State {
    /// In the order in which they began: what runs, which is no more than the node's pods have.
    running: BTreeMap<u64, Running>,
    next: u64,
    /// Of what has ended.
    totals: Totals,
    node: Samples,
}

struct Running {
    run: Arc<Run>,
    since: Timestamp,
    gauge: Gauge,
    samples: Samples,
}

/// A container that runs, and what it uses.
#[derive(Clone, Debug)]
pub struct RunningContainer {
    /// Which run it is.
    pub run: Run,
    /// When it began.
    pub since: Timestamp,
    /// What it has used.
    pub usage: Usage,
    /// How much of a core it uses; `None` as long as that can't be told.
    pub rate: Option<Rate>,
}

/// What all containers of a node use together.
#[derive(Clone, Debug)]
pub struct NodeUsage {
    /// Since its process began.
    pub totals: Totals,
    /// How much of its cores they use; `None` as long as that can't be told.
    pub rate: Option<Rate>,
}

/// Counts a run among those that are going on, until it is dropped.
pub(in crate::node) struct Metered {
    usages: Usages,
    number: u64,
}

impl Usages {
    /// Those of the node `name`, on which nothing has run.
    pub fn new(name: &str, clock: Clock) -> Self {
        let node = Samples::begin(clock.instant());
        let (running, totals) = (BTreeMap::new(), Totals::default());
        let state = Mutex::new(State { running, next: 0, totals, node });
        let (node, has_begun) = (name.to_owned(), Notify::new());
        let times = PodTimes::default();
        Self(Arc::new(Shared { node, clock, state, times, has_begun }))
    }

    /// Whose they are.
    pub fn node_name(&self) -> &str {
        &self.0.node
    }

    /// What runs, by namespace, pod and container. A container is not among it before its runtime
    /// has begun to measure it.
    pub fn running(&self) -> Vec<RunningContainer> {
        let now = self.0.clock.instant();
        let state = self.lock();
        let running = state.running.values().filter_map(|it| {
            let usage = it.gauge.read()?;
            let rate = it.samples.rate(usage.cpu, now);
            Some(RunningContainer { run: Run::clone(&it.run), since: it.since, usage, rate })
        });
        let mut running: Vec<_> = running.collect();
        drop(state);
        running.sort_by(|one, other| name(&one.run).cmp(&name(&other.run)));
        running
    }

    /// What all of it uses together, what has ended included.
    pub fn node(&self) -> NodeUsage {
        let now = self.0.clock.instant();
        let state = self.lock();
        let totals = state.with_running();
        let rate = state.node.rate(totals.usage.cpu, now);
        NodeUsage { totals, rate }
    }

    /// How long its pods wait, start, run and end.
    pub fn times(&self) -> &PodTimes<Histogram> {
        &self.0.times
    }

    /// A run begins.
    pub(in crate::node) fn begin(&self, run: &Arc<Run>, gauge: Gauge) -> Metered {
        let (now, since) = (self.0.clock.instant(), self.0.clock.now());
        let samples = Samples::begin(now);
        let mut state = self.lock();
        if state.running.is_empty() {
            // While nothing ran, nothing was sampled.
            let cpu = state.totals.usage.cpu;
            state.node.take(cpu, now);
            self.0.has_begun.notify_one();
        }
        let number = state.next;
        state.next += 1;
        state.running.insert(number, Running { run: Arc::clone(run), since, gauge, samples });
        Metered { usages: self.clone(), number }
    }

    /// A pod has ended in `phase` for `reason`.
    pub(in crate::node) fn pod_ended(&self, phase: &str, reason: &str) {
        self.lock().totals.pod_ended(phase, reason);
    }

    /// Takes samples for ever, as long as something runs.
    pub(in crate::node) async fn keep_sampling(self) {
        loop {
            if self.lock().running.is_empty() {
                self.0.has_begun.notified().await;
            }
            self.0.clock.sleep(SAMPLE_INTERVAL).await;
            self.sample();
        }
    }

    fn sample(&self) {
        let now = self.0.clock.instant();
        let mut state = self.lock();
        for running in state.running.values_mut() {
            if let Some(usage) = running.gauge.read() {
                running.samples.take(usage.cpu, now);
            }
        }
        let cpu = state.with_running().usage.cpu;
        state.node.take(cpu, now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The totals with what runs.
    fn with_running(&self) -> Totals {
        let mut totals = self.totals.clone();
        for usage in self.running.values().filter_map(|it| it.gauge.read()) {
            totals.usage.add(&usage);
        }
        totals
    }
}

impl Metered {
    /// The run has ended for `reason`.
    pub(in crate::node) fn ended(self, reason: &str) {
        self.usages.lock().totals.container_ended(reason);
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let mut state = self.usages.lock();
        // Within one lock, so that what was used is never missing, or there twice.
        let ended = state.running.remove(&self.number);
        if let Some(usage) = ended.and_then(|it| it.gauge.read()) {
            state.totals.add(&usage);
        }
    }
}

fn name(run: &Run) -> (&str, &str, &str) {
    (&run.pod.namespace, &run.pod.name, &run.container)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::node::PodIdentity;
    use crate::node::usage::UsageSource;

    /// A source that is what a test says.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Usage>>);

    impl UsageSource for Told {
        fn usage(&self) -> Usage {
            *self.0.lock().unwrap()
        }
    }

    impl Told {
        fn is(&self, cpu_ms: u64, memory_bytes: u64) {
            let cpu = Duration::from_millis(cpu_ms);
            let usage = Usage { cpu, memory_bytes, memory_bytes_peak: 100, ..Usage::default() };
            *self.0.lock().unwrap() = usage;
        }

        fn gauge(&self) -> Gauge {
            let gauge = Gauge::default();
            gauge.read_from(self.clone());
            gauge
        }
    }

    fn run(pod: &str, container: &str) -> Run {
        let (namespace, uid) = ("ns".to_owned(), format!("uid-{pod}"));
        let pod = PodIdentity { namespace, name: pod.to_owned(), uid };
        Run { pod, container: container.to_owned(), restart: 0 }
    }

    fn shown(usages: &Usages) -> String {
        let node = usages.node();
        let rate = |rate: Option<Rate>| match rate {
            Some(rate) => format!("{}m in {:?}", rate.nanocores / 1_000_000, rate.window),
            None => "not yet".to_owned(),
        };
        let usage = |usage: &Usage| format!("{:?} {}", usage.cpu, usage.memory_bytes);
        let mut shown = format!("node {}, {}\n", usage(&node.totals.usage), rate(node.rate));
        for it in usages.running() {
            let (name, used) = (&it.run.pod.name, usage(&it.usage));
            shown += &format!("{name}/{} {used}, {}\n", it.run.container, rate(it.rate));
        }
        shown
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_is_told_with_its_rate_and_what_has_ended_stays_in_the_sum() {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let usages = Usages::new("node", clock.clone());
        let sampling = tokio::spawn(usages.clone().keep_sampling());
        assert_eq!(shown(&usages), "node 0ns 0, not yet\n");
        clock.sleep(Duration::from_secs(3600)).await;

        let (one, two) = (Told::default(), Told::default());
        let first = usages.begin(&Arc::new(run("b", "main")), one.gauge());
        let second = usages.begin(&Arc::new(run("a", "main")), two.gauge());
        let unmeasured = usages.begin(&Arc::new(run("c", "main")), Gauge::default());
        one.is(0, 10);
        two.is(400, 20);
        clock.sleep(Duration::from_millis(500)).await;
        // The hour in which nothing ran is not held against what runs now.
        assert_eq!(
            shown(&usages),
            "node 400ms 30, not yet\na/main 400ms 20, not yet\nb/main 0ns 10, not yet\n"
        );

        clock.sleep(Duration::from_millis(500)).await;
        assert_eq!(
            shown(&usages),
            "node 400ms 30, 400m in 1s\na/main 400ms 20, 400m in 1s\nb/main 0ns 10, 0m in 1s\n"
        );
        // Ten seconds later, only the other one has been busy.
        one.is(2000, 10);
        clock.sleep(Duration::from_secs(10)).await;
        assert_eq!(
            shown(&usages),
            "node 2.4s 30, 0m in 1s\na/main 400ms 20, 0m in 1s\nb/main 2s 10, 0m in 1s\n"
        );

        first.ended("Completed");
        drop(second);
        drop(unmeasured);
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(shown(&usages), "node 2.4s 0, 0m in 3s\n");
        let totals = usages.node().totals;
        assert_eq!(totals.container_ends, [("Completed".to_owned(), 1)].into());
        assert_eq!(totals.usage.memory_bytes_peak, 100);
        sampling.abort();
    }
}
