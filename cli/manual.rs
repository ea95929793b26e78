//! `mayfly completion`, `mayfly man`: what the command line says of itself, for shells and readers.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Arguments;
use crate::exit::{self, Exit};

/// Prints what completes commands in `shell`.
pub(crate) fn completion(shell: Shell) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "mayfly", &mut text);
    exit::print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}

/// Writes a page for each command to `folder`, or prints the first.
pub(crate) fn man(folder: Option<&Path>) -> anyhow::Result<Exit> {
    match folder {
        None => {
            let mut text = Vec::new();
            let rendered = Man::new(Arguments::command()).render(&mut text);
            rendered.context("can't write the page")?;
            exit::print(&String::from_utf8_lossy(&text))?;
        }
        Some(folder) => {
            let written = fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
            written.with_context(|| format!("can't write pages to {}", folder.display()))?;
        }
    }
    Ok(Exit::Done)
}
