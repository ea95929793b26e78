//! Tables as the server makes them, to lines as kubectl prints them.
//!
//! Pure: which columns are shown, what a cell says, and what stands before and after.

use serde_json::Value;

use super::columns::{Columns, TABLE};

/// What of a table is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    /// `-o wide`.
    pub(super) is_wide: bool,
    /// Without the first line.
    pub(super) has_no_headers: bool,
    /// A first column with the namespace.
    pub(super) with_namespace: bool,
    /// A last column with the labels.
    pub(super) with_labels: bool,
    /// A first column of its own with the kind of a watch's event.
    pub(super) with_event: bool,
}

/// Prints tables of one resource below each other.
pub(super) struct TablePrinter {
    shown: Shown,
    /// What stands before a name, such as `job.batch/`.
    prefix: String,
    columns: Columns,
    /// Those of the first table: later ones of a watch don't repeat them.
    definitions: Vec<Value>,
}

impl TablePrinter {
    pub(super) fn new(shown: Shown, prefix: String) -> Self {
        Self { shown, prefix, columns: Columns::new(TABLE), definitions: Vec::new() }
    }

    /// The lines of `tables`, which came together; `event` is what the watch calls it.
    pub(super) fn lines(&mut self, tables: &[Value], event: &str) -> String {
        let mut rows = Vec::new();
        for table in tables {
            let definitions = table["columnDefinitions"].as_array();
            if let Some(definitions) = definitions.filter(|it| !it.is_empty())
                && *definitions != self.definitions
            {
                self.definitions.clone_from(definitions);
                if !self.shown.has_no_headers {
                    rows.push(self.headers());
                }
            }
            for row in table["rows"].as_array().into_iter().flatten() {
                rows.push(self.row(row, event));
            }
        }
        self.columns.lines(&rows)
    }

    fn headers(&self) -> Vec<String> {
        let mut cells = Vec::new();
        if self.shown.with_event {
            cells.push("EVENT".to_owned());
        }
        if self.shown.with_namespace {
            cells.push("NAMESPACE".to_owned());
        }
        let shown = self.definitions.iter().filter(|column| self.is_shown(column));
        cells.extend(shown.map(|column| text_of(&column["name"]).to_uppercase()));
        if self.shown.with_labels {
            cells.push("LABELS".to_owned());
        }
        cells
    }

    fn row(&self, row: &Value, event: &str) -> Vec<String> {
        let metadata = &row["object"]["metadata"];
        let mut cells = Vec::new();
        if self.shown.with_event {
            cells.push(event.to_owned());
        }
        if self.shown.with_namespace {
            cells.push(text_of(&metadata["namespace"]));
        }
        for (index, column) in self.definitions.iter().enumerate() {
            if !self.is_shown(column) {
                continue;
            }
            let cell = text_of(&row["cells"][index]);
            let is_name = column["format"] == "name" && column["name"] == "Name";
            cells.push(if is_name { format!("{}{cell}", self.prefix) } else { cell });
        }
        if self.shown.with_labels {
            cells.push(labels_of(&metadata["labels"]));
        }
        cells
    }

    fn is_shown(&self, column: &Value) -> bool {
        self.shown.is_wide || column["priority"].as_i64().unwrap_or(0) == 0
    }
}

/// Whether `table` has no row.
pub(super) fn is_empty(table: &Value) -> bool {
    table["rows"].as_array().is_none_or(Vec::is_empty)
}

/// Whether `found` is a table without rows; an object by itself is not.
pub(super) fn is_empty_list(found: &Value) -> bool {
    found["kind"] == "Table" && is_empty(found)
}

/// A cell as one line without control characters, so that no name can paint the terminal.
fn text_of(cell: &Value) -> String {
    let text = match cell {
        Value::Null => return String::new(),
        Value::String(text) => text.as_str(),
        other => return other.to_string(),
    };
    let line = text.split(['\n', '\r', '\x0c']).next().unwrap_or_default();
    let mut shown = escaped(line);
    if line.len() < text.len() {
        shown += "...";
    }
    shown
}

/// `text` with what a terminal would obey made visible.
pub(super) fn escaped(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\x1b' => "^[".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => " ".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

/// `text` as it fits on one line of a terminal, which obeys nothing in it.
pub(super) fn on_one_line(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

fn labels_of(labels: &Value) -> String {
    match labels.as_object() {
        Some(labels) if !labels.is_empty() => {
            let pairs: Vec<_> =
                labels.iter().map(|(key, value)| format!("{key}={}", text_of(value))).collect();
            pairs.join(",")
        }
        _ => "<none>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Value {
        json!({
            "columnDefinitions": [
                {"name": "Name", "format": "name", "priority": 0},
                {"name": "Active", "priority": 0},
                {"name": "Images", "priority": 1},
            ],
            "rows": [
                {"cells": ["a", 3, "x"], "object": {"metadata": {"namespace": "n", "labels": {"b": "c", "a": "b"}}}},
                {"cells": ["longer-name", "two\nlines", null], "object": {"metadata": {"namespace": "other"}}},
            ],
        })
    }

    fn check(shown: Shown, prefix: &str, expect: &str) {
        let mut printer = TablePrinter::new(shown, prefix.to_owned());
        assert_eq!(printer.lines(&[table()], "ADDED"), expect);
    }

    #[test]
    fn columns_and_rows() {
        let all = Shown::default();
        check(all, "", "NAME          ACTIVE\na             3\nlonger-name   two...\n");
        check(
            Shown { is_wide: true, ..all },
            "",
            "NAME          ACTIVE   IMAGES\na             3        x\nlonger-name   two...   \n",
        );
        check(
            Shown { has_no_headers: true, ..all },
            "job.batch/",
            "job.batch/a             3\njob.batch/longer-name   two...\n",
        );
        check(
            Shown { with_namespace: true, with_labels: true, ..all },
            "",
            "NAMESPACE   NAME          ACTIVE   LABELS\nn           a             3        a=b,b=c\nother       longer-name   two...   <none>\n",
        );
        check(
            Shown { with_event: true, has_no_headers: true, ..all },
            "",
            "ADDED   a             3\nADDED   longer-name   two...\n",
        );
    }

    #[test]
    fn a_watch_says_its_columns_once_and_keeps_their_width() {
        let mut printer = TablePrinter::new(Shown::default(), String::new());
        printer.lines(&[table()], "");
        let later = json!({"columnDefinitions": [], "rows": [{"cells": ["b", 1, ""]}]});
        assert_eq!(printer.lines(&[later], ""), "b             1\n");
        assert_eq!(printer.lines(&[table()], "").lines().count(), 2, "no second headers");
    }

    #[test]
    fn nothing_paints_the_terminal() {
        assert_eq!(text_of(&json!("a\x1b[31m")), "a^[[31m");
    }
}
