//! JSON values as the YAML that kubectl prints: keys in order, lists not indented, quotes only where
//! a reader would otherwise take a text for something else, and lines folded after 80 columns.
//!
//! Pure. The layout is that of Go's YAML writer, so that a diff of two tools' outputs is empty.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// The column after which a line is folded at its next space.
const WIDTH: usize = 80;

/// `value` as a document.
pub(super) fn document(value: &Value) -> String {
    let mut writer = Writer { text: String::new() };
    match value {
        Value::Object(map) if !map.is_empty() => writer.map(map, 0, true),
        Value::Array(items) if !items.is_empty() => writer.list(items, 0, true),
        other => {
            writer.scalar(other, 0);
            writer.text.push('\n');
        }
    }
    writer.text
}

struct Writer {
    text: String,
}

impl Writer {
    /// Entries at `indent`; the first line is begun already unless it `starts` one.
    fn map(&mut self, map: &Map<String, Value>, indent: usize, starts: bool) {
        let mut keys: Vec<&String> = map.keys().collect();
        keys.sort_by(|one, other| natural(one, other));
        for (index, key) in keys.into_iter().enumerate() {
            if index > 0 || starts {
                self.indent(indent);
            }
            self.text += &one_line(key);
            self.text.push(':');
            match &map[key] {
                Value::Object(inner) if !inner.is_empty() => {
                    self.text.push('\n');
                    self.map(inner, indent + 2, true);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.text.push('\n');
                    self.list(items, indent, true);
                }
                scalar => {
                    self.text.push(' ');
                    self.scalar(scalar, indent);
                    self.text.push('\n');
                }
            }
        }
    }

