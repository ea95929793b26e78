//! That what is recorded of the ends of containers and pods is what guests have done.

use mayfly_controller::api::Pod;

use super::guests::GuestBook;
use super::{Found, views};
use crate::world::uid;

/// That every end which `new` records and `old` did not is one that there was.
pub(crate) fn are_true(old: &Pod, new: &Pod, guests: &GuestBook) -> Found {
    for status in views::container_statuses(new) {
        let terminated = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        let Some(end) = terminated else { continue };
        let before = views::container_statuses(old).find(|before| before.name == status.name);
        if before.is_some_and(|before| before.state == status.state) {
            continue;
        }
        // What the node says of a run that it has lost, or dropped, is not the guest's word.
        let is_unseen = end.reason.as_deref() == Some("ContainerStatusUnknown")
            || end.message.as_deref() == Some("it was dropped");
        let restart = u32::try_from(status.restart_count).unwrap_or_default();
        let real = guests.ends_of(uid(new), &status.name, restart);
        if !is_unseen && !real.contains(&end.exit_code) {
            let (name, code) = (&status.name, end.exit_code);
            return Err(format!(
                "container {name}#{restart} is said to have ended with {code}, and did with {real:?}"
            ));
        }
    }
    if views::phase(new) == "Succeeded" && views::phase(old) != "Succeeded" {
        return succeeded(new);
    }
    Ok(())
}

/// That a pod which has succeeded has no main container that did not.
fn succeeded(pod: &Pod) -> Found {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    for status in statuses {
        let terminated = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        if terminated.is_none_or(|end| end.exit_code != 0) {
            return Err(format!("it has succeeded, and its container {} has not", status.name));
        }
    }
    Ok(())
}
