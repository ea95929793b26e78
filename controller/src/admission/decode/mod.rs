//! Manifests to objects: YAML or JSON bytes in, every document and every complaint out.
//!
//! Strict about fields that no such kind has, and fields that are there twice, in the words of
//! Kubernetes' strict decoding, with the line where it is known. Knows the wire types; nothing of
//! what makes an object valid.

mod duplicates;
mod file;
mod json;
mod one;
mod reader;
mod suggest;
mod tree;
mod values;
mod yaml;

use std::fmt;
use std::sync::Arc;

pub(crate) use self::duplicates::duplicates;
pub use self::file::{decode_file, salvage_file};
pub(crate) use self::one::decode_value;
pub use self::one::{Unreadable, decode_as, value_of};
pub(crate) use self::suggest::nearest;
use self::tree::{Tree, Value};
pub use self::values::values;
use crate::api::{Kind, Object};

/// The most bytes that one input may have. The API server takes 3 MiB for one object; an input here
/// may hold several. What this stops is reading a disk image given by mistake.
pub const INPUT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What becomes of fields that are unknown or there twice; `fieldValidation` of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are errors.
    #[default]
    Strict,
    /// They are warnings.
    Warn,
    /// They are dropped in silence.
    Ignore,
}

/// Where a document stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, or `-`, or wherever the bytes came from.
    pub source: Arc<str>,
    /// Which document it is, from 1, counting empty ones.
    pub document: usize,
    /// The line it starts in, if that is known.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if self.document > 1 {
            write!(f, " (document {})", self.document)?;
        }
        Ok(())
    }
}

/// One object that was read.
#[derive(Clone, Debug)]
pub struct Document {
    /// The object, as it was written: without defaults, not validated.
    pub object: Object,
    /// Where it stands.
    pub place: Place,
    /// What was overlooked, under [`FieldValidation::Warn`].
    pub warnings: Vec<Complaint>,
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is no YAML or JSON, or one beyond the limits of size and nesting.
    Syntax(String),
    /// It does not say what it is, or is of a kind that is not known here.
    Kind(String),
    /// There is no such field.
    UnknownField {
        /// Its path.
        field: String,
        /// The field that was probably meant.
        near: Option<&'static str>,
    },
    /// The field is there twice.
    DuplicateField {
        /// Its path.
        field: String,
    },
    /// The value is of another type than the field.
    WrongType {
        /// Its path.
        field: String,
        /// What was expected, and what was there.
        message: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) | Self::Kind(message) => f.write_str(message),
            Self::UnknownField { field, near: None } => write!(f, "unknown field \"{field}\""),
            Self::UnknownField { field, near: Some(near) } => {
                write!(f, "unknown field \"{field}\", did you mean \"{near}\"?")
            }
            Self::DuplicateField { field } => write!(f, "duplicate field \"{field}\""),
            Self::WrongType { field, message } => write!(f, "{field}: {message}"),
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub problem: Problem,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// An input could not be read: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Malformed(pub Vec<Complaint>);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{complaint}")?;
        }
        Ok(())
    }
}

/// Reads every document of `bytes`, which came from `source`.
///
/// Empty documents are skipped and the items of a `List` taken out of it, so the result may be
/// empty. Any error refuses the whole input, and all of them are told.
pub fn decode(
    bytes: &[u8],
    source: &str,
    validation: FieldValidation,
) -> Result<Vec<Document>, Malformed> {
    let mut decoding = Decoding {
        source: source.into(),
        validation,
        documents: Vec::new(),
        complaints: Vec::new(),
    };
    decoding.input(bytes);
    if decoding.complaints.is_empty() {
        Ok(decoding.documents)
    } else {
        Err(Malformed(decoding.complaints))
    }
}

struct Decoding {
    source: Arc<str>,
    validation: FieldValidation,
    documents: Vec<Document>,
    complaints: Vec<Complaint>,
}

impl Decoding {
    fn input(&mut self, bytes: &[u8]) {
        for (index, tree) in self.trees(bytes).iter().enumerate() {
            self.tree(tree, index + 1, "");
        }
    }

