//! What kubectl printed, held against what is printed here: but for names and uids, ages and
//! addresses, and the widths that follow from them.

use super::names::Names;

/// A text, and what the names in it are called.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) names: &'a Names,
}

/// Columns of tables that tell ages and addresses.
const OF_THE_MOMENT: &[&str] = &["AGE", "Age", "DURATION", "LAST SCHEDULE", "IP"];

/// What the recorded node and API server tell of a pod that is not so here: there are no networks, no
/// tokens of service accounts, no taints and no priorities; and each runtime has its own ids.
const NOT_OURS: &[&str] = &[
    "Priority",
    "Service Account",
    "IP",
    "IPs",
    "Container ID",
    "Image ID",
    "Mounts",
    "Volumes",
    "Tolerations",
];

/// How much later than recorded a time may be, and a duration be longer, in seconds.
const LATER_MAX: i64 = 2;

/// How `got`, what `words` printed, differs from `expect`.
pub(super) fn compare(words: &[&str], expect: Text<'_>, got: Text<'_>) -> Result<(), String> {
    let (theirs, ours) = match words.first() {
        Some(&"get") => (table(expect), table(got)),
        Some(&"describe") => return described(words, expect, got),
        _ => (lines(expect), lines(got)),
    };
    if theirs == ours {
        return Ok(());
    }
    Err(format!("expected\n{}\n  got\n{}", theirs.join("\n"), ours.join("\n")))
}

fn lines(Text { text, names }: Text<'_>) -> Vec<String> {
    text.lines().map(|line| names.put_into_text(line.trim_end())).collect()
}

/// The rows of a table in the order of their names, which are made up, with one space between
/// cells.
fn table(Text { text, names }: Text<'_>) -> Vec<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(header) = lines.next() else { return Vec::new() };
    let columns = columns(header);
    let mut rows: Vec<String> = lines
        .map(|row| without_counts(&names.put_into_text(&cells(row, &columns))))
        .map(|row| row.replace(TOLD_BY_NOBODY, INIT_FAILED))
        .collect();
    rows.sort();
    rows.insert(0, header.split_whitespace().collect::<Vec<_>>().join(" "));
    rows
}

/// What a pod is whose init container has failed; the recorded node told nothing of those.
const INIT_FAILED: &str = "Init:Error";
const TOLD_BY_NOBODY: &str = "PodInitializing";

/// `row` with `<job:0>` for `<job:0#2>`: of pods that are made at once, which is the first is
/// chance.
fn without_counts(row: &str) -> String {
    let mut parts = row.split('#');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |row, part| row + part.trim_start_matches(|it: char| it.is_ascii_digit()))
}

/// The columns of a table, and where each begins: after at least two spaces.
fn columns(header: &str) -> Vec<(usize, &str)> {
    let mut columns = Vec::new();
    let mut rest = header;
    while !rest.trim().is_empty() {
        let start = rest.len() - rest.trim_start().len();
        let end = rest[start..].find("  ").map_or(rest.trim_end().len(), |length| start + length);
        columns.push((header.len() - rest.len() + start, rest[start..end].trim_end()));
        rest = &rest[end..];
    }
    columns
}

/// The cells of `row`, of which those of the moment are left out.
fn cells(row: &str, columns: &[(usize, &str)]) -> String {
    let mut cells = Vec::new();
    for (place, (start, column)) in columns.iter().enumerate() {
        let end = columns.get(place + 1).map_or(row.len(), |(start, _)| *start);
        let cell = row.get(*start..end.min(row.len())).unwrap_or_default().trim();
        // `2 (3s ago)`
        let cell = if *column == "RESTARTS" { cell.split(' ').next() } else { Some(cell) };
        let is_of_the_moment = OF_THE_MOMENT.contains(column);
        cells.push(if is_of_the_moment { "-" } else { cell.unwrap_or_default() });
    }
    cells.join(" | ")
}

