//! What the agent knows of one container, and how that reads in the pod's status.
//!
//! It has no clock and starts nothing: it takes what happened, and when.

use std::time::Duration;

use super::backoff::{Backoff, BackoffCurve};
use super::client::PodEvent;
use super::view::ContainerView;
use crate::api::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, SignedDuration, Time, Timestamp,
};

/// How long a start that failed, or an end, is shown as what it is before the back-off is shown
/// instead. The kubelet shows it until its next look at the pod.
const SHOWN_BEFORE_BACK_OFF: SignedDuration = SignedDuration::from_secs(1);

/// Why a container waits that has not been started, and that nothing is wrong with.
pub(crate) const CONTAINER_CREATING: &str = "ContainerCreating";
/// The same, in a pod with init containers.
pub(crate) const POD_INITIALIZING: &str = "PodInitializing";

/// What is known of one container.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) state: State,
    /// Whether a start of it is under way.
    pub(crate) is_starting: bool,
    /// Why it is not running, where its state alone does not say it.
    pub(crate) waiting: Option<Waiting>,
    /// How its run before the current one ended.
    pub(crate) previous: Option<Termination>,
    pub(crate) restart_count: u32,
    pub(crate) image_id: Option<String>,
    /// What it has to wait for before it is started again.
    pub(crate) delay: Option<Delay>,
    crashes: Backoff,
    /// Whether the back-off has been armed for the end that it is in.
    is_armed: bool,
    /// Whether it is as new although it has run: all containers of its pod begin again.
    is_reset: bool,
    /// Whether what it runs is no more what its pod says.
    pub(crate) is_outdated: bool,
    /// Whether it has been told to end: its exit code says nothing then.
    pub(crate) is_dismissed: bool,
    /// Whether it runs again whatever its policy says: it was ended for being outdated.
    pub(crate) is_replaced: bool,
    /// How the run that is under way has ended before it was begun once more, as was told too late.
    pub(crate) told: Option<Termination>,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It has not run.
    New,
    Running {
        since: Timestamp,
    },
    Ended(Termination),
}

/// `state.waiting`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) reason: &'static str,
    pub(crate) message: Option<String>,
}

/// `state.terminated`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Termination {
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
    pub(crate) message: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) container_id: Option<String>,
}

/// A time before which a container is not started.
#[derive(Clone, Debug)]
pub(crate) struct Delay {
    pub(crate) until: Timestamp,
    /// What to show of it, from when on, with the events that tell it.
    pub(crate) notice: Option<(Timestamp, Waiting, Vec<PodEvent>)>,
}

impl Delay {
    /// A delay from `now` that is shown as `waiting` if it is long enough to be seen.
    pub(crate) fn new(
        now: Timestamp,
        until: Timestamp,
        notice: Option<(Waiting, Vec<PodEvent>)>,
    ) -> Self {
        let shown_from = now + SHOWN_BEFORE_BACK_OFF;
        let notice = notice.filter(|_| shown_from < until);
        Self { until, notice: notice.map(|(waiting, events)| (shown_from, waiting, events)) }
    }
}

impl Termination {
    /// The end of a container that nobody has seen: it is no more, and should be.
    pub(crate) fn unknown() -> Self {
        Self {
            exit_code: 137,
            reason: "ContainerStatusUnknown".to_owned(),
            message: Some(
                "The container could not be located when the pod was terminated".to_owned(),
            ),
            started_at: None,
            finished_at: None,
            container_id: None,
        }
    }

    fn to_wire(&self, message_bytes_max: usize) -> ContainerStateTerminated {
        ContainerStateTerminated {
            container_id: self.container_id.clone(),
            exit_code: self.exit_code,
            finished_at: self.finished_at.map(Time),
            message: self.message.as_deref().map(|text| start_of(text, message_bytes_max)),
            reason: Some(self.reason.clone()),
            signal: None,
            started_at: self.started_at.map(Time),
        }
    }

    fn of_wire(state: &ContainerStateTerminated) -> Self {
        Self {
            exit_code: state.exit_code,
            reason: state.reason.clone().unwrap_or_default(),
            message: state.message.clone(),
            started_at: state.started_at.as_ref().map(|time| time.0),
            finished_at: state.finished_at.as_ref().map(|time| time.0),
            container_id: state.container_id.clone(),
        }
    }
}

