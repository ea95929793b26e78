//! From a request to the verb that answers it.
//!
//! ```text
//!           ┌▶ discovery, health, metrics
//! path ──▶──┴▶ Target ──┐
//! query ─▶ Query ───────┼──▶ access ──▶ verb ──▶ store ──▶ Object, List, stream or Status
//! Accept ▶ Form ────────┘
//! ```

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response};
use axum::response::IntoResponse;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::access::{self, Access, References, User};
use super::answer::Form;
use super::backup::{Restore, Restores};
use super::discovery::Health;
use super::elsewhere::{Elsewhere, Kubelets};
use super::flags::LogFilter;
use super::options::Query;
use super::refusal::Refusal;
use super::reviews::{self, Review};
use super::status::Status;
use super::target::{Subresource, Target};
use super::{absent, backup, counted, discovery, flags, metrics, node, path, pod, throttle, verbs};
use crate::api::{Kind, Timestamp};
use crate::limits::{
    BACKUPS_AT_ONCE_MAX, METRICS_OBJECTS_MAX, METRICS_PAGES_AT_ONCE_MAX, STREAMS_MAX, WATCHES_MAX,
};
use crate::meter::QueueMeter;
use crate::metrics::Requests;
use crate::network::AllowedHosts;
use crate::node::logs::Logs;
use crate::node::{Inputs, Usages};
use crate::quota::OperatorLimits;
use crate::store::Store;
use crate::trace::Tracer;

/// The Kubernetes API over the objects of a store: what it serves, and what it needs for that.
///
/// Without access control everyone is let in, and may do everything.
#[derive(Clone)]
pub struct Api {
    pub(super) store: Store,
    pub(super) access: Option<Arc<Access>>,
    pub(super) references: Arc<References>,
    pub(super) operator: OperatorLimits,
    pub(super) allowed_hosts: Arc<AllowedHosts>,
    pub(super) logs: Option<Logs>,
    /// Where pods are that are not on the node of `logs`, if that is known.
    pub(super) elsewhere: Option<Elsewhere>,
    pub(super) inputs: Inputs,
    pub(super) usages: Usages,
    /// Where restores are asked for, if somebody carries them out.
    pub(super) restores: Option<Restores>,
    pub(super) requests: Arc<Requests>,
    pub(super) tracer: Tracer,
    pub(super) log_filter: Option<Arc<dyn LogFilter>>,
    /// What controllers have to do.
    pub(super) queues: Vec<Arc<QueueMeter>>,
    /// Objects of each kind that have series of their own on the page of metrics.
    pub(super) metrics_objects_max: usize,
    /// One permit for each page of metrics that is sent.
    pub(super) pages: Arc<Semaphore>,
    /// One permit for each backup that is sent.
    pub(super) backups: Arc<Semaphore>,
    /// One permit for each log that is sent and each client that may be attached.
    pub(super) streams: Arc<Semaphore>,
    /// One permit for each watch that may be begun.
    pub(super) watches: Arc<Semaphore>,
    pub(super) shutdown: CancellationToken,
    pub(super) health: Health,
    /// Since when it says what it says of itself.
    pub(super) since: Timestamp,
}

impl Api {
    /// The API over `store`, which serves no logs and knows of nothing that runs.
    pub fn new(store: Store) -> Self {
        let watches = Arc::new(Semaphore::new(WATCHES_MAX));
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        let pages = Arc::new(Semaphore::new(METRICS_PAGES_AT_ONCE_MAX));
        let backups = Arc::new(Semaphore::new(BACKUPS_AT_ONCE_MAX));
        let (inputs, shutdown) = (Inputs::default(), CancellationToken::new());
        let (health, since) = (Health::default(), store.clock().now());
        let usages = Usages::new("", store.clock().clone());
        let operator = OperatorLimits::default();
        let (access, logs, elsewhere, restores) = (None, None, None, None);
        let allowed_hosts = Arc::default();
        Self {
            store,
            access,
            references: Arc::default(),
            operator,
            allowed_hosts,
            logs,
            elsewhere,
            inputs,
            usages,
            restores,
            requests: Arc::default(),
            tracer: Tracer::default(),
            log_filter: None,
            queues: Vec::new(),
            metrics_objects_max: METRICS_OBJECTS_MAX,
            pages,
            backups,
            streams,
            watches,
            shutdown,
            health,
            since,
        }
    }

