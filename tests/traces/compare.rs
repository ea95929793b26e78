//! When our replay of a trace is what was recorded.
//!
//! Kubernetes gathers changes of pods for a second, and writes a status twice in one sync; we do
//! neither. So what it shows, we show in the same order, and what we show for longer than it
//! gathers, it shows, too. It does not where 1.36.2 has a bug: while a pod waits for its back-off
//! and another is ready, it reports that none is active, which is refused, and so the status
//! freezes.

use super::story::{EventStory, PodStory, State, Story};

/// How long Kubernetes gathers changes of pods, and a little.
const GATHERED_SECONDS: f64 = 1.3;

/// What is gone before this was seen between two writes of one sync.
const BETWEEN_WRITES_SECONDS: f64 = 0.2;

/// How far apart the creation of a pod may be.
const CREATED_WITHIN_SECONDS: f64 = 1.5;

/// Everything in which `got` differs from `expect`, where a status may have frozen or not.
pub(super) fn differences(expect: &Story, got: &Story, may_freeze: bool) -> Vec<String> {
    let mut differences = Vec::new();
    let none = Vec::new();
    for (job, states) in &expect.states {
        let ours = got.states.get(job).unwrap_or(&none);
        let theirs: Vec<_> = lasting(states, BETWEEN_WRITES_SECONDS);
        differences.extend(missing(&theirs, &lasting(ours, 0.0), "is not shown"));
        let all: Vec<_> = lasting(states, 0.0);
        let mut lasting_ours = lasting(ours, GATHERED_SECONDS);
        lasting_ours.retain(|(t, state)| !may_freeze || !is_frozen(got, *t, state));
        differences.extend(missing(&lasting_ours, &all, "is ours alone"));
        if let (Some((_, expect)), Some((_, got))) = (states.last(), ours.last())
            && expect != got
        {
            differences.push(format!("the end of {job}: expected {expect:?}\n      got {got:?}"));
        }
    }
    if expect.jobs != got.jobs {
        differences.push(format!("in the end: expected {:?}\n  got {:?}", expect.jobs, got.jobs));
    }
    differences.extend(pods(expect, got));
    differences.extend(events(&expect.events, &got.events));
    differences
}

/// Whether 1.36.2 does not show a state of ours that began at `t`: a pod was ready, and the next
/// one to be made waited for its back-off.
fn is_frozen(got: &Story, t: f64, state: &State) -> bool {
    let later = got.pods.iter().map(|pod| pod.created).filter(|created| *created > t);
    let next = later.fold(f64::INFINITY, f64::min);
    let has_waited = |next: f64| {
        let mut causes = got.causes.iter();
        next.is_finite() && !causes.any(|cause| (0.0..GATHERED_SECONDS).contains(&(next - cause)))
    };
    state.has_ready_pods() && has_waited(next)
}

/// Those of `states` that last at least so many seconds, without repetition. The first and the last
/// always do.
fn lasting(states: &[(f64, State)], seconds: f64) -> Vec<(f64, &State)> {
    let mut lasting: Vec<(f64, &State)> = Vec::new();
    let mut changes: Vec<(f64, &State)> = Vec::new();
    for (t, state) in states {
        if changes.last().is_none_or(|(_, last)| *last != state) {
            changes.push((*t, state));
        }
    }
    for (place, (t, state)) in changes.iter().enumerate() {
        let until = changes.get(place + 1).map_or(f64::INFINITY, |(t, _)| *t);
        if until - t >= seconds && lasting.last().is_none_or(|(_, last)| last != state) {
            lasting.push((*t, state));
        }
    }
    lasting
}

/// The first of `some` that does not follow in `all`.
fn missing(some: &[(f64, &State)], all: &[(f64, &State)], how: &str) -> Option<String> {
    let mut rest = all.iter();
    let (t, state) = some.iter().find(|(_, state)| !rest.any(|(_, other)| other == state))?;
    let list = |states: &[(f64, &State)]| -> String {
        states.iter().map(|(t, state)| format!("\n      {t:.3} {state:?}")).collect()
    };
    Some(format!("at {t:.3} {state:?} {how}; in order, there is{}", list(all)))
}

fn pods(expect: &Story, got: &Story) -> Vec<String> {
    let sorted = |story: &Story| -> Vec<usize> {
        let mut places: Vec<_> = (0..story.pods.len()).collect();
        places.sort_by_key(|place| story.pods[*place].name.clone());
        places
    };
    let names = |story: &Story| -> Vec<String> {
        sorted(story).into_iter().map(|place| story.pods[place].name.clone()).collect()
    };
    if names(expect) != names(got) {
        return vec![format!("expected pods {:?}\n         got {:?}", names(expect), names(got))];
    }
    let pairs = sorted(expect).into_iter().zip(sorted(got));
    let pairs = pairs.map(|(left, right)| (&expect.pods[left], &got.pods[right]));
    pairs.flat_map(|(theirs, ours)| pod(expect, theirs, got, ours)).collect()
}

