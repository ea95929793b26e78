//! An object written over another.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::create::place;
use crate::api::Object;
use crate::http::fields::{self, Writer};
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::status::Status;
use crate::http::target::{Subresource, Target};
use crate::http::{admit, answer, body};
use crate::store::{Store, Transaction};

const OPTIONS: &str = "UpdateOptions";

pub(in crate::http) async fn update(call: Call, name: &str) -> Result<Response<Body>, Refusal> {
    let Call { api, target, query, form, headers, body, .. } = call;
    let store = &api.store;
    let validation = query.field_validation(OPTIONS)?;
    let is_dry_run = query.is_dry_run(OPTIONS)?;
    let writer = Writer::of(&target, &query, &headers, OPTIONS)?;
    let (mut object, mut warnings) = body::object(&headers, body, target.kind, validation).await?;
    let old = store
        .get_object(target.kind, &target.key(name))
        .ok_or_else(|| Status::not_found(target.kind, name));
    let named = object.metadata().name.as_deref().unwrap_or_default();
    // A name that is wrong is told before an object that is not there.
    let old = if named == name { old? } else { return Err(other_name(named, name)) };
    admit::with_defaults(&mut object);
    fields::track(&writer, Some(&old), &mut object, store.clock().now());
    let (stored, more) = write(store, &target, object, &old, is_dry_run).await?;
    warnings.extend(more);
    Ok(answer::object(StatusCode::OK, form, &stored, store.clock().now(), &warnings))
}

/// Writes `new`, of which is noted who owns what, over `old`, if nobody else has in the meantime; what is stored, and warnings.
pub(super) async fn write(
    store: &Store,
    target: &Target,
    mut new: Object,
    old: &Object,
    is_dry_run: bool,
) -> Result<(Object, Vec<String>), Refusal> {
    let (kind, key) = (old.kind(), old.key());
    place(&mut new, target.namespace.as_deref())?;
    let (wanted, found) = (new.metadata(), old.metadata());
    if differs(wanted.uid.as_deref(), found.uid.as_deref()) {
        let uid = |uid: &Option<String>| uid.clone().unwrap_or_default();
        let (wanted, found) = (uid(&wanted.uid), uid(&found.uid));
        return Err(Status::uid_conflict(kind, &key.name, &wanted, &found).into());
    }
    if differs(wanted.resource_version.as_deref(), found.resource_version.as_deref()) {
        return Err(Status::conflict(kind, &key.name).into());
    }
    let mut admitted = match target.subresource {
        Some(Subresource::Status) => admit::status(&new, old)?,
        Some(Subresource::Finalize) => admit::finalize(&new, old)?,
        _ => admit::update(&new, old)?,
    };
    if is_dry_run {
        let metadata = admitted.object.metadata_mut();
        metadata.resource_version.clone_from(&old.metadata().resource_version);
        return Ok((admitted.object, admitted.warnings));
    }
    // What was admitted was held against `old`, so it may be written over nothing else.
    admitted.object.metadata_mut().resource_version.clone_from(&old.metadata().resource_version);
    fields::settled(&mut admitted.object, old);
    let committed = store.commit(Transaction::new().replace_object(admitted.object)).await?;
    let stored = committed.objects.into_iter().next().expect("a replace must give what it made");
    Ok((stored, admitted.warnings))
}

/// The refusal of an object that has another name than the path.
pub(super) fn other_name(named: &str, name: &str) -> Refusal {
    let why = if named.is_empty() {
        format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    } else {
        format!("the name of the object ({named}) does not match the name on the URL ({name})")
    };
    Status::bad_request(why).into()
}

fn differs(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_some_and(|wanted| !wanted.is_empty() && Some(wanted) != found)
}
