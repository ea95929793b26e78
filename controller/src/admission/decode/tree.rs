//! What a document says, before it is known to be of any kind.
//!
//! Unlike an ordinary YAML or JSON value a tree keeps the line of every node, the text of every
//! plain scalar, and a key that is there twice, since each of them is wanted in a complaint.

/// The deepest nesting that is read. A Job has about a dozen levels; what this stops is a document
/// made to exhaust the stack of whoever walks it.
pub(super) const DEPTH_MAX: usize = 64;

/// The most nodes that one input may hold, aliases written out. What this stops is a small document
/// whose aliases of aliases unfold to gigabytes; the largest Job that fits etcd has some 100,000.
pub(super) const NODES_MAX: usize = 1_000_000;

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The line it starts in, from 1; 0 where that is not known.
    pub(super) line: usize,
    /// What it is.
    pub(super) value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing.
    Null,
    /// A truth value, and how it was written.
    Bool(bool, String),
    /// A number, and how it was written.
    Integer(i128, String),
    /// A number that is no integer, and how it was written.
    Float(f64, String),
    /// Text.
    String(String),
    /// Items in order.
    List(Vec<Tree>),
    /// Entries in order, keys possibly more than once.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Tree,
}

impl Tree {
    /// The last value of `key`, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().rev().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The text of this node, if it is a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// This node in the words of a complaint: what was found where something else was expected.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(_, text) => format!("the boolean {text}"),
            Value::Integer(_, text) | Value::Float(_, text) => format!("the number {text}"),
            Value::String(text) => {
                let mut shown: String = text.chars().take(SHOWN_MAX).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                crate::admission::error::quoted(&shown)
            }
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// How many characters of a wrong text a complaint repeats, so that it stays one line.
const SHOWN_MAX: usize = 60;

/// Whether `depth` and `nodes` are within bounds, else the complaint.
pub(super) fn within_bounds(depth: usize, nodes: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("nested more than {DEPTH_MAX} levels deep"));
    }
    if nodes > NODES_MAX {
        return Err(format!("more than {NODES_MAX} values, aliases written out"));
    }
    Ok(())
}
