//! What `describe` says of what bounds a namespace: ResourceQuotas and LimitRanges.

use std::collections::BTreeSet;

use mayfly_controller::api::{LimitRange, ResourceQuota};
use mayfly_controller::quantity::Amount;
use mayfly_controller::resources::amounts;

use super::sheet::Sheet;

/// A quota, with what is used of it.
pub(super) fn resource_quota(quota: &ResourceQuota) -> String {
    let mut sheet = Sheet::default();
    let metadata = &quota.metadata;
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    sheet.field(0, "Namespace", metadata.namespace.as_deref().unwrap_or_default());
    scopes(&mut sheet, 0, quota, " * ");
    used(&mut sheet, 0, quota, "--------\t----\t----");
    sheet.finish()
}

/// A LimitRange.
pub(super) fn limit_range(range: &LimitRange) -> String {
    let mut sheet = Sheet::default();
    let metadata = &range.metadata;
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    sheet.field(0, "Namespace", metadata.namespace.as_deref().unwrap_or_default());
    limits_head(&mut sheet, "");
    limits(&mut sheet, "", range);
    sheet.finish()
}

/// The quotas of a namespace.
pub(super) fn quotas_of_namespace(quotas: &[ResourceQuota]) -> String {
    if quotas.is_empty() {
        return "\nNo resource quota.\n".to_owned();
    }
    let mut sheet = Sheet::default();
    sheet.line(0, "");
    sheet.line(0, "Resource Quotas");
    for quota in quotas {
        sheet.field(1, "Name", quota.metadata.name.as_deref().unwrap_or_default());
        scopes(&mut sheet, 1, quota, "* ");
        used(&mut sheet, 1, quota, "--------\t---\t---");
    }
    sheet.finish()
}

/// The LimitRanges of a namespace.
pub(super) fn limits_of_namespace(ranges: &[LimitRange]) -> String {
    if ranges.is_empty() {
        return "\nNo LimitRange resource.\n".to_owned();
    }
    let mut sheet = Sheet::default();
    sheet.line(0, "");
    sheet.line(0, "Resource Limits");
    limits_head(&mut sheet, " ");
    ranges.iter().for_each(|range| limits(&mut sheet, " ", range));
    sheet.finish()
}

fn scopes(sheet: &mut Sheet, level: usize, quota: &ResourceQuota, bullet: &str) {
    let scopes = quota.spec.iter().flat_map(|spec| spec.scopes.iter().flatten());
    let scopes: BTreeSet<&str> = scopes.map(String::as_str).collect();
    if scopes.is_empty() {
        return;
    }
    sheet.field(level, "Scopes", scopes.iter().copied().collect::<Vec<_>>().join(", "));
    for help in scopes.iter().filter_map(|scope| help(scope)) {
        sheet.line(level, format_args!("{bullet}{help}"));
    }
}

fn help(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "Terminating" => {
            "Matches all pods that have an active deadline. These pods have a limited lifespan on a \
             node before being actively terminated by the system."
        }
        "NotTerminating" => {
            "Matches all pods that do not have an active deadline. These pods usually include long \
             running pods whose container command is not expected to terminate."
        }
        "BestEffort" => {
            "Matches all pods that do not have resource requirements set. These pods have a best \
             effort quality of service."
        }
        "NotBestEffort" => {
            "Matches all pods that have at least one resource requirement set. These pods have a \
             burstable or guaranteed quality of service."
        }
        _ => return None,
    })
}

fn used(sheet: &mut Sheet, level: usize, quota: &ResourceQuota, rule: &str) {
    sheet.line(level, "Resource\tUsed\tHard");
    sheet.line(level, rule);
    let status = quota.status.clone().unwrap_or_default();
    let used = amounts(status.used.as_ref());
    for (resource, hard) in amounts(status.hard.as_ref()) {
        let used = used.get(&resource).copied().unwrap_or_default();
        sheet.line(level, format_args!("{resource}\t{used}\t{hard}"));
    }
}

fn limits_head(sheet: &mut Sheet, indent: &str) {
    for columns in [
        "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio",
        "----\t--------\t---\t---\t---------------\t-------------\t-----------------------",
    ] {
        sheet.line(0, format_args!("{indent}{columns}"));
    }
}

fn limits(sheet: &mut Sheet, indent: &str, range: &LimitRange) {
    for item in range.spec.iter().flat_map(|spec| &spec.limits) {
        let columns = [
            &item.min,
            &item.max,
            &item.default_request,
            &item.default,
            &item.max_limit_request_ratio,
        ];
        let columns = columns.map(|column| amounts(column.as_ref()));
        let resources: BTreeSet<&String> =
            columns.iter().flat_map(|column| column.keys()).collect();
        for resource in resources {
            let cells = columns.iter().map(|column| {
                column.get(resource).map_or_else(|| "-".to_owned(), Amount::to_string)
            });
            let cells = cells.collect::<Vec<_>>().join("\t");
            sheet.line(0, format_args!("{indent}{}\t{resource}\t{cells}", item.type_));
        }
    }
}
