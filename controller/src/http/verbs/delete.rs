//! The end of an object, and what becomes of those that it owns.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Deserialize;

use crate::api::names::FOREGROUND_DELETION;
use crate::api::{Kind, Object};
use crate::http::options::{Query, is_dry_run};
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::status::Status;
use crate::http::{answer, body};
use crate::store::{DeleteOptions, Store, Transaction};

const OPTIONS: &str = "DeleteOptions";

/// What Kubernetes tells whoever deletes a Job and says nothing of its pods.
const ORPHANS_WARNING: &str = "child pods are preserved by default when jobs are deleted; set \
    propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this \
    warning";

/// Namespaces that Kubernetes keeps.
const NAMESPACES_KEPT: &[&str] = &["default", "kube-system", "kube-public"];

/// What a request says of how to delete.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wish {
    propagation_policy: Option<String>,
    grace_period_seconds: Option<i64>,
    dry_run: Vec<String>,
    preconditions: Preconditions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

/// What becomes of what the object owns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Propagation {
    /// It goes afterwards.
    Background,
    /// It goes first.
    Foreground,
    /// It stays.
    Orphan,
}

pub(in crate::http) async fn delete(call: Call, name: &str) -> Result<Response<Body>, Refusal> {
    let Call { api, target, query, form, body, .. } = call;
    let store = &api.store;
    let wish = Wish::read(&query, body).await?;
    let values: Vec<&str> = wish.dry_run.iter().map(String::as_str).collect();
    let is_dry_run = is_dry_run(&values, OPTIONS)?;
    let (propagation, warnings) = wish.propagation(target.kind)?;
    let (kind, key) = (target.kind, target.key(name));
    let old = store.get_object(kind, &key).ok_or_else(|| Status::not_found(kind, name))?;
    wish.holds_for(&old).map_err(|refusal| refusal.warning(&warnings))?;
    if kind == Kind::Namespace {
        may_go(store, name)?;
    }
    let ended = if is_dry_run {
        old.clone()
    } else {
        let transaction = wish.transaction(store, &old, propagation);
        let committed = store.commit(transaction).await?;
        // Somebody else may have deleted it at the same time: then it is gone, as was wanted.
        committed.objects.into_iter().next_back().unwrap_or(old)
    };
    let is_waited_for = propagation != Propagation::Background || !is_gone(&ended, is_dry_run);
    if is_waited_for {
        let now = store.clock().now();
        return Ok(answer::object(StatusCode::OK, form, &ended, now, &warnings));
    }
    let uid = ended.metadata().uid.as_deref().unwrap_or_default();
    Ok(answer::status(&Status::deleted(kind, name, uid), &warnings))
}

impl Wish {
    /// What the body says, or else the query.
    async fn read(query: &Query, body: Body) -> Result<Self, Refusal> {
        let bytes = body::read(body).await?;
        let mut wish: Self = if bytes.is_empty() {
            Self::default()
        } else {
            serde_json::from_slice(&bytes)
                .map_err(|error| Status::bad_request(error.to_string()))?
        };
        if wish.propagation_policy.is_none() {
            wish.propagation_policy = query.get("propagationPolicy").map(str::to_owned);
        }
        if wish.grace_period_seconds.is_none() {
            let grace = query.get("gracePeriodSeconds").map(str::parse).transpose();
            wish.grace_period_seconds =
                grace.map_err(|_| Status::bad_request("gracePeriodSeconds is no number"))?;
        }
        if query.is_dry_run(OPTIONS)? {
            wish.dry_run.push("All".to_owned());
        }
        Ok(wish)
    }

    /// What becomes of what an object of `kind` owns, and what to warn of.
    fn propagation(&self, kind: Kind) -> Result<(Propagation, Vec<String>), Refusal> {
        Ok(match self.propagation_policy.as_deref() {
            // A Job's pods stay unless something else is said: batch/v1 has always been so.
            None if kind == Kind::Job => (Propagation::Orphan, vec![ORPHANS_WARNING.to_owned()]),
            None | Some("Background") => (Propagation::Background, Vec::new()),
            Some("Foreground") => (Propagation::Foreground, Vec::new()),
            Some("Orphan") => (Propagation::Orphan, Vec::new()),
            Some(other) => {
                let shown = format!("\"{other}\"");
                let supported = &["Background", "Foreground", "Orphan", "nil"];
                return Err(Status::unsupported_option(
                    OPTIONS,
                    "propagationPolicy",
                    shown,
                    supported,
                )
                .into());
            }
        })
    }

