//! What `describe` says of volumes.

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, Volume, VolumeProjection};

use super::container::Inset;
use super::sheet::Sheet;

/// The block of volumes.
pub(super) fn all(sheet: &mut Sheet, inset: Inset, volumes: &[Volume]) {
    if volumes.is_empty() {
        return sheet.line(0, format_args!("{}Volumes:\t<none>", inset.title()));
    }
    sheet.line(0, format_args!("{}Volumes:", inset.title()));
    for volume in volumes {
        sheet.line(1, format_args!("{}{}:", inset.name(), volume.name));
        one(sheet, volume);
    }
}

fn one(sheet: &mut Sheet, volume: &Volume) {
    let kind = |sheet: &mut Sheet, text: &str| sheet.field(2, "Type", text);
    if let Some(path) = &volume.host_path {
        kind(sheet, "HostPath (bare host directory volume)");
        sheet.field(2, "Path", &path.path);
        sheet.field(2, "HostPathType", path.type_.as_deref().unwrap_or_default());
    } else if let Some(empty) = &volume.empty_dir {
        kind(sheet, "EmptyDir (a temporary directory that shares a pod's lifetime)");
        sheet.field(2, "Medium", empty.medium.as_deref().unwrap_or_default());
        let limit = empty.size_limit.as_ref().map(|limit| limit.0.as_str());
        sheet.field(2, "SizeLimit", limit.unwrap_or("<unset>"));
    } else if let Some(secret) = &volume.secret {
        kind(sheet, "Secret (a volume populated by a Secret)");
        sheet.field(2, "SecretName", secret.secret_name.as_deref().unwrap_or_default());
        sheet.field(2, "Optional", secret.optional.unwrap_or(false));
    } else if let Some(map) = &volume.config_map {
        kind(sheet, "ConfigMap (a volume populated by a ConfigMap)");
        sheet.field(2, "Name", &map.name);
        sheet.field(2, "Optional", map.optional.unwrap_or(false));
    } else if let Some(downward) = &volume.downward_api {
        kind(sheet, "DownwardAPI (a volume populated by information about the pod)");
        items(sheet, downward.items.as_deref().unwrap_or_default());
    } else if let Some(projected) = &volume.projected {
        kind(sheet, "Projected (a volume that contains injected data from multiple sources)");
        for source in projected.sources.iter().flatten() {
            projection(sheet, source);
        }
    } else if let Some(claim) = &volume.persistent_volume_claim {
        let text =
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)";
        kind(sheet, text);
        sheet.field(2, "ClaimName", &claim.claim_name);
        sheet.field(2, "ReadOnly", claim.read_only.unwrap_or(false));
    } else {
        sheet.line(2, "<unknown>");
    }
}

fn items(sheet: &mut Sheet, items: &[DownwardAPIVolumeFile]) {
    sheet.line(2, "Items:");
    for item in items {
        if let Some(field) = &item.field_ref {
            sheet.line(3, format_args!("{} -> {}", field.field_path, item.path));
        }
        if let Some(resource) = &item.resource_field_ref {
            sheet.line(3, format_args!("{} -> {}", resource.resource, item.path));
        }
    }
}

fn projection(sheet: &mut Sheet, source: &VolumeProjection) {
    let optional =
        |set: Option<bool>| set.map_or_else(|| "<nil>".to_owned(), |set| set.to_string());
    if let Some(secret) = &source.secret {
        sheet.field(2, "SecretName", &secret.name);
        sheet.field(2, "SecretOptionalName", optional(secret.optional));
    }
    if source.downward_api.is_some() {
        sheet.field(2, "DownwardAPI", true);
    }
    if let Some(map) = &source.config_map {
        sheet.field(2, "ConfigMapName", &map.name);
        sheet.field(2, "ConfigMapOptional", optional(map.optional));
    }
    if let Some(token) = &source.service_account_token {
        sheet.field(2, "TokenExpirationSeconds", token.expiration_seconds.unwrap_or(3600));
    }
}
