//! `mayfly image build`.

use std::path::Path;

use anyhow::ensure;
use mayfly_images::{ModuleKind, Recipe};

use super::{parse, print, runnable, shelf};
use crate::args::{ImageFolder, Source};
use crate::exit::Exit;

/// The head of a component's binary form; a module's has another version.
const COMPONENT: &[u8] = b"\0asm\x0d\x00\x01\x00";

/// Makes the image `tag` of the module in `file` and of `files`.
pub(super) fn build(
    file: &Path,
    tag: &str,
    files: Vec<Source>,
    annotations: Vec<(String, String)>,
    folder: &ImageFolder,
) -> anyhow::Result<Exit> {
    let name = parse(tag)?;
    ensure!(name.digest().is_none(), "an image is built under a tag; its digest is made of it");
    let module = runnable(file)?;
    ensure!(
        module.starts_with(b"\0asm"),
        "{} is WebAssembly as text: compile it first",
        file.display()
    );
    let kind = match module.starts_with(COMPONENT) {
        true => ModuleKind::Component,
        false => ModuleKind::Module,
    };
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("program");
    let recipe = Recipe {
        module: &module,
        kind,
        // As an entrypoint must be called.
        file_name: format!("{stem}.wasm"),
        files: files.into_iter().map(|it| (it.source, it.target)).collect(),
        annotations,
    };
    let kept = shelf(folder)?.build(&name, &recipe)?;
    print(&format!("{name} {}\n", kept.digest))
}
