//! What a node answers that is a process of its own: the kubelet's endpoints, as far as the API server
//! asks for them.
//!
//! ```text
//! client certificate ─▶ may they? ─┬▶ containerLogs ─▶ log of a pod of the node
//!                                  ├▶ attach ─▶ the streams of a container that runs
//!                                  ├▶ metrics/resource, stats/summary ─▶ what its containers use
//!                                  └▶ pods, healthz
//! ```
//!
//! Source: the kubelet's server and its authorization (Kubernetes' documentation, "Kubelet
//! authentication/authorization"): each endpoint is a subresource of the node.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, Response};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::access::ClientCertificate;
use super::metrics;
use super::options::Query;
use super::pod::{Place, Printed, attach_as_kubelet, print_log};
use super::refusal::Refusal;
use super::status::Status;
use crate::api::{Kind, Pod, Time};
use crate::clock::Clock;
use crate::limits::{METRICS_PAGES_AT_ONCE_MAX, STREAMS_MAX};
use crate::node::logs::Logs;
use crate::node::{Inputs, RunningContainer, Usages};

/// An answer that is on its way.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the endpoints are answered out of.
pub trait Host: Send + Sync + 'static {
    /// The pod `name`, if it is bound to the node, as the node knows it.
    fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>>;

    /// All pods of the node.
    fn pods(&self) -> Vec<Arc<Pod>>;

    /// Whether `who` may read the `subresource` of the node.
    fn may(&self, who: &ClientCertificate, subresource: &'static str) -> Answer<bool>;
}

/// A node's server.
#[derive(Clone)]
pub struct Kubelet {
    /// Its pods, and who may ask.
    pub host: Arc<dyn Host>,
    /// What its pods print.
    pub logs: Logs,
    /// What is typed for them.
    pub inputs: Inputs,
    /// What they use.
    pub usages: Usages,
    /// The time.
    pub clock: Clock,
    /// Ends what goes on for long.
    pub shutdown: CancellationToken,
}

struct Served {
    kubelet: Kubelet,
    /// One permit for each log that is sent and each client that is attached.
    streams: Arc<Semaphore>,
    /// One permit for each page of metrics that is being read.
    pages: Arc<Semaphore>,
}

/// What answers at a node's port.
pub fn router(kubelet: Kubelet) -> Router {
    let streams = Arc::new(Semaphore::new(STREAMS_MAX));
    let pages = Arc::new(Semaphore::new(METRICS_PAGES_AT_ONCE_MAX));
    Router::new().fallback(answer).with_state(Arc::new(Served { kubelet, streams, pages }))
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    route(&served, parts).await.unwrap_or_else(IntoResponse::into_response)
}

async fn route(served: &Served, parts: Parts) -> Result<Response<Body>, Refusal> {
    let path = parts.uri.path().trim_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let subresource = match segments[0] {
        "healthz" => "healthz",
        "metrics" => "metrics",
        "pods" => "pods",
        "stats" => "stats",
        _ => "proxy",
    };
    let Some(who) = parts.extensions.get::<ClientCertificate>() else {
        return Err(Status::unauthorized().into());
    };
    let host = &served.kubelet.host;
    // `proxy` is for everything.
    if !host.may(who, subresource).await
        && (subresource == "proxy" || !host.may(who, "proxy").await)
    {
        let who = &who.common_name;
        let why = format!("user={who}, verb=get, resource=nodes, subresource={subresource}");
        return Err(Status::forbidden_of_node(&why).into());
    }
    if parts.method != Method::GET {
        return Err(Status::not_implemented(&path).into());
    }
    let Served { kubelet, .. } = served;
    match segments[..] {
        ["healthz"] => Ok(text("ok")),
        ["metrics", "resource"] => metrics::page_of_node(&kubelet.usages, &served.pages),
        ["stats", "summary"] => Ok(json_text(&summary(kubelet))),
        ["pods"] => Ok(json_text(&json!({
            "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": kubelet.host.pods()
                .iter().map(|pod| serde_json::to_value(&**pod).unwrap_or_default())
                .collect::<Vec<_>>(),
        }))),
        ["containerLogs", namespace, pod, container] => {
            logs(served, &parts, (namespace, pod), container).await
        }
        ["attach", namespace, pod, container] => {
            attach(served, parts, (namespace, pod), container).await
        }
        ["exec" | "portForward" | "run", ..] => Err(Status::not_implemented(segments[0]).into()),
        _ => Err(Status::no_such_resource().into()),
    }
}

