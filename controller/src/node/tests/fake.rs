//! A runtime that runs nothing: each container plays its script.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::node::{
    Container, ContainerEnd, Image, LoginFile, PodRuntime, Pull, PullError, PullPolicy, StartError,
    Stream, Usage, UsageSource,
};

/// How one run of a container goes.
#[derive(Clone, Debug)]
pub(super) enum Play {
    /// Runs for so many seconds, then ends with this exit code.
    Exit(f64, i32),
    /// The same, and uses so much.
    Uses(f64, i32, Usage),
    /// Runs until it is ended.
    Forever,
    /// Runs until it is ended, and takes so many seconds for that.
    Lingers(f64),
    /// Does not even end when it is told to.
    Stubborn,
    /// Prints this and ends.
    Print(&'static str, i32),
    /// Writes this as its termination message and ends.
    Message(&'static str, i32),
    /// Can't be started.
    Broken,
    Panics,
}

/// A usage that does not change.
struct Used(Usage);

impl UsageSource for Used {
    fn usage(&self) -> Usage {
        self.0
    }
}

#[derive(Default)]
pub(super) struct FakeRuntime {
    scripts: HashMap<&'static str, Vec<Play>>,
    /// What was run, in order, with its environment and arguments.
    pub(super) runs: Mutex<Vec<Container>>,
    /// What was asked for, in order, with whose logins.
    pub(super) pulls: Mutex<Vec<(String, Vec<LoginFile>)>>,
    /// After so many failures an image is there.
    pub(super) missing: Mutex<HashMap<&'static str, u32>>,
    /// So many seconds an image takes to be fetched, each time.
    slow: HashMap<&'static str, f64>,
}

impl FakeRuntime {
    /// The runs of a container by its name, the last one for all that follow.
    pub(super) fn plays(mut self, container: &'static str, runs: &[Play]) -> Self {
        self.scripts.insert(container, runs.to_vec());
        self
    }

    /// An image that is there after so many attempts.
    pub(super) fn lacks(self, image: &'static str, attempts: u32) -> Self {
        self.missing.lock().unwrap().insert(image, attempts);
        self
    }

    /// An image that takes so many seconds to be fetched.
    pub(super) fn fetches(mut self, image: &'static str, seconds: f64) -> Self {
        self.slow.insert(image, seconds);
        self
    }

    /// The names of the containers that were run, in order.
    pub(super) fn names(&self) -> String {
        let runs = self.runs.lock().unwrap();
        runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn run_count(&self) -> usize {
        self.runs.lock().unwrap().len()
    }
}

impl PodRuntime for FakeRuntime {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        let image = pull.image;
        self.pulls.lock().unwrap().push((image.clone(), pull.logins));
        if let Some(seconds) = self.slow.get(image.as_str()) {
            pull.fetching.notify_one();
            tokio::time::sleep(Duration::from_secs_f64(*seconds)).await;
            return Ok(Image { id: format!("sha256:{image}"), was_present: false, bytes: 7 });
        }
        let mut missing = self.missing.lock().unwrap();
        match missing.get_mut(image.as_str()) {
            Some(0) | None => {
                Ok(Image { id: format!("sha256:{image}"), was_present: true, bytes: 1 })
            }
            Some(_) if pull.policy == PullPolicy::Never => Err(PullError::NeverPull { image }),
            Some(attempts) => {
                *attempts -= 1;
                Err(PullError::Failed(format!("{image}: not found")))
            }
        }
    }

    async fn run(
        &self,
        container: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        let script = self.scripts.get(container.name.as_str()).expect("it must have a script");
        let earlier = {
            let mut runs = self.runs.lock().unwrap();
            let same = |run: &&Container| run.pod == container.pod && run.name == container.name;
            let earlier = runs.iter().filter(same).count();
            runs.push(container.clone());
            earlier
        };
        let play = script.get(earlier).or(script.last()).expect("it must not be empty").clone();
        let end = |exit_code: i32| {
            let reason = if exit_code == 0 { "Completed" } else { "Error" };
            Ok(ContainerEnd {
                exit_code,
                reason: reason.to_owned(),
                message: None,
                termination_log: Vec::new(),
            })
        };
        match play {
            Play::Exit(seconds, code) => tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => end(code),
                () = cancel.cancelled() => end(137),
            },
            Play::Uses(seconds, code, usage) => {
                container.gauge.read_from(Used(usage));
                let work = tokio::time::sleep(Duration::from_secs_f64(seconds));
                end(cancel.run_until_cancelled(work).await.map_or(137, |()| code))
            }
            Play::Forever => {
                cancel.cancelled().await;
                end(137)
            }
            Play::Lingers(seconds) => {
                cancel.cancelled().await;
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                end(137)
            }
            Play::Stubborn => std::future::pending().await,
            Play::Print(text, code) => {
                container.output.write(Stream::Stdout, text.as_bytes()).unwrap();
                end(code)
            }
            Play::Message(text, code) => {
                let termination_log = text.as_bytes().to_vec();
                end(code).map(|end| ContainerEnd { termination_log, ..end })
            }
            Play::Broken => Err(StartError("it is no module".to_owned())),
            Play::Panics => panic!("as it was told to"),
        }
    }
}
