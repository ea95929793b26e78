//! The path of a field, as error messages write it.

use std::fmt;

/// A path such as `spec.template.spec.containers[0].env[1].name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(String);

impl Path {
    /// The path of a top-level field.
    pub(crate) fn new(field: &str) -> Self {
        Self(field.to_owned())
    }

    /// The field `name` of the structure at this path.
    pub(crate) fn child(&self, name: &str) -> Self {
        if self.0.is_empty() {
            return Self::new(name);
        }
        Self(format!("{}.{name}", self.0))
    }

    /// Item `index` of the list at this path.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// Entry `key` of the map at this path.
    pub(crate) fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
