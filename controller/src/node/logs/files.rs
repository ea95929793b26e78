//! The files of one log: `<name>`, then `<name>.1` and so on, of which the last one grows.
//!
//! A file that has a next one is complete. The oldest go, so what is there need not begin with the
//! first.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// The files of one log, by their number.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The path of the one with number zero.
    first: PathBuf,
}

impl Files {
    /// The files of the log whose first one is at `first`.
    pub(super) fn new(first: PathBuf) -> Self {
        Self { first }
    }

    /// Makes the first one, with `bytes`: whoever finds it finds all of them, whenever this process
    /// is killed.
    pub(super) fn begin(&self, bytes: &[u8]) -> io::Result<File> {
        if let Some(folder) = self.first.parent() {
            fs::create_dir_all(folder)?;
        }
        // That is none of their names.
        let unfinished = self.first.with_added_extension("new");
        let mut file = File::create(&unfinished)?;
        let begun = file.write_all(bytes).and_then(|()| fs::rename(&unfinished, &self.first));
        if let Err(error) = begun {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        Ok(file)
    }

    /// Makes the one with this number, empty.
    pub(super) fn create(&self, number: u32) -> io::Result<File> {
        if let Some(folder) = self.first.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create(self.path(number))
    }

    pub(super) fn open(&self, number: u32) -> io::Result<File> {
        File::open(self.path(number))
    }

    /// The one that comes next after `number` of those that are there.
    pub(super) fn after(&self, number: u32) -> io::Result<Option<(u32, File)>> {
        match self.open(number + 1) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened.map(|file| Some((number + 1, file))),
        }
        let Some(next) = self.numbers()?.into_iter().find(|it| *it > number) else {
            return Ok(None);
        };
        Ok(Some((next, self.open(next)?)))
    }

    /// The numbers of those that are there, in order.
    pub(super) fn numbers(&self) -> io::Result<Vec<u32>> {
        let (Some(folder), Some(name)) = (self.first.parent(), self.first.file_name()) else {
            return Ok(Vec::new());
        };
        let name = name.to_string_lossy();
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder)? {
            let found = entry?.file_name();
            let Some(rest) = found.to_str().and_then(|found| found.strip_prefix(&*name)) else {
                continue;
            };
            let number = if rest.is_empty() { Some("0") } else { rest.strip_prefix('.') };
            numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Whether there is any.
    pub(super) fn are_there(&self) -> bool {
        self.numbers().is_ok_and(|numbers| !numbers.is_empty())
    }

    /// Removes the one with this number; gives how many bytes it had. It may be gone already, and
    /// costs only space if it is not.
    pub(super) fn remove(&self, number: u32) -> u64 {
        let path = self.path(number);
        let bytes = fs::metadata(&path).map_or(0, |found| found.len());
        if fs::remove_file(path).is_ok() { bytes } else { 0 }
    }

    /// Removes all of them, in the same way.
    pub(super) fn remove_all(&self) -> u64 {
        let numbers = self.numbers().unwrap_or_default();
        numbers.into_iter().map(|number| self.remove(number)).sum()
    }

    /// Makes of them what `other` has; whether there were any.
    pub(super) fn move_to(&self, other: &Self) -> io::Result<bool> {
        let numbers = match self.numbers() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            numbers => numbers?,
        };
        if numbers.is_empty() {
            return Ok(false);
        }
        other.remove_all();
        numbers.into_iter().try_for_each(|it| fs::rename(self.path(it), other.path(it)))?;
        Ok(true)
    }

    fn path(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.first.clone();
        }
        let mut path = OsString::from(self.first.as_os_str());
        path.push(format!(".{number}"));
        path.into()
    }
}
