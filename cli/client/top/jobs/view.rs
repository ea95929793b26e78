//! What somebody looks at, and what keys do to that. Pure.

use std::collections::HashSet;

use clap::ValueEnum;

use super::known::Place;
use super::rows::{Of, Row};

/// The longest text that is typed. Stops a key that is held down from filling memory; longer than any
/// name.
const TYPED_MAX: usize = 253;

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// The Job whose pods use most of the cores.
    Cpu,
    /// The one whose pods use most memory.
    Memory,
    /// The newest.
    Age,
    /// By namespace and name.
    Name,
}

/// A key, or several that a terminal sends for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C.
    Interrupt,
}

/// What is to be done beyond what is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Something else is looked at: what is known is of no use any more.
    LookElsewhere,
    Quit,
}

/// What is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    Filter,
    Namespace,
}

/// What is looked at, and how.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// `None` is all of them.
    pub(super) namespace: Option<String>,
    pub(super) sort: Sort,
    pub(super) is_reversed: bool,
    /// Part of the names that are shown.
    pub(super) filter: String,
    pub(super) hides_ended: bool,
    pub(super) is_paused: bool,
    pub(super) shows_help: bool,
    pub(super) typed: Option<(Typing, String)>,
    /// The line that keys are about; none until one is chosen, so that what comes first stays in sight.
    pub(super) selected: Option<Of>,
    /// How many lines are above those that are seen.
    pub(super) above: usize,
    unfolded: HashSet<Place>,
    unfolds_all: bool,
    /// The namespace to go back to from all of them.
    home: String,
}

impl View {
    /// Of `namespace`, or of all where `home` is the one to go back to.
    pub(super) fn new(namespace: Option<String>, home: String, sort: Sort) -> Self {
        Self {
            namespace,
            sort,
            is_reversed: false,
            filter: String::new(),
            hides_ended: false,
            is_paused: false,
            shows_help: false,
            typed: None,
            selected: None,
            above: 0,
            unfolded: HashSet::new(),
            unfolds_all: false,
            home,
        }
    }

    pub(super) fn matches(&self, place: &Place) -> bool {
        // While it is typed, what it would be is what is shown.
        let filter = match &self.typed {
            Some((Typing::Filter, text)) => text,
            _ => &self.filter,
        };
        filter.is_empty() || format!("{}/{}", place.0, place.1).contains(&filter.to_lowercase())
    }

    pub(super) fn is_unfolded(&self, job: &Place) -> bool {
        self.unfolds_all || self.unfolded.contains(job)
    }

    /// Keeps the line that is selected where it can be seen, `height` lines being so, as long as it is
    /// among `rows`.
    pub(super) fn settle(&mut self, rows: &[Row], height: usize) {
        let Some(at) = self.place(rows) else {
            (self.selected, self.above) = (None, 0);
            return;
        };
        self.above = self.above.min(at).max((at + 1).saturating_sub(height));
        self.above = self.above.min(rows.len().saturating_sub(height));
    }

    /// Where the line is that is selected.
    fn place(&self, rows: &[Row]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        rows.iter().position(|row| row.of == *selected)
    }

    /// Does what `key` means while `rows` are shown, `height` of them at a time.
    pub(super) fn press(&mut self, key: Key, rows: &[Row], height: usize) -> Then {
        if key == Key::Interrupt {
            return Then::Quit;
        }
        if self.shows_help {
            self.shows_help = false;
            return Then::Nothing;
        }
        if let Some((typing, text)) = self.typed.take() {
            return self.write(key, typing, text);
        }
        match key {
            Key::Char('q') => return Then::Quit,
            Key::Char('c') => self.sort_by(Sort::Cpu),
            Key::Char('m') => self.sort_by(Sort::Memory),
            Key::Char('t') => self.sort_by(Sort::Age),
            Key::Char('n') => self.sort_by(Sort::Name),
            Key::Char('r') => self.is_reversed = !self.is_reversed,
            Key::Char('e') => self.hides_ended = !self.hides_ended,
            Key::Char('u') => {
                self.unfolds_all = !self.unfolds_all;
                self.unfolded.clear();
            }
            Key::Char(' ' | 'p') => self.is_paused = !self.is_paused,
            Key::Char('/') => self.typed = Some((Typing::Filter, self.filter.clone())),
            Key::Char('N') => self.typed = Some((Typing::Namespace, String::new())),
            Key::Char('A') => return self.look_at_all(),
            Key::Char('h' | '?') => self.shows_help = true,
            Key::Escape => self.filter.clear(),
            Key::Enter => self.unfold(),
            Key::Up | Key::Char('k') => self.select(rows, -1),
            Key::Down | Key::Char('j') => self.select(rows, 1),
            Key::PageUp => self.select(rows, -isize::try_from(height).unwrap_or(isize::MAX)),
            Key::PageDown => self.select(rows, isize::try_from(height).unwrap_or(isize::MAX)),
            Key::Home => self.select(rows, isize::MIN),
            Key::End => self.select(rows, isize::MAX),
            _ => {}
        }
        Then::Nothing
    }

    /// Goes on with what is typed.
    fn write(&mut self, key: Key, typing: Typing, mut text: String) -> Then {
        match key {
            Key::Escape => return Then::Nothing,
            Key::Enter => return self.take(typing, text),
            Key::Backspace => drop(text.pop()),
            Key::Char(letter) if text.len() < TYPED_MAX && !letter.is_control() => {
                text.push(letter);
            }
            _ => {}
        }
        self.typed = Some((typing, text));
        Then::Nothing
    }

    fn take(&mut self, typing: Typing, text: String) -> Then {
        match typing {
            Typing::Filter => {
                self.filter = text;
                Then::Nothing
            }
            Typing::Namespace if text.is_empty() => Then::Nothing,
            Typing::Namespace => {
                self.home.clone_from(&text);
                self.look_at(Some(text))
            }
        }
    }

    fn look_at_all(&mut self) -> Then {
        let namespace = self.namespace.is_none().then(|| self.home.clone());
        self.look_at(namespace)
    }

    fn look_at(&mut self, namespace: Option<String>) -> Then {
        self.namespace = namespace;
        (self.selected, self.is_paused) = (None, false);
        Then::LookElsewhere
    }

    fn sort_by(&mut self, sort: Sort) {
        (self.sort, self.is_reversed) = (sort, false);
    }

    /// Shows the pods of the Job that is selected, or no longer.
    fn unfold(&mut self) {
        if let Some(Of::Job(place)) = &self.selected
            && !self.unfolded.remove(place)
        {
            self.unfolded.insert(place.clone());
        }
    }

    fn select(&mut self, rows: &[Row], by: isize) {
        let at = match self.place(rows) {
            Some(at) => at.saturating_add_signed(by),
            None if by == isize::MAX => rows.len(),
            None => 0,
        };
        let at = at.min(rows.len().saturating_sub(1));
        self.selected = rows.get(at).map(|row| row.of.clone());
    }
}