    /// The same, whose pods keep to what the operator lets every pod have.
    #[must_use]
    pub fn with_operator_limits(self, operator: OperatorLimits) -> Self {
        Self { operator, ..self }
    }

    /// The same, which lets only those in whom `access` knows, and to what it lets them.
    #[must_use]
    pub fn with_access(self, access: Arc<Access>) -> Self {
        Self { access: Some(access), ..self }
    }

    /// The same, which makes no pod that asks for other hosts than these.
    #[must_use]
    pub fn with_allowed_hosts(self, hosts: AllowedHosts) -> Self {
        Self { allowed_hosts: Arc::new(hosts), ..self }
    }

    /// The same, whose answers that go on for long (watches, logs that are followed, streams) end
    /// when `shutdown` fires.
    #[must_use]
    pub fn with_shutdown(self, shutdown: CancellationToken) -> Self {
        Self { shutdown, ..self }
    }

    /// The same, which serves what the pods of the node of `logs` print.
    #[must_use]
    pub fn with_logs(self, logs: Logs) -> Self {
        Self { logs: Some(logs), ..self }
    }

    /// The same, which has the node `own` in its process, and asks `kubelets` of all others.
    #[must_use]
    pub fn with_kubelets(self, own: &str, kubelets: Arc<dyn Kubelets>) -> Self {
        Self { elsewhere: Some(Elsewhere { own: own.to_owned(), kubelets }), ..self }
    }

    /// The same, whose health checks say what `health` says.
    #[must_use]
    pub fn with_health(self, health: Health) -> Self {
        Self { health, ..self }
    }

    /// The same, which lets those who are attached to a pod of the node of `inputs` type.
    #[must_use]
    pub fn with_inputs(self, inputs: Inputs) -> Self {
        Self { inputs, ..self }
    }

    /// The same, which asks `restores` to put a backup in the place of everything.
    #[must_use]
    pub fn with_restores(self, restores: mpsc::Sender<Restore>) -> Self {
        Self { restores: Some(Restores::new(restores)), ..self }
    }

    /// The same, which tells what the node of `usages` uses.
    #[must_use]
    pub fn with_usages(self, usages: Usages) -> Self {
        Self { usages, ..self }
    }

    /// The same, which tells what the controllers of `queues` have to do.
    #[must_use]
    pub fn with_queues(self, queues: Vec<Arc<QueueMeter>>) -> Self {
        Self { queues, ..self }
    }

    /// The same, whose requests that make Jobs and pods are traced.
    #[must_use]
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// The same, which lets its admins say how much is logged.
    #[must_use]
    pub fn with_log_filter(self, log_filter: Arc<dyn LogFilter>) -> Self {
        Self { log_filter: Some(log_filter), ..self }
    }

    /// The same, whose page of metrics has series of at most so many objects of each kind.
    #[must_use]
    pub fn with_metrics_objects_max(self, metrics_objects_max: usize) -> Self {
        Self { metrics_objects_max, ..self }
    }
}

/// What answers the requests of `api`.
pub fn router(api: Api) -> Router {
    let (requests, clock) = (Arc::clone(&api.requests), api.store.clock().clone());
    let router = throttle::limited(Router::new().fallback(answer).with_state(Arc::new(api)));
    counted::counted(router, requests, clock)
}