/// Compares descriptions, one below the other.
fn described(words: &[&str], expect: Text<'_>, got: Text<'_>) -> Result<(), String> {
    let (mut theirs, mut ours) = (descriptions(expect), descriptions(got));
    if words.contains(&"pod") {
        theirs.iter_mut().chain(&mut ours).for_each(Description::of_pod);
    }
    let differ = |at: &str| format!("{at}: expected\n{}\n  got\n{}", expect.text, got.text);
    if theirs.len() != ours.len() {
        return Err(differ("there are more or less"));
    }
    for (theirs, ours) in theirs.iter().zip(&ours) {
        if theirs.events != ours.events {
            return Err(differ("events"));
        }
        if theirs.head.len() != ours.head.len() {
            return Err(differ("lines"));
        }
        let mut pairs = theirs.head.iter().zip(&ours.head);
        if let Some((theirs, ours)) = pairs.find(|(theirs, ours)| !is_same(theirs, ours)) {
            return Err(differ(&format!("{theirs:?} is {ours:?}")));
        }
    }
    Ok(())
}

struct Description {
    head: Vec<String>,
    events: Vec<String>,
}

impl Description {
    /// Leaves out what a pod's own node tells, and how wide that makes it.
    fn of_pod(&mut self) {
        let mut left_out = None;
        self.head.retain(|line| {
            let indent = line.len() - line.trim_start().len();
            if left_out.is_some_and(|at| indent > at) {
                return false;
            }
            let label = line.split(':').next().unwrap_or_default().trim();
            left_out = NOT_OURS.contains(&label).then_some(indent);
            left_out.is_none()
        });
        for line in &mut self.head {
            *line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        self.events.retain(|event| !event.contains(" kubelet "));
    }
}

fn descriptions(Text { text, names }: Text<'_>) -> Vec<Description> {
    let mut parts: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("Name:") {
            parts.push(Vec::new());
        }
        // kubectl tells this one only since it knows of time zones; the recorded one did not.
        let is_kept = !line.trim().is_empty() && line != "---" && !line.starts_with("Time Zone:");
        if let Some(part) = parts.last_mut().filter(|_| is_kept) {
            part.push(line.trim_end());
        }
    }
    parts.iter().map(|part| description(part, names)).collect()
}

fn description(lines: &[&str], names: &Names) -> Description {
    let events = lines.iter().position(|line| *line == "Events:").unwrap_or(lines.len());
    let (head, events) = lines.split_at(events);
    // Below the title and the names of the columns is a line of dashes.
    let columns = events.get(1).map(|header| columns(header)).unwrap_or_default();
    let rows = events.iter().skip(3).map(|row| names.put_into_text(&cells(row, &columns)));
    let mut events: Vec<String> = rows.collect();
    if events.iter().any(|event| event.contains("(combined from similar events)")) {
        // Which of them are combined is chance, and so is the name of the last one.
        for event in &mut events {
            event.truncate(event.find('<').unwrap_or(event.len()));
        }
    }
    events.sort();
    // How often pods are tried that are denied depends on what is gathered.
    events.dedup_by(|left, right| left == right && left.contains("FailedCreate"));
    let head = head.iter().map(|line| names.put_into_text(line)).collect();
    Description { head, events }
}

/// Whether two lines are the same, or tell times of which ours is a little sooner: nothing here is
/// gathered for a second.
fn is_same(theirs: &str, ours: &str) -> bool {
    let (Some((label, theirs_value)), Some((our_label, our_value))) =
        (theirs.split_once(':'), ours.split_once(':'))
    else {
        return theirs == ours;
    };
    let value = |text: &str| match label {
        "Start Time" | "Completed At" | "Started" | "Finished" => {
            jiff::fmt::rfc2822::parse(text.trim()).ok().map(|time| time.timestamp().as_second())
        }
        "Duration" => duration(text.trim()),
        _ => None,
    };
    match (value(theirs_value), value(our_value)) {
        (Some(theirs), Some(ours)) => label == our_label && ours <= theirs + LATER_MAX,
        _ => theirs == ours,
    }
}

/// A duration such as `2m5s`, in seconds.
fn duration(text: &str) -> Option<i64> {
    let mut seconds = 0;
    let mut digits = String::new();
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                digits.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        seconds += digits.parse::<i64>().ok()? * unit;
        digits.clear();
    }
    digits.is_empty().then_some(seconds)
}
