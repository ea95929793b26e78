//! ResourceQuotas: what one may bound, and in which scopes.
//!
//! Source: Kubernetes' validation of ResourceQuota. Names of what never runs here (services, volume
//! claims) are good as well: there is none of it, so nothing of it is ever used.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Errors, Json};
use super::path::Path;
use super::validate::format;
use super::validate::meta::{IMMUTABLE, NON_NEGATIVE, each, object_meta, object_meta_update};
use super::validate::resources::{NO_AMOUNT, is_extended, is_huge_page};
use super::{Admitted, Invalid, keep_system_metadata};
use crate::api::{
    Kind, Quantity, ResourceQuota, ResourceQuotaSpec, ResourceQuotaStatus, ScopeSelector,
};
use crate::quantity::Amount;

/// What pods ask for, which every scope but one may count.
const COMPUTE: &[&str] =
    &["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];

/// Objects that are counted by a name without `count/`.
const COUNTED: &[&str] = &[
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];

/// What else has a name without a domain.
const OTHERS: &[&str] = &[
    "ephemeral-storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
    "requests.storage",
];

const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
];

/// Scopes no pod is in both of.
const CONFLICTING: &[(&str, &str)] =
    &[("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")];

/// Admits a ResourceQuota that is to be created with this uid. Its name must have been made.
pub fn admit_resource_quota(
    mut object: ResourceQuota,
    uid: &str,
) -> Result<Admitted<ResourceQuota>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    // What is used is not for its maker to say.
    object.status = Some(ResourceQuotaStatus::default());
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    spec(object.spec.as_ref(), &mut errors);
    errors.into_result(Kind::ResourceQuota, object.metadata.name.as_deref())?;
    let warnings = warnings(object.spec.as_ref());
    Ok(Admitted { object, warnings })
}

/// Admits `new` to be written over `old`, whose status stays.
pub fn admit_resource_quota_update(
    mut new: ResourceQuota,
    old: &ResourceQuota,
) -> Result<Admitted<ResourceQuota>, Invalid> {
    keep_system_metadata(&mut new.metadata, &old.metadata);
    new.status.clone_from(&old.status);
    let mut errors = Errors::default();
    object_meta_update(&new.metadata, &old.metadata, &Path::new("metadata"), &mut errors);
    spec(new.spec.as_ref(), &mut errors);
    let scopes = |quota: &ResourceQuota| -> BTreeSet<String> {
        quota.spec.iter().flat_map(|spec| spec.scopes.iter().flatten()).cloned().collect()
    };
    if scopes(&new) != scopes(old) {
        let scopes = new.spec.as_ref().and_then(|spec| spec.scopes.as_ref());
        errors.invalid(&Path::new("spec").child("scopes"), Json(scopes), IMMUTABLE);
    }
    errors.into_result(Kind::ResourceQuota, new.metadata.name.as_deref())?;
    let warnings = warnings(new.spec.as_ref());
    Ok(Admitted { object: new, warnings })
}

/// Admits the status of `new` to be written over that of `old`, whose spec stays.
pub fn admit_resource_quota_status(
    mut new: ResourceQuota,
    old: &ResourceQuota,
) -> Result<Admitted<ResourceQuota>, Invalid> {
    keep_system_metadata(&mut new.metadata, &old.metadata);
    new.spec.clone_from(&old.spec);
    let mut errors = Errors::default();
    object_meta_update(&new.metadata, &old.metadata, &Path::new("metadata"), &mut errors);
    let status = new.status.get_or_insert_default();
    let at = Path::new("status");
    amounts(status.hard.as_ref(), &at.child("hard"), &mut errors);
    amounts(status.used.as_ref(), &at.child("used"), &mut errors);
    errors.into_result(Kind::ResourceQuota, new.metadata.name.as_deref())?;
    Ok(Admitted { object: new, warnings: Vec::new() })
}

