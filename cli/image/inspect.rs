//! `mayfly image inspect`.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use mayfly_images::limits::MODULE_BYTES_MAX;
use mayfly_images::{About, Origin};
use mayfly_runtime::imports;
use serde::Serialize;

use super::{parse, print, shelf};
use crate::args::{Format, ImageFolder};
use crate::exit::Exit;

/// What is printed of an image.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    name: String,
    #[serde(flatten)]
    about: &'a About,
    /// `module` or `component`, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// The interfaces, or modules of functions, that it wants of its host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    imports: Vec<String>,
}

/// Prints what is known of the image `name`.
pub(super) fn inspect(
    name: &str,
    output: Option<Format>,
    folder: &ImageFolder,
) -> anyhow::Result<Exit> {
    let file = Path::new(name);
    let name = match parse(name) {
        Err(_) if file.is_file() => bail!(is_a_file(file)),
        name => name?,
    };
    let shelf = shelf(folder)?;
    let about = shelf.about(&name)?.with_context(|| {
        if file.is_file() {
            return is_a_file(file);
        }
        let folder = shelf.folder().display();
        format!(
            "there is no image {name} in {folder}; `mayfly image pull {name}` fetches it from a \
             registry, and `mayfly image add {name} FILE` makes a module of yours one"
        )
    })?;
    let module = about.module.as_deref().and_then(read);
    let module = module.as_deref().unwrap_or_default();
    let (kind, imports) = (kind_of(module), imports(module));
    let shown = Shown { name: name.full(), about: &about, kind, imports };
    match output {
        Some(Format::Json) => print(&(serde_json::to_string_pretty(&shown)? + "\n")),
        Some(Format::Yaml) => print(&serde_yaml::to_string(&shown)?),
        None => print(&text_of(&shown)),
    }
}

/// What to do with a module that is no image yet.
fn is_a_file(file: &Path) -> String {
    let file = file.display();
    format!(
        "{file} is a file, and images are looked at by name: `mayfly image add NAME {file}` keeps it \
         as one here, and `mayfly image build -t NAME {file}` makes one for a registry"
    )
}

fn text_of(shown: &Shown<'_>) -> String {
    let about = shown.about;
    let mut text = String::new();
    let mut line =
        |name: &str, value: &str| text += &format!("{:13} {value}\n", format!("{name}:"));
    line("Name", &shown.name);
    line("Digest", about.digest.as_str());
    if let Some(manifest) = &about.manifest {
        line("Manifest", manifest.as_str());
    }
    line(
        "Origin",
        match about.origin {
            None => "added",
            Some(Origin::Built) => "built",
            Some(Origin::Pulled) => "pulled",
        },
    );
    line("Size", &format!("{} bytes", about.size));
    line("Kind", shown.kind.unwrap_or("not unpacked yet"));
    for name in &shown.imports {
        // It is a stranger's, and may be meant for the terminal.
        line("Import", &name.escape_debug().to_string());
    }
    if let Some(kind) = &about.artifact_type {
        line("Artifact", kind);
    }
    for (name, part) in about
        .config
        .iter()
        .map(|config| ("Config", config))
        .chain(about.layers.iter().map(|layer| ("Layer", layer)))
    {
        line(name, &format!("{} {} ({} bytes)", part.digest, part.media_type, part.size));
    }
    let program = &about.program;
    if !program.entrypoint.is_empty() {
        line("Entrypoint", &format!("{:?}", program.entrypoint));
    }
    if !program.cmd.is_empty() {
        line("Arguments", &format!("{:?}", program.cmd));
    }
    if let Some(folder) = &program.working_dir {
        line("Directory", &folder.escape_debug().to_string());
    }
    for (name, value) in &program.env {
        // What an image says may be meant for the terminal.
        line("Variable", &format!("{}={value:?}", name.escape_debug()));
    }
    for (key, value) in &about.annotations {
        line("Annotation", &format!("{key}={value}"));
    }
    if about.signatures > 0 {
        line("Signatures", &about.signatures.to_string());
    }
    text
}

/// The module in the file at `path`, unless it is larger than any that is run.
fn read(path: &Path) -> Option<Vec<u8>> {
    let bytes = fs::metadata(path).ok()?.len();
    (bytes <= MODULE_BYTES_MAX).then(|| fs::read(path).ok()).flatten()
}

/// What a module is, by its first bytes.
fn kind_of(module: &[u8]) -> Option<&'static str> {
    match module.first_chunk::<8>()? {
        b"\0asm\x01\0\0\0" => Some("module"),
        b"\0asm\x0d\0\x01\0" => Some("component"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mayfly_images::{Digest, Program};

    use super::*;

    #[test]
    fn what_an_image_says_of_its_program_is_fit_for_a_terminal() {
        let evil = || "/\u{1b}[2J".to_owned();
        let about = About {
            digest: Digest::of(b""),
            manifest: None,
            origin: Some(Origin::Pulled),
            size: 0,
            artifact_type: None,
            config: None,
            layers: Vec::new(),
            program: Program {
                entrypoint: vec![evil()],
                cmd: vec![evil()],
                env: vec![(evil(), evil())],
                working_dir: Some(evil()),
            },
            annotations: BTreeMap::new(),
            signatures: 0,
            module: None,
        };
        let text = text_of(&Shown {
            name: "x".to_owned(),
            about: &about,
            kind: None,
            imports: vec![evil()],
        });
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains("Directory:    /\\u{1b}[2J\n"), "{text}");
    }
}