impl Record {
    /// A container that has not run.
    pub(crate) fn new(container: &ContainerView, crashes: BackoffCurve) -> Self {
        Self {
            name: container.name.clone(),
            image: container.image.clone(),
            state: State::New,
            is_starting: false,
            waiting: None,
            previous: None,
            restart_count: 0,
            image_id: None,
            delay: None,
            crashes: Backoff::new(crashes),
            is_armed: false,
            is_reset: false,
            is_outdated: false,
            is_dismissed: false,
            is_replaced: false,
            told: None,
        }
    }

    /// What a status that an earlier process of this node has written says of it.
    pub(crate) fn recover(&mut self, container: &ContainerView, status: &ContainerStatus) {
        let state = status.state.clone().unwrap_or_default();
        let last = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
        let last = last.map(Termination::of_wire);
        self.restart_count = u32::try_from(status.restart_count).unwrap_or_default();
        self.image_id = Some(status.image_id.clone()).filter(|id| !id.is_empty());
        if let Some(running) = state.running {
            let since = running.started_at.map_or(Timestamp::UNIX_EPOCH, |time| time.0);
            (self.state, self.previous) = (State::Running { since }, last);
        } else if let Some(terminated) = state.terminated {
            (self.state, self.previous) = (State::Ended(Termination::of_wire(&terminated)), last);
        } else if let Some(last) = last {
            let reason = state.waiting.and_then(|waiting| waiting.reason).unwrap_or_default();
            let is_as_new = [CONTAINER_CREATING, POD_INITIALIZING].contains(&&*reason);
            if is_as_new || !container.restarts(last.exit_code) {
                (self.previous, self.is_reset) = (Some(last), true);
            } else {
                // It was waiting to be restarted.
                self.state = State::Ended(last);
            }
        }
    }

