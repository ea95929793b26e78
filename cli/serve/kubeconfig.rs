//! The kubeconfig: what kubectl and client libraries need to reach the server.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::files;

/// What the server, its user and the two together are called in it.
const NAME: &str = "mayfly";

/// What a client shows and trusts, as PEM.
pub(super) struct Credentials {
    /// The authority of the server's certificate; `None` if the client's system knows it.
    pub(super) authority: Option<String>,
    /// The client's certificate.
    pub(super) certificate: String,
    /// Its key.
    pub(super) key: String,
}

/// Writes to `path` how to reach `server`, for its owner alone. A file that somebody keeps other
/// servers in is left as it is.
pub(super) fn write(path: &Path, server: &str, credentials: &Credentials) -> anyhow::Result<()> {
    check_is_ours(path)?;
    let text = serde_yaml::to_string(&config(server, credentials));
    let text = text.context("a kubeconfig must have a YAML form")?;
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty() && !it.exists()) {
        files::make_private_folder(folder)?;
    }
    files::write_private(path, text.as_bytes())
}

fn config(server: &str, credentials: &Credentials) -> Value {
    let mut cluster = json!({"server": server});
    if let Some(authority) = &credentials.authority {
        cluster["certificate-authority-data"] = json!(BASE64.encode(authority));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": {
            "client-certificate-data": BASE64.encode(&credentials.certificate),
            "client-key-data": BASE64.encode(&credentials.key),
        }}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "current-context": NAME,
    })
}

/// Refuses a file with what somebody else wrote in it, such as the usual `~/.kube/config`.
fn check_is_ours(path: &Path) -> anyhow::Result<()> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(files::cant_read(path, error)),
    };
    if text.trim().is_empty() {
        return Ok(());
    }
    let config: Value = serde_yaml::from_str(&text).unwrap_or_default();
    let is_ours = |list: &Value| {
        let mut names = list.as_array().into_iter().flatten().map(|it| &it["name"]);
        names.all(|name| name == NAME)
    };
    let lists = ["clusters", "contexts", "users"].map(|key| &config[key]);
    if config["kind"] == "Config" && lists.into_iter().all(is_ours) {
        return Ok(());
    }
    bail!(
        "{} has more in it than mayfly wrote, and would be lost: give another file with \
         --kubeconfig; clients take both with KUBECONFIG={0}:OTHER",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn credentials() -> Credentials {
        let text = |it: &str| it.to_owned();
        Credentials { authority: Some(text("ca")), certificate: text("crt"), key: text("key") }
    }

    #[test]
    fn it_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/kubeconfig");
        write(&path, "https://127.0.0.1:1", &credentials()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        write(&path, "https://127.0.0.1:2", &credentials()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("server: https://127.0.0.1:2\n"), "{text}");
        assert!(text.contains("certificate-authority-data: Y2E=\n"), "{text}");
    }

    #[test]
    fn what_somebody_else_wrote_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let mut other = config("https://127.0.0.1:1", &credentials());
        other["clusters"][0]["name"] = json!("production");
        for text in [other.to_string(), "no: kubeconfig".to_owned(), "[".to_owned()] {
            fs::write(&path, &text).unwrap();
            let error = write(&path, "https://127.0.0.1:2", &credentials()).unwrap_err();
            assert!(error.to_string().contains("would be lost"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
