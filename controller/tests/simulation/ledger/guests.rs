//! What guests have really done.

use std::collections::BTreeMap;

use super::Found;

/// Every run of every container there ever was.
#[derive(Default)]
pub(crate) struct GuestBook {
    containers: BTreeMap<(String, String), Runs>,
    /// How many runs there ever were, by the uid of their pod.
    begun: BTreeMap<String, u64>,
}

/// The runs of one container.
#[derive(Default)]
struct Runs {
    /// The one that is going on, by the restarts before it.
    going_on: Option<u32>,
    /// How each has ended, by the restarts before it; the same one may run again when it was lost,
    /// and only then be told to have ended, when the report was on its way for long.
    ended: BTreeMap<u32, Vec<i32>>,
}

impl GuestBook {
    pub(crate) fn begin(&mut self, pod: &str, container: &str, restart: u32) -> Found {
        *self.begun.entry(pod.to_owned()).or_default() += 1;
        let runs = self.runs(pod, container);
        if let Some(other) = runs.going_on.replace(restart) {
            return Err(format!(
                "container {container} of {pod} runs twice at once: #{other} and #{restart}"
            ));
        }
        Ok(())
    }

    pub(crate) fn ended(&mut self, pod: &str, container: &str, restart: u32, code: i32) {
        let runs = self.runs(pod, container);
        runs.going_on = None;
        runs.ended.entry(restart).or_default().push(code);
    }

    /// A run is no more, if it was still going on.
    pub(crate) fn killed(&mut self, pod: &str, container: &str, restart: u32) {
        let runs = self.runs(pod, container);
        if runs.going_on == Some(restart) {
            runs.going_on = None;
        }
    }

    /// All runs are no more.
    pub(crate) fn kill_all(&mut self) {
        for runs in self.containers.values_mut() {
            runs.going_on = None;
        }
    }

    /// How the run has ended, each time that it came to its end.
    pub(crate) fn ends_of(&self, pod: &str, container: &str, restart: u32) -> &[i32] {
        let runs = self.containers.get(&(pod.to_owned(), container.to_owned()));
        runs.and_then(|runs| runs.ended.get(&restart)).map_or(&[], Vec::as_slice)
    }

    /// How many runs a pod has had.
    pub(crate) fn begun(&self, pod: &str) -> u64 {
        self.begun.get(pod).copied().unwrap_or_default()
    }

    /// The containers that run, by the uid of their pod.
    pub(crate) fn going_on(&self) -> impl Iterator<Item = (&str, &str)> {
        let runs = self.containers.iter().filter(|(_, runs)| runs.going_on.is_some());
        runs.map(|((pod, container), _)| (pod.as_str(), container.as_str()))
    }

    fn runs(&mut self, pod: &str, container: &str) -> &mut Runs {
        self.containers.entry((pod.to_owned(), container.to_owned())).or_default()
    }
}
