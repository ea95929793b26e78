//! The rounds: a server is started, looked at and used, and killed.

use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::Shared;
use super::chance::Chance;
use super::kinds::IMAGE;
use super::user::User;
use crate::harness::{Ended, Home, Running, Server, guest};

/// The longest time until a server is killed, since it was started and since it served.
const MOMENT_MAX: Duration = Duration::from_secs(1);

/// One start of so many is cut off before the server is seen to serve.
const STARTS_CUT: u32 = 5;

/// How long the last server may take to bring everything to its end; only a fault takes as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server, which is started again and again on the same state.
pub(super) struct Rounds<'a> {
    home: &'a Home,
    options: Vec<String>,
    user: User<'a>,
    journal: &'a Shared,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(home: &'a Home, shared: &'a Path, journal: &'a Shared) -> Self {
        let path = shared.to_str().expect("the folder must be UTF-8");
        let image = format!("--image={IMAGE}={}", guest("job_ledger"));
        // Retries come soon, so that a round sees some.
        let backoff = ["--backoff-base=5ms".to_owned(), "--backoff-max=20ms".to_owned()];
        let options = [image, format!("--host-path={path}")].into_iter().chain(backoff).collect();
        Self { home, options, user: User::new(path, journal), journal }
    }

    fn options(&self) -> Vec<&str> {
        self.options.iter().map(String::as_str).collect()
    }

    /// A server comes and is killed.
    pub(super) async fn round(&mut self, chance: &mut Chance) {
        let moment = chance.moment(MOMENT_MAX);
        let ended = if chance.one_in(STARTS_CUT) {
            let arguments = [&["serve", "--listen", "127.0.0.1:0"], &self.options()[..]].concat();
            let server: Running = self.home.start(&arguments);
            // Nothing is waited for: the moment is what is tried.
            tokio::time::sleep(moment).await;
            server.kill()
        } else {
            let server = Server::start(self.home, &self.options());
            let client = client(&server).await;
            let started = Instant::now();
            let watching = observe(client.clone(), self.journal);
            let using = self.user.act(client, chance);
            let killing = async {
                tokio::time::sleep(moment.saturating_sub(started.elapsed())).await;
                tokio::task::block_in_place(|| server.kill())
            };
            // Watchers take in what has been sent before the end, which is the end of them, too.
            let ((), (), ended) = tokio::join!(watching, using, killing);
            ended
        };
        is_killed(&ended);
        self.journal.note(super::Journal::killed);
    }

    /// A server comes and is left alone until every Job has ended.
    pub(super) async fn last(&mut self) {
        let server = Server::start(self.home, &self.options());
        let client = client(&server).await;
        settle(&client, &self.user, self.journal).await;
        server.stop().exits(0);
    }
}

/// Waits until everything has come to its end.
pub(super) async fn settle(client: &Client, user: &User<'_>, journal: &Shared) {
    let settling = async {
        user.leave(client).await;
        loop {
            let mut news = pin!(journal.news.notified());
            news.as_mut().enable();
            {
                let journal = journal.lock();
                // What is wrong is told by the one who asked; nothing later is taken in.
                if !journal.complaints.is_empty() || journal.unsettled().is_empty() {
                    break;
                }
            }
            news.await;
        }
    };
    let settled = tokio::select! {
        settled = tokio::time::timeout(PATIENCE, settling) => settled.is_ok(),
        () = observe(client.clone(), journal) => false,
    };
    assert!(settled, "some come to no end: {:#?}", journal.lock().unsettled());
    list(client, journal).await.expect("the server must answer");
}

async fn client(server: &Server) -> Client {
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).expect("must be a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("must be usable")).expect("must be a client")
}

pub(super) fn is_killed(ended: &Ended) {
    assert_eq!(ended.status.code(), None, "it must not have ended by itself: {ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// Writes down what there is and what becomes of it, until the server ends.
pub(super) async fn observe(client: Client, journal: &Shared) {
    let Ok((jobs, pods)) = list(&client, journal).await else { return };
    let jobs = follow(&client, &jobs, |event: WatchEvent<Job>| match event {
        WatchEvent::Added(job) | WatchEvent::Modified(job) => {
            journal.note(|journal| journal.job_is(&job));
        }
        WatchEvent::Deleted(job) => journal.note(|journal| journal.job_is_gone(&job.name_any())),
        _ => {}
    });
    let pods = follow(&client, &pods, |event: WatchEvent<Pod>| match event {
        WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
            journal.note(|journal| journal.pod_changes(&pod));
        }
        WatchEvent::Deleted(pod) => {
            journal.note(|journal| {
                journal.pod_changes(&pod);
                journal.pod_is_gone(&pod.uid().unwrap_or_default());
            });
        }
        _ => {}
    });
    // That a watch ends is how it learns that the server has.
    let _ = tokio::join!(jobs, pods);
}

/// Writes down all that there is, and gives from which versions on it may change.
async fn list(client: &Client, journal: &Shared) -> kube::Result<(String, String)> {
    let everything = ListParams::default();
    let jobs = Api::<Job>::default_namespaced(client.clone()).list(&everything).await?;
    let pods = Api::<Pod>::default_namespaced(client.clone()).list(&everything).await?;
    journal.note(|journal| journal.are(&jobs, &pods));
    let version = |version: Option<String>| version.expect("a list must have a version");
    Ok((version(jobs.metadata.resource_version), version(pods.metadata.resource_version)))
}

async fn follow<K>(
    client: &Client,
    version: &str,
    mut note: impl FnMut(WatchEvent<K>),
) -> kube::Result<()>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let api = Api::<K>::default_namespaced(client.clone());
    let mut events = pin!(api.watch(&WatchParams::default(), version).await?);
    while let Some(event) = events.try_next().await? {
        note(event);
    }
    Ok(())
}
