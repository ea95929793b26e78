//! Types of volumes.

use k8s_openapi::api::core::v1::{Volume, VolumeProjection};

use super::Findings;
use super::pod::is_not;
use crate::admission::path::Path;

/// The types of volumes that a node has.
const TYPES: [&str; 6] =
    ["configMap", "downwardAPI", "emptyDir", "hostPath", "projected", "secret"];

/// Looks at a volume, which is at `at`.
pub(super) fn volume(volume: &Volume, at: &Path<'_>, findings: &mut Findings<'_>) {
    // Each type is a field of its own, and most of them are of storage that we have not.
    let fields = serde_json::to_value(volume).unwrap_or_default();
    for name in fields.as_object().into_iter().flat_map(|fields| fields.keys()) {
        if name != "name" && !TYPES.contains(&&**name) {
            findings.refuse(
                &at.child(name),
                &format!("mayfly has no volumes of this type, only {}", TYPES.join(", ")),
            );
        }
    }
    if let Some(source) = &volume.empty_dir
        && is_not(&source.medium, "")
    {
        let at = at.child("emptyDir.medium");
        if source.medium.as_deref() != Some("Memory") {
            findings.refuse(&at, "mayfly has no such medium");
        }
    }
    if let Some(source) = &volume.host_path
        && matches!(source.type_.as_deref(), Some("BlockDevice" | "CharDevice" | "Socket"))
    {
        let at = at.child("hostPath.type");
        findings.refuse(&at, "a container can use no devices and sockets of the host");
    }
    let sources = volume.projected.as_ref().and_then(|projected| projected.sources.as_ref());
    for (index, source) in sources.into_iter().flatten().enumerate() {
        let at = at.item("projected.sources", index);
        projection(source, &at, findings);
    }
}

fn projection(source: &VolumeProjection, at: &Path<'_>, findings: &mut Findings<'_>) {
    let VolumeProjection {
        config_map: _,
        downward_api: _,
        secret: _,
        cluster_trust_bundle,
        pod_certificate,
        service_account_token,
    } = source;
    for (is_there, field) in [
        (cluster_trust_bundle.is_some(), "clusterTrustBundle"),
        (pod_certificate.is_some(), "podCertificate"),
        (service_account_token.is_some(), "serviceAccountToken"),
    ] {
        if is_there {
            findings.refuse(&at.child(field), "mayfly gives out no tokens or certificates");
        }
    }
}
