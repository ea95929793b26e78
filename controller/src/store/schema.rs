//! Which shape the state on disk has, and the steps from each shape to the next.
//!
//! ```text
//! format: "1" ─▶ all is read ─▶ "from 1 to 2 mayfly/0.1.0" ─▶ one batch ─▶ "2 mayfly/0.1.0"
//! ```
//!
//! A state that is newer than this mayfly is refused before anything of it is opened. Whatever is cut
//! off in the middle of an upgrade, the next start takes the same steps again: the batch is kept
//! wholly or not at all, and a step that is taken twice does no more than once. In between, no older
//! mayfly takes the folder for its own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use futures_util::FutureExt;
use serde_json::Value;

use super::disk::{Disk, DiskError, Loaded, LoadedObject, Row, shared};
use super::error::OpenError;
use crate::api::{Key, Object};

/// The file that says of which schema a folder is, and which mayfly has written it.
pub(super) const FORMAT_FILE: &str = "format";

/// Where it is written before it has that name.
pub(super) const DRAFT_FILE: &str = "format.new";

/// How this mayfly calls itself there.
const WRITER: &str = concat!("mayfly/", env!("CARGO_PKG_VERSION"));

/// What this mayfly reads and writes. A step is added at the end for every change after which an
/// older mayfly would misread what is kept, and none is ever taken away.
pub(crate) const CURRENT: Schema = Schema(&[
    // 2: the folder says which mayfly has written it, so that who is too old can say who is needed.
    Step { object: |_| {} },
    // 3: a folder has a journal, where it had a database.
    Step { object: |_| {} },
]);

/// The last schema of folders that have a database.
pub(super) const FORMER_SCHEMA: u32 = 2;

/// A row of steps; the first leads from schema 1 to 2.
#[derive(Clone, Copy)]
pub(crate) struct Schema(pub(super) &'static [Step]);

/// From one schema to the next.
pub(crate) struct Step {
    /// What becomes of each object, as JSON. Once more, it changes nothing; nor does it ever change
    /// what an object is called.
    pub(super) object: fn(&mut Value),
}

/// What a folder says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Said<'a> {
    /// The schema that it certainly has, or had before an upgrade was begun.
    from: u32,
    /// The schema that it has when that is over.
    to: u32,
    /// Schema 1 did not tell.
    writer: Option<&'a str>,
}

/// What a folder that can be used has been found to be.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) schema: u32,
    /// Which mayfly says so, as it is told to people.
    pub(super) writer: String,
}

impl Schema {
    /// The schema that the last step leads to.
    pub(crate) fn version(self) -> u32 {
        1 + u32::try_from(self.0.len()).expect("steps must be few")
    }

    /// `object`, which is of the schema `from`, as it is in the newest.
    pub(crate) fn bring(self, from: u32, object: &mut Value) {
        let taken = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.iter().skip(taken).for_each(|step| (step.object)(object));
    }

