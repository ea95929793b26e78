//! The paper that descriptions are written on: indented lines with tabs, aligned at the end.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use mayfly_controller::http::table;

use crate::client::columns;

/// The longest annotation that stands beside its key.
const ANNOTATION_CHARS_MAX: usize = 140;

/// What kubectl keeps for itself in an annotation, and does not show.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Now, and where.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
}

impl Seen {
    /// A point in time, such as `Mon, 23 Nov 2026 09:23:59 +0000`.
    pub(super) fn time(&self, time: &Time) -> String {
        self.optional_time(Some(time))
    }

    /// The same; one that is not set is Go's, the first second of year 1.
    pub(super) fn optional_time(&self, time: Option<&Time>) -> String {
        match time {
            Some(time) => {
                let zoned = time.0.to_zoned(self.zone.clone());
                zoned.strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
            }
            None => "Mon, 01 Jan 0001 00:00:00 +0000".to_owned(),
        }
    }

    /// How long ago it was.
    pub(super) fn ago(&self, time: Option<Timestamp>) -> String {
        match time {
            Some(time) => table::span(self.now.duration_since(time)),
            None => "<unknown>".to_owned(),
        }
    }
}

/// The moment of a time that may be missing.
pub(super) fn moment(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// The moment of a finer time that may be missing.
pub(super) fn micro_moment(time: Option<&MicroTime>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// A description as it is written.
#[derive(Default)]
pub(super) struct Sheet {
    text: String,
}

impl Sheet {
    /// One line, `level` steps from the edge.
    pub(super) fn line(&mut self, level: usize, text: impl Display) {
        self.text.extend(std::iter::repeat_n("  ", level));
        self.text += &format!("{text}\n");
    }

    /// `name:` with its value beside it.
    pub(super) fn field(&mut self, level: usize, name: &str, value: impl Display) {
        self.line(level, format_args!("{name}:\t{value}"));
    }

    /// The same, if there is a value.
    pub(super) fn optional(&mut self, level: usize, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.field(level, name, value);
        }
    }

    /// The same, if it is not empty.
    pub(super) fn unless_empty(&mut self, level: usize, name: &str, value: Option<&String>) {
        self.optional(level, name, value.filter(|value| !value.is_empty()));
    }

    /// `name:` and entries `key=value` below each other.
    pub(super) fn labels(
        &mut self,
        level: usize,
        name: &str,
        labels: Option<&BTreeMap<String, String>>,
    ) {
        let labels = labels.into_iter().flatten();
        let lines: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
        self.column(level, name, &lines);
    }

    /// `name:` and lines below each other in the second column.
    pub(super) fn column(&mut self, level: usize, name: &str, lines: &[String]) {
        let Some((first, rest)) = lines.split_first() else {
            return self.field(level, name, "<none>");
        };
        self.field(level, name, first);
        for line in rest {
            self.line(level, format_args!("\t{line}"));
        }
    }

    /// Annotations, long ones on lines of their own and cut.
    pub(super) fn annotations(&mut self, level: usize, of: Option<&BTreeMap<String, String>>) {
        let shown = of.into_iter().flatten().filter(|(key, _)| *key != LAST_APPLIED);
        let mut lines = Vec::new();
        for (key, value) in shown {
            let value = value.strip_suffix('\n').unwrap_or(value);
            if key.len() + value.len() + 2 <= ANNOTATION_CHARS_MAX && !value.contains('\n') {
                lines.push(format!("{key}: {value}"));
                continue;
            }
            lines.push(format!("{key}:"));
            lines.extend(value.split('\n').map(|line| format!("  {}", shortened(line))));
        }
        self.column(level, "Annotations", &lines);
    }

    /// Its columns aligned.
    pub(super) fn finish(self) -> String {
        columns::align(&self.text, columns::DESCRIPTION)
    }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(ANNOTATION_CHARS_MAX - 2) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

/// `True` or `False`, as kubectl has it where a person reads it.
pub(super) fn title_case(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// A value, or `<unset>`.
pub(super) fn or_unset(value: Option<impl Display>) -> String {
    value.map_or_else(|| "<unset>".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations() {
        let check = |entries: &[(&str, &str)], expect: &str| {
            let entries = entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
            let mut sheet = Sheet::default();
            sheet.annotations(0, Some(&entries.collect()));
            assert_eq!(sheet.finish(), expect);
        };
        check(&[], "Annotations:  <none>\n");
        check(&[(LAST_APPLIED, "{}")], "Annotations:  <none>\n");
        check(&[("a", "b\n"), ("c", "d")], "Annotations:  a: b\n              c: d\n");
        check(&[("a", "x\ny")], "Annotations:  a:\n                x\n                y\n");
        let long = "x".repeat(150);
        let cut = "x".repeat(138);
        check(&[("a", &long)], &format!("Annotations:  a:\n                {cut}...\n"));
    }

    #[test]
    fn times() {
        let seen = Seen { now: Timestamp::UNIX_EPOCH, zone: TimeZone::UTC };
        let time = Time("2026-11-23T09:03:09Z".parse().unwrap());
        assert_eq!(seen.time(&time), "Mon, 23 Nov 2026 09:03:09 +0000");
        assert_eq!(seen.optional_time(None), "Mon, 01 Jan 0001 00:00:00 +0000");
        assert_eq!(seen.ago(None), "<unknown>");
    }
}
