//! `mayfly image`: names for modules, kept in the state folder, and what registries have to do with
//! them.

mod bars;
mod build;
mod inspect;
mod transfer;

use std::path::Path;

use anyhow::{Context, ensure};
use mayfly_images::{Entry, ImageName, Origin, Prune, Shelf, read_module};

use crate::args::{ImageCommand, ImageFolder};
use crate::exit::{self, Exit};
use crate::{places, wasm};

/// Runs `command`.
pub(crate) fn image(command: ImageCommand) -> anyhow::Result<Exit> {
    match command {
        ImageCommand::Add { name, file, folder } => add(&name, &file, &folder),
        ImageCommand::Build { file, tag, files, annotations, folder } => {
            build::build(&file, &tag, files, annotations, &folder)
        }
        ImageCommand::Pull { name, login, policy, folder } => {
            transfer::pull(&name, &login, policy.as_deref(), &folder)
        }
        ImageCommand::Push { name, destination, login, folder } => {
            transfer::push(&name, destination.as_deref(), &login, &folder)
        }
        ImageCommand::Inspect { name, output, folder } => inspect::inspect(&name, output, &folder),
        ImageCommand::List { folder } => list(&folder),
        ImageCommand::Remove { name, folder } => remove(&name, &folder),
        ImageCommand::Prune { all, dry_run, folder } => prune(Prune { all, dry_run }, &folder),
    }
}

fn add(name: &str, file: &Path, folder: &ImageFolder) -> anyhow::Result<Exit> {
    let name = parse(name)?;
    let bytes = runnable(file)?;
    let digest = shelf(folder)?.add(name.clone(), &bytes)?;
    print(&format!("{name} {digest}\n"))
}

/// The module in `file`, which can be run.
fn runnable(file: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read_module(file)?;
    let cache = places::cache_dir(None).ok();
    wasm::check(bytes.clone(), cache)
        .with_context(|| format!("{} can't be an image", file.display()))?;
    Ok(bytes)
}

fn list(folder: &ImageFolder) -> anyhow::Result<Exit> {
    let shelf = shelf(folder)?;
    let names = shelf.names()?;
    let width = names.keys().map(|name| name.to_string().len()).max().unwrap_or(0).max(4);
    let mut table = format!("{:width$}   {:71}   {:>10}   ORIGIN\n", "NAME", "DIGEST", "SIZE");
    for (name, entry) in &names {
        let size = match shelf.about(name) {
            Ok(Some(about)) => about.size.to_string(),
            _ => "missing".to_owned(),
        };
        let (digest, origin) = match entry {
            Entry::Module(digest) => (digest, "added"),
            Entry::Image(kept) if kept.origin == Origin::Built => (&kept.digest, "built"),
            Entry::Image(kept) => (&kept.digest, name.registry()),
        };
        // Padded as text: a name writes itself without looking at the width.
        table += &format!("{:width$}   {digest}   {size:>10}   {origin}\n", name.to_string());
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

fn prune(prune: Prune, folder: &ImageFolder) -> anyhow::Result<Exit> {
    let freed = shelf(folder)?.prune(prune)?;
    let (forgot, deleted, bytes) = if prune.dry_run {
        ("would forget", "would delete", "would be")
    } else {
        ("forgot", "deleted", "were")
    };
    let mut text = String::new();
    for name in &freed.names {
        text += &format!("{forgot} {name}\n");
    }
    for (path, size) in &freed.files {
        text += &format!("{deleted} {} ({size} bytes)\n", path.display());
    }
    text += &format!("{} bytes {bytes} freed\n", freed.bytes());
    print(&text)
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