fn pod(expect: &Story, theirs: &PodStory, got: &Story, ours: &PodStory) -> Vec<String> {
    let mut differences = Vec::new();
    let name = &theirs.name;
    if theirs.made != ours.made {
        differences.push(format!("{name}: expected {}\n         got {}", theirs.made, ours.made));
    }
    if theirs.left != ours.left {
        differences.push(format!("{name} in the end: expected {}, got {}", theirs.left, ours.left));
    }
    let since = |story: &Story, pod: &PodStory| {
        let before = story.causes.iter().filter(|cause| **cause <= pod.created);
        pod.created - before.copied().fold(0.0, f64::max)
    };
    let (theirs_since, ours_since) = (since(expect, theirs), since(got, ours));
    let is_near = |left: f64, right: f64| (left - right).abs() <= CREATED_WITHIN_SECONDS;
    // What Kubernetes gathers adds up from one pod to the next, and then what counts is how long
    // after its cause a pod is made.
    let is_sooner = ours.created < theirs.created && is_near(theirs_since, ours_since);
    if !is_near(theirs.created, ours.created) && !is_sooner {
        differences.push(format!(
            "{name}: expected at {:.3}, {theirs_since:.3} s after its cause; got at {:.3}, \
             {ours_since:.3} s after",
            theirs.created, ours.created
        ));
    }
    differences
}

/// Events about each object, in order.
///
/// Those of one reason in a row are told by parallel workers, so their own order means nothing, nor
/// which of them are combined. Nor does how often it is told that pods are denied: Kubernetes tries
/// again a second after whatever happens to the Job, which is gathered there and not here.
fn events(expect: &[EventStory], got: &[EventStory]) -> Option<String> {
    let grouped = |events: &[EventStory]| -> Vec<EventStory> {
        let mut events = events.to_vec();
        events.sort_by_key(|event| event.about.clone());
        let groups = events.chunk_by(|left, right| left.reason == right.reason);
        groups.flat_map(|group| in_any_order(group.to_vec())).collect()
    };
    let (expect, got) = (grouped(expect), grouped(got));
    let list = |events: &[EventStory]| -> String {
        events.iter().map(|event| format!("\n      {event:?}")).collect()
    };
    (expect != got).then(|| format!("expected events{}\n    got{}", list(&expect), list(&got)))
}

fn in_any_order(mut events: Vec<EventStory>) -> Vec<EventStory> {
    if events.iter().any(|event| event.message.starts_with("(combined from similar events)")) {
        for event in &mut events {
            let what = event.message.rfind('<').unwrap_or(event.message.len());
            event.message.truncate(what);
        }
    }
    events.sort();
    events.dedup_by(|left, right| left == right && left.reason == "FailedCreate");
    events
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn story(states: &[(f64, Value)], pods: &[f64], causes: &[f64]) -> Story {
        let state = |(t, status): &(f64, Value)| {
            (*t, State::of(&serde_json::from_value(status.clone()).expect("a status"), false))
        };
        let pod = |(place, created): (usize, &f64)| PodStory {
            name: place.to_string(),
            created: *created,
            made: Value::Null,
            left: Value::Null,
        };
        Story {
            states: [("Job job".to_owned(), states.iter().map(state).collect())].into(),
            pods: pods.iter().enumerate().map(pod).collect(),
            causes: causes.to_vec(),
            ..Story::default()
        }
    }

    #[test]
    fn a_frozen_status_is_excused_only_where_it_freezes() {
        let status = |active: i32, ready: i32, failed: i32| json!({"active": active, "ready": ready, "failed": failed});
        let (before, after) = ((1.0, status(2, 2, 0)), (12.0, status(2, 2, 1)));
        let during = (2.0, status(1, 1, 1));
        let frozen = story(&[before.clone(), after.clone()], &[0.0, 0.1, 11.5], &[2.0]);
        let ours = |during| story(&[before, during, after], &[0.0, 0.1, 11.5], &[2.0]);
        let ours = ours(during);
        assert_eq!(differences(&frozen, &ours, true), [""; 0]);
        assert_eq!(differences(&frozen, &ours, false).len(), 1);
        // Nobody waits: the pod is made as soon as the other has failed.
        let at_once = Story { causes: vec![2.0, 11.4], ..ours };
        assert_eq!(differences(&frozen, &at_once, true).len(), 1);
    }
}
