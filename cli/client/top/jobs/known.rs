//! What is known of Jobs, their pods, and what those use. Pure.
//!
//! Of objects only what is shown is kept, so that many thousands of them are a few megabytes; they are
//! read as they came, so that any Kubernetes' will do.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use mayfly_controller::api::metrics::PodMetrics;
use mayfly_controller::api::names::{FUEL, USAGE_FUEL};
use mayfly_controller::quantity::Amount;
use serde_json::Value;

use crate::client::table::on_one_line;
use crate::client::top::used::Used;

/// Jobs, and as many pods, that are kept. Stops a server that has ever more from filling memory; nobody
/// looks through as many.
const OBJECTS_MAX: usize = 100_000;

/// A namespace and a name in it.
pub(super) type Place = (String, String);

/// What is shown of a Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Job {
    pub(super) uid: String,
    pub(super) state: &'static str,
    /// `None` for a work queue.
    pub(super) completions: Option<i64>,
    pub(super) succeeded: i64,
    pub(super) active: i64,
    pub(super) failed: i64,
    pub(super) created: Option<Timestamp>,
}

/// What is shown of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pod {
    /// The uid of its Job, if it has one.
    pub(super) job: Option<String>,
    pub(super) state: String,
    pub(super) restarts: i64,
    pub(super) created: Option<Timestamp>,
    /// Instructions that a container may execute, and those that its containers have.
    pub(super) fuel_max: Option<u64>,
    pub(super) fuel: Option<u64>,
}

/// What there is of cores and memory for pods, and what they use of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nodes {
    pub(super) has: Used,
    pub(super) used: Used,
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) jobs: BTreeMap<Place, Job>,
    pub(super) pods: BTreeMap<Place, Pod>,
    pub(super) used: HashMap<Place, Used>,
    /// `None` for whoever may not look at nodes.
    pub(super) nodes: Option<Nodes>,
}

/// Something new.
#[derive(Debug)]
pub(super) enum News {
    /// All Jobs.
    Jobs(Vec<(Place, Job)>),
    /// One of them has changed, or is gone.
    Job(Place, Option<Job>),
    /// The same of pods.
    Pods(Vec<(Place, Pod)>),
    /// See [`Job`](Self::Job).
    Pod(Place, Option<Pod>),
    /// What they use.
    Used(HashMap<Place, Used>, Option<Nodes>),
    /// Something of this can't be had, and why; nothing if it can.
    Trouble(About, Option<String>),
}

/// What can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Jobs,
    Pods,
    Use,
}

impl Known {
    /// Takes note of `news`.
    pub(super) fn learn(&mut self, news: News) {
        match news {
            News::Jobs(jobs) => self.jobs = jobs.into_iter().take(OBJECTS_MAX).collect(),
            News::Pods(pods) => self.pods = pods.into_iter().take(OBJECTS_MAX).collect(),
            News::Job(place, job) => put(&mut self.jobs, place, job),
            News::Pod(place, pod) => put(&mut self.pods, place, pod),
            News::Used(used, nodes) => (self.used, self.nodes) = (used, nodes),
            News::Trouble(..) => {}
        }
    }

    /// The pods of each Job, by its uid.
    pub(super) fn by_job(&self) -> HashMap<&str, Vec<(&Place, &Pod)>> {
        let mut all: HashMap<&str, Vec<_>> = HashMap::new();
        for (place, pod) in &self.pods {
            if let Some(job) = &pod.job {
                all.entry(job).or_default().push((place, pod));
            }
        }
        all
    }
}

fn put<T>(all: &mut BTreeMap<Place, T>, place: Place, what: Option<T>) {
    match what {
        None => drop(all.remove(&place)),
        Some(what) if all.len() < OBJECTS_MAX || all.contains_key(&place) => {
            all.insert(place, what);
        }
        Some(_) => {}
    }
}

/// Where an object is.
pub(super) fn place(object: &Value) -> Place {
    let text = |key: &str| on_one_line(object["metadata"][key].as_str().unwrap_or_default());
    (text("namespace"), text("name"))
}

