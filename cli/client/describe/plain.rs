//! What `describe` says of what only holds something: Namespaces, ConfigMaps, Secrets,
//! ServiceAccounts.

use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Secret, ServiceAccount};

use super::events;
use super::metadata::head;
use super::sheet::{Seen, Sheet};
use crate::client::columns;

/// A namespace. `bounds` says what is known of quotas and limits, which only some servers have.
pub(super) fn namespace(namespace: &Namespace, bounds: &str, seen: &Seen) -> String {
    let mut sheet = Sheet::default();
    head(&mut sheet, &namespace.metadata);
    let status = namespace.status.clone().unwrap_or_default();
    sheet.field(0, "Status", status.phase.as_deref().unwrap_or_default());
    if let Some(conditions) = status.conditions.filter(|conditions| !conditions.is_empty()) {
        sheet.line(0, "Conditions:");
        sheet.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        sheet.line(1, "----\t------\t------------------\t------\t-------");
        for condition in conditions {
            let time = seen.optional_time(condition.last_transition_time.as_ref());
            let reason = condition.reason.unwrap_or_default();
            let message = condition.message.unwrap_or_default();
            let (kind, is) = (condition.type_, condition.status);
            sheet.line(1, format_args!("{kind}\t{is}\t{time}\t{reason}\t{message}"));
        }
    }
    sheet.finish() + bounds
}

/// A ConfigMap with what it holds, and its events.
pub(super) fn config_map(map: &ConfigMap, events: Option<&[Event]>, seen: &Seen) -> String {
    let mut sheet = Sheet::default();
    head(&mut sheet, &map.metadata);
    // What it holds is shown as it is: a tab in it is no column.
    let mut text = sheet.finish() + "\nData\n====\n";
    for (key, value) in map.data.iter().flatten() {
        text += &format!("{key}:\n----\n{value}\n\n");
    }
    text += "\nBinaryData\n====\n";
    for (key, value) in map.binary_data.iter().flatten() {
        text += &format!("{key}: {} bytes\n", value.0.len());
    }
    text.push('\n');
    let mut below = Sheet::default();
    events::block(&mut below, events, seen);
    text + &below.finish()
}

/// A Secret, of whose content only the size is told.
pub(super) fn secret(secret: &Secret) -> String {
    let mut sheet = Sheet::default();
    head(&mut sheet, &secret.metadata);
    let mut text = sheet.finish();
    let kind = secret.type_.as_deref().unwrap_or_default();
    text += &columns::align(&format!("\nType:\t{kind}\n\nData\n====\n"), columns::DESCRIPTION);
    let mut data = Sheet::default();
    for (key, value) in secret.data.iter().flatten() {
        data.field(0, key, format_args!("{} bytes", value.0.len()));
    }
    text + &data.finish()
}

/// A ServiceAccount and its events.
pub(super) fn service_account(
    account: &ServiceAccount,
    events: Option<&[Event]>,
    seen: &Seen,
) -> String {
    let mut sheet = Sheet::default();
    head(&mut sheet, &account.metadata);
    let pull = account.image_pull_secrets.iter().flatten();
    sheet.column(0, "Image pull secrets", &pull.map(|it| it.name.clone()).collect::<Vec<_>>());
    let mountable = account.secrets.iter().flatten();
    let mountable: Vec<String> = mountable.map(|it| it.name.clone().unwrap_or_default()).collect();
    sheet.column(0, "Mountable secrets", &mountable);
    sheet.field(0, "Tokens", "<none>");
    events::block(&mut sheet, events, seen);
    sheet.finish()
}
