//! What an image's layers make together, in memory.
//!
//! No path of a stranger is opened here: links are followed in the tree itself, and none of them
//! leads out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::path::{Names, check, check_depth, names, wrong};
use crate::limits::{LINKS_MAX, TREE_NAMES_MAX};

/// Everything, by where it is; the top itself is not among it. Whatever is here lies in directories
/// that are here.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<Names, Node>,
    /// Names in the paths of all of them.
    names: usize,
    /// What this layer has taken away, and need not take away again.
    gone: BTreeSet<(Names, bool)>,
    layer: usize,
    contents: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    what: What,
    /// In which layer it came.
    layer: usize,
}

/// What is at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Directory,
    /// The content with this number.
    File(u64),
    /// A symbolic link.
    Link(String),
}

impl Tree {
    /// What comes now lies above all that came before.
    pub(crate) fn begin_layer(&mut self) {
        self.layer += 1;
        self.gone.clear();
    }

    /// A number for a content.
    pub(crate) fn new_content(&mut self) -> u64 {
        self.contents += 1;
        self.contents
    }

    /// Everything, directories before what they hold.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&Names, &What)> {
        self.nodes.iter().map(|(path, node)| (path, &node.what))
    }

    /// A directory at `path`, which keeps what it has.
    pub(crate) fn directory(&mut self, path: &[String]) -> io::Result<()> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        if self.what(&place) != Some(&What::Directory) {
            self.put(place, What::Directory)?;
        }
        Ok(())
    }

    /// The content `number` at `path`.
    pub(crate) fn file_at(&mut self, path: &[String], number: u64) -> io::Result<()> {
        let place = self.place(path)?.ok_or_else(|| wrong("/", "it is no directory"))?;
        self.put(place, What::File(number))
    }

    /// A symbolic link at `path`, which need not lead to anything.
    pub(crate) fn link(&mut self, path: &[String], target: &str) -> io::Result<()> {
        check(target)?;
        let place = self.place(path)?.ok_or_else(|| wrong("/", "it is no directory"))?;
        // Where it leads must be in the image, whether there is something or not.
        resolve(&place[..place.len() - 1], target).ok_or_else(|| {
            wrong(
                &path.join("/"),
                &format!("it is a link that leads out of the image, to {target}"),
            )
        })?;
        self.put(place, What::Link(target.to_owned()))
    }

    /// Another name for the file at `target`.
    pub(crate) fn hard_link(&mut self, path: &[String], target: &[String]) -> io::Result<()> {
        let found = self.place(target)?.and_then(|target| self.what(&target).cloned());
        match found {
            // From its other name it may lead elsewhere.
            Some(What::Link(target)) => self.link(path, &target),
            Some(What::File(number)) => self.file_at(path, number),
            _ => {
                let why = "it is a hard link to what is no file in the image";
                Err(wrong(&path.join("/"), why))
            }
        }
    }

    /// Takes away what lower layers have at `path`.
    pub(crate) fn whiteout(&mut self, path: &[String]) {
        if let Some(place) = self.existing(path).filter(|place| !place.is_empty()) {
            self.remove(&place, true);
        }
    }

    /// Takes away what lower layers have in the directory `path`.
    pub(crate) fn opaque(&mut self, path: &[String]) {
        if let Some(place) = self.existing(path) {
            self.remove(&place, false);
        }
    }

    /// Where the file is that `path` leads to, from `working_dir` and then from the top.
    pub(crate) fn file(&self, path: &str, working_dir: Option<&str>) -> Option<String> {
        let from = working_dir.and_then(|dir| names(dir).ok()).unwrap_or_default();
        [from, Vec::new()].iter().find_map(|from| {
            let way = if path.starts_with('/') { &[][..] } else { from.as_slice() };
            let way = way.iter().cloned().chain(path.split('/').map(str::to_owned));
            let place = self.follow(way.collect()).ok()?;
            matches!(self.what(&place), Some(What::File(_))).then(|| place.join("/"))
        })
    }

    fn what(&self, place: &[String]) -> Option<&What> {
        self.nodes.get(place).map(|node| &node.what)
    }

    fn put(&mut self, place: Names, what: What) -> io::Result<()> {
        self.remove_all(&place);
        self.names += place.len();
        if self.names > TREE_NAMES_MAX {
            let limit =
                format!("the paths of an image have at most {TREE_NAMES_MAX} names together");
            return Err(io::Error::other(limit));
        }
        self.nodes.insert(place, Node { what, layer: self.layer });
        Ok(())
    }

    fn take(&mut self, place: &Names) -> Option<Node> {
        let node = self.nodes.remove(place)?;
        self.names -= place.len();
        Some(node)
    }

    /// Removes what is at `place`, which may be a directory with all that is in it.
    fn remove_all(&mut self, place: &Names) {
        if self.take(place).is_none() {
            return;
        }
        let below: Vec<_> = self.below(place).cloned().collect();
        for path in below {
            self.take(&path);
        }
    }

    /// Removes what lower layers have below `place`, and `itself` too; a directory stays if this
    /// layer has something in it.
    fn remove(&mut self, place: &Names, itself: bool) {
        let layer = self.layer;
        // A layer that says so a hundred thousand times is not gone through as often.
        let is_empty = self.below(place).next().is_none();
        if !is_empty && !self.gone.insert((place.clone(), itself)) {
            return;
        }
        let mut old: Vec<_> = self.below(place).cloned().collect();
        if itself {
            old.insert(0, place.clone());
        }
        // From the deepest, so that a directory is empty by the time that it is looked at.
        for path in old.into_iter().rev() {
            let is_old = self.nodes.get(&path).is_some_and(|node| node.layer < layer);
            if is_old && self.below(&path).next().is_none() {
                self.take(&path);
            }
        }
    }

    fn below<'a>(&'a self, place: &'a Names) -> impl Iterator<Item = &'a Names> {
        self.nodes
            .range(place.clone()..)
            .map(|(path, _)| path)
            .take_while(move |path| path.starts_with(place))
            .filter(move |path| path.len() > place.len())
    }

    /// Where `path` is really, once the links on the way to it are followed; directories that it lies
    /// in are made. `None` is the top.
    fn place(&mut self, path: &[String]) -> io::Result<Option<Names>> {
        let Some((last, parent)) = path.split_last() else { return Ok(None) };
        let shown = || path.join("/");
        let mut at = self
            .follow(parent.to_vec())
            .map_err(|_| wrong(&shown(), "links on its way lead in circles, or to no directory"))?;
        check_depth(&shown(), at.len() + 1)?;
        for end in 1..=at.len() {
            match self.what(&at[..end]) {
                Some(What::Directory) => {}
                None => self.put(at[..end].to_vec(), What::Directory)?,
                Some(_) => return Err(wrong(&shown(), "it lies in what is no directory")),
            }
        }
        at.push(last.clone());
        Ok(Some(at))
    }

    /// Like [`place`](Self::place), without making anything.
    fn existing(&self, path: &[String]) -> Option<Names> {
        let Some((last, parent)) = path.split_last() else { return Some(Vec::new()) };
        let mut at = self.follow(parent.to_vec()).ok()?;
        at.push(last.clone());
        Some(at)
    }

    /// Refuses the link at `path` if it leads out of the image by way of other links, which its
    /// text alone does not tell, nor what comes before everything is known.
    pub(crate) fn check_link(&self, path: &Names) -> io::Result<()> {
        match self.follow(path.clone()) {
            Err(Astray::Out) => {
                let why = "it is a link that leads out of the image, by way of others";
                Err(wrong(&path.join("/"), why))
            }
            Ok(_) | Err(Astray::Circles) => Ok(()),
        }
    }

    /// `path` with every link on it followed, the last as well.
    fn follow(&self, path: Names) -> Result<Names, Astray> {
        let mut at: Names = Vec::new();
        let mut ahead: Vec<String> = path.into_iter().rev().collect();
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                // From where the way has led by now, which the text alone does not tell.
                ".." => {
                    at.pop().ok_or(Astray::Out)?;
                    continue;
                }
                _ => at.push(name),
            }
            if let Some(What::Link(target)) = self.what(&at) {
                links += 1;
                if links > LINKS_MAX {
                    return Err(Astray::Circles);
                }
                ahead.extend(target.split('/').rev().map(str::to_owned));
                if target.starts_with('/') {
                    at.clear();
                } else {
                    at.pop();
                }
            }
        }
        Ok(at)
    }
}

/// Why links lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Astray {
    /// Out of the image.
    Out,
    /// From one to the next, and on.
    Circles,
}

/// Where `target` leads from the directory `from`; `None` if that is out of the image.
pub(crate) fn resolve(from: &[String], target: &str) -> Option<Names> {
    let mut at = if target.starts_with('/') { Vec::new() } else { from.to_vec() };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(at.pop()?),
            name => at.push(name.to_owned()),
        }
    }
    Some(at)
}
