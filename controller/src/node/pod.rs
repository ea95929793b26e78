//! What the agent knows of one pod, and what it makes of each thing that happens to it.
//!
//! It takes what happened, and when; it waits for nothing and writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::backoff::{Backoff, BackoffCurve};
use super::client::PodEvent;
use super::events::{Pulled, Speaker, StartFailure, mount_failed};
use super::lifecycle::{self, Observed, Step, Volumes};
use super::phase::{Phase, phase};
use super::record::{Delay, Record, State, Termination};
use super::runtime::{PodIdentity, PullError};
use super::settings::{LostRuns, Shutdown};
use super::status::{self, ALL_CONTAINERS_RESTARTING, Facts};
use super::stop::Stop;
use super::usage::{PodUsage, Usage};
use super::view::{ContainerView, OnExit, PodView, Role};
use crate::api::{ContainerStatus, Pod, PodStatus, Timestamp};
use crate::quota::Bound;

/// How often a start is tried again that lacks a ConfigMap or Secret.
const CONFIG_BACKOFF: BackoffCurve =
    BackoffCurve { base: Duration::from_secs(1), cap: Duration::from_secs(10) };

/// How often volumes are tried again: as the kubelet does.
const VOLUME_BACKOFF: BackoffCurve =
    BackoffCurve { base: Duration::from_millis(500), cap: Duration::from_secs(122) };

/// The exit code of what was killed.
const KILLED: i32 = 137;

/// What is the same for all pods of the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How containers that crash are delayed.
    pub(crate) restarts: BackoffCurve,
    /// How images that can't be had are delayed.
    pub(crate) pulls: BackoffCurve,
    /// How long a pod may be active.
    pub(crate) deadline_seconds: Bound,
    /// What becomes of them when the node stops.
    pub(crate) shutdown: Shutdown,
}

/// What is known of one pod.
pub(crate) struct PodState {
    pub(crate) identity: Arc<PodIdentity>,
    pub(crate) pod: Arc<Pod>,
    pub(crate) view: PodView,
    records: Vec<Record>,
    volumes: Volumes,
    stop: Option<Stop>,
    /// Whether all of its containers are being ended, to begin again.
    is_restarting: bool,
    start_time: Timestamp,
    /// What happened and is not reported yet.
    pub(crate) events: Vec<PodEvent>,
    /// Ends that have been seen; none is acted on before it is durable.
    pub(crate) ends: u64,
    /// What the runs that have ended have used.
    pub(crate) usage: PodUsage,
    is_over: bool,
    rules: Rules,
    /// Failed starts of each container, by their kind.
    failures: BTreeMap<(usize, FailureKind), Backoff>,
    volume_failures: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum FailureKind {
    Pull,
    Config,
}

/// Something that happened to a container.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Secrets with logins for its image are not there, and it is tried without.
    SecretsMissing(Vec<String>),
    /// Its image is being fetched.
    Fetching,
    /// Its image can't be had; and whether it was told that it was being fetched.
    PullFailed(PullError, bool),
    /// What it is to be given can't be had; with the reason of its waiting state.
    ConfigFailed(&'static str, String),
    /// It has everything and begins to run.
    Started {
        image_id: String,
        /// How its image came, if it was not there before.
        pulled: Option<Pulled>,
        /// What a person should know of its environment.
        skipped: Vec<String>,
    },
    /// It has run to its end.
    Ended {
        termination: Termination,
        /// `None` if the runtime does not measure it.
        usage: Option<Usage>,
    },
    /// It is over, and nobody has seen how it ended.
    Lost(Termination),
    /// It could not be run after all.
    StartError(Termination),
    /// Its start was called off.
    Abandoned,
}

impl Progress {
    /// Whether nothing is under way afterwards.
    fn is_last(&self) -> bool {
        !matches!(self, Self::Started { .. })
    }
}

impl PodState {
    /// A pod that has come to this node, or that an earlier process of it has left.
    pub(crate) fn new(
        pod: Arc<Pod>,
        identity: Arc<PodIdentity>,
        rules: Rules,
        now: Timestamp,
    ) -> Self {
        let view = PodView::of(&pod).within(rules.deadline_seconds);
        let records = view.containers.iter().map(|it| Record::new(it, rules.restarts)).collect();
        let has_volumes =
            pod.spec.iter().any(|spec| spec.volumes.iter().flatten().next().is_some());
        let volumes = match has_volumes {
            true => Volumes::Missing { not_before: None },
            false => Volumes::Ready,
        };
        let start_time = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
        Self {
            identity,
            records,
            volumes,
            stop: None,
            is_restarting: false,
            start_time: start_time.map_or(now, |time| time.0),
            events: Vec::new(),
            ends: 0,
            usage: PodUsage::default(),
            is_over: false,
            rules,
            failures: BTreeMap::new(),
            volume_failures: Backoff::new(VOLUME_BACKOFF),
            view,
            pod,
        }
    }