fn spec(spec: Option<&ResourceQuotaSpec>, errors: &mut Errors) {
    let Some(spec) = spec else { return };
    let at = Path::new("spec");
    amounts(spec.hard.as_ref(), &at.child("hard"), errors);
    let hard: Vec<&str> = spec.hard.iter().flatten().map(|(name, _)| name.as_str()).collect();
    if let Some(scopes) = spec.scopes.as_ref().filter(|scopes| !scopes.is_empty()) {
        all_scopes(scopes, &hard, &at.child("scopes"), errors);
    }
    if let Some(selector) = &spec.scope_selector {
        scope_selector(selector, spec, &hard, &at.child("scopeSelector"), errors);
    }
}

fn amounts(amounts: Option<&BTreeMap<String, Quantity>>, at: &Path<'_>, errors: &mut Errors) {
    for (name, quantity) in amounts.into_iter().flatten() {
        let at = at.key(name);
        let complaints = format::qualified_name(name);
        if complaints.is_empty() && !name.contains('/') && !is_standard(name) {
            errors.invalid(&at, name, "must be a standard resource for quota");
        }
        each(complaints, |complaint| errors.invalid(&at, name, complaint));
        let Some(amount) = Amount::parse(&quantity.0) else {
            errors.invalid(&at, &quantity.0, NO_AMOUNT);
            continue;
        };
        if amount.is_negative() {
            errors.invalid(&at, &amount.to_string(), NON_NEGATIVE);
        }
        if !amount.is_whole() && (COUNTED.contains(&name.as_str()) || is_extended(name)) {
            errors.invalid(&at, &amount.to_string(), "must be an integer");
        }
    }
}

fn all_scopes(scopes: &[String], hard: &[&str], at: &Path<'_>, errors: &mut Errors) {
    for scope in scopes {
        if !SCOPES.contains(&scope.as_str()) {
            errors.invalid(at, Json(scopes), "unsupported scope");
        }
        for _ in hard.iter().filter(|name| !is_in_scope(name, scope)) {
            errors.invalid(at, Json(scopes), "unsupported scope applied to resource");
        }
    }
    let named: Vec<&str> = scopes.iter().map(String::as_str).collect();
    conflicts(&named, at, scopes, errors);
}

fn scope_selector(
    selector: &ScopeSelector,
    spec: &ResourceQuotaSpec,
    hard: &[&str],
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let at = at.child("matchExpressions");
    let requirements = selector.match_expressions.iter().flatten();
    for requirement in requirements.clone() {
        let scope = requirement.scope_name.as_str();
        if !SCOPES.contains(&scope) {
            errors.invalid(&at.child("scopeName"), scope, "unsupported scope");
        }
        for _ in hard.iter().filter(|name| !is_in_scope(name, scope)) {
            errors.invalid(&at, Json(selector), "unsupported scope applied to resource");
        }
        if scope != "PriorityClass" && SCOPES.contains(&scope) && requirement.operator != "Exists" {
            errors.invalid(
                &at.child("operator"),
                &requirement.operator,
                "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, \
                 ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                 ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
            );
        }
        let values = requirement.values.as_deref().unwrap_or_default();
        match requirement.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => errors.required(
                &at.child("values"),
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            ),
            "Exists" | "DoesNotExist" if !values.is_empty() => errors.invalid(
                &at.child("values"),
                Json(values),
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.invalid(&at.child("operator"), other, "not a valid selector operator"),
        }
    }
    let named: Vec<&str> = requirements.map(|it| it.scope_name.as_str()).collect();
    conflicts(&named, &at, spec.scopes.as_deref().unwrap_or_default(), errors);
}

fn conflicts(named: &[&str], at: &Path<'_>, shown: &[String], errors: &mut Errors) {
    for (one, other) in CONFLICTING {
        if named.contains(one) && named.contains(other) {
            errors.invalid(at, Json(shown), "conflicting scopes");
        }
    }
}

/// Whether `scope` says anything of the standard resource `name`; of others, every scope does.
fn is_in_scope(name: &str, scope: &str) -> bool {
    if !is_standard(name) {
        return true;
    }
    match scope {
        "BestEffort" => name == "pods",
        _ if SCOPES.contains(&scope) => name == "pods" || COMPUTE.contains(&name),
        _ => true,
    }
}

