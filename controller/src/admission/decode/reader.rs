//! A tree read as a wire type, with every complaint.
//!
//! serde stops at the first wrong value. So what is wrong is noted with its path, left out, and the
//! tree is read again, until what remains can be read or the complaints become too many.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Problem;
use super::suggest::nearest;
use super::tree::{Entry, Tree, Value};
use crate::api::Timestamp;

/// How many wrong values one document is told of. What this stops is reading a document again and
/// again that is nothing but wrong.
const WRONG_MAX: usize = 20;

/// When the year 0 began, in UTC: 62,167,219,200 seconds before 1970.
const YEAR_0: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// A problem and the line it is in (0 if not known).
pub(super) type Found = (usize, Problem);

/// Reads `tree` as a `T`: the object, if nothing in it was of a wrong type, and every problem.
pub(super) fn read<T: DeserializeOwned>(tree: &Tree) -> (Option<T>, Vec<Found>) {
    let (object, found) = salvage(tree);
    let is_wrong = found.iter().any(|(_, it)| matches!(it, Problem::WrongType { .. }));
    (object.filter(|_| !is_wrong), found)
}

/// The same, with an object all the same if some values were of a wrong type: without them.
pub(super) fn salvage<T: DeserializeOwned>(tree: &Tree) -> (Option<T>, Vec<Found>) {
    let mut wrong: Vec<Found> = Vec::new();
    let mut left_out = HashSet::new();
    loop {
        let notes = Notes { left_out, fields: RefCell::default() };
        let result = T::deserialize(Reader { tree, trail: &Trail::Root, notes: &notes });
        let mut found = notes.fields.into_inner();
        left_out = notes.left_out;
        match result {
            Ok(object) => {
                found.extend(wrong);
                return (Some(object), found);
            }
            Err(error) => {
                let is_new = left_out.insert(error.field.clone());
                if is_new || wrong.is_empty() {
                    wrong.push((
                        error.line,
                        Problem::WrongType { field: error.field, message: error.message },
                    ));
                }
                if !is_new || wrong.len() == WRONG_MAX {
                    found.extend(wrong);
                    return (None, found);
                }
            }
        }
    }
}

struct Notes {
    /// Paths that are read as if they were not there.
    left_out: HashSet<String>,
    /// Unknown and repeated fields.
    fields: RefCell<Vec<Found>>,
}

