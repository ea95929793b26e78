//! An object written over another.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::attempts::{Done, Failed, Write, repeated, replace};
use super::create::{Creation, place};
use crate::admission::{ErrorKind, FieldError, Invalid};
use crate::api::{Kind, Object};
use crate::http::access::{self, Attributes, User};
use crate::http::fields::{self, Writer};
use crate::http::refusal::Refusal;
use crate::http::router::{Api, Call};
use crate::http::status::Status;
use crate::http::target::{Subresource, Target};
use crate::http::{admit, answer, body, times};
use crate::quota::OperatorLimits;
use crate::store::{Store, Transaction};

const OPTIONS: &str = "UpdateOptions";

pub(in crate::http) async fn update(call: Call, name: &str) -> Result<Response<Body>, Refusal> {
    let Call { api, user, target, query, form, headers, body } = call;
    let store = &api.store;
    let validation = query.field_validation(OPTIONS)?;
    let is_dry_run = query.is_dry_run(OPTIONS)?;
    let writer = Writer::of(&target, &query, &headers, OPTIONS)?;
    let (mut object, mut warnings) = body::object(&headers, body, &target, validation).await?;
    let named = object.metadata().name.as_deref().unwrap_or_default();
    // A name that is wrong is told before an object that is not there.
    if named != name {
        return Err(other_name(named, name));
    }
    admit::with_defaults(&mut object);
    let replacement =
        Replacement { api: &api, user: &user, target: &target, name, writer, object, is_dry_run };
    let (code, stored, more) = repeated(&replacement).await?;
    warnings.extend(more);
    Ok(answer::object(code, form, &stored, store.clock().now(), &warnings))
}

/// An object, and what it is to be written over.
struct Replacement<'a> {
    api: &'a Api,
    user: &'a User,
    target: &'a Target,
    name: &'a str,
    writer: Writer,
    object: Object,
    is_dry_run: bool,
}

impl Write for Replacement<'_> {
    async fn attempt(&self) -> Result<Done, Failed> {
        let Self { api, target, is_dry_run, .. } = *self;
        let store = &api.store;
        let (mut new, old) =
            (self.object.clone(), store.get_object(target.kind, &target.key(self.name)));
        fields::track(&self.writer, old.as_ref(), &mut new, store.clock().now());
        access::restrict(api, self.user, old.as_ref(), &new)?;
        let version = self.object.metadata().resource_version.as_ref();
        let is_version_said = version.is_some_and(|version| !version.is_empty());
        let (code, (stored, warnings)) = match old {
            Some(old) => {
                let write = replace(api, target, new, &old, is_version_said, is_dry_run);
                (StatusCode::OK, write.await?)
            }
            None if is_made_by_updates(target) => {
                access::require(api, self.user, &Attributes::to_create(target, self.name))?;
                (StatusCode::CREATED, make(store, target, new, is_dry_run).await?)
            }
            None => return Err(Status::not_found(target.kind, self.name).into()),
        };
        Ok((code, stored, warnings))
    }
}

/// Whether what is not there is created when it is updated, as whoever holds a lease or counts
/// events relies on.
fn is_made_by_updates(target: &Target) -> bool {
    matches!(target.kind, Kind::Lease | Kind::Event) && target.subresource.is_none()
}

/// Creates what was to be written over something that is not there.
async fn make(
    store: &Store,
    target: &Target,
    mut object: Object,
    is_dry_run: bool,
) -> Result<(Object, Vec<String>), Refusal> {
    place(&mut object, target.namespace.as_deref())?;
    let name = object.key().name;
    let metadata = object.metadata_mut();
    metadata.resource_version = None;
    match metadata.uid.as_deref() {
        None | Some("") => {
            // No pod is made in this way.
            let operator = OperatorLimits::default();
            let request = None;
            Creation { store, target, operator, is_dry_run, request }.create(object).await
        }
        Some(uid) => Err(Status::uid_conflict(target.kind, &name, uid, "").into()),
    }
}

/// Writes `new`, of which is noted who owns what, over `old`, if nobody else has in the meantime;
/// what is stored, and warnings.
pub(super) async fn write(
    api: &Api,
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
    if kind == Kind::Lease {
        must_say_version(&new)?;
    }
    let mut admitted = match target.subresource {
        part if kind == Kind::CertificateSigningRequest => {
            admit::certificate(&new, old, part, api.store.clock().now())?
        }
        Some(Subresource::Status) => {
            times::restore(&mut new, old);
            admit::status(&new, old)?
        }
        Some(Subresource::Finalize) => admit::finalize(&new, old)?,
        _ => admit::update(&new, old, target.version)?,
    };
    admit::change(&admitted.object, old, api)?;
    // What was admitted was held against `old`, so it may be written over nothing else.
    admitted.object.metadata_mut().resource_version.clone_from(&old.metadata().resource_version);
    fields::settled(&mut admitted.object, old);
    if is_dry_run {
        return Ok((admitted.object, admitted.warnings));
    }
    let committed = api.store.commit(Transaction::new().replace_object(admitted.object)).await?;
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

/// A lease is held by whoever writes it, so nobody may do so without having seen the last version.
fn must_say_version(new: &Object) -> Result<(), Invalid> {
    let metadata = new.metadata();
    if metadata.resource_version.as_ref().is_some_and(|version| !version.is_empty()) {
        return Ok(());
    }
    let cause = FieldError {
        kind: ErrorKind::Invalid,
        field: "metadata.resourceVersion".to_owned(),
        value: Some("0x0".to_owned()),
        detail: "must be specified for an update".to_owned(),
    };
    let name = metadata.name.clone().unwrap_or_default();
    Err(Invalid { kind: new.kind(), name, causes: vec![cause] })
}

fn differs(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_some_and(|wanted| !wanted.is_empty() && Some(wanted) != found)
}