    /// Takes over what an earlier process has written; what was running then runs no more.
    pub(crate) fn recover(&mut self, lost_runs: LostRuns) {
        let Some(status) = self.pod.status.clone() else { return };
        let statuses: Vec<&ContainerStatus> =
            [&status.init_container_statuses, &status.container_statuses]
                .into_iter()
                .flatten()
                .flatten()
                .collect();
        let mut owners = self.pod.metadata.owner_references.iter().flatten();
        let runs_again =
            lost_runs == LostRuns::RunAgain && owners.any(|owner| owner.controller == Some(true));
        let conditions = status.conditions.iter().flatten();
        self.is_restarting = conditions
            .into_iter()
            .any(|it| it.type_ == ALL_CONTAINERS_RESTARTING && it.status == "True");
        if !statuses.is_empty() {
            let annotations = self.pod.metadata.annotations.as_ref();
            self.usage = annotations.map(PodUsage::of_annotations).unwrap_or_default();
        }
        let mut is_lost = false;
        for (container, record) in self.view.containers.iter().zip(&mut self.records) {
            let Some(status) = statuses.iter().find(|status| status.name == record.name) else {
                continue;
            };
            record.recover(container, status);
            if record.is_running() {
                self.usage.add_unknown();
                let end = Termination::unknown();
                if runs_again && !self.is_restarting {
                    record.state = State::New;
                } else {
                    is_lost |= !self.is_restarting && !container.restarts(end.exit_code);
                    record.state = State::Ended(end);
                }
            }
        }
        if is_lost {
            self.stop(Stop::Lost);
        }
    }

    /// What it needs at `now`.
    pub(crate) fn next(&self, now: Timestamp) -> Step {
        let observed = Observed {
            view: &self.view,
            records: &self.records,
            volumes: self.volumes,
            start_time: self.start_time,
            is_stopped: self.stop.is_some(),
            is_restarting: self.is_restarting,
        };
        lifecycle::next(&observed, now)
    }

    /// Its status at `now`, as a change of `previous`.
    pub(crate) fn status(&self, previous: &PodStatus, host_ip: &str, now: Timestamp) -> PodStatus {
        // One that is being deleted may still succeed; any other stop is a failure.
        let cause = self.stop.as_ref().filter(|_| self.is_over).and_then(Stop::cause);
        let phase = match &cause {
            Some(_) => Phase::Failed,
            None => match phase(&self.view, &self.records, self.is_over) {
                // While anything still runs or is to run again, it stays in the phase that it was in.
                phase if phase.is_terminal() && !self.is_over => {
                    let has_begun = lifecycle::is_initialized(&self.view, &self.records);
                    if has_begun { Phase::Running } else { Phase::Pending }
                }
                phase => phase,
            },
        };
        let facts = Facts {
            pod: &self.pod,
            view: &self.view,
            records: &self.records,
            volumes: self.volumes,
            phase,
            start_time: self.start_time,
            host_ip,
            is_restarting: self.is_restarting,
            cause: cause.as_ref(),
        };
        status::status(&facts, previous, now)
    }

