//! The pages of the book that are looked things up in, made of what the program itself goes by; a
//! test holds the committed ones against it, and so they are never out of date.
//!
//! ```text
//! clap ──────────────────────────▶ commands
//! Exit, ends of guests ──────────▶ exit codes      ─▶ book/src/reference/*.md
//! the reader of limits, its file ▶ limits             UPDATE_EXPECT=1 writes them
//! constants of the controller ───▶ limits, annotations
//! METRICS ───────────────────────▶ metrics
//! ```

mod annotations;
mod commands;
mod constants;
mod exit_codes;
mod limits;
mod metrics;

use std::env;
use std::fmt::Write as _;
use std::fs;

use expect_test::expect_file;

/// How the committed pages are written anew.
const COMMAND: &str = "UPDATE_EXPECT=1 cargo test --workspace --bins reference";

/// Holds the page `name` against `text`.
fn check(name: &str, text: &str) {
    let path = format!("{}/book/src/reference/{name}.md", env!("CARGO_MANIFEST_DIR"));
    let is_current = fs::read_to_string(&path).is_ok_and(|committed| committed == text);
    if !is_current && env::var_os("UPDATE_EXPECT").is_none() {
        eprintln!(
            "{path} is not what the program says any more; write it anew with\n\n  {COMMAND}\n"
        );
    }
    expect_file![path].assert_eq(text);
}

/// A page under its title, which says how it comes about.
fn page(title: &str, introduction: &str) -> String {
    format!("# {title}\n\n{introduction}\nThis page is made from the code.\n")
}

/// Adds a table; nothing if it has no rows.
fn table<const COLUMNS: usize>(
    page: &mut String,
    head: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return;
    }
    let mut row = |cells: [&str; COLUMNS]| {
        writeln!(page, "| {} |", cells.join(" | ")).expect("a String takes everything");
    };
    row(head);
    row(["---"; COLUMNS]);
    for cells in rows {
        row(std::array::from_fn(|at| cells[at].as_str()));
    }
}

/// Text of the program, which is for terminals, as prose in a cell of a table. What is between
/// backticks in it is code.
fn prose(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let parts = words.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => part.replace('<', "&lt;").replace('*', "\\*").replace('|', "\\|"),
        _ => code(part),
    });
    parts.collect()
}

/// Text as code in a cell of a table.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
