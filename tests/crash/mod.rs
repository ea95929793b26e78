//! A running server is killed again and again, at any moment; in the end nothing is lost, and
//! nothing is counted twice.
//!
//! ```text
//! round:  start ─▶ list, watch ─▶ make, change and delete Jobs ─▶ kill -9      (or kill at start-up)
//!                      └▶ journal: what was shown    guests ─▶ ledger: what was done
//! end:    every Job ends ─▶ journal and ledger agree
//! ```
//!
//! The same with two servers that have their state in etcd, of which the one that leads is killed, and
//! the nodes go on.
//!
//! Knows `mayfly serve`, its API through kube-rs, and the files that guests leave in a shared volume.

mod chance;
mod journal;
mod kinds;
mod leaders;
mod ledger;
mod round;
mod seen;
mod user;
mod verdict;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chance::Chance;
use journal::Journal;
use kinds::kind_of;
use ledger::Ledger;
use round::Rounds;

use crate::harness::{Home, say};

/// Says how many rounds there are to be.
const ROUNDS: &str = "MAYFLY_CRASH_ROUNDS";

/// What nobody says otherwise: a minute's worth.
const ROUNDS_USUAL: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_counted_twice_when_the_server_is_killed() {
    let rounds = std::env::var(ROUNDS).map_or(ROUNDS_USUAL, |text| {
        text.parse().unwrap_or_else(|_| panic!("{ROUNDS} must be a number: {text}"))
    });
    let mut chance = Chance::new();
    say!("crash: {rounds} rounds; {ROUNDS}={rounds} {} makes them again", chance.replay());
    let home = Home::new();
    let shared = home.path("shared");
    fs::create_dir(&shared).expect("the volume must be made");
    let journal = Shared::default();
    let mut server = Rounds::new(&home, &shared, &journal);
    for round in 1..=rounds {
        server.round(&mut chance).await;
        let ended: Vec<String> = journal.lock().ended.iter().cloned().collect();
        journal.is_right(&ended, &format!("in round {round} of {}", chance.replay()), &shared);
    }
    server.last().await;
    let all: Vec<String> = journal.lock().jobs.keys().cloned().collect();
    journal.note(|journal| journal.complaints.extend(verdict::missed(journal)));
    journal.is_right(&all, &format!("after all rounds of {}", chance.replay()), &shared);
    let lost = summary(&journal.lock(), &shared);
    assert!(rounds < ROUNDS_USUAL || lost > 0, "no run was lost, so nothing has been shown");
}

/// The journal, which watchers write to while a user acts.
#[derive(Default)]
struct Shared {
    journal: Mutex<Journal>,
    /// Something was written.
    news: tokio::sync::Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes, and says so.
    fn note(&self, write: impl FnOnce(&mut Journal)) {
        write(&mut self.lock());
        self.news.notify_waiters();
    }

    /// Fails if anything has been shown that can't be right, of `jobs` or at all.
    fn is_right(&self, jobs: &[String], when: &str, shared: &Path) {
        let journal = self.lock();
        let mut complaints = journal.complaints.clone();
        for name in jobs {
            let ledger = Ledger::read(&shared.join(name));
            complaints.extend(verdict::complaints(name, kind_of(name), &journal, &ledger));
        }
        assert!(complaints.is_empty(), "{when}:\n{}", complaints.join("\n"));
    }
}

/// Tells what there was, and gives how many runs were lost.
fn summary(journal: &Journal, shared: &Path) -> usize {
    let (mut runs, mut lost) = (0, 0);
    let mut kinds = BTreeSet::new();
    for name in journal.jobs.keys() {
        kinds.insert(kind_of(name).name);
        for (uid, of_pod) in &Ledger::read(&shared.join(name)).pods {
            let restarts = journal.pods.get(uid).map_or(0, |pod| pod.restarts);
            runs += of_pod.starts.len();
            lost += of_pod.starts.len().saturating_sub(1 + restarts);
        }
    }
    let (jobs, pods, kills) = (journal.jobs.len(), journal.pods.len(), journal.kills);
    say!(
        "crash: {kills} kills; {jobs} Jobs of {} kinds, {pods} pods, {runs} runs, of which {lost} \
         were lost and made again",
        kinds.len(),
    );
    lost
}