impl Job {
    /// What is shown of `job`.
    pub(super) fn of(job: &Value) -> Self {
        let (spec, status) = (&job["spec"], &job["status"]);
        let count = |key: &str| status[key].as_i64().unwrap_or(0);
        let is = |name: &str| {
            let mut all = status["conditions"].as_array().into_iter().flatten();
            all.any(|it| it["type"] == name && it["status"] == "True")
        };
        let state = match () {
            () if is("Complete") => "Complete",
            () if is("Failed") => "Failed",
            () if spec["suspend"] == true => "Suspended",
            () if count("active") > 0 => "Running",
            () => "Waiting",
        };
        Self {
            uid: job["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
            state,
            completions: spec["completions"].as_i64(),
            succeeded: count("succeeded"),
            active: count("active"),
            failed: count("failed"),
            created: time(&job["metadata"]["creationTimestamp"]),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, "Complete" | "Failed")
    }
}

impl Pod {
    /// What is shown of `pod`.
    pub(super) fn of(pod: &Value) -> Self {
        let metadata = &pod["metadata"];
        let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
        let job = owners.into_iter().find(|it| it["kind"] == "Job" && it["controller"] == true);
        let containers = || pod["status"]["containerStatuses"].as_array().into_iter().flatten();
        let reasons = containers().filter_map(|it| it["state"]["waiting"]["reason"].as_str());
        let phase = pod["status"]["phase"].as_str().unwrap_or("Pending");
        let state = reasons.into_iter().next().filter(|_| phase != "Succeeded").unwrap_or(phase);
        let annotated = |name: &str| metadata["annotations"][name].as_str();
        let fuel_max = annotated(FUEL).and_then(Amount::parse);
        Self {
            job: job.and_then(|job| job["uid"].as_str()).map(str::to_owned),
            state: on_one_line(state),
            restarts: containers().filter_map(|it| it["restartCount"].as_i64()).sum(),
            created: time(&metadata["creationTimestamp"]),
            fuel_max: fuel_max.and_then(|it| u64::try_from(it.units()).ok()),
            fuel: annotated(USAGE_FUEL).and_then(|it| it.parse().ok()),
        }
    }
}

/// What the pods in `metrics` use.
pub(super) fn used(metrics: &[PodMetrics]) -> HashMap<Place, Used> {
    let of = |pod: &PodMetrics| {
        let text = |text: Option<&String>| on_one_line(text.map_or("", |it| it));
        let place = (text(pod.metadata.namespace.as_ref()), text(pod.metadata.name.as_ref()));
        let containers = pod.containers.iter();
        (place, containers.fold(Used::default(), |sum, it| sum + Used::of(&it.usage)))
    };
    metrics.iter().map(of).collect()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_job_is_at() {
        let check = |job: &Value, state: &str| assert_eq!(Job::of(job).state, state, "{job}");
        check(&json!({"status": {"active": 2}}), "Running");
        check(&json!({"status": {}}), "Waiting");
        check(&json!({"spec": {"suspend": true}}), "Suspended");
        let ended =
            |name: &str| json!({"status": {"conditions": [{"type": name, "status": "True"}]}});
        check(&ended("Complete"), "Complete");
        check(&ended("Failed"), "Failed");
        check(&ended("FailureTarget"), "Waiting");
    }

    #[test]
    fn what_a_pod_is_at_and_how_much_fuel_it_had() {
        let pod = Pod::of(&json!({
            "metadata": {"ownerReferences": [{"kind": "Job", "controller": true, "uid": "u"}],
                "annotations": {"mayfly.dev/fuel": "5G", "mayfly.dev/usage-fuel": "1234"}},
            "status": {"phase": "Pending", "containerStatuses": [
                {"restartCount": 2, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
        }));
        assert_eq!(
            pod,
            Pod {
                job: Some("u".to_owned()),
                state: "ImagePullBackOff".to_owned(),
                restarts: 2,
                created: None,
                fuel_max: Some(5_000_000_000),
                fuel: Some(1234),
            }
        );
        assert_eq!(Pod::of(&json!({})).state, "Pending");
    }

    #[test]
    fn what_is_new_takes_the_place_of_what_was() {
        let at = |name: &str| ("ns".to_owned(), name.to_owned());
        let mut known = Known::default();
        known.learn(News::Jobs(vec![(at("a"), Job::default()), (at("b"), Job::default())]));
        known.learn(News::Job(at("a"), None));
        known.learn(News::Job(at("c"), Some(Job { failed: 1, ..Job::default() })));
        let names: Vec<_> = known.jobs.keys().map(|(_, name)| name.as_str()).collect();
        assert_eq!((names, known.jobs[&at("c")].failed), (vec!["b", "c"], 1));
        known.learn(News::Jobs(Vec::new()));
        assert!(known.jobs.is_empty());
    }
}