/// Where the reader is.
enum Trail<'a> {
    Root,
    Field(&'a Trail<'a>, &'a str),
    Item(&'a Trail<'a>, usize),
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trail::Root => Ok(()),
            Trail::Field(Trail::Root, name) => f.write_str(name),
            Trail::Field(parent, name) => write!(f, "{parent}.{name}"),
            Trail::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The first wrong value.
#[derive(Debug)]
struct WrongValue {
    field: String,
    line: usize,
    message: String,
}

impl fmt::Display for WrongValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WrongValue {}

impl serde::de::Error for WrongValue {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { field: String::new(), line: 0, message: message.to_string() }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    tree: &'a Tree,
    trail: &'a Trail<'a>,
    notes: &'a Notes,
}

impl Reader<'_> {
    fn wrong(self, message: String) -> WrongValue {
        WrongValue { field: self.trail.to_string(), line: self.tree.line, message }
    }

    fn expected(self, what: &str) -> WrongValue {
        self.wrong(format!("expected {what}, got {}", self.tree.describe()))
    }

    /// The path of an error that a wire type raised about the value as a whole.
    fn located(self, error: WrongValue) -> WrongValue {
        if error.field.is_empty() { self.wrong(error.message) } else { error }
    }

    /// The integer here, if it is one within the bounds of its type.
    fn integer(self, min: i128, max: i128) -> Result<i128, WrongValue> {
        let value = match self.tree.value {
            Value::Integer(value, _) => value,
            // Within these bounds a cast loses nothing.
            Value::Float(value, _) if value.fract() == 0.0 && value.abs() < 1e18 => value as i128,
            _ => return Err(self.expected("an integer")),
        };
        if value < min || value > max {
            return Err(self.expected(&format!("an integer from {min} to {max}")));
        }
        Ok(value)
    }

    fn expected_string(self) -> WrongValue {
        let hint = match self.tree.value {
            Value::Bool(..) | Value::Integer(..) | Value::Float(..) => "; put it in quotes",
            _ => "",
        };
        self.wrong(format!("expected a string, got {}{hint}", self.tree.describe()))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty,)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
            let value = self.integer(<$type>::MIN as i128, <$type>::MAX as i128)?;
            visitor.$visit(value as $type)
        })+
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = WrongValue;

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match &self.tree.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value, _) => visitor.visit_bool(*value),
            Value::Integer(..) => self.deserialize_i64(visitor),
            Value::Float(value, _) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
        .map_err(|error| self.located(error))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match self.tree.value {
            Value::Bool(value, _) => visitor.visit_bool(value),
            _ => Err(self.expected("a boolean")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match self.tree.value {
            Value::Integer(value, _) => visitor.visit_f64(value as f64),
            Value::Float(value, _) => visitor.visit_f64(value),
            _ => Err(self.expected("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match &self.tree.value {
            Value::String(text) => visitor.visit_str(text).map_err(|error| self.located(error)),
            _ => Err(self.expected_string()),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match self.tree.value {
            Value::Null => visitor.visit_none(),
            // An empty list is stored as none, so it is none from the start.
            Value::List(ref items) if items.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WrongValue> {
        match &self.tree.value {
            // A quantity keeps the digits it was written with.
            Value::Integer(_, text) | Value::Float(_, text) if name == "Quantity" => {
                visitor.visit_newtype_struct(StrDeserializer::new(text))
            }
            // It would be written in a form that nobody can read.
            Value::String(text)
                if matches!(name, "Time" | "MicroTime") && is_before_our_era(text) =>
            {
                Err(self.expected("a time of the year 0 or later"))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match &self.tree.value {
            Value::List(items) => visitor.visit_seq(Items { reader: self, items, next: 0 }),
            _ => Err(self.expected("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match &self.tree.value {
            Value::Map(entries) => visitor.visit_map(Entries::new(self, entries, None)),
            _ => Err(self.expected("a map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongValue> {
        match &self.tree.value {
            Value::Map(entries) => visitor.visit_map(Entries::new(self, entries, Some(fields))),
            _ => Err(self.expected("a map")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

struct Items<'a> {
    reader: Reader<'a>,
    items: &'a [Tree],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = WrongValue;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, WrongValue> {
        let notes = self.reader.notes;
        while let Some(tree) = self.items.get(self.next) {
            let trail = Trail::Item(self.reader.trail, self.next);
            self.next += 1;
            if !notes.left_out.is_empty() && notes.left_out.contains(&trail.to_string()) {
                continue;
            }
            let reader = Reader { tree, trail: &trail, notes };
            return seed.deserialize(reader).map(Some).map_err(|error| reader.located(error));
        }
        Ok(None)
    }
}

struct Entries<'a> {
    reader: Reader<'a>,
    entries: &'a [Entry],
    next: usize,
}

impl<'a> Entries<'a> {
    /// The entries of a map, or of a structure that has `fields`; notes those that it has not, and
    /// those that are there twice.
    fn new(
        reader: Reader<'a>,
        entries: &'a [Entry],
        fields: Option<&'static [&'static str]>,
    ) -> Self {
        let mut seen = HashSet::new();
        for entry in entries {
            let is_known = fields.is_none_or(|fields| fields.contains(&&*entry.key));
            let is_new = seen.insert(&entry.key);
            if is_known && is_new {
                continue;
            }
            let field = Trail::Field(reader.trail, &entry.key).to_string();
            let problem = if is_new {
                let near = nearest(&entry.key, fields.unwrap_or_default());
                Problem::UnknownField { field, near }
            } else {
                Problem::DuplicateField { field }
            };
            reader.notes.fields.borrow_mut().push((entry.line, problem));
        }
        Self { reader, entries, next: 0 }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = WrongValue;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, WrongValue> {
        let left_out = &self.reader.notes.left_out;
        while let Some(entry) = self.entries.get(self.next) {
            let trail = Trail::Field(self.reader.trail, &entry.key);
            if !left_out.is_empty() && left_out.contains(&trail.to_string()) {
                self.next += 1;
                continue;
            }
            return seed.deserialize(StringDeserializer::new(entry.key.clone())).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, WrongValue> {
        let entry = &self.entries[self.next];
        self.next += 1;
        let trail = Trail::Field(self.reader.trail, &entry.key);
        let reader = Reader { tree: &entry.value, trail: &trail, notes: self.reader.notes };
        seed.deserialize(reader).map_err(|error| reader.located(error))
    }
}

/// Whether `text` is a time of a year below 0, in UTC.
fn is_before_our_era(text: &str) -> bool {
    let time = text.parse::<Timestamp>();
    time.is_ok_and(|time| time < YEAR_0)
}
