//! What the agent says of a container: its events, and why it waits. The kubelet's own words.
//!
//! Source: sections 17.1 and 17.2 of the semantics. Pure.

use std::time::Duration;

use super::client::PodEvent;
use super::record::Waiting;
use super::runtime::{PodIdentity, PullError};
use super::view::{ContainerView, Role};
use crate::events::EventType;

/// Speaks of one container of one pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker<'a> {
    pub(crate) pod: &'a PodIdentity,
    pub(crate) container: &'a ContainerView,
}

/// How an image came that was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pulled {
    /// How long it was waited for.
    pub(crate) took: Duration,
    /// Its size, as it was fetched.
    pub(crate) bytes: u64,
    /// Whether it was told already that it was being fetched.
    pub(crate) is_announced: bool,
}

/// What a start that failed says: at once, and once its back-off shows.
#[derive(Debug)]
pub(crate) struct StartFailure {
    pub(crate) waiting: Waiting,
    pub(crate) events: Vec<PodEvent>,
    pub(crate) notice: Option<(Waiting, Vec<PodEvent>)>,
}

impl Speaker<'_> {
    fn event(&self, event_type: EventType, reason: &'static str, message: String) -> PodEvent {
        let name = &self.container.name;
        let field_path = match self.container.role {
            Role::Main => format!("spec.containers{{{name}}}"),
            Role::Init | Role::Sidecar => format!("spec.initContainers{{{name}}}"),
        };
        PodEvent { event_type, reason, message, field_path: Some(field_path) }
    }

    fn normal(&self, reason: &'static str, message: impl Into<String>) -> PodEvent {
        self.event(EventType::Normal, reason, message.into())
    }

    fn warning(&self, reason: &'static str, message: impl Into<String>) -> PodEvent {
        self.event(EventType::Warning, reason, message.into())
    }

    /// The image is there; `pulled` is how, if it was not there before.
    pub(crate) fn pulled(&self, pulled: Option<Pulled>) -> Vec<PodEvent> {
        let image = &self.container.image;
        let Some(Pulled { took, bytes, is_announced }) = pulled else {
            return vec![self.normal("Pulled", format!(
                "Container image \"{image}\" already present on machine and can be accessed by the pod"
            ))];
        };
        let took = go_duration(took);
        let mut events: Vec<_> = (!is_announced).then(|| self.pulling()).into_iter().collect();
        events.push(self.normal(
            "Pulled",
            format!(
                "Successfully pulled image \"{image}\" in {took} ({took} including waiting). \
                 Image size: {bytes} bytes."
            ),
        ));
        events
    }

    /// The image is being fetched.
    pub(crate) fn pulling(&self) -> PodEvent {
        self.normal("Pulling", format!("Pulling image \"{}\"", self.container.image))
    }

    /// The image can't be had; whether it `is_announced` already that it was being fetched.
    pub(crate) fn pull_failed(&self, error: &PullError, is_announced: bool) -> StartFailure {
        let waiting = |reason, message: String| Waiting { reason, message: Some(message) };
        match error {
            PullError::NeverPull { .. } | PullError::NeverPullPrivate { .. } => StartFailure {
                waiting: waiting("ErrImageNeverPull", error.to_string()),
                events: vec![
                    self.warning("ErrImageNeverPull", error.to_string()),
                    self.warning("Failed", "Error: ErrImageNeverPull"),
                ],
                notice: None,
            },
            PullError::InvalidName { .. } => StartFailure {
                waiting: waiting("InvalidImageName", error.to_string()),
                events: vec![
                    self.warning("InspectFailed", error.to_string()),
                    self.warning("Failed", "Error: InvalidImageName"),
                ],
                notice: None,
            },
            PullError::Failed(detail) => self.fetch_failed("ErrImagePull", detail, is_announced),
            PullError::Unsigned(detail) => {
                self.fetch_failed("SignatureValidationFailed", detail, is_announced)
            }
        }
    }

    fn fetch_failed(&self, reason: &'static str, detail: &str, is_announced: bool) -> StartFailure {
        let image = &self.container.image;
        let waiting = |reason, message: String| Waiting { reason, message: Some(message) };
        let mut events: Vec<_> = (!is_announced).then(|| self.pulling()).into_iter().collect();
        events.extend([
            self.warning("Failed", format!("Failed to pull image \"{image}\": {detail}")),
            self.warning("Failed", format!("Error: {reason}")),
        ]);
        StartFailure {
            waiting: waiting(reason, detail.to_owned()),
            events,
            notice: Some((
                waiting(
                    "ImagePullBackOff",
                    format!("Back-off pulling image \"{image}\": {reason}: {detail}"),
                ),
                vec![
                    self.normal("BackOff", format!("Back-off pulling image \"{image}\"")),
                    self.warning("Failed", "Error: ImagePullBackOff"),
                ],
            )),
        }
    }

    /// What it is to be given can't be had; `reason` is that of the waiting state.
    pub(crate) fn config_failed(&self, reason: &'static str, detail: &str) -> StartFailure {
        StartFailure {
            waiting: Waiting { reason, message: Some(detail.to_owned()) },
            events: vec![self.warning("Failed", format!("Error: {detail}"))],
            notice: None,
        }
    }

    /// Some keys could not become environment variables.
    pub(crate) fn skipped_keys(&self, message: String) -> PodEvent {
        // The kubelet says it of the pod, not of the container.
        PodEvent { field_path: None, ..self.warning("InvalidEnvironmentVariableNames", message) }
    }

    /// Secrets with logins for its image are not there.
    pub(crate) fn secrets_missing(&self, names: &[String]) -> PodEvent {
        let message = format!(
            "Unable to retrieve some image pull secrets ({}); attempting to pull the image may not \
             succeed.",
            names.join(", ")
        );
        // The kubelet says it of the pod, not of the container.
        let event = self.warning("FailedToRetrieveImagePullSecret", message);
        PodEvent { field_path: None, ..event }
    }

    /// It has been made.
    pub(crate) fn created(&self) -> PodEvent {
        self.normal("Created", "Container created")
    }

    /// It runs.
    pub(crate) fn started(&self) -> PodEvent {
        self.normal("Started", "Container started")
    }

    /// It was made and could not be run.
    pub(crate) fn start_error(&self, detail: &str) -> PodEvent {
        self.warning("Failed", format!("Error: {detail}"))
    }

    /// It is being ended.
    pub(crate) fn killing(&self) -> PodEvent {
        self.normal("Killing", format!("Stopping container {}", self.container.name))
    }

    /// It is being ended because its pod says otherwise now what it runs.
    pub(crate) fn redefined(&self) -> PodEvent {
        let what = match self.container.role {
            Role::Main => "Container",
            Role::Init | Role::Sidecar => "Init container",
        };
        let name = &self.container.name;
        self.normal("Killing", format!("{what} {name} definition changed, will be restarted"))
    }

    /// It has crashed, and waits for `delay` before it is restarted.
    pub(crate) fn crash_loop(&self, delay: Duration) -> (Waiting, Vec<PodEvent>) {
        let PodIdentity { namespace, name: pod, uid } = self.pod;
        let (container, delay) = (&self.container.name, go_duration(delay));
        let message = format!(
            "back-off {delay} restarting failed container={container} pod={pod}_{namespace}({uid})"
        );
        let event = format!(
            "Back-off restarting failed container {container} in pod {pod}_{namespace}({uid})"
        );
        let waiting = Waiting { reason: "CrashLoopBackOff", message: Some(message) };
        (waiting, vec![self.warning("BackOff", event)])
    }
}

