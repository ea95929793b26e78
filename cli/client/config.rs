//! `mayfly config`: kubeconfigs, enough for a host without kubectl.
//!
//! Files are changed as values, so that what is not known here stays; and replaced as a whole, with
//! the mode they had.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::columns::{Columns, TABLE};
use super::complaint::Complaint;
use super::connect::Found;
use super::output::{Output, print};
use super::yaml;
use crate::args::client::{ConfigCommand, ServerArguments};
use crate::exit::Exit;

/// What is shown instead of certificates and keys, and instead of what opens doors by itself.
const OMITTED: &str = "DATA+OMITTED";
const REDACTED: &str = "REDACTED";

/// Does what `command` says.
pub(super) fn config(command: &ConfigCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::View { minify, raw, output, server } => {
            let mut config = merged(&read(server)?);
            if *minify {
                minified(&mut config, server.which.context.as_deref())?;
            }
            if !raw {
                conceal(&mut config);
            }
            let form = output.as_ref().unwrap_or(&Output::Yaml);
            print(&form.text_of(&config)?)?;
        }
        ConfigCommand::CurrentContext { server } => {
            print(&format!("{}\n", current(&merged(&read(server)?), None)?))?;
        }
        ConfigCommand::GetContexts { output, no_headers, server } => {
            let config = merged(&read(server)?);
            print(&contexts(&config, output.is_some(), *no_headers))?;
        }
        ConfigCommand::UseContext { name, server } => use_context(name, server)?,
        ConfigCommand::SetContext { name, server, .. } => set_context(name.as_deref(), server)?,
    }
    Ok(Exit::Done)
}

/// A kubeconfig file, and what is in it.
struct File {
    path: PathBuf,
    content: Value,
}

fn read(server: &ServerArguments) -> anyhow::Result<Vec<File>> {
    let found = Found::by(&server.which)?;
    let several = found.files.len() > 1;
    let files = found.files.into_iter().filter(|path| !several || path.exists());
    files.map(read_one).collect()
}

fn read_one(path: PathBuf) -> anyhow::Result<File> {
    let unusable = |error: &dyn std::error::Error| {
        Complaint::failed(format!("can't use the kubeconfig {}: {error}", path.display()))
    };
    let text = fs::read_to_string(&path).map_err(|error| unusable(&error))?;
    let content: Value = serde_yaml::from_str(&text).map_err(|error| unusable(&error))?;
    let content = if content.is_null() { json!({}) } else { content };
    if !content.is_object() {
        let text = format!("can't use the kubeconfig {}: it is no map", path.display());
        return Err(Complaint::failed(text));
    }
    Ok(File { path, content })
}

/// The files as one, of which the first that names something counts.
fn merged(files: &[File]) -> Value {
    let mut config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "", "preferences": {},
        "clusters": [], "contexts": [], "users": [],
    });
    for File { content, .. } in files {
        for key in ["clusters", "contexts", "users"] {
            for named in content[key].as_array().into_iter().flatten() {
                if named_in(&config[key], &named["name"]).is_none()
                    && let Some(all) = config[key].as_array_mut()
                {
                    all.push(named.clone());
                }
            }
        }
        let current = content["current-context"].as_str().unwrap_or_default();
        if config["current-context"] == "" {
            config["current-context"] = json!(current);
        }
    }
    config
}

fn named_in<'a>(list: &'a Value, name: &Value) -> Option<&'a Value> {
    list.as_array().into_iter().flatten().find(|named| named["name"] == *name)
}

/// The name of the context `wanted`, or of the current one.
fn current(config: &Value, wanted: Option<&str>) -> anyhow::Result<String> {
    let name = wanted.or_else(|| config["current-context"].as_str()).unwrap_or_default();
    if name.is_empty() {
        return Err(Complaint::failed("current-context is not set"));
    }
    Ok(name.to_owned())
}

/// Keeps the current context and what it names.
fn minified(config: &mut Value, wanted: Option<&str>) -> anyhow::Result<()> {
    let name = current(config, wanted)?;
    let Some(context) = named_in(&config["contexts"], &json!(name)).cloned() else {
        return Err(Complaint::failed(format!("cannot locate context {name}")));
    };
    config["current-context"] = json!(name);
    config["contexts"] = json!([context]);
    for (key, of) in [("clusters", "cluster"), ("users", "user")] {
        let kept = named_in(&config[key], &context["context"][of]).cloned();
        config[key] = kept.into_iter().collect();
    }
    Ok(())
}

/// Puts words in the place of what is secret.
fn conceal(config: &mut Value) {
    let hide = |fields: &mut Value, names: &[&str], instead: &str| {
        for name in names {
            if let Some(value) = fields.get_mut(*name).filter(|value| !value.is_null()) {
                *value = json!(instead);
            }
        }
    };
    for named in config["clusters"].as_array_mut().into_iter().flatten() {
        hide(&mut named["cluster"], &["certificate-authority-data"], OMITTED);
    }
    for named in config["users"].as_array_mut().into_iter().flatten() {
        let user = &mut named["user"];
        hide(user, &["client-certificate-data", "client-key-data"], OMITTED);
        hide(user, &["token", "password"], REDACTED);
        let exec = user.get_mut("exec").and_then(|it| it.get_mut("env"));
        for variable in exec.and_then(Value::as_array_mut).into_iter().flatten() {
            hide(variable, &["value"], REDACTED);
        }
        let provider = user.get_mut("auth-provider").and_then(|it| it.get_mut("config"));
        for value in
            provider.and_then(Value::as_object_mut).into_iter().flat_map(|it| it.values_mut())
        {
            *value = json!(REDACTED);
        }
    }
}

