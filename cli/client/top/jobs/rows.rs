//! The lines of the list: Jobs, and pods under those that are unfolded. Pure.

use std::cmp::Reverse;

use jiff::Timestamp;
use mayfly_controller::http::table::span;

use super::known::{Job, Known, Place, Pod};
use super::view::{Sort, View};
use crate::client::top::used::Used;

/// The names of the columns, the namespace before them; it is shown where there are several.
pub(super) const TITLES: [&str; 11] = [
    "NAMESPACE",
    "NAME",
    "STATE",
    "DONE",
    "ACTIVE",
    "FAILED",
    "AGE",
    "CPU",
    "CPU%",
    "MEMORY",
    "FUEL",
];

/// The last of them, which is shown where there is any.
pub(super) const FUEL: usize = TITLES.len() - 1;

/// Which of them are texts, and begin at the left.
pub(super) const TEXTS: usize = 3;

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Of {
    Job(Place),
    Pod(Place),
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) of: Of,
    /// Under [`TITLES`].
    pub(super) cells: [String; 11],
    /// Whether nothing changes here any more.
    pub(super) has_ended: bool,
}

/// A Job, with what its pods use together.
struct Line<'a> {
    place: &'a Place,
    job: &'a Job,
    pods: Vec<(&'a Place, &'a Pod)>,
    used: Option<Used>,
}

/// What is to be seen of `known`, in order.
pub(super) fn rows(known: &Known, view: &View, now: Timestamp) -> Vec<Row> {
    let mut by_job = known.by_job();
    let is_shown = |(place, job): &(&Place, &Job)| {
        view.matches(place) && !(view.hides_ended && job.has_ended())
    };
    let mut lines: Vec<Line<'_>> = known
        .jobs
        .iter()
        .filter(is_shown)
        .map(|(place, job)| {
            let pods = by_job.remove(job.uid.as_str()).unwrap_or_default();
            let used = sum(pods.iter().filter_map(|(place, _)| known.used.get(*place)));
            Line { place, job, pods, used }
        })
        .collect();
    sort(&mut lines, view);
    let mut rows = Vec::with_capacity(lines.len());
    for line in &mut lines {
        rows.push(of_job(line, known, now));
        if view.is_unfolded(line.place) {
            // Those that run are looked for first.
            line.pods.sort_by_key(|(place, _)| {
                let used = known.used.get(*place);
                (Reverse(used.map(|it| it.cpu.millis())), *place)
            });
            rows.extend(line.pods.iter().map(|(place, pod)| of_pod(place, pod, known, now)));
        }
    }
    rows
}

fn sum<'a>(all: impl Iterator<Item = &'a Used>) -> Option<Used> {
    all.copied().reduce(|sum, it| sum + it)
}

