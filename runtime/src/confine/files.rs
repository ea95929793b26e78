//! Which files a process may read, change and execute, by landlock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::fs::{FileType, fstat};

use super::Unconfined;

/// What a process may do with files from now on. `None` leaves a kind of use as it was; a list
/// leaves what it names, and what is below that. A path that is not there is passed over.
///
/// To read is to read and to list; to change is to make, write, rename, link and remove, but for
/// devices. What may be changed or executed must be named in `read` to be read, and nothing is
/// executed that can't be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// What may be read.
    pub read: Option<Vec<PathBuf>>,
    /// What may be changed.
    pub change: Option<Vec<PathBuf>>,
    /// Devices and files that may be written to where they are. Counts where `change` does.
    pub write: Vec<PathBuf>,
    /// Folders in which empty folders may be removed. Counts where `change` does.
    pub tidy: Vec<PathBuf>,
    /// What may be executed.
    pub execute: Option<Vec<PathBuf>>,
}

/// How far the kernel could do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// It is older, and knows some of it.
    Part,
    /// It has no landlock, or it was told not to use it.
    Nothing,
}

/// What is done by changing something, but for devices: no folder of ours has any.
fn changes() -> BitFlags<AccessFs> {
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
    AccessFs::from_write(ABI::V5) & !devices
}

/// Confines this thread, and all threads and processes that it starts, to `files`; they signal
/// nobody else, either. It may be called again, to leave less.
pub fn confine_files(files: &Files) -> Result<Extent, Unconfined> {
    let failed = |error: RulesetError| Unconfined::Files(error.into());
    let status = ruleset(files).and_then(RulesetCreated::restrict_self).map_err(failed)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Extent::Whole,
        RulesetStatus::PartiallyEnforced => Extent::Part,
        RulesetStatus::NotEnforced => Extent::Nothing,
    })
}

fn ruleset(files: &Files) -> Result<RulesetCreated, RulesetError> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    // Moving a file to another folder is refused unless it is allowed by name, always.
    let mut handled = BitFlags::from(AccessFs::Refer);
    // One for each path: it takes several calls.
    let mut rules: BTreeMap<&Path, BitFlags<AccessFs>> = BTreeMap::new();
    let mut allow = |paths, what| allow_in(&mut rules, paths, what);
    if let Some(read) = &files.read {
        handled |= reading;
        allow(read, reading);
    }
    if let Some(execute) = &files.execute {
        handled |= AccessFs::Execute;
        allow(execute, AccessFs::Execute.into());
    }
    match &files.change {
        Some(change) => {
            handled |= AccessFs::from_write(ABI::V5);
            allow(change, changes());
            let write = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
            allow(&files.write, write);
            allow(&files.tidy, AccessFs::RemoveDir.into());
        }
        None => drop(rules.insert(Path::new("/"), AccessFs::Refer.into())),
    }
    let mut ruleset =
        Ruleset::default().handle_access(handled)?.scope(Scope::from_all(ABI::V6))?.create()?;
    for (path, what) in rules {
        // What is not there can't be reached either.
        let Ok(file) = PathFd::new(path) else { continue };
        let what = if is_dir(&file) { what } else { what & AccessFs::from_file(ABI::V5) };
        if !what.is_empty() {
            ruleset = ruleset.add_rule(PathBeneath::new(file, what))?;
        }
    }
    Ok(ruleset)
}

fn allow_in<'a>(
    rules: &mut BTreeMap<&'a Path, BitFlags<AccessFs>>,
    paths: &'a [PathBuf],
    what: BitFlags<AccessFs>,
) {
    paths.iter().for_each(|path| *rules.entry(path).or_default() |= what);
}

fn is_dir(file: &PathFd) -> bool {
    fstat(file).is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_dir())
}
