//! The screen: lines of text as wide and as many as the terminal has room for. Pure.

use std::collections::BTreeMap;

use super::known::{About, Known};
use super::rows::{FUEL, NOTHING, Of, Row, TEXTS, TITLES, bytes, cores, share};
use super::view::{Sort, Typing, View};
use crate::client::top::used::Used;

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// What is over.
    Faint,
    Strong,
    /// The names of the columns, and what is selected.
    Reversed,
    /// Something is wrong.
    Alarm,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) style: Style,
}

/// Lines that are no rows: three above, the names of the columns, one below.
const FRAME_LINES: usize = 5;

/// What is between columns.
const GAP: usize = 2;

/// Why something can't be had.
pub(super) type Troubles = BTreeMap<About, String>;

const HELP: &str = "\
c m t n      sort by CPU, memory, age (t), name; r turns it round
/            show only Jobs whose NAMESPACE/NAME has a text in it; Escape ends that
N            look at another namespace; A at all of them, and back
Enter        show the pods of the Job that is selected; u those of all
↑ ↓ j k      select; also Page up, Page down, Home, End
e            hide Jobs that have ended, or show them
p, space     pause: nothing changes on the screen
q, Ctrl-C    quit

CPU is in cores, now; CPU% is of all that the nodes have for pods.
FUEL is instructions, where they are counted (mayfly.dev/fuel): of runs that have ended, and
of a pod the most that each of its containers may execute.

Any key goes back.";

/// How many rows there is room for.
pub(super) fn rows_height(size: Size) -> usize {
    size.height.saturating_sub(FRAME_LINES).max(1)
}

/// All that is to be seen: as many lines as `size` has.
pub(super) fn screen(
    known: &Known,
    rows: &[Row],
    view: &View,
    troubles: &Troubles,
    size: Size,
) -> Vec<Line> {
    let mut lines = vec![line(Style::Strong, heading(known, view))];
    lines.extend(totals(known, size.width).map(|text| line(Style::Plain, text)));
    if view.shows_help {
        lines.extend(HELP.lines().map(|text| line(Style::Plain, text.to_owned())));
    } else {
        lines.extend(list(rows, view, size));
    }
    lines.truncate(size.height.saturating_sub(1));
    lines.resize(size.height.saturating_sub(1), line(Style::Plain, String::new()));
    lines.push(bottom(view, troubles));
    lines.truncate(size.height);
    for line in &mut lines {
        line.text = line.text.chars().take(size.width).collect();
    }
    lines
}

fn line(style: Style, text: String) -> Line {
    Line { text, style }
}

/// What is looked at, and how many Jobs there are.
fn heading(known: &Known, view: &View) -> String {
    let place = match &view.namespace {
        Some(namespace) => format!("namespace {namespace}"),
        None => "all namespaces".to_owned(),
    };
    let mut states = BTreeMap::new();
    for job in known.jobs.values() {
        *states.entry(job.state.to_lowercase()).or_insert(0) += 1;
    }
    let states: Vec<_> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let jobs = match states.is_empty() {
        true => "no Jobs".to_owned(),
        false if known.jobs.len() == 1 => format!("1 Job: {}", states.join(", ")),
        false => format!("{} Jobs: {}", known.jobs.len(), states.join(", ")),
    };
    let paused = if view.is_paused { "  [paused]" } else { "" };
    format!("mayfly top  {place}  {jobs}{paused}")
}

