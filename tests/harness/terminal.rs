//! A terminal that commands run in, and what is to be seen on it.
//!
//! `script` of util-linux makes the terminal, as every Debian has it; what a command writes there is
//! drawn here as a terminal would.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use super::{Home, PATIENCE};

/// Commands in a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    output: Receiver<Vec<u8>>,
    written: Vec<u8>,
    deadline: Instant,
}

/// What is to be seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen {
    /// The lines of the screen that is shown: that which stays, or the other.
    pub(crate) lines: Vec<String>,
    /// Whether it is the other, which a program has to itself.
    pub(crate) is_other: bool,
    pub(crate) has_cursor: bool,
    /// Whether anything was ever written in a colour.
    pub(crate) has_colours: bool,
    /// The one that is not shown.
    hidden: Vec<String>,
    row: usize,
    column: usize,
}

impl Terminal {
    /// Starts `commands`, as a shell takes them, at home in `home`, with so many columns and rows;
    /// `mayfly` is the one under test. `None` where there is no `script`.
    pub(crate) fn start(home: &Home, commands: &str, (columns, rows): (u16, u16)) -> Option<Self> {
        let mut command = home.mayfly_from(Path::new("script"));
        let program = env!("CARGO_BIN_EXE_mayfly");
        let whole = format!(
            "stty cols {columns} rows {rows}; mayfly() {{ {program} \"$@\"; }}; {commands}"
        );
        command.args(["-q", "-e", "-f", "-c", &whole, "/dev/null"]);
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh").env_remove("NO_COLOR");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            super::say!("skipped: there is no script, which makes terminals");
            return None;
        };
        let keyboard = child.stdin.take().expect("it must be piped");
        let mut stdout = child.stdout.take().expect("it must be piped");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let deadline = Instant::now() + 2 * PATIENCE;
        Some(Self { child, keyboard, output, written: Vec::new(), deadline })
    }

    /// Types `keys`.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("there must be somebody who reads");
    }

    /// Waits until what is to be seen `is_so`.
    pub(crate) fn until(&mut self, is_so: impl Fn(&Screen) -> bool) -> Screen {
        loop {
            let screen = Screen::of(&self.written);
            if is_so(&screen) {
                return screen;
            }
            assert!(self.more(), "the commands have ended: {screen:#?}");
        }
    }

    /// Waits until there is a line with all of `texts`.
    pub(crate) fn until_line(&mut self, texts: &[&str]) -> Screen {
        self.until(|screen| screen.has_line(texts))
    }

    /// Waits until the commands have ended.
    pub(crate) fn end(mut self) -> Screen {
        while self.more() {}
        Screen::of(&self.written)
    }

    /// Waits for more; false at the end.
    fn more(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok(bytes) => {
                self.written.extend(bytes);
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                panic!("this did not come: {:#?}", Screen::of(&self.written))
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Screen {
    /// Whether there is a line with all of `texts`.
    pub(crate) fn has_line(&self, texts: &[&str]) -> bool {
        self.lines.iter().any(|line| texts.iter().all(|text| line.contains(text)))
    }

    /// What `bytes` make of a terminal.
    fn of(bytes: &[u8]) -> Self {
        let mut screen = Self { has_cursor: true, ..Self::default() };
        let text = String::from_utf8_lossy(bytes);
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\x1b' => match rest.clone().next() {
                    Some('[') => {
                        rest.next();
                        let body: String =
                            rest.clone().take_while(|it| !('@'..='~').contains(it)).collect();
                        rest.by_ref().take(body.chars().count()).for_each(drop);
                        screen.obey(rest.next().unwrap_or_default(), &body);
                    }
                    _ => drop(rest.next()),
                },
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\x08' => screen.column = screen.column.saturating_sub(1),
                it if it.is_control() => {}
                it => screen.put(it),
            }
        }
        screen
    }

    fn put(&mut self, character: char) {
        let column = self.column;
        let line = self.line();
        let mut characters: Vec<char> = line.chars().collect();
        characters.resize(characters.len().max(column + 1), ' ');
        characters[column] = character;
        *line = characters.into_iter().collect();
        self.column += 1;
    }

    fn line(&mut self) -> &mut String {
        let count = self.lines.len().max(self.row + 1);
        self.lines.resize(count, String::new());
        &mut self.lines[self.row]
    }

    fn obey(&mut self, command: char, body: &str) {
        let numbers: Vec<usize> = body.split(';').map(|it| it.parse().unwrap_or(0)).collect();
        let first = numbers[0].max(1);
        match (command, body) {
            ('h' | 'l', "?1049") => {
                self.is_other = command == 'h';
                std::mem::swap(&mut self.lines, &mut self.hidden);
                (self.row, self.column) = match self.is_other {
                    true => (0, 0),
                    // Where it was is where its lines end.
                    false => (self.lines.len(), 0),
                };
            }
            ('h' | 'l', "?25") => self.has_cursor = command == 'h',
            ('H', _) => {
                let column = numbers.get(1).copied().unwrap_or(1).max(1);
                (self.row, self.column) = (first - 1, column - 1);
            }
            ('A', _) => self.row = self.row.saturating_sub(first),
            ('B', _) => self.row += first,
            ('J', _) => self.lines.clear(),
            ('K', "2") => self.line().clear(),
            ('K', _) => {
                let column = self.column;
                let line = self.line();
                *line = line.chars().take(column).collect();
            }
            ('m', _) => {
                self.has_colours |= numbers.iter().any(|it| (30..50).contains(it) || *it >= 90);
            }
            _ => {}
        }
    }
}