    /// The newest version of its object; whether anything about it is new for this node.
    pub(crate) fn update(&mut self, pod: Arc<Pod>) -> bool {
        let old = std::mem::replace(&mut self.pod, pod);
        let generation = self.pod.metadata.generation;
        if generation.is_some() && generation == old.metadata.generation {
            return false;
        }
        let view = PodView::of(&self.pod).within(self.rules.deadline_seconds);
        // No update adds or removes a container.
        if view.containers.len() == self.records.len() {
            let view = std::mem::replace(&mut self.view, view);
            for (index, old) in view.containers.iter().enumerate() {
                self.redefine(index, old);
            }
        }
        true
    }

    /// The containers whose run under way is known to have ended before it began here.
    pub(crate) fn hear_ends(&mut self) -> Vec<usize> {
        let Some(status) = &self.pod.status else { return Vec::new() };
        let statuses = [&status.init_container_statuses, &status.container_statuses];
        let statuses: Vec<_> = statuses.into_iter().flatten().flatten().collect();
        let told = |(index, record): (usize, &mut Record)| {
            let status = statuses.iter().find(|status| status.name == record.name)?;
            record.hear(status).then_some(index)
        };
        self.records.iter_mut().enumerate().filter_map(told).collect()
    }

    /// Takes note of what a container is to run now, which was `old`.
    fn redefine(&mut self, index: usize, old: &ContainerView) {
        let (container, record) = (&self.view.containers[index], &mut self.records[index]);
        // An init container that has begun is what it was: what comes after it is not begun anew.
        if container.image == old.image || (container.role == Role::Init && record.is_active()) {
            return;
        }
        record.redefine(self.rules.restarts);
        if !record.is_active() {
            record.image.clone_from(&container.image);
        }
        if record.is_running() && self.stop.is_none() {
            self.events.push(Speaker { pod: &self.identity, container }.redefined());
        }
        for kind in [FailureKind::Pull, FailureKind::Config] {
            self.failures.remove(&(index, kind));
        }
    }

    /// It has to end.
    pub(crate) fn stop(&mut self, stop: Stop) {
        if self.stop.is_some() {
            return;
        }
        self.events.extend(stop.event());
        self.stop = Some(stop);
        self.announce_ends();
    }

    /// Whether it has to end, whatever its containers do.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// Tells that everything that runs is ended.
    fn announce_ends(&mut self) {
        for (container, record) in self.view.containers.iter().zip(&self.records) {
            if record.is_running() {
                self.events.push(Speaker { pod: &self.identity, container }.killing());
            }
        }
    }

    /// All containers have ended and begin again, as a rule of one of them wants it.
    pub(crate) fn restart_all(&mut self) {
        self.is_restarting = false;
        for (container, record) in self.view.containers.iter().zip(&mut self.records) {
            let code = record.exit_code();
            let caused = code.is_some_and(|code| container.on_exit(code) == OnExit::RestartAll);
            record.reset(caused);
        }
    }

