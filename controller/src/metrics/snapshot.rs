//! What there is at one moment, before it is written.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::lines::Labels;
use super::requests::{About, Counts, Requests};
use crate::api::{CronJob, Job, Kind, Node, ObjectMeta, Pod, Resource, Timestamp};
use crate::meter::{Distribution, QueueMeter};
use crate::node::{NodeUsage, PodTimes, RunningContainer, Usages};
use crate::store::{Slot, Store, in_order};

/// Where the numbers are.
pub struct Sources<'a> {
    /// Objects, and how they are kept.
    pub store: &'a Store,
    /// What runs.
    pub usages: &'a Usages,
    /// What was asked.
    pub requests: &'a Requests,
    /// What controllers have to do.
    pub queues: &'a [Arc<QueueMeter>],
    /// Since when the server runs.
    pub since: Timestamp,
    /// Of each kind, how many objects have series of their own.
    pub objects_max: usize,
}

/// What there is at one moment.
pub struct Snapshot {
    pub(super) objects: Objects,
    pub(super) running: Vec<(Labels, RunningContainer)>,
    pub(super) node: NodeUsage,
    pub(super) times: PodTimes<Distribution>,
    pub(super) requests: Vec<(About, Counts)>,
    pub(super) queues: Vec<Queue>,
    pub(super) commits: u64,
    pub(super) syncs: Distribution,
    pub(super) resource_version: u64,
    pub(super) since: Timestamp,
    pub(super) process_cpu: Duration,
}

/// The objects that have series, and how many there are.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) jobs: Vec<(Labels, Arc<Job>)>,
    pub(super) cron_jobs: Vec<(Labels, Arc<CronJob>)>,
    pub(super) pods: Vec<(Labels, Arc<Pod>)>,
    pub(super) nodes: Vec<(Labels, Arc<Node>)>,
    pub(super) phases: BTreeMap<String, usize>,
    pub(super) counts: Vec<(Kind, usize)>,
    pub(super) left_out: Vec<(Kind, usize)>,
}

/// What a controller has to do.
pub(super) struct Queue {
    pub(super) name: &'static str,
    pub(super) depth: u64,
    pub(super) adds: u64,
    pub(super) retries: u64,
}

impl Snapshot {
    /// What `sources` show now.
    pub fn of(sources: &Sources<'_>) -> Self {
        let Sources { store, usages, requests, queues, since, objects_max } = *sources;
        let meter = store.meter();
        let queues = queues.iter().map(|of| Queue {
            name: of.name,
            depth: of.depth.get(),
            adds: of.adds.get(),
            retries: of.retries.get(),
        });
        Self {
            objects: Objects::of(store, objects_max),
            requests: requests.read(),
            queues: queues.collect(),
            commits: meter.commits.get(),
            syncs: meter.syncs.read(),
            resource_version: store.resource_version(),
            since,
            process_cpu: store.clock().process_cpu(),
            ..Self::of_node(usages)
        }
    }

    /// What the node of `usages` shows now, and nothing else.
    pub fn of_node(usages: &Usages) -> Self {
        let running = usages.running().into_iter().map(|it| {
            let (container, pod) = (&*it.run.container, &it.run.pod);
            let labels =
                [("container", container), ("namespace", &*pod.namespace), ("pod", &*pod.name)];
            (Labels::of(labels), it)
        });
        Self {
            running: running.collect(),
            node: usages.node(),
            times: usages.times().read(),
            objects: Objects::default(),
            requests: Vec::new(),
            queues: Vec::new(),
            commits: 0,
            syncs: Distribution::default(),
            resource_version: 0,
            since: Timestamp::UNIX_EPOCH,
            process_cpu: Duration::ZERO,
        }
    }
}

impl Objects {
    fn of(store: &Store, most: usize) -> Self {
        let mut left_out = Vec::new();
        let jobs = some_of(store, most, has_finished, &mut left_out);
        let cron_jobs = some_of::<CronJob>(store, most, |_| false, &mut left_out);
        let mut phases: BTreeMap<String, usize> = BTreeMap::new();
        let ends = |pod: &Pod| {
            match phases.get_mut(phase(pod)) {
                Some(count) => *count += 1,
                None => drop(phases.insert(phase(pod).to_owned(), 1)),
            }
            has_ended(pod)
        };
        let pods = some_of(store, most, ends, &mut left_out);
        let nodes = store.each::<Node>();
        let labels = |name, metadata: &ObjectMeta| {
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            let own = metadata.name.as_deref().unwrap_or_default();
            Labels::of([("namespace", namespace), (name, own)])
        };
        let node =
            |it: &Node| Labels::of([("node", it.metadata.name.as_deref().unwrap_or_default())]);
        Self {
            jobs: jobs.into_iter().map(|it| (labels("job_name", &it.metadata), it)).collect(),
            cron_jobs: cron_jobs
                .into_iter()
                .map(|it| (labels("cronjob", &it.metadata), it))
                .collect(),
            pods: pods.into_iter().map(|it| (pod_labels(&it.metadata), it)).collect(),
            nodes: nodes.map(|it| (node(&it), it)).collect(),
            phases,
            counts: Kind::ALL.iter().map(|kind| (*kind, store.count(*kind))).collect(),
            left_out,
        }
    }
}

fn pod_labels(metadata: &ObjectMeta) -> Labels {
    let text = |it: &'_ Option<String>| it.as_deref().unwrap_or_default().to_owned();
    Labels::of([
        ("namespace", &text(&metadata.namespace)),
        ("pod", &text(&metadata.name)),
        ("uid", &text(&metadata.uid)),
    ])
}

/// At most `most` of all, in order: first those that have not ended, then the newest.
///
/// Each is looked at once, and no others are held than those that are given.
fn some_of<T: Resource>(
    store: &Store,
    most: usize,
    mut has_ended: impl FnMut(&T) -> bool,
    left_out: &mut Vec<(Kind, usize)>,
) -> Vec<Arc<T>> {
    let (found, _) = store.find(T::KIND, None);
    let are_all = found.len() <= most;
    left_out.push((T::KIND, found.len().saturating_sub(most)));
    let ranked = found.into_iter().filter_map(|(key, slot)| {
        let object = if are_all { store.held(slot.clone()) } else { slot.object() };
        let it = T::from_object(&object)?;
        let created = it.metadata().creation_timestamp.as_ref().map(|it| it.0);
        let rank = (has_ended(it), Reverse(created));
        Some((rank, key, if are_all { Slot::Whole(object) } else { slot }))
    });
    let mut ranked: Vec<_> = ranked.collect();
    if ranked.len() > most {
        if most > 0 {
            ranked.select_nth_unstable_by_key(most - 1, |(rank, ..)| *rank);
        }
        ranked.truncate(most);
    }
    let chosen = in_order(ranked.into_iter().map(|(_, key, slot)| (key, slot)).collect());
    let objects = chosen.into_iter().map(|slot| store.held(slot));
    objects.filter_map(|object| T::from_object(&object).cloned()).collect()
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|it| it.phase.as_deref()).unwrap_or_default()
}

fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

fn has_finished(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|it| it.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.any(|it| matches!(&*it.type_, "Complete" | "Failed") && it.status == "True")
}
