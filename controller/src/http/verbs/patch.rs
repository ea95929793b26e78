//! A change to an object, in any of the formats that [`crate::http::patch`] knows.
//!
//! It is made to the newest version; if that changes meanwhile, it is made again, unless the patch
//! names the version that it is for. What is applied is created if it is not there.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value};

use super::attempts::{Done, Failed, Write, repeated, replace};
use super::create::{Creation, place, traceparent};
use super::update::other_name;
use crate::admission::decode::FieldValidation;
use crate::admission::{ErrorKind, FieldError};
use crate::api::Object;
use crate::http::access::{self, Attributes, User};
use crate::http::fields::{self, Refused, Writer};
use crate::http::options::Query;
use crate::http::patch::{Change, Format, Patch, applied_object};
use crate::http::refusal::Refusal;
use crate::http::router::{Api, Call};
use crate::http::status::Status;
use crate::http::target::Target;
use crate::http::{admit, answer, body, go};
use crate::store::Store;
use crate::trace;

const OPTIONS: &str = "PatchOptions";

/// Everything that a patch is, but the object.
struct Request<'a> {
    api: &'a Api,
    user: &'a User,
    store: &'a Store,
    target: &'a Target,
    name: &'a str,
    writer: Writer,
    patch: Patch,
    validation: FieldValidation,
    is_forced: bool,
    is_dry_run: bool,
    traced: trace::Request<'a>,
}

pub(in crate::http) async fn patch(call: Call, name: &str) -> Result<Response<Body>, Refusal> {
    let Call { api, user, target, query, form, headers, body } = call;
    let store = &api.store;
    let format = Format::of(body::content_type(&headers))?;
    let begun = store.clock().now();
    let bytes = body::read(body).await?;
    let is_forced = is_forced(&query, format)?;
    let validation = query.field_validation(OPTIONS)?;
    let request = Request {
        api: &api,
        user: &user,
        store,
        target: &target,
        name,
        writer: Writer::of(&target, &query, &headers, OPTIONS)?,
        patch: Patch::read(format, &bytes, target.version, validation)?,
        validation,
        is_forced,
        is_dry_run: query.is_dry_run(OPTIONS)?,
        traced: trace::Request::new(&api.tracer, traceparent(&headers), "PATCH", begun),
    };
    let (code, stored, warnings) = repeated(&request).await?;
    Ok(answer::object(code, form, &stored, store.clock().now(), &warnings))
}

/// Whether what others own is to be taken from them, which only who applies can ask for.
fn is_forced(query: &Query, format: Format) -> Result<bool, Refusal> {
    let wrong = |kind: ErrorKind, field: &str, detail: &str| {
        let (field, detail) = (field.to_owned(), detail.to_owned());
        Status::invalid_options(OPTIONS, &[FieldError { kind, field, value: None, detail }])
    };
    let force = query.flag("force");
    if format == Format::Apply {
        if query.get("fieldManager").is_none() {
            let why = "is required for apply patch";
            return Err(wrong(ErrorKind::Required, "fieldManager", why).into());
        }
    } else if force.is_some() {
        let why = "may not be specified for non-apply patch";
        return Err(wrong(ErrorKind::Forbidden, "force", why).into());
    }
    Ok(force == Some(true))
}

impl Write for Request<'_> {
    async fn attempt(&self) -> Result<Done, Failed> {
        let kind = self.target.kind;
        let live = self.store.get_object(kind, &self.target.key(self.name));
        match (live, &self.patch.change) {
            (Some(old), change) => {
                let (new, mut warnings) = match change {
                    Change::Apply(config) => (self.applied(Some(&old), config)?, Vec::new()),
                    _ => self.changed(&old)?,
                };
                access::restrict(self.api, self.user, Some(&old), &new)?;
                let version = |object: &Object| object.metadata().resource_version.clone();
                // What it says beside what was there already, it says itself.
                let is_version_said = version(&new) != version(&old);
                let (api, target) = (self.api, self.target);
                let written =
                    replace(api, target, new, &old, is_version_said, self.is_dry_run).await;
                let (stored, more) = written?;
                warnings.extend(more);
                Ok((StatusCode::OK, stored, warnings))
            }
            (None, Change::Apply(config)) if self.target.subresource.is_none() => {
                self.create(self.applied(None, config)?).await
            }
            (None, _) => Err(Status::not_found(kind, self.name).into()),
        }
    }
}

impl Request<'_> {
    /// `old` as it is after the patch, with who owns what.
    fn changed(&self, old: &Object) -> Result<(Object, Vec<String>), Refusal> {
        let (mut new, warnings) = self.patch.made_to(old, self.validation)?;
        self.check_name(&new)?;
        admit::with_defaults(&mut new);
        fields::track(&self.writer, Some(old), &mut new, self.store.clock().now());
        Ok((new, warnings))
    }

    /// What is applied, put over `live` or made an object of, with who owns what.
    fn applied(
        &self,
        live: Option<&Object>,
        config: &Map<String, Value>,
    ) -> Result<Object, Refusal> {
        let kind = self.target.kind;
        let says = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
        if (says("apiVersion"), says("kind")) != (kind.api_version(), kind.name()) {
            let kind = go::kind_of(says("apiVersion"), says("kind"));
            let why = format!("invalid object type: {kind}");
            return Err(Status::bad_request(why).into());
        }
        let metadata = config.get("metadata");
        if metadata.and_then(|it| it.get("managedFields")).is_some_and(|it| !it.is_null()) {
            return Err(Status::bad_request("metadata.managedFields must be nil").into());
        }
        let (config, now) = (Value::Object(config.clone()), self.store.clock().now());
        let made = fields::apply(&self.writer, live, &config, self.is_forced, now);
        let made = made.map_err(|refused| match refused {
            Refused::Malformed(why) => Status::unexplained(&why),
            Refused::Conflicts(conflicts) => Status::apply_conflict(&conflicts),
        })?;
        let mut new = applied_object(kind, &made)?;
        self.check_name(&new)?;
        admit::with_defaults(&mut new);
        Ok(new)
    }

    fn check_name(&self, object: &Object) -> Result<(), Refusal> {
        let named = object.metadata().name.as_deref().unwrap_or_default();
        if named == self.name { Ok(()) } else { Err(other_name(named, self.name)) }
    }

    async fn create(&self, mut new: Object) -> Result<Done, Failed> {
        let (kind, name) = (self.target.kind, self.name);
        access::require(self.api, self.user, &Attributes::to_create(self.target, name))?;
        access::restrict(self.api, self.user, None, &new)?;
        place(&mut new, self.target.namespace.as_deref())?;
        if let Some(uid) = new.metadata().uid.as_deref().filter(|uid| !uid.is_empty()) {
            return Err(Status::no_object_with_uid(kind, name, uid).into());
        }
        admit::hosts(&new, &self.api.allowed_hosts)?;
        admit::asked_by(self.user, &mut new, self.api)?;
        let (store, target, is_dry_run) = (self.store, self.target, self.is_dry_run);
        let (operator, request) = (self.api.operator, Some(&self.traced));
        let creation = Creation { store, target, operator, is_dry_run, request };
        match creation.create(new).await {
            Ok((created, warnings)) => Ok((StatusCode::CREATED, created, warnings)),
            Err(refusal) => {
                // Somebody else was quicker: then it is there to be applied to.
                let is_worth_another = refusal.status.reason == "AlreadyExists";
                Err(Failed { refusal, is_worth_another })
            }
        }
    }
}