/// What every verb is given.
pub(super) struct Call {
    pub(super) api: Arc<Api>,
    pub(super) user: Arc<User>,
    pub(super) target: Target,
    pub(super) query: Query,
    pub(super) form: Form,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

impl Call {
    pub(super) fn store(&self) -> &Store {
        &self.api.store
    }
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let unescaped = path::unescape(&parts.uri).map(|uri| parts.uri = uri);
    let user = match access::admit(&api, &parts) {
        Ok(user) => user,
        Err(refusal) => return refusal.into_response(),
    };
    parts.extensions.insert(user.clone());
    let answer = match unescaped {
        Ok(()) => route(api, user.clone(), parts, body).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    // For whoever keeps a record of requests.
    response.extensions_mut().insert(user);
    response
}

async fn route(
    api: Arc<Api>,
    user: Arc<User>,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    if backup::is_meant(&parts) {
        return backup::answer(&api, &parts, body).await;
    }
    // Discovery does not tell of most of these, and takes them for paths that there are not.
    if let Some(answer) = absent::answer(&api, &parts) {
        return answer;
    }
    if flags::is_meant(&parts) {
        return flags::answer(&api, &parts, body).await;
    }
    if metrics::is_page(&parts) {
        return metrics::page(&api, &parts).await;
    }
    if let Some(answer) = discovery::answer(&api, &parts) {
        return answer;
    }
    if let Some(answer) = metrics::answer(&api, &parts) {
        return answer;
    }
    if let Some(review) = Review::at(parts.uri.path()) {
        return reviews::answer(&api, review, &user, &parts, body).await;
    }
    let Some(target) = Target::parse(parts.uri.path()) else {
        return Err(Status::no_such_resource().into());
    };
    if let Some(name) = &target.name {
        path::check_name(name)?;
    }
    match target.subresource {
        None | Some(Subresource::Status | Subresource::Finalize | Subresource::Approval) => {
            object(api, user, target, parts, body).await
        }
        Some(Subresource::Proxy) => node::answer(&api, &target, &parts).await,
        Some(part) => pod::answer(api, &user, target, part, parts, body).await,
    }
}

/// Answers a request that is about objects, or about parts of them that are objects as well.
async fn object(
    api: Arc<Api>,
    user: Arc<User>,
    target: Target,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let mut query = Query::parse(parts.uri.query().unwrap_or_default());
    target.version.rename_selector(&mut query);
    let form = Form::wanted(&parts.headers, &query)?.of_version(target.version);
    let (name, is_whole) = (target.name.clone(), target.subresource.is_none());
    let is_watch = query.is_set("watch");
    // Nobody deletes all namespaces at once, as in Kubernetes.
    let is_namespaces = target.kind == Kind::Namespace;
    let has_place = target.namespace.is_some() || !target.kind.is_namespaced();
    let is_finalize = target.subresource == Some(Subresource::Finalize);
    if is_finalize && parts.method != Method::PUT {
        return Err(Status::method_not_allowed().into());
    }
    let call = Call { api, user, target, query, form, headers: parts.headers, body };
    if call.target.is_watch {
        let is_read = parts.method == Method::GET;
        return if is_read {
            verbs::watch(&call)
        } else {
            Err(Status::method_not_allowed().into())
        };
    }
    match (parts.method, name) {
        (Method::GET, Some(name)) => verbs::get(&call, &name),
        (Method::GET, None) if is_watch => verbs::watch(&call),
        (Method::GET, None) => verbs::list(call).await,
        (Method::POST, None) if has_place => verbs::create(call).await,
        (Method::PUT, Some(name)) => verbs::update(call, &name).await,
        (Method::PATCH, Some(name)) => verbs::patch(call, &name).await,
        (Method::DELETE, None) if has_place && !is_namespaces => {
            verbs::delete_collection(call).await
        }
        (Method::DELETE, Some(name)) if is_whole => verbs::delete(call, &name).await,
        _ => Err(Status::method_not_allowed().into()),
    }
}