    /// Whether `object` is the one that is meant.
    fn holds_for(&self, object: &Object) -> Result<(), Refusal> {
        let (kind, key, metadata) = (object.kind(), object.key(), object.metadata());
        let uid = metadata.uid.as_deref().unwrap_or_default();
        let version = metadata.resource_version.as_deref().unwrap_or_default();
        match (&self.preconditions.uid, &self.preconditions.resource_version) {
            (Some(wanted), _) if wanted != uid => {
                Err(Status::uid_precondition(kind, &key.name, wanted, uid).into())
            }
            (_, Some(wanted)) if wanted != version => {
                Err(Status::version_precondition(kind, &key.name, wanted, version).into())
            }
            _ => Ok(()),
        }
    }

    fn transaction(&self, store: &Store, old: &Object, propagation: Propagation) -> Transaction {
        let (kind, key, uid) = (old.kind(), old.key(), old.metadata().uid.clone());
        let mut transaction = Transaction::new();
        if let Some(version) = &self.preconditions.resource_version {
            transaction = transaction.guard(kind, key.clone(), version);
        }
        match (propagation, &uid) {
            (Propagation::Orphan, Some(uid)) => {
                transaction = orphan(transaction, store, &key.namespace, uid);
            }
            (Propagation::Foreground, _) => {
                let wait = |object: &mut Object| {
                    let finalizers = object.metadata_mut().finalizers.get_or_insert_default();
                    if !finalizers.iter().any(|it| it == FOREGROUND_DELETION) {
                        finalizers.push(FOREGROUND_DELETION.to_owned());
                    }
                };
                transaction = transaction.modify_object(kind, key.clone(), uid.clone(), wait);
            }
            _ => {}
        }
        let grace_period_seconds = self.grace_period_seconds;
        transaction.delete(kind, key, DeleteOptions { uid, grace_period_seconds })
    }
}

/// Takes the owner `uid` from all that it owns.
///
/// Kubernetes differs: there a collector does so afterwards; here it is one transaction with the
/// end of the owner.
fn orphan(mut transaction: Transaction, store: &Store, namespace: &str, uid: &str) -> Transaction {
    for kind in [Kind::Job, Kind::Pod] {
        let (objects, _) = store.list_objects(kind, Some(namespace));
        let is_owned = |object: &&Object| {
            object.metadata().owner_references.iter().flatten().any(|owner| owner.uid == uid)
        };
        for object in objects.iter().filter(is_owned) {
            let owner = uid.to_owned();
            let change = move |object: &mut Object| {
                let owners = &mut object.metadata_mut().owner_references;
                if let Some(owners) = owners {
                    owners.retain(|it| it.uid != owner);
                }
                owners.take_if(|owners| owners.is_empty());
            };
            let uid = object.metadata().uid.clone();
            transaction = transaction.modify_object(kind, object.key(), uid, change);
        }
    }
    transaction
}

/// Whether nothing holds `object` back; of one that was only to be tried, whether anything would.
fn is_gone(object: &Object, is_dry_run: bool) -> bool {
    let metadata = object.metadata();
    metadata.finalizers.as_ref().is_none_or(Vec::is_empty)
        && metadata.deletion_grace_period_seconds.unwrap_or(0) == 0
        && (is_dry_run || metadata.deletion_timestamp.is_some())
}

/// A namespace goes only when nothing is in it.
///
/// Kubernetes differs: there its contents go with it.
fn may_go(store: &Store, name: &str) -> Result<(), Refusal> {
    if NAMESPACES_KEPT.contains(&name) {
        let why = "this namespace may not be deleted";
        return Err(Status::forbidden(Kind::Namespace, name, why).into());
    }
    let mut kinds = Kind::ALL.iter().filter(|kind| kind.is_namespaced());
    match kinds.find(|kind| !store.list_objects(**kind, Some(name)).0.is_empty()) {
        None => Ok(()),
        Some(kind) => {
            let why = format!("it still holds {}; delete them first", kind.plural());
            Err(Status::forbidden(Kind::Namespace, name, &why).into())
        }
    }
}
