//! Runs a program twice, as a Job of mayfly's and under `wasmtime run`, and compares.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::inputs;
use crate::harness::tree::tree;
use crate::harness::{Home, wasmtime};
use crate::registry::debian::Registry;

/// How long a Job may take: the largest of the programs is compiled first, for minutes where other
/// work is going on.
const PATIENCE: Duration = Duration::from_secs(600);

/// One run of a program.
pub(super) struct Run<'a> {
    /// The name by which it is called.
    pub(super) name: &'a str,
    pub(super) module: &'a Path,
    pub(super) args: &'a [&'a str],
    pub(super) env: &'a [(&'a str, &'a str)],
    /// A folder that it sees as /share.
    pub(super) share: Option<&'a Path>,
    /// What it exits with.
    pub(super) code: i32,
}

/// What came of a run, or of several that follow each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    stdout: String,
    stderr: String,
}

impl<'a> Run<'a> {
    /// One that exits with 0 and is given nothing but arguments.
    pub(super) fn of(name: &'a str, module: &'a Path, args: &'a [&'a str]) -> Self {
        Self { name, module, args, env: &[], share: None, code: 0 }
    }

    /// It as a container of a pod, of that image.
    fn container(&self, image: &str) -> Value {
        let mount = |name: &str| json!({"name": name, "mountPath": format!("/{name}")});
        let mut mounts = vec![mount("in"), mount("out"), mount("tmp")];
        mounts.extend(self.share.map(|_| mount("share")));
        let env = self.env.iter().map(|(name, value)| json!({"name": name, "value": value}));
        json!({
            "name": self.name,
            "image": image,
            // As with any image, the command replaces the entrypoint: here the program's own name.
            "command": [self.name],
            "args": self.args,
            "env": env.collect::<Vec<_>>(),
            "volumeMounts": mounts,
            "resources": {"limits": {"memory": "2Gi"}},
        })
    }
}

/// The largest module that goes through a registry: unoptimised, mayfly takes a minute to pack the
/// one that is larger.
const REGISTRY_BYTES_MAX: u64 = 32 << 20;

fn is_small(run: &Run<'_>) -> bool {
    fs::metadata(run.module).is_ok_and(|module| module.len() <= REGISTRY_BYTES_MAX)
}

/// Runs programs one after the other on the inputs of `folder`, in both ways, and gives what they
/// left in /out. Where there is no wasmtime, only the Job is run.
pub(super) fn alike(folder: &str, runs: &[Run<'_>]) -> TempDir {
    let ours = tempfile::tempdir().expect("a folder must be made");
    let said = as_a_job(folder, runs, ours.path());
    let Some(wasmtime) = wasmtime::program() else { return ours };
    let theirs = tempfile::tempdir().expect("a folder must be made");
    assert_eq!(said, under_wasmtime(&wasmtime, folder, runs, theirs.path()));
    assert_eq!(tree(ours.path()), tree(theirs.path()));
    ours
}

/// Runs them as one Job: the last as its container, the others as init containers before it. Their
/// images come from a registry; where there is none to start, or one is too large, from their files.
pub(super) fn as_a_job(folder: &str, runs: &[Run<'_>], out: &Path) -> Said {
    let home = Home::new();
    let files = fs::read_dir(inputs(folder)).expect("the inputs must be there").map(|entry| {
        let path = entry.expect("it must be readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name, Value::from(fs::read_to_string(path).expect("it must be text")))
    });
    let share = runs.iter().find_map(|run| run.share).unwrap_or(out);
    let registry = if runs.iter().all(is_small) { Registry::start(&home) } else { None };
    let image = |run: &Run<'_>| match &registry {
        Some(registry) => {
            let file = run.module.to_str().expect("it must be UTF-8");
            registry.push(&home, &format!("programs/{}:1", run.name), file)
        }
        None => run.name.to_owned(),
    };
    let containers: Vec<_> = runs.iter().map(|run| run.container(&image(run))).collect();
    let (main, before) = containers.split_last().expect("there must be one");
    let documents = [
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": folder},
            "data": files.collect::<serde_json::Map<_, _>>(),
        }),
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": folder},
            "spec": {"backoffLimit": 0, "template": {"spec": {
                "restartPolicy": "Never",
                "initContainers": before,
                "containers": [main],
                "volumes": [
                    {"name": "in", "configMap": {"name": folder}},
                    {"name": "out", "hostPath": {"path": out}},
                    {"name": "share", "hostPath": {"path": share}},
                    {"name": "tmp", "emptyDir": {}},
                ],
            }}},
        }),
    ];
    let manifest = home.write("job.yaml", documents.map(|it| it.to_string()).join("\n---\n"));
    let mut command = home.mayfly();
    command.args(["run", "--quiet"]).arg(manifest);
    for folder in [out, share] {
        command.arg("--host-path").arg(folder);
    }
    match &registry {
        Some(registry) => {
            command.env_remove("MAYFLY_OFFLINE").args(["--registry", &registry.host]);
        }
        None => {
            let images = runs.iter().map(|run| format!("{}={}", run.name, run.module.display()));
            command.args(images.map(|image| format!("--image={image}")));
        }
    }
    let ended = crate::harness::Running::patiently(&mut command, PATIENCE).wait();
    let code = runs.last().map_or(0, |run| run.code);
    let ended = ended.exits(i32::from(code != 0));
    if code != 0 {
        assert!(ended.stderr.contains(&format!("exit code {code}\n")), "{}", ended.stderr);
    }
    let is_ours = |line: &&str| ["mayfly: ", "job/"].iter().any(|word| line.starts_with(word));
    let stderr = ended.stderr.split_inclusive('\n').filter(|line| !is_ours(line)).collect();
    Said { stdout: ended.stdout, stderr }
}

fn under_wasmtime(wasmtime: &Path, folder: &str, runs: &[Run<'_>], out: &Path) -> Said {
    let folder_of = |file: Option<&str>| {
        let made = tempfile::tempdir().expect("a folder must be made");
        if let Some(file) = file {
            fs::write(made.path().join(file), "").expect("it must be written");
        }
        made
    };
    // wasmtime has no /dev; an empty file is as good a /dev/null to who only reads it.
    let (tmp, dev) = (folder_of(None), folder_of(Some("null")));
    let mut said = Said { stdout: String::new(), stderr: String::new() };
    for run in runs {
        let Output { status, stdout, stderr } = wasmtime::run(wasmtime)
            .args(run.env.iter().map(|(name, value)| format!("--env={name}={value}")))
            .arg(wasmtime::dir(&inputs(folder), "/in"))
            .arg(wasmtime::dir(out, "/out"))
            .arg(wasmtime::dir(tmp.path(), "/tmp"))
            .arg(wasmtime::dir(dev.path(), "/dev"))
            .args(run.share.map(|share| wasmtime::dir(share, "/share")))
            .arg("--argv0")
            .arg(run.name)
            .arg(run.module)
            .args(run.args)
            .output()
            .expect("wasmtime must start");
        said.stdout += &String::from_utf8(stdout).expect("it must print text");
        said.stderr += &String::from_utf8(stderr).expect("it must print text");
        assert_eq!(status.code(), Some(run.code), "{}: {said:?}", run.name);
    }
    said
}
