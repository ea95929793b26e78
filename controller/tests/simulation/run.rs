//! One simulation: lives of the process one after another, each in a runtime of its own.
//!
//! ```text
//! seed ─▶ scenario ─▶ life ─ crash ─▶ life ─ crash ─▶ … ─▶ mended ─▶ everything ends ─▶ checked
//! ```
//!
//! A crash drops the runtime, and with it every task wherever it was: nothing of the process is
//! asked or told, as with `kill -9`. What stays is the disk, the time, and the folders of the nodes.

use std::path::Path;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use mayfly_controller::job::BackoffSettings;
use mayfly_controller::node::LostRuns;
use mayfly_controller::store::{Names, Store};
use mayfly_controller::{ControlPlane, Settings};
use tokio::runtime;
use tokio_util::sync::CancellationToken;

use crate::disk::SimulatedDisk;
use crate::ending;
use crate::guests::Guests;
use crate::history::Detail;
use crate::ledger::Seen;
use crate::node::{self, SecondNode};
use crate::people::People;
use crate::scenario::Scenario;
use crate::scenario::faults::Fault;
use crate::world::{Stop, World};

/// What came of a simulation in which everything was as it must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    /// Tells its history from others.
    pub(crate) fingerprint: u64,
    /// How much has happened in it.
    pub(crate) seen: Seen,
}

/// What was wrong.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) complaint: String,
    /// The end of the history.
    pub(crate) tail: String,
}

/// Plays `scenario`.
pub(crate) fn play(seed: u64, scenario: &Scenario, detail: Detail) -> Result<Summary, Failure> {
    let world = World::new(detail);
    let root = folder();
    let mut random = Rng::with_seed(seed.rotate_left(32) ^ 1);
    let disk = SimulatedDisk::new(Arc::clone(&world), scenario.faults.disk.clone(), random.fork());
    let mut simulation = Simulation {
        seed,
        scenario,
        guests: Arc::new(Mutex::new(random.fork())),
        random,
        disk,
        world: Arc::clone(&world),
        next_action: 0,
        next_fault: 0,
        is_second_node_away: None,
    };
    let mut lives = 0;
    loop {
        lives += 1;
        match simulation.live(lives, root.path()) {
            None => break,
            Some(Stop::Crash { .. }) => {}
            Some(Stop::Violation(complaint)) => {
                let tail = world.tail(lines_max());
                return Err(Failure { seed, complaint, tail });
            }
        }
    }
    let seen = Seen { lives, ..world.ledger(|ledger| ledger.seen) };
    Ok(Summary { fingerprint: world.fingerprint(), seen })
}

/// Where the nodes keep their files: in memory where that can be had, for they end with the
/// simulation.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// How much of a history a failure prints: its end, or all of it to whoever has asked for this seed.
fn lines_max() -> usize {
    if std::env::var_os("MAYFLY_SEED").is_some() { usize::MAX } else { 60 }
}

struct Simulation<'a> {
    seed: u64,
    scenario: &'a Scenario,
    random: Rng,
    guests: Arc<Mutex<Rng>>,
    disk: SimulatedDisk,
    world: Arc<World>,
    /// What has been done outlives a crash, by its place in the scenario.
    next_action: usize,
    next_fault: usize,
    is_second_node_away: Option<Fault>,
}

/// One life of the process.
struct Life<'a> {
    world: &'a Arc<World>,
    scenario: &'a Scenario,
    disk: &'a SimulatedDisk,
    store: Store,
    mended: CancellationToken,
    second_node: Option<SecondNode>,
}

