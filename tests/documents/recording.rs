//! The terminal in the README: what some commands print, as a picture that plays by itself.
//!
//! It is SVG with no script: each line appears when its time has come, and is there from the beginning
//! for whoever wants no motion. `MAYFLY_PICTURES=FOLDER` has it written there.

use std::fmt::Write as _;
use std::fs;

use super::reader::Reader;
use crate::harness::pictures;

/// What is typed.
const COMMANDS: &[&str] = &[
    "mayfly run -q examples/pi.yaml",
    "mayfly run examples/indexed.yaml",
    "mayfly run examples/memory-limit.yaml",
];

/// Characters of a line; a longer one goes on in the next.
const COLUMNS: usize = 110;
/// What of one long line is shown: π has two thousand digits.
const LINES_OF_ONE_MAX: usize = 2;

/// Sizes in the unit of the picture.
const CHARACTER_WIDTH: f64 = 8.43;
const LINE_HEIGHT: usize = 20;
const MARGIN: usize = 20;
const TITLE_HEIGHT: usize = 28;
/// Above what is typed.
const GAP: usize = 10;

/// How long after the one before a line comes, in seconds: what is printed, and what is typed.
const PRINTED_AFTER: f64 = 0.12;
const TYPED_AFTER: f64 = 1.6;

const STYLE: &str = "
text { font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre; fill: #c9d1d4 }
.prompt { fill: #4bb286 } .typed { fill: #ffffff; font-weight: 600 } .progress { fill: #7d888d }
.warned { fill: #d8b04a } .good { fill: #4bb286 } .bad { fill: #e88080 }
@media (prefers-reduced-motion: no-preference) {
  text { opacity: 0; animation: appear 0.05s forwards }
  @keyframes appear { to { opacity: 1 } }
}
";

/// A line of the terminal.
struct Line {
    text: String,
    /// How it looks, as the picture's style calls it.
    class: &'static str,
    /// When it comes, in seconds.
    at: f64,
}

#[test]
fn pictures_of_a_terminal_are_made() {
    let reader = Reader::new();
    let mut lines = Vec::new();
    let mut at = 0.0;
    for command in COMMANDS {
        at += if lines.is_empty() { 0.4 } else { TYPED_AFTER };
        lines.push(Line { text: (*command).to_owned(), class: "typed", at });
        at += 0.5;
        let printed = reader.prints(command);
        assert!(!printed.is_empty(), "{command} must print something");
        for text in printed.lines().filter(|line| !line.starts_with("mayfly: fetching image ")) {
            at += PRINTED_AFTER;
            let class = class(text);
            lines.extend(wrapped(text).into_iter().map(|text| Line { text, class, at }));
        }
    }
    reader.leave();
    let picture = picture(&lines);
    assert!(picture.contains("3.14159265358979") && picture.contains("OOMKilled"), "{picture}");
    if let Some(folder) = pictures() {
        fs::write(folder.join("terminal.svg"), picture).expect("it must be written");
    }
}

/// How a line looks: by who says it, and how things went.
fn class(line: &str) -> &'static str {
    let is_summary = (line.starts_with("job/") || line.starts_with("pod/")) && line.contains("  ");
    match (line.starts_with("mayfly: "), is_summary, line.contains("  complete")) {
        (true, ..) => "warned",
        (_, true, true) => "good",
        (_, true, false) => "bad",
        _ if line.starts_with("job/") || line.starts_with("pod/") => "progress",
        _ => "printed",
    }
}

/// A line as a terminal shows it, which has no room for long ones.
fn wrapped(line: &str) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    let mut parts: Vec<String> = characters.chunks(COLUMNS).map(|it| it.iter().collect()).collect();
    if parts.len() > LINES_OF_ONE_MAX {
        parts.truncate(LINES_OF_ONE_MAX);
        let last = parts.last_mut().expect("there must be some");
        last.pop();
        last.push('…');
    }
    parts
}

fn picture(lines: &[Line]) -> String {
    let width = MARGIN as f64 * 2.0 + COLUMNS as f64 * CHARACTER_WIDTH;
    let height = TITLE_HEIGHT + MARGIN + lines.len() * LINE_HEIGHT + COMMANDS.len() * GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" width=\"{width:.0}\" \
         height=\"{height}\" role=\"img\">\n\
         <title>mayfly runs Jobs in a terminal</title>\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#15191b\"/>\n"
    );
    for (at, colour) in ["#e06c6c", "#d8b04a", "#4bb286"].iter().enumerate() {
        let x = MARGIN + 2 + at * 20;
        writeln!(svg, "<circle cx=\"{x}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>")
            .expect("a String");
    }
    let mut y = TITLE_HEIGHT;
    for Line { text, class, at } in lines {
        y += LINE_HEIGHT + if *class == "typed" { GAP } else { 0 };
        let prompt = if *class == "typed" { "<tspan class=\"prompt\">$ </tspan>" } else { "" };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{y}\" class=\"{class}\" style=\"animation-delay:{at:.1}s\">{prompt}{text}</text>"
        )
        .expect("a String takes everything");
    }
    svg + "</svg>\n"
}

#[test]
fn long_lines_go_on_in_the_next_and_end_somewhere() {
    let lengths = |text: &str| -> Vec<usize> {
        wrapped(text).iter().map(|line| line.chars().count()).collect()
    };
    assert_eq!(lengths("short"), [5]);
    assert_eq!(lengths(&"x".repeat(COLUMNS + 1)), [COLUMNS, 1]);
    assert_eq!(lengths(&"x".repeat(COLUMNS * 9)), [COLUMNS, COLUMNS]);
    assert!(wrapped(&"x".repeat(COLUMNS * 9))[1].ends_with('…'));
}
