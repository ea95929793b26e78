//! What descriptions of several kinds say in the same words.

use k8s_openapi::api::core::v1::Toleration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::sheet::Sheet;

/// The first lines of every namespaced object.
pub(super) fn head(sheet: &mut Sheet, metadata: &ObjectMeta) {
    sheet.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    if let Some(namespace) = &metadata.namespace {
        sheet.field(0, "Namespace", namespace);
    }
    sheet.labels(0, "Labels", metadata.labels.as_ref());
    sheet.annotations(0, metadata.annotations.as_ref());
}

/// `Kind/name` of the controller that made the object.
pub(super) fn controlled_by(metadata: &ObjectMeta) -> Option<String> {
    let owners = metadata.owner_references.as_ref()?;
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    Some(format!("{}/{}", owner.kind, owner.name))
}

/// What a pod tolerates.
pub(super) fn tolerations(sheet: &mut Sheet, level: usize, of: Option<&Vec<Toleration>>) {
    let mut all: Vec<&Toleration> = of.into_iter().flatten().collect();
    all.sort_by(|one, other| one.key.cmp(&other.key));
    let lines: Vec<String> = all.into_iter().map(toleration).collect();
    sheet.column(level, "Tolerations", &lines);
}

fn toleration(of: &Toleration) -> String {
    let text = |of: &Option<String>| of.clone().unwrap_or_default();
    let (key, value, effect) = (text(&of.key), text(&of.value), text(&of.effect));
    let mut line = key;
    if !value.is_empty() {
        line += &format!("={value}");
    }
    if !effect.is_empty() {
        line += &format!(":{effect}");
    }
    if of.operator.as_deref() == Some("Exists") && value.is_empty() {
        line += if line.is_empty() { "op=Exists" } else { " op=Exists" };
    }
    if let Some(seconds) = of.toleration_seconds {
        line += &format!(" for {seconds}s");
    }
    line
}
