//! LimitRanges: bounds and defaults of what the containers of a namespace ask for.
//!
//! Source: Kubernetes' defaults and validation of LimitRange.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Errors;
use super::path::Path;
use super::validate::format;
use super::validate::meta::{each, object_meta};
use super::validate::resources::{NO_AMOUNT, is_huge_page, is_native};
use super::{Admitted, Invalid};
use crate::api::{Kind, LimitRange, LimitRangeItem, Quantity};
use crate::quantity::Amount;

/// The first step of admission alone: a container's limits are its highest by default, and its
/// requests its limits, or else its lowest.
pub fn default_limit_range(object: &mut LimitRange) {
    let limits = object.spec.iter_mut().flat_map(|spec| &mut spec.limits);
    for item in limits.filter(|item| item.type_ == "Container") {
        let fill = |into: &mut Option<BTreeMap<String, Quantity>>,
                    from: Option<&BTreeMap<String, Quantity>>| {
            for (name, quantity) in from.into_iter().flatten() {
                let into = into.get_or_insert_default();
                into.entry(name.clone()).or_insert_with(|| quantity.clone());
            }
        };
        fill(&mut item.default, item.max.as_ref());
        fill(&mut item.default_request, item.default.as_ref());
        fill(&mut item.default_request, item.min.as_ref());
    }
}

/// Admits a LimitRange that is to be created with this uid. Its name must have been made.
pub fn admit_limit_range(
    mut object: LimitRange,
    uid: &str,
) -> Result<Admitted<LimitRange>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    default_limit_range(&mut object);
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    let items = object.spec.as_ref().map(|spec| spec.limits.as_slice()).unwrap_or_default();
    let mut types = BTreeSet::new();
    let mut warnings = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let spec = Path::new("spec");
        let at = spec.item("limits", index);
        limit_type(&item.type_, &at.child("type"), &mut errors);
        if !types.insert(item.type_.as_str()) {
            errors.duplicate(&at.child("type"), &item.type_);
        }
        limits(item, &at, &mut errors);
        if !matches!(item.type_.as_str(), "Pod" | "Container") {
            warnings.push(format!(
                "{at}.type: there are no objects of the type {}, so nothing is bounded",
                item.type_
            ));
        }
    }
    errors.into_result(Kind::LimitRange, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings })
}

fn limit_type(name: &str, at: &Path<'_>, errors: &mut Errors) {
    let complaints = format::qualified_name(name);
    let is_standard = matches!(name, "Pod" | "Container" | "PersistentVolumeClaim");
    if complaints.is_empty() && !name.contains('/') && !is_standard {
        errors.invalid(at, name, "must be a standard limit type or fully qualified");
    }
    each(complaints, |complaint| errors.invalid(at, name, complaint));
}

fn limits(item: &LimitRangeItem, at: &Path<'_>, errors: &mut Errors) {
    let is_pod = item.type_ == "Pod";
    let is_container = is_pod || item.type_ == "Container";
    let mut read = |field: &str, from: &'_ Option<BTreeMap<String, Quantity>>| {
        amounts(from.as_ref(), is_container, &at.child(field), errors)
    };
    let (max, min) = (read("max", &item.max), read("min", &item.min));
    let (mut default, mut request) = (Vec::new(), Vec::new());
    if !is_pod {
        default = read("default", &item.default);
        request = read("defaultRequest", &item.default_request);
    }
    let ratio = read("maxLimitRequestRatio", &item.max_limit_request_ratio);
    for (field, given) in [("default", &item.default), ("defaultRequest", &item.default_request)] {
        if is_pod && given.as_ref().is_some_and(|given| !given.is_empty()) {
            errors.forbidden(&at.child(field), "may not be specified when `type` is 'Pod'");
        }
    }
    let has_storage =
        |amounts: &[(String, Amount)]| amounts.iter().any(|(name, _)| name == "storage");
    if item.type_ == "PersistentVolumeClaim" && !has_storage(&min) && !has_storage(&max) {
        errors.required(
            &at.child("limits"),
            "either minimum or maximum storage value is required, but neither was provided",
        );
    }
    let by_name = |amounts: &'_ [(String, Amount)]| -> BTreeMap<String, Amount> {
        amounts.iter().cloned().collect()
    };
    let all = [by_name(&max), by_name(&min), by_name(&default), by_name(&request), by_name(&ratio)];
    let names: BTreeSet<&str> = all.iter().flat_map(|it| it.keys().map(String::as_str)).collect();
    for name in names {
        let [max, min, default, request, ratio] = all.each_ref().map(|it| it.get(name).copied());
        Together { name, max, min, default, request, ratio }.validate(at, errors);
    }
}

/// What is said of one resource.
struct Together<'a> {
    name: &'a str,
    max: Option<Amount>,
    min: Option<Amount>,
    default: Option<Amount>,
    request: Option<Amount>,
    ratio: Option<Amount>,
}

