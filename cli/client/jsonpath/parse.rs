//! A template's text to its parts.

use serde_json::{Value, json};

use super::{Node, Operand, Path, Step, Test};

/// How deep ranges, unions and filters may stand in each other. Stops a template that exhausts the
/// stack; nobody reads ten.
const DEPTH_MAX: usize = 32;

/// The parts of `text`.
pub(super) fn template(text: &str) -> Result<Vec<Node>, String> {
    let mut parser = Parser { rest: text };
    let (nodes, is_ended) = parser.nodes(0)?;
    if is_ended {
        return Err("end without range".to_owned());
    }
    Ok(nodes)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// Parts up to the end of the text or an `{end}`; whether it was the latter.
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, bool), String> {
        if depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} ranges in each other"));
        }
        let mut nodes = Vec::new();
        while !self.rest.is_empty() {
            let text_ends = self.rest.find('{').unwrap_or(self.rest.len());
            if text_ends > 0 {
                nodes.push(Node::Text(self.rest[..text_ends].to_owned()));
                self.rest = &self.rest[text_ends..];
                continue;
            }
            self.rest = &self.rest[1..];
            if self.action(&mut nodes, depth)? {
                return Ok((nodes, true));
            }
        }
        Ok((nodes, false))
    }

    /// What stands between braces, whose opening one is read; whether it was an `end`.
    fn action(&mut self, nodes: &mut Vec<Node>, depth: usize) -> Result<bool, String> {
        loop {
            self.rest = self.rest.trim_start();
            let Some(first) = self.rest.chars().next() else {
                return Err("unclosed action".to_owned());
            };
            match first {
                '}' => {
                    self.rest = &self.rest[1..];
                    return Ok(false);
                }
                '"' | '\'' => nodes.push(Node::Text(self.quoted(first)?)),
                '.' | '[' | '@' | '$' => nodes.push(Node::Path(self.path(depth)?)),
                _ if first.is_ascii_alphabetic() => match self.word() {
                    "end" => {
                        self.close()?;
                        return Ok(true);
                    }
                    "range" => {
                        self.rest = self.rest.trim_start();
                        let over = self.path(depth)?;
                        self.close()?;
                        let (inner, is_ended) = self.nodes(depth + 1)?;
                        if !is_ended {
                            return Err("unclosed action: a range needs an {end}".to_owned());
                        }
                        nodes.push(Node::Range(over, inner));
                        return Ok(false);
                    }
                    other => return Err(format!("unrecognized identifier {other}")),
                },
                other => return Err(format!("unrecognized character in action: {other:?}")),
            }
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.rest = self.rest.trim_start();
        self.rest = self.rest.strip_prefix('}').ok_or("unclosed action")?;
        Ok(())
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// A text in quotes, with the escapes of Go and JSON.
    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut text = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(other) => text.push(other),
                    None => break,
                },
                _ if character == quote => {
                    self.rest = &self.rest[1 + at + quote.len_utf8()..];
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err("unterminated quoted string".to_owned())
    }

    fn path(&mut self, depth: usize) -> Result<Path, String> {
        let mut path = Path::default();
        if let Some(rest) = self.rest.strip_prefix('$') {
            path.from_root = true;
            self.rest = rest;
        } else if let Some(rest) = self.rest.strip_prefix('@') {
            self.rest = rest;
        }
        loop {
            if let Some(rest) = self.rest.strip_prefix("..") {
                path.steps.push(Step::Descend);
                self.rest = rest;
                let name = self.name();
                push_name(&mut path.steps, name);
            } else if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                let name = self.name();
                push_name(&mut path.steps, name);
            } else if self.rest.starts_with('[') {
                self.bracket(&mut path.steps, depth)?;
            } else {
                return Ok(path);
            }
        }
    }

    /// A field's name, in which a backslash keeps the dot after it.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let mut characters = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                ' ' | '\n' | '\r' | '\t' | '.' | '[' | ']' | '{' | '}' | ',' | '|' => {
                    end = at;
                    break;
                }
                other => name.push(other),
            }
        }
        self.rest = &self.rest[end..];
        name
    }

    /// What stands in brackets, the opening one not yet read.
    fn bracket(&mut self, steps: &mut Vec<Step>, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} brackets in each other"));
        }
        if let Some(rest) = self.rest.strip_prefix("[?(") {
            let end = end_of(rest, ")]").ok_or("unterminated filter")?;
            self.rest = &rest[end + 2..];
            steps.push(filter(&rest[..end], depth + 1)?);
            return Ok(());
        }
        let inner = &self.rest[1..];
        let end = end_of(inner, "]").ok_or("unterminated array")?;
        self.rest = &inner[end + 1..];
        let choices = split_outside_quotes(&inner[..end], ',');
        if let [only] = choices.as_slice() {
            steps.extend(subscript(only.trim())?);
            return Ok(());
        }
        let paths = choices
            .iter()
            .map(|choice| Ok(Path { from_root: false, steps: subscript(choice.trim())? }));
        steps.push(Step::Union(paths.collect::<Result<_, String>>()?));
        Ok(())
    }
}

