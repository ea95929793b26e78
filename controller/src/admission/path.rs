//! The path of a field, as error messages write it.

use std::fmt;

/// A path such as `spec.template.spec.containers[0].env[1].name`. It is only written out where there is
/// something to complain about, which of most fields there is not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'a> {
    above: Option<&'a Self>,
    last: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Item(&'a str, usize),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// The path of a top-level field, or of one in it (`spec.template`); if that is empty, of the
    /// structure itself.
    pub(crate) const fn new(field: &'a str) -> Self {
        Self { above: None, last: Step::Field(field) }
    }

    /// The field `name` of the structure at this path, or one in it (`spec.restartPolicy`).
    pub(crate) fn child(&'a self, name: &'a str) -> Self {
        self.step(Step::Field(name))
    }

    /// Item `index` of the list `name` of the structure at this path.
    pub(crate) fn item(&'a self, name: &'a str, index: usize) -> Self {
        self.step(Step::Item(name, index))
    }

    /// Item `index` of the list at this path.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// Entry `key` of the map at this path.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        self.step(Step::Key(key))
    }

    fn step(&'a self, last: Step<'a>) -> Self {
        Self { above: Some(self), last }
    }

    fn is_empty(&self) -> bool {
        self.above.is_none() && matches!(self.last, Step::Field(""))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = self.above.filter(|above| !above.is_empty());
        if let Some(above) = above {
            above.fmt(f)?;
        }
        if let (Some(_), Step::Field(_) | Step::Item(..)) = (above, self.last) {
            f.write_str(".")?;
        }
        match self.last {
            Step::Field(name) => f.write_str(name),
            Step::Item(name, index) => write!(f, "{name}[{index}]"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}
