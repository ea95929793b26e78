//! What we are: the Kubernetes that we act as, under our own name.

use serde_json::{Value, json};

use crate::api::names::VERSION;

/// `version.Info`. What Kubernetes says of its compiler and its build is empty where we have no such
/// thing: clients want the fields.
pub(super) fn info() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })
}

/// The processor's name as Go has it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_of_which_kubernetes_it_is_compatible() {
        let info = info();
        let version = info["gitVersion"].as_str().expect("must be text");
        assert!(version.starts_with("v1.36.") && version.contains("+mayfly-"), "{version}");
        assert!(info.as_object().expect("must be fields").values().all(Value::is_string));
    }
}