fn push_name(steps: &mut Vec<Step>, name: String) {
    match name.as_str() {
        // `.[0]`, `..[0]` and a lone `.` name nothing.
        "" => {}
        "*" => steps.push(Step::All),
        _ => steps.push(Step::Field(name)),
    }
}

/// `*`, `3`, `1:2`, `'name'`: the steps that it stands for.
fn subscript(text: &str) -> Result<Vec<Step>, String> {
    if text == "*" {
        return Ok(vec![Step::All]);
    }
    if let Some(name) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        // As in kubectl, a dot in quotes separates, unless a backslash stands before it.
        let mut parser = Parser { rest: name };
        let mut steps = Vec::new();
        loop {
            let name = parser.name();
            push_name(&mut steps, name);
            match parser.rest.strip_prefix('.') {
                Some(rest) => parser.rest = rest,
                None => return Ok(steps),
            }
        }
    }
    let number = |part: &str| match part.trim() {
        "" => Ok(None),
        digits => {
            digits.parse::<i64>().map(Some).map_err(|_| format!("invalid array index {text}"))
        }
    };
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [index] => match number(index)? {
            Some(index) => Ok(vec![Step::Index(index)]),
            None => Err(format!("invalid array index {text}")),
        },
        [from, to] => Ok(vec![Step::Slice { from: number(from)?, to: number(to)?, by: 1 }]),
        [from, to, by] => {
            let by = number(by)?.unwrap_or(1);
            if by <= 0 {
                return Err(format!("step must be > 0, not {by}"));
            }
            Ok(vec![Step::Slice { from: number(from)?, to: number(to)?, by }])
        }
        _ => Err(format!("invalid array index {text}")),
    }
}

fn filter(text: &str, depth: usize) -> Result<Step, String> {
    const TESTS: [(&str, Test); 6] = [
        ("==", Test::Equal),
        ("!=", Test::NotEqual),
        ("<=", Test::LessOrEqual),
        (">=", Test::GreaterOrEqual),
        ("<", Test::Less),
        (">", Test::Greater),
    ];
    let bytes = text.as_bytes();
    let mut quote = None;
    for at in 0..text.len() {
        match (quote, bytes[at]) {
            (None, b'"' | b'\'') => quote = Some(bytes[at]),
            (Some(open), byte) if byte == open => quote = None,
            (None, b'=' | b'!' | b'<' | b'>') => {
                let found = TESTS.iter().find(|(sign, _)| text[at..].starts_with(sign));
                let Some((sign, test)) = found else {
                    return Err(format!("unrecognized filter operator in {text}"));
                };
                let left = operand(text[..at].trim(), depth)?;
                let right = operand(text[at + sign.len()..].trim(), depth)?;
                return Ok(Step::Filter { left, test: Some((*test, right)) });
            }
            _ => {}
        }
    }
    Ok(Step::Filter { left: operand(text.trim(), depth)?, test: None })
}

fn operand(text: &str, depth: usize) -> Result<Operand, String> {
    let mut parser = Parser { rest: text };
    let operand = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => Operand::Literal(Value::String(parser.quoted(quote)?)),
        Some('@' | '.' | '$' | '[') => Operand::Path(parser.path(depth)?),
        _ => {
            parser.rest = "";
            let literal = match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                digits => match (digits.parse::<i64>(), digits.parse::<f64>()) {
                    (Ok(number), _) => json!(number),
                    (_, Ok(number)) => json!(number),
                    _ => return Err(format!("unrecognized operand {text:?} in a filter")),
                },
            };
            Operand::Literal(literal)
        }
    };
    if !parser.rest.trim().is_empty() {
        return Err(format!("unrecognized text {:?} in a filter", parser.rest));
    }
    Ok(operand)
}

/// Where `end` stands in `text` outside of quotes.
fn end_of(text: &str, end: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            (None, _) if text[at..].starts_with(end) => return Some(at),
            _ => {}
        }
    }
    None
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = end_of(rest, separator.encode_utf8(&mut [0; 4])) {
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len_utf8()..];
    }
    parts.push(rest);
    parts
}
