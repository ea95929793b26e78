//! The book as mdBook makes it: without a warning, and without a link that leads nowhere.
//!
//! `book/build` makes it, with the mdBook that `book/install` fetches or that is on the PATH.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Running, repository, say};

/// What `book/build` exits with where there is no mdBook.
const NOT_HERE: i32 = 77;

#[test]
fn the_book_is_built_and_its_links_lead_somewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder must be had");
    let mut build = Command::new(repository().join("book/build"));
    let ended = Running::start(build.arg(folder.path())).wait();
    if ended.status.code() == Some(NOT_HERE) {
        return say!("skipped: there is no mdbook here: book/install fetches it");
    }
    let ended = ended.exits(0);
    let said = ended.stdout + &ended.stderr;
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");

    let pages = pages(folder.path());
    let mut dead = Vec::new();
    for (file, page) in &pages {
        for link in &page.links {
            if link.starts_with("https://") || link.starts_with("data:") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let to = if path.is_empty() { file.clone() } else { resolved(file, path) };
            let is_alive = to.is_file()
                && (heading.is_empty()
                    || pages.get(&to).is_some_and(|it| it.names.contains(heading)));
            if !is_alive {
                let file = file.strip_prefix(folder.path()).expect("it must be in there");
                dead.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(dead.is_empty(), "these lead nowhere:\n{}", dead.join("\n"));
    assert!(pages.len() > 20, "the book has no pages: {:?}", pages.keys());
}

/// What of a page links are about.
struct Page {
    links: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// Every page below `folder`.
fn pages(folder: &Path) -> BTreeMap<PathBuf, Page> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it must be there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "html") {
                let text = fs::read_to_string(&path).expect("it must be readable");
                let links = ["href", "src", "srcset"].map(|it| attributes(&text, it)).concat();
                let names = attributes(&text, "id");
                let [links, names] = [links, names].map(|it| it.into_iter().collect());
                found.insert(path, Page { links, names });
            }
        }
    }
    found
}

/// The values of the attribute `name` of all elements of a page.
fn attributes(page: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, from)) = rest.split_once('<') {
        let (element, after) = from.split_once('>').unwrap_or((from, ""));
        // What is in a script is no element.
        rest = match element.starts_with("script") {
            true => after.split_once("</script>").map_or("", |(_, after)| after),
            false => after,
        };
        let value = element.split_once(&format!(" {name}=\""));
        let value = value.and_then(|(_, value)| value.split_once('"'));
        found.extend(value.map(|(value, _)| value.replace("&amp;", "&")));
    }
    found
}

fn resolved(file: &Path, link: &str) -> PathBuf {
    let folder = file.parent().expect("a page must be in a folder");
    let to = folder.join(link);
    fs::canonicalize(&to).unwrap_or(to)
}

#[test]
fn attributes_are_found() {
    let page = r#"<a id="one" href="a.html?b&amp;c">x</a><script>'<a href="no">'</script><img src="p"><p>"#;
    assert_eq!(attributes(page, "href"), ["a.html?b&c"]);
    assert_eq!(attributes(page, "id"), ["one"]);
    assert_eq!(attributes(page, "src"), ["p"]);
}
