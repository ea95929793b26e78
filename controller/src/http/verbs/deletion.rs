//! What a request says of how objects are to be deleted, and what that does to each of them.

use axum::body::Body;
use axum::http::HeaderMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as k8s;
use serde::Deserialize;

use crate::api::names::{FOREGROUND_DELETION, ORPHAN};
use crate::api::{Kind, Object};
use crate::http::body;
use crate::http::options::{Query, is_dry_run};
use crate::http::refusal::Refusal;
use crate::http::status::Status;
use crate::store::{DeleteOptions, Transaction};

const OPTIONS: &str = "DeleteOptions";

/// What Kubernetes tells whoever deletes a Job and says nothing of its pods.
const ORPHANS_WARNING: &str = "child pods are preserved by default when jobs are deleted; set \
    propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this \
    warning";

/// What a request says of how to delete.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::http) struct Wish {
    propagation_policy: Option<String>,
    /// The same as it was said before there were more than two ways.
    orphan_dependents: Option<bool>,
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

/// What becomes of what an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Propagation {
    /// It goes afterwards.
    Background,
    /// It goes first.
    Foreground,
    /// It stays.
    Orphan,
}

impl Wish {
    /// What `options` say.
    pub(in crate::http) fn of(options: k8s::DeleteOptions) -> Result<Self, Refusal> {
        let preconditions = options.preconditions.unwrap_or_default();
        let wish = Self {
            propagation_policy: options.propagation_policy,
            orphan_dependents: options.orphan_dependents,
            grace_period_seconds: options.grace_period_seconds,
            dry_run: options.dry_run.unwrap_or_default(),
            preconditions: Preconditions {
                uid: preconditions.uid,
                resource_version: preconditions.resource_version,
            },
        };
        wish.check()?;
        Ok(wish)
    }

    /// What the body says, or else the query.
    pub(super) async fn read(
        query: &Query,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Refusal> {
        let bytes = body::options(headers, body).await?;
        let mut wish: Self = if bytes.is_empty() {
            Self::default()
        } else {
            serde_json::from_slice(&bytes)
                .map_err(|error| Status::bad_request(error.to_string()))?
        };
        if wish.propagation_policy.is_none() {
            wish.propagation_policy = query.get("propagationPolicy").map(str::to_owned);
        }
        if wish.orphan_dependents.is_none() {
            wish.orphan_dependents = query.flag("orphanDependents");
        }
        if wish.grace_period_seconds.is_none() {
            wish.grace_period_seconds = query.number("gracePeriodSeconds")?;
        }
        if query.is_dry_run(OPTIONS)? {
            wish.dry_run.push("All".to_owned());
        }
        wish.check()?;
        Ok(wish)
    }

    fn check(&self) -> Result<(), Refusal> {
        let policy = self.propagation_policy.as_deref();
        if !matches!(policy, None | Some("Background" | "Foreground" | "Orphan")) {
            let shown = format!("\"{}\"", policy.unwrap_or_default());
            let supported = &["Background", "Foreground", "Orphan", "nil"];
            let field = "propagationPolicy";
            return Err(Status::unsupported_option(OPTIONS, field, shown, supported).into());
        }
        self.is_dry_run().map(drop)
    }

    /// Whether nothing is to be deleted.
    pub(in crate::http) fn is_dry_run(&self) -> Result<bool, Refusal> {
        let values: Vec<&str> = self.dry_run.iter().map(String::as_str).collect();
        is_dry_run(&values, OPTIONS)
    }

    /// What to warn of who deletes objects of `kind`.
    pub(super) fn warnings(&self, kind: Kind) -> Vec<String> {
        let is_silent = self.propagation_policy.is_none() && self.orphan_dependents.is_none();
        if kind == Kind::Job && is_silent { vec![ORPHANS_WARNING.to_owned()] } else { Vec::new() }
    }

    /// What becomes of what `object` owns: what is asked for, or what it asks for itself, or else
    /// what is usual for its kind.
    pub(super) fn propagation(&self, object: &Object) -> Propagation {
        let asks_for = |finalizer: &str| {
            object.metadata().finalizers.iter().flatten().any(|it| it == finalizer)
        };
        match (self.propagation_policy.as_deref(), self.orphan_dependents) {
            (Some("Orphan"), _) | (None, Some(true)) => Propagation::Orphan,
            (Some("Foreground"), _) => Propagation::Foreground,
            (Some(_), _) | (None, Some(false)) => Propagation::Background,
            (None, None) if asks_for(ORPHAN) => Propagation::Orphan,
            (None, None) if asks_for(FOREGROUND_DELETION) => Propagation::Foreground,
            // A Job's pods stay unless something else is said: batch/v1 has always been so.
            (None, None) if object.kind() == Kind::Job => Propagation::Orphan,
            (None, None) => Propagation::Background,
        }
    }

    /// Whether `object` is the one that is meant.
    pub(in crate::http) fn holds_for(&self, object: &Object) -> Result<(), Refusal> {
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

    /// What deletes `object`, if it is the one that is meant.
    pub(super) fn transaction(&self, object: &Object) -> Transaction {
        self.guard(object).and(self.deletion(object))
    }

    /// What fails if `object` is another by then than the one that is meant.
    pub(in crate::http) fn guard(&self, object: &Object) -> Transaction {
        match &self.preconditions.resource_version {
            Some(version) => Transaction::new().guard(object.kind(), object.key(), version),
            None => Transaction::new(),
        }
    }

    /// What deletes `object`.
    pub(in crate::http) fn deletion(&self, object: &Object) -> Transaction {
        let (kind, key, uid) = (object.kind(), object.key(), object.metadata().uid.clone());
        let mut transaction = Transaction::new();
        let propagation = self.propagation(object);
        let before = object.metadata().finalizers.clone().unwrap_or_default();
        if propagation.finalizers(before.clone()) != before {
            let wait = move |object: &mut Object| {
                let finalizers = object.metadata_mut().finalizers.get_or_insert_default();
                *finalizers = propagation.finalizers(std::mem::take(finalizers));
            };
            transaction = transaction.modify_object(kind, key.clone(), uid.clone(), wait);
        }
        let grace_period_seconds = self.grace_period_seconds;
        transaction.delete(kind, key, DeleteOptions { uid, grace_period_seconds })
    }
}

impl Propagation {
    /// The finalizers that see to it, among those that an object has.
    fn finalizers(self, mut finalizers: Vec<String>) -> Vec<String> {
        let wanted = match self {
            Self::Background => None,
            Self::Foreground => Some(FOREGROUND_DELETION),
            Self::Orphan => Some(ORPHAN),
        };
        let is_other = |it: &str| [FOREGROUND_DELETION, ORPHAN].contains(&it) && wanted != Some(it);
        finalizers.retain(|it| !is_other(it));
        if let Some(wanted) = wanted
            && !finalizers.iter().any(|it| it == wanted)
        {
            finalizers.push(wanted.to_owned());
        }
        finalizers
    }
}
