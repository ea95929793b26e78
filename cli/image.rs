//! `mayfly image`: names for modules, kept in the state folder.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::args::{ImageCommand, ImageFolder};
use crate::exit::{self, Exit};
use crate::images::{self, ImageName, Shelf};
use crate::{places, wasm};

/// Runs `command`.
pub(crate) fn image(command: ImageCommand) -> anyhow::Result<Exit> {
    match command {
        ImageCommand::Add { name, file, folder } => add(&name, &file, &folder),
        ImageCommand::List { folder } => list(&folder),
        ImageCommand::Remove { name, folder } => remove(&name, &folder),
    }
}

fn add(name: &str, file: &Path, folder: &ImageFolder) -> anyhow::Result<Exit> {
    let name = parse(name)?;
    let bytes = images::read(file)?;
    let cache = places::cache_dir(None).ok();
    wasm::check(bytes.clone(), cache)
        .with_context(|| format!("{} can't be an image", file.display()))?;
    let digest = shelf(folder)?.add(name.clone(), &bytes)?;
    print(&format!("{name} {digest}\n"))
}

fn list(folder: &ImageFolder) -> anyhow::Result<Exit> {
    let shelf = shelf(folder)?;
    let names = shelf.names()?;
    let width = names.keys().map(|name| name.to_string().len()).max().unwrap_or(0).max(4);
    let mut table = format!("{:width$}   {:71}   SIZE\n", "NAME", "DIGEST");
    for (name, digest) in &names {
        let size = match shelf.content(digest).metadata() {
            Ok(metadata) => metadata.len().to_string(),
            Err(_) => "missing".to_owned(),
        };
        // Padded as text: a name writes itself without looking at the width.
        table += &format!("{:width$}   {digest}   {size}\n", name.to_string());
    }
    print(&table)
}

fn remove(name: &str, folder: &ImageFolder) -> anyhow::Result<Exit> {
    let name = parse(name)?;
    let shelf = shelf(folder)?;
    let was_known = shelf.remove(&name)?;
    ensure!(was_known, "there is no image {name} in {}", shelf.folder().display());
    Ok(Exit::Done)
}

fn parse(name: &str) -> anyhow::Result<ImageName> {
    ImageName::parse(name).with_context(|| format!("\"{name}\" is no image name"))
}

fn shelf(folder: &ImageFolder) -> anyhow::Result<Shelf> {
    Ok(Shelf::of(&places::state_dir(folder.state_dir.as_deref())?))
}

fn print(text: &str) -> anyhow::Result<Exit> {
    exit::print(text).map(|()| Exit::Done)
}