/// A volume can't be made as the pod says.
pub(crate) fn mount_failed(volume: &str, detail: &str) -> PodEvent {
    PodEvent {
        event_type: EventType::Warning,
        reason: "FailedMount",
        message: format!("MountVolume.SetUp failed for volume \"{volume}\" : {detail}"),
        field_path: None,
    }
}

/// A volume of medium `Memory` is on disk.
pub(crate) fn memory_on_disk(volume: &str) -> PodEvent {
    PodEvent {
        event_type: EventType::Warning,
        reason: "MemoryVolumeOnDisk",
        message: format!(
            "Volume \"{volume}\" is kept on disk: this node has no memory to keep files in"
        ),
        field_path: None,
    }
}

/// A duration as Go writes it, to the millisecond.
fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 {
        return if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") };
    }
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let fraction = match rest % 1000 {
        0 => String::new(),
        fraction => format!(".{fraction:03}").trim_end_matches('0').to_owned(),
    };
    let seconds = format!("{}{fraction}s", rest / 1000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_writes_them() {
        let check = |millis, expected: &str| {
            assert_eq!(go_duration(Duration::from_millis(millis)), expected);
        };
        check(0, "0s");
        check(100, "100ms");
        check(1200, "1.2s");
        check(1234, "1.234s");
        check(10_000, "10s");
        check(80_000, "1m20s");
        check(300_000, "5m0s");
        check(3_600_000, "1h0m0s");
    }
}
