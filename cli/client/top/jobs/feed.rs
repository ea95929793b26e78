//! What a server tells: Jobs and pods as they change, and every few seconds what they use.
//!
//! Where it stops telling, whatever the reason, all is listed again: what has changed in between is
//! known then.

use std::time::Duration;

use futures_util::FutureExt as _;
use mayfly_controller::api::metrics::{NodeMetrics, PodMetrics};
use mayfly_controller::api::{Kind, Node};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::known::{About, Job, Known, News, Nodes, Place, Pod, place, used};
use crate::client::complaint::{is_refusal, is_unreachable};
use crate::client::request::{As, Pairs, Server, items_of};
use crate::client::resource::Resource;
use crate::client::top::used::Used;
use crate::client::top::{list, measured};

/// News that wait to be looked at. Stops a server that has very many from filling memory: it waits.
const NEWS_MAX: usize = 256;

/// How often is asked what is used. A server that measures every ten or fifteen seconds has nothing
/// newer; one that does so more often is seen soon.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// How long to wait before asking again after an answer that is none.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a server tells of a namespace, or of all; it ends when this is dropped.
pub(super) struct Feed {
    news: mpsc::Receiver<News>,
    _tasks: JoinSet<()>,
}

impl Feed {
    /// Begins to listen to `server`.
    pub(super) fn begin(server: &Server, namespace: Option<&str>) -> Self {
        let (sender, news) = mpsc::channel(NEWS_MAX);
        let mut tasks = JoinSet::new();
        for about in [About::Jobs, About::Pods, About::Use] {
            let teller = Teller {
                server: server.clone(),
                namespace: namespace.map(str::to_owned),
                about,
                sender: sender.clone(),
            };
            tasks.spawn(teller.tell());
        }
        Self { news, _tasks: tasks }
    }

    /// The next; waits for it. `None` is a fault of ours.
    pub(super) async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// What has come already.
    pub(super) fn ready(&mut self) -> Option<News> {
        self.news.recv().now_or_never().flatten()
    }
}

/// All that `server` knows now.
pub(super) async fn once(server: &Server, namespace: Option<&str>) -> anyhow::Result<Known> {
    let mut known = Known::default();
    let path = |kind| Resource::of(kind).path(namespace);
    let jobs = server.list(&path(Kind::Job), &Pairs::new()).await?;
    known.learn(News::Jobs(jobs.iter().map(|it| (place(it), Job::of(it))).collect()));
    let pods = server.list(&path(Kind::Pod), &Pairs::new()).await?;
    known.learn(News::Pods(pods.iter().map(|it| (place(it), Pod::of(it))).collect()));
    known.learn(ask(server, namespace).await?);
    Ok(known)
}

/// Tells of one sort of thing.
struct Teller {
    server: Server,
    namespace: Option<String>,
    about: About,
    sender: mpsc::Sender<News>,
}

impl Teller {
    /// Goes on until nobody listens.
    async fn tell(self) {
        loop {
            let told = match self.about {
                About::Jobs => self.follow(Kind::Job).await,
                About::Pods => self.follow(Kind::Pod).await,
                About::Use => self.measure().await,
            };
            // What is too old to go on with is listed again, and nobody need know.
            let trouble = told.err().filter(|error| !is_refusal(error, 410));
            let trouble = trouble.map(|error| self.in_words(&error));
            if let Some(trouble) = trouble
                && self.sender.send(News::Trouble(self.about, Some(trouble))).await.is_err()
            {
                return;
            }
            if self.sender.is_closed() {
                return;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    fn in_words(&self, error: &anyhow::Error) -> String {
        let what = match self.about {
            About::Jobs => "Jobs",
            About::Pods => "pods",
            About::Use => "what pods use",
        };
        // Which line of it is shown matters: there is room for one.
        let text = error.to_string();
        let text = text.lines().next().unwrap_or_default().to_owned();
        match is_unreachable(error) {
            true => format!("trying again: {text}"),
            false => format!("{what} can't be had: {text}"),
        }
    }

    /// Tells of the objects of `kind` until the server lets go.
    async fn follow(&self, kind: Kind) -> anyhow::Result<()> {
        let path = Resource::of(kind).path(self.namespace.as_deref());
        let pages = self.server.pages(&path, &Pairs::new(), As::Objects).await?;
        let version = pages.first().and_then(|page| page["metadata"]["resourceVersion"].as_str());
        let version = version.unwrap_or_default().to_owned();
        let objects: Vec<Value> = pages.into_iter().flat_map(items_of).collect();
        self.send(match kind {
            Kind::Job => News::Jobs(objects.iter().map(|it| (place(it), Job::of(it))).collect()),
            _ => News::Pods(objects.iter().map(|it| (place(it), Pod::of(it))).collect()),
        })
        .await;
        drop(objects);
        self.send(News::Trouble(self.about, None)).await;
        let query: Pairs =
            vec![("resourceVersion", version), ("allowWatchBookmarks", "true".to_owned())];
        let mut events = self.server.watch(&path, &query, As::Objects).await?;
        while let Some(event) = events.next().await? {
            let (at, object) = (place(&event.object), &event.object);
            match event.what.as_str() {
                "BOOKMARK" => continue,
                "DELETED" => self.send(change(kind, at, None)).await,
                _ => self.send(change(kind, at, Some(object))).await,
            }
            if self.sender.is_closed() {
                break;
            }
        }
        Ok(())
    }

    /// Tells what is used, again and again.
    async fn measure(&self) -> anyhow::Result<()> {
        while !self.sender.is_closed() {
            let news = ask(&self.server, self.namespace.as_deref()).await?;
            self.send(news).await;
            self.send(News::Trouble(self.about, None)).await;
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    async fn send(&self, news: News) {
        // Whoever does not listen any more has ended.
        let _ = self.sender.send(news).await;
    }
}

fn change(kind: Kind, at: Place, object: Option<&Value>) -> News {
    match kind {
        Kind::Job => News::Job(at, object.map(Job::of)),
        _ => News::Pod(at, object.map(Pod::of)),
    }
}

/// What is used now.
async fn ask(server: &Server, namespace: Option<&str>) -> anyhow::Result<News> {
    let pods: Vec<PodMetrics> =
        list(server, &measured(Kind::Pod).path(namespace), Pairs::new()).await?;
    let nodes = match nodes(server).await {
        // Who sees one namespace may see no nodes.
        Err(error) if is_refusal(&error, 403) => None,
        nodes => Some(nodes?),
    };
    Ok(News::Used(used(&pods), nodes))
}

/// What the nodes have for pods, and what is used of it.
async fn nodes(server: &Server) -> anyhow::Result<Nodes> {
    let metrics: Vec<NodeMetrics> =
        list(server, &measured(Kind::Node).path(None), Pairs::new()).await?;
    let nodes: Vec<Node> = list(server, &Resource::of(Kind::Node).path(None), Pairs::new()).await?;
    let has = nodes.into_iter().filter_map(|node| node.status?.allocatable);
    let has = has.map(|has| Used::of(&has)).reduce(|sum, it| sum + it);
    let used = metrics.iter().map(|it| Used::of(&it.usage)).reduce(|sum, it| sum + it);
    Ok(Nodes { has: has.unwrap_or_default(), used: used.unwrap_or_default() })
}
