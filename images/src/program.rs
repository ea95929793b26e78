//! What an image says about its program, and where in the image that is.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::{Descriptor, Manifest};
use crate::media::{self, Compression, Layer};
use crate::registry::printable;

/// How an image wants its program to be run. Whoever runs it may say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The first arguments, of which the very first names the program.
    pub entrypoint: Vec<String>,
    /// The arguments after them, unless others are given.
    pub cmd: Vec<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// The directory to begin in.
    pub working_dir: Option<String>,
}

/// Where the module of an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A layer of its own.
    Layer(Descriptor),
    /// A file in the layers.
    File(String),
}

/// What is to be made of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) module: Place,
    /// The layers of files, the lowest first.
    pub(crate) files: Vec<(Descriptor, Compression)>,
    pub(crate) program: Program,
}

/// What of a config is of interest; those of artifacts have none of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    architecture: String,
    os: String,
    config: Option<Run>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Run {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
}

impl Plan {
    /// What is to be made of the image `what` with this `manifest` and this `config`.
    pub(crate) fn of(manifest: &Manifest, config: &[u8], what: &str) -> Result<Self> {
        let is_json = manifest.config.media_type.ends_with("json");
        let config: Config = match serde_json::from_slice(config) {
            Ok(config) => config,
            // Artifacts may have anything there.
            Err(_) if !is_json || manifest.config.bytes == 0 => Config::default(),
            Err(error) => {
                let why = format!("its config can't be read: {}", printable(&error.to_string()));
                return Err(Error::answer(what, why));
            }
        };
        let mut modules = Vec::new();
        let mut files = Vec::new();
        for layer in &manifest.layers {
            match Layer::of(&layer.media_type) {
                Layer::Module => modules.push(layer.clone()),
                Layer::Tar(compression) => files.push((layer.clone(), compression)),
                Layer::Other => {}
            }
        }
        let Config { architecture, os, config: run } = config;
        let program = program(run.unwrap_or_default());
        let module = match modules.as_slice() {
            [one] => Place::Layer(one.clone()),
            [] => {
                let is_wasm = media::is_wasm_platform(&architecture, &os);
                Place::File(entry(&program, is_wasm, files.is_empty(), manifest, what)?)
            }
            many => {
                let why = format!("{what} holds {} modules; one is wanted", many.len());
                return Err(Error::NoModule(why));
            }
        };
        Ok(Self { module, files, program })
    }

    /// The layers that are to be fetched.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Descriptor> {
        let module = match &self.module {
            Place::Layer(layer) => Some(layer),
            Place::File(_) => None,
        };
        module.into_iter().chain(self.files.iter().map(|(layer, _)| layer))
    }

    /// The digest of the module, where the manifest tells it.
    pub(crate) fn module_digest(&self) -> Option<&Digest> {
        match &self.module {
            Place::Layer(layer) => Some(&layer.digest),
            Place::File(_) => None,
        }
    }
}