    /// The schema that the folder at `path` has, and who says so; that of a new one is the newest.
    pub(super) fn of_folder(self, path: &Path) -> Result<Found, OpenError> {
        let not_usable = |source| OpenError::NotUsable { folder: path.into(), source };
        let found = match fs::read_to_string(path.join(FORMAT_FILE)) {
            Ok(found) => found.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.say(path).map_err(not_usable)?;
                return Ok(Found { schema: self.version(), writer: WRITER.replace('/', " ") });
            }
            Err(error) => return Err(not_usable(error)),
        };
        let Some(said) = Said::parse(&found) else {
            let (folder, found) = (path.into(), Some(found));
            return Err(OpenError::UnknownFormat { folder, found });
        };
        let (known, is_newer) = (self.version(), said.to > self.version());
        let untold = if is_newer { "a newer mayfly" } else { "an older mayfly" };
        let writer = said.writer.unwrap_or(untold).replace('/', " ");
        if is_newer {
            let schema = said.to;
            return Err(OpenError::Newer { folder: path.into(), schema, writer, known });
        }
        Ok(Found { schema: said.from, writer })
    }

    /// Takes the steps from schema `from` with everything on `disk`, which is in the folder `path`.
    pub(super) fn upgrade(
        self,
        path: &Path,
        from: u32,
        disk: &mut impl Disk,
    ) -> Result<(), OpenError> {
        let to = self.version();
        if from == to {
            return Ok(());
        }
        let not_usable = |source| OpenError::NotUsable { folder: path.into(), source };
        let unreadable = |source| OpenError::Unreadable { folder: path.into(), source };
        // What can't be read stays what it was, for the mayfly that can read it.
        let Loaded { objects, resource_version } = disk.load().map_err(unreadable)?;
        let rows = self.rows(from, objects).map_err(unreadable)?;
        write(path, &format!("from {from} to {to} {WRITER}")).map_err(not_usable)?;
        if !rows.is_empty() {
            let appended = disk.append(&rows, resource_version).now_or_never();
            appended.expect("a disk that is not simulated must block").map_err(unreadable)?;
        }
        self.say(path).map_err(not_usable)?;
        tracing::info!(from, to, folder = %path.display(), "the state is of a newer schema now");
        Ok(())
    }

    /// What the steps from schema `from` change of `objects`, all of which can be read afterwards.
    fn rows(
        self,
        from: u32,
        objects: impl Iterator<Item = LoadedObject>,
    ) -> Result<Vec<Row>, DiskError> {
        let mut rows = Vec::new();
        for object in objects {
            let (kind, json) = object?;
            let old: Value = serde_json::from_slice(&json).map_err(shared)?;
            let mut new = old.clone();
            self.bring(from, &mut new);
            let json = serde_json::to_vec(&new).map_err(shared)?;
            Object::from_json(kind, &json).map_err(shared)?;
            if new != old {
                rows.push(Row { kind, key: key_of(&old), json: Some(json.into()) });
            }
        }
        Ok(rows)
    }

    /// Says that the folder at `path` is of the newest schema.
    fn say(self, path: &Path) -> io::Result<()> {
        write(path, &format!("{} {WRITER}", self.version()))
    }
}

impl<'a> Said<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, to, writer) = match words[..] {
            ["from", from, "to", to, writer] => (from, to, Some(writer)),
            [version, writer] => (version, version, Some(writer)),
            [version] => (version, version, None),
            _ => return None,
        };
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 1);
        Some(Self { from: number(from)?, to: number(to)?, writer })
    }
}

fn key_of(object: &Value) -> Key {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    Key::new(part("namespace"), part("name"))
}

/// Under another name first, so that a crash leaves either what was said before or all of this.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.join(DRAFT_FILE);
    let mut out = File::create(&draft)?;
    writeln!(out, "{text}")?;
    out.sync_all()?;
    fs::rename(draft, path.join(FORMAT_FILE))?;
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_elsewhere_is_of_the_same_schema() {
        // Nothing brings that to another schema yet: whoever adds a step has to see to it. The last one
        // is of folders alone.
        assert_eq!(CURRENT.version(), crate::store::SCHEMA + 1);
    }

    #[test]
    fn what_a_folder_says() {
        let check = |text: &str, expect: Option<(u32, u32, Option<&str>)>| {
            let said = Said::parse(text).map(|said| (said.from, said.to, said.writer));
            assert_eq!(said, expect, "{text}");
        };
        check("1", Some((1, 1, None)));
        check("2 mayfly/0.1.0", Some((2, 2, Some("mayfly/0.1.0"))));
        check("from 1 to 3 mayfly/0.3.0", Some((1, 3, Some("mayfly/0.3.0"))));
        check("", None);
        check("0", None);
        check("two", None);
        check("from 1 to mayfly/1", None);
    }

    #[test]
    fn an_object_takes_the_steps_that_it_has_not_taken() {
        let steps: &[Step] = &[
            Step { object: |it| it["b"] = it["a"].take() },
            Step { object: |it| it["c"] = it["b"].take() },
        ];
        let schema = Schema(steps);
        assert_eq!(schema.version(), 3);
        let check = |from: u32, field: &str, expect: &str| {
            let mut object = serde_json::json!({});
            object[field] = 7.into();
            schema.bring(from, &mut object);
            assert_eq!(object[expect], 7, "from {from}: {object}");
        };
        check(1, "a", "c");
        check(2, "b", "c");
        check(3, "c", "c");
    }
}
