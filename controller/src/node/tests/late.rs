//! A control plane whose answers come later than its news.

use expect_test::expect;

use super::fake::{FakeRuntime, Play};
use super::*;
use crate::api::{ConfigMap, Node, Secret};
use crate::node::{ClientError, ClusterClient, LocalPods, PodIdentity, Report};

/// How long a report's answer takes, when everybody has seen already what was reported.
const LATE: Duration = Duration::from_millis(50);

#[derive(Clone)]
struct LateClient(LocalClient);

impl ClusterClient for LateClient {
    type Watch = LocalPods;

    fn watch_pods(&self, node: &str) -> LocalPods {
        self.0.watch_pods(node)
    }

    async fn report(&self, pod: &PodIdentity, report: Report) -> Result<(), ClientError> {
        let answer = self.0.report(pod, report).await;
        tokio::time::sleep(LATE).await;
        answer
    }

    async fn remove(&self, pod: &PodIdentity) -> Result<(), ClientError> {
        self.0.remove(pod).await
    }

    async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<ConfigMap>>, ClientError> {
        self.0.config_map(namespace, name).await
    }

    async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Secret>>, ClientError> {
        self.0.secret(namespace, name).await
    }

    async fn register(&self, node: Node) -> Result<(), ClientError> {
        self.0.register(node).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_end_to_be_durable_goes_on_with_the_answer() {
    let runtime = FakeRuntime::default().plays("main", &[Play::Exit(1.0, 1), Play::Exit(1.0, 0)]);
    let mut cluster = Cluster::new(runtime);
    cluster.kill_agent();
    let client = LateClient(LocalClient::new(cluster.store.clone()));
    let settings = NodeSettings::new("here", cluster.root.path());
    let runtime = Arc::clone(&cluster.runtime);
    let agent = Agent::new(client, runtime, cluster.clock.clone(), settings);
    let agent = tokio::spawn(agent.run(CancellationToken::new()));
    let container = r#"{"name": "main", "image": "i"}"#;
    let spec = format!(r#"{{"restartPolicy": "OnFailure", "containers": [{container}]}}"#);
    cluster.run(&spec).await;
    expect![[r#"
        00.01 Running main:running
        01.00 Running main:Error(1)
        01.06 Running main:running#1<-Error(1)
        02.05 Succeeded main:Completed(0)#1<-Error(1)
    "#]]
    .assert_eq(&cluster.story(10).await);
    agent.abort();
}
