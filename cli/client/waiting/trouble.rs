//! What holds pods up: images that can't be had, no room, containers that fail and wait. Pure.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::client::table::on_one_line;

/// How many reasons are remembered as told. Stops a server that makes up new ones from filling memory;
/// there are some dozens.
const TOLD_MAX: usize = 200;

/// How many pods that wait are remembered. Stops a Job of very many from doing so; the line has room
/// for one.
const HELD_UP_MAX: usize = 1_000;

/// Waiting reasons that are no trouble.
const USUAL: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// What holds up the pods that were seen.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Reasons that were told.
    told: HashSet<String>,
    /// By name, the reason that each of them waits for.
    held_up: BTreeMap<String, String>,
}

impl Trouble {
    /// Takes note of `pod`, which may be gone; a line for each reason that is new.
    ///
    /// One reason is told once, of whichever pod has it first: a Job's pods tend to wait alike.
    pub(super) fn see(&mut self, pod: &Value, is_gone: bool) -> Vec<String> {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        self.held_up.remove(name);
        if is_gone {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for (reason, message) in waits(pod) {
            if self.held_up.len() < HELD_UP_MAX {
                self.held_up.entry(name.to_owned()).or_insert_with(|| reason.to_owned());
            }
            if self.told.len() < TOLD_MAX && self.told.insert(reason.to_owned()) {
                // What an image is called may be meant for the terminal.
                let [name, reason, message] = [name, reason, message].map(on_one_line);
                let why = if message.is_empty() { reason } else { format!("{reason}: {message}") };
                lines.push(format!("pod/{name} waits because of {why}"));
            }
        }
        lines
    }

    /// All of it in few words, if there is any.
    pub(super) fn summary(&self) -> Option<String> {
        let (name, reason) = self.held_up.first_key_value()?;
        let [name, reason] = [name, reason].map(|it| on_one_line(it));
        Some(match self.held_up.len() {
            1 => format!("pod/{name} waits: {reason}"),
            count => format!("{count} pods wait: {reason}"),
        })
    }
}

/// Why `pod` waits, in a word and a sentence each; nothing if it only has not begun yet.
fn waits(pod: &Value) -> Vec<(&str, &str)> {
    let status = &pod["status"];
    let list = |key: &str| status[key].as_array().into_iter().flatten();
    let unplaced = list("conditions")
        .filter(|it| it["type"] == "PodScheduled" && it["status"] == "False")
        .map(|it| (&it["reason"], &it["message"]));
    let containers = list("initContainerStatuses").chain(list("containerStatuses"));
    let waiting = containers.map(|it| &it["state"]["waiting"]);
    let waiting = waiting.map(|it| (&it["reason"], &it["message"]));
    unplaced
        .chain(waiting)
        .filter_map(|(reason, message)| {
            let reason = reason.as_str().filter(|reason| !USUAL.contains(reason))?;
            Some((reason, message.as_str().unwrap_or_default()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn waiting(name: &str, reason: &str, message: &str) -> Value {
        json!({"metadata": {"name": name}, "status": {"containerStatuses": [
            {"state": {"waiting": {"reason": reason, "message": message}}}]}})
    }

    #[test]
    fn a_reason_is_told_once_and_shown_as_long_as_it_holds() {
        let mut trouble = Trouble::default();
        let mut check = |pod: &Value, is_gone: bool, told: &[&str], summary: Option<&str>| {
            assert_eq!(trouble.see(pod, is_gone), told, "{pod}");
            assert_eq!(trouble.summary().as_deref(), summary, "{pod}");
        };
        check(&waiting("a", "ContainerCreating", ""), false, &[], None);
        check(
            &waiting("a", "ErrImagePull", "no such image"),
            false,
            &["pod/a waits because of ErrImagePull: no such image"],
            Some("pod/a waits: ErrImagePull"),
        );
        check(
            &waiting("a", "ImagePullBackOff", "Back-off"),
            false,
            &["pod/a waits because of ImagePullBackOff: Back-off"],
            Some("pod/a waits: ImagePullBackOff"),
        );
        check(&waiting("a", "ErrImagePull", "x"), false, &[], Some("pod/a waits: ErrImagePull"));
        check(&waiting("b", "ErrImagePull", "x"), false, &[], Some("2 pods wait: ErrImagePull"));
        check(&waiting("b", "ErrImagePull", "x"), true, &[], Some("pod/a waits: ErrImagePull"));
        let runs = json!({"metadata": {"name": "a"}, "status": {"containerStatuses": [
            {"state": {"running": {}}}]}});
        check(&runs, false, &[], None);
        let condition = json!({"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/1 nodes are available"});
        check(
            &json!({"metadata": {"name": "c"}, "status": {"conditions": [condition]}}),
            false,
            &["pod/c waits because of Unschedulable: 0/1 nodes are available"],
            Some("pod/c waits: Unschedulable"),
        );
    }

    #[test]
    fn no_name_paints_the_terminal() {
        let told = Trouble::default().see(&waiting("a", "Err\u{1b}[2J", "x\ny\u{7}"), false);
        assert_eq!(told.len(), 1);
        assert!(!told[0].contains(['\u{1b}', '\u{7}', '\n']), "{told:?}");
    }
}
