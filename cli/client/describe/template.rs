//! What `describe` says of the pods that a Job or CronJob makes.

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::container::{self, Inset};
use super::metadata::tolerations;
use super::sheet::Sheet;
use super::volume;

/// The block `Pod Template:`.
pub(super) fn describe(sheet: &mut Sheet, template: &PodTemplateSpec) {
    sheet.line(0, "Pod Template:");
    let metadata = template.metadata.clone().unwrap_or_default();
    let spec = template.spec.clone().unwrap_or_default();
    sheet.labels(1, "Labels", metadata.labels.as_ref());
    if metadata.annotations.as_ref().is_some_and(|annotations| !annotations.is_empty()) {
        sheet.annotations(1, metadata.annotations.as_ref());
    }
    sheet.unless_empty(1, "Service Account", spec.service_account_name.as_ref());
    let inset = Inset::Template;
    if let Some(init) = spec.init_containers.as_ref().filter(|init| !init.is_empty()) {
        container::all(sheet, inset, "Init Containers", init, None, None);
    }
    container::all(sheet, inset, "Containers", &spec.containers, None, None);
    volume::all(sheet, inset, spec.volumes.as_deref().unwrap_or_default());
    sheet.unless_empty(1, "Priority Class Name", spec.priority_class_name.as_ref());
    sheet.labels(1, "Node-Selectors", spec.node_selector.as_ref());
    tolerations(sheet, 1, spec.tolerations.as_ref());
}