    /// Takes note of what `status` tells of the end of a run that is under way here, if it does;
    /// whether that is news.
    ///
    /// It is the last word of an earlier process of this node, which was still on its way when this
    /// one found the run lost, and began it once more.
    pub(crate) fn hear(&mut self, status: &ContainerStatus) -> bool {
        let state = status.state.as_ref();
        let Some(terminated) = state.and_then(|state| state.terminated.as_ref()) else {
            return false;
        };
        let under_way = if self.is_running() { self.restart_count } else { self.next_restart() };
        let is_told = self.is_active() && u32::try_from(status.restart_count) == Ok(under_way);
        let is_news = is_told && self.told.is_none();
        if is_news {
            self.told = Some(Termination::of_wire(terminated));
        }
        is_news
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether something of it is under way.
    pub(crate) fn is_active(&self) -> bool {
        self.is_starting || self.is_running()
    }

    /// The exit code of its last run, if it is over.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        match &self.state {
            State::Ended(termination) => Some(termination.exit_code),
            _ => None,
        }
    }

    /// Whether it has not run, or is to be taken so although it has.
    pub(crate) fn is_new(&self) -> bool {
        self.state == State::New
    }

    /// Whether it is as new although it has run.
    pub(crate) fn is_reset(&self) -> bool {
        self.is_reset
    }

    /// `restartCount` of the run that would begin now.
    pub(crate) fn next_restart(&self) -> u32 {
        self.restart_count + u32::from(matches!(self.state, State::Ended(_)) || self.is_reset)
    }

    /// It will not be restarted any more, if it has run.
    pub(crate) fn settle(&mut self) {
        if matches!(self.state, State::Ended(_)) {
            self.waiting = None;
            self.delay = None;
        }
    }

    /// It begins as if it had not run. The one whose end `caused` that waits for its back-off first.
    ///
    /// Kubernetes differs: its kubelet forgets the back-off with the container. What restarts its
    /// pod over and over would do so without pause here, where a start takes no time.
    pub(crate) fn reset(&mut self, caused: bool) {
        let State::Ended(end) = &self.state else { return };
        self.previous = Some(end.clone());
        self.state = State::New;
        self.is_reset = true;
        self.waiting = None;
        if !caused {
            self.delay = None;
            self.is_armed = true;
        }
    }

    /// Its pod says otherwise now what it runs: what was wrong before counts no more.
    pub(crate) fn redefine(&mut self, crashes: BackoffCurve) {
        self.crashes = Backoff::new(crashes);
        self.is_outdated = self.is_active();
        if !self.is_outdated {
            self.waiting = None;
            self.delay = None;
        }
    }

    /// A start of it begins at `now`.
    pub(crate) fn begin_start(&mut self, now: Timestamp) {
        self.is_starting = true;
        self.is_dismissed = false;
        self.delay = None;
        // An end arms the next delay once, however many attempts the restart takes.
        let end = match &self.state {
            State::Ended(end) => Some(end),
            State::New if self.is_reset => self.previous.as_ref(),
            _ => None,
        };
        if let Some(ended) = end.and_then(|end| end.finished_at)
            && !self.is_armed
        {
            self.crashes.arm(ended, now);
            self.is_armed = true;
        }
    }

    /// It could not be started, and is tried again after `delay`.
    pub(crate) fn start_failed(&mut self, waiting: Waiting, delay: Delay) {
        self.is_starting = false;
        self.waiting = Some(waiting);
        self.delay = Some(delay);
    }

    /// It runs since `now`.
    pub(crate) fn started(&mut self, image_id: String, now: Timestamp) {
        self.restart_count = self.next_restart();
        if let State::Ended(termination) =
            std::mem::replace(&mut self.state, State::Running { since: now })
        {
            self.previous = Some(termination);
        }
        self.is_starting = false;
        self.is_reset = false;
        self.is_replaced = false;
        self.waiting = None;
        self.image_id = Some(image_id);
    }

    /// It has ended. If it `restarts`, then only after its back-off, which reads as `notice` says.
    pub(crate) fn ended(
        &mut self,
        termination: Termination,
        now: Timestamp,
        restarts: bool,
        notice: impl FnOnce(Duration) -> (Waiting, Vec<PodEvent>),
    ) {
        let ended = termination.finished_at.unwrap_or(now);
        let window = self.crashes.window(ended).filter(|_| restarts);
        self.is_starting = false;
        self.is_armed = false;
        self.waiting = None;
        self.delay = window.map(|(delay, until)| Delay::new(now, until, Some(notice(delay))));
        self.state = State::Ended(termination);
    }

    /// Shows the delay that it waits for, and gives the events that tell it.
    pub(crate) fn show_delay(&mut self) -> Vec<PodEvent> {
        let notice = self.delay.as_mut().and_then(|delay| delay.notice.take());
        let Some((_, waiting, events)) = notice else { return Vec::new() };
        self.waiting = Some(waiting);
        events
    }

    /// The run before one that is yet to begin, as its status tells it. Where a lost run begins once
    /// more, that is told again only when it runs: a status that waits and has a last state reads as
    /// if the run of its own `restartCount` had ended.
    fn before_new(&self) -> Option<&Termination> {
        self.previous.as_ref().filter(|_| self.is_reset)
    }

    /// Its `containerStatuses` entry; `default` is what it waits for if nothing better is known.
    pub(crate) fn to_wire(
        &self,
        is_ready: bool,
        default: &'static str,
        id: String,
        message_bytes_max: usize,
    ) -> ContainerStatus {
        let terminated = |termination: &Termination| ContainerState {
            terminated: Some(termination.to_wire(message_bytes_max)),
            ..ContainerState::default()
        };
        let waiting = |reason: &str, message: Option<String>| ContainerState {
            waiting: Some(ContainerStateWaiting { message, reason: Some(reason.to_owned()) }),
            ..ContainerState::default()
        };
        let (state, last) = match (&self.state, &self.waiting) {
            (State::Running { since }, _) => {
                let running = ContainerStateRunning { started_at: Some(Time(*since)) };
                let state = ContainerState { running: Some(running), ..ContainerState::default() };
                (state, self.previous.as_ref())
            }
            (State::Ended(end), Some(why)) => (waiting(why.reason, why.message.clone()), Some(end)),
            (State::Ended(end), None) => (terminated(end), self.previous.as_ref()),
            (State::New, why) => {
                let shown = match why {
                    Some(why) => waiting(why.reason, why.message.clone()),
                    None => waiting(default, None),
                };
                (shown, self.before_new())
            }
        };
        let container_id = match &self.state {
            State::New => self.before_new().and_then(|end| end.container_id.clone()),
            State::Running { .. } => Some(id),
            State::Ended(end) => end.container_id.clone(),
        };
        ContainerStatus {
            container_id,
            image: self.image.clone(),
            image_id: self.image_id.clone().unwrap_or_default(),
            last_state: Some(last.map(terminated).unwrap_or_default()),
            name: self.name.clone(),
            ready: is_ready,
            restart_count: i32::try_from(self.restart_count).unwrap_or(i32::MAX),
            started: Some(self.is_running()),
            state: Some(state),
            ..ContainerStatus::default()
        }
    }
}

/// The first bytes of a text, as many as may be and no half characters.
fn start_of(text: &str, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
