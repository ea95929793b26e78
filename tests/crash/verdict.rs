//! Whether a Job that has ended agrees with what its guests wrote. Pure.

use super::journal::Journal;
use super::kinds::Kind;
use super::ledger::{Ledger, Runs};
use super::seen::{SeenJob, SeenPod};

/// What the exit code of a container that was ended from outside is.
const KILLED: i32 = 137;

/// What is wrong with `job`, called `name`, and with its pods.
pub(super) fn complaints(
    name: &str,
    kind: &Kind,
    journal: &Journal,
    ledger: &Ledger,
) -> Vec<String> {
    let job = &journal.jobs[name];
    let mut complaints = counts(name, job, kind, journal, ledger);
    if job.end.is_some() && kind.is("completionMode") {
        complaints.extend(indexes(job, kind, ledger));
    }
    for (uid, pod) in journal.pods_of(name) {
        let runs = ledger.pods.get(uid);
        complaints.extend(pod_of(uid, pod, runs));
        if job.end.is_some() && !pod.is_gone && (pod.is_tracked || !pod.is_over()) {
            complaints.push(format!("pod {uid} is left uncounted: {pod:?}"));
        }
    }
    complaints.iter().map(|it| format!("{name}: {it}; it is {job:?}")).collect()
}

fn counts(
    name: &str,
    job: &SeenJob,
    kind: &Kind,
    journal: &Journal,
    ledger: &Ledger,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let Some((type_, reason)) = &job.end else { return complaints };
    if !kind.ends.contains(&(type_, reason)) {
        complaints.push(format!("it may not end {type_}/{reason}"));
    }
    if job.active > 0 {
        complaints.push("it has ended, with pods that have not".to_owned());
    }
    let completions = kind.completions().filter(|_| reason == "CompletionsReached");
    if completions.is_some_and(|wanted| wanted != job.succeeded) {
        complaints.push("it is not complete".to_owned());
    }
    let succeeded = ledger.ended(|code| code == 0);
    let failed = ledger.ended(|code| code != 0 && !kind.ignored.contains(&code));
    if !kind.kills {
        if (job.succeeded, job.failed) != (succeeded, failed) {
            complaints.push(format!("its guests wrote {succeeded} successes, {failed} failures"));
        }
        return complaints;
    }
    // A guest may have written its end when it was ended from outside, and what was ended so may be
    // gone before it is shown: then the truth lies between what was shown and what was written.
    let shown = |phase: &str| {
        let own = |pod: &SeenPod| pod.phase == phase && pod.exit_code != Some(KILLED);
        journal.pods_of(name).filter(|(_, pod)| own(pod) && !pod.is_deleting).count()
    };
    if !(shown("Succeeded")..=succeeded).contains(&job.succeeded) {
        let shown = shown("Succeeded");
        complaints.push(format!("{shown} pods succeeded, and its guests wrote {succeeded}"));
    }
    if job.failed < shown("Failed") {
        complaints.push(format!("{} pods failed, and its guests wrote {failed}", shown("Failed")));
    }
    complaints
}

fn indexes(job: &SeenJob, kind: &Kind, ledger: &Ledger) -> Vec<String> {
    let mut complaints = Vec::new();
    let succeeded = ledger.succeeded_indexes();
    if kind.kills {
        let shown = expand(&job.completed_indexes);
        if !shown.iter().all(|index| succeeded.contains(index)) {
            complaints.push(format!("its guests wrote successes of {succeeded:?}"));
        }
        return complaints;
    }
    // One that is there twice has succeeded twice.
    if expand(&job.completed_indexes) != succeeded {
        complaints.push(format!("its guests wrote successes of {succeeded:?}"));
    }
    if kind.is("backoffLimitPerIndex") && expand(&job.failed_indexes) != ledger.failed_indexes() {
        complaints.push(format!("its guests wrote failures of {:?}", ledger.failed_indexes()));
    }
    complaints
}

/// `1,3-5` as the numbers that it names.
fn expand(indexes: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().expect("an index must be a number");
    let ranges = indexes.split(',').filter(|it| !it.is_empty()).map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        number(first)..=number(last)
    });
    ranges.flatten().collect()
}

/// What is wrong with the runs of one pod.
fn pod_of(uid: &str, pod: &SeenPod, runs: Option<&Runs>) -> Vec<String> {
    let mut complaints = Vec::new();
    let Some((shown_at, kills)) = pod.over else { return complaints };
    let mut complain = |what: String| {
        complaints.push(format!("pod {uid} {what}; it is {pod:?}, its runs {runs:?}"));
    };
    let nothing = Runs::default();
    let runs = runs.unwrap_or(&nothing);
    if runs.starts.values().any(|started| *started > shown_at) {
        complain("ran again after its end was shown".to_owned());
    }
    // Each kill can cost it one run, whose end had not been recorded.
    let runs_max = 1 + pod.restarts + (kills - pod.made_after);
    if runs.starts.len() > runs_max {
        complain(format!("ran more than {runs_max} times"));
    }
    if pod.exit_code != Some(KILLED) && pod.exit_code != runs.result() {
        complain("ended otherwise than its guest wrote".to_owned());
    }
    if (pod.phase == "Succeeded") != (pod.exit_code == Some(0)) {
        complain("has a phase that is not of its end".to_owned());
    }
    complaints
}

/// What is wrong with the Jobs of a CronJob that makes one each minute: the name ends with which.
pub(super) fn missed(journal: &Journal) -> Vec<String> {
    let minutes = journal.jobs.keys().filter_map(|name| name.strip_prefix("cron-"));
    let minutes: Vec<u64> =
        minutes.map(|it| it.parse().expect("a minute must be a number")).collect();
    let gaps = minutes.windows(2).filter(|pair| pair[0] + 1 != pair[1]);
    gaps.map(|pair| format!("the CronJob has missed minutes between {pair:?}")).collect()
}