impl Together<'_> {
    fn validate(&self, at: &Path<'_>, errors: &mut Errors) {
        let Self { name, max, min, default, request, ratio } = *self;
        let mut ordered = |field: &str, shown: Option<Amount>, low, lower, high, higher| {
            let (Some(low), Some(high)): (Option<Amount>, Option<Amount>) = (low, high) else {
                return;
            };
            if low > high {
                let shown = shown.unwrap_or_default().to_string();
                let detail = format!("{lower} value {low} is greater than {higher} value {high}");
                errors.invalid(&at.child(field).key(name), &shown, &detail);
            }
        };
        ordered("min", min, min, "min", max, "max");
        ordered("defaultRequest", request, min, "min", request, "default request");
        ordered("defaultRequest", request, request, "default request", max, "max");
        ordered("defaultRequest", request, request, "default request", default, "default limit");
        ordered("default", min, min, "min", default, "default");
        ordered("default", max, default, "default", max, "max");
        if let Some(ratio) = ratio {
            let at = at.child("maxLimitRequestRatio");
            let at = at.key(name);
            bounded_ratio(ratio, min, max, &at, errors);
        }
        let is_overcommitted = is_native(name) && !is_huge_page(name);
        if let (false, Some(default), Some(request)) = (is_overcommitted, default, request)
            && default != request
        {
            let detail = format!(
                "default value {default} must equal to defaultRequest value {request} in {name}"
            );
            let at = at.child("defaultRequest");
            let at = at.key(name);
            errors.invalid(&at, &request.to_string(), &detail);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio is compared as Kubernetes does")]
fn bounded_ratio(
    ratio: Amount,
    min: Option<Amount>,
    max: Option<Amount>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    if ratio < Amount::from_units(1) {
        errors.invalid(at, &ratio.to_string(), &format!("ratio {ratio} is less than 1"));
    }
    let (Some(min), Some(max)) = (min, max) else { return };
    let most = max.millis() as f64 / min.millis() as f64;
    if ratio.millis() as f64 / 1000.0 > most {
        let detail = format!("ratio {ratio} is greater than max/min = {most:.6}");
        errors.invalid(at, &ratio.to_string(), &detail);
    }
}

fn amounts(
    given: Option<&BTreeMap<String, Quantity>>,
    is_container: bool,
    at: &Path<'_>,
    errors: &mut Errors,
) -> Vec<(String, Amount)> {
    let mut read = Vec::new();
    for (name, quantity) in given.into_iter().flatten() {
        let at = at.key(name);
        let complaints = format::qualified_name(name);
        let is_standard = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage")
            || is_huge_page(name)
            || (!is_container && matches!(name.as_str(), "storage" | "requests.storage"));
        if complaints.is_empty() && !name.contains('/') && !is_standard {
            let detail = if is_container {
                "must be a standard resource for containers"
            } else {
                "must be a standard resource type or fully qualified"
            };
            errors.invalid(&at, name, detail);
        }
        each(complaints, |complaint| errors.invalid(&at, name, complaint));
        match Amount::parse(&quantity.0) {
            None => errors.invalid(&at, &quantity.0, NO_AMOUNT),
            Some(amount) => read.push((name.clone(), amount)),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn admit(limit: &Value) -> Result<LimitRange, Invalid> {
        let range = json!({"metadata": {"name": "l"}, "spec": {"limits": [limit]}});
        let range = serde_json::from_value(range).expect("must be a LimitRange");
        admit_limit_range(range, "u").map(|admitted| admitted.object)
    }

    #[test]
    fn containers_have_defaults_by_their_bounds() {
        let check = |limit: Value, default: Value, request: Value| {
            let range = admit(&limit).expect("must be admitted");
            let item = serde_json::to_value(&range.spec.expect("a spec").limits[0]).expect("JSON");
            assert_eq!((&item["default"], &item["defaultRequest"]), (&default, &request));
        };
        check(
            json!({"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1", "memory": "1Mi"}}),
            json!({"cpu": "2"}),
            json!({"cpu": "2", "memory": "1Mi"}),
        );
        check(json!({"type": "Pod", "max": {"cpu": "2"}}), Value::Null, Value::Null);
    }

    #[test]
    fn denies_in_kubernetes_words() {
        let check = |limit: Value, expect: &[&str]| {
            let refusal = admit(&limit).expect_err("must be denied");
            let told: Vec<_> = refusal.causes.iter().map(ToString::to_string).collect();
            assert_eq!(told, expect, "{limit}");
        };
        check(
            json!({"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}),
            &[
                r#"spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1"#,
                r#"spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1"#,
                r#"spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1"#,
            ],
        );
        check(
            json!({"type": "Pod", "default": {"cpu": "2"}, "max": {"pods": "1"}}),
            &[
                r#"spec.limits[0].max[pods]: Invalid value: "pods": must be a standard resource for containers"#,
                "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
            ],
        );
        check(
            json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "500m"}}),
            &[
                r#"spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1"#,
            ],
        );
        check(
            json!({"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "3"}}),
            &[
                r#"spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000"#,
            ],
        );
        check(
            json!({"type": "Thing"}),
            &[
                r#"spec.limits[0].type: Invalid value: "Thing": must be a standard limit type or fully qualified"#,
            ],
        );
    }
}
