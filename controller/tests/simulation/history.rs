//! What has happened, in order: a number that tells it from every other history and, where somebody
//! wants to read it, its last lines.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use mayfly_controller::api::{Job, Object, Pod};
use mayfly_controller::store::{Change, ChangeKind};

/// Lines that are kept for whoever replays a seed. Stops one that goes on for days from filling
/// memory.
const LINES_MAX: usize = 100_000;

/// Whether anybody will read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Fingerprint,
    Lines,
}

pub(crate) struct History {
    detail: Detail,
    hasher: DefaultHasher,
    lines: VecDeque<String>,
}

impl History {
    pub(crate) fn new(detail: Detail) -> Self {
        Self { detail, hasher: DefaultHasher::new(), lines: VecDeque::new() }
    }

    pub(crate) fn is_detailed(&self) -> bool {
        self.detail == Detail::Lines
    }

    pub(crate) fn add(&mut self, at: Duration, line: &str) {
        self.lines.push_back(format!("{:>12.3} {line}", at.as_secs_f64()));
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }

    pub(crate) fn digest(&mut self, at: Duration, bytes: &[u8]) {
        (at, bytes).hash(&mut self.hasher);
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.hasher.finish()
    }

    /// The last lines.
    pub(crate) fn tail(&self, lines_max: usize) -> String {
        let skipped = self.lines.len().saturating_sub(lines_max);
        self.lines.iter().skip(skipped).flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

/// One change in one line.
pub(crate) fn describe(change: &Change) -> String {
    let what = match change.what {
        ChangeKind::Added => "+",
        ChangeKind::Modified => " ",
        ChangeKind::Deleted => "-",
    };
    let detail = match &change.object {
        Object::Job(job) => describe_job(job),
        Object::Pod(pod) => describe_pod(pod),
        Object::Event(event) => event.reason.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let (kind, key) = (change.kind.name(), &change.key);
    format!("{:>6} {what} {kind} {key} {detail}", change.resource_version)
}

pub(crate) fn describe_job(job: &Job) -> String {
    let (spec, status) =
        (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default());
    let number = |number: Option<i32>| number.map_or("-".to_owned(), |number| number.to_string());
    let conditions: Vec<_> = status.conditions.iter().flatten().map(|it| &*it.type_).collect();
    let suspended = if spec.suspend == Some(true) { " suspended" } else { "" };
    let deleting = if job.metadata.deletion_timestamp.is_some() { " deleting" } else { "" };
    format!(
        "p={} c={}{suspended}{deleting} active={} terminating={} succeeded={} failed={} \
         completed={:?} failed={:?} {conditions:?}",
        number(spec.parallelism),
        number(spec.completions),
        number(status.active),
        number(status.terminating),
        number(status.succeeded),
        number(status.failed),
        status.completed_indexes.unwrap_or_default(),
        status.failed_indexes.unwrap_or_default(),
    )
}

pub(crate) fn describe_pod(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    let finalizers = pod.metadata.finalizers.as_ref().map_or(0, Vec::len);
    let deleting = match pod.metadata.deletion_grace_period_seconds {
        Some(grace) => format!(" deleting({grace}s)"),
        None => String::new(),
    };
    let lists = [&status.init_container_statuses, &status.container_statuses];
    let containers = lists.into_iter().flatten().flatten().map(|status| {
        let state = status.state.clone().unwrap_or_default();
        let state = match (state.running, state.terminated, state.waiting) {
            (Some(_), ..) => "running".to_owned(),
            (_, Some(end), _) => {
                format!("{}({})", end.reason.unwrap_or_default(), end.exit_code)
            }
            (_, _, Some(waiting)) => waiting.reason.unwrap_or_default(),
            _ => String::new(),
        };
        format!(" {}#{}:{state}", status.name, status.restart_count)
    });
    let containers: String = containers.collect();
    let phase = status.phase.unwrap_or_default();
    format!("{phase} on {node:?}{deleting} finalizers={finalizers}{containers}")
}