/// Whether `name` may be bounded though it has no domain.
fn is_standard(name: &str) -> bool {
    let named = |names: &[&str]| names.contains(&name);
    named(COMPUTE) || named(COUNTED) || named(OTHERS) || is_huge_page(name)
}

/// Of what is counted here, events alone are never charged, as in Kubernetes.
fn warnings(spec: Option<&ResourceQuotaSpec>) -> Vec<String> {
    let hard = spec.iter().flat_map(|spec| spec.hard.iter().flatten());
    let uncounted = hard.filter_map(|(name, _)| {
        let counted = name.strip_prefix("count/")?;
        let is_counted = Kind::ALL
            .iter()
            .any(|kind| kind.is_namespaced() && *kind != Kind::Event && kind.resource() == counted);
        (!is_counted).then(|| {
            format!("spec.hard[{name}]: there are no {counted} to count, so nothing is bounded")
        })
    });
    uncounted.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn admit(spec: &Value) -> Result<Admitted<ResourceQuota>, Invalid> {
        let quota = json!({"metadata": {"name": "q"}, "spec": spec});
        admit_resource_quota(serde_json::from_value(quota).expect("must be a quota"), "u")
    }

    #[test]
    fn admits_what_kubernetes_counts() {
        let quota = admit(&json!({
            "hard": {
                "pods": "2", "count/pods": "3", "count/jobs.batch": "1", "requests.cpu": "500m",
                "limits.memory": "1Gi", "services": "0", "requests.example.com/gpu": "1",
                "hugepages-2Mi": "0",
            },
        }));
        assert_eq!(quota.expect("must be admitted").warnings, Vec::<String>::new());
        let odd = admit(&json!({"hard": {"count/events": "1", "count/deployments.apps": "1"}}));
        assert_eq!(odd.expect("must be admitted").warnings.len(), 2);
    }

    #[test]
    fn denies_in_kubernetes_words() {
        let check = |spec: Value, expect: &[&str]| {
            let refusal = admit(&spec).expect_err("must be denied");
            let told: Vec<_> = refusal.causes.iter().map(ToString::to_string).collect();
            assert_eq!(told, expect, "{spec}");
        };
        check(
            json!({"hard": {"jobs": "1", "pods": "1.5", "cpu": "-1", "memory": "much"}}),
            &[
                r#"spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0"#,
                r#"spec.hard[jobs]: Invalid value: "jobs": must be a standard resource for quota"#,
                &format!(r#"spec.hard[memory]: Invalid value: "much": {NO_AMOUNT}"#),
                r#"spec.hard[pods]: Invalid value: "1500m": must be an integer"#,
            ],
        );
        check(
            json!({"hard": {"pods": "1", "cpu": "1"}, "scopes": ["BestEffort", "NotBestEffort"]}),
            &[
                r#"spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: unsupported scope applied to resource"#,
                r#"spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes"#,
            ],
        );
        check(
            json!({"scopeSelector": {"matchExpressions": [
                {"scopeName": "Terminating", "operator": "In"},
                {"scopeName": "Nope", "operator": "Exists"},
            ]}}),
            &[
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exist' \
                 when scope is any of ResourceQuotaScopeTerminating, \
                 ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                 ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
                "spec.scopeSelector.matchExpressions.values: Required value: must be at least one \
                 value when `operator` is 'In' or 'NotIn' for scope selector",
                "spec.scopeSelector.matchExpressions.scopeName: Invalid value: \"Nope\": unsupported \
                 scope",
            ],
        );
    }

    #[test]
    fn a_quotas_scopes_and_status_stay() {
        let old = admit(&json!({"scopes": ["Terminating"]})).expect("must be admitted").object;
        let mut new = old.clone();
        new.spec = None;
        new.status = None;
        let refusal = admit_resource_quota_update(new, &old).expect_err("must be denied");
        assert_eq!(refusal.causes[0].field, "spec.scopes");
    }
}