    fn list(&mut self, items: &[Value], indent: usize, starts: bool) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 || starts {
                self.indent(indent);
            }
            self.text += "- ";
            match item {
                Value::Object(inner) if !inner.is_empty() => self.map(inner, indent + 2, false),
                Value::Array(inner) if !inner.is_empty() => self.list(inner, indent + 2, false),
                scalar => {
                    self.scalar(scalar, indent);
                    self.text.push('\n');
                }
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::String(text) => match style_of(text) {
                Style::Literal => self.literal(text, indent + 2),
                Style::Plain => self.folded(text, "", indent + 2),
                Style::Single => self.folded(&text.replace('\'', "''"), "'", indent + 2),
                Style::Double => self.double(text, indent + 2),
            },
            Value::Array(_) => self.text += "[]",
            Value::Object(_) => self.text += "{}",
            other => self.text += &other.to_string(),
        }
    }

    fn indent(&mut self, by: usize) {
        self.text.extend(std::iter::repeat_n(' ', by));
    }

    fn column(&self) -> usize {
        let line = self.text.rsplit('\n').next().unwrap_or_default();
        line.chars().count()
    }

    /// A text on one or more lines, broken where a single space stands beyond the width.
    fn folded(&mut self, text: &str, quote: &str, indent: usize) {
        self.text += quote;
        let characters: Vec<char> = text.chars().collect();
        let mut column = self.column();
        for (index, &character) in characters.iter().enumerate() {
            let is_alone = character == ' '
                && index > 0
                && characters[index - 1] != ' '
                && characters.get(index + 1).is_some_and(|next| *next != ' ');
            if is_alone && column > WIDTH {
                self.text.push('\n');
                self.indent(indent);
                column = indent;
            } else {
                self.text.push(character);
                column += 1;
            }
        }
        self.text += quote;
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            self.text.push('2');
        }
        if !text.ends_with('\n') {
            self.text.push('-');
        } else if text.ends_with("\n\n") || text == "\n" {
            self.text.push('+');
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.text.push('\n');
            if !line.is_empty() {
                self.indent(indent);
                self.text += line;
            }
        }
    }

    fn double(&mut self, text: &str, indent: usize) {
        self.text.push('"');
        let characters: Vec<char> = text.chars().collect();
        let mut column = self.column();
        for (index, &character) in characters.iter().enumerate() {
            let before = column;
            let escaped = escape(character);
            let is_inside = index > 0 && index + 1 < characters.len();
            if character == ' ' && is_inside && before > WIDTH && characters[index - 1] != ' ' {
                self.text += "\n";
                self.indent(indent);
                column = indent;
                if characters[index + 1] == ' ' {
                    self.text.push('\\');
                }
                continue;
            }
            self.text += &escaped;
            column += escaped.chars().count();
        }
        self.text.push('"');
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

fn style_of(text: &str) -> Style {
    let is_special = |character: char| {
        character != '\n'
            && (character.is_control()
                || matches!(character, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}'))
    };
    if text.is_empty() || text.chars().any(is_special) || means_something_else(text) {
        return Style::Double;
    }
    if text.contains('\n') {
        let has_space_at_an_end = text.contains(" \n") || text.ends_with(' ');
        return if has_space_at_an_end { Style::Double } else { Style::Literal };
    }
    if is_plain(text) { Style::Plain } else { Style::Single }
}

/// Whether a text of one line is itself without quotes.
fn is_plain(text: &str) -> bool {
    let first_is_fine = match text.chars().next() {
        Some('-' | '?' | ':') => text.chars().nth(1).is_some_and(|next| next != ' '),
        Some(first) => !"#,[]{}&*!|>'\"%@` ".contains(first),
        None => false,
    };
    let is_marker = text.starts_with("---") || text.starts_with("...");
    first_is_fine
        && !is_marker
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
}

/// Whether a reader of YAML 1.1 would take the bare text for a boolean, a number, a date or nothing.
fn means_something_else(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "y", "yes", "on", "n", "no", "off", "true", "false", "null", "~", ".nan", ".inf", "+.inf",
        "-.inf", "<<", "=",
    ];
    let lower = text.to_ascii_lowercase();
    let is_one_case = text == lower
        || text == text.to_ascii_uppercase()
        || text
            .strip_prefix(|first: char| first.is_ascii_uppercase())
            .is_some_and(|rest| rest == &lower[1..]);
    (is_one_case && WORDS.contains(&lower.as_str()))
        || is_number(text)
        || is_date(text)
        || is_sexagesimal(text)
}

fn is_number(text: &str) -> bool {
    let bare: String = text.chars().filter(|character| *character != '_').collect();
    let unsigned = bare.strip_prefix(['-', '+']).unwrap_or(&bare);
    let is_radix = |prefix: &str, radix: u32| {
        unsigned.strip_prefix(prefix).is_some_and(|digits| {
            !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
        })
    };
    let is_decimal = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned.chars().any(|character| character.is_ascii_digit())
        && unsigned
            .chars()
            .all(|character| character.is_ascii_digit() || "eE.+-".contains(character))
        && unsigned.parse::<f64>().is_ok();
    is_decimal || is_radix("0x", 16) || is_radix("0b", 2) || is_radix("0o", 8)
}

/// `2026-11-23`, with or without a time.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year_ends = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    year_ends == 4
        && bytes.get(4) == Some(&b'-')
        && bytes.len() >= 8
        && bytes.last().is_some_and(|last| last.is_ascii_digit() || *last == b'Z')
        && bytes.iter().all(|byte| byte.is_ascii_digit() || b"-:.+TtZ ".contains(byte))
        && text.matches('-').count() >= 2
}

/// `1:30`: a number to the base 60 once.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(first)
        && !rest.is_empty()
        && rest.iter().all(|part| {
            let whole = part.split('.').next().unwrap_or_default();
            is_digits(whole) && whole.len() <= 2 && whole < "6"
        })
}

/// A key, which is never broken.
fn one_line(key: &str) -> String {
    match style_of(key) {
        Style::Plain => key.to_owned(),
        Style::Single => format!("'{}'", key.replace('\'', "''")),
        Style::Double | Style::Literal => {
            format!("\"{}\"", key.chars().map(escape).collect::<String>())
        }
    }
}

