//! The real kubectl: the one in PATH, or the one that `MAYFLY_KUBECTL` names.
//!
//! What it prints changes from version to version, so its words are held against ours, and against
//! recorded ones, only where it is of the version that they were recorded with.

use std::process::Command;

use serde_json::Value;

use super::say;

/// The minor version that was recorded.
const RECORDED: &str = "32";

/// What to start, if there is a kubectl of any version; else a line says that something is skipped.
pub(crate) fn any() -> Option<String> {
    minor().map(|_| program())
}

/// What to start, if there is a kubectl of the version that was recorded; else a line says that
/// something is skipped.
pub(crate) fn as_recorded() -> Option<String> {
    let minor = minor()?;
    if minor.trim_end_matches('+') != RECORDED {
        say!("skipped: kubectl is of version 1.{minor}, and its words are known of 1.{RECORDED}");
        return None;
    }
    Some(program())
}

fn program() -> String {
    std::env::var("MAYFLY_KUBECTL").unwrap_or_else(|_| "kubectl".to_owned())
}

/// Its minor version, if it is there.
fn minor() -> Option<String> {
    let asked = Command::new(program()).args(["version", "--client", "-o", "json"]).output();
    let Ok(answer) = asked else {
        say!("skipped: there is no kubectl here");
        return None;
    };
    let version: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
    let minor = version["clientVersion"]["minor"].as_str();
    Some(minor.expect("kubectl must say its version").to_owned())
}