/// The busiest, largest or newest first; by name, as names go.
fn sort(lines: &mut [Line<'_>], view: &View) {
    let used = |line: &Line<'_>| line.used.unwrap_or_default();
    match view.sort {
        // They are in the order of their names already, and stay so where they are alike.
        Sort::Name => {}
        Sort::Cpu => lines.sort_by_key(|line| Reverse(used(line).cpu.millis())),
        Sort::Memory => lines.sort_by_key(|line| Reverse(used(line).memory.units())),
        Sort::Age => lines.sort_by_key(|line| Reverse(line.job.created)),
    }
    if view.is_reversed {
        lines.reverse();
    }
}

fn of_job(line: &Line<'_>, known: &Known, now: Timestamp) -> Row {
    let Line { place, job, pods, used } = line;
    let done = match job.completions {
        Some(all) => format!("{}/{all}", job.succeeded),
        None => job.succeeded.to_string(),
    };
    let fuel = pods.iter().filter_map(|(_, pod)| pod.fuel).reduce(u64::saturating_add);
    let [cpu, share, memory] = use_cells(*used, known);
    Row {
        of: Of::Job((*place).clone()),
        cells: [
            place.0.clone(),
            place.1.clone(),
            job.state.to_owned(),
            done,
            job.active.to_string(),
            job.failed.to_string(),
            age(job.created, now),
            cpu,
            share,
            memory,
            fuel.map_or_else(nothing, short),
        ],
        has_ended: job.has_ended(),
    }
}

fn of_pod(place: &Place, pod: &Pod, known: &Known, now: Timestamp) -> Row {
    let [cpu, share, memory] = use_cells(known.used.get(place).copied(), known);
    let fuel = match (pod.fuel, pod.fuel_max) {
        (None, None) => nothing(),
        (used, None) => used.map_or_else(nothing, short),
        // What a container that runs has used of it is not told.
        (used, Some(most)) => format!("{}/{}", used.map_or_else(nothing, short), short(most)),
    };
    let restarts = match pod.restarts {
        0 => String::new(),
        1 => "1 restart".to_owned(),
        count => format!("{count} restarts"),
    };
    Row {
        of: Of::Pod(place.clone()),
        cells: [
            String::new(),
            format!("  {}", place.1),
            pod.state.clone(),
            restarts,
            String::new(),
            String::new(),
            age(pod.created, now),
            cpu,
            share,
            memory,
            fuel,
        ],
        has_ended: matches!(pod.state.as_str(), "Succeeded" | "Failed"),
    }
}

/// Cores, their share of all that there are, and memory.
fn use_cells(used: Option<Used>, known: &Known) -> [String; 3] {
    let Some(used) = used else { return [nothing(), nothing(), nothing()] };
    let share = known.nodes.as_ref().map(|nodes| share(used.cpu.millis(), nodes.has.cpu.millis()));
    [cores(used.cpu.millis()), share.unwrap_or_else(nothing), bytes(used.memory.units())]
}

/// What stands where there is nothing to say.
pub(super) const NOTHING: &str = "-";

fn nothing() -> String {
    NOTHING.to_owned()
}

fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    since.map_or_else(nothing, |since| {
        span(now.duration_since(since).max(jiff::SignedDuration::ZERO))
    })
}

/// Thousandths of a core as cores.
pub(super) fn cores(millis: i64) -> String {
    format!("{}.{:02}", millis / 1000, millis % 1000 / 10)
}

/// In per cent, with a digit more where it is small.
pub(super) fn share(part: i64, whole: i64) -> String {
    let tenths = if whole <= 0 { 0 } else { part.saturating_mul(1000) / whole };
    match tenths {
        0..100 => format!("{}.{}%", tenths / 10, tenths % 10),
        _ => format!("{}%", tenths / 10),
    }
}

/// Bytes as people write them.
pub(super) fn bytes(count: i64) -> String {
    scaled(count.max(0).unsigned_abs(), 1024, &["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
}

/// A number in few digits.
fn short(number: u64) -> String {
    scaled(number, 1000, &["", "k", "M", "G", "T", "P", "E"])
}

/// Two or three digits of `number`, and a unit.
fn scaled(number: u64, step: u64, units: &[&str]) -> String {
    let (mut whole, mut rest, mut unit) = (number, 0, 0);
    while whole >= step && unit + 1 < units.len() {
        (whole, rest, unit) = (whole / step, whole % step, unit + 1);
    }
    match (unit, whole) {
        (1.., 0..10) => format!("{whole}.{}{}", rest * 10 / step, units[unit]),
        _ => format!("{whole}{}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_few_characters() {
        assert_eq!([0, 9, 250, 1999].map(cores), ["0.00", "0.00", "0.25", "1.99"]);
        assert_eq!(share(1, 1000), "0.1%");
        assert_eq!(share(500, 1000), "50%");
        assert_eq!(share(5, 0), "0.0%");
        assert_eq!(
            [0, 1023, 1536, 50 << 20, 3 << 30].map(bytes),
            ["0", "1023", "1.5Ki", "50Mi", "3.0Gi"]
        );
        assert_eq!([999, 1_250, 5_000_000_000].map(short), ["999", "1.2k", "5.0G"]);
        assert_eq!(short(u64::MAX), "18E");
    }
}
