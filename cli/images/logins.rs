//! The operator's own logins for registries, where Docker and Podman keep them.

use std::env::{home_dir, var_os};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use mayfly_images::{Keyring, Login};

use crate::args::LoginOptions;

/// The longest password.
const PASSWORD_BYTES_MAX: u64 = 64 << 10;

/// The logins in the file that `$REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG` or the home folder lead to;
/// none if there is no such file. Helper programs that it names are not run.
pub(crate) fn own() -> anyhow::Result<Keyring> {
    let (path, is_named) = match (var_os("REGISTRY_AUTH_FILE"), var_os("DOCKER_CONFIG")) {
        (Some(file), _) if !file.is_empty() => (PathBuf::from(file), true),
        (_, Some(folder)) if !folder.is_empty() => (Path::new(&folder).join("config.json"), false),
        _ => match home_dir() {
            Some(home) => (home.join(".docker/config.json"), false),
            None => return Ok(Keyring::default()),
        },
    };
    match std::fs::read(&path) {
        Ok(json) => Keyring::from_config_json(&json)
            .with_context(|| format!("can't use the logins in {}", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound && !is_named => Ok(Keyring::default()),
        Err(error) => Err(error).with_context(|| format!("can't read {}", path.display())),
    }
}

/// The login that `options` give for `registry`, or else the operator's own logins.
pub(crate) fn given_or_own(options: &LoginOptions, registry: &str) -> anyhow::Result<Keyring> {
    let Some(username) = &options.username else { return own() };
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .take(PASSWORD_BYTES_MAX)
        .read_to_string(&mut password)
        .context("can't read the password from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        bail!("there is no password on standard input");
    }
    let login = Login::Password { username: username.clone(), password };
    Ok(Keyring::one(registry, login))
}
