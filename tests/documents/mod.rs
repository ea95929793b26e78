//! What is written for people: every command of it does what it says, every link leads somewhere, and
//! what is made from the code is what the code says.
//!
//! ```text
//! page.md ─▶ page: blocks, marks ─▶ reader: a clone, a home, shells ─▶ alike: as it is shown?
//!         └▶ links: files and headings
//! ```

mod alike;
mod book;
mod links;
mod page;
mod reader;
mod recording;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use page::Block;
use reader::Reader;

use crate::harness::{kubectl, repository, say};

/// A test for each page that has commands.
macro_rules! pages {
    ($($name:ident: $file:literal,)*) => {
        /// The pages whose commands are run.
        const PAGES: &[&str] = &[$($file),*];
        $(#[test]
        fn $name() {
            does_what_it_says($file);
        })*
    };
}

pages! {
    readme: "README.md",
    contributing: "CONTRIBUTING.md",
    benchmarks: "BENCHMARKS.md",
    packages: "packages/README.md",
    book_getting_started: "book/src/getting-started.md",
    book_guests: "book/src/guests/index.md",
    book_guests_rust: "book/src/guests/rust.md",
    book_guests_c: "book/src/guests/c.md",
    book_guests_go: "book/src/guests/go.md",
    book_guests_python: "book/src/guests/python.md",
    book_guests_assemblyscript: "book/src/guests/assemblyscript.md",
    book_volumes: "book/src/volumes.md",
    book_limits: "book/src/limits.md",
    book_cronjobs: "book/src/cronjobs.md",
    book_network: "book/src/network.md",
    book_untrusted: "book/src/untrusted.md",
    book_edge_host: "book/src/edge-host.md",
    book_observing: "book/src/observing.md",
    book_several_hosts: "book/src/several-hosts.md",
    book_several_servers: "book/src/several-servers.md",
}

#[test]
fn every_page_with_commands_is_in_the_table() {
    let has_commands = |file: &String| page::blocks(file).iter().any(Block::is_shell);
    let found: Vec<_> = documents().into_iter().filter(has_commands).collect();
    let mut expected = PAGES.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// Does what the page `file` says, from its top to its end.
fn does_what_it_says(file: &str) {
    let blocks = page::blocks(file);
    let is_run = |block: &&Block| block.is_shell() && block.not_run().is_none();
    if blocks.iter().filter(is_run).any(|it| it.text.contains("kubectl"))
        && kubectl::any().is_none()
    {
        return;
    }
    let mut reader = Reader::new();
    let (mut commands, mut left_out) = (0, BTreeMap::<String, usize>::new());
    let mut wrong = Vec::new();
    for block in blocks {
        for before in block.after().map(page::blocks).unwrap_or_default() {
            before.file().into_iter().for_each(|name| reader.write(name, &before.text));
        }
        block.file().into_iter().for_each(|name| reader.write(name, &block.text));
        if !block.is_shell() {
            continue;
        }
        let reason = match (block.not_run(), block.condition()) {
            (Some(reason), _) => Some(reason.to_owned()),
            (None, Some(command)) if !reader.can(command) => Some(format!("not here: {command}")),
            _ => None,
        };
        if let Some(reason) = reason {
            *left_out.entry(reason).or_default() += 1;
            continue;
        }
        for step in block.steps() {
            commands += 1;
            if let Some(what) = reader.takes(&step, block.is_eventual()) {
                wrong.push(format!("{file}:{}: {}\n{what}", step.line, step.command));
            }
        }
    }
    let node_log = reader.node_log().filter(|_| !wrong.is_empty());
    wrong.extend(node_log.map(|text| format!("node.log:\n{text}")));
    reader.leave();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
    let left_out: Vec<_> = left_out.iter().map(|(why, many)| format!("{many} ({why})")).collect();
    let left_out = if left_out.is_empty() { "0".to_owned() } else { left_out.join(", ") };
    say!("{file}: {commands} commands were run; blocks that were not: {left_out}");
}

/// Every page of Markdown here, by its path from the top, in order.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![repository().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it must be there").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let is_ours =
                |name: &str| !name.starts_with('.') && !matches!(name, "target" | "node_modules");
            if path.is_dir() && name.to_str().is_some_and(is_ours) {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(from_the_top(&path));
            }
        }
    }
    found.sort();
    found
}

fn from_the_top(path: &Path) -> String {
    let relative = path.strip_prefix(repository()).expect("it must be below the top");
    relative.to_string_lossy().into_owned()
}
