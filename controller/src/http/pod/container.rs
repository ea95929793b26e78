//! Which container of a pod is meant, and which run of it.
//!
//! Pure. Source: the API server's choice of a container for logs and streams, and the kubelet's of
//! the run whose log is meant.

use crate::api::{Container, ContainerState, ContainerStatus, Pod};
use crate::http::refusal::Refusal;
use crate::http::status::Status;

/// The name of the container of `pod` that is `wanted`, or of the only one.
pub(super) fn name(pod: &Pod, wanted: Option<&str>) -> Result<String, Refusal> {
    let spec = pod.spec.as_ref();
    let main: Vec<&str> = names(spec.map(|spec| spec.containers.as_slice()));
    let init: Vec<&str> = names(spec.and_then(|spec| spec.init_containers.as_deref()));
    let pod = pod.metadata.name.as_deref().unwrap_or_default();
    match (wanted, &main[..]) {
        (Some(wanted), _) if main.contains(&wanted) || init.contains(&wanted) => {
            Ok(wanted.to_owned())
        }
        (Some(wanted), _) => {
            let message = format!("container {wanted} is not valid for pod {pod}");
            Err(Status::bad_request(message).into())
        }
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => {
            let mut message = format!(
                "a container name must be specified for pod {pod}, choose one of: [{}]",
                main.join(" ")
            );
            if !init.is_empty() {
                let init = init.join(" ");
                message.push_str(&format!(" or one of the init containers: [{init}]"));
            }
            Err(Status::bad_request(message).into())
        }
    }
}

/// The restart count of the run that is going on of `container`.
pub(super) fn running(pod: &Pod, container: &str) -> Option<u32> {
    let status = status(pod, container)?;
    let is_running = status.state.as_ref().is_some_and(|state| state.running.is_some());
    is_running.then(|| u32::try_from(status.restart_count).unwrap_or_default())
}

/// The restart count of the run whose log is meant of `container`: the one that goes on or was the
/// last; or, if it `is_previous`, the one before a restart. A message if there is none.
pub(super) fn logged(pod: &Pod, container: &str, is_previous: bool) -> Result<u32, String> {
    let named = {
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        format!("container \"{container}\" in pod \"{pod}\"")
    };
    let Some(status) = status(pod, container) else {
        return Err(format!("{named} is not available"));
    };
    let latest = u32::try_from(status.restart_count).unwrap_or_default();
    let state = status.state.clone().unwrap_or_default();
    let last = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
    match state {
        // One that waits to be restarted has its last run behind it.
        ContainerState { waiting: Some(_), .. } if last.is_some() => Ok(latest),
        _ if is_previous => {
            let before = latest.checked_sub(1).filter(|_| last.is_some());
            before.ok_or_else(|| format!("previous terminated {named} not found"))
        }
        ContainerState { running: Some(_), .. } | ContainerState { terminated: Some(_), .. } => {
            Ok(latest)
        }
        ContainerState { waiting: Some(waiting), .. } => {
            let reason = waiting.reason.unwrap_or_default();
            let why = match reason.as_str() {
                "ErrImagePull" => "image can't be pulled",
                "ImagePullBackOff" => "trying and failing to pull image",
                reason => reason,
            };
            Err(format!("{named} is waiting to start: {why}"))
        }
        _ => Err(format!("{named} is waiting to start - no logs yet")),
    }
}

fn names(containers: Option<&[Container]>) -> Vec<&str> {
    containers.into_iter().flatten().map(|container| container.name.as_str()).collect()
}

fn status<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let statuses = [&status.container_statuses, &status.init_container_statuses];
    let mut statuses = statuses.into_iter().flatten().flatten();
    statuses.find(|status| status.name == container)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(spec: &Value, statuses: &Value) -> Pod {
        let pod = json!({"metadata": {"name": "p"}, "spec": spec, "status": {"containerStatuses": statuses}});
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn a_container_is_named_or_the_only_one() {
        let check = |spec: Value, wanted: Option<&str>, expected: Result<&str, &str>| {
            let found = name(&pod(&spec, &json!([])), wanted);
            let found = found.map_err(|refusal| (refusal.status.code, refusal.status.message));
            let expected = expected.map(str::to_owned);
            assert_eq!(found, expected.map_err(|message| (Some(400), message.to_owned())));
        };
        let one = json!({"containers": [{"name": "a"}], "initContainers": [{"name": "i"}]});
        let two = json!({"containers": [{"name": "a"}, {"name": "b"}]});
        let both = json!({"containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}]});
        check(one.clone(), None, Ok("a"));
        check(one.clone(), Some("i"), Ok("i"));
        check(one, Some("z"), Err("container z is not valid for pod p"));
        let which = "a container name must be specified for pod p, choose one of: [a b]";
        check(two, None, Err(which));
        check(both.clone(), None, Err(&format!("{which} or one of the init containers: [i]")));
        check(both, Some("b"), Ok("b"));
    }

    #[test]
    fn a_log_is_that_of_the_last_run_or_of_the_one_before_it() {
        let check = |status: Value, is_previous: bool, expected: Result<u32, &str>| {
            let mut status = status;
            for (field, value) in [
                ("name", json!("c")),
                ("image", json!("")),
                ("imageID", json!("")),
                ("ready", json!(false)),
            ] {
                status[field] = value;
            }
            let found =
                logged(&pod(&json!({"containers": []}), &json!([status])), "c", is_previous);
            assert_eq!(found, expected.map_err(str::to_owned), "{status}");
        };
        let ended = json!({"terminated": {"exitCode": 1}});
        let running = json!({"running": {}});
        let never = "previous terminated container \"c\" in pod \"p\" not found";
        check(json!({"restartCount": 0, "state": running}), false, Ok(0));
        check(json!({"restartCount": 0, "state": running}), true, Err(never));
        check(json!({"restartCount": 2, "state": running, "lastState": ended}), true, Ok(1));
        check(json!({"restartCount": 2, "state": ended, "lastState": ended}), false, Ok(2));
        let crashing = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let crashing = json!({"restartCount": 2, "state": crashing, "lastState": ended});
        check(crashing.clone(), false, Ok(2));
        check(crashing, true, Ok(2));
        for (reason, why) in [
            ("ContainerCreating", "ContainerCreating"),
            ("ErrImagePull", "image can't be pulled"),
            ("ImagePullBackOff", "trying and failing to pull image"),
        ] {
            let waiting = json!({"restartCount": 0, "state": {"waiting": {"reason": reason}}});
            let message = format!("container \"c\" in pod \"p\" is waiting to start: {why}");
            check(waiting.clone(), false, Err(&message));
            check(waiting, true, Err(never));
        }
        let unknown = logged(&pod(&json!({"containers": []}), &json!([])), "c", false);
        assert_eq!(unknown.unwrap_err(), "container \"c\" in pod \"p\" is not available");
    }
}
