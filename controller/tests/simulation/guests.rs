//! The runtime: guests that end in every way there is, as the seed has it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use mayfly_controller::node::{
    Container, ContainerEnd, Image, PodRuntime, Pull, PullError, StartError, Stream, Usage,
    UsageSource,
};
use tokio_util::sync::CancellationToken;

use crate::scenario::plays::{Play, Plays, SIDECAR};
use crate::world::World;

/// How long a guest goes on after everything has been mended.
const SOON: Duration = Duration::from_secs(3);

/// What every guest prints.
pub(crate) const HELLO: &[u8] = b"hello\n";

/// What every guest uses.
struct Hello;

impl UsageSource for Hello {
    fn usage(&self) -> Usage {
        Usage { printed_bytes: HELLO.len() as u64, ..Usage::default() }
    }
}

/// Runs the guests of one node.
pub(crate) struct Guests {
    world: Arc<World>,
    node: String,
    plays: Plays,
    random: Arc<Mutex<Rng>>,
    mended: CancellationToken,
}

impl Guests {
    pub(crate) fn new(
        world: Arc<World>,
        node: &str,
        plays: Plays,
        random: Arc<Mutex<Rng>>,
        mended: CancellationToken,
    ) -> Self {
        Self { world, node: node.to_owned(), plays, random, mended }
    }

    fn draw<T>(&self, draw: impl FnOnce(&Plays, &mut Rng) -> T) -> T {
        let plays =
            if self.mended.is_cancelled() { self.plays.mended() } else { self.plays.clone() };
        draw(&plays, &mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PodRuntime for Guests {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        let image = pull.image;
        let (takes, is_there) = self.draw(Plays::pull);
        tokio::time::sleep(takes).await;
        match is_there {
            true => {
                Ok(Image { id: format!("sha256:{image}"), was_present: takes.is_zero(), bytes: 1 })
            }
            false => Err(PullError::Failed(format!("{image}: not found"))),
        }
    }

    async fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        let play = self.draw(|plays, random| plays.run(&container.name, random));
        let is_sidecar = container.name == SIDECAR;
        let run = Run::begin(&self.world, &self.node, &container, &play);
        let _ = container.output.write(Stream::Stdout, HELLO);
        if !matches!(play, Play::Broken) {
            container.gauge.read_from(Hello);
        }
        let end = |exit_code: i32, reason: &str| {
            Ok(ContainerEnd {
                exit_code,
                reason: reason.to_owned(),
                message: None,
                termination_log: Vec::new(),
            })
        };
        let ended = match play {
            Play::Broken => Err(StartError("it is no module".to_owned())),
            Play::Exit { after, code, reason } => {
                let work = async {
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep(after) => {}
                        () = self.soon() => {}
                    }
                };
                match cancel.run_until_cancelled(work).await {
                    Some(()) => end(code, reason),
                    None => end(137, "Error"),
                }
            }
            Play::UntilStopped { after, code, is_stubborn } => {
                let stopped = async {
                    cancel.cancelled().await;
                    if is_stubborn {
                        std::future::pending::<()>().await;
                    }
                    tokio::time::sleep(after).await;
                };
                tokio::select! {
                    biased;
                    () = stopped => end(code, if code == 0 { "Completed" } else { "Error" }),
                    () = self.soon(), if !is_sidecar => end(0, "Completed"),
                }
            }
        };
        run.ended(&ended);
        ended
    }
}

impl Guests {
    /// A little after everything has been mended.
    async fn soon(&self) {
        self.mended.cancelled().await;
        tokio::time::sleep(SOON).await;
    }
}

/// One run that is going on. Dropped before its end, it was killed.
struct Run<'a> {
    world: &'a World,
    uid: String,
    container: String,
    restart: u32,
}

impl<'a> Run<'a> {
    fn begin(world: &'a World, node: &str, container: &Container, play: &Play) -> Self {
        let (uid, name) = (container.pod.uid.clone(), container.name.clone());
        let restart = container.restart_count;
        world.observe();
        world.note(|| format!("run {}/{name}#{restart} on {node}: {play:?}", container.pod.name));
        world.digest(format!("{} {name} {restart} {play:?}", container.pod.name).as_bytes());
        world.expect(world.ledger(|ledger| ledger.begin_run(node, &uid, &name, restart)));
        Self { world, uid, container: name, restart }
    }

    fn ended(&self, end: &Result<ContainerEnd, StartError>) {
        let code = end.as_ref().map_or(128, |end| end.exit_code);
        let (uid, container, restart) = (&self.uid, &self.container, self.restart);
        self.world.note(|| format!("end {uid} {container}#{restart}: {code}"));
        self.world.ledger(|ledger| ledger.guests.ended(uid, container, restart, code));
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.world.ledger(|ledger| ledger.guests.killed(&self.uid, &self.container, self.restart));
    }
}
