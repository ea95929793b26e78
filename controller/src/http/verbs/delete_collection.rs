//! The end of all objects that are selected.

use axum::body::Body;
use axum::http::Response;
use tokio::task::coop;

use super::deletion::Wish;
use super::list;
use crate::http::answer;
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::limits::DELETED_AT_ONCE_MAX;
use crate::store::Transaction;

/// Deletes what a list with the same query shows, and answers with that list: each object as it was.
///
/// As in Kubernetes it is not one transaction: what was deleted before an error stays deleted.
pub(in crate::http) async fn delete_collection(call: Call) -> Result<Response<Body>, Refusal> {
    let Call { api, target, query, form, headers, body, .. } = call;
    let store = &api.store;
    let wish = Wish::read(&query, &headers, body).await?;
    let warnings = wish.warnings(target.kind);
    let (items, meta) = list::page(store, &target, &query).await?;
    for item in &items {
        wish.holds_for(&item.object()).map_err(|refusal| refusal.warning(&warnings))?;
        coop::consume_budget().await;
    }
    if !wish.is_dry_run()? {
        for some in items.chunks(DELETED_AT_ONCE_MAX) {
            let all = some.iter().map(|item| wish.transaction(&item.object()));
            store.commit(all.fold(Transaction::new(), Transaction::and)).await?;
        }
    }
    let now = store.clock().now();
    Ok(answer::list(form, target.kind, items, &meta, now, &warnings))
}
