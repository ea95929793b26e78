//! All metrics, in the order in which they are written.

use std::fmt;

use super::lines::Lines;
use super::snapshot::Snapshot;
use super::{container, cron_job, job, node, pod, running, server};
use crate::api::{CronJob, Job, Node, Pod};
use crate::node::RunningContainer;

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What kind of number it is.
    pub of: Type,
    /// What it says, in one line.
    pub help: &'static str,
    /// Its labels, beside those that all metrics have which say something of the same.
    pub labels: &'static [&'static str],
    /// Of what it says something.
    pub read: Of,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// It only grows, until the process ends.
    Counter,
    /// It rises and falls.
    Gauge,
    /// How many took no longer than each of some bounds, in seconds.
    Histogram,
}

/// Writes the series of one object.
type Each<T> = fn(&T, &mut Lines<'_>);

/// Of what a metric says something, and how that is read.
#[derive(Clone, Copy)]
pub enum Of {
    /// Of each Job.
    Job(Each<Job>),
    /// Of each CronJob.
    CronJob(Each<CronJob>),
    /// Of each pod.
    Pod(Each<Pod>),
    /// Of each node.
    Node(Each<Node>),
    /// Of each container that runs.
    Running(Each<RunningContainer>),
    /// Of all that has run on the node in this process.
    Usage(Each<Snapshot>),
    /// Of the server.
    Server(Each<Snapshot>),
}

/// Every metric there is.
pub static METRICS: &[&[Metric]] = &[
    job::METRICS,
    cron_job::METRICS,
    pod::METRICS,
    container::CONTAINERS,
    container::INIT_CONTAINERS,
    node::METRICS,
    running::METRICS,
    running::TOTALS,
    server::METRICS,
];

impl Of {
    /// The labels that every such metric has.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Job(_) => &["namespace", "job_name"],
            Self::CronJob(_) => &["namespace", "cronjob"],
            Self::Pod(_) => &["namespace", "pod", "uid"],
            Self::Node(_) => &["node"],
            Self::Running(_) => &["container", "namespace", "pod"],
            Self::Usage(_) | Self::Server(_) => &[],
        }
    }
}

impl fmt::Debug for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job(_) => "Job",
            Self::CronJob(_) => "CronJob",
            Self::Pod(_) => "Pod",
            Self::Node(_) => "Node",
            Self::Running(_) => "Running",
            Self::Usage(_) => "Usage",
            Self::Server(_) => "Server",
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// A metric that rises and falls.
pub(super) const fn gauge(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    read: Of,
) -> Metric {
    Metric { name, of: Type::Gauge, help, labels, read }
}

/// A metric that only grows.
pub(super) const fn counter(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    read: Of,
) -> Metric {
    Metric { name, of: Type::Counter, help, labels, read }
}

/// A metric of how long things take.
pub(super) const fn histogram(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    read: Of,
) -> Metric {
    Metric { name, of: Type::Histogram, help, labels, read }
}
