//! YAML text to trees, one a document.
//!
//! Plain scalars are read as Kubernetes reads them, which is YAML 1.1: `yes` and `on` are booleans,
//! `0644` is octal, and `<<` merges a map into another.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::tree::{Entry, Tree, Value, within_bounds};

/// Why a text is not YAML, or not a YAML that we take.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) message: String,
}

impl From<ScanError> for SyntaxError {
    fn from(error: ScanError) -> Self {
        Self { line: error.marker().line(), message: error.info().to_owned() }
    }
}

/// The documents of `text` in order, up to the first that can't be read.
pub(super) fn parse(text: &str) -> (Vec<Tree>, Option<SyntaxError>) {
    let mut documents = Vec::new();
    let mut builder =
        Builder { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    loop {
        match builder.document() {
            Ok(Some(tree)) => documents.push(tree),
            Ok(None) => return (documents, None),
            Err(error) => return (documents, Some(error)),
        }
    }
}

struct Builder<'text> {
    parser: Parser<'text, saphyr_parser::StrInput<'text>>,
    /// Finished nodes that have an anchor, with how many nodes they hold.
    anchors: HashMap<usize, (Tree, usize)>,
    nodes: usize,
}

impl<'text> Builder<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(event) => Ok(event?),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Option<Tree>, SyntaxError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(None),
                (Event::DocumentStart(_), _) => {
                    self.anchors.clear();
                    let (event, span) = self.next()?;
                    return self.node(event, span, 1).map(Some);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span, depth: usize) -> Result<Tree, SyntaxError> {
        let line = span.start.line();
        let before = self.nodes;
        self.nodes += 1;
        self.check_bounds(depth, line)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.suffix == "str");
                let plain = style == ScalarStyle::Plain && !is_text;
                (anchor, if plain { resolve(&text) } else { Value::String(text.into_owned()) })
            }
            Event::SequenceStart(anchor, _) => (anchor, Value::List(self.items(depth)?)),
            Event::MappingStart(anchor, _) => (anchor, Value::Map(self.entries(depth)?)),
            Event::Alias(anchor) => return self.alias(anchor, depth, line),
            _ => (0, Value::Null),
        };
        let tree = Tree { line, value };
        if anchor != 0 {
            self.anchors.insert(anchor, (tree.clone(), self.nodes - before));
        }
        Ok(tree)
    }

    fn alias(&mut self, anchor: usize, depth: usize, line: usize) -> Result<Tree, SyntaxError> {
        let Some((tree, size)) = self.anchors.get(&anchor) else {
            return Err(SyntaxError { line, message: "an alias of the value it stands in".into() });
        };
        // The size is checked before the copy is made, since the copy is what must not happen.
        self.nodes += size;
        let tree = tree.clone();
        self.check_bounds(depth, line)?;
        Ok(tree)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Tree>, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let (key, is_merge) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, ..) => {
                    let is_merge = text == "<<" && style == ScalarStyle::Plain;
                    (text.into_owned(), is_merge)
                }
                _ => return Err(SyntaxError { line, message: "a key must be plain text".into() }),
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if is_merge {
                merged.extend(merge_sources(value));
            } else {
                entries.push(Entry { key, line, value });
            }
        }
        // What is said outright wins over what is merged in, and an earlier source over a later.
        for entry in merged {
            if !entries.iter().any(|known| known.key == entry.key) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn check_bounds(&self, depth: usize, line: usize) -> Result<(), SyntaxError> {
        within_bounds(depth, self.nodes).map_err(|message| SyntaxError { line, message })
    }
}

/// The entries that `<<: value` brings.
fn merge_sources(value: Tree) -> Vec<Entry> {
    match value.value {
        Value::Map(entries) => entries,
        Value::List(items) => items.into_iter().flat_map(merge_sources).collect(),
        _ => Vec::new(),
    }
}

/// What a plain scalar means.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true, text.to_owned());
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false, text.to_owned());
        }
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Value::String(text.to_owned());
    }
    if let Some(integer) = integer(&text.replace('_', "")) {
        return Value::Integer(integer, text.to_owned());
    }
    let is_float = text.contains(|digit: char| digit.is_ascii_digit())
        && text.chars().all(|part| part.is_ascii_digit() || "+-.eE".contains(part));
    match text.parse() {
        Ok(float) if is_float => Value::Float(float, text.to_owned()),
        _ => Value::String(text.to_owned()),
    }
}

fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'o', ..] => (8, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    i128::from_str_radix(digits, radix).ok().map(|value| sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let (documents, error) = parse(text);
        assert!(error.is_none(), "{text:?}: {error:?}");
        let shown: Vec<String> = documents.iter().map(show).collect();
        assert_eq!(shown.join(" | "), expect, "{text:?}");
    }

    fn show(tree: &Tree) -> String {
        match &tree.value {
            Value::Null => "null".into(),
            Value::Bool(value, _) => value.to_string(),
            Value::Integer(value, _) => value.to_string(),
            Value::Float(value, _) => format!("{value:?}"),
            Value::String(text) => format!("{text:?}"),
            Value::List(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
            }
            Value::Map(entries) => {
                let shown =
                    entries.iter().map(|entry| format!("{}:{}", entry.key, show(&entry.value)));
                format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn scalars_mean_what_they_mean_to_kubernetes() {
        check("[1, -2, 0644, 0x10, 1.50, 1e3, 08]", "[1,-2,420,16,1.5,1000.0,8.0]");
        check(
            "[yes, off, 'yes', ~, 1.2.3, 100m, 1Gi, 2024-01-01]",
            r#"[true,false,"yes",null,"1.2.3","100m","1Gi","2024-01-01"]"#,
        );
        check("a: !!str 1", r#"{a:"1"}"#);
    }

    #[test]
    fn documents_anchors_merges_and_repeated_keys_are_kept() {
        check("a: 1\n---\n---\nb: 2\n...\n", "{a:1} | null | {b:2}");
        check("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", "{a:{b:1,c:2},d:{c:3,b:1}}");
        check("a: 1\na: 2", "{a:1,a:2}");
    }

    #[test]
    fn an_alias_bomb_and_a_tower_of_brackets_are_refused() {
        let bomb = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
            text + &format!("a{0}: &a{0} [*a{level}, *a{level}]\n", level + 1)
        });
        for (text, expect) in [(bomb, "aliases written out"), ("[".repeat(100), "levels deep")] {
            let (_, error) = parse(&text);
            let message = error.expect("must be refused").message;
            assert!(message.contains(expect), "{message}");
        }
    }
}