/// What is used of the nodes' cores and memory; where they may not be looked at, what is used of it here.
fn totals(known: &Known, width: usize) -> [String; 2] {
    match &known.nodes {
        Some(nodes) => {
            let (used, has) = (nodes.used, nodes.has);
            let (part, whole) = (used.cpu.millis(), has.cpu.millis());
            let cpu = format!("{} of {} cores, {}", cores(part), cores(whole), share(part, whole));
            let cpu_bar = bar(part, whole, width);
            let (part, whole) = (used.memory.units(), has.memory.units());
            let memory = format!("{} of {}, {}", bytes(part), bytes(whole), share(part, whole));
            [format!("CPU {cpu_bar} {cpu}"), format!("Mem {} {memory}", bar(part, whole, width))]
        }
        None => {
            let all = known.used.values().copied().reduce(|sum, it| sum + it);
            let all: Used = all.unwrap_or_default();
            let (cpu, memory) = (cores(all.cpu.millis()), bytes(all.memory.units()));
            [format!("CPU {cpu} cores"), format!("Mem {memory}")]
        }
    }
}

/// A bar of a third of the line.
fn bar(part: i64, whole: i64, width: usize) -> String {
    let room = (width / 3).clamp(5, 40);
    let part = usize::try_from(part).unwrap_or(0);
    let whole = usize::try_from(whole).unwrap_or(0).max(1);
    let full = (part.saturating_mul(room) / whole).min(room);
    format!("[{}{}]", "|".repeat(full), " ".repeat(room - full))
}

/// The names of the columns, and the rows that there is room for.
fn list(rows: &[Row], view: &View, size: Size) -> Vec<Line> {
    let seen = rows.iter().skip(view.above).take(rows_height(size));
    let is_shown = |column: usize| match column {
        0 => view.namespace.is_none(),
        FUEL => rows.iter().any(|row| row.cells[FUEL] != NOTHING),
        _ => true,
    };
    let columns: Vec<usize> = (0..TITLES.len()).filter(|column| is_shown(*column)).collect();
    // Those of all rows, so that nothing moves to and fro while one scrolls.
    let width = |column: &usize| {
        let cells = rows.iter().map(|row| row.cells[*column].chars().count());
        cells.max().unwrap_or(0).max(title(*column, view).chars().count())
    };
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let row = |cell: &dyn Fn(usize) -> String| -> String {
        let cells = columns.iter().zip(&widths).map(|(column, width)| match *column < TEXTS {
            true => format!("{:<width$}", cell(*column)),
            false => format!("{:>width$}", cell(*column)),
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP))
    };
    let titles = format!("{:<1$}", row(&|column| title(column, view)), size.width);
    let mut lines = vec![line(Style::Reversed, titles)];
    lines.extend(seen.map(|it| {
        let text = row(&|column| it.cells[column].clone());
        match Some(&it.of) == view.selected.as_ref() {
            true => line(Style::Reversed, format!("{text:<0$}", size.width)),
            false if it.has_ended => line(Style::Faint, text),
            false if matches!(it.of, Of::Job(_)) => line(Style::Strong, text),
            false => line(Style::Plain, text),
        }
    }));
    lines
}

/// The name of a column, with a mark on that which says what comes first.
fn title(column: usize, view: &View) -> String {
    let sorted = match view.sort {
        Sort::Name => "NAME",
        Sort::Cpu => "CPU",
        Sort::Memory => "MEMORY",
        Sort::Age => "AGE",
    };
    let mark = match (TITLES[column] == sorted, view.is_reversed) {
        (false, _) => "",
        (true, false) => "▼",
        (true, true) => "▲",
    };
    format!("{}{mark}", TITLES[column])
}

/// What is typed, else what is wrong, else which keys there are.
fn bottom(view: &View, troubles: &Troubles) -> Line {
    if let Some((typing, text)) = &view.typed {
        let what = match typing {
            Typing::Filter => "only names with",
            Typing::Namespace => "namespace",
        };
        return line(Style::Strong, format!("{what}: {text}_"));
    }
    if let Some(trouble) = troubles.values().next() {
        return line(Style::Alarm, trouble.clone());
    }
    let filter = match view.filter.as_str() {
        "" => String::new(),
        filter => format!("only {filter:?}  "),
    };
    let keys = "q quit  h help  c m t n sort  / filter  Enter pods  p pause  N A namespace";
    line(Style::Plain, format!("{filter}{keys}"))
}