async fn logs(
    served: &Served,
    parts: &Parts,
    (namespace, name): (&str, &str),
    container: &str,
) -> Result<Response<Body>, Refusal> {
    let Served { kubelet, streams, .. } = served;
    let pod = kubelet.host.pod(namespace, name);
    let pod = pod.ok_or_else(|| Status::not_found(Kind::Pod, name))?;
    print_log(Printed {
        pod: &pod,
        container: Some(container),
        query: &Query::parse(parts.uri.query().unwrap_or_default()),
        logs: &kubelet.logs,
        now: kubelet.clock.now(),
        streams,
        shutdown: &kubelet.shutdown,
    })
    .await
}

async fn attach(
    served: &Served,
    parts: Parts,
    (namespace, name): (&str, &str),
    container: &str,
) -> Result<Response<Body>, Refusal> {
    let Served { kubelet, streams, .. } = served;
    let pod = kubelet.host.pod(namespace, name);
    let pod = pod.ok_or_else(|| Status::not_found(Kind::Pod, name))?;
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let (logs, inputs, shutdown) = (&kubelet.logs, &kubelet.inputs, &kubelet.shutdown);
    let place = Place { pod: &pod, container, logs, inputs, streams, shutdown };
    attach_as_kubelet(place, &query, parts).await
}

/// What the node and its containers use, in the form of the kubelet's summary.
fn summary(kubelet: &Kubelet) -> Value {
    let (usages, time) = (&kubelet.usages, Time(kubelet.clock.now()));
    let node = usages.node();
    let cpu = node.rate.map(|rate| rate.nanocores);
    let used = |nanoseconds: u128, nanocores: Option<u64>| {
        let total = u64::try_from(nanoseconds).unwrap_or(u64::MAX);
        json!({"time": time, "usageNanoCores": nanocores, "usageCoreNanoSeconds": total})
    };
    let running = usages.running();
    let memory: u64 = running.iter().map(|it| it.usage.memory_bytes).sum();
    let mut pods: Vec<Value> = Vec::new();
    for RunningContainer { run, since, usage, rate } in &running {
        let container = json!({
            "name": run.container, "startTime": Time(*since),
            "cpu": used(usage.cpu.as_nanos(), rate.map(|rate| rate.nanocores)),
            "memory": {"time": time, "workingSetBytes": usage.memory_bytes},
        });
        let uid = json!(run.pod.uid);
        match pods.iter_mut().find(|pod| pod["podRef"]["uid"] == uid) {
            Some(pod) => pod["containers"].as_array_mut().into_iter().for_each(|containers| {
                containers.push(container.clone());
            }),
            None => pods.push(json!({
                "podRef": {"name": run.pod.name, "namespace": run.pod.namespace, "uid": uid},
                "startTime": Time(*since), "containers": [container],
            })),
        }
    }
    let total = node.totals.usage.cpu.as_nanos();
    json!({
        "node": {
            "nodeName": usages.node_name(), "cpu": used(total, cpu),
            "memory": {"time": time, "workingSetBytes": memory},
        },
        "pods": pods,
    })
}

fn json_text(value: &Value) -> Response<Body> {
    typed(value.to_string().into(), "application/json")
}

fn text(text: &'static str) -> Response<Body> {
    typed(text.into(), "text/plain")
}

fn typed(body: Body, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