    /// Nothing of it runs any more, and nothing will.
    pub(crate) fn conclude(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        // What waited to be restarted has ended as it last did.
        self.records.iter_mut().for_each(Record::settle);
        if self.stop.is_some() {
            status::terminate(&self.view, &mut self.records);
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Its volumes are being made.
    pub(crate) fn preparing_volumes(&mut self) {
        self.volumes = Volumes::Preparing;
    }

    /// They are there, or one of them can't be made as the pod says.
    pub(crate) fn volumes_prepared(
        &mut self,
        result: Result<(), (String, String)>,
        now: Timestamp,
    ) {
        self.volumes = match result {
            Ok(()) => Volumes::Ready,
            Err((volume, detail)) => {
                self.events.push(mount_failed(&volume, &detail));
                self.volume_failures.arm(now, now);
                let window = self.volume_failures.window(now);
                Volumes::Missing { not_before: window.map(|(_, until)| until) }
            }
        };
    }

    /// The start of a container begins; gives the `restartCount` of its run.
    pub(crate) fn starting(&mut self, index: usize, now: Timestamp) -> u32 {
        let record = &mut self.records[index];
        record.image.clone_from(&self.view.containers[index].image);
        record.begin_start(now);
        record.next_restart()
    }

    /// What a container waits for is to be shown.
    pub(crate) fn show_delay(&mut self, index: usize) {
        let events = self.records[index].show_delay();
        self.events.extend(events);
    }

    /// A container is told to end.
    pub(crate) fn dismiss(&mut self, index: usize) {
        self.records[index].is_dismissed = true;
    }

    /// Takes note of what happened to a container.
    pub(crate) fn fold(&mut self, index: usize, progress: Progress, now: Timestamp) {
        let container = self.view.containers[index].clone();
        let identity = Arc::clone(&self.identity);
        let speaker = Speaker { pod: &identity, container: &container };
        let record = &mut self.records[index];
        let progress = match record.told.take() {
            Some(termination) if progress.is_last() => Progress::Ended { termination, usage: None },
            told => {
                record.told = told;
                progress
            }
        };
        match progress {
            Progress::SecretsMissing(names) => self.events.push(speaker.secrets_missing(&names)),
            Progress::Fetching => self.events.push(speaker.pulling()),
            Progress::PullFailed(error, is_announced) => {
                let failure = speaker.pull_failed(&error, is_announced);
                self.start_failed(index, FailureKind::Pull, failure, now);
            }
            Progress::ConfigFailed(reason, detail) => {
                let failure = speaker.config_failed(reason, &detail);
                self.start_failed(index, FailureKind::Config, failure, now);
            }
            Progress::Started { image_id, pulled, skipped } => {
                record.started(image_id, now);
                self.events.extend(speaker.pulled(pulled));
                self.events.extend(skipped.into_iter().map(|it| speaker.skipped_keys(it)));
                self.events.extend([speaker.created(), speaker.started()]);
            }
            Progress::Lost(termination) => {
                self.usage.add_unknown();
                self.fold(index, Progress::Ended { termination, usage: None }, now);
            }
            Progress::Ended { termination, usage } => {
                self.ends += 1;
                if let Some(usage) = usage {
                    self.usage.add(&usage);
                }
                let on_exit = container.on_exit(termination.exit_code);
                let is_replaced = std::mem::take(&mut record.is_outdated)
                    && termination.exit_code == KILLED
                    && self.stop.is_none();
                // What was told to end waits for nothing, and is no reason for anything.
                let is_own = !record.is_dismissed && self.stop.is_none() && !self.is_restarting;
                let restarts = on_exit != OnExit::End && is_own;
                record.ended(termination, now, restarts, |delay| speaker.crash_loop(delay));
                record.is_replaced = is_replaced;
                if is_own && on_exit == OnExit::RestartAll {
                    self.is_restarting = true;
                    self.announce_ends();
                }
            }
            Progress::StartError(termination) => {
                // It was announced as started before the runtime had tried.
                let started = speaker.started();
                if let Some(place) = self.events.iter().rposition(|event| *event == started) {
                    self.events.remove(place);
                }
                let detail = termination.message.clone().unwrap_or_default();
                self.events.push(speaker.start_error(&detail));
                self.fold(index, Progress::Ended { termination, usage: None }, now);
            }
            Progress::Abandoned => {
                record.is_starting = false;
                record.is_outdated = false;
            }
        }
    }

    fn start_failed(
        &mut self,
        index: usize,
        kind: FailureKind,
        failure: StartFailure,
        now: Timestamp,
    ) {
        let record = &mut self.records[index];
        if std::mem::take(&mut record.is_outdated) {
            // What could not be started is not wanted any more.
            record.is_starting = false;
            return;
        }
        let curve = match kind {
            FailureKind::Pull => self.rules.pulls,
            FailureKind::Config => CONFIG_BACKOFF,
        };
        let backoff = self.failures.entry((index, kind)).or_insert_with(|| Backoff::new(curve));
        backoff.arm(now, now);
        let until = backoff.window(now).map_or(now, |(_, until)| until);
        self.records[index].start_failed(failure.waiting, Delay::new(now, until, failure.notice));
        self.events.extend(failure.events);
    }
}