fn program(run: Run) -> Program {
    let env = run.env.unwrap_or_default().into_iter();
    let env = env.filter_map(|it| {
        it.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    Program {
        entrypoint: run.entrypoint.unwrap_or_default(),
        cmd: run.cmd.unwrap_or_default(),
        env: env.filter(|(name, _)| !name.is_empty()).collect(),
        working_dir: run.working_dir.filter(|path| path.starts_with('/')),
    }
}

/// The file that an ordinary image runs, which must be WebAssembly.
fn entry(
    program: &Program,
    is_wasm: bool,
    has_no_files: bool,
    manifest: &Manifest,
    what: &str,
) -> Result<String> {
    let first = program.entrypoint.iter().chain(&program.cmd).next();
    match first {
        Some(first) if !has_no_files && (is_wasm || first.ends_with(".wasm")) => Ok(first.clone()),
        _ if has_no_files => {
            let kind = manifest.artifact_type.as_ref().unwrap_or(&manifest.config.media_type);
            let kind = printable(kind);
            Err(Error::NoModule(format!("{what} holds no WebAssembly module: it is {kind}")))
        }
        Some(first) => {
            let first = printable(first);
            Err(Error::NoModule(format!(
                "{what} runs {first}, which is no WebAssembly module: an image's entrypoint must \
                 be a .wasm file"
            )))
        }
        None => Err(Error::NoModule(format!("{what} does not say what it runs"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(config: &str, layers: &[&str]) -> Manifest {
        let layers: Vec<_> = layers
            .iter()
            .map(|it| format!(r#"{{"mediaType": "{it}", "digest": "{DIGEST}", "size": 1}}"#))
            .collect();
        let json = format!(
            r#"{{"schemaVersion": 2, "config": {{"mediaType": "{config}", "digest": "{DIGEST}", "size": 9}},
            "layers": [{}]}}"#,
            layers.join(",")
        );
        Manifest::read(json.as_bytes(), "x").unwrap()
    }

    const TAR: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    const IMAGE: &str = "application/vnd.oci.image.config.v1+json";

    #[test]
    fn an_artifact_is_its_module() {
        for (config, layer) in [
            ("application/vnd.wasm.config.v0+json", "application/wasm"),
            ("application/vnd.wasm.config.v1+json", "application/vnd.wasm.content.layer.v1+wasm"),
            (
                "application/vnd.unknown.config.v1+json",
                "application/vnd.module.wasm.content.layer.v1+wasm",
            ),
            ("application/vnd.oci.empty.v1+json", "application/wasm"),
        ] {
            let plan = Plan::of(&manifest(config, &[layer]), b"{}", "x").unwrap();
            assert!(matches!(plan.module, Place::Layer(_)), "{layer}");
            assert!(plan.files.is_empty());
        }
    }

    #[test]
    fn an_image_runs_its_entrypoint_if_that_is_a_module() {
        let check = |config: &str, expect: Result<&str, &str>| {
            let found = Plan::of(&manifest(IMAGE, &[TAR, TAR]), config.as_bytes(), "x");
            match (found, expect) {
                (Ok(plan), Ok(file)) => {
                    assert_eq!(plan.module, Place::File(file.to_owned()));
                    assert_eq!(plan.files.len(), 2);
                }
                (Err(error), Err(expect)) => {
                    let error = error.to_string();
                    assert!(error.contains(expect), "{error}");
                }
                (found, _) => panic!("{config}: {found:?}"),
            }
        };
        check(r#"{"config": {"Entrypoint": ["/pi.wasm", "2000"]}}"#, Ok("/pi.wasm"));
        check(r#"{"config": {"Cmd": ["pi.wasm"]}}"#, Ok("pi.wasm"));
        check(r#"{"architecture": "wasm", "os": "wasip1", "config": {"Cmd": ["/pi"]}}"#, Ok("/pi"));
        check(
            r#"{"architecture": "amd64", "os": "linux", "config": {"Cmd": ["perl"]}}"#,
            Err("x runs perl, which is no"),
        );
        check("{}", Err("does not say what it runs"));
        check(r#"{"config": {"Cmd": 3}}"#, Err("config can't be read"));
    }

    #[test]
    fn what_an_image_says_of_its_program_is_kept() {
        let config = br#"{"config": {"Entrypoint": ["/a.wasm", "x"], "Cmd": ["y"],
            "Env": ["A=b=c", "=z", "B=", "odd"], "WorkingDir": "/work"}}"#;
        let plan = Plan::of(&manifest(IMAGE, &[TAR]), config, "x").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            plan.program,
            Program {
                entrypoint: vec!["/a.wasm".into(), "x".into()],
                cmd: vec!["y".into()],
                env: vec![pair("A", "b=c"), pair("B", "")],
                working_dir: Some("/work".into()),
            }
        );
    }

    #[test]
    fn what_holds_no_module_is_told() {
        let error = |config: &str, layers: &[&str]| {
            Plan::of(&manifest(config, layers), b"{}", "x").unwrap_err().to_string()
        };
        assert_eq!(
            error(
                "application/vnd.cncf.helm.config.v1+json",
                &["application/vnd.cncf.helm.chart.content.v1.tar+gzip"]
            ),
            "x holds no WebAssembly module: it is application/vnd.cncf.helm.config.v1+json"
        );
        assert_eq!(
            error("application/vnd.wasm.config.v0+json", &["application/wasm"; 2]),
            "x holds 2 modules; one is wanted"
        );
    }
}