fn escape(character: char) -> String {
    match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        '\0' => "\\0".to_owned(),
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0b' => "\\v".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\x1b' => "\\e".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        '\u{feff}' => "\\uFEFF".to_owned(),
        other if other.is_control() => format!("\\x{:02X}", u32::from(other)),
        other => other.to_string(),
    }
}

/// Letters after everything else, and runs of digits by their number.
fn natural(one: &str, other: &str) -> Ordering {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let Some(at) = one.iter().zip(&other).position(|(a, b)| a != b) else {
        return one.len().cmp(&other.len());
    };
    let after_digits = at > 0 && one[at - 1].is_ascii_digit();
    let (a, b) = (one[at], other[at]);
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => a.cmp(&b),
        (true, false) => {
            if after_digits {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if after_digits {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let run = |text: &[char]| {
                text[at..].iter().take_while(|c| c.is_ascii_digit()).collect::<String>()
            };
            let (x, y) = (run(&one), run(&other));
            let number = |digits: &str| digits.parse::<u64>().unwrap_or(0);
            number(&x).cmp(&number(&y)).then(x.len().cmp(&y.len())).then(a.cmp(&b))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document() {
        let value = json!({
            "kind": "Job", "apiVersion": "batch/v1",
            "metadata": {"labels": {"a.b/c": "true", "a": "1"}, "creationTimestamp": "2026-11-23T09:23:59Z"},
            "spec": {"command": ["sh", "-c", "echo a: b"], "resources": {}, "args": [], "limit": 4, "s": false,
                "nested": [[1, 2], {"a": null, "b": "x"}]},
        });
        let expect = "\
apiVersion: batch/v1
kind: Job
metadata:
  creationTimestamp: \"2026-11-23T09:23:59Z\"
  labels:
    a: \"1\"
    a.b/c: \"true\"
spec:
  args: []
  command:
  - sh
  - -c
  - 'echo a: b'
  limit: 4
  nested:
  - - 1
    - 2
  - a: null
    b: x
  resources: {}
  s: false
";
        assert_eq!(document(&value), expect);
    }

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        let check = |text: &str, expect: &str| {
            assert_eq!(document(&json!(text)), format!("{expect}\n"), "{text:?}");
        };
        check("plain text", "plain text");
        check("", "\"\"");
        check("yes", "\"yes\"");
        check("No", "\"No\"");
        check("nO", "nO");
        check("1.5", "\"1.5\"");
        check("1e3", "\"1e3\"");
        check("0644", "\"0644\"");
        check("0x1f", "\"0x1f\"");
        check("1:30", "\"1:30\"");
        check("1.2.3", "1.2.3");
        check("100m", "100m");
        check("2020-01-01", "\"2020-01-01\"");
        check("*/5 * * * *", "'*/5 * * * *'");
        check("* * * * *", "'* * * * *'");
        check("- a", "'- a'");
        check("-a", "-a");
        check("it's", "it's");
        check("'quoted'", "'''quoted'''");
        check("a: b", "'a: b'");
        check("a:b", "a:b");
        check("a #b", "'a #b'");
        check("{}", "'{}'");
        check(" a", "' a'");
        check("a\tb", "\"a\\tb\"");
        check("a\x1bb", "\"a\\eb\"");
        check("a\nb", "|-\n  a\n  b");
        check("a\n\nb\n", "|\n  a\n\n  b");
        check("a\n\n", "|+\n  a\n");
        check(" a\nb", "|2-\n   a\n  b");
        check("a \nb", "\"a \\nb\"");
    }

    #[test]
    fn long_lines_are_folded() {
        let long = "word ".repeat(20).trim_end().to_owned();
        let expect = format!("m: {}word\n  word word word word\n", "word ".repeat(15));
        assert_eq!(document(&json!({"m": long})), expect);
    }

    #[test]
    fn keys_are_in_natural_order() {
        let check = |one: &str, other: &str| {
            assert_eq!(natural(one, other), Ordering::Less, "{one} {other}");
        };
        check("a2", "a10");
        check("a", "ab");
        check("a-b", "ab");
        check("B", "a");
        check("a1", "a1b");
    }
}