    /// The documents of `bytes`, up to the first that can't be read.
    fn trees(&mut self, bytes: &[u8]) -> Vec<Tree> {
        if bytes.len() > INPUT_BYTES_MAX {
            let message = format!("larger than {} MiB", INPUT_BYTES_MAX >> 20);
            self.complain(1, 0, Problem::Syntax(message));
            return Vec::new();
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let line =
                    1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                self.complain(1, line, Problem::Syntax("not UTF-8 text".into()));
                return Vec::new();
            }
        };
        let (trees, error) = parse(text);
        if let Some((line, message)) = error {
            self.complain(trees.len() + 1, line, Problem::Syntax(message));
        }
        trees
    }

    /// Reads one object, or the items of a list of them; `within` is the path of the tree.
    fn tree(&mut self, tree: &Tree, document: usize, within: &str) {
        if matches!(tree.value, Value::Null) {
            return;
        }
        if let Some(items) = list_items(tree) {
            for (index, item) in items.iter().enumerate() {
                self.tree(item, document, &format!("{within}items[{index}]."));
            }
            return;
        }
        let kind = match kind_of(tree) {
            Ok(kind) => kind,
            Err(message) => return self.complain(document, tree.line, Problem::Kind(message)),
        };
        let (object, mut problems) = read(kind, tree);
        problems.sort_by_key(|(line, _)| *line);
        let place = self.place(document, tree.line);
        let mut warnings = Vec::new();
        for (line, problem) in problems {
            let complaint =
                Complaint { place: self.place(document, line), problem: problem.within(within) };
            match (self.validation, &complaint.problem) {
                (FieldValidation::Strict, _) | (_, Problem::WrongType { .. }) => {
                    self.complaints.push(complaint);
                }
                (FieldValidation::Warn, _) => warnings.push(complaint),
                (FieldValidation::Ignore, _) => {}
            }
        }
        self.documents.extend(object.map(|object| Document { object, place, warnings }));
    }

    fn place(&self, document: usize, line: usize) -> Place {
        Place { source: self.source.clone(), document, line: (line > 0).then_some(line) }
    }

    fn complain(&mut self, document: usize, line: usize, problem: Problem) {
        let place = self.place(document, line);
        self.complaints.push(Complaint { place, problem });
    }
}

impl Problem {
    /// The same, with the path of its field put below `prefix`.
    fn within(mut self, prefix: &str) -> Self {
        match &mut self {
            Self::Syntax(_) | Self::Kind(_) => {}
            Self::UnknownField { field, .. }
            | Self::DuplicateField { field }
            | Self::WrongType { field, .. } => field.insert_str(0, prefix),
        }
        self
    }
}

/// The trees of `text`, and where and why it could not be read further.
fn parse(text: &str) -> (Vec<Tree>, Option<(usize, String)>) {
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let json = looks_like_json.then(|| json::parse(text));
    if let Some(Ok(trees)) = json {
        return (trees, None);
    }
    let (trees, error) = yaml::parse(text);
    match (error, json) {
        (None, _) => (trees, None),
        // Neither one nor the other: what looks like JSON is told what is wrong with it as JSON.
        (Some(_), Some(Err(error))) => (Vec::new(), Some((error.line(), error.to_string()))),
        (Some(error), _) => (trees, Some((error.line, error.message))),
    }
}

/// The items, if `tree` is a list of objects rather than an object.
fn list_items(tree: &Tree) -> Option<&[Tree]> {
    let kind = tree.get("kind")?.text()?;
    let of = kind.strip_suffix("List")?;
    let is_known = of.is_empty() || Kind::ALL.iter().any(|kind| kind.name() == of);
    match &tree.get("items").map(|items| &items.value) {
        Some(Value::List(items)) if is_known => Some(items),
        None | Some(Value::Null) if is_known => Some(&[]),
        _ => None,
    }
}

/// Which kind `tree` says it is, or the complaint.
fn kind_of(tree: &Tree) -> Result<Kind, String> {
    if !matches!(tree.value, Value::Map(_)) {
        return Err(format!(
            "expected an object with apiVersion and kind, got {}",
            tree.describe()
        ));
    }
    let text = |key: &str| tree.get(key).and_then(Tree::text).filter(|text| !text.is_empty());
    let (api_version, name) = match (text("apiVersion"), text("kind")) {
        (Some(api_version), Some(name)) => (api_version, name),
        (None, Some(_)) => return Err("apiVersion is not set".into()),
        (_, None) => return Err("kind is not set".into()),
    };
    let known = || {
        let known =
            Kind::ALL.iter().map(|kind| format!("{} ({})", kind.name(), kind.api_version()));
        known.collect::<Vec<_>>().join(", ")
    };
    let Some(kind) = Kind::ALL.iter().find(|kind| kind.name() == name) else {
        return Err(format!(
            "no kind \"{name}\" in version \"{api_version}\" is known here; known are {}",
            known()
        ));
    };
    if kind.api_version() != api_version {
        return Err(format!(
            "no kind \"{name}\" in version \"{api_version}\" is known here; write apiVersion: {}",
            kind.api_version()
        ));
    }
    Ok(*kind)
}

/// Reads `tree` as an object of `kind`.
fn read(kind: Kind, tree: &Tree) -> (Option<Object>, Vec<reader::Found>) {
    macro_rules! read {
        ($($kind:ident)+) => {
            match kind {
                $(Kind::$kind => {
                    let (object, problems) = reader::read(tree);
                    (object.map(|object| Object::$kind(Arc::new(object))), problems)
                })+
            }
        };
    }
    read!(Job CronJob Pod ConfigMap Secret Event Node Namespace ServiceAccount Lease
        ResourceQuota LimitRange CertificateSigningRequest PriorityClass)
}

#[cfg(test)]
mod tests;