impl Simulation<'_> {
    /// One life of the process. Gives why it ended; nothing if everything was done.
    fn live(&mut self, number: u64, root: &Path) -> Option<Stop> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        self.disk.power_on();
        let world = Arc::clone(&self.world);
        runtime.block_on(async {
            world.note(|| format!("life {number} begins"));
            tokio::select! {
                biased;
                () = world.stopped() => {}
                () = self.work(number, root) => {}
            }
            self.disk.power_off();
            world.end_life()
        })
    }

    async fn work(&mut self, number: u64, root: &Path) {
        let clock = self.world.begin_life();
        let names = Names::seeded(self.seed.wrapping_mul(31).wrapping_add(number));
        let store = Store::simulated(self.disk.clone(), clock, names);
        let store = store.expect("a simulated disk can be read");
        self.world.attach(&store);
        let mended = CancellationToken::new();
        let guests = |name: &str| {
            let (world, plays) = (Arc::clone(&self.world), self.scenario.plays.clone());
            let random = Arc::clone(&self.guests);
            Arc::new(Guests::new(world, name, plays, random, mended.clone()))
        };
        let lost_runs = if self.scenario.runs_again { LostRuns::RunAgain } else { LostRuns::Count };
        let pods_max = self.scenario.node_pods_max;
        let node = |name: &str| node::settings(name, root.join(name), lost_runs, pods_max);
        let settings = Settings {
            backoff: BackoffSettings::default(),
            node: node("first"),
            root_ca: None,
            terminated_pod_gc_threshold: self.scenario.ended_pods_max,
        };
        // Held until the runtime is dropped, and stopped by nothing else.
        let plane = ControlPlane::start(store.clone(), guests("first"), settings);
        let second_node = self.scenario.has_second_node.then(|| {
            let random = self.random.fork();
            SecondNode::start(store.clone(), guests("second"), node("second"), random)
        });
        let (world, scenario, disk) = (Arc::clone(&self.world), self.scenario, self.disk.clone());
        let life = Life {
            world: &world,
            scenario,
            disk: &disk,
            store: store.clone(),
            mended,
            second_node,
        };
        if let (Some(second_node), Some(away)) = (&life.second_node, &self.is_second_node_away) {
            second_node.suffer(away);
        }
        let people = People::new(&world, store);
        let all = async {
            let acting = life.act(&people, &mut self.next_action);
            let failing = life.fail(&mut self.next_fault, &mut self.is_second_node_away);
            futures_util::future::join(acting, failing).await;
            world.until(scenario.lasts).await;
            life.mend();
            people.suspend_cron_jobs().await;
            ending::everything_ends(&world, &life.store).await;
        };
        tokio::select! {
            biased;
            () = plane.ended() => world.expect(Err("a component has ended by itself".to_owned())),
            () = all => {}
        }
    }
}

impl Life<'_> {
    /// What people do, at their times. What a crash comes into is done again.
    async fn act(&self, people: &People<'_>, next: &mut usize) {
        while let Some((at, action)) = self.scenario.actions.get(*next) {
            self.world.until(*at).await;
            people.act(action).await;
            *next += 1;
        }
    }

    /// What goes wrong, at its times.
    async fn fail(&self, next: &mut usize, away: &mut Option<Fault>) {
        while let Some((at, fault)) = self.scenario.faults.events.get(*next) {
            self.world.until(*at).await;
            *next += 1;
            self.world.note(|| format!("{fault:?}"));
            match fault {
                Fault::ClockJump(by) => self.world.jump(self.store.clock(), *by),
                Fault::Crash { away } => {
                    self.world.stop(Stop::Crash { away: *away });
                    std::future::pending::<()>().await;
                }
                Fault::NodeCutOff | Fault::NodeKilled => *away = Some(fault.clone()),
                Fault::NodeReturns => *away = None,
            }
            if let Some(second_node) = &self.second_node {
                second_node.suffer(fault);
            }
        }
    }

    /// Nothing goes wrong any more.
    fn mend(&self) {
        self.world.note(|| "everything is mended".to_owned());
        self.disk.mend();
        self.mended.cancel();
        if let Some(second_node) = &self.second_node {
            second_node.restore();
        }
    }
}