fn contexts(config: &Value, names_only: bool, no_headers: bool) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<&Value> = config["contexts"].as_array().into_iter().flatten().collect();
    all.sort_by_key(|named| text(&named["name"]));
    if names_only {
        return all.iter().map(|named| text(&named["name"]) + "\n").collect();
    }
    let mut rows = Vec::new();
    if !no_headers {
        let titles = ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"];
        rows.push(titles.map(str::to_owned).to_vec());
    }
    for named in all {
        let is_current = named["name"] == config["current-context"];
        let context = &named["context"];
        rows.push(vec![
            if is_current { "*" } else { "" }.to_owned(),
            text(&named["name"]),
            text(&context["cluster"]),
            text(&context["user"]),
            text(&context["namespace"]),
        ]);
    }
    Columns::new(TABLE).lines(&rows)
}

fn use_context(name: &str, server: &ServerArguments) -> anyhow::Result<()> {
    let mut files = read(server)?;
    if named_in(&merged(&files)["contexts"], &json!(name)).is_none() {
        return Err(Complaint::failed(format!("no context exists with the name: \"{name}\"")));
    }
    // The first file that says which is current is the one that counts.
    let says =
        |file: &File| file.content["current-context"].as_str().is_some_and(|it| !it.is_empty());
    let at = files.iter().position(says).unwrap_or(0);
    files[at].content["current-context"] = json!(name);
    write(&files[at])?;
    print(&format!("Switched to context \"{name}\".\n"))
}

fn set_context(name: Option<&str>, server: &ServerArguments) -> anyhow::Result<()> {
    let mut files = read(server)?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => current(&merged(&files), None)?,
    };
    let Some(namespace) = &server.namespace else {
        return Err(Complaint::usage("what is to be set? Only --namespace can be"));
    };
    for file in &mut files {
        let contexts = file.content["contexts"].as_array_mut().into_iter().flatten();
        let Some(named) = contexts.into_iter().find(|named| named["name"] == *name) else {
            continue;
        };
        named["context"]["namespace"] = json!(namespace);
        write(file)?;
        return print(&format!("Context \"{name}\" modified.\n"));
    }
    Err(Complaint::failed(format!("no context exists with the name: \"{name}\"")))
}

/// Replaces the file at once: whoever reads it sees the old or the new one whole.
fn write(file: &File) -> anyhow::Result<()> {
    let failed = |error: &dyn std::error::Error| {
        Complaint::failed(format!("can't write the kubeconfig {}: {error}", file.path.display()))
    };
    let path = fs::canonicalize(&file.path).map_err(|error| failed(&error))?;
    let mode = fs::metadata(&path).map_err(|error| failed(&error))?.permissions();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    let text = yaml::document(&file.content);
    new.write_all(text.as_bytes())
        .and_then(|()| new.as_file().set_permissions(mode))
        .and_then(|()| new.as_file().sync_all())
        .map_err(|error| failed(&error))?;
    new.persist(&path).map_err(|error| failed(&error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<File> {
        let file = |content| File { path: PathBuf::from("x"), content };
        vec![
            file(json!({
                "current-context": "a",
                "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://x", "certificate-authority-data": "QQ=="}}],
                "users": [{"name": "u", "user": {"token": "secret", "client-key-data": "QQ=="}}],
            })),
            file(json!({
                "current-context": "b",
                "contexts": [{"name": "b", "context": {"cluster": "d", "user": "v", "namespace": "n"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://other"}}],
                "users": [{"name": "v", "user": {"exec": {"env": [{"name": "K", "value": "secret"}]}}}],
            })),
        ]
    }

    #[test]
    fn the_first_file_counts() {
        let config = merged(&files());
        assert_eq!(config["current-context"], "a");
        assert_eq!(config["clusters"].as_array().unwrap().len(), 1);
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://x");
        let table = "CURRENT   NAME   CLUSTER   AUTHINFO   NAMESPACE\n*         a      c         u          \n          b      d         v          n\n";
        assert_eq!(contexts(&config, false, false), table);
        assert_eq!(contexts(&config, true, false), "a\nb\n");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let mut config = merged(&files());
        conceal(&mut config);
        let text = config.to_string();
        assert!(!text.contains("secret") && !text.contains("QQ=="), "{text}");
        assert_eq!(
            config["users"][0]["user"],
            json!({"token": "REDACTED", "client-key-data": "DATA+OMITTED"})
        );
    }

    #[test]
    fn what_the_current_context_uses() {
        let mut config = merged(&files());
        minified(&mut config, Some("b")).unwrap();
        assert_eq!(config["users"].as_array().unwrap().len(), 1);
        assert_eq!(config["clusters"], json!([]));
        assert!(minified(&mut merged(&files()), Some("x")).is_err());
    }
}
