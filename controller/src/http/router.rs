//! From a request to the verb that answers it.
//!
//! ```text
//! path ──▶ Target ──┐
//! query ─▶ Query ───┼──▶ verb ──▶ store ──▶ Object, List or Status
//! Accept ▶ Form ────┘
//! ```

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response};
use axum::response::IntoResponse;

use super::answer::Form;
use super::options::Query;
use super::refusal::Refusal;
use super::status::Status;
use super::target::Target;
use super::verbs;
use crate::store::Store;

/// The Kubernetes API over the objects of `store`.
///
/// It serves create, get, list, update, patch (JSON patch and merge patch) and delete for every kind
/// that the store holds, and the status of Jobs. It knows no users: who serves it lets only those in
/// who may do everything.
pub fn router(store: Store) -> Router {
    Router::new().fallback(answer).with_state(store)
}

/// What every verb is given.
pub(super) struct Call {
    pub(super) store: Store,
    pub(super) target: Target,
    pub(super) query: Query,
    pub(super) form: Form,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

async fn answer(State(store): State<Store>, request: Request) -> Response<Body> {
    let answer = route(store, request).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn route(store: Store, request: Request) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let Some(target) = Target::parse(parts.uri.path()) else {
        return Err(Status::no_such_resource().into());
    };
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let form = Form::wanted(&parts.headers, &query)?;
    let (name, is_status) = (target.name.clone(), target.is_status);
    let has_place = target.namespace.is_some() || !target.kind.is_namespaced();
    let call = Call { store, target, query, form, headers: parts.headers, body };
    match (parts.method, name) {
        (Method::GET, Some(name)) => verbs::get(&call, &name),
        (Method::GET, None) => verbs::list(&call),
        (Method::POST, None) if has_place => verbs::create(call).await,
        (Method::PUT, Some(name)) => verbs::update(call, &name).await,
        (Method::PATCH, Some(name)) => verbs::patch(call, &name).await,
        (Method::DELETE, Some(name)) if !is_status => verbs::delete(call, &name).await,
        _ => Err(Status::method_not_allowed().into()),
    }
}
