//! Links of the Markdown: files of the repository and headings of its pages, or `https`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::documents;
use crate::harness::repository;

#[test]
fn links_lead_somewhere() {
    let pages: BTreeMap<_, _> = documents()
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(repository().join(&file)).expect("it must be readable");
            (PathBuf::from(file), text)
        })
        .collect();
    let headings: BTreeMap<_, _> =
        pages.iter().map(|(file, text)| (file, headings(text))).collect();
    let mut dead = Vec::new();
    for (file, text) in &pages {
        for (line, link) in links(text) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let to = if path.is_empty() { file.clone() } else { resolved(file, path) };
            let is_alive = link.starts_with("https://")
                || repository().join(&to).exists()
                    && (heading.is_empty()
                        || headings.get(&to).is_some_and(|it| it.iter().any(|it| it == heading)));
            if !is_alive {
                dead.push(format!("{}:{line}: {link}", file.display()));
            }
        }
    }
    assert!(dead.is_empty(), "these lead nowhere:\n{}", dead.join("\n"));
}

/// What `link` of the page `file` leads to, from the top of the repository.
fn resolved(file: &Path, link: &str) -> PathBuf {
    let mut to = file.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => _ = to.pop(),
            Component::CurDir => {}
            other => to.push(other),
        }
    }
    to
}

/// The lines that are no code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Every link, with its line.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // Between backticks is code.
        for prose in line.split('`').step_by(2) {
            let ends = prose.split("](").skip(1);
            found.extend(ends.filter_map(|it| it.split_once(')')).map(|(link, _)| (number, link)));
        }
        // A link whose text is code is cut in two by that.
        let of_code = line.split("`](").skip(1);
        found.extend(of_code.filter_map(|it| it.split_once(')')).map(|(link, _)| (number, link)));
        // A picture has one for those who like it dark.
        let pictures = ["src=\"", "srcset=\""].into_iter().flat_map(|it| line.split(it).skip(1));
        found.extend(pictures.filter_map(|it| it.split_once('"')).map(|(link, _)| (number, link)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What the headings are called in links.
fn headings(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, line) in prose(text).filter(|(_, line)| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let is_kept = |it: &char| it.is_alphanumeric() || " -_".contains(*it);
        let name: String = title.chars().filter(is_kept).collect::<String>().replace(' ', "-");
        let before = found.iter().filter(|it| **it == name).count();
        found.push(if before == 0 { name } else { format!("{name}-{before}") });
    }
    found
}

#[test]
fn links_and_headings_are_found() {
    let text = "# The `a` page: why?\n[x](a.md), [`y`](b/c.md#d) and `[z](no)`\n```\n# [q](r)\n```\n## \
                Two\n## Two\n[w](#two-1)\n<img src=\"p.webp\" alt=\"\">";
    assert_eq!(links(text), [(2, "a.md"), (2, "b/c.md#d"), (8, "#two-1"), (9, "p.webp")]);
    assert_eq!(headings(text), ["the-a-page-why", "two", "two-1"]);
}
